"""A gallery finds who it knows, forgets who it should, and survives its files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dwell_kit.errors import FormatError, InputError, NotFoundError
from dwell_kit.vision import gallery as module
from dwell_kit.vision.gallery import Gallery

SIZE = 32


def units(n: int, seed: int = 0, size: int = SIZE) -> np.ndarray:
    made = np.random.default_rng(seed).normal(size=(n, size)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def near(looks: np.ndarray, cosine: float, seed: int = 9) -> np.ndarray:
    """Unit vectors at exactly that cosine from the looks."""
    other = np.random.default_rng(seed).normal(size=looks.shape).astype(np.float32)
    other -= (other * looks).sum(axis=1, keepdims=True) * looks
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    return cosine * looks + np.sqrt(1 - cosine**2) * other


@pytest.fixture
def gallery() -> Gallery:
    made = Gallery(environment="shop", size=SIZE)
    made.add(units(50), np.arange(50) // 2 + 100, np.arange(50) * 1_000_000)
    return made


def test_it_finds_from_the_threshold_on(gallery) -> None:
    looks = units(50)
    assert gallery.search(near(looks, 0.81)).person_id[:, 0].tolist() == (np.arange(50) // 2 + 100).tolist()
    np.testing.assert_allclose(gallery.search(near(looks, 0.9)).cosine[:, 0], 0.9, atol=1e-5)
    missed = gallery.search(near(looks, 0.79))
    assert (missed.person_id == -1).all()
    assert np.isnan(missed.cosine).all()


def test_k_best_are_those_of_brute_force() -> None:
    looks, asked = units(300), units(40, 5)
    gallery = Gallery(environment="shop", size=SIZE, threshold=-1.0)
    gallery.add(looks, np.arange(300), np.zeros(300, int))
    found = gallery.search(asked, k=5)
    assert np.array_equal(found.person_id, np.argsort(-(asked @ looks.T), axis=1)[:, :5])
    assert (np.diff(found.cosine, axis=1) <= 0).all()


def test_no_look_finds_nobody_and_is_not_kept(gallery) -> None:
    none = np.full((2, SIZE), np.nan)
    assert gallery.search(none).person_id.tolist() == [[-1], [-1]]
    gallery.add(none, np.array([1, 2]), np.array([0, 0]))
    assert len(gallery) == 50
    assert Gallery(environment="e", size=SIZE).search(units(3)).person_id.tolist() == [[-1]] * 3


def test_adding_after_a_search_is_found(gallery) -> None:
    fresh = units(3, 77)
    assert (gallery.search(fresh).person_id == -1).all()
    gallery.add(fresh, np.array([7, 8, 9]), np.zeros(3, int))
    assert gallery.search(fresh).person_id[:, 0].tolist() == [7, 8, 9]


def test_it_forgets_by_time_and_by_person(gallery) -> None:
    looks = units(50)
    gallery.search(looks)
    assert gallery.expire(10_000_000) == 10
    assert gallery.persons().tolist() == list(range(105, 125))
    assert (gallery.search(looks[:10]).person_id == -1).all()
    assert gallery.search(looks[10:]).person_id[:, 0].tolist() == (np.arange(10, 50) // 2 + 100).tolist()
    assert gallery.erase([105, 999]) == 2
    assert (gallery.search(looks[10:12]).person_id == -1).all()
    assert len(gallery) == 38


def test_an_erased_person_is_in_no_file(gallery, tmp_path) -> None:
    gallery.save(tmp_path)
    gallery.erase([100])
    gallery.save(tmp_path)
    again = Gallery.load(tmp_path)
    assert 100 not in again.persons()
    lost = units(50)[0].tobytes()
    assert not any(lost in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_it_comes_back_as_it_was(gallery, tmp_path) -> None:
    gallery.save(tmp_path / "deep" / "g")
    again = Gallery.load(tmp_path / "deep" / "g")
    assert (again.about, len(again)) == (gallery.about, 50)
    asked = near(units(50), 0.9)
    assert np.array_equal(again.search(asked).person_id, gallery.search(asked).person_id)
    assert again.expire(10_000_000) == 10


def test_a_save_that_fails_leaves_the_old_one(gallery, tmp_path, monkeypatch) -> None:
    gallery.save(tmp_path)
    gallery.erase(range(100, 110))

    def full(*_, **__):
        raise OSError("no space left on device")

    monkeypatch.setattr("dwell_kit.vision.gallery_files.json.dump", full)
    with pytest.raises(OSError, match="no space"):
        gallery.save(tmp_path)
    assert len(Gallery.load(tmp_path)) == 50


def test_damaged_files_are_refused(gallery, tmp_path) -> None:
    with pytest.raises(NotFoundError, match="no gallery"):
        Gallery.load(tmp_path)
    gallery.save(tmp_path)
    (looks,) = tmp_path.rglob("looks.npy")
    whole = looks.read_bytes()
    looks.write_bytes(whole[:-8])
    with pytest.raises(FormatError, match="damaged"):
        Gallery.load(tmp_path)
    looks.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(FormatError, match="checksum"):
        Gallery.load(tmp_path)
    looks.unlink()
    with pytest.raises(FormatError, match=r"looks\.npy"):
        Gallery.load(tmp_path)
    index = tmp_path / "gallery.json"
    said = json.loads(index.read_text())
    index.write_text(json.dumps({**said, "version": 99}))
    with pytest.raises(FormatError, match="99"):
        Gallery.load(tmp_path)
    index.write_text("{")
    with pytest.raises(FormatError, match="damaged"):
        Gallery.load(tmp_path)


def test_a_big_gallery_finds_who_looks_alike(monkeypatch) -> None:
    monkeypatch.setattr(module, "FLAT_UP_TO", 2000)
    looks = units(6000, size=128)
    gallery = Gallery(environment="shop", size=128, gpu=False)
    gallery.add(looks[:2000], np.arange(2000), np.zeros(2000, int))
    gallery.search(looks[:1])
    assert gallery._flat
    gallery.add(looks[2000:], np.arange(2000, 6000), np.zeros(4000, int))
    asked = near(looks[::20], 0.9)
    found = gallery.search(asked).person_id[:, 0]
    assert not gallery._flat
    wanted = np.arange(0, 6000, 20)
    assert set(found.tolist()) <= {-1, *wanted.tolist()}
    # Random directions are the hardest case for lists; real looks lie in clumps.
    assert (found == wanted).mean() > 0.75


@pytest.mark.parametrize(("answer", "wanted"), [("", 2), ("raise SystemExit('no kernel image')", 0)])
def test_a_gpu_is_used_only_if_faiss_was_built_for_it(answer, wanted, monkeypatch, caplog) -> None:
    monkeypatch.setattr(module.faiss, "StandardGpuResources", object, raising=False)
    monkeypatch.setattr(module.faiss, "get_num_gpus", lambda: 2, raising=False)
    monkeypatch.setattr(module, "_TRY", answer)
    assert module.gpus.__wrapped__() == wanted
    assert ("no kernel image" in caplog.text) == (wanted == 0)


def test_without_a_gpu_nothing_is_tried(monkeypatch) -> None:
    monkeypatch.setattr(module, "_TRY", "raise SystemExit('tried')")
    monkeypatch.setattr(module.faiss, "get_num_gpus", lambda: 0, raising=False)
    assert module.gpus.__wrapped__() == 0


class Full:
    """An index on a GPU without room."""

    def add(self, looks: np.ndarray) -> None:
        raise RuntimeError("Error in virtual void* faiss::gpu: … out of memory")


def test_a_gpu_without_room_leaves_it_to_the_cpu_and_says_so(gallery, monkeypatch, caplog) -> None:
    monkeypatch.setattr(module, "gpus", lambda: 1)
    monkeypatch.setattr(module.faiss, "index_cpu_to_all_gpus", lambda index: Full())
    asked = near(units(50), 0.9)
    assert gallery.search(asked).person_id[:, 0].tolist() == (np.arange(50) // 2 + 100).tolist()
    assert "on the CPU from now on" in caplog.text
    assert "out of memory" in caplog.text
    gallery.add(units(1, 7), np.array([7]), np.array([0]))
    assert gallery.search(units(1, 7)).person_id.tolist() == [[7]]
    assert len(caplog.records) == 1


def test_a_gpu_searches_one_by_one_where_a_cpu_does_not(monkeypatch) -> None:
    monkeypatch.setattr(module, "FLAT_UP_TO", 20)
    monkeypatch.setattr(module, "gpus", lambda: 1)
    monkeypatch.setattr(module.faiss, "index_cpu_to_all_gpus", lambda index: index)
    looks = units(300)
    made = Gallery(environment="shop", size=SIZE)
    for part in np.split(np.arange(300), 3):  # asked between, so that there is an index to be joined
        made.add(looks[part], part, np.zeros(100, int))
        assert made.search(near(looks[: part[-1] + 1], 0.9)).person_id[:, 0].tolist() == list(range(part[-1] + 1))


@pytest.mark.parametrize(
    ("looks", "persons", "said"),
    [
        (np.ones((2, SIZE)), [1, 2], "unit vectors"),
        (units(2, size=16), [1, 2], "another size"),
        (units(2), [1], "do not match"),
    ],
)
def test_what_is_no_look_is_refused(gallery, looks, persons, said) -> None:
    with pytest.raises(InputError, match=said):
        gallery.add(looks, np.array(persons), np.zeros(len(persons), int))


def test_a_gallery_that_means_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="size"):
        Gallery(environment="e", size=0)
    with pytest.raises(InputError, match="cosine"):
        Gallery(environment="e", size=4, threshold=80)


def test_its_files_are_their_owners_alone(gallery, tmp_path) -> None:
    gallery.save(tmp_path / "g")
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "g").rglob("*")} == {0}
    assert (tmp_path / "g").stat().st_mode & 0o077 == 0
