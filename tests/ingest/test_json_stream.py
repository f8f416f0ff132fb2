"""JSON records are cut from any stream of chunks as the standard parser would see them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.errors import FormatError, LimitError
from dwell_kit.ingest.batches import Limits
from dwell_kit.ingest.json_stream import Raw, Shape, parse, records

SHAPE = Shape(wrappers={"data", "events"}, marks={"time"}, ids={"id"}, handed_down={"site", "cam", "id"})


def read(text: str | bytes, *, size: int = 1 << 20, limits: Limits | None = None) -> list[Any]:
    data = text.encode() if isinstance(text, str) else text
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    return parse(list(records(chunks, shape=SHAPE, limits=limits, where="f.json")))


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from('abc{}["\\'), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(["a", "b", "}", '"', "\\", "data x"]), values, max_size=4)
indents = st.sampled_from([None, 0, 3])
sizes = st.integers(1, 40)


@given(st.lists(objects, max_size=5), indents, sizes, st.booleans())
def test_a_list_gives_its_objects_whatever_the_chunks(
    rows: list[Any], indent: Any, size: int, ascii_: bool
) -> None:
    assert read(json.dumps(rows, indent=indent, ensure_ascii=ascii_), size=size) == rows


@given(st.lists(objects, max_size=4), st.lists(objects, max_size=3), values, indents, sizes)
def test_an_envelope_gives_the_objects_of_its_lists(
    first: list[Any], second: list[Any], other: Any, indent: Any, size: int
) -> None:
    document = {"meta": {"data": other}, "data": first, "more": other, "x": {"events": [{}]}, "events": second}
    assert read(json.dumps(document, indent=indent), size=size) == first + second


@given(st.lists(objects.filter(bool), min_size=2, max_size=5), sizes)
def test_lines_give_their_objects(rows: list[Any], size: int) -> None:
    assert read("\r\n".join(json.dumps(row) for row in rows), size=size) == rows


@given(objects, indents, sizes)
def test_a_single_object_is_one_record(row: dict[str, Any], indent: Any, size: int) -> None:
    assert read(json.dumps(row, indent=indent), size=size) == [row]


def test_envelopes_in_envelopes_hand_their_scalars_down() -> None:
    text = '{"site": "s", "count": 9, "cam": 1, "m": {}, "data": {"cam": 2, "events": [{"x": 1}, {"cam": 3}]}}'
    assert read(text) == [{"site": "s", "cam": 2, "x": 1}, {"site": "s", "cam": 3}]


def test_a_record_may_hold_a_key_that_could_be_a_wrapper() -> None:
    assert read('[{"time": 1, "data": [{"x": 1}]}]') == [{"time": 1, "data": [{"x": 1}]}]


def test_an_id_before_an_object_makes_it_a_record_and_before_a_list_does_not() -> None:
    assert read('{"id": 1, "data": {"x": 1}, "time": 2}') == [{"id": 1, "data": {"x": 1}, "time": 2}]
    assert read('{"id": 1, "data": [{"x": 1}]}') == [{"id": 1, "x": 1}]


def test_a_record_that_was_taken_for_an_envelope_is_no_silent_loss() -> None:
    with pytest.raises(FormatError, match="broken"):
        read('[{"data": {"x": 1}, "time": 2}]')


def test_lists_of_lists_and_objects_one_after_the_other() -> None:
    assert read('[[{"a": 1}], [[{"a": 2}]]]{"a": 3} {"a": 4}') == [{"a": n} for n in (1, 2, 3, 4)]


def test_what_is_no_object_says_so() -> None:
    assert read('[{"a": 1}, 5, null, "text", true]') == [{"a": 1}, *["is not an object"] * 4]


def test_one_broken_record_of_a_list_leaves_the_others() -> None:
    got = read('[{"a": 1}, {"a": nope}, {"a": "\\ud800"}, {"a": 4}]')
    assert (got[0], got[3]) == ({"a": 1}, {"a": 4})
    assert [text.startswith("is not JSON: ") for text in got[1:3]] == [True, True]


@pytest.mark.parametrize("bad", ['{"a": ', '{"a": 1}}', "nonsense", '{"a": "x', "{]", "\x00"])
def test_one_broken_line_leaves_the_others(bad: str) -> None:
    got = read(f'{{"a": 1}}\n{bad}\n{{"a": 3}}\n')
    assert (got[0], got[2]) == ({"a": 1}, {"a": 3})
    assert got[1].startswith("is not")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("[", "ends too early"),
        ('[{"a": 1},', "ends too early"),
        ('[{"a": 1}, {"a": "x', "ends too early"),
        ('{"data": [{"a": 1}]', "ends too early"),
        ('[{"a": [1}]', "broken"),
        ('[{"a": 1} {"a": 2}]', "broken"),
        ('[{"a": 1},, {"a": 2}]', "broken"),
        ('[, {"a": 1}]', "broken"),
        ("[}", "broken"),
        ("42", "broken"),
        ('"text"', "broken"),
        ("<html>", "broken"),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_is_no_json_is_refused(text: str, word: str, size: int) -> None:
    with pytest.raises(FormatError, match=word) as caught:
        read(text, size=size)
    assert caught.value.where == "f.json"


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"data":' * 100_000, '{"a":' * 100_000, '[{"a":' + "[" * 100_000, '{"a":1}\n' + "[" * 999],
)
@pytest.mark.parametrize("size", [7, 1 << 20])
def test_a_depth_bomb_is_a_limit(text: str, size: int) -> None:
    with pytest.raises(LimitError, match="nested too deeply"):
        read(text[: 2000 * size], size=size)


def test_the_depth_limit_is_exact() -> None:
    inner = '{"a":' * 4 + "1" + "}" * 4
    assert len(read(f"[{inner}]", limits=Limits(json_depth=5))) == 1
    with pytest.raises(LimitError):
        read(f"[{inner}]", limits=Limits(json_depth=4))


@pytest.mark.parametrize(
    "text", ['[{"a":"%s"}]', '{"b":1}\n{"a":"%s"}', '[{"a":[%s]}]', '["%s"]', '{"z":{"a":"%s"}}']
)
def test_a_record_that_is_too_long_is_a_limit(text: str) -> None:
    with pytest.raises(LimitError, match="too long"):
        read(text % ("1" * 5000), size=100, limits=Limits(line_bytes=1000))


def test_memory_is_flat_beside_a_long_list_that_no_one_wants() -> None:
    skipped = ",".join(["1"] * 5000)
    text = f'{{"data": [{{"a": 1}}], "other": [{skipped}], "events": [{{"a": 2}}]}}'
    assert read(text, size=100, limits=Limits(line_bytes=1000)) == [{"a": 1}, {"a": 2}]


def test_numbers_and_texts_keep_their_place() -> None:
    assert list(records([b'[{"a":1},2]'], shape=SHAPE)) == [Raw(b'{"a":1}'), Raw(b"2")]
