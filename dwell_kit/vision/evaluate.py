"""Score tracks against ground truth: HOTA, CLEAR, identity and detection figures together."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from dwell_kit.errors import ContractError
from dwell_kit.vision.clear import Clear, compute_clear
from dwell_kit.vision.detection import Detection, compute_detection
from dwell_kit.vision.hota import Hota, compute_hota
from dwell_kit.vision.identity import Identity, compute_identity
from dwell_kit.vision.timeline import Timeline
from dwell_kit.vision.track_table import TrackTable


@dataclass(frozen=True)
class Scores:
    """Every figure of one recording; HOTA is averaged over its thresholds, the others are at `least_iou`."""

    least_iou: float
    hota: Hota
    clear: Clear
    identity: Identity
    detection: Detection
    true_boxes: int
    true_persons: int
    track_boxes: int
    tracks: int
    untracked_boxes: int

    def as_dict(self) -> dict[str, float | int | None]:
        """All figures under their own names, on one level; those of tracks are None if no box has an identity."""
        counts = {k: v for k, v in asdict(self).items() if not isinstance(v, dict)}
        tracked = {k: v for part in (self.hota, self.identity, self.clear) for k, v in asdict(part).items()}
        if self.untracked_boxes and not self.tracks:
            tracked = dict.fromkeys(tracked)
        return tracked | asdict(self.detection) | counts


def evaluate(truth: TrackTable, tracks: TrackTable, *, least_iou: float = 0.5) -> Scores:
    """Score `tracks` against `truth`.

    Parameters
    ----------
    truth, tracks : tables whose frames count from the same first one. Boxes without an identity count in the
        detection figures, not in those of tracks.
    least_iou : the overlap from which on a box is the person's, above 0 and up to 1.

    Raises
    ------
    ContractError : if an id appears twice in a frame, or `least_iou` is out of range.

    >>> one = TrackTable(xyxy=[[0, 0, 4, 8], [1, 0, 5, 8]], frame=[1, 2], track_id=[7, 7], confidence=[1.0, 1.0])
    >>> scores = evaluate(one, one)
    >>> scores.hota.hota, scores.clear.mota, scores.identity.idf1
    (1.0, 1.0, 1.0)
    """
    if not 0 < least_iou <= 1:
        raise ContractError("an IoU threshold is a share", expected="above 0, at most 1", found=f"{least_iou:g}")
    persons, followed = truth.tracked(), tracks.tracked()
    timeline = Timeline.of(persons, followed)
    return Scores(
        least_iou=least_iou,
        hota=compute_hota(timeline),
        clear=compute_clear(timeline, least_iou=least_iou),
        identity=compute_identity(timeline, least_iou=least_iou),
        detection=compute_detection(persons, tracks, least_iou=least_iou),
        true_boxes=len(persons),
        true_persons=len(timeline.truth_boxes),
        track_boxes=len(followed),
        tracks=len(timeline.track_boxes),
        untracked_boxes=len(tracks) - len(followed),
    )
