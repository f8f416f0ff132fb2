"""Age and gender words: the raw word is kept, and grouped here for every figure."""

from __future__ import annotations

from typing import Final

AGE_GROUPS: Final = (
    "0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+", "other",
)  # fmt: skip
GENDERS: Final = ("male", "female", "other")
OTHER: Final = "other"

UNDETERMINED: Final = frozenset({"", "null", "none", "nan", "not_determined", "inconclusive"})
"""Facts that differ in the source (kept raw) and are all grouped as `other`."""

_AGE_ALIASES: Final = {"70-": "70+", "70-79": "70+", "80-": "70+", "80+": "70+", "70": "70+"}
_GENDER_ALIASES: Final = {"m": "male", "f": "female", "man": "male", "woman": "female"}


def _word(raw: str | None) -> str:
    return (raw or "").strip().lower()


def _age_word(raw: str | None) -> str:
    word = _word(raw).replace("–", "-")
    return _AGE_ALIASES.get(word, word)


def _gender_word(raw: str | None) -> str:
    word = _word(raw)
    return _GENDER_ALIASES.get(word, word)


def age_code(raw: str | None) -> int:
    """Index into `AGE_GROUPS`; undetermined and unknown words are the last one, `other`.

    >>> AGE_GROUPS[age_code("70-")], AGE_GROUPS[age_code(None)], AGE_GROUPS[age_code(" 20-29 ")]
    ('70+', 'other', '20-29')
    """
    word = _age_word(raw)
    return AGE_GROUPS.index(word) if word in AGE_GROUPS else len(AGE_GROUPS) - 1


def gender_code(raw: str | None) -> int:
    """Index into `GENDERS`; undetermined and unknown words are the last one, `other`.

    >>> GENDERS[gender_code("Female")], GENDERS[gender_code("inconclusive")]
    ('female', 'other')
    """
    word = _gender_word(raw)
    return GENDERS.index(word) if word in GENDERS else len(GENDERS) - 1


def as_asked(known: tuple[str, ...], word: str) -> str:
    """The grouped word that somebody means who asks for `word` as an export spells it; other words as they are.

    >>> as_asked(AGE_GROUPS, "70-"), as_asked(GENDERS, "M"), as_asked(AGE_GROUPS, "20-30")
    ('70+', 'male', '20-30')
    """
    meant = _age_word(word) if known is AGE_GROUPS else _gender_word(word)
    return meant if meant in known else word


def is_unknown_word(raw: str | None, *, known: tuple[str, ...]) -> bool:
    """True for a word that is neither determined nor a known way of saying undetermined: reported by quality."""
    word = _word(raw)
    if word in UNDETERMINED:
        return False
    code = age_code(word) if known is AGE_GROUPS else gender_code(word)
    return code == len(known) - 1 and word != OTHER
