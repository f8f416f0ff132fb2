"""What was decided about who is who, so that it can be taken back and counts put right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import NotFoundError

MERGE: Final = "merge"
SPLIT: Final = "split"


@dataclass(frozen=True, kw_only=True)
class Link:
    """One decision.

    Parameters
    ----------
    number : its place in the log. kind : "merge": two ids are one person; "split": one id was two persons.
    kept, other : of a merge, the id that goes on and the one that ends in it; of a split, the id that was shared
        and the one that left it.
    at_s : media time, seconds. reason : for people. undone : it does not hold any more.
    cosine : how alike the two look, where looks decided; None where place and time did.
    """

    number: int
    kind: str
    kept: int
    other: int
    at_s: float
    reason: str
    undone: bool = False
    cosine: float | None = None


@dataclass
class LinkLog:
    """The decisions in order, and what ids mean in their light.

    >>> log = LinkLog()
    >>> link = log.add(MERGE, kept=7, other=9, at_s=1.5, reason="one place")
    >>> log.resolve([7, 8, 9]).tolist()
    [7, 8, 7]
    >>> log.undo(link.number).undone, log.resolve([7, 8, 9]).tolist()
    (True, [7, 8, 9])
    """

    links: list[Link] = field(default_factory=list)
    _root: dict[int, int] | None = field(default=None, init=False, repr=False, compare=False)

    def add(
        self, kind: str, *, kept: int, other: int, at_s: float, reason: str, cosine: float | None = None
    ) -> Link:
        """Record a decision."""
        link = Link(
            number=len(self.links), kind=kind, kept=kept, other=other, at_s=at_s, reason=reason, cosine=cosine
        )
        self.links.append(link)
        self._root = None
        return link

    def undo(self, number: int) -> Link:
        """Take a decision back: a merge's ids are two persons again, a split's are one.

        Raises
        ------
        NotFoundError : if there is no such decision.
        """
        return self._set(number, undone=True)

    def redo(self, number: int) -> Link:
        """Let an undone decision hold again.

        Raises
        ------
        NotFoundError : if there is no such decision.
        """
        return self._set(number, undone=False)

    def resolve(self, ids: Iterable[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) which person each id stands for: the id that its joins lead to; ids without any are themselves."""
        if self._root is None:
            self._root = self._roots()
        root = self._root
        given = np.asarray(list(ids), dtype=np.int64)
        return np.array([root.get(int(one), int(one)) for one in given], dtype=np.int64)

    def by_look(self) -> list[Link]:
        """The merges that hold and that looks decided."""
        return [one for one in self.links if one.kind == MERGE and one.cosine is not None and not one.undone]

    def without_looks(self) -> LinkLog:
        """What place and time decided."""
        return LinkLog([one for one in self.links if one.cosine is None])

    def forbids(self, a: int, b: int) -> bool:
        """Whether a merge of these two was taken back: it is not made twice."""
        persons = set(self.resolve([a, b]).tolist())
        undone = [one for one in self.links if one.kind == MERGE and one.undone]
        return any(set(self.resolve([one.kept, one.other]).tolist()) == persons for one in undone)

    def as_rows(self) -> list[dict[str, Any]]:
        """JSON-ready; `from_rows` reads it back."""
        return [asdict(link) for link in self.links]

    @classmethod
    def from_rows(cls, rows: Iterable[dict[str, Any]]) -> LinkLog:
        """The log that `as_rows` wrote."""
        return cls([Link(**row) for row in rows])

    def _set(self, number: int, *, undone: bool) -> Link:
        if not 0 <= number < len(self.links):
            raise NotFoundError("there is no such link", expected=f"0 to {len(self.links) - 1}", found=str(number))
        self.links[number] = replace(self.links[number], undone=undone)
        self._root = None
        return self.links[number]

    def _roots(self) -> dict[int, int]:
        """id → the id it stands for: what a standing merge or an undone split joins."""
        parent: dict[int, int] = {}

        def root(one: int) -> int:
            while parent.get(one, one) != one:
                one = parent[one]
            return one

        for link in self.links:
            if (link.kind == MERGE) != link.undone:
                # Ids grow with time: who was seen first stays.
                kept, other = sorted((root(link.kept), root(link.other)))
                if kept != other:
                    parent[other] = kept
        return {one: root(one) for one in list(parent)}
