"""Files that are scored: MOT text with its flags and classes, CVML, and what is wrong with them, by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dwell_kit.errors import FormatError, InputError, NotFoundError
from dwell_kit.vision.evaluate import evaluate
from dwell_kit.vision.ground_truth import read_pair, read_tracks
from tests.vision.reference import score_files

MOT17_TRUTH = """\
1,1,0,0,10,20,1,1,1.0
1,2,50,0,10,20,0,1,1.0
1,3,100,0,10,20,1,7,1.0
1,4,150,0,10,20,1,3,1.0
2,1,2,0,10,20,1,1,0.4
2,5,200,0,10,20,1,8,1.0
3,1,4,0,10,20,1,1,0.4
"""
BOX = '<box h="4" w="2" xc="5" yc="6"/>'
MOT17_TRACKS = """\
1,9,0,0,10,20,0.9,-1,-1,-1
1,8,50,0,10,20,0.9,-1,-1,-1
1,7,101,0,10,20,0.9,-1,-1,-1
1,6,150,0,10,20,0.9,-1,-1,-1
2,9,3,0,10,20,0.9,-1,-1,-1
2,7,206,0,10,20,0.9,-1,-1,-1
3,9,4,1,10,20,0.9,-1,-1,-1
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_flags_and_classes_are_respected_as_trackeval_does(tmp_path: Path) -> None:
    """Truth: person 1 only. A track on a static person is no error; on a car or on an unflagged person it is one.

    Track 7 in frame 2 overlaps a distractor by a quarter only: an error.
    """
    truth, tracks = write(tmp_path / "gt.txt", MOT17_TRUTH), write(tmp_path / "pred.txt", MOT17_TRACKS)
    pair = read_pair(truth, tracks)
    assert pair.truth.track_id.tolist() == [1, 1, 1]
    assert pair.tracks.track_id.tolist() == [9, 8, 6, 9, 7, 9]
    assert pair.notes == ("1 boxes on distractors are left out",)
    ours = evaluate(pair.truth, pair.tracks).as_dict()
    theirs = score_files(truth, tracks, tmp_path / "scratch", frames=3, benchmark="MOT17")
    assert {k: ours[k] for k in theirs} == pytest.approx(theirs, abs=1e-9)
    assert (ours["tp"], ours["fp"]) == (3, 3)


def test_frames_count_from_1_whatever_the_file_says(tmp_path: Path) -> None:
    from_zero = read_tracks(write(tmp_path / "zero.txt", "0,1,0,0,10,20\n3,1,0,0,10,20\n"))
    assert from_zero.table.frame.tolist() == [1, 4]
    assert "from 0" in from_zero.notes[0]
    xml = f'<dataset><frame number="0"><object id="4">{BOX}</object></frame></dataset>'
    cvml = read_tracks(write(tmp_path / "truth.xml", xml))
    assert (cvml.table.frame.tolist(), cvml.table.track_id.tolist()) == ([1], [4])


def test_tracks_after_the_end_of_the_truth_are_said(tmp_path: Path) -> None:
    truth = write(tmp_path / "gt.txt", "1,1,0,0,10,20,1,-1,-1,-1\n")
    pair = read_pair(truth, write(tmp_path / "p.txt", "1 1 0 0 10 20 1\n2 1 0 0 10 20 1\n\n"))
    assert pair.notes == ("1 boxes are in frames after the last one of the ground truth: false positives",)
    assert evaluate(pair.truth, pair.tracks).clear.fp == 1


def test_empty_files_are_recordings_without_anybody(tmp_path: Path) -> None:
    empty = write(tmp_path / "none.txt", "")
    assert len(read_tracks(empty).table) == 0
    pair = read_pair(empty, empty)
    assert evaluate(pair.truth, pair.tracks).clear.tp == 0


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("1,1,0,0,10,20,1\nframe,id,x,y,w,h\n", 2, "not MOT text"),
        ("1,1,0,0,10\n", 1, "6 to 10"),
        ("1,1,0,0,10,20,1\n\n1,2,0,0,10,20\n", 3, "same number of fields"),
        ("1,1,0,0,10,20,1\n1.5,2,0,0,10,20,1\n", 2, "whole numbers"),
        ("1,1,0,0,-10,20,1\n", 1, "negative"),
        ("1,1,nan,0,10,20,1\n", 1, "finite"),
        ("1,1,1e999,0,10,20,1\n", 1, "finite"),
        ("-1,1,0,0,10,20,1\n", 1, "0 or more"),
        ('<dataset>\n<frame number="0">\n<object id="1"><box h="x"/></object></frame></dataset>', 3, "number"),
        ('<dataset>\n<frame number="0">\n<object></object></frame></dataset>', 3, "id="),
        ('<dataset>\n<object id="1"><box h="1" w="1" xc="1" yc="1"/></object></dataset>', 2, "outside a frame"),
        ("<dataset>\n<frame>", 2, "number="),
        ('<dataset>\n<frame number="0"></dataset>', 2, "well-formed"),
        ("<html></html>", 1, "not CVML"),
        ('<!DOCTYPE d [<!ENTITY a "aaaa">]>\n<dataset/>', 1, "document type"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(FormatError) as raised:
        read_tracks(write(tmp_path / "bad.txt", text))
    assert raised.value.where == f"bad.txt, line {line}"
    assert says in str(raised.value)


def test_what_is_no_file_of_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file"):
        read_tracks(tmp_path / "none.txt")
    with pytest.raises(InputError, match="folder"):
        read_tracks(tmp_path)
    (tmp_path / "film.avi").write_bytes(b"RIFF\xff\xfe\x00\x81")
    with pytest.raises(FormatError, match="not a text file"):
        read_tracks(tmp_path / "film.avi")
