"""Who comes again, by colours alone: View_001 in stretches of 20 s, as if each were a run of its own; real boxes.

What is counted: links that are right and that are wrong, beside how many came again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.view001 import DATA, FPS
from dwell_kit.vision.embed import ColourParts
from dwell_kit.vision.gallery import Gallery
from dwell_kit.vision.ground_truth import read_tracks
from dwell_kit.vision.portraits import Portrait, Portraits
from dwell_kit.vision.recognise import recognise
from dwell_kit.vision.video import open_video

STRETCH_S = 20.0
_RUN = 1000
"""Person 7 of stretch 3 is 3007."""


def portraits() -> list[list[Portrait]]:
    """Of each stretch, looks taken once a second."""
    folder = DATA / "pets2009_s2l1"
    truth = read_tracks(folder / "PETS2009-S2L1.xml").table
    embedder, made = ColourParts(), [Portraits()]
    for frame in open_video(folder / "View_001.avi", fps=FPS):
        if frame.at_s >= len(made) * STRETCH_S:
            made.append(Portraits())
        here = truth.frame == frame.number
        if (frame.number - 1) % round(FPS) == 0 and here.any():
            looks = embedder.embed(frame.image, truth.xyxy[here])
            made[-1].add(frame.at_s, "view", [str(one) for one in truth.track_id[here]], looks)
    return [one.of(list) for one in made]


def judge(stretches: list[list[Portrait]], *, threshold: float) -> dict[str, int]:
    """Right and wrong links of all stretches, each joined as the ones before said."""
    known = Gallery(environment="view", size=ColourParts().size)
    joined: dict[int, int] = {}
    met: set[str] = set()
    found = {"came again": 0, "right": 0, "wrong": 0}
    for number, seen in enumerate(stretches):
        fresh = Gallery(environment="view", size=known.about.size, threshold=threshold)
        codes = [_RUN * number + int(one.person) for one in seen]
        since = np.array([round(one.first_s * 1e6) for one in seen])
        until = np.array([round(one.last_s * 1e6) for one in seen])
        fresh.add(np.array([one.look for one in seen]), np.array(codes), until, since_us=since)
        found["came again"] += len(met & {one.person for one in seen})
        met |= {one.person for one in seen}
        for link in recognise(known, fresh, joined=joined):
            found["right" if link.earlier % _RUN == link.later % _RUN else "wrong"] += 1
            joined[link.later] = joined.get(link.earlier, link.earlier)
        known.absorb(fresh)
    return found


def run(_scratch: Path) -> list[dict[str, Any]]:
    """Rows of the results table."""
    stretches = portraits()
    return [
        {"work": f"View_001 by colours, from {threshold} on", **judge(stretches, threshold=threshold)}
        for threshold in (0.8, 0.9, 0.95)
    ]
