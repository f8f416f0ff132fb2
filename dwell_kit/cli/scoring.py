"""`dwell evaluate`: score tracks against ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dwell_kit.cli.options import Json
from dwell_kit.cli.output import show
from dwell_kit.errors import DwellError, InputError

if TYPE_CHECKING:
    from dwell_kit.vision.evaluate import Scores


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("evaluate")(evaluate)


def evaluate(
    gt: Annotated[Path, typer.Option("--gt", help="Ground truth: MOT text or CVML.")],
    pred: Annotated[Path, typer.Option("--pred", help="Tracks to score: MOT text, CVML, exported positions.")],
    iou: Annotated[float, typer.Option("--iou", help="Overlap from which on a box is the person's.")] = 0.5,
    as_json: Json = False,
) -> None:
    """HOTA, MOTA, IDF1 and detection figures of tracks, equal to trackeval's."""
    if not 0 < iou <= 1:
        raise typer.BadParameter(f"expected above 0, at most 1, found {iou:g}", param_hint="--iou")
    try:
        from dwell_kit.vision.evaluate import evaluate as score
        from dwell_kit.vision.ground_truth import read_pair
    except ModuleNotFoundError as missing:
        raise DwellError(
            "scoring needs a package that is not installed",
            expected=missing.name,
            hint='pip install "dwell-kit[vision]"',
        ) from missing
    pair = read_pair(gt, pred)
    if not len(pair.truth.tracked()):
        raise InputError(
            "the ground truth has nobody to be found",
            where=str(gt),
            expected="boxes of persons with ids that are not negative, and count (the seventh field is not 0)",
            found=f"{len(pair.truth)} boxes without an id" if len(pair.truth) else "no boxes of persons",
        )
    scores = score(pair.truth, pair.tracks, least_iou=iou)
    for note in (*pair.notes, *_without_ids(scores, pred)):
        typer.echo(note, err=True)
    show(scores.as_dict(), as_json=as_json, title="tracks")


def _without_ids(scores: Scores, pred: Path) -> list[str]:
    if scores.tracks or not scores.untracked_boxes:
        return []
    return [f"{pred.name}: no box has an id, so these are no tracks: figures of tracks are blank"]
