"""A camera's homography from clicked point pairs, and how far it is to be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial import ConvexHull, QhullError

from dwell_kit.errors import InputError
from dwell_kit.schema.geometry import Homography
from dwell_kit.schema.outlines import Points, as_points

GOOD: Final = "good"
FAIR: Final = "fair"
POOR: Final = "poor"
_NEEDED: Final = 4


@dataclass(frozen=True, kw_only=True)
class QualityLimits:
    """Where a calibration stops being good, and where it becomes poor.

    Parameters
    ----------
    points : fewer pairs than the first are not good, fewer than the second are poor: four fit any four clicks.
    typical_m, worst_m : median and largest leave-one-out error, metres: (good up to, poor above).
    outliers : share of pairs that do not fit: (good up to, poor above).
    spread : thickness of the clicked points, smaller over larger standard deviation: (good from, poor below).
    """

    points: tuple[int, int] = (8, 6)
    typical_m: tuple[float, float] = (0.25, 1.0)
    worst_m: tuple[float, float] = (0.75, 2.0)
    outliers: tuple[float, float] = (0.2, 0.4)
    spread: tuple[float, float] = (0.15, 0.03)


@dataclass(frozen=True, kw_only=True)
class CalibrationReport:
    """How well a homography fits its point pairs. Arrays are (n,), in the order given.

    Parameters
    ----------
    inlier : pairs that RANSAC kept and the fit is made of.
    residual_m, residual_px : distance between the mapped and the clicked point, on the floor and in the picture.
    leave_one_out_m : the same on the floor, by a fit that did not know the pair; inf if the others fit nothing.
    spread : smaller over larger standard deviation of the picture's points: 0 on one line.
    covered_m2 : floor inside the outline of the points; beyond it the camera is extrapolated.
    verdict : "good", "fair" or "poor". reasons : why it is not good.
    """

    inlier: NDArray[np.bool_]
    residual_m: NDArray[np.float64]
    residual_px: NDArray[np.float64]
    leave_one_out_m: NDArray[np.float64]
    spread: float
    covered_m2: float
    verdict: str
    reasons: tuple[str, ...]

    @property
    def points(self) -> int:
        """How many pairs there were."""
        return len(self.inlier)

    @property
    def sigma_m(self) -> float:
        """Standard deviation per axis of a mapped point that the calibration causes: from leave-one-out.

        The median distance of a two-dimensional normal error is 1.1774 standard deviations. Where leaving one out
        says nothing, as with four pairs, the error is taken to be that from which on a calibration is poor.
        """
        typical = float(np.median(self.leave_one_out_m[self.inlier]))
        return (typical if np.isfinite(typical) else QualityLimits().typical_m[1]) / 1.1774

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready summary."""
        kept = self.leave_one_out_m[self.inlier]
        return {
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "points": self.points,
            "outliers": int((~self.inlier).sum()),
            "residual_m": float(self.residual_m[self.inlier].mean()),
            "residual_px": float(self.residual_px[self.inlier].mean()),
            "leave_one_out_median_m": float(np.median(kept)),
            "leave_one_out_worst_m": float(kept.max()),
            "spread": self.spread,
            "covered_m2": self.covered_m2,
        }


def calibrate(
    image_px: Points, floor_m: Points, *, outlier_m: float = 1.0, limits: QualityLimits | None = None
) -> tuple[Homography, CalibrationReport]:
    """The homography that takes clicked pixels to the floor, and its quality.

    RANSAC picks the pairs that agree within `outlier_m`; the fit is then refined on those, least squares of the
    distance on the floor with a soft-L1 loss, so that one bad click does not pull it.

    Parameters
    ----------
    image_px, floor_m : (n, 2) each, n ≥ 4: the same places in the picture and on the floor.
    outlier_m : how far off, in metres, a pair may be and still be believed.
    limits : where the verdict changes.

    Raises
    ------
    InputError : with fewer than four pairs, pairs that are not finite or do not match in number, or all on a line.
    """
    image, floor = _checked(image_px, floor_m)
    found, inlier = _ransac(image, floor, outlier_m)
    matrix = _refine(found, image[inlier], floor[inlier])
    seen = image[inlier].mean(axis=0)
    camera = Homography(matrix, (float(seen[0]), float(seen[1])))  # type: ignore[arg-type]
    return camera, _report(camera, image, floor, inlier, limits or QualityLimits())


def _checked(image_px: Points, floor_m: Points) -> tuple[Points, Points]:
    image, floor = as_points(image_px), as_points(floor_m)
    if len(image) != len(floor):
        raise InputError(
            "points in the picture and on the floor do not pair up",
            "point pairs",
            f"{len(image)} floor points",
            str(len(floor)),
        )
    if not (np.isfinite(image).all() and np.isfinite(floor).all()):
        raise InputError("a point pair is not finite", "point pairs", "finite numbers")
    if len(np.unique(image, axis=0)) < _NEEDED or len(np.unique(floor, axis=0)) < _NEEDED:
        raise InputError(
            "too few point pairs to calibrate a camera",
            "point pairs",
            "4 different ones at least, 8 or more to be good",
            str(len(image)),
            "click more places that are seen both in the picture and on the floor plan",
        )
    for name, points in (("picture", image), ("floor", floor)):
        if _spread(points) < 1e-6:
            raise InputError(
                "the point pairs are on one line",
                name,
                "points spread over the floor",
                str(points.tolist())[:120],
                "click places to both sides of the line as well",
            )
    return image, floor


def _ransac(image: Points, floor: Points, outlier_m: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    cv2.setRNGSeed(0)  # the same clicks give the same camera
    found, mask = cv2.findHomography(image, floor, cv2.RANSAC, outlier_m, maxIters=5000, confidence=0.999)
    inlier = np.zeros(len(image), np.bool_) if mask is None else mask.ravel().astype(np.bool_)
    if found is None or inlier.sum() < _NEEDED:
        # Nothing agrees within the limit: a fit of everything, so that the report can say how bad it is.
        found, _ = cv2.findHomography(image, floor)
        inlier = np.ones(len(image), np.bool_)
    if found is None:
        raise InputError(
            "no homography fits the point pairs",
            "point pairs",
            "four of which no three are on a line",
            hint="click places that are spread over the floor",
        )
    return np.asarray(found, np.float64), inlier


def _refine(matrix: NDArray[np.float64], image: Points, floor: Points) -> NDArray[np.float64]:
    """Least squares on the floor; pixels are centred and scaled, so that the nine numbers are of one size."""
    centre, scale = image.mean(axis=0), image.std()
    normal = np.array([[scale, 0, centre[0]], [0, scale, centre[1]], [0, 0, 1]])
    start = (matrix @ normal).ravel()
    start = start / np.linalg.norm(start)
    points = np.concatenate([(image - centre) / scale, np.ones((len(image), 1))], axis=1)

    def off(h: NDArray[np.float64]) -> NDArray[np.float64]:
        mapped = points @ h.reshape(3, 3).T
        # One scale is free: holding the length at 1 keeps it from drifting.
        return np.append((mapped[:, :2] / mapped[:, 2:] - floor).ravel(), h @ h - 1)

    with np.errstate(all="ignore"):
        fitted = least_squares(off, start, loss="soft_l1", f_scale=0.2, x_scale="jac", max_nfev=200).x
    if not np.isfinite(fitted).all():
        return matrix
    return np.asarray(fitted.reshape(3, 3) @ np.linalg.inv(normal), np.float64)


def _report(
    camera: Homography, image: Points, floor: Points, inlier: NDArray[np.bool_], limits: QualityLimits
) -> CalibrationReport:
    left_out = _leave_one_out(image, floor, inlier)
    spread = _spread(image[inlier])
    verdict, reasons = _judge(len(image), left_out[inlier], float((~inlier).mean()), spread, limits)
    return CalibrationReport(
        inlier=inlier,
        residual_m=_distance(camera.to_floor(image), floor),
        residual_px=_distance(camera.to_image(floor), image),
        leave_one_out_m=left_out,
        spread=spread,
        covered_m2=_covered(floor[inlier]),
        verdict=verdict,
        reasons=reasons,
    )


def _leave_one_out(image: Points, floor: Points, inlier: NDArray[np.bool_]) -> NDArray[np.float64]:
    off = np.full(len(image), np.inf)
    for i in range(len(image)):
        rest = inlier & (np.arange(len(image)) != i)
        if rest.sum() < _NEEDED:
            continue
        start, _ = cv2.findHomography(image[rest], floor[rest])
        if start is None:
            continue
        matrix = _refine(np.asarray(start, np.float64), image[rest], floor[rest])
        try:
            off[i] = _distance(Homography(matrix).to_floor(image[i : i + 1]), floor[i : i + 1])[0]  # type: ignore[arg-type]
        except InputError:  # the others are on one line: they say nothing about this one
            continue
    return off


def _judge(
    points: int, left_out: NDArray[np.float64], outliers: float, spread: float, limits: QualityLimits
) -> tuple[str, tuple[str, ...]]:
    typical, worst = float(np.median(left_out)), float(left_out.max())
    measured = [
        (points, limits.points, -1, f"{points} point pairs only"),
        (typical, limits.typical_m, 1, _off(typical, "typically")),
        (worst, limits.worst_m, 1, _off(worst, "up to")),
        (outliers, limits.outliers, 1, f"{outliers:.0%} of the pairs do not fit the others"),
        (spread, limits.spread, -1, f"the points are near one line (spread {spread:.2f})"),
    ]
    poor = [text for value, (_, worse), sign, text in measured if sign * value > sign * worse]
    fair = [text for value, (good, _), sign, text in measured if sign * value > sign * good]
    return (POOR if poor else FAIR if fair else GOOD), tuple(dict.fromkeys(poor + fair))


def _off(metres: float, how: str) -> str:
    if np.isfinite(metres):
        return f"a point left out is {how} {metres:.2f} m off"
    return "without one of the points the others fit nothing, so that no error can be told"


def _distance(a: Points, b: Points) -> NDArray[np.float64]:
    off = np.linalg.norm(a - b, axis=1)
    return np.where(np.isfinite(off), off, np.inf)


def _spread(points: Points) -> float:
    smaller, larger = np.linalg.eigvalsh(np.cov(points.T))
    return float(np.sqrt(max(smaller, 0.0) / larger)) if larger > 0 else 0.0


def _covered(points: Points) -> float:
    try:
        return float(ConvexHull(points).volume)
    except QhullError:
        return 0.0
