"""CVML, the XML of the CAVIAR and PETS ground truths: frames with objects, each a box by its middle."""

from __future__ import annotations

from typing import NoReturn
from xml.parsers import expat

import numpy as np

from dwell_kit.errors import FormatError
from dwell_kit.vision.track_table import TrackTable


def read_cvml(raw: bytes, *, name: str) -> TrackTable:
    """The boxes of a CVML file. Its frames count from 0; the table's, as everywhere, from 1.

    Raises
    ------
    FormatError : with the line at fault; a document type is refused, since it can blow a small file up.

    >>> read_cvml(b'<dataset><frame number="0"><objectlist><object id="9"><box h="4" w="2" xc="5" yc="6"/>'
    ...           b'</object></objectlist></frame></dataset>', name="truth.xml").xyxy.tolist()
    [[4.0, 4.0, 6.0, 8.0]]
    """
    reading = _Reading(name)
    try:
        reading.parser.Parse(raw, True)
    except expat.ExpatError as error:
        reading.refuse(f"not well-formed XML: {expat.ErrorString(error.code)}")
    if not reading.is_dataset:
        reading.refuse("not CVML", expected="a <dataset> of <frame>s", line=1)
    return reading.table()


class _Reading:
    """One file on its way through the parser, which knows the line that it is at."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dataset = False
        self.frame: int | None = None
        self.person: int | None = None
        self.rows: list[tuple[float, ...]] = []
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._doctype

    def table(self) -> TrackTable:
        """What was read."""
        if not self.rows:
            return TrackTable.empty()
        frame, person, width, height, x, y = np.array(self.rows).T
        return TrackTable(
            xyxy=np.column_stack((x - width / 2, y - height / 2, x + width / 2, y + height / 2)),
            frame=frame.astype(np.int64) + 1,
            track_id=person.astype(np.int64),
            confidence=np.ones(len(frame)),
        )

    def refuse(self, what: str, *, expected: str | None = None, line: int | None = None) -> NoReturn:
        """Say what is wrong and where."""
        at = self.parser.CurrentLineNumber if line is None else line
        raise FormatError(what, where=f"{self.name}, line {at}", expected=expected) from None

    def _doctype(self, *_: object) -> None:
        self.refuse("a document type is not read", expected="CVML without <!DOCTYPE>")

    def _start(self, tag: str, said: dict[str, str]) -> None:
        if tag == "dataset":
            self.is_dataset = True
        elif tag == "frame":
            self.frame = self._whole(said, "number")
        elif tag == "object":
            self.person = self._whole(said, "id")
        elif tag == "box" and self.person is not None:
            if self.frame is None:
                self.refuse("a box outside a frame", expected="<frame> around <object>")
            sides = tuple(self._number(said, side) for side in ("w", "h", "xc", "yc"))
            if min(sides[:2]) < 0:
                self.refuse("a box has no negative width or height")
            self.rows.append((self.frame, self.person, *sides))

    def _end(self, tag: str) -> None:
        if tag == "frame":
            self.frame = None
        elif tag == "object":
            self.person = None

    def _number(self, said: dict[str, str], name: str) -> float:
        try:
            number = float(said[name])
        except (KeyError, ValueError):
            self.refuse("an attribute is missing or not a number", expected=f'{name}="a number"')
        if not np.isfinite(number):
            self.refuse("an attribute is not finite", expected=f'{name}="a number"')
        return number

    def _whole(self, said: dict[str, str], name: str) -> int:
        number = self._number(said, name)
        if number != int(number) or number < 0:
            self.refuse("frames and ids are whole numbers, 0 or more", expected=f'{name}="a whole number"')
        return int(number)
