import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.errors import InputError
from dwell_kit.store import keys
from dwell_kit.store.keys import PersonCoder, key_hashes, siphash

# Appendix A and the reference vectors of the SipHash paper: key 00 … 0f, messages "", 00, 00 01, …
KEY = bytes(range(16))
VECTORS = (0x726FDB47DD0E0E31, 0x74F839C593DC67FD, 0x0D6C8009D9A94F5A, 0x85676696D7FB7E2D)


def unsigned(values) -> list[int]:
    return [int(v) & (2**64 - 1) for v in values]


def test_published_vectors() -> None:
    texts = pl.Series([bytes(range(n)).decode() for n in (0, 1, 2, 3, 15)])
    assert unsigned(siphash(texts, KEY)) == [*VECTORS, 0xA129CA6149BE45E5]


@given(st.lists(st.text(max_size=20), max_size=20), st.binary(max_size=20))
def test_a_prefix_is_part_of_the_text(texts: list[str], prefix: bytes) -> None:
    texts = [t.encode(errors="ignore").decode() for t in texts]
    prefix = prefix.decode(errors="ignore").encode()
    padded = prefix + b"\0" * (-len(prefix) % 8)
    whole = pl.Series([padded.decode() + t for t in texts], dtype=pl.String)
    assert siphash(pl.Series(texts, dtype=pl.String), KEY, prefix).tolist() == siphash(whole, KEY).tolist()


def test_a_slice_hashes_like_its_own_texts() -> None:
    texts = pl.Series([f"key-{i}" for i in range(10)])
    assert key_hashes(texts[3:7]).tolist() == key_hashes(texts).tolist()[3:7]


def test_codes_are_stable_keyed_and_keep_null() -> None:
    coder = PersonCoder(b"k" * 32, "main", "corsight")
    codes = coder.encode(pl.Series(["a", None, "b", "a"])).to_list()
    assert codes[1] is None
    assert codes[0] == codes[3] != codes[2]
    assert coder.learned()["person_id"].to_list() == ["a", "b"]
    again = PersonCoder(b"k" * 32, "main", "corsight")
    assert again.code("a") == codes[0]
    assert PersonCoder(b"x" * 32, "main", "corsight").code("a") != codes[0]
    assert PersonCoder(b"k" * 32, "other", "corsight").code("a") != codes[0]


def test_a_collision_is_an_error_not_a_merge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "siphash", lambda texts, *_: np.full(len(texts), 7))
    coder = PersonCoder(b"k" * 32, "main", "corsight")
    coder.encode(pl.Series(["a"]))
    coder.encode(pl.Series(["b"]))
    with pytest.raises(InputError, match="same code"):
        coder.learned()


def test_nobody_is_learned_from_anonymous_rows() -> None:
    coder = PersonCoder(b"k" * 32, "main", "corsight")
    assert coder.learned().is_empty()
    assert coder.encode(pl.Series([None], dtype=pl.String)).to_list() == [None]
    assert coder.learned().is_empty()
