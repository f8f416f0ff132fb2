"""Epochs and their readable twins, orders of dates, offsets."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl
import pytest

from dwell_kit.errors import AskError, FilterError
from dwell_kit.ingest import headers
from dwell_kit.ingest.batches import ReadOptions
from dwell_kit.ingest.timestamps import Clock, Texts, TimeColumn
from dwell_kit.schema import columns as c

EPOCH = 1_746_057_612
TEXT = "2025-05-01 00:00:12"
BOTH = TimeColumn(
    name=c.STARTED, main=0, twin=1, headers=("utc_time_started", "utc_time_started_readable"), utc=(True, True)
)
ALONE = TimeColumn(name=c.STARTED, main=0, headers=("start",), utc=(False,))


def clock(look_ahead: Callable[[], Iterable[tuple[TimeColumn, Texts]]] | None = None, **options: object) -> Clock:
    return Clock(ReadOptions(**options), where="x.csv", look_ahead=look_ahead)  # type: ignore[arg-type]


def texts(*columns: list[str | None]) -> Texts:
    return tuple(pl.Series(values, dtype=pl.String) for values in columns)


def seconds(us: pl.Series) -> list[float | None]:
    return [None if value is None else value / 1e6 for value in us]


def test_a_full_epoch_wins_and_the_twin_helps_out() -> None:
    got = clock().read(BOTH, texts([f"{EPOCH}517", "1.746E+09", "", None, "bad", "N/A"], [TEXT] * 5 + ["N/A"]))
    assert seconds(got) == [EPOCH + 0.517, EPOCH, EPOCH, EPOCH, EPOCH, None]


def test_why_names_the_column_that_failed() -> None:
    values = texts(["1.746E+09", "", "bad"], ["N/A", "soon", ""])
    why = clock().why(BOTH, values)
    assert why["column"].to_list() == ["utc_time_started", "utc_time_started_readable", "utc_time_started"]
    assert why["value"].to_list() == ["1.746E+09", "soon", "bad"]
    assert "rounded" in why["reason"][0]
    assert why["reason"][1] == "not a time that can be read"


def test_twins_that_differ_are_counted() -> None:
    one = clock()
    readable = [TEXT, "2025-05-01 00:00:14", "2025-05-01 00:00:13", "N/A"]
    one.read(BOTH, texts([str(EPOCH)] * 4, readable))
    (note,) = one.notes()
    assert "utc_time_started" in note
    assert "1 of 3 rows" in note


def shifted(quarters: int, count: int = 40) -> Texts:
    epochs = [EPOCH + 7 * i for i in range(count)]
    readable = pl.Series([(e + quarters * 900) * 1_000_000 for e in epochs]).cast(pl.Datetime("us"))
    return pl.Series([str(e) for e in epochs]), readable.dt.strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize("quarters", [28, -14, 1, 4])
def test_a_constant_quarter_hour_offset_is_asked_for(quarters: int) -> None:
    with pytest.raises(AskError, match="constant") as caught:
        clock().read(BOTH, shifted(quarters))
    assert f"{quarters / 4:+g} h" in caught.value.what
    assert "utc_offset_confirmed" in (caught.value.hint or "")


def test_a_confirmed_offset_is_taken_off_where_the_epoch_is_missing() -> None:
    epochs, readable = shifted(28)
    holes = pl.Series([None if i == 3 else e for i, e in enumerate(epochs)], dtype=pl.String)
    confirmed = clock(utc_offset_confirmed=True)
    assert seconds(confirmed.read(BOTH, (holes, readable))) == [float(e) for e in epochs]
    assert any("+7 h" in note for note in confirmed.notes())
    denied = clock(utc_offset_confirmed=False)
    assert seconds(denied.read(BOTH, (holes, readable)))[3] == float(epochs[3]) + 7 * 3600


def test_utc_time_zone_explains_an_offset() -> None:
    epochs, readable = shifted(-12)
    holes = pl.Series([None if i == 3 else e for i, e in enumerate(epochs)], dtype=pl.String)
    got = clock().read(BOTH, (holes, readable), pl.Series(["-3"] * len(epochs)))
    assert seconds(got) == [float(e) for e in epochs]


def test_utc_time_zone_of_utc_columns_changes_nothing() -> None:
    epochs, readable = shifted(0)
    holes = pl.Series([None if i == 3 else e for i, e in enumerate(epochs)], dtype=pl.String)
    got = clock().read(BOTH, (holes, readable), pl.Series(["-3"] * len(epochs)))
    assert seconds(got) == [float(e) for e in epochs]


def test_differences_that_are_not_constant_are_no_offset() -> None:
    epochs, readable = shifted(0)
    odd = pl.Series([t if i % 2 else "2025-05-02 10:00:00" for i, t in enumerate(readable)])
    one = clock()
    assert seconds(one.read(BOTH, (epochs, odd))) == [float(e) for e in epochs]
    assert "20 of 40 rows" in one.notes()[0]


def across_the_change(*, winter_h: int = 1) -> Texts:
    """40 rows around 2025-03-30 01:00 UTC: local times beside epochs, of which every fifth is spoiled."""
    epochs = [1_743_296_400 + 600 * (i - 20) for i in range(40)]
    local = pl.Series([(e + 3600 * (winter_h + (i >= 20))) * 1_000_000 for i, e in enumerate(epochs)])
    readable = local.cast(pl.Datetime("us")).dt.strftime("%Y-%m-%d %H:%M:%S")
    return pl.Series(["1.743E+09" if i % 5 == 0 else str(e) for i, e in enumerate(epochs)]), readable


@pytest.mark.parametrize("winter_h", [0, 1])
@pytest.mark.parametrize("said", [None, True])
def test_local_times_with_two_offsets_stand_in_for_no_epoch(winter_h: int, said: bool | None) -> None:
    one, values = clock(utc_offset_confirmed=said), across_the_change(winter_h=winter_h)
    got = seconds(one.read(BOTH, values))
    assert [i for i, value in enumerate(got) if value is None] == list(range(0, 40, 5))
    why = one.why(BOTH, tuple(v.gather_every(5) for v in values))
    assert why["column"].unique().to_list() == ["utc_time_started_readable"]
    assert "write this one with its zone" in why["reason"][0]
    fixed = [f"{text}Z" if i == 0 else text for i, text in enumerate(values[1])]
    again = seconds(clock(utc_offset_confirmed=said).read(BOTH, (values[0], pl.Series(fixed))))
    assert again[0] is not None
    denied = clock(utc_offset_confirmed=False).read(BOTH, values)
    assert denied.null_count() == 0


def test_utc_time_zone_beside_local_times_is_taken_or_asked_about() -> None:
    values, seven = texts(["2025-05-01 07:00:12", str(EPOCH), "2025-05-01T00:00:12Z"]), pl.Series(["7"] * 3)
    with pytest.raises(AskError, match="utc_time_zone says 7 h") as caught:
        clock().read(ALONE, values, seven)
    assert "utc_offset_confirmed=True" in (caught.value.hint or "")
    assert seconds(clock(tz="Asia/Jakarta").read(ALONE, values, seven)) == [EPOCH] * 3
    confirmed = clock(utc_offset_confirmed=True)
    assert seconds(confirmed.read(ALONE, values, seven)) == [EPOCH] * 3
    assert "utc_time_zone" in confirmed.notes()[0]
    denied = clock(utc_offset_confirmed=False)
    assert seconds(denied.read(ALONE, values, seven)) == [EPOCH + 7 * 3600, EPOCH, EPOCH]


def test_naive_times_are_local_outside_utc_columns() -> None:
    berlin = clock(tz="Europe/Berlin")
    assert seconds(berlin.read(ALONE, texts(["2025-05-01 02:00:12"]))) == [EPOCH]
    assert seconds(berlin.read(BOTH, texts([TEXT], [TEXT]))) == [EPOCH]
    assert seconds(berlin.single(pl.Series([TEXT]), header="UTC_time")) == [EPOCH]
    assert seconds(berlin.single(pl.Series(["2025-05-01 02:00:12"]), header="when")) == [EPOCH]


def test_an_unknown_zone() -> None:
    with pytest.raises(FilterError, match="no time zone"):
        clock(tz="Europe/Atlantis")


def test_an_unambiguous_row_decides_for_all() -> None:
    day = clock()
    got = day.read(ALONE, texts(["01/05/2025 00:00:12", "13/05/2025 00:00:12"]))
    assert seconds(got)[0] == EPOCH
    assert "day first" in day.notes()[0]
    month = clock().read(ALONE, texts(["05/01/2025 00:00:12", "05/13/2025 00:00:12"]))
    assert seconds(month)[0] == EPOCH


def test_both_orders_are_asked_for() -> None:
    with pytest.raises(AskError, match="both orders") as caught:
        clock().read(ALONE, texts(["13/05/2025 00:00:12", "05/13/2025 00:00:12"]))
    assert "day_first" in (caught.value.hint or "")


def test_both_orders_in_different_blocks_are_asked_for() -> None:
    one = clock()
    one.read(ALONE, texts(["13/05/2025 00:00:12"]))
    with pytest.raises(AskError, match="both orders"):
        one.read(ALONE, texts(["05/13/2025 00:00:12"]))


def test_no_evidence_is_asked_for() -> None:
    with pytest.raises(AskError, match="two readings") as caught:
        clock().read(ALONE, texts(["01/05/2025 00:00:12", "02/05/2025 00:00:12"]))
    assert "day_first=True" in (caught.value.hint or "")


def test_what_is_said_needs_no_evidence() -> None:
    values = texts(["01/05/2025 00:00:12"])
    assert seconds(clock(day_first=True).read(ALONE, values)) == [EPOCH]
    assert seconds(clock(day_first=False).read(ALONE, texts(["05/01/2025 00:00:12"]))) == [EPOCH]


def test_a_later_block_decides() -> None:
    looked = []

    def ahead() -> Iterable[tuple[TimeColumn, Texts]]:
        for value in ("02/05/2025 00:00:12", "31/05/2025 00:00:12", "05/31/2025 00:00:12"):
            looked.append(value)
            yield ALONE, texts([value])

    one = clock(look_ahead=ahead)
    assert seconds(one.read(ALONE, texts(["01/05/2025 00:00:12"]))) == [EPOCH]
    assert len(looked) == 2
    with pytest.raises(AskError, match="two readings"):
        one.notes()
    one.read(ALONE, texts(["31/05/2025 00:00:12"]))
    assert "'31/05/2025 00:00:12'" in one.notes()[0]


def test_nothing_is_asked_for_when_nothing_depends_on_it() -> None:
    values = texts([str(EPOCH)] * 2, ["01/05/2025 00:00:12", "N/A"])
    assert seconds(clock().read(BOTH, values)) == [EPOCH, EPOCH]
    assert seconds(clock().read(ALONE, texts(["05/05/2025 00:00:12"]))) == [EPOCH + 4 * 86_400]


def test_an_epoch_beside_it_shows_the_order() -> None:
    values = texts([str(EPOCH), None], ["01/05/2025 00:00:12", "02/05/2025 00:00:12"])
    assert seconds(clock().read(BOTH, values)) == [EPOCH, EPOCH + 86_400]


def test_columns_are_found_with_their_twins() -> None:
    match = headers.match(
        ["person_id", "utc_time_started", "utc_time_started_readable", "end"], headers.APPEARANCE
    )
    start, end = TimeColumn.find(match, c.STARTED), TimeColumn.find(match, c.ENDED)
    assert start is not None
    assert end is not None
    assert (start.positions, start.utc, end.positions, end.utc) == ((1, 2), (True, True), (3,), (False,))
    assert TimeColumn.find(match, c.MESSAGE_TIME) is None
