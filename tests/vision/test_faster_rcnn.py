"""Faster R-CNN where torchvision works, and what is said where it does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwell_kit.errors import DwellError, FormatError, NotFoundError
from dwell_kit.vision import detect, faster_rcnn
from dwell_kit.vision.detect import DetectorOptions
from dwell_kit.vision.faster_rcnn import FasterRcnnDetector
from dwell_kit.vision.torchvision_import import has_operators
from tests.vision import networks

IMAGE = networks.picture(60, 80)


def fresh(code: str) -> str:
    """What a new process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_torchvision_can_be_imported_whatever_it_was_built_for() -> None:
    networks.needs("torch")
    if not networks.installed("torchvision"):
        pytest.skip("torchvision is not installed")
    code = (
        "from dwell_kit.vision.torchvision_import import has_operators, make_importable\n"
        "make_importable()\n"
        "import torchvision.transforms.v2.functional\n"
        "make_importable()\n"
        "print(has_operators() in (True, False))"
    )
    assert fresh(code) == "True"


@pytest.mark.slow
def test_transformers_comes_in_beside_any_torchvision() -> None:
    networks.needs("torch", "transformers")
    code = (
        "from dwell_kit.vision.torchvision_import import make_importable\n"
        "make_importable()\n"
        "from transformers import CLIPVisionModelWithProjection\n"
        "print(CLIPVisionModelWithProjection.__name__)"
    )
    assert fresh(code) == "CLIPVisionModelWithProjection"


def test_where_operators_do_not_run_one_error_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    networks.needs("torch")
    if not networks.installed("torchvision"):
        pytest.skip("torchvision is not installed")
    has_operators()
    monkeypatch.setattr(faster_rcnn, "has_operators", lambda: False)
    with pytest.raises(DwellError, match="own operators") as refused:
        detect.make("faster-rcnn", DetectorOptions(fps=5, weights="any.pth"))
    said = refused.value
    assert "torchvision" in str(said.where)
    assert "--detector yolo" in str(said.hint)


def test_weights_that_are_missing_or_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    networks.needs("torch")
    if not networks.installed("torchvision"):
        pytest.skip("torchvision is not installed")
    has_operators()
    monkeypatch.setattr(faster_rcnn, "has_operators", lambda: True)
    path = tmp_path / "rcnn.pth"
    with pytest.raises(NotFoundError, match="nothing is downloaded"):
        detect.make("faster-rcnn", DetectorOptions(fps=5, weights=path, device="cpu"))
    import torch

    torch.save({"other": torch.zeros(1)}, path)
    with pytest.raises(FormatError, match="no weights"):
        detect.make("faster-rcnn", DetectorOptions(fps=5, weights=path, device="cpu"))


class Model:
    """Answers as torchvision's models for detection do; `full` times memory has run out first."""

    def __init__(self, full: int = 0) -> None:
        self.full, self.devices, self.shown = full, [], []

    def to(self, device: str) -> Model:
        self.devices.append(device)
        return self

    def __call__(self, images: list[Any]) -> list[dict[str, Any]]:
        import torch

        if self.full:
            self.full -= 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.shown += images
        boxes = torch.tensor([[1.0, 2, 11, 22], [3, 4, 5, 6], [7, 8, 9, 10]])
        return [{"boxes": boxes, "labels": torch.tensor([1, 1, 3]), "scores": torch.tensor([0.9, 0.05, 0.8])}]


def test_persons_are_kept_with_their_scores() -> None:
    networks.needs("torch")
    model = Model()
    first, second = FasterRcnnDetector(model).detect([IMAGE, IMAGE])
    assert first.xyxy.tolist() == second.xyxy.tolist() == [[1, 2, 11, 22]]
    assert first.confidence == pytest.approx([0.9])
    assert first.class_id.tolist() == [0]
    shown = model.shown[0]
    assert shown.shape == (3, 60, 80)
    assert shown[0].numpy() == pytest.approx(IMAGE[..., 2] / np.float32(255))


def test_out_of_memory_it_runs_on_the_cpu_and_says_so() -> None:
    networks.needs("torch")
    model = Model(full=1)
    detector = FasterRcnnDetector(model, device="meta")
    assert len(detector.detect([IMAGE])[0]) == 1
    assert model.devices == ["meta", "cpu"]
    assert detector.note == "out of memory on meta: runs on the CPU"
    with pytest.raises(DwellError, match="does not fit"):
        FasterRcnnDetector(Model(full=1)).detect([IMAGE])


def test_a_real_one_where_its_operators_run(tmp_path: Path) -> None:
    networks.needs("torch")
    if not (networks.installed("torchvision") and has_operators()):
        pytest.skip("torchvision is not installed, or was built for another torch")
    import torch
    from torchvision.models import detection

    torch.manual_seed(2)
    model = detection.fasterrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None).eval()
    torch.save(model.state_dict(), tmp_path / "rcnn.pth")
    options = DetectorOptions(fps=5, weights=tmp_path / "rcnn.pth", device="cpu", least_confidence=0.0)
    (found,) = detect.make("faster-rcnn", options).detect([IMAGE])
    with torch.inference_mode():
        (native,) = model([torch.from_numpy(IMAGE[..., ::-1].copy()).permute(2, 0, 1) / 255])
    mine = native["labels"] == 1
    assert found.xyxy == pytest.approx(native["boxes"][mine].numpy(), abs=1e-4)
