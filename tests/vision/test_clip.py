"""CLIP's looks are transformers' own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwell_kit.errors import AskError, FormatError, InputError, NotFoundError
from dwell_kit.vision import embedders
from dwell_kit.vision.embed import ColourParts, Embedder
from dwell_kit.vision.embedders import EmbedderOptions
from tests.vision import networks

BOXES = np.array([[10.0, 5, 40, 95], [60, 20, 110, 60], [np.nan] * 4, [300, 0, 320, 40], [-20, -20, 30, 70]])
IMAGE = networks.picture(100, 130)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    networks.needs("torch", "transformers", "PIL")
    return networks.write_clip(tmp_path_factory.mktemp("clip"))


def clip(folder: Path | str) -> Any:
    return embedders.make("clip", EmbedderOptions(weights=str(folder), device="cpu"))


def squared(image: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """(side, side, 3) RGB, by hand: the mean colour of CLIP around the crop."""
    x1, y1, x2, y2 = box
    side = max(x2 - x1, y2 - y1)
    made = np.tile(np.array([123, 117, 104], np.uint8), (side, side, 1))
    left, top = (side - (x2 - x1)) // 2, (side - (y2 - y1)) // 2
    made[top : top + y2 - y1, left : left + x2 - x1] = image[y1:y2, x1:x2, ::-1]
    return made


def test_looks_are_those_of_transformers(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    made = clip(folder)
    assert capfd.readouterr() == ("", "")  # weights are opened without a word
    assert isinstance(made, Embedder)
    looks = made.embed(IMAGE, BOXES)
    assert looks.shape == (5, made.size) == (5, 24)
    assert np.isnan(looks[2:4]).all()
    import torch
    from PIL import Image
    from transformers import CLIPImageProcessorPil, CLIPModel

    model, processor = CLIPModel.from_pretrained(folder).eval(), CLIPImageProcessorPil.from_pretrained(folder)
    shown = [squared(IMAGE, box) for box in ((10, 5, 40, 95), (60, 20, 110, 60), (0, 0, 30, 70))]
    with torch.inference_mode():
        pixels = processor(images=[Image.fromarray(one) for one in shown], return_tensors="pt")
        native = model.get_image_features(**pixels).pooler_output
        native = (native / native.norm(dim=-1, keepdim=True)).numpy()
    assert looks[[0, 1, 4]] == pytest.approx(native, abs=1e-5)
    assert np.linalg.norm(looks[[0, 1, 4]], axis=1) == pytest.approx(1)
    assert made.note == ""


def test_looks_of_several_pictures_are_those_of_each(folder: Path) -> None:
    made = clip(folder)
    other = networks.picture(90, 140, 3)
    shown = [(IMAGE, BOXES), (other, np.zeros((0, 4))), (other, np.repeat(BOXES, 3, axis=0)), (other, BOXES[2:4])]
    for looks, (image, boxes) in zip(made.embed_all(shown), shown, strict=True):
        assert looks.shape == (len(boxes), made.size)
        assert looks == pytest.approx(made.embed(image, boxes), abs=1e-5, nan_ok=True)
    assert made.embed_all([]) == []


def test_nobody_and_no_picture(folder: Path) -> None:
    made = clip(folder)
    assert made.embed(IMAGE, np.zeros((0, 4))).shape == (0, 24)
    assert np.isnan(made.embed(IMAGE, BOXES[2:4])).all()
    with pytest.raises(InputError, match="colour picture"):
        made.embed(IMAGE[..., 0], BOXES)


def test_missing_and_other_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AskError, match="say which"):
        embedders.make("clip", EmbedderOptions(device="cpu"))
    with pytest.raises(NotFoundError, match="not there") as missing:
        clip(tmp_path / "nowhere")
    assert "name the folder" in str(missing.value.hint)
    with pytest.raises(FormatError, match="no weights of CLIP"):
        clip(tmp_path)
    for one in folder.iterdir():
        if one.suffix == ".json":
            (tmp_path / one.name).write_text(one.read_text())
    with pytest.raises(FormatError, match="no weights of CLIP"):
        clip(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(FormatError, match="no weights of CLIP"):
        clip(tmp_path)


def test_half_of_the_weights_are_none(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for one in folder.glob("*.json"):
        (tmp_path / one.name).write_text(one.read_text())
    tensors = load_file(folder / "model.safetensors")
    save_file({k: v for k, v in tensors.items() if "visual_projection" not in k}, tmp_path / "model.safetensors")
    with pytest.raises(FormatError) as refused:
        clip(tmp_path)
    assert "visual_projection" in str(refused.value.found)


@pytest.mark.parametrize("said", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}])
def test_a_name_without_a_network_is_one_error_and_soon(said: dict[str, str], tmp_path: Path) -> None:
    networks.needs("torch", "transformers")
    code = (
        "import json\n"
        "from dwell_kit.errors import NotFoundError\n"
        "from dwell_kit.vision import embedders\n"
        "try: embedders.make('clip', embedders.EmbedderOptions(weights='nobody/clip-of-nobody', device='cpu'))\n"
        "except NotFoundError as error: print(json.dumps(error.as_dict()))"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env={**os.environ, "HF_HOME": str(tmp_path), **said},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    error = json.loads(done.stdout)
    assert "neither on this machine nor to be had" in error["what"]
    assert error["where"] == "nobody/clip-of-nobody"
    assert time.monotonic() - began < 120


def test_embedders_are_asked_for_by_name() -> None:
    assert isinstance(embedders.make("colours", EmbedderOptions()), ColourParts)
    with pytest.raises(NotFoundError) as refused:
        embedders.make("faces", EmbedderOptions())
    assert refused.value.expected == "clip, colours"
