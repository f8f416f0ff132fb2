"""Memory is lent again only when nothing refers to it any more."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from dwell_kit.analytics import room
from dwell_kit.analytics.room import borrow

N = 1 << 20


@pytest.fixture(autouse=True)
def _nothing_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests gave back is not lent here."""
    gc.collect()
    monkeypatch.setattr(room, "_free", [])


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def test_memory_is_used_again_when_nothing_refers_to_it() -> None:
    first = borrow(N, np.int64)
    place = address(first)
    del first
    gc.collect()
    assert address(borrow(N, np.int64)) == place


def test_a_view_keeps_its_memory() -> None:
    first = borrow(N, np.int64)
    first[:] = 7
    view = first[10:20].view(np.int64)[::2]
    del first
    gc.collect()
    others = [borrow(N, np.int64) for _ in range(4)]
    for other in others:
        other[:] = 0
    assert view.tolist() == [7] * 5


def test_each_asker_has_an_array_of_its_own() -> None:
    lent = [borrow(N, np.int32) for _ in range(3)]
    assert len({address(a) for a in lent}) == 3
    assert [len(a) for a in lent] == [N] * 3
    assert borrow(5, np.bool_).shape == (5,)
