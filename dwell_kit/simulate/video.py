"""Simple cameras, rendered: scripted walkers on a floor in metres, with known truth.

Figures are drawn flat, upright and textured, as large as the camera's geometry makes them, so that the offline
detector sees people in them. It is no film: nothing here says how well real people are found.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import InputError
from dwell_kit.schema.outlines import Points

Image = NDArray[np.uint8]
_TALL: Final = 96
"""Rows of the drawn figure, before it is brought to size."""


@dataclass(frozen=True, kw_only=True)
class RenderedCamera:
    """A pinhole camera above the floor, looking down at `pitch_deg` along `heading_deg` (0: +y, 90: +x).

    Parameters
    ----------
    camera_id : its name. place_m : x, y and height of the lens.
    width, height, focal_px : of the picture.

    >>> camera = RenderedCamera(camera_id="cam", place_m=(0, -8, 4), pitch_deg=20)
    >>> px = camera.to_image(np.array([[0.0, 2.0]]))
    >>> camera.to_floor(px).round(6).tolist()
    [[0.0, 2.0]]
    """

    camera_id: str
    place_m: tuple[float, float, float]
    heading_deg: float = 0.0
    pitch_deg: float = 20.0
    width: int = 480
    height: int = 360
    focal_px: float = 420.0

    def to_image(self, points: Points) -> Points:
        """(n, 2) px of (n, 2) m on the floor."""
        return self.project(np.column_stack((points, np.zeros(len(points)))))

    def project(self, places: NDArray[np.float64]) -> Points:
        """(n, 2) px of (n, 3) m; NaN behind the camera."""
        seen = (places - self.place_m) @ self._axes().T
        with np.errstate(invalid="ignore", divide="ignore"):
            depth = np.where(seen[:, 2:] > 0.1, seen[:, 2:], np.nan)
            return self.focal_px * seen[:, :2] / depth + [self.width / 2, self.height / 2]

    def to_floor(self, points: Points) -> Points:
        """(n, 2) m of (n, 2) px; NaN above the horizon."""
        ray = np.column_stack(((points - [self.width / 2, self.height / 2]) / self.focal_px, np.ones(len(points))))
        world = ray @ self._axes()
        with np.errstate(invalid="ignore", divide="ignore"):
            far = np.where(world[:, 2:] < 0, -self.place_m[2] / world[:, 2:], np.nan)
        return np.asarray(self.place_m[:2] + far * world[:, :2])

    def pairs(self) -> tuple[Points, Points]:
        """Pixels and metres of a grid of places that it sees: what a calibration file is made of."""
        u, v = np.meshgrid(np.linspace(0.1, 0.9, 4) * self.width, np.linspace(0.45, 0.95, 4) * self.height)
        image = np.column_stack((u.ravel(), v.ravel()))
        floor = self.to_floor(image)
        kept = np.isfinite(floor).all(axis=1)
        return image[kept], floor[kept]

    def _axes(self) -> NDArray[np.float64]:
        """(3, 3) the picture's right, down and forward, in the world."""
        turn, pitch = np.deg2rad(self.heading_deg), np.deg2rad(self.pitch_deg)
        ahead = np.array([np.sin(turn), np.cos(turn), 0.0])
        right = np.array([np.cos(turn), -np.sin(turn), 0.0])
        up = np.array([0.0, 0.0, 1.0])
        forward = np.cos(pitch) * ahead - np.sin(pitch) * up
        return np.stack((right, np.cross(forward, right), forward))


@dataclass(frozen=True, kw_only=True)
class Walker:
    """Somebody who walks through given places.

    Parameters
    ----------
    name : who. stops : (t s, x m, y m) in order of time; between them they walk straight, and standing is two
        stops at one place. tall_m : their height.
    coat, trousers : BGR.
    """

    name: str
    stops: tuple[tuple[float, float, float], ...]
    tall_m: float = 1.75
    coat: tuple[int, int, int] = (40, 40, 50)
    trousers: tuple[int, int, int] = (90, 50, 30)

    def __post_init__(self) -> None:
        times = [t for t, _, _ in self.stops]
        if len(times) < 2 or any(b <= a for a, b in pairwise(times)):
            raise InputError("a walk goes on", self.name, "two stops at least, each later than the one before")

    def at(self, t_s: float) -> tuple[float, float] | None:
        """Where they are, x and y m; None before they come and from when they leave."""
        times, xs, ys = zip(*self.stops, strict=True)
        if not times[0] <= t_s < times[-1]:
            return None
        return float(np.interp(t_s, times, xs)), float(np.interp(t_s, times, ys))


@dataclass(frozen=True)
class Shown:
    """One true person in one picture: their feet on the floor (m) and their box (x1, y1, x2, y2 px)."""

    name: str
    floor_m: tuple[float, float]
    xyxy: tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class RenderedVideo:
    """What a camera would show, picture by picture.

    Parameters
    ----------
    camera, walkers, fps, seconds : who sees whom, how often and for how long.
    noise : standard deviation of the pixels. seed : of the floor's texture and the noise.
    light : (t s, factor) steps of the light, in order of time.
    """

    camera: RenderedCamera
    walkers: tuple[Walker, ...]
    fps: float
    seconds: float
    noise: float = 2.0
    seed: int = 0
    light: tuple[tuple[float, float], ...] = ()
    figures: dict[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)

    @property
    def frames(self) -> int:
        """How many pictures there are."""
        return round(self.seconds * self.fps)

    def truth(self, t_s: float) -> list[Shown]:
        """Who is at least half in the picture, the farthest first."""
        found = []
        for walker in self.walkers:
            place = walker.at(t_s)
            box = None if place is None else self._box(walker, place)
            if place is not None and box is not None:
                found.append((self._far(place), Shown(walker.name, place, box)))
        return [shown for _, shown in sorted(found, key=lambda pair: -pair[0])]

    def __iter__(self) -> Iterator[tuple[Image, list[Shown]]]:
        """Pictures (h, w, 3) BGR and their truth, in order."""
        rng = np.random.default_rng(self.seed)
        floor = self._floor(rng)
        by_name = {walker.name: walker for walker in self.walkers}
        for number in range(self.frames):
            t_s = number / self.fps
            shown = self.truth(t_s)
            picture = floor.copy()
            for one in shown:
                _paint(picture, self._figure(by_name[one.name]), one.xyxy)
            picture *= next((factor for at, factor in reversed(self.light) if at <= t_s), 1.0)
            picture += self.noise * rng.standard_normal(picture.shape, dtype=np.float32)
            yield np.clip(picture, 0, 255).astype(np.uint8), shown

    def _far(self, place: tuple[float, float]) -> float:
        return float(np.hypot(*(np.array(place) - self.camera.place_m[:2])))

    def _box(self, walker: Walker, place: tuple[float, float]) -> tuple[float, float, float, float] | None:
        feet, head = self.camera.project(np.array([[*place, 0.0], [*place, walker.tall_m]]))
        if not np.isfinite([feet, head]).all():
            return None
        tall = feet[1] - head[1]
        x1, x2, y1, y2 = feet[0] - 0.19 * tall, feet[0] + 0.19 * tall, head[1], feet[1]
        wide, high = self.camera.width, self.camera.height
        seen = max(0.0, min(x2, wide) - max(x1, 0)) * max(0.0, min(y2, high) - max(y1, 0))
        if seen < 0.5 * (x2 - x1) * tall:
            return None
        return max(0.0, x1), max(0.0, y1), min(float(wide), x2), min(float(high), y2)

    def _floor(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Paving: tiles of slightly different greys."""
        coarse = rng.normal(150, 9, (self.camera.height // 12 + 1, self.camera.width // 12 + 1, 1))
        tiles = coarse.repeat(12, axis=0).repeat(12, axis=1)[: self.camera.height, : self.camera.width]
        return np.asarray(tiles + np.array([4.0, 0.0, -4.0]), np.float32)

    def _figure(self, walker: Walker) -> NDArray[np.float32]:
        if walker.name not in self.figures:
            self.figures[walker.name] = _drawn(walker)
        return self.figures[walker.name]


def _drawn(walker: Walker) -> NDArray[np.float32]:
    """(rows, columns, 4) BGR and how opaque, of a person from the front, arms and legs a little apart."""
    wide = int(0.38 * _TALL)
    y, x = np.mgrid[0:_TALL, 0:wide] / _TALL
    x = x - 0.19
    rng = np.random.default_rng(sum(walker.name.encode()))
    figure = np.zeros((_TALL, wide, 4), np.float32)

    def fill(where: NDArray[np.bool_], colour: Sequence[float]) -> None:
        figure[where, :3] = colour
        figure[where, 3] = 1

    for side in (-1, 1):
        fill(_limb(x, y, (side * 0.05, 0.5), (side * 0.085, 0.96), 0.042), walker.trousers)
        fill(_limb(x, y, (side * 0.085, 0.96), (side * 0.12, 0.98), 0.022), (20, 20, 20))
        fill(_limb(x, y, (side * 0.115, 0.21), (side * 0.15, 0.5), 0.03), walker.coat)
        fill(np.hypot(x - side * 0.152, y - 0.53) < 0.024, (130, 160, 205))
    fill((np.abs(x) < 0.13 - 0.03 * (y - 0.18) / 0.35) & (y > 0.17) & (y < 0.55), walker.coat)
    fill((x / 0.055) ** 2 + ((y - 0.075) / 0.075) ** 2 < 1, (130, 160, 205))
    fill(((x / 0.057) ** 2 + ((y - 0.06) / 0.062) ** 2 < 1) & (y < 0.055), (30, 40, 50))
    figure[:, :, :3] += rng.normal(0, 8, (_TALL, wide, 1)) * figure[:, :, 3:]
    return figure


def _limb(
    x: NDArray[np.float64], y: NDArray[np.float64], a: tuple[float, float], b: tuple[float, float], thick: float
) -> NDArray[np.bool_]:
    """Pixels within `thick` of the line from `a` to `b`."""
    along = np.array(b) - a
    share = np.clip(((x - a[0]) * along[0] + (y - a[1]) * along[1]) / (along @ along), 0, 1)
    return np.asarray(np.hypot(x - a[0] - share * along[0], y - a[1] - share * along[1]) < thick)


def _paint(
    picture: NDArray[np.float32], figure: NDArray[np.float32], xyxy: tuple[float, float, float, float]
) -> None:
    """Put a figure into a picture, brought to the size of its box (which may be cut by the picture's edge)."""
    x1, y1, x2, y2 = (round(v) for v in xyxy)
    high, wide = y2 - y1, x2 - x1
    if high < 2 or wide < 2:
        return
    fine = 3  # each pixel is the mean of three by three, so that edges are soft
    rows = np.linspace(0, _TALL - 1, high * fine).round().astype(int)
    columns = np.linspace(0, figure.shape[1] - 1, wide * fine).round().astype(int)
    scaled = figure[rows][:, columns].reshape(high, fine, wide, fine, 4).mean(axis=(1, 3))
    under = picture[y1:y2, x1:x2]
    opaque = scaled[:, :, 3:]
    # colours of transparent pixels are 0, so the mean already weighs by how opaque they are
    picture[y1:y2, x1:x2] = under * (1 - opaque) + scaled[:, :, :3]


def write_pictures(video: RenderedVideo, folder: Path) -> list[list[Shown]]:
    """Write a video as a folder of PNG pictures; returns the truth of each."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = []
    for number, (image, shown) in enumerate(video, start=1):
        (folder / f"{number:06}.png").write_bytes(_png(image))
        truth.append(shown)
    return truth


def write_pairs(camera: RenderedCamera, path: Path) -> Path:
    """Write the calibration of a camera as point pairs: x_px, y_px, x_m, y_m."""
    image, floor = camera.pairs()
    lines = [",".join(f"{v:.6f}" for v in row) for row in np.column_stack((image, floor)).tolist()]
    path.write_text("\n".join(["x_px,y_px,x_m,y_m", *lines]) + "\n")
    return path


def _png(image: Image) -> bytes:
    """A picture (h, w, 3) BGR as PNG, which needs no package: rows of RGB, each with its filter byte, deflated."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    height, width = image.shape[:2]
    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 1:] = image[:, :, ::-1].reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(rows.tobytes(), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
