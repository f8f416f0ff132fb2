"""Weights of the YOLO family: our boxes are Ultralytics' boxes, whatever runs the network."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwell_kit.errors import AskError, DwellError, FormatError, InputError, NotFoundError
from dwell_kit.vision import detect
from dwell_kit.vision.detect import DetectorOptions
from dwell_kit.vision.networks import NetworkFacts, open_network
from dwell_kit.vision.yolo import YoloDetector
from tests.vision import networks

LEAST, OVERLAP = 0.4, 0.5
PICTURES = [networks.picture(120, 200), networks.picture(240, 180, 1), networks.picture(120, 200, 2)]


def detector(weights: Path, **more: Any) -> Any:
    options = DetectorOptions(
        fps=5, weights=weights, device="cpu", least_confidence=LEAST, overlap=OVERLAP, **more
    )
    return detect.make("yolo", options)


def agree(weights: Path, patch: pytest.MonkeyPatch, *, px: float = 1e-3) -> None:
    """All pictures in one batch, against Ultralytics with each alone."""
    networks.without_torchvision(patch)
    native = networks.opened(weights)
    for image, found in zip(PICTURES, detector(weights).detect(PICTURES), strict=True):
        boxes, scores = networks.predicted(native, image, least=LEAST, overlap=OVERLAP)
        high, wide = image.shape[:2]
        boxes = np.clip(boxes, 0, [wide, high, wide, high])
        seen = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        assert seen.sum() >= 3
        assert found.confidence == pytest.approx(scores[seen], abs=1e-4)
        assert found.xyxy == pytest.approx(boxes[seen], abs=px)
        assert (found.class_id == 0).all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@pytest.mark.parametrize("kind", ["yolo", "end2end", "rtdetr"])
def test_own_weights_by_torch(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    networks.needs("torch", "ultralytics")
    agree(networks.write_checkpoint(tmp_path / f"{kind}.pt", kind), monkeypatch)


@pytest.mark.parametrize("kind", ["yolo", "end2end", "rtdetr"])
def test_answers_are_the_same_whoever_is_in_the_batch(kind: str, tmp_path: Path) -> None:
    networks.needs("torch", "ultralytics")
    weights = networks.write_checkpoint(tmp_path / f"{kind}.pt", kind)
    pictures = [*PICTURES, np.zeros((120, 200, 3), np.uint8)]
    together, halved = detector(weights), detector(weights)
    halved._network._most = 1  # as where memory ran out
    for found, alone in zip(together.detect(pictures), halved.detect(pictures), strict=True):
        assert found.xyxy == pytest.approx(alone.xyxy, abs=1e-3)
        assert found.confidence == pytest.approx(alone.confidence, abs=1e-5)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("kind", ["yolo", "end2end", "rtdetr"])
def test_exported_to_onnx(kind: str, dynamic: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    networks.needs("torch", "ultralytics", "onnx", "onnxruntime")
    path = networks.write_checkpoint(tmp_path / f"{kind}.pt", kind)
    agree(networks.exported(path, "onnx", dynamic=dynamic), monkeypatch)


@pytest.mark.parametrize("dynamic", [False, True])
def test_exported_to_openvino(dynamic: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    networks.needs("torch", "ultralytics", "openvino")
    path = networks.write_checkpoint(tmp_path / "yolo.pt")
    agree(networks.exported(path, "openvino", dynamic=dynamic), monkeypatch, px=0.02)


def test_exported_weights_need_neither_torch_nor_ultralytics(tmp_path: Path) -> None:
    networks.needs("torch", "ultralytics", "onnx", "onnxruntime")
    path = networks.write_checkpoint(tmp_path / "yolo.pt")
    made = networks.exported(path, "onnx")
    code = (
        "import sys, numpy as np\n"
        "from dwell_kit.vision import detect\n"
        f"made = detect.make('yolo', detect.DetectorOptions(fps=5, weights={str(made)!r}, device='cpu'))\n"
        "made.detect([np.zeros((120, 200, 3), np.uint8)])\n"
        "print(*sorted({'torch', 'torchvision', 'ultralytics'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("", 0), done.stderr


def test_nobody_is_an_answer(tmp_path: Path) -> None:
    networks.needs("torch", "ultralytics")
    path = networks.write_checkpoint(tmp_path / "yolo.pt")
    made = detect.make("yolo", DetectorOptions(fps=5, weights=path, device="cpu", least_confidence=1.0))
    assert [len(found) for found in made.detect(PICTURES)] == [0, 0, 0]
    assert made.detect([]) == []
    assert made.shared
    assert made.note == ""


def test_persons_may_be_another_class_and_must_be_one(tmp_path: Path) -> None:
    networks.needs("torch", "ultralytics")
    second = networks.write_checkpoint(tmp_path / "second.pt", names={0: "car", 1: "person", 2: "dog"})
    first = networks.write_checkpoint(tmp_path / "first.pt")
    assert not np.array_equal(
        detector(second).detect(PICTURES[:1])[0].xyxy, detector(first).detect(PICTURES[:1])[0].xyxy
    )
    none = networks.write_checkpoint(tmp_path / "none.pt", names={0: "car", 1: "dog", 2: "cat"})
    with pytest.raises(InputError, match="know no persons") as refused:
        detector(none)
    assert refused.value.found == "car, dog, cat"


def test_weights_run_no_code(tmp_path: Path) -> None:
    networks.needs("torch", "ultralytics")
    import torch

    class Trap:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "sprung",)

    path = tmp_path / "trap.pt"
    torch.save({"model": Trap()}, path)
    with pytest.raises(FormatError, match="no weights"):
        detector(path)
    path.write_bytes(pickle.dumps(Trap(), protocol=2))
    with pytest.raises(FormatError, match="no weights"):
        detector(path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["torn.pt", "torn.onnx", "torn_openvino_model"])
def test_damaged_weights_are_refused_by_name(name: str, tmp_path: Path) -> None:
    networks.needs(
        *{".pt": ("torch", "ultralytics"), ".onnx": ("onnxruntime",)}.get(Path(name).suffix, ("openvino",))
    )
    path = tmp_path / name
    if path.suffix:
        path.write_bytes(b"PK\x03\x04 half of a file")
    else:
        path.mkdir()
        (path / "torn.xml").write_text("<net>")
    with pytest.raises(FormatError, match="no weights") as refused:
        detector(path)
    assert name in str(refused.value.where)


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    networks.needs("openvino")
    with pytest.raises(FormatError, match="no folder of OpenVINO"):
        detector(tmp_path)


def test_missing_weights_are_one_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "other.pt").write_bytes(b"")
    with pytest.raises(NotFoundError) as refused:
        open_network(tmp_path / "yolo11n.pt", device=None)
    said = refused.value
    assert "nothing is downloaded" in said.what
    assert said.where == str(tmp_path / "yolo11n.pt")
    assert ".onnx" in str(said.expected)
    assert "other.pt" in str(said.found)
    assert "put it there" in str(said.hint)
    with pytest.raises(NotFoundError, match="no folder"):
        open_network(tmp_path / "nowhere" / "yolo11n.pt", device=None)
    with pytest.raises(AskError, match="say which"):
        open_network(None, device=None)
    (tmp_path / "yolo.engine").write_bytes(b"")
    with pytest.raises(InputError, match="no file of weights"):
        open_network(tmp_path / "yolo.engine", device=None)


@pytest.mark.parametrize(
    ("file", "package", "way"),
    [("w.pt", "ultralytics", "AGPL"), ("w.onnx", "onnxruntime", "[onnx]"), ("w.xml", "openvino", "[openvino]")],
)
def test_a_missing_package_is_named_with_the_line_that_installs_it(
    file: str, package: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / file).write_bytes(b"")
    for name in [one for one in sys.modules if one.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DwellError, match="'yolo' needs a package") as refused:
        detector(tmp_path / file)
    assert str(refused.value.expected).partition(".")[0] == package
    assert way in str(refused.value.hint)


def facts(**said: Any) -> NetworkFacts:
    about = {"task": "detect", "names": "{0: 'person'}", "imgsz": "[96, 160]", "stride": "32", **said}
    return NetworkFacts.of(about, any_shape=False, most=1, where=Path("w"))


def test_facts_are_read_as_exports_write_them() -> None:
    read = facts(head="RTDETRDecoder")
    assert (read.classes, read.person, read.shape, read.stride, read.detr) == (1, 0, (96, 160), 32, True)
    assert facts(names={0: "pedestrian"}, imgsz=640).shape == (640, 640)
    assert not facts().detr
    with pytest.raises(InputError, match="find no boxes"):
        facts(task="segment")
    with pytest.raises(FormatError, match="do not say") as refused:
        NetworkFacts.of({"task": "detect", "stride": 32}, any_shape=False, most=1, where=Path("w"))
    assert refused.value.found == "no imgsz, names"


class Fake:
    """A network that sees one person in the middle of every input, and as many pictures as fit."""

    facts = NetworkFacts(classes=1, person=0, shape=(64, 64), stride=32, any_shape=False, detr=False, most=None)
    device = "cpu"

    def __init__(self) -> None:
        self.shown: list[tuple[int, ...]] = []

    def run(self, pictures: np.ndarray) -> np.ndarray:
        self.shown.append(pictures.shape)
        return np.repeat(np.array([[[32.0], [32], [16], [24], [0.9]]], np.float32), len(pictures), axis=0)

    def to_cpu(self) -> None:
        raise AssertionError


def test_boxes_come_back_to_each_picture() -> None:
    fake = Fake()
    small, wide = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 128, 3), np.uint8)
    found = YoloDetector(fake).detect([small, wide, small])
    assert fake.shown == [(3, 64, 64, 3)]
    assert [one.xyxy.tolist() for one in found] == [[[24, 20, 40, 44]], [[48, 8, 80, 56]], [[24, 20, 40, 44]]]
    with pytest.raises(InputError, match="means nothing"):
        YoloDetector(Fake(), overlap=1.5)
