"""The positions of a run, kept as they come and stored: at its end, or in instalments while live cameras go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dwell_kit.errors import in_words
from dwell_kit.ingest.quality import Report
from dwell_kit.schema import columns as c
from dwell_kit.workspace.instalments import Instalments, Watched, watched_to
from dwell_kit.workspace.journal import Journal
from dwell_kit.workspace.publishing import Step, no_step
from dwell_kit.workspace.recognising import Recognition

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
    """

    def __init__(
        self,
        instalments: Instalments,
        pipeline: JoinedRun,
        *,
        start: datetime,
        every_s: float | None = None,
        recognition: Recognition | None = None,
        step: Step = no_step,
    ) -> None:
        self._instalments, self._pipeline = instalments, pipeline
        self._journal = Journal(instalments.folder)
        self._start, self._every_s, self._recognition, self._step = start, every_s, recognition, step
        self._names: dict[str, None] = {}
        self._told_s: dict[str, float] = {}
        self._decided = 0
        self._cut_s, self._said_s = 0.0, -np.inf
        self._parts: list[Path] = []
        self._hand = ThreadPoolExecutor(1, "dwell-store")
        self._busy: Future[list[Report]] | None = None
        self._troubles: list[str] = []
        self._reports: list[Report] = []

    def add(self, batch: Positions) -> None:
        """Keep a batch: it is on disk when this returns. A live run that is due is stored meanwhile."""
        rows = batch.rows
        self._names.update(dict.fromkeys(rows[c.PERSON].unique(maintain_order=True)))
        if self._every_s is None:
            if rows.height:
                self._journal.add(rows, {})
            return
        now_s = time.monotonic()
        if rows.height or now_s - self._said_s >= _SIGN_S:
            self._journal.add(rows, self._progress(batch.whole_s))
            self._said_s = now_s
        if batch.whole_s - self._cut_s >= self._every_s and (self._busy is None or self._busy.done()):
            self._collect()
            self._busy = self._hand.submit(self._cut(batch.whole_s))
            self._cut_s = batch.whole_s

    def finish(self, said: Sequence[str]) -> Report:
        """Store what is left, and say what became of the run: the report of its last instalment.

        Raises
        ------
        Exception : whatever is in the way of storing it; what was seen stays where it is.
        """
        self._collect()
        self._reports += self._cut(None, said)()
        return self._reported()

    def close(self) -> None:
        """Let go of the journal and of whoever stores."""
        self._hand.shutdown()
        self._journal.close()

    @property
    def forgettable(self) -> bool:
        """Whether nothing is lost with what is not stored: it can be seen again, or nobody looked."""
        return not self._instalments.lasting or not any(one.frames for one in self._pipeline.status)

    def _progress(self, whole_s: float) -> dict[str, Any]:
        """What a killed run leaves beside its positions: when cameras were watched, who was found to be one."""
        merged, self._decided = self._pipeline.merged(self._decided)
        return {"watched": watched_to(self._moments(self._watched(whole_s))), "merged": merged}

    def _kept(self) -> dict[str, str]:
        """Whom each name stands for by now."""
        return dict(zip(self._names, self._pipeline.resolve(list(self._names)), strict=True))

    def _cut(self, whole_s: float | None, said: Sequence[str] = ()) -> Callable[[], list[Report]]:
        """What is to be done for the next instalment, of what is known now; the last one if `whole_s` is None."""
        self._parts += self._journal.turn()
        parts, kept, watched = list(self._parts), self._kept(), self._watched(whole_s)
        looks = None
        if self._recognition is not None:
            since_s = self._cut_s if self._instalments.made else -np.inf
            looks = [one for one in self._pipeline.portraits() if one.last_s >= since_s], self._pipeline.alike()
        spoken = (self._done(), *said, *self._troubles)
        self._troubles = []

        def store() -> list[Report]:
            self._step("tracked")
            self._instalments.cut(parts, kept, self._moments(watched), spoken)
            self._parts = []
            self._told_s |= {camera: pairs[-1][1] for camera, pairs in watched.items()}
            if self._recognition is not None and looks is not None:
                self._recognition.see(*looks, self._instalments.named)
            return self._instalments.store(also=self._recognition, step=self._step)

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
            self._reports += self._busy.result()
        except Exception as error:  # noqa: BLE001  # cameras go on, whatever is wrong with the disk or the state
            self._troubles.append(f"could not be stored at first: {in_words(error)}")
        self._busy = None

    def _watched(self, whole_s: float | None) -> dict[str, list[tuple[float, float]]]:
        """Camera → media times in which it was watched, after what is told and up to where positions are whole."""
        until_s = np.inf if whole_s is None else whole_s + self._pipeline.step_s
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

    def _reported(self) -> Report:
        """The last report, with a word on the others."""
        last = self._reports[-1]
        if len(self._reports) > 1:
            positions = sum(one.accepted for one in self._reports)
            last.notes.append(f"stored in {len(self._reports)} instalments with {positions} positions in all")
        return last
