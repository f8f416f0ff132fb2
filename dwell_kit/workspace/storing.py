"""The positions of a run, kept as they come and stored: at its end, or in instalments while live cameras go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from dwell_kit.errors import in_words
from dwell_kit.ingest.quality import Report
from dwell_kit.schema import columns as c
from dwell_kit.workspace.instalments import Instalments
from dwell_kit.workspace.journal import Journal
from dwell_kit.workspace.publishing import Step, no_step
from dwell_kit.workspace.recognising import Recognition
from dwell_kit.workspace.run_state import Watched, watched_to

if TYPE_CHECKING:
    from pathlib import Path

    from dwell_kit.vision.joined import JoinedRun
    from dwell_kit.vision.joining import Positions

_SIGN_S: Final = 1.0
"""How often a journal says that cameras were watched while nobody was there."""


class Storing:
    """What becomes of the positions of one run.

    Parameters
    ----------
    start : instant of media time 0. every_s : media time of an instalment; None stores at the end alone.
    first : what the report of the first one is to say.
    """

    def __init__(
        self,
        instalments: Instalments,
        pipeline: JoinedRun,
        *,
        start: datetime,
        every_s: float | None = None,
        recognition: Recognition | None = None,
        first: Sequence[str] = (),
        step: Step = no_step,
    ) -> None:
        self._instalments, self._pipeline = instalments, pipeline
        self._journal = Journal(instalments.folder)
        self._start, self._every_s, self._recognition, self._step = start, every_s, recognition, step
        self._names: dict[str, None] = {}
        self._told_s: dict[str, float] = {}
        self._cut_s, self._said_s, self._looked_s = 0.0, -np.inf, -np.inf
        self._late: list[pl.DataFrame] = []
        self._merged: list[tuple[str, str]] = []
        self._decided = 0
        self._parts: list[Path] = []
        self._fresh = False
        self._hand = ThreadPoolExecutor(1, "dwell-store")
        self._busy: Future[None] | None = None
        self._first, self._troubles = tuple(first), dict[str, None]()
        self._reports: list[Report] = []

    def add(self, batch: Positions) -> None:
        """Keep a batch: it is on disk when this returns, if the disk takes it. A live run that is due is stored
        meanwhile.
        """
        rows = batch.rows
        self._names.update(dict.fromkeys(rows[c.PERSON].unique(maintain_order=True)))
        if self._every_s is None:
            if rows.height:
                self._journal.add(rows, {})
            return
        now_s = time.monotonic()
        watched = self._watched(batch.whole_s)
        if rows.height or (watched and now_s - self._said_s >= _SIGN_S):
            self._late.append(rows)
            self._said_s, self._fresh = now_s, True
            try:
                self._write(batch.whole_s)
            except OSError as full:  # cameras go on: there may be room again
                self._trouble(full)
        if batch.whole_s - self._cut_s >= self._every_s and (self._busy is None or self._busy.done()):
            self._collect()
            if self._fresh or self._parts:  # else nobody looked
                self._busy = self._hand.submit(self._cut(batch.whole_s))
            self._cut_s = batch.whole_s

    def finish(self, said: Sequence[str]) -> Report:
        """Store what is left, and say what became of the run: the report of its last instalment, with all rows.

        Raises
        ------
        Exception : whatever is in the way of storing it; what is written down stays where it is.
        """
        self._collect()
        if self._late:
            self._write(np.inf)
        self._cut(np.inf, said)()
        last = self._reports[-1]
        if len(self._reports) > 1:
            for name in ("rows_read", "accepted", "rejected", "stored"):
                setattr(last, name, sum(getattr(one, name) for one in self._reports))
            last.notes.append(f"stored in {len(self._reports)} instalments with {last.accepted} positions in all")
        return last

    def close(self) -> None:
        """Let go of the journal and of whoever stores."""
        self._hand.shutdown()
        self._journal.close()

    @property
    def forgettable(self) -> bool:
        """Whether nothing is lost with what is not stored: it can be seen again, or nobody looked."""
        return not self._instalments.lasting or not any(one.frames for one in self._pipeline.status)

    def _write(self, whole_s: float) -> None:
        """Write down what waits, and what a killed run leaves beside it: when cameras were watched, who is one."""
        merged, self._decided = self._pipeline.merged(self._decided)
        self._merged += merged
        watched = watched_to(self._moments(self._watched(whole_s)))
        self._journal.add(pl.concat(self._late), {"watched": watched, "merged": self._merged})
        self._late, self._merged = [], []

    def _trouble(self, error: Exception) -> None:
        self._troubles[f"could not be stored at first: {in_words(error)}"] = None

    def _kept(self) -> dict[str, str]:
        """Whom each name stands for by now."""
        return dict(zip(self._names, self._pipeline.resolve(list(self._names)), strict=True))

    def _cut(self, whole_s: float, said: Sequence[str] = ()) -> Callable[[], None]:
        """What is to be done for the next instalment, of what is known by now: all up to media time `whole_s`."""
        self._parts += self._journal.turn()
        self._fresh = False
        parts, kept, watched = list(self._parts), self._kept(), self._watched(whole_s)
        looks = None
        if self._recognition is not None:
            looks = self._pipeline.portraits(self._looked_s), self._pipeline.alike()
        spoken = (*self._first, self._done(), *said, *self._troubles)

        def store() -> None:
            self._step("tracked")
            self._instalments.cut(parts, kept, self._moments(watched), spoken)
            self._parts, self._first = [], ()
            for one in spoken:
                self._troubles.pop(one, None)
            self._told_s |= {camera: pairs[-1][1] for camera, pairs in watched.items()}
            if self._recognition is not None and looks is not None:
                erased = {*self._instalments.erased}
                named = {name: one for name, one in self._instalments.named.items() if name not in erased}
                self._recognition.see(*looks, named)
            for report in self._instalments.store(also=self._recognition, step=self._step):
                self._reports.append(report)
            self._looked_s = whole_s

        return store

    def _done(self) -> str:
        """How the cameras did so far, in a sentence."""
        return "; ".join(
            f"{one.camera_id}: {one.frames} frames, {one.dropped} dropped, {one.ms_per_frame:.0f} ms a frame"
            + (f", {one.note}" if one.note else "")
            for one in self._pipeline.status
        )

    def _collect(self) -> None:
        """Wait for who stores. What could not be stored is tried again with the next instalment."""
        if self._busy is None:
            return
        try:
            self._busy.result()
        except Exception as error:  # noqa: BLE001  # cameras go on, whatever is wrong with the disk or the state
            self._trouble(error)
        self._busy = None

    def _watched(self, whole_s: float) -> dict[str, list[tuple[float, float]]]:
        """Camera → media times in which it was watched, after what is told and up to where positions are whole."""
        until_s = whole_s + self._pipeline.step_s
        found = {}
        for one in self._pipeline.status:
            told_s = self._told_s.get(one.camera_id, -np.inf)
            pairs = [(max(a, told_s), min(b, until_s)) for a, b in one.watched_s]
            if pairs := [(a, b) for a, b in pairs if a < b]:
                found[one.camera_id] = pairs
        return found

    def _moments(self, watched: Mapping[str, list[tuple[float, float]]]) -> Watched:
        def moment(at_s: float) -> datetime:
            return self._start + timedelta(seconds=at_s)

        return {camera: [(moment(a), moment(b)) for a, b in pairs] for camera, pairs in watched.items()}
