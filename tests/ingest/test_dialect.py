"""Delimiters and decimal commas."""

from __future__ import annotations

import pytest

from dwell_kit.ingest.dialect import Dialect, detect


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(delimiter: str) -> None:
    text = delimiter.join("abc") + "\n" + delimiter.join(["1", "x y", ""]) + "\n"
    assert detect(text) == Dialect(delimiter=delimiter)


def test_a_semicolon_with_decimal_commas() -> None:
    assert detect("a;b;c\n1,5;2,5;3,5\n1,5;2,5;3,5\n") == Dialect(delimiter=";", decimal_comma=True)


def test_delimiters_in_quotes_do_not_count() -> None:
    text = 'name;note\nx;"a,b,c"\ny;"d,e,f"\n'
    assert detect(text).delimiter == ";"


def test_a_json_list_in_a_field_does_not_count() -> None:
    text = 'a,b\n1,"[{""x"": 0.1; ""y"": 2}]"\n2,"[{""x"": 0.1; ""y"": 2}]"\n'
    assert detect(text).delimiter == ","


def test_one_column_and_header_only() -> None:
    assert detect("a\n1\n") == Dialect()
    assert detect("a;b;c\n").delimiter == ";"


def test_old_macintosh_line_ends() -> None:
    assert detect("a,b\r1,2\r").newline == "\r"
    assert detect("a,b\r\n1,2\r\n").newline == "\n"


def test_what_is_said_wins_and_is_reported() -> None:
    assert detect("a,b;c\n1,2;3\n", delimiter=";").delimiter == ";"
    assert detect("a;b\n1,5;2\n").note() == "delimiter: semicolon, decimal comma"
