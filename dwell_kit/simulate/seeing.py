"""From what happened to what is known: failing cameras, the end of the window, damaged rows, unknown faces."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final

from dwell_kit.simulate.truth import Seen, Visit, visits_of
from dwell_kit.simulate.walks import HOUR_MS, Pass, Stay

DAMAGES: Final = ("end_before_start", "unreadable", "missing_end", "spreadsheet_epoch", "year_one")
REPAIRED: Final = "spreadsheet_epoch_with_readable"
SPELLINGS: Final = ("epoch", "epoch_ms", "iso")
_GLIMPSED: Final = 0.003
"""Share of sightings that end as they start."""
_LATE: Final = 0.3
"""Share of the shorter messages that arrive after the whole one."""
SILENT_CAMERA: Final = "cam-05-cafe"


@dataclass
class Message:
    """One sighting as the server would tell it: `damage` spoils its row, `early_end` is that of a shorter message
    before, which arrives after it if `late`; `spelling` is how its times are written."""

    number: int
    walk: Pass
    start: int
    end: int
    anonymous: bool = False
    damage: str | None = None
    early_end: int | None = None
    late: bool = False
    spelling: str = "epoch"
    repeated: bool = False

    @property
    def seen(self) -> Seen:
        """What the row says, if it is accepted."""
        return Seen(None if self.anonymous else self.walk.person.person_id, self.walk.camera, self.start, self.end)


@dataclass
class Known:
    """The messages that are sent, and what was lost on the way, by cause."""

    messages: list[Message]
    differences: list[dict[str, float | int | str]] = field(default_factory=list)
    covered_until: int = 0

    @property
    def accepted(self) -> list[Seen]:
        return [m.seen for m in self.messages if m.damage in {None, REPAIRED}]


def observe(
    rng: Random, stays: list[Stay], *, window_ms: int, dirty_share: float, duplicate_share: float, outage: bool
) -> Known:
    """Apply every cause in turn, and write down what each changes in visits, dwell, visitors and sightings."""
    passes = sorted((p for s in stays for p in s.passes), key=lambda p: (p.start, p.person.person_id, p.camera))
    messages = [Message(i, p, p.start, p.end) for i, p in enumerate(passes)]
    whole = max(m.end for m in messages) if messages else 0
    true_visits = [Visit(s.person.person_id, ((s.enter, s.leave),)) for s in stays]
    ledger = _Ledger(true_visits, len(messages))
    ledger.entry("gap", visits_of([m.seen for m in messages], covered_until=whole), len(messages))

    for message in messages:
        message.end = min(message.end, window_ms)
    messages = [m for m in messages if m.start < window_ms]
    ledger.after("open_visit", messages)
    for message in messages:
        if rng.random() < _GLIMPSED:
            message.end = message.start
    ledger.after("zero_length", messages)
    if outage:
        down = (11 * HOUR_MS, 14 * HOUR_MS)
        hit = {
            m.number for m in messages if m.walk.camera == SILENT_CAMERA and m.start < down[1] and m.end > down[0]
        }
        messages = [m for m in messages if m.number not in hit]
    ledger.after("silent_camera", messages)

    _spoil(rng, messages, dirty_share=dirty_share, duplicate_share=duplicate_share)
    ledger.after("whole_seconds", messages)
    ledger.after("dirty_row", [m for m in messages if m.damage in {None, REPAIRED}])
    for message in messages:
        message.anonymous = message.damage is None and rng.random() < 0.02
    known = Known(messages)
    ledger.after("anonymous", [m for m in messages if m.damage in {None, REPAIRED}])
    known.differences = ledger.rows
    known.covered_until = max((s.end for s in known.accepted), default=0)
    return known


def _spoil(rng: Random, messages: list[Message], *, dirty_share: float, duplicate_share: float) -> None:
    for message in messages:
        draw = rng.random()
        if draw < dirty_share:
            message.damage = rng.choice(DAMAGES)
        elif draw < 1.2 * dirty_share:
            # only whole seconds survive in the readable column, so that is what can be known
            message.damage = REPAIRED
            message.start -= message.start % 1000
            message.end += -message.end % 1000
        elif draw < 1.2 * dirty_share + duplicate_share:
            message.repeated = True
        elif draw < 1.2 * dirty_share + 3 * duplicate_share and message.end - message.start > 4_000:
            message.early_end = message.start + (message.end - message.start) // 2
            message.late = rng.random() < _LATE
        if message.damage is None:
            message.spelling = rng.choices(SPELLINGS, (90, 5, 5))[0]


class _Ledger:
    """World + Σ rows = observable, figure by figure."""

    def __init__(self, visits: list[Visit], sightings: int) -> None:
        self.rows: list[dict[str, float | int | str]] = []
        self._now = self._figures(visits, sightings)

    def after(self, cause: str, messages: list[Message]) -> None:
        """What is left once `cause` took its share."""
        seen = [m.seen for m in messages]
        self.entry(cause, visits_of(seen, covered_until=0), len(seen))

    def entry(self, cause: str, visits: list[Visit], sightings: int) -> None:
        figures = self._figures(visits, sightings)
        self.rows.append({"cause": cause, **{k: figures[k] - self._now[k] for k in figures}})
        self._now = figures

    @staticmethod
    def _figures(visits: list[Visit], sightings: int) -> dict[str, int]:
        return {
            "visits": len(visits),
            "unique_visitors": len({v.person for v in visits}),
            "dwell_sum_ms": sum(v.dwell for v in visits),
            "sightings": sightings,
        }
