"""Small networks with random weights, made by the libraries that people's own weights come from."""

from __future__ import annotations

import sys
import types
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SIDE = 160
NAMES = {0: "person", 1: "car", 2: "dog"}
_BACKBONE = [
    [-1, 1, "Conv", [8, 3, 2]],
    [-1, 1, "Conv", [16, 3, 2]],
    [-1, 1, "Conv", [32, 3, 2]],
    [-1, 1, "Conv", [32, 3, 2]],
    [-1, 1, "Conv", [32, 3, 2]],
]
_HEADS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "yolo": ([[2, 3, 4], 1, "Detect", ["nc"]], {}),
    "end2end": ([[2, 3, 4], 1, "Detect", ["nc"]], {"end2end": True, "reg_max": 1}),
    "rtdetr": ([[2, 3, 4], 1, "RTDETRDecoder", ["nc", 32, 80, 4, 4, 2]], {}),
}


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Noise in large patches: something that a random network has opinions about."""
    import cv2

    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 256, (12, 16, 3), np.uint8)
    return np.asarray(cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def installed(package: str) -> bool:
    """Whether a package is there; it is not imported."""
    return find_spec(package) is not None


def needs(*packages: str) -> None:
    """Skip, by name, where a package is not installed: none of these is part of `dev`."""
    for package in packages:
        if not installed(package):
            pytest.skip(f"{package} is not installed")


def write_checkpoint(path: Path, kind: str = "yolo", *, names: dict[int, str] = NAMES, **more: Any) -> Path:
    """A `.pt` as Ultralytics' training writes it; scores are spread out, and no two are alike."""
    from dwell_kit.vision.ultralytics_import import import_tasks

    tasks = import_tasks()
    import torch

    torch.manual_seed(3)
    head, about = _HEADS[kind]
    described = {"nc": len(names), "ch": 3, "depth_multiple": 1.0, "width_multiple": 1.0, **about}
    described |= {"backbone": _BACKBONE, "head": [head]}
    make = tasks.RTDETRDetectionModel if kind == "rtdetr" else tasks.DetectionModel
    model = make(described, ch=3, nc=len(names), verbose=False)
    for name, values in model.named_parameters():
        if values.ndim == 4 and ".dfl." not in name:
            torch.nn.init.kaiming_normal_(values, a=0.3)
        elif name.endswith(".2.bias") and "cv3" in name:
            torch.nn.init.constant_(values, -0.5)
        elif "dec_score_head" in name and values.ndim == 2:
            torch.nn.init.normal_(values, std=0.5)
        elif "dec_score_head" in name:
            torch.nn.init.constant_(values, 0.0)
            values.data[0] = 1.0
    model.names, model.task = names, more.pop("task", "detect")
    model.args = {"imgsz": SIDE, "task": model.task}
    torch.save({"epoch": -1, "model": model, "ema": None, "train_args": {"imgsz": SIDE, "task": model.task}}, path)
    return path


def opened(path: Path) -> Any:
    """The same file by Ultralytics itself."""
    from dwell_kit.vision.ultralytics_import import import_tasks

    import_tasks()
    import ultralytics

    return ultralytics.RTDETR(path) if "rtdetr" in path.name else ultralytics.YOLO(path, task="detect")


def exported(path: Path, kind: str, *, dynamic: bool = False) -> Path:
    """The same weights, exported by Ultralytics; of a network with two heads the one that needs no suppression."""
    about: dict[str, Any] = {"simplify": False} if kind == "onnx" else {}
    if "end2end" in path.name:
        about["nms"] = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        return Path(opened(path).export(format=kind, imgsz=SIDE, dynamic=dynamic, verbose=False, **about))


def without_torchvision(patch: pytest.MonkeyPatch) -> None:
    """Let Ultralytics' own prediction run beside a torchvision that was built for another torch."""
    stub, ops = types.ModuleType("torchvision"), types.ModuleType("torchvision.ops")

    def nms(boxes: Any, scores: Any, threshold: float) -> Any:
        from ultralytics.utils.nms import TorchNMS

        return TorchNMS.nms(boxes, scores, threshold)

    ops.nms = nms  # type: ignore[attr-defined]
    stub.ops = ops  # type: ignore[attr-defined]
    patch.setitem(sys.modules, "torchvision", stub)
    patch.setitem(sys.modules, "torchvision.ops", ops)


def predicted(model: Any, image: np.ndarray, *, least: float, overlap: float) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (n, 4) px and scores (n,) of persons, by Ultralytics' own prediction."""
    (found,) = model.predict(
        image, conf=least, iou=overlap, classes=[0], imgsz=SIDE, device="cpu", verbose=False, save=False
    )
    return found.boxes.xyxy.numpy().astype(np.float64), found.boxes.conf.numpy().astype(np.float64)


def write_clip(folder: Path, **about: Any) -> Path:
    """A CLIP, its two encoders and its image processor, as transformers saves them."""
    from dwell_kit.vision.torchvision_import import make_importable

    make_importable()
    import torch
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTextConfig, CLIPVisionConfig

    torch.manual_seed(5)
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = CLIPConfig(
        text_config=CLIPTextConfig(**small, vocab_size=64, bos_token_id=1, eos_token_id=2).to_dict(),
        vision_config=CLIPVisionConfig(**small, image_size=32, patch_size=8).to_dict(),
        projection_dim=24,
    )
    CLIPModel(config).save_pretrained(folder)
    size = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    CLIPImageProcessorPil(**size, **about).save_pretrained(folder)
    return folder
