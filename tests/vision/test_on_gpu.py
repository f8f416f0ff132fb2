"""What runs on a GPU, where there is one: the answers are the CPU's."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwell_kit.vision import detect, embedders
from dwell_kit.vision.boxes import Detections
from dwell_kit.vision.detect import DetectorOptions
from dwell_kit.vision.embedders import EmbedderOptions
from dwell_kit.vision.gallery import Gallery, gpus
from tests.vision import networks
from tests.vision.test_gallery import near, units

PICTURES = [networks.picture(120, 200), networks.picture(240, 180, 1), networks.picture(120, 200, 2)]


@pytest.fixture
def torch() -> Iterator[Any]:
    """Torch with a GPU, and with convolutions in full precision: by default it rounds them there."""
    networks.needs("torch")
    import torch

    if not torch.cuda.is_available():
        pytest.skip("torch sees no GPU")
    cudnn = torch.backends.cudnn
    before, cudnn.allow_tf32 = cudnn.allow_tf32, False
    gc.collect()
    torch.cuda.empty_cache()
    yield torch
    cudnn.allow_tf32 = before
    torch.cuda.set_per_process_memory_fraction(1.0)


def found_by(name: str, weights: Path, device: str | None, **more: Any) -> list[Detections]:
    options = DetectorOptions(fps=5, weights=weights, device=device, **more)
    return detect.make(name, options).detect(PICTURES)


def alike(one: list[Detections], other: list[Detections], *, px: float) -> None:
    for mine, theirs in zip(one, other, strict=True):
        assert len(mine) == len(theirs) >= 3
        assert mine.confidence == pytest.approx(theirs.confidence, abs=1e-3)
        assert mine.xyxy == pytest.approx(theirs.xyxy, abs=px)


def fill(torch: Any) -> list[Any]:
    """Leave torch no memory on the GPU: it gets no more, and what it keeps from before is taken."""
    torch.cuda.set_per_process_memory_fraction(1e-9)
    taken = []
    for size in (2**20, 2**9):
        try:
            while True:
                taken.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
        except torch.OutOfMemoryError:
            continue
    return taken


@pytest.mark.parametrize("kind", ["yolo", "end2end", "rtdetr"])
def test_networks_of_the_yolo_family(torch: Any, kind: str, tmp_path: Path) -> None:
    networks.needs("ultralytics")
    path = networks.write_checkpoint(tmp_path / f"{kind}.pt", kind)
    chosen = found_by("yolo", path, None, least_confidence=0.4, overlap=0.5)
    assert torch.cuda.max_memory_allocated() > 0
    alike(chosen, found_by("yolo", path, "cpu", least_confidence=0.4, overlap=0.5), px=0.05)


def test_faster_rcnn(torch: Any, tmp_path: Path) -> None:
    networks.needs("torchvision")
    from torchvision.models import detection

    torch.manual_seed(2)
    model = detection.fasterrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None).eval()
    torch.save(model.state_dict(), tmp_path / "rcnn.pth")
    on_gpu, on_cpu = (
        found_by("faster-rcnn", tmp_path / "rcnn.pth", device, least_confidence=0.0) for device in (None, "cpu")
    )
    for mine, theirs in zip(on_gpu, on_cpu, strict=True):
        assert abs(len(mine) - len(theirs)) <= 2  # scores of random weights lie close together
        assert np.sort(mine.confidence)[-3:] == pytest.approx(np.sort(theirs.confidence)[-3:], abs=1e-3)


def test_clip_is_transformers_own_in_16_bits(torch: Any, tmp_path: Path) -> None:
    networks.needs("transformers", "PIL")
    boxes = np.array([[10.0, 5, 40, 95], [60, 20, 110, 60], [np.nan] * 4, [-20, -20, 30, 70]])
    folder = networks.write_clip(tmp_path / "clip")
    made, exact = (
        embedders.make("clip", EmbedderOptions(weights=str(folder), device=device)) for device in (None, "cpu")
    )
    looks, wanted = made.embed(PICTURES[0], boxes), exact.embed(PICTURES[0], boxes)
    assert np.isnan(looks[2]).all()
    has = [0, 1, 3]
    assert (looks[has] * wanted[has]).sum(axis=1) == pytest.approx(1, abs=1e-3)
    assert not np.array_equal(looks[has], wanted[has])  # it did compute with fewer bits


def test_when_its_memory_runs_out_batches_are_halved_and_said_so(torch: Any, tmp_path: Path) -> None:
    networks.needs("ultralytics")
    path = networks.write_checkpoint(tmp_path / "yolo.pt")
    pictures = [networks.picture(160, 160, seed) for seed in range(256)]
    options = DetectorOptions(fps=5, weights=path, device="cuda", least_confidence=0.4)
    torch.cuda.reset_peak_memory_stats()
    roomy = detect.make("yolo", options)
    wanted = roomy.detect(pictures)
    assert roomy.note == ""
    room = torch.cuda.max_memory_reserved() / 2 / torch.cuda.get_device_properties(0).total_memory
    del roomy
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(room)
    tight = detect.make("yolo", options)
    alike(tight.detect(pictures), wanted, px=0.05)
    assert "out of memory on cuda" in tight.note
    assert "pictures at a time" in tight.note


def test_without_any_room_it_runs_on_the_cpu_and_says_so(torch: Any, tmp_path: Path) -> None:
    networks.needs("ultralytics")
    path = networks.write_checkpoint(tmp_path / "yolo.pt")
    taken = fill(torch)
    made = detect.make("yolo", DetectorOptions(fps=5, weights=path, device="cuda", least_confidence=0.4))
    alike(made.detect(PICTURES), found_by("yolo", path, "cpu", least_confidence=0.4), px=1e-3)
    assert made.note.endswith("runs on the CPU")
    del taken  # until here


def test_layers_that_came_onto_the_gpu_before_it_was_full_come_back(
    torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks.needs("ultralytics")
    path = networks.write_checkpoint(tmp_path / "yolo.pt")
    move = torch.nn.Module.to

    def full(module: Any, *where: Any, **more: Any) -> Any:
        if where[:1] != ("cuda",):
            return move(module, *where, **more)
        move(next(module.children()), *where)
        raise torch.OutOfMemoryError("CUDA out of memory")

    made = detect.make("yolo", DetectorOptions(fps=5, weights=path, device="cuda", least_confidence=0.4))
    monkeypatch.setattr(torch.nn.Module, "to", full)
    alike(made.detect(PICTURES), found_by("yolo", path, "cpu", least_confidence=0.4), px=1e-3)
    assert made.note.endswith("runs on the CPU")


def test_a_gallery_finds_forgets_and_grows_there(caplog: pytest.LogCaptureFixture) -> None:
    if not gpus():
        pytest.skip("FAISS sees no GPU, or is faiss-cpu")
    looks = units(60_000, size=64)
    galleries = [Gallery(environment="shop", size=64, threshold=-1.0, gpu=gpu) for gpu in (True, False)]
    asked = near(looks[::100], 0.7)
    for made in galleries:
        made.add(looks[:30_000], np.arange(30_000), np.arange(30_000))
    for change in (
        lambda made: None,
        lambda made: made.add(looks[30_000:45_000], np.arange(30_000, 45_000), np.arange(30_000, 45_000)),
        lambda made: made.erase(range(0, 45_000, 200)),
        lambda made: made.expire(1000),
    ):
        found = []
        for made in galleries:
            change(made)
            found.append(made.search(asked, k=4))
        assert np.array_equal(found[0].person_id, found[1].person_id)
        assert found[0].cosine == pytest.approx(found[1].cosine, abs=1e-5)
    for made in galleries:
        made.add(looks[45_000:], np.arange(45_000, 60_000), np.full(15_000, 50_000))
    exact = np.argmax(asked @ galleries[0].entries.looks.T, axis=1)  # above 50,000 a GPU still looks at all
    assert np.array_equal(galleries[0].search(asked).person_id[:, 0], galleries[0].entries.persons[exact])
    assert caplog.text == ""
