"""Appearance exports, end to end: rows, keys, rejects, cameras, payload, dialects."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwell_kit.errors import AskError, FormatError, HeaderError
from dwell_kit.ingest.appearances import reader
from dwell_kit.ingest.batches import Batch, Head, ReadOptions
from dwell_kit.ingest.rejects import write_rejects
from dwell_kit.ingest.sources import Source
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import REJECTS, SIGHTINGS, validate

T0 = 1_746_057_612
START = datetime(2025, 5, 1, 0, 0, 12, tzinfo=UTC)


class Read:
    """All batches of a file in one."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        every = list(batches)
        self.rows = pl.concat([batch.rows for batch in every])
        self.rejects = pl.concat([batch.rejects for batch in every])
        self.payload = pl.concat([b.payload for b in every if b.payload is not None] or [pl.DataFrame()])
        self.cameras = pl.concat([b.cameras for b in every if b.cameras is not None] or [pl.DataFrame()])
        self.rows_read = sum(batch.rows_read for batch in every)
        self.notes = [note for batch in every for note in batch.notes]
        validate(self.rows, SIGHTINGS)
        validate(self.rejects, REJECTS)
        assert self.rows_read == self.rows.height + self.rejects.height


def read(tmp_path: Path, data: str | bytes, *, name: str = "a.csv", **options: Any) -> Read:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return Read(reader.read(Source(path), ReadOptions(**options)))


def table(*rows: str, header: str = "person_id,camera_id,utc_time_started,utc_time_ended") -> str:
    return "\n".join([header, *rows]) + "\n"


def test_one_row(tmp_path: Path) -> None:
    got = read(tmp_path, table(f"anna,cam-1,{T0}517,{T0 + 30}000"))
    row = got.rows.row(0, named=True)
    assert (row[c.PERSON], row[c.CAMERA], row[c.ROW_NO]) == ("anna", "cam-1", 1)
    assert (row[c.STARTED], row[c.ENDED]) == (START.replace(microsecond=517_000), START.replace(second=42))
    assert (row[c.OPEN_START], row[c.OPEN_END], row[c.MESSAGE_TIME]) == (False, False, None)
    assert got.notes == ["encoding: utf-8", "delimiter: comma"]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "\ufeffsep=;", "SEP=;"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_first_line_for_spreadsheets_is_no_header(tmp_path: Path, first: str, newline: str) -> None:
    rows = [first, "person_id;camera_id;utc_time_started;utc_time_ended", f"änna;c;{T0};{T0 + 1}"]
    got = read(tmp_path, newline.join([*rows, ""]))
    assert got.rows[c.PERSON].to_list() == ["änna"]
    assert got.rejects.height == 0
    assert read(tmp_path, table(f"a,c,{T0},{T0 + 1}").join(["sep=,\n", ""])).rows.height == 1


def test_the_key_is_the_appearance_id_else_the_event_id_else_a_hash(tmp_path: Path) -> None:
    header = "person_id,camera_id,utc_time_started,utc_time_ended,appearance_id,event_id"
    rows = [f"p,c,{T0},{T0 + 1},{a},{e}" for a, e in (("a1", "e1"), ("", "e2"), ("null", "None"), ("NaN", "e4"))]
    got = read(tmp_path, table(*rows, header=header))
    hashed = "h:" + blake2b(f"p\x1fc\x1f{T0}000000".encode(), digest_size=16).hexdigest()
    assert got.rows[c.KEY].to_list() == ["a1", "e2", hashed, "e4"]
    assert got.payload["event_id"].to_list() == ["e1", "e2", "None", "e4"]


def test_the_hash_does_not_depend_on_how_a_time_is_written(tmp_path: Path) -> None:
    got = read(
        tmp_path, table(f"p,c,{T0},{T0 + 1}", f"p,c,{T0}000,{T0 + 9}", f" p ,c,2025-05-01T00:00:12Z,{T0 + 9}")
    )
    assert got.rows[c.KEY].n_unique() == 1


def test_a_null_person_is_an_anonymous_sighting(tmp_path: Path) -> None:
    got = read(tmp_path, table(*(f"{p},c,{T0},{T0 + 1}" for p in ("", "null", "None", " NaN ", '""', "Anna"))))
    assert got.rows[c.PERSON].to_list() == [None, None, None, None, None, "Anna"]
    assert got.rejects.is_empty()


def test_every_reject_says_where_and_why_and_keeps_its_text(tmp_path: Path) -> None:
    rows = [
        f"ok,c,{T0},{T0}",
        f"p,c,soon,{T0}",
        f"p,c,{T0},",
        f"p,c,{T0},1.754E+09",
        f"p,c,{T0 + 9},{T0}",
        f"p,c,{T0},{T0 + 1},too,many",
        f"p,c,{T0}",
        '"a, b",c,,',
        f"p,c,{T0},99999999999999999999",
    ]
    got = read(tmp_path, table(*rows))
    assert got.rows[c.ROW_NO].to_list() == [1]
    assert got.rejects.select(c.ROW_NO, c.COLUMN, c.VALUE, c.REASON).rows() == [
        (2, "utc_time_started", "soon", "not a time that can be read"),
        (3, "utc_time_ended", None, "no time"),
        (4, "utc_time_ended", "1.754E+09", got.rejects[c.REASON][2]),
        (5, "utc_time_ended", str(T0), "the end is before the start"),
        (6, None, "too,many", "more fields than the 4 of the header"),
        (7, "utc_time_ended", None, "no time"),
        (8, "utc_time_started", None, "no time"),
        (9, "utc_time_ended", "9" * 20, "not between the years 2000 and 2100"),
    ]
    assert "spreadsheet rounded" in got.rejects[c.REASON][2]
    assert got.rejects[c.RAW].to_list()[6] == '"a, b",c,,'


def test_blank_rows_are_neither_read_nor_rejected_but_numbered(tmp_path: Path) -> None:
    got = read(tmp_path, table(f"p,c,{T0},{T0}", "", ",,,", " , ,,", f"q,c,{T0},{T0}"))
    assert got.rows[c.ROW_NO].to_list() == [1, 5]
    assert got.rows_read == 2


def test_empty_fields_beyond_the_header_are_harmless(tmp_path: Path) -> None:
    got = read(tmp_path, table(f"p,c,{T0},{T0},", f"q,c,{T0},{T0},,,"))
    assert got.rows.height == 2


def test_a_header_without_rows(tmp_path: Path) -> None:
    got = read(tmp_path, table())
    assert (got.rows.height, got.rows_read) == (0, 0)


def test_rejects_can_be_fixed_and_read_again(tmp_path: Path) -> None:
    header = "person_id,camera_id,utc_time_started,utc_time_ended,note"
    text = table(f'"a, ""b""",c,{T0},{T0},x', f'p,"c\n1",soon,{T0},"é; ü"', f"p,c,{T0},,", header=header)
    first = read(tmp_path, text)
    assert first.rejects.height == 2
    path = tmp_path / "rejects.csv"
    assert write_rejects(path, header.split(","), first.rejects) == 2
    again = Read(reader.read(Source(path), ReadOptions()))
    assert again.rows.is_empty()
    assert again.rejects[c.REASON].to_list() == first.rejects[c.REASON].to_list()
    fixed = path.read_text().replace("soon,1", f"{T0},1").replace(f",{T0},,", f",{T0},{T0},")
    path.write_text(fixed)
    done = Read(reader.read(Source(path), ReadOptions()))
    assert done.rejects.is_empty()
    assert done.rows[c.CAMERA].to_list() == ["c\n1", "c"]
    assert list(done.payload.columns) == [c.ROW_NO, "note"]
    assert done.payload["note"].to_list() == ["é; ü", None]


def test_rejects_run_in_no_spreadsheet_and_are_read_as_they_were(tmp_path: Path) -> None:
    header = "person_id,camera_id,utc_time_started,utc_time_ended,note,-x"
    cells = ["=1+1", "@SUM(A1)", "-2+3", "'=x", "''+y", "'tis", "-1.5", "plain"]
    first = read(tmp_path, table(*(f"{cell},c,=NOW(),{T0},{cell},{cell}" for cell in cells), header=header))
    assert first.rejects.height == len(cells)
    path = tmp_path / "rejects.csv"
    write_rejects(path, header.split(","), first.rejects)
    with path.open(newline="") as file:
        for row in csv.reader(file):
            assert not [cell for cell in row if cell[:1] in set("=+-@") and cell != "-1.5"]
    path.write_text(path.read_text().replace("c,'=NOW()", f"c,{T0}"))
    done = Read(reader.read(Source(path), ReadOptions()))
    assert done.rejects.is_empty()
    assert done.rows[c.PERSON].to_list() == cells
    assert done.payload["note"].to_list() == cells
    assert done.payload["-x"].to_list() == cells


def test_the_payload_has_every_other_column_as_text(tmp_path: Path) -> None:
    header = "score,person_id,utc_time_started,utc_time_ended,row_no,score,utc_time_zone"
    text = table(f"007,p,{T0},{T0},9,1.50,7", f"x,p,{T0},{T0 - 1},9,1,7", header=header)
    got = read(tmp_path, text)
    assert got.payload.row(0, named=True) == {
        "row_no": 1, "row_no (file)": "9", "score": "007", "score (2)": "1.50", "utc_time_zone": "7",
    }  # fmt: skip
    assert got.payload.height == 1


def test_without_a_payload_rejects_still_have_their_whole_text(tmp_path: Path) -> None:
    header = "extra,person_id,utc_time_started,utc_time_ended"
    got = read(tmp_path, table(f"a,p,{T0},{T0}", f'"b,",p,soon,{T0}', header=header), keep_payload=False)
    assert got.payload.is_empty()
    assert got.rejects[c.RAW].to_list() == [f'"b,",p,soon,{T0}']
    rows = [f'"two\nlines",p,{T0},{T0}', f"x,p,soon,{T0}", f"y,p,{T0},{T0}", f"z,p,{T0},late"]
    for text in (table(*rows, header=header), table(*rows[1:], header=header).rstrip()):
        got = read(tmp_path, text, keep_payload=False)
        assert got.rejects[c.RAW].to_list() == [f"x,p,soon,{T0}", f"z,p,{T0},late"]


def test_cameras_are_learned(tmp_path: Path) -> None:
    header = (
        "person_id,utc_time_started,utc_time_ended,camera_id,camera_description,camera_group_name,"
        "camera_group_data_group_name,camera_group_data_departemen,camera_group_data_divisi,zone_id,zone_name,zone_vertices"
    )
    vertices = '"[{""x"": 0.1, ""y"": 0.2}]"'
    rows = [
        f"p,{T0},{T0},c1,Lobby,Ground,Shop,Sales,North,z1,Till,{vertices}",
        f"p,{T0},{T0},c1,Lobby new,Ground,Shop,Sales,North,z1,Till,{vertices}",
        f"p,{T0},{T0},c2,Door,,,,,,,",
        f"p,{T0},{T0},,,,,,,,,",
    ]
    got = read(tmp_path, table(*rows, header=header))
    assert got.cameras.rows() == [
        ("c1", "Lobby new", "Ground", "Shop", "Sales", "North", "z1", "Till", '[{"x": 0.1, "y": 0.2}]'),
        ("c2", "Door", None, None, None, None, None, None, None),
    ]
    assert got.rows[c.ZONE].to_list() == ["z1", "z1", None, None]


def test_defaults_for_camera_and_zone(tmp_path: Path) -> None:
    got = read(tmp_path, table(f"p,,{T0},{T0}"), camera="door", zone="hall")
    assert got.rows.select(c.CAMERA, c.ZONE).rows() == [("door", "hall")]


def test_message_time_decides_later_and_never_rejects(tmp_path: Path) -> None:
    header = "person_id,utc_time_started,utc_time_ended,utc_time_recorded,utc_time_recorded_readable"
    text = table(f"p,{T0},{T0},{T0 + 5},", f"p,{T0},{T0},,2025-05-01 00:00:13", f"p,{T0},{T0},x,y", header=header)
    got = read(tmp_path, text)
    assert got.rows[c.MESSAGE_TIME].to_list() == [START.replace(second=17), START.replace(second=13), None]


def test_unknown_words_are_noted_never_rejected(tmp_path: Path) -> None:
    header = "person_id,utc_time_started,utc_time_ended,age_group_outcome,gender_outcome"
    rows = [f"p,{T0},{T0},{a},{g}" for a, g in (("20-29", "male"), ("teen", "not_determined"), ("", "Robot"))]
    got = read(tmp_path, table(*rows, header=header))
    assert got.rows[c.AGE_GROUP].to_list() == ["20-29", "teen", None]
    assert got.rows[c.GENDER].to_list() == ["male", "not_determined", "Robot"]
    (note,) = [note for note in got.notes if "known group" in note]
    assert "age_group: 'teen'" in note
    assert "gender: 'Robot'" in note
    assert "20-29" not in note


def test_an_end_known_to_the_second_only_is_no_earlier_than_its_start(tmp_path: Path) -> None:
    header = "person_id,utc_time_started,utc_time_ended,utc_time_ended_readable"
    got = read(
        tmp_path, table(f"p,{T0}517,,2025-05-01 00:00:12", f"p,{T0}517,,2025-05-01 00:00:11", header=header)
    )
    assert got.rows[c.ENDED].to_list() == [START.replace(microsecond=517_000)]
    assert got.rejects[c.ROW_NO].to_list() == [2]
    assert any("length 0" in note for note in got.notes)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_everyday_exports_simply_work(tmp_path: Path, encoding: str, delimiter: str, newline: str) -> None:
    rows = [["person_id", "camera_id", "utc_time_started", "utc_time_ended", "score"]]
    rows += [[f"José {i}", "Tür", f"{T0},5", f"{T0 + i},75", "0,95"] for i in range(1, 5)]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=newline).writerows(rows)
    got = read(tmp_path, out.getvalue().encode(encoding))
    assert got.rows[c.PERSON].to_list() == [f"José {i}" for i in range(1, 5)]
    assert got.rows[c.CAMERA].unique().to_list() == ["Tür"]
    assert got.rows[c.STARTED].unique().to_list() == [START.replace(microsecond=500_000)]
    assert got.payload["score"].to_list() == ["0,95"] * 4
    assert any("decimal comma" in note for note in got.notes)


def test_gzip_and_parquet(tmp_path: Path) -> None:
    text = table(f"p,c,{T0},{T0 + 5}")
    packed = read(tmp_path, gzip.compress(text.encode()), name="a.csv.gz")
    path = tmp_path / "a.parquet"
    moment = pl.Series([START, START.replace(second=17)])
    pl.DataFrame(
        {
            "person_id": ["p", None],
            "camera_id": ["c", "c"],
            "utc_time_started": moment,
            "utc_time_ended": moment.dt.replace_time_zone(None),
            "score": [1.5, None],
            "box": [[1, 2], [3, 4]],
        }
    ).write_parquet(path)
    stored = Read(reader.read(Source(path), ReadOptions(tz="Europe/Berlin")))
    assert packed.rows[c.STARTED].to_list() == [START]
    assert stored.rows.select(c.PERSON, c.STARTED, c.ENDED).rows() == [
        ("p", START, START),
        (None, START.replace(second=17), START.replace(second=17)),
    ]
    assert stored.payload["score"].to_list() == ["1.5", None]


def test_nul_bytes_reject_their_row(tmp_path: Path) -> None:
    filler = "".join(f"p{i},c,{T0},{T0}\n" for i in range(20_000))
    got = read(tmp_path, table() + filler + f"x\0y,c,{T0},{T0}\n")
    assert got.rows.height == 20_000
    assert got.rejects.select(c.ROW_NO, c.REASON).rows() == [(20_001, "NUL byte")]


def test_text_after_a_quote_rejects_its_row_only(tmp_path: Path) -> None:
    got = read(tmp_path, table(f'"ab"c,c,{T0},{T0}', f"p,c,{T0},{T0}"))
    assert got.rows[c.ROW_NO].to_list() == [2]
    assert got.rejects[c.REASON].to_list() == ["text after a closing quote"]


def test_an_open_quote_refuses_the_file(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="quote is not closed") as caught:
        read(tmp_path, table(f"p,c,{T0},{T0}", f'"p,c,{T0},{T0}', f"q,c,{T0},{T0}"))
    assert "line 3" in (caught.value.where or "")


def test_the_truncated_export_is_refused_with_help(testdata: Path) -> None:
    with pytest.raises(HeaderError, match="started_at, ended_at"):
        list(reader.read(Source(testdata / "corsight" / "truncated_header.csv"), ReadOptions()))


def test_slash_dates_are_decided_by_a_row_far_below(tmp_path: Path) -> None:
    rows = [f"p{i},c,01/05/2025 10:00:00,01/05/2025 10:00:05" for i in range(500)]
    with pytest.raises(AskError, match="two readings"):
        read(tmp_path, table(*rows), block_bytes=2_000)
    decided = read(tmp_path, table(*rows, "p,c,31/05/2025 10:00:00,31/05/2025 10:00:05"), block_bytes=2_000)
    assert decided.rows[c.STARTED][0] == datetime(2025, 5, 1, 10, tzinfo=UTC)
    assert decided.rows.height == 501
    with pytest.raises(AskError, match="both orders"):
        read(
            tmp_path,
            table(*rows, "p,c,31/05/2025 10:00:00,31/05/2025 10:00:05", *rows, "p,c,05/31/2025 10:00:00,x"),
            block_bytes=2_000,
        )


def test_samples_of_a_big_file_decide_its_dates(tmp_path: Path) -> None:
    pad = "x" * 4_000
    header = "person_id,utc_time_started,utc_time_ended,pad"
    rows = [f'p,{1 + i // 1000:02}/05/2025 10:00:00,,"{pad}"' for i in range(5_000)]
    rows += [f'p,30/05/2025 10:00:00,30/05/2025 10:00:05,"{pad}"']
    got = read(tmp_path, table(*rows, header=header), keep_payload=False)
    assert got.rows[c.STARTED].to_list() == [datetime(2025, 5, 30, 10, tzinfo=UTC)]
    assert got.rejects.height == 5_000


field = st.sampled_from(["p", "a,b", 'say "x"', "two\nlines", "é€", "", " "])
time = st.sampled_from(
    [str(T0), f"{T0}5,00", "soon", "", "2025-05-01 00:00:12", "1.754E+09", "13/05/2025 10:00:00"]
)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(field, field, time, time, st.lists(field, max_size=2)), min_size=1, max_size=12),
    st.integers(40, 400),
    st.integers(1, 2),
)
def test_block_size_and_threads_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], size: int, threads: int
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["person_id", "camera_id", "utc_time_started", "utc_time_ended"])
    writer.writerows([[*row[:4], *row[4]] for row in rows])
    folder = tmp_path_factory.mktemp("blocks")
    whole = read(folder, out.getvalue(), threads=1)
    cut = read(folder, out.getvalue(), block_bytes=size, threads=threads)
    assert cut.rows.equals(whole.rows)
    assert cut.rejects.equals(whole.rejects)
    assert set(cut.notes) == set(whole.notes)


def test_claims() -> None:
    def head(*columns: str) -> Any:
        text = ",".join(columns)
        return Head(
            name="a.csv", suffix=".csv", kind="text", text=text, encoding="utf-8", dialect=None,
            columns=columns, rows=(),
        )  # fmt: skip

    assert reader.claims(head("person_id", "utc_time_started", "utc_time_ended")) == 1.0
    assert 0 < reader.claims(head("person_id", "utc_time_st")) < 0.5
    assert reader.claims(head("timestamp", "person_id", "event_type")) == 0.0
    assert reader.claims(head("{")) == 0.0
