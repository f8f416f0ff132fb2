"""Batches into staged files of the logs, written beside the reading, in flat memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.ingest.batches import Batch
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import CROWD_EVENTS, POSITIONS, SIGHTINGS
from dwell_kit.schema.time import US
from dwell_kit.store.keys import PersonCoder, key_hashes
from dwell_kit.store.lake import KEY_HASH, LOG_OF, NO_DAY, PERSONS, Lake, Staged
from dwell_kit.store.raw import PayloadWriter

TIME_OF: Final = {SIGHTINGS.name: c.STARTED, CROWD_EVENTS.name: c.STARTED, POSITIONS.name: c.TIME}
END_OF: Final = {SIGHTINGS.name: c.ENDED, CROWD_EVENTS.name: c.RECORDED, POSITIONS.name: c.TIME}
_FLUSH_ROWS: Final = 150_000
_UNDER_WAY: Final = 2
_DAY_US: Final = 86_400 * US
_EPOCH: Final = date(1970, 1, 1)


class Stager:
    """Everything of one upload that must be on disk before it can be published.

    Files are written by a thread of its own; no more than a few wait for it, so that memory stays flat.
    """

    def __init__(
        self, lake: Lake, payload: PayloadWriter, coder: PersonCoder, *, upload_id: str, seq: int, environment: str
    ) -> None:
        self.logs: dict[str, Staged] = {}
        self.cameras: list[pl.DataFrame] = []
        self.span: tuple[int, int] | None = None
        """First start and last end of the accepted sightings and positions, µs."""
        self.watches = True
        """False if all that came were crowd events: they say nothing of the time between them."""
        self._lake = lake
        self._payload = payload
        self._coder = coder
        self.upload_id, self.seq, self.environment = upload_id, seq, environment
        self._constant = (pl.lit(seq, dtype=pl.Int64).alias(c.SEQ), pl.lit(coder.source).alias(c.SOURCE))
        self._hashes: dict[str, list[NDArray[np.int64]]] = {}
        self._waiting: dict[str, dict[str, list[pl.DataFrame]]] = {}
        self._rows: dict[str, int] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="dwell-write")
        self._under_way: deque[Future[None]] = deque()

    def add(self, batch: Batch) -> None:
        """Take a batch; write out what has piled up."""
        if batch.cameras is not None:
            self.cameras.append(batch.cameras)
        if batch.rejects.height:
            self._wait("rejects", NO_DAY, batch.rejects.with_columns(self._constant))
        if batch.payload is not None:
            self._do(self._payload.add, batch.payload)
        if batch.rows.height:
            self._add_rows(batch.table, batch.rows)

    def finish(self) -> None:
        """Write what is left, and wait until everything is on disk.

        Raises
        ------
        OSError : if a file could not be written (a full disk). InputError : if two person ids have one code.
        """
        for table in list(self._waiting):
            self._flush(table)
        persons = self._coder.learned()
        if persons.height:
            self._wait(PERSONS.name, NO_DAY, persons.with_columns(self._constant))
            self._flush(PERSONS.name)
        self._do(self._payload.flush)
        while self._under_way:
            self._under_way.popleft().result()
        self._pool.shutdown()

    def discard(self) -> None:
        """Stop writing, and remove every staged file."""
        self._pool.shutdown(cancel_futures=True)
        for staged in self.logs.values():
            staged.discard()
        self._payload.discard()

    def hashes(self) -> dict[str, NDArray[np.int64]]:
        """Key hashes of the staged rows by contract; given once, since there can be very many."""
        return {table: np.concatenate(self._hashes.pop(table)) for table in list(self._hashes)}

    def stored(self) -> int:
        """Facts staged."""
        return sum(self.logs[table].rows for table in TIME_OF if table in self.logs)

    def _add_rows(self, table: str, rows: pl.DataFrame) -> None:
        columns = [self._coder.encode(rows[c.PERSON])]
        if c.KEY in rows.columns:
            hashes = key_hashes(rows[c.KEY])
            self._hashes.setdefault(table, []).append(hashes)
            columns.append(pl.Series(KEY_HASH, hashes))
        made = rows.drop(c.PERSON).with_columns(*columns, *self._constant)
        start, end = made[TIME_OF[table]].to_physical(), made[END_OF[table]].to_physical()
        first, last = int(start.min()), int(start.max())  # type: ignore[arg-type]
        until = int(end.max())  # type: ignore[arg-type]
        if table != CROWD_EVENTS.name:
            self.span = (min(first, self.span[0]), max(until, self.span[1])) if self.span else (first, until)
        self.watches = self.span is not None
        if first // _DAY_US == last // _DAY_US:  # an export in order of time: most batches are of one day
            self._wait(table, _day(first // _DAY_US), made)
            return
        numbered = made.with_columns((start // _DAY_US).alias(c.DAY))
        for (day,), part in numbered.partition_by(c.DAY, as_dict=True, include_key=False).items():
            self._wait(table, _day(int(day)), part)

    def _wait(self, table: str, day: str, rows: pl.DataFrame) -> None:
        self._waiting.setdefault(table, {}).setdefault(day, []).append(rows)
        self._rows[table] = self._rows.get(table, 0) + rows.height
        if self._rows[table] >= _FLUSH_ROWS:
            self._flush(table)

    def _flush(self, table: str) -> None:
        days = self._waiting.pop(table, {})
        self._rows[table] = 0
        staged = self.logs.get(table)
        if staged is None:
            staged = self.logs[table] = self._lake.stage(PERSONS if table == PERSONS.name else LOG_OF[table])
        for day, frames in days.items():
            self._do(self._write, staged, day, frames)

    def _write(self, staged: Staged, day: str, frames: list[pl.DataFrame]) -> None:
        rows = pl.concat(frames, rechunk=False)
        staged.write(rows, environment=self.environment, day=day, stem=self.upload_id)

    def _do(self, work: Callable[..., None], *arguments: object) -> None:
        while len(self._under_way) > _UNDER_WAY:
            self._under_way.popleft().result()
        self._under_way.append(self._pool.submit(work, *arguments))


def _day(number: int) -> str:
    """The partition's text of a day since 1970."""
    return (_EPOCH + timedelta(days=number)).isoformat()
