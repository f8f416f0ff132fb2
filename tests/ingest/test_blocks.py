"""Blocks of whole rows, against the csv module."""

from __future__ import annotations

import csv
import io
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.errors import FormatError, LimitError
from dwell_kit.ingest import blocks
from dwell_kit.ingest.batches import Limits

fields = st.text(alphabet=st.sampled_from(list('ab",;\n\r é\t')), max_size=8)
tables = st.lists(st.lists(fields, min_size=1, max_size=4), max_size=12)


def chunked(data: bytes, size: int) -> list[bytes]:
    # Chunks of whole characters, as a decoder gives them.
    text = data.decode()
    return [text[at : at + size].encode() for at in range(0, len(text), size)]


def rows_of(found: list[blocks.Block]) -> list[list[str]]:
    return [record.fields for block in found for record in blocks.records(block.text(), ",") if record.fields]


def truth(text: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text, newline="")) if row]


@given(tables, st.integers(1, 30), st.sampled_from(["\n", "\r\n"]))
def test_any_cut_gives_the_rows_of_the_csv_module(rows: list[list[str]], size: int, newline: str) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator=newline).writerows(rows)
    text = written.getvalue()
    found = list(blocks.cut(chunked(text.encode(), size), prefix=b"prefix\n"))
    assert rows_of(found) == truth(text)
    assert "".join(block.text() for block in found) == text


@given(st.text(alphabet=st.sampled_from(list('ab",\n')), max_size=60), st.integers(1, 20))
def test_any_text_is_read_right_or_refused(text: str, size: int) -> None:
    try:
        found = list(blocks.cut(chunked(text.encode(), size)))
    except FormatError:
        assert '"' in text
    else:
        assert rows_of(found) == truth(text)


@given(tables, st.integers(1, 30))
def test_a_block_that_is_not_careful_has_ordinary_quotes(rows: list[list[str]], size: int) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    for block in blocks.cut(chunked(written.getvalue().encode(), size)):
        if not block.careful:
            assert not any(record.malformed for record in blocks.records(block.text(), ","))


def test_lines_are_counted() -> None:
    text = 'a,b\n1,"x\ny"\n2,z\n3,w\n'
    found = list(blocks.cut(chunked(text.encode(), 12)))
    assert [block.line for block in found] == [
        1 + "".join(b.text() for b in found[:i]).count("\n") for i in range(len(found))
    ]


def test_a_last_row_without_a_line_end() -> None:
    assert rows_of(list(blocks.cut([b"a,b\n1,2"]))) == [["a", "b"], ["1", "2"]]


def test_a_quote_that_is_never_closed_names_its_line() -> None:
    with pytest.raises(FormatError, match="quote is not closed") as caught:
        list(blocks.cut([b'a,b\n1,2\n3,"4\n5,6\n']))
    assert "line 3" in (caught.value.where or "")


def test_a_stray_quote_that_swallows_rows_is_refused() -> None:
    with pytest.raises(FormatError, match="quote is not closed") as caught:
        list(blocks.cut([b'a,b\n1,"2\n3,4\n5,"6"\n']))
    assert "line 2" in (caught.value.where or "")


def test_an_open_quote_does_not_fill_the_memory() -> None:
    rows = (b"1,2\n" for _ in range(10_000))
    with pytest.raises(FormatError, match="quote is not closed") as caught:
        list(blocks.cut([b'a,b\n1,"2\n', *rows], limits=Limits(line_bytes=1_000)))
    assert "line 2" in (caught.value.where or "")


def test_a_row_that_is_too_long_names_its_line() -> None:
    with pytest.raises(LimitError, match="row is too long") as caught:
        list(blocks.cut([b"a,b\n", b"1,2\n", *[b"x" * 300] * 5], limits=Limits(line_bytes=1_000)))
    assert "line 3" in (caught.value.where or "")


def test_quotes_inside_unquoted_fields_are_letters() -> None:
    text = '1,5" pipe\n2,6" pipe\n3,x"y"z\n'
    found = list(blocks.cut([text.encode()]))
    assert rows_of(found) == truth(text) == [["1", '5" pipe'], ["2", '6" pipe'], ["3", 'x"y"z']]


def test_text_after_a_closing_quote_is_marked() -> None:
    (block,) = blocks.cut([b'1,"ab"c\n2,d\n'])
    assert [record.malformed for record in blocks.records(block.text(), ",")] == [True, False]


def test_ordered_keeps_the_order_and_bounds_what_is_under_way() -> None:
    gate = threading.Semaphore(0)
    taken: list[int] = []

    def items() -> object:
        for number in range(20):
            taken.append(number)
            yield number

    def work(number: int) -> int:
        if number:
            gate.acquire()
        return number * number

    results = blocks.ordered(items(), work, threads=2)  # type: ignore[arg-type]
    assert next(results) == 0
    assert taken == [0]
    gate.release(20)
    assert next(results) == 1
    assert len(taken) <= 5
    assert list(results) == [n * n for n in range(2, 20)]


def test_ordered_raises_what_work_raises() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise FormatError("three")
        return number

    with pytest.raises(FormatError, match="three"):
        list(blocks.ordered(range(10), work, threads=2))
