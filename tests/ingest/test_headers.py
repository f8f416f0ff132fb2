"""Which column is which."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from dwell_kit.errors import HeaderError, LimitError
from dwell_kit.ingest import headers, readers
from dwell_kit.ingest.batches import ReadOptions
from dwell_kit.ingest.headers import APPEARANCE
from dwell_kit.ingest.sources import Source
from dwell_kit.schema import columns as c

EXPORT = [
    "person_id", "retain", "event_type", "event_id", "appearance_id", "utc_time_recorded",
    "utc_time_recorded_readable", "utc_time_started", "utc_time_started_readable", "utc_time_ended",
    "utc_time_ended_readable", "first_frame_id", "last_frame_id", "camera_id", "camera_description", "node_id",
    "analysis_mode", "camera_group_id", "camera_group_name", "camera_group_data_group_name",
    "camera_group_data_departemen", "camera_group_data_divisi", "zone_name", "zone_id", "zone_vertices",
    "face_score", "frame_id", "frame_timestamp", "bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "watchlist_type",
    "watchlist_display_name", "watchlist_display_color", "watchlist_severity", "match_outcome",
    "age_group_outcome", "gender_outcome", "liveness_outcome", "mask_outcome", "appearance_category",
]  # fmt: skip


def test_the_whole_export_is_recognised_without_a_guess() -> None:
    found = headers.match(EXPORT, APPEARANCE)
    assert found.guesses == ()
    wanted = {want.name for want in APPEARANCE} - {"utc_time_zone"}
    assert set(found.mapping) == wanted
    assert found.name("department") == "camera_group_data_departemen"
    assert "frame_id" in found.others()
    assert "person_id" not in found.others()


@pytest.mark.parametrize(
    "spelt", ["UTC Time Started", " utc_time_started ", "UtcTimeStarted", "\ufeffutc-time-started"]
)
def test_spelling_does_not_matter_and_is_reported(spelt: str) -> None:
    found = headers.match(["Person ID", spelt, "UTC_TIME_ENDED"], APPEARANCE)
    assert found.mapping[c.STARTED] == 1
    assert any(repr(spelt) in guess for guess in found.guesses)
    assert found.is_utc(c.STARTED)


def test_later_aliases() -> None:
    alone = headers.match(["person_id", "utcconvert_time_started", "utcconvert_time_ended"], APPEARANCE)
    assert alone.mapping == {c.PERSON: 0, c.STARTED: 1, c.ENDED: 2}
    both = headers.match(
        ["person_id", "utc_time_started", "utcconvert_time_started", "utc_time_ended", "utcconvert_time_ended"],
        APPEARANCE,
    )
    assert (both.mapping[c.STARTED], both.mapping[c.STARTED + headers.READABLE]) == (1, 2)


def test_a_readable_column_alone_will_do() -> None:
    found = headers.match(["person_id", "utc_time_started_readable", "utc_time_ended_readable"], APPEARANCE)
    assert c.STARTED not in found.mapping
    assert found.mapping[c.STARTED + headers.READABLE] == 1


def test_each_missing_column_is_named_with_the_nearest_header() -> None:
    with pytest.raises(HeaderError) as caught:
        headers.match(["person", "camera_id", "utc_time_startd"], APPEARANCE, where="x.csv")
    text = str(caught.value)
    assert "2 mandatory columns are missing: started_at, ended_at" in text
    assert "nearest header 'utc_time_startd'" in text
    assert 'columns={"started_at": "<its header>", "ended_at": "<its header>"}' in text
    assert "x.csv" in text


def test_the_header_that_a_spreadsheet_cut(testdata: Path) -> None:
    head = Source(testdata / "corsight" / "truncated_header.csv").head()
    with pytest.raises(HeaderError) as caught:
        headers.match(head.columns, APPEARANCE, where=head.name)
    text = str(caught.value)
    assert "started_at, ended_at" in text
    assert "nearest header 'utc_time_st'" in text
    assert "nearest header 'utc_time_e'" in text
    assert "columns={" in text


def test_columns_says_which_is_which() -> None:
    found = headers.match(
        ["Wer", "Beginn", "Ende", "utc_time_started"],
        APPEARANCE,
        columns={c.PERSON: "wer", c.STARTED: "Beginn", c.ENDED: "Ende"},
    )
    assert found.mapping[c.STARTED] == 1
    assert not found.is_utc(c.STARTED)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"nonsense": "a"}, "does not know"),
        ({c.STARTED: "Begin"}, "does not have"),
        ({c.STARTED: "twice"}, "2 times"),
    ],
)
def test_columns_that_help_nobody(columns: dict[str, str], words: str) -> None:
    with pytest.raises(HeaderError, match=words):
        headers.match(["a", "Beginn", "twice", "twice"], APPEARANCE, columns=columns)


def test_equal_names_cannot_be_told_apart() -> None:
    with pytest.raises(HeaderError, match="2 columns could be camera_id"):
        headers.match(["person_id", "start", "end", "camera_id", "camera_id"], APPEARANCE)


def test_an_exact_spelling_beats_a_loose_one() -> None:
    found = headers.match(["Camera ID", "camera_id", "person_id", "start", "end"], APPEARANCE)
    assert found.mapping[c.CAMERA] == 1


def test_equal_names_that_nobody_wants_stay_apart_in_the_payload() -> None:
    found = headers.match(["person_id", "start", "end", "x", "x", "", "x (2)"], APPEARANCE)
    assert list(found.others()) == ["x", "x (2)", "column 6", "x (2) (2)"]


def test_columns_of_a_file_of_rejects_are_ignored() -> None:
    found = headers.match([*headers.IGNORED, "person_id", "start", "end", "x"], APPEARANCE)
    assert list(found.others()) == ["x"]


def test_too_many_columns() -> None:
    with pytest.raises(LimitError, match="too many columns"):
        headers.match([f"c{i}" for i in range(2_001)], APPEARANCE)


def test_a_damaged_header_that_is_explained_step_by_step(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv"
    path.write_text("person_id,camera_id,utc_time_st,utc_time_st,utc_time_e\na,c,x,1746432000,1746432060\n")

    def wrong(**columns: str) -> str:
        with pytest.raises(HeaderError) as caught:
            readers.detect(Source(path), ReadOptions(columns=columns))
        return str(caught.value)

    twice = wrong(started_at="utc_time_st", ended_at="utc_time_e")
    assert "'utc_time_st', which the header has 2 times" in twice
    assert "column 3, column 4" in twice
    assert "'utc_time_st#2'" in twice
    typo = wrong(person_id="persom", started_at="utc_time_st#2", ended_at="utc_time_e")
    assert "'persom', which the header does not have" in typo
    assert "nearest: 'person_id'" in typo
    options = ReadOptions(columns={"started_at": "utc_time_st#2", "ended_at": "utc_time_e"})
    reader = readers.detect(Source(path), options)
    rows = pl.concat([batch.rows for batch in reader.read(Source(path), options)])
    assert (reader.name, rows["started_at"].dt.epoch("s").to_list()) == ("appearances", [1746432000])
