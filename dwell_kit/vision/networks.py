"""Networks of the YOLO family from files: PyTorch by Ultralytics, ONNX Runtime, OpenVINO."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self

from dwell_kit.errors import FormatError, InputError
from dwell_kit.vision.devices import Movable
from dwell_kit.vision.weights import find_weights

EXPECTED: Final = "a .pt or .onnx file, or an OpenVINO folder (…_openvino_model)"
_HINT: Final = (
    "fetch a YOLO or RT-DETR for detection, such as yolo11n.pt (github.com/ultralytics/assets, releases), "
    "where there is a network, and put it there"
)
_PERSON: Final = "person"
_DETR_HEAD: Final = "RTDETRDecoder"


@dataclass(frozen=True, kw_only=True)
class NetworkFacts:
    """What a file of weights says of its network.

    Parameters
    ----------
    classes : how many it tells apart. person : which of them persons are.
    shape : (height, width) of its input, px. stride : sides are multiples of it.
    any_shape : the input may be of another shape. detr : it is an RT-DETR.
    most : pictures that it takes at a time; None is any number.
    """

    classes: int
    person: int
    shape: tuple[int, int]
    stride: int
    any_shape: bool
    detr: bool
    most: int | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any], *, any_shape: bool, most: int | None, where: Path) -> Self:
        """From what Ultralytics writes beside weights: task, names, imgsz, stride, head.

        Raises
        ------
        FormatError : if nothing is written there. InputError : if it is not for detection, or of no persons.
        """
        missing = {"task", "names", "imgsz", "stride"} - set(said)
        if missing:
            raise FormatError(
                "the weights do not say what network they are of",
                where=str(where),
                expected="what Ultralytics writes when it exports: task, names, imgsz, stride",
                found=f"no {', '.join(sorted(missing))}",
                hint="export them with Ultralytics: YOLO('yolo11n.pt').export(format='onnx')",
            )
        plain = _plain(said)
        if plain["task"] != "detect":
            raise InputError("the weights find no boxes", str(where), "task detect", f"task {plain['task']}")
        names = {int(number): str(name) for number, name in plain["names"].items()}
        shape = plain["imgsz"]
        return cls(
            classes=len(names),
            person=_person(names, where),
            shape=(shape, shape) if isinstance(shape, int) else (int(shape[0]), int(shape[-1])),
            stride=max(int(plain["stride"]), 1),
            any_shape=any_shape,
            detr=said.get("head") == _DETR_HEAD or "rtdetr" in str(said.get("description", "")).lower(),
            most=most,
        )


class Network(Movable, Protocol):
    """A network that answers to pictures (n, height, width, 3) BGR as `candidates.read_answer` reads."""

    @property
    def facts(self) -> NetworkFacts:
        """What its file says."""


def open_network(weights: str | Path | None, *, device: str | None, least: float = 0.0) -> Network:
    """The network in a file, ready to run; its answers may leave boxes out that score `least` at most.

    Raises
    ------
    AskError, NotFoundError : as `find_weights`. InputError : if the kind of file is unknown, or it is not of
    persons. FormatError : if it is damaged. ModuleNotFoundError : if the package that runs it is missing.
    """
    path = find_weights(weights, whose="the detector 'yolo'", expected=EXPECTED, hint=_HINT)
    kind = path.suffix.lower()
    if kind == ".pt":
        from dwell_kit.vision.network_torch import TorchNetwork

        return TorchNetwork(path, device=device, least=least)
    if kind == ".onnx":
        from dwell_kit.vision.network_onnx import OnnxNetwork

        return OnnxNetwork(path, device=device)
    if path.is_dir() or kind == ".xml":
        from dwell_kit.vision.network_openvino import OpenVinoNetwork

        return OpenVinoNetwork(path, device=device)
    raise InputError("this is no file of weights that the detector 'yolo' reads", str(path), EXPECTED, path.name)


def _plain(said: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as values; ONNX keeps them as text."""
    values = {name: said[name] for name in ("names", "imgsz", "stride")}
    read = {k: ast.literal_eval(v) if isinstance(v, str) else v for k, v in values.items()}
    return {"task": str(said["task"]), **read}


def _person(names: Mapping[int, str], where: Path) -> int:
    """Which class persons are: the one called so, or the only one there is."""
    for number, name in names.items():
        if name.lower() == _PERSON:
            return number
    if len(names) == 1:
        return next(iter(names))
    raise InputError(
        "the weights know no persons",
        where=str(where),
        expected=f"a class {_PERSON!r}, or one class only",
        found=", ".join(list(names.values())[:8]),
    )
