"""The registry, and whose file it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from dwell_kit.errors import DwellError, FormatError, HeaderError, NotFoundError
from dwell_kit.ingest import readers
from dwell_kit.ingest.batches import ReadOptions
from dwell_kit.ingest.sources import Source


def source(folder: Path, text: str, name: str = "a.csv") -> Source:
    path = folder / name
    path.write_text(text)
    return Source(path)


def test_the_readers_of_this_package_are_known() -> None:
    assert {"appearances", "entry_exit", "insights", "mot", "positions"} <= set(readers.names())
    assert readers.get("appearances").name == "appearances"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(NotFoundError) as caught:
        readers.get("apearances")
    assert "appearances" in (caught.value.expected or "")


def test_start_and_end_are_an_appearance_export(tmp_path: Path) -> None:
    text = "person_id,utc_time_started,utc_time_ended\n1,1746057612,1746057613\n"
    assert readers.detect(source(tmp_path, text)).name == "appearances"


def test_columns_help_the_detection(tmp_path: Path) -> None:
    options = ReadOptions(columns={"person_id": "Wer", "started_at": "Beginn", "ended_at": "Ende"})
    found = source(tmp_path, "Wer;Beginn;Ende\n1;1746057612;1746057613\n")
    assert readers.detect(found, options).name == "appearances"
    assert next(iter(readers.detect(found, options).read(found, options))).rows.height == 1


def test_a_damaged_export_is_explained_not_unknown(testdata: Path) -> None:
    with pytest.raises(HeaderError) as caught:
        readers.detect(Source(testdata / "corsight" / "truncated_header.csv"))
    assert "nearest header 'utc_time_st'" in str(caught.value)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "hello world\n", "x\n1\n2\n"])
def test_a_file_of_nobody_says_what_was_looked_for(tmp_path: Path, text: str) -> None:
    with pytest.raises(FormatError, match="no reader knows this file") as caught:
        readers.detect(source(tmp_path, text))
    for name in ("appearances", "entry_exit", "insights", "mot", "positions"):
        assert name in (caught.value.expected or "")
    assert caught.value.hint


def test_real_files_find_their_reader(testdata: Path) -> None:
    assert readers.detect(Source(testdata / "tud" / "TUD-Campus" / "gt.txt")).name == "mot"
    with pytest.raises(DwellError):
        readers.detect(Source(testdata / "clips" / "one-by-one-person-detection.mp4"))


def test_json_on_one_line_is_no_table_of_many_columns(tmp_path: Path) -> None:
    times = '"utc_time_recorded":1746057613,"utc_time_started":1746057612,"utc_time_ended":1746057613'
    record = '{"person_id":"p",' + times + "}"
    text = "[" + ",".join([record] * 3_000) + "]"
    assert readers.detect(source(tmp_path, text, "a.json")).name == "insights"


def test_a_header_in_brackets_is_a_table(tmp_path: Path) -> None:
    text = "[person_id],[utc_time_started],[utc_time_ended]\n1,1746057612,1746057613\n"
    assert readers.detect(source(tmp_path, text)).name == "appearances"
