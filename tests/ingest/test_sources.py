"""Files as streams: encodings, compression, limits, and every raw byte handed over once."""

from __future__ import annotations

import gzip
import hashlib
import struct
import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.errors import FormatError, LimitError
from dwell_kit.ingest import decoding
from dwell_kit.ingest.batches import Limits, ReadOptions
from dwell_kit.ingest.sources import Source

TEXT = "person_id,café\n1,ä€\n2,ö\n"


def text_of(path: Path, **options: str) -> str:
    return Source(path).text(ReadOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
    ],
)
def test_everyday_encodings_are_detected(tmp_path: Path, encoding: str, found: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(TEXT.encode(encoding))
    assert Source(path).head().encoding == found
    assert Source(path).head().columns == ("person_id", "café")
    assert text_of(path) == TEXT


def test_an_encoding_that_is_named_wins(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("имя,b\n1,2\n".encode("cp1251"))
    assert text_of(path, encoding="cp1251").startswith("имя")
    with pytest.raises(FormatError, match="no encoding"):
        text_of(path, encoding="klingon")
    with pytest.raises(FormatError, match="the text is not utf-32"):
        text_of(path, encoding="utf-32")


def test_a_stray_byte_far_in_is_read_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" + b"x,y\n" * 100_000 + "1,é\n".encode("cp1252"))
    source = Source(path)
    assert source.text().endswith("1,é\n")
    assert source.notes == ["encoding: some bytes are not UTF-8 and were read as Windows-1252"]


@given(st.text(max_size=60), st.integers(1, 9))
def test_utf8_survives_any_chunking(text: str, size: int) -> None:
    raw = text.encode()
    chunks = [raw[at : at + size] for at in range(0, len(raw), size)]
    found = b"".join(decoding.Decoder("utf-8").decode(chunks)).decode()
    assert found == text.removeprefix("\ufeff")


@given(st.binary(max_size=60), st.integers(1, 9))
def test_any_bytes_become_utf8(raw: bytes, size: int) -> None:
    chunks = [raw[at : at + size] for at in range(0, len(raw), size)]
    b"".join(decoding.Decoder("utf-8").decode(chunks)).decode("utf-8", "strict")
    b"".join(decoding.Decoder("cp1252").decode(chunks)).decode("utf-8", "strict")


def test_gzip_is_known_by_its_bytes(tmp_path: Path) -> None:
    for name in ("a.csv.gz", "a.csv"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(TEXT.encode()))
        assert Source(path).head().suffix == ".csv"
        assert text_of(path) == TEXT


def test_a_gzip_that_ends_too_early(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(TEXT.encode() * 1000)[:-20])
    with pytest.raises(FormatError, match="ends too early"):
        text_of(path)


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_members_of_a_zip_come_in_order_of_name(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip",
        {
            "b.csv": b"b\n1\n",
            "a.csv": b"a\n1\n",
            "readme.md": b"hi",
            "__MACOSX/._a.csv": b"x",
            ".hidden.csv": b"x",
        },
    )
    source = Source(path)
    members = source.members()
    assert [member.name for member in members] == ["a.zip/a.csv", "a.zip/b.csv"]
    assert [member.text() for member in members] == ["a\n1\n", "b\n1\n"]
    assert source.notes == ["zip: 'readme.md' is no table and was left out"]


@pytest.mark.parametrize("name", ["../evil.csv", "/etc/passwd.csv", "a/../../b.csv", "..\\evil.csv", "C:\\x.csv"])
def test_names_that_leave_their_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(FormatError, match="leaves its folder"):
        Source(zipped(tmp_path / "a.zip", {name: b"a\n"})).members()


def test_a_zip_in_a_zip(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="zip inside"):
        Source(zipped(tmp_path / "a.zip", {"b.zip": b"PK"})).members()


def test_a_zip_without_a_table(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no table"):
        Source(zipped(tmp_path / "a.zip", {"a.jpg": b"x"})).members()


def test_an_encrypted_zip(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.csv": b"a\n1\n"})
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    flags = struct.unpack_from("<H", data, entry + 8)[0]
    struct.pack_into("<H", data, entry + 8, flags | 1)
    path.write_bytes(bytes(data))
    with pytest.raises(FormatError, match="encrypted"):
        Source(path).members()


def test_bombs(tmp_path: Path) -> None:
    zeros = b"0" * (4 << 20)
    with pytest.raises(LimitError, match="grows too much"):
        Source(zipped(tmp_path / "a.zip", {"a.csv": zeros})).members()
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + zeros))
    with pytest.raises(LimitError, match="grows too much"):
        text_of(path)
    with pytest.raises(LimitError, match="larger than the limit"):
        Source(zipped(tmp_path / "b.zip", {"a.csv": b"x,y\n" * 50}), limits=Limits(total_bytes=100)).members()
    with pytest.raises(LimitError, match="too many files"):
        Source(
            zipped(tmp_path / "c.zip", {f"{i}.csv": b"a" for i in range(5)}), limits=Limits(members=4)
        ).members()


def test_a_broken_zip(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04" + b"x" * 100)
    with pytest.raises(FormatError, match="broken"):
        Source(path).members()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"%PDF-1.7 ...", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Office"),
        (b"SQLite format 3\x00", "SQLite"),
        (b"\x00\x00\x00\x18ftypmp42", "MP4"),
        (b"a,b\n1,\x00\x00\n" * 3, "NUL byte"),
    ],
)
def test_binary_files_are_refused_by_what_they_look_like(tmp_path: Path, data: bytes, what: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(FormatError, match="not a text table") as caught:
        Source(path).head()
    assert what in (caught.value.found or "")


def test_a_workbook_says_so(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.csv", {"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"})
    with pytest.raises(FormatError) as caught:
        Source(path).members()
    assert "xlsx" in (caught.value.found or "")


@pytest.mark.parametrize("data", [b"", b"\n\n  \n", b"\xef\xbb\xbf"])
def test_an_empty_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(FormatError, match="empty"):
        Source(path).head()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file"):
        Source(tmp_path / "none.csv")


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a [1] 50%.parquet"
    pl.DataFrame({"a": range(10), "b": ["x"] * 10}).write_parquet(path)
    source = Source(path)
    assert source.head().columns == ("a", "b")
    assert pl.concat(source.frames(3))["a"].to_list() == list(range(10))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(FormatError, match="Parquet"):
        Source(path).head()


@pytest.mark.parametrize("kind", ["plain", "gzip", "zip", "parquet"])
@pytest.mark.parametrize("passes", [0, 1, 2])
def test_every_raw_byte_is_handed_over_once(tmp_path: Path, kind: str, passes: int) -> None:
    path = tmp_path / "a.csv"
    data = (TEXT * 20_000).encode()
    if kind == "gzip":
        path.write_bytes(gzip.compress(data))
    elif kind == "zip":
        zipped(path, {"a.csv": data[: 1 << 19], "b.csv": b"a\n1\n"})
    elif kind == "parquet":
        pl.DataFrame({"a": range(10_000)}).write_parquet(path)
    else:
        path.write_bytes(data)
    got = hashlib.sha256()
    source = Source(path, on_bytes=got.update)
    for _ in range(passes):
        for member in source.members():
            member.head()
            if kind != "parquet":
                next(member.chunks(size=1000))
                assert sum(map(len, member.chunks())) > 0
    source.finish()
    source.finish()
    assert got.hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()
