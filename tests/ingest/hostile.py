"""Files that attack, and files that only look as if they did: how each is built, and what must become of it."""

from __future__ import annotations

import codecs
import gzip
import os
import random
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dwell_kit.errors import AskError, DwellError, FormatError, HeaderError, LimitError

T0 = 1_754_042_400
"""2025-08-01 10:00:00 UTC."""
HEADER = "person_id,camera_id,utc_time_started,utc_time_ended"
GOOD = f"ann,c1,{T0},{T0 + 60}"
ANN = ("ann", T0, T0 + 60)

Row = tuple[str | None, float, float]
Build = Callable[[Path], Path]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One file and its fate: an error of a class whose text has these words, or exactly these rows.

    Parameters
    ----------
    build : writes the file into a folder and says where.
    accepted : (person_id, started, ended) in epoch seconds, in any order; ended is recorded for crowd events.
    stored : what a workspace shows after it: one row for each key, the newest.
    rejected : row number → words of its reason.
    options : `ReadOptions` that the caller gives.
    """

    name: str
    build: Build
    error: type[DwellError] | None = None
    words: tuple[str, ...] = ()
    accepted: tuple[Row, ...] = ()
    stored: tuple[Row, ...] = ()
    rejected: Mapping[int, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


CASES: list[Case] = []


def _add(name: str, build: Build, **expected: Any) -> None:
    CASES.append(Case(name=name, build=build, **expected))


def _refused(name: str, build: Build, error: type[DwellError], *words: str, **options: Any) -> None:
    _add(name, build, error=error, words=words, options=options)


def _read(
    name: str,
    build: Build,
    *accepted: Row,
    rejected: Mapping[int, str] | None = None,
    stored: tuple[Row, ...] | None = None,
    **options: Any,
) -> None:
    kept = tuple(set(accepted)) if stored is None else stored
    _add(name, build, accepted=accepted, stored=kept, rejected=rejected or {}, options=options)


def file(name: str, data: bytes | str) -> Build:
    def build(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return build


def table(*rows: str, header: str = HEADER, end: str = "\n") -> str:
    return end.join([header, *rows]) + end


def appearances(*rows: str, header: str = HEADER) -> Build:
    return file("export.csv", table(*rows, header=header))


def archive(name: str, *members: tuple[str, bytes | str], **kind: Any) -> Build:
    def build(folder: Path) -> Path:
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as made:
            for inner, data in members:
                made.writestr(zipfile.ZipInfo(inner), data, zipfile.ZIP_DEFLATED)
        return folder / name

    return build


def _patched(build: Build, change: Callable[[bytes], bytes]) -> Build:
    def patched(folder: Path) -> Path:
        path = build(folder)
        path.write_bytes(change(path.read_bytes()))
        return path

    return patched


def _encrypted_flag(data: bytes) -> bytes:
    """Set bit 0 of the flags in the local and in the central header."""
    made = bytearray(data)
    made[6] |= 1
    made[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(made)


def _wrong_checksum(data: bytes) -> bytes:
    """Change the CRC-32 in both headers."""
    made = bytearray(data)
    central = data.index(b"PK\x01\x02")
    for at in (14, central + 16):
        made[at] ^= 0xFF
    return bytes(made)


def _many(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "export.zip", "w") as made:
        for number in range(20_000):
            made.writestr(zipfile.ZipInfo(f"{number}.csv"), b"")
    return folder / "export.zip"


def _long_line(folder: Path) -> Path:
    path = folder / "export.csv"
    with path.open("wb") as out:
        out.write(f"{HEADER}\n{GOOD}\n".encode())
        block = b"x" * (1 << 20)
        for _ in range(100):
            out.write(block)
    return path


def _zip_bomb(folder: Path) -> Path:
    return archive("export.zip", ("export.csv", table(GOOD) + "\n" * (32 << 20)))(folder)


def _gzip_bomb(folder: Path) -> Path:
    return file("export.csv.gz", gzip.compress(table(GOOD).encode() + b"\n" * (32 << 20)))(folder)


def _random_bytes() -> bytes:
    return random.Random(7).randbytes(4096)


def _parquet(folder: Path, **columns: list[Any]) -> Path:
    import polars as pl

    pl.DataFrame(columns).write_parquet(folder / "export.parquet")
    return folder / "export.parquet"


# --- nothing, or no table -------------------------------------------------------------------------------------
_refused("empty", file("export.csv", b""), FormatError, "empty")
_refused("whitespace only", file("export.csv", b" \n\t\r\n  \n"), FormatError, "empty")
_refused("byte-order mark only", file("export.csv", codecs.BOM_UTF8), FormatError, "empty")
_refused("UTF-16 mark only", file("export.csv", codecs.BOM_UTF16_LE), FormatError, "empty")
_read("header only", appearances())
for _label, _magic, _word in [
    ("PNG", b"\x89PNG\r\n\x1a\n" + bytes(64), "PNG"),
    ("PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
    ("JPEG", b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(32), "JPEG"),
    ("old Excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "Office"),
    ("MP4", b"\x00\x00\x00\x18ftypmp42" + bytes(64), "MP4"),
    ("SQLite", b"SQLite format 3\x00" + bytes(64), "SQLite"),
    ("program", b"\x7fELF\x02\x01\x01" + bytes(64), "program"),
    ("7-Zip", b"7z\xbc\xaf\x27\x1c" + bytes(64), "7-Zip"),
    ("random bytes", _random_bytes(), "CSV"),
    ("zeros", bytes(4096), "NUL"),
]:
    _refused(f"{_label} called .csv", file("export.csv", _magic), FormatError, "not a text table", _word)
_refused(
    "Excel workbook",
    archive("export.csv", ("[Content_Types].xml", "<x/>"), ("xl/workbook.xml", "<x/>")),
    FormatError,
    "not a text table",
    "xlsx",
)
_refused("HTML error page", file("export.csv", "<!DOCTYPE html><html><body>502</body></html>"), FormatError)
_refused("prose", file("export.csv", "Dear all,\nplease find the export below.\n"), FormatError)

# --- Parquet --------------------------------------------------------------------------------------------------
_refused("Parquet, mark only", file("export.parquet", b"PAR1"), FormatError, "Parquet")
_refused("Parquet, garbage inside", file("export.parquet", b"PAR1" + _random_bytes() + b"PAR1"), FormatError)
_refused(
    "Parquet, truncated",
    _patched(lambda f: _parquet(f, person_id=["a"] * 99), lambda b: b[: len(b) // 2]),
    FormatError,
    "Parquet",
)
_refused("Parquet of something else", lambda f: _parquet(f, price=[1.5], item=["x"]), FormatError)
_read(
    "Parquet, numbers and texts",
    lambda f: _parquet(f, person_id=["ann", "bob"], utc_time_started=[T0, T0], utc_time_ended=[T0 + 60, T0 - 1]),
    ANN,
    rejected={2: "before"},
)

# --- encodings ------------------------------------------------------------------------------------------------
_TEXT = table(f"josé,c1,{T0},{T0 + 60}", GOOD)
_JOSE = ("josé", T0, T0 + 60)
for _label, _data in [
    ("UTF-8 with mark", codecs.BOM_UTF8 + _TEXT.encode()),
    ("UTF-16 LE", codecs.BOM_UTF16_LE + _TEXT.encode("utf-16-le")),
    ("UTF-16 BE", codecs.BOM_UTF16_BE + _TEXT.encode("utf-16-be")),
    ("UTF-16 LE without mark", _TEXT.encode("utf-16-le")),
    ("UTF-16 BE without mark", _TEXT.encode("utf-16-be")),
    ("UTF-32", _TEXT.encode("utf-32")),
    ("Windows-1252", _TEXT.encode("cp1252")),
]:
    _read(_label, file("export.csv", _data), _JOSE, ANN)
_read("Windows-1252 after 300 kB of ASCII", file("export.csv", (
    table(*[GOOD] * 9_000) + f"jos\xe9,c1,{T0},{T0 + 60}\n").encode("cp1252")), *[ANN] * 9_000, _JOSE)  # fmt: skip
_refused(
    "UTF-16 cut inside a character",
    file("export.csv", (codecs.BOM_UTF16_LE + _TEXT.encode("utf-16-le"))[:-1]),
    FormatError,
    "utf-16",
)
_refused("an encoding that is none", file("export.csv", _TEXT), FormatError, "no encoding", encoding="utf-99")
_refused("the wrong encoding said", file("export.csv", _TEXT), FormatError, "no reader", encoding="utf-16-le")
_read(
    "lone surrogates as bytes",
    file("export.csv", table(GOOD).encode() + b"\xed\xa0\x80,c1,%d,%d\n" % (T0, T0 + 1)),
    ANN,
    ("í\xa0€", T0, T0 + 1),
)

# --- structure ------------------------------------------------------------------------------------------------
_refused(
    "10,000 columns",
    file("export.csv", table(header=",".join(f"column{i}" for i in range(10_000)))),
    LimitError,
    "too many columns",
    "2,000",
    "10,000",
)
_refused("a line of 100 MB", _long_line, LimitError, "too long")
_refused("an open quote at the end", appearances(GOOD, f'"bob,c1,{T0},{T0 + 60}'), FormatError, "quote")
_refused(
    "an open quote before 20 MB",
    appearances(GOOD, '"bob,c1,1,2', *[GOOD] * 700_000),
    FormatError,
    "quote is not closed",
    "line 3",
)
_refused(
    "a line of comment first", file("export.csv", "# exported by x\n" + table(GOOD)), FormatError, "no reader"
)
_refused("NUL bytes", file("export.csv", table(GOOD, f"b\0b,c1,{T0},{T0 + 60}")), FormatError, "NUL")
_read("short row", appearances(GOOD, "bob,c1", GOOD), ANN, ANN, rejected={2: "no time"})
_read("long row", appearances(GOOD, f"bob,c1,{T0},{T0 + 60},x,y"), ANN, rejected={2: "more fields"})
_read("trailing delimiters", appearances(GOOD + ",,", header=HEADER + ",,"), ANN)
_read("blank lines", appearances("", GOOD, "", " ", ",,,", GOOD), ANN, ANN)
_read("no newline at the end", file("export.csv", table(GOOD).rstrip()), ANN)
_read("CR only", file("export.csv", table(GOOD, GOOD, end="\r")), ANN, ANN)
_read("CRLF", file("export.csv", table(GOOD, GOOD, end="\r\n")), ANN, ANN)
_read("CRLF and LF mixed", file("export.csv", f"{HEADER}\r\n{GOOD}\n{GOOD}\r\n{GOOD}"), ANN, ANN, ANN)
_read("newline in a quoted id", appearances(f'"an\nn",c1,{T0},{T0 + 60}', GOOD), ("an\nn", T0, T0 + 60), ANN)
_read("doubled quotes", appearances(f'"a""n",c1,{T0},{T0 + 60}'), ('a"n', T0, T0 + 60))
for _label, _delimiter in [("semicolons", ";"), ("tabs", "\t"), ("bars", "|")]:
    _read(_label, file("export.csv", table(GOOD).replace(",", _delimiter)), ANN)
_read(
    "semicolons and decimal commas",
    file("export.csv", f"person_id;utc_time_started;utc_time_ended;score\nann;{T0},0;{T0 + 60},5;0,9\n"),
    ("ann", T0, T0 + 60.5),
)
_read("the header again inside", appearances(GOOD, HEADER, GOOD), ANN, ANN, rejected={2: "not a time"})
_read(
    "one id and two contents",
    appearances(
        f"a1,ann,{T0},{T0 + 60},{T0 + 99}",
        f"a1,bob,{T0},{T0 + 9},{T0 + 9}",
        header="appearance_id,person_id,utc_time_started,utc_time_ended,utc_time_recorded",
    ),
    ANN,
    ("bob", T0, T0 + 9),
    stored=(ANN,),
)
_refused("mandatory header twice", appearances(GOOD, header=HEADER + ",person_id"), HeaderError, "person_id")
_read("other headers twice", appearances(GOOD + ",x,y", header=HEADER + ",note,note"), ANN)
_refused("no header", file("export.csv", f"{GOOD}\n{GOOD}\n"), FormatError)
_refused(
    "cut header",
    appearances("p,1,2", header="person_id,utc_time_st,utc_time_e"),
    HeaderError,
    "started_at",
    "ended_at",
    "utc_time_st",
    "columns=",
)

# --- times ----------------------------------------------------------------------------------------------------
for _label, _start, _end, _why in [
    ("end before start", T0, T0 - 1, "before"),
    ("year 1", "0001-01-01 00:00:00", T0, "2000"),
    ("year 9999", T0, "9999-12-31 23:59:59", "2000"),
    ("negative epoch", -T0, T0, "2000"),
    ("epoch zero", 0, T0, "2000"),
    ("2^63", T0, 2**63, "2000"),
    ("2^63 - 1", T0, 2**63 - 1, "2000"),
    ("2^400", T0, 2**400, ""),
    ("inf", "inf", T0, "not a time"),
    ("nan", "nan", T0, "not a time"),
    ("-inf", T0, "-inf", "not a time"),
    ("1e400", T0, "1e400", ""),
    ("rounded by a spreadsheet", "1.754E+09", "1.754E+09", "spreadsheet rounded"),
    ("month 13", "2025-13-01 00:00:00", T0, "not a time"),
    ("30 February", "2025-02-30 00:00:00", T0, "not a time"),
    ("hour 25", "2025-08-01 25:00:00", T0, "not a time"),
    ("no time", "", T0, "no time"),
    ("now", "now()", T0, "not a time"),
    ("formula", "=NOW()", T0, "not a time"),
    ("Arabic digits", "١٧٥٤٠٤٢٤٠٠", T0, "not "),
]:
    _read(f"time: {_label}", appearances(GOOD, f"bob,c1,{_start},{_end}", GOOD), ANN, ANN, rejected={2: _why})
_read(
    "time: scientific but whole",
    appearances("ann,c1,1.754042400E+09,1.754042460E9"),
    ANN,
)
_read(
    "time: rounded, readable beside it",
    appearances(
        "ann,1.754E+09,2025-08-01 10:00:00,1.754E+09,2025-08-01 10:01:00",
        header="person_id,utc_time_started,utc_time_started_readable,utc_time_ended,utc_time_ended_readable",
    ),
    ANN,
)
_LOCAL = "person_id,start_time,end_time"
_read(
    "time: the hour that comes twice",
    appearances("ann,2025-10-26 02:30:00,2025-10-26 04:00:00", header=_LOCAL),
    rejected={1: "happens twice"},
    tz="Europe/Berlin",
)
_read(
    "time: the hour that comes twice, chosen",
    appearances("ann,2025-10-26 02:30:00,2025-10-26 04:00:00", header=_LOCAL),
    ("ann", 1_761_442_200, 1_761_447_600),
    tz="Europe/Berlin",
    ambiguous="latest",
)
_read(
    "time: the hour that is missing",
    appearances("ann,2025-03-30 02:30:00,2025-03-30 04:00:00", header=_LOCAL),
    rejected={1: "does not exist"},
    tz="Europe/Berlin",
)
_refused(
    "time: day or month",
    appearances("ann,01/08/2025 10:00:00,01/08/2025 10:01:00", header=_LOCAL),
    AskError,
    "two readings",
    "day_first",
)
_read(
    "time: day or month, said",
    appearances("ann,01/08/2025 10:00:00,01/08/2025 10:01:00", header=_LOCAL),
    ANN,
    day_first=True,
)
_refused(
    "time: day and month first",
    appearances(
        "ann,31/08/2025 10:00:00,31/08/2025 10:01:00",
        "ann,08/31/2025 10:00:00,08/31/2025 10:01:00",
        header=_LOCAL,
    ),
    AskError,
    "both orders",
)
_read("time: zero length", appearances(f"ann,c1,{T0},{T0}"), ("ann", T0, T0))

# --- words that attack whoever shows or runs them: data, kept letter by letter ---------------------------------
for _label, _word in [
    ("command formula", "=cmd|'/C calc'!A0"),
    ("plus formula", "+1+1"),
    ("minus formula", "-2+3"),
    ("at formula", "@SUM(A1)"),
    ("SQL", "x'; DROP TABLE sightings; --"),
    ("template", "{{7*7}}${7*7}<%= 7 %>"),
    ("HTML", "<script>alert(1)</script>"),
    ("path", "../../etc/passwd"),
    ("log line", "bob\\nINFO accepted"),
    ("escape codes", "\x1b[31mred\x1b[0m"),
    ("emoji", "👩‍👩‍👧‍👦"),
    ("right to left", "\u202egnp.exe\u202c אבג"),
    ("zero width", "a\u200bb"),
    ("a megabyte", "x" * (1 << 20)),
    ("percent", "%s%n%d%2e%00"),
]:
    _read(f"id: {_label}", appearances(f'"{_word}",c1,{T0},{T0 + 60}', GOOD), (_word, T0, T0 + 60), ANN)

# --- JSON -----------------------------------------------------------------------------------------------------
_EVENT = (
    '{"event_id": "%s", "person_id": "ann", "camera_id": "c1", "utc_time_recorded": %s, "loitering_duration": 60}'
)
_J1 = _EVENT % ("e1", T0 + 60)


def _json(text: str | bytes) -> Build:
    return file("insights.json", text)


for _label, _bomb in [
    ("lists", "[" * 500_000),
    ("objects", '{"a":' * 500_000),
    ("envelopes", '{"data":' * 200_000),
    ("inside a record", f'[{_J1[:-1]}, "x": {"[" * 200_000}{"]" * 200_000}}}]'),
    ("in one line", f"{_J1}\n{'[' * 100_000}\n"),
]:
    _refused(f"JSON bomb: {_label}", _json(_bomb), LimitError, "nested too deeply")
_refused("JSON cut", _json(f"[{_J1}, {_J1[:20]}"), FormatError, "too early")
_refused("JSON without its closing bracket", _json(f"[{_J1},"), FormatError, "too early")
for _label, _scalar in [("number", "42"), ("text", '"hello"'), ("null", "null")]:
    _refused(f"JSON {_label}", _json(_scalar), FormatError)
_refused("JSON without records", _json('{"status": "ok"}'), HeaderError, "recorded_at")
_read("JSON empty list", _json("[]"))
_read("JSON empty envelope", _json('{"data": []}'))
_read(
    "JSON with NaN",
    _json(f"[{_J1}, {_EVENT % ('e2', 'NaN')}, {_EVENT % ('e3', T0 + 60)}]"),
    ANN,
    ANN,
    stored=(ANN, ANN),
    rejected={2: "not JSON"},
)
_read("JSON lines, one broken", _json(f"{_J1}\n{_J1[:-5]}\n{_J1}\n"), ANN, ANN, rejected={2: "not JSON"})
_read(
    "JSON of all sorts",
    _json(f'[1, {_J1}, null, "x", []]'),
    ANN,
    rejected={1: "object", 3: "object", 4: "object"},
)
_read("JSON with huge numbers", _json(f"[{_J1}, {_EVENT % ('e2', '9' * 400)}]"), ANN, rejected={2: ""})
_read("JSON with 2^63", _json(f"[{_J1}, {_EVENT % ('e2', 2**63)}]"), ANN, rejected={2: "2000"})
_SURROGATE = _EVENT % (chr(92) + "ud800", T0)
_read("JSON with lone surrogates", _json(f"[{_J1}, {_SURROGATE}]"), ANN, rejected={2: "not JSON"})
_read("JSON with a mark", _json(codecs.BOM_UTF8 + f"[{_J1}]".encode()), ANN)
_read("JSON in UTF-16", _json(f"[{_J1}]".encode("utf-16")), ANN)
_read("JSON with a key twice", _json(f'[{_J1[:-1]}, "person_id": "bob"}}]'), ("bob", T0, T0 + 60))
_read(
    "JSON durations that are none",
    _json(
        f"[{_J1}," + ",".join(_J1.replace("60}", bad + "}") for bad in ("-1", '"inf"', '"long"', "1e300")) + "]"
    ),
    ANN,
    rejected={2: "0 or more", 3: "0 or more", 4: "number", 5: ""},
)
_read("JSON without a time", _json(f'[{_J1}, {{"event_id": "e9"}}]'), ANN, rejected={2: "no time"})
_refused("JSON in HTML", _json("<html>[]</html>"), FormatError)

_refused(
    "JSON with 10,000 keys",
    _json("[{" + ",".join(f'"k{i}": 1' for i in range(10_000)) + f', "utc_time_recorded": {T0}}}]'),
    LimitError,
    "too many columns",
)
_refused("JSON record of 40 MB", _json(f'[{{"x": "{"y" * 40_000_000}"}}]'), LimitError, "too long")
_refused("JSON line of 40 MB", _json(f'{_J1}\n{{"x": "{"y" * 40_000_000}"}}\n'), LimitError, "too long")
_read(
    "JSON with one id and two contents",
    _json(f"[{_J1}, {_J1.replace('ann', 'bob')}]"),
    ANN,
    ("bob", T0, T0 + 60),
    stored=(("bob", T0, T0 + 60),),
)

# --- archives -------------------------------------------------------------------------------------------------
_CSV = ("export.csv", table(GOOD))
_read("zip", archive("export.zip", _CSV), ANN)
_read(
    "zip with rubbish beside",
    archive("export.zip", _CSV, ("__MACOSX/._export.csv", b"\0\5\x16"), ("a.png", b"x")),
    ANN,
)
_refused("zip bomb", _zip_bomb, LimitError, "grows too much")
_refused("gzip bomb", _gzip_bomb, LimitError, "grows too much")
_refused("zip in a zip", archive("export.zip", ("inner.zip", b"PK\3\4"), _CSV), FormatError, "inside the zip")
for _label, _inner in [
    ("that climbs", "../../evil.csv"),
    ("from the root", "/etc/evil.csv"),
    ("that climbs, Windows", "..\\evil.csv"),
    ("with a drive", "C:\\evil.csv"),
]:
    _refused(f"zip {_label}", archive("export.zip", (_inner, table(GOOD))), FormatError, "leaves its folder")
_refused("zip encrypted", _patched(archive("export.zip", _CSV), _encrypted_flag), FormatError, "encrypted")
_refused("zip without a table", archive("export.zip", ("a.png", b"x")), FormatError, "no table")
_refused("zip empty", file("export.zip", b"PK\5\6" + bytes(18)), FormatError, "no table")
_refused("zip cut", _patched(archive("export.zip", _CSV), lambda b: b[:-30]), FormatError, "broken")
_refused(
    "zip with a wrong checksum", _patched(archive("export.zip", _CSV), _wrong_checksum), FormatError, "broken"
)
_refused("zip with 20,000 files", _many, LimitError, "too many files")
_read("zip of a CSV and JSON", archive("export.zip", _CSV, ("more.json", f"[{_J1}]")), ANN, ANN, stored=(ANN, ANN))
_refused("zip with one bad table", archive("export.zip", _CSV, ("b.csv", "x,y\n1,2\n")), FormatError, "no reader")
_read("gzip", file("export.csv.gz", gzip.compress(table(GOOD).encode())), ANN)
_refused("gzip cut", file("export.csv.gz", gzip.compress(_TEXT.encode() * 50)[:-12]), FormatError, "too early")
_refused(
    "gzip with a wrong checksum",
    _patched(file("export.csv.gz", gzip.compress(table(GOOD).encode())), lambda b: b[:-8] + b"\0\0\0\0" + b[-4:]),
    FormatError,
    "broken",
)
_refused("gzip of nothing", file("export.csv.gz", gzip.compress(b"")), FormatError, "empty")
_refused("gzip that is none", file("export.csv.gz", b"\x1f\x8b\x08rubbish" + bytes(9)), FormatError)
_refused("gzip in a gzip", file("export.csv.gz", gzip.compress(gzip.compress(table(GOOD).encode()))), FormatError)
_read(
    "two gzips after each other",
    file("export.csv.gz", gzip.compress(table(GOOD).encode()) + gzip.compress(f"{GOOD}\n".encode())),
    ANN,
    ANN,
)


# --- the file system ------------------------------------------------------------------------------------------
def _directory(folder: Path) -> Path:
    (folder / "export.csv").mkdir()
    return folder / "export.csv"


def _loop(folder: Path) -> Path:
    (folder / "export.csv").symlink_to(folder / "export.csv")
    return folder / "export.csv"


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "export.csv")
    return folder / "export.csv"


def _dangling(folder: Path) -> Path:
    (folder / "export.csv").symlink_to(folder / "nowhere.csv")
    return folder / "export.csv"


_refused("directory", _directory, FormatError, "a folder")
_refused("missing", lambda f: f / "missing.csv", FormatError, "no such file")
_refused("symlink loop", _loop, FormatError, "no such file")
_refused("dangling symlink", _dangling, FormatError, "no such file")
_refused("named pipe", _fifo, FormatError, "no such file")
_refused("device", lambda f: Path("/dev/zero"), FormatError, "no such file")

# --- other formats --------------------------------------------------------------------------------------------
_ENTRIES = "timestamp,person_id,camera_id,event_type"
_read(
    "entry/exit: unknown word",
    appearances(f"{T0},ann,c1,entry", f"{T0 + 30},ann,c1,wave", f"{T0 + 60},ann,c1,exit", header=_ENTRIES),
    ANN,
    rejected={2: "neither entry nor exit"},
)
_read(
    "entry/exit: no person, no time",
    appearances(
        f"{T0},,c1,entry", "soon,ann,c1,exit", f"{T0},ann,c1,in", f"{T0 + 60},ann,c1,out", header=_ENTRIES
    ),
    ANN,
    rejected={1: "person", 2: "not a time"},
)
_MOT = "1,1,10,10,5,5,1,-1,-1,-1\n2,1,10,10,5,5,1,-1,-1,-1\n"
_CLOCK = {"camera": "c1", "start": datetime.fromtimestamp(T0, UTC), "fps": 1.0}
for _label in _CLOCK:
    _said = {name: value for name, value in _CLOCK.items() if name != _label}
    _refused(f"tracks without {_label}", file("tracks.txt", _MOT), AskError, f"option {_label}", **_said)
_read(
    "tracks with numbers that are none",
    file("tracks.txt", _MOT + "3,1,inf,1,1,1,1,-1,-1,-1\n3,-1,1,1,1,1,1,-1,-1,-1\n1e99,1,1,1,1,1,1,-1,-1,-1\n"),
    ("c1:1", T0, T0),
    ("c1:1", T0 + 1, T0 + 1),
    (None, T0 + 2, T0 + 2),
    # the positions, and the stay of two frames of a second each that they make
    stored=(("c1:1", T0, T0), ("c1:1", T0 + 1, T0 + 1), (None, T0 + 2, T0 + 2), ("c1:1", T0, T0 + 2)),
    rejected={3: "not a number", 5: "whole number"},
    **_CLOCK,
)
_read(
    "positions at infinity",
    file("positions.csv", f"t,person_id,x_m,y_m\n{T0},ann,1,1\n{T0},ann,inf,1\n{T0},ann,1,nan\n"),
    ("ann", T0, T0),
    stored=(("ann", T0, T0), ("ann", T0, T0)),  # the position and its stay
    rejected={2: "not a number", 3: "not a number"},
)
_refused(
    "positions in an unknown unit", file("positions.csv", f"t,person_id,x,y\n{T0},a,1,1\n"), FormatError, "x_m"
)
