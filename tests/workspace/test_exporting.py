from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from dwell_kit.errors import FilterError
from dwell_kit.workspace import exporting

FRAME = pl.DataFrame(
    {
        "person_id": ["=cmd|' /C calc'!A0", "+1", "-2", "@x", "\tq", "plain", None],
        "n": [-1, 2, 3, 4, 5, 6, 7],
        "t": [datetime(2025, 5, 5, 8, 0, 0, 1, tzinfo=UTC)] * 7,
    },
    schema_overrides={"t": pl.Datetime("us", "UTC")},
)


@pytest.mark.parametrize("suffix", exporting.SUFFIXES)
def test_every_format_keeps_every_row(suffix: str, tmp_path: Path) -> None:
    path = exporting.write(FRAME, tmp_path / f"out{suffix}")
    read = {
        ".csv": pl.read_csv, ".json": pl.read_json, ".ndjson": pl.read_ndjson, ".parquet": pl.read_parquet,
        ".xlsx": lambda p: pl.read_excel(p, engine="calamine"),
    }[suffix]  # fmt: skip
    found = read(path)
    assert found["n"].to_list() == FRAME["n"].to_list()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_formulas_are_neutralised_where_a_spreadsheet_would_run_them(tmp_path: Path) -> None:
    found = pl.read_csv(exporting.write(FRAME, tmp_path / "out.csv"))
    assert found["person_id"].to_list() == ["'=cmd|' /C calc'!A0", "'+1", "'-2", "'@x", "'\tq", "plain", None]
    assert found["n"][0] == -1  # a number is not a formula
    assert found["t"][0] == "2025-05-05T08:00:00.000001Z"
    exact = pl.read_parquet(exporting.write(FRAME, tmp_path / "out.parquet"))
    assert exact.equals(FRAME)
    sheet = pl.read_excel(exporting.write(FRAME, tmp_path / "out.xlsx"), engine="calamine")
    assert sheet.columns == [name if name != "t" else "t (UTC)" for name in FRAME.columns]  # Excel knows no zones


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FilterError, match="not known"):
        exporting.write(FRAME, tmp_path / "out.doc")
    assert list(tmp_path.iterdir()) == []
