"""The looks of the people of one environment, searched by cosine: who is this?"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import InputError
from dwell_kit.vision.gallery_files import About, Entries, read_gallery, write_gallery

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
_log = logging.getLogger(__name__)
FLAT_UP_TO: Final = 50_000
"""Entries that are searched one by one; above, an inverted file looks at the nearest lists only."""
FLAT_ON_GPU_UP_TO: Final = 1_000_000
"""The same on a GPU, which searches so many one by one in less time than the CPU a twentieth of them."""
_TOGETHER: Final = 16
"""Queries asked at once of a flat index: from 20 on FAISS uses its BLAS, which took four times as long."""
_PROBES_SHARE: Final = 0.05
_TRY: Final = """
import faiss, numpy
some = numpy.eye(8, dtype=numpy.float32)
index = faiss.index_cpu_to_all_gpus(faiss.IndexFlatIP(8))
index.add(some)
index.search(some, 1)
"""


@dataclass(frozen=True, kw_only=True)
class Matches:
    """The best entries of each query, best first. Arrays are (m, k).

    Parameters
    ----------
    person_id : −1 where fewer entries reach the threshold. cosine : NaN there.
    """

    person_id: Ids
    cosine: NDArray[np.float64]


class Gallery:
    """Looks with whose they are and when they were seen.

    Parameters
    ----------
    environment : whose people these are; looks of two environments never meet.
    size : numbers in a look. embedder, weights : what made the looks; see `gallery_files.About`.
    threshold : least cosine of a match.
    gpu : search on the GPU if FAISS was built for one and there is one.

    Raises
    ------
    InputError : if `size` is below 1 or `threshold` no cosine.
    """

    def __init__(
        self,
        *,
        environment: str,
        size: int,
        embedder: str = "",
        weights: str = "",
        threshold: float = 0.8,
        gpu: bool = True,
    ) -> None:
        if size < 1:
            raise InputError("a look has no numbers", "size", "1 or more", str(size))
        if not -1 <= threshold <= 1:
            raise InputError("a threshold is no cosine", "threshold", "−1 to 1", str(threshold))
        self.about = About(
            environment=environment, embedder=embedder, weights=weights, size=size, threshold=threshold
        )
        self._gpu = gpu
        none = np.zeros(0, np.int64)
        self.entries = Entries(looks=np.zeros((0, size), np.float32), persons=none, since_us=none, seen_us=none)
        self._index: Any = None
        self._flat = self._on_gpu = False

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, looks: NDArray[Any], person_ids: Ids, seen_us: Ids, *, since_us: Ids | None = None) -> None:
        """Remember (n, size) unit looks of `person_ids` (n,), seen last at `seen_us` (n,) µs UTC.

        Rows of NaN are no looks and are left out. `since_us` : when each was seen first, if that is another time.

        Raises
        ------
        InputError : if shapes do not match or a look is not of length 1.
        """
        given, persons, seen = (
            self._checked(looks),
            np.asarray(person_ids, np.int64),
            np.asarray(seen_us, np.int64),
        )
        since = seen if since_us is None else np.asarray(since_us, np.int64)
        if persons.shape != (len(given),) or seen.shape != (len(given),) or since.shape != (len(given),):
            found = f"{persons.shape}, {seen.shape} and {since.shape}"
            raise InputError("looks, persons and times do not match", "add", f"({len(given)},) each", found)
        fresh = Entries(looks=given, persons=persons, since_us=since, seen_us=seen)
        has = np.flatnonzero(np.isfinite(given).all(axis=1))
        self._join([fresh[has]])

    def absorb(self, *others: Gallery) -> None:
        """Remember what other galleries do.

        Raises
        ------
        InputError : if one is of another environment, or its looks are of another embedder, weights or size.
        """
        for other in others:
            if not self.about.comparable(other.about):
                hint = "looks of different embedders, weights or environments mean different things"
                raise InputError(
                    "looks that cannot be compared", "gallery", str(self.about), str(other.about), hint
                )
        self._join([other.entries for other in others])

    def search(self, looks: NDArray[Any], k: int = 1) -> Matches:
        """The k nearest entries of each of (m, size) unit looks, as far as they reach the threshold.

        Raises
        ------
        InputError : if shapes do not match or a look is not of length 1.
        """
        given = self._checked(looks)
        persons = np.full((len(given), k), -1, np.int64)
        cosine = np.full((len(given), k), np.nan)
        has = np.isfinite(given).all(axis=1)
        if len(self) and has.any():
            near, rows = self._nearest(given[has], k)
            good = (rows >= 0) & (near >= self.about.threshold)
            persons[has] = np.where(good, self.entries.persons[rows], -1)
            cosine[has] = np.where(good, near, np.nan)
        return Matches(person_id=persons, cosine=cosine)

    def expire(self, before_us: float) -> int:
        """Forget looks seen before `before_us`; how many."""
        return self._keep(self.entries.seen_us >= before_us)

    def erase(self, person_ids: Iterable[int]) -> int:
        """Forget all looks of these persons; how many. `save` afterwards, so that the files forget as well."""
        return self._keep(~np.isin(self.entries.persons, np.fromiter(person_ids, np.int64)))

    def persons(self) -> Ids:
        """(p,) who is in the gallery, each once."""
        return np.unique(self.entries.persons)

    def save(self, folder: Path | str) -> None:
        """Write it to a folder, whole or not at all; what was there is replaced."""
        write_gallery(Path(folder), self.about, self.entries)

    @classmethod
    def load(cls, folder: Path | str, *, gpu: bool = True) -> Gallery:
        """The gallery that `save` wrote.

        Raises
        ------
        NotFoundError : if there is none. FormatError : if its files are damaged or of another version.
        """
        about, entries = read_gallery(Path(folder))
        made = cls(**vars(about), gpu=gpu)
        made.entries = entries
        return made

    def _checked(self, looks: NDArray[Any]) -> Floats:
        given = np.ascontiguousarray(looks, np.float32)
        size = self.about.size
        if given.ndim != 2 or given.shape[1] != size:
            raise InputError("looks have another size", "looks", f"(n, {size})", str(given.shape))
        length = np.linalg.norm(given, axis=1)
        off = length[np.abs(length - 1) > 1e-3]  # NaN is not off: it is no look
        if len(off):
            hint = "divide each by its length"
            raise InputError("looks are not unit vectors", "looks", "length 1", f"length {off[0]:.3f}", hint)
        return given

    def _join(self, parts: Sequence[Entries]) -> None:
        whole = [part.arrays() for part in (self.entries, *parts)]
        self.entries = Entries(**{name: np.concatenate([one[name] for one in whole]) for name in whole[0]})
        if self._index is not None:
            if self._on_gpu or (len(self) > FLAT_UP_TO and self._flat):
                self._index = None  # to a GPU they go with the next search, which knows what to do without room
            else:
                self._index.add(np.concatenate([part.looks for part in parts]))

    def _keep(self, which: NDArray[np.bool_]) -> int:
        gone = int((~which).sum())
        if gone:
            self.entries, self._index = self.entries[which], None
        return gone

    def _nearest(self, looks: Floats, k: int) -> tuple[Floats, Ids]:
        if self._gpu and gpus():
            try:
                return self._searched(looks, k)
            except RuntimeError as full:  # FAISS's own error about memory is no other
                _log.warning("the gallery is searched on the CPU from now on: %s", str(full).strip()[-200:])
                self._gpu, self._index = False, None
        return self._searched(looks, k)

    def _searched(self, looks: Floats, k: int) -> tuple[Floats, Ids]:
        index = self._made_index()
        size = _TOGETHER if self._flat and not self._on_gpu else len(looks)
        found = [index.search(looks[i : i + size], k) for i in range(0, len(looks), size)]
        return np.concatenate([near for near, _ in found]), np.concatenate([rows for _, rows in found])

    def _made_index(self) -> Any:
        if self._index is None:
            self._on_gpu = self._gpu and gpus() > 0
            self._flat = len(self) <= (FLAT_ON_GPU_UP_TO if self._on_gpu else FLAT_UP_TO)
            index = faiss.IndexFlatIP(self.about.size) if self._flat else _index(self.entries.looks)
            if self._on_gpu:
                index = faiss.index_cpu_to_all_gpus(index)
            index.add(self.entries.looks)
            self._index = index
        return self._index


@cache
def gpus() -> int:
    """How many GPUs FAISS can use: none with faiss-cpu, whatever is in the machine.

    A GPU that it was not built for makes FAISS end the whole process: so another process tries first.
    """
    if not hasattr(faiss, "StandardGpuResources") or not faiss.get_num_gpus():
        return 0
    tried = subprocess.run(  # noqa: S603  this very Python
        [sys.executable, "-c", _TRY], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        said = tried.stderr.strip().rpartition("\n")[2][-200:]
        _log.warning("FAISS does not run on the GPU that is here; galleries are searched on the CPU: %s", said)
        return 0
    return int(faiss.get_num_gpus())


def _index(looks: Floats) -> Any:
    """An inverted file, trained on an even sample: about √n lists, of which a twentieth is looked at."""
    lists = int(np.sqrt(len(looks)))
    index = faiss.IndexIVFFlat(
        faiss.IndexFlatIP(looks.shape[1]), looks.shape[1], lists, faiss.METRIC_INNER_PRODUCT
    )
    index.train(looks[:: max(1, len(looks) // (40 * lists))])
    index.nprobe = max(1, round(lists * _PROBES_SHARE))
    return index
