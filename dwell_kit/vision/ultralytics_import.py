"""Ultralytics, told before it is imported to fetch nothing, install nothing and run no code of weights."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from types import ModuleType
from typing import Final

_TOLD: Final = {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "true",
}


def import_tasks() -> ModuleType:
    """`ultralytics.nn.tasks`, which opens weights.

    It keeps settings in a folder that goes when the process ends; `YOLO_CONFIG_DIR` names another one.

    Raises
    ------
    ModuleNotFoundError : if it is not installed.
    """
    os.environ.update(_TOLD)
    if "YOLO_CONFIG_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="dwell_kit-ultralytics-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["YOLO_CONFIG_DIR"] = folder
    from ultralytics.nn import tasks

    tasks.SAFE_LOAD = True  # also if it was imported before it could be told
    found: ModuleType = tasks
    return found
