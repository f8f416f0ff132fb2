"""The campus: cameras, their groups and zones, and which of them look at the same floor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Camera:
    """One camera; `next_to` are the cameras a person can walk to, `overlaps` those that see a part of its view."""

    camera_id: str
    name: str
    group: str
    zone_id: str
    mean_stay_s: float
    next_to: tuple[str, ...]
    overlaps: tuple[str, ...] = ()


CAMERAS = (
    Camera(
        "cam-01-gate", "Main gate", "Entrances", "z-gate", 15, ("cam-02-plaza", "cam-03-lobby"), ("cam-02-plaza",)
    ),
    Camera("cam-02-plaza", "Plaza", "Outdoor", "z-plaza", 120, ("cam-01-gate", "cam-03-lobby", "cam-05-cafe")),
    Camera(
        "cam-03-lobby", "Lobby", "Entrances", "z-lobby", 60, ("cam-04-library", "cam-06-hall"), ("cam-06-hall",)
    ),
    Camera("cam-04-library", "Library", "Study", "z-library", 1500, ("cam-03-lobby", "cam-05-cafe")),
    Camera("cam-05-cafe", "Café", "Food", "z-cafe", 900, ("cam-02-plaza", "cam-08-terrace"), ("cam-08-terrace",)),
    Camera("cam-06-hall", "Lecture hall", "Study", "z-hall", 2400, ("cam-03-lobby", "cam-07-labs")),
    Camera("cam-07-labs", "Laboratories", "Study", "z-labs", 1800, ("cam-06-hall", "cam-03-lobby")),
    Camera("cam-08-terrace", "Terrace", "Outdoor", "z-terrace", 420, ("cam-05-cafe", "cam-02-plaza")),
)
BY_ID = {camera.camera_id: camera for camera in CAMERAS}
ENTRANCES = ("cam-01-gate", "cam-01-gate", "cam-01-gate", "cam-03-lobby")
ARRIVALS_BY_HOUR = (0, 0, 0, 0, 0, 1, 4, 12, 22, 18, 14, 15, 20, 16, 12, 11, 10, 12, 9, 6, 3, 2, 1, 0)
"""Weights of local arrival hours."""
WEEKDAY_WEIGHT = (1.0, 1.05, 1.1, 1.0, 0.85, 0.3, 0.2)
"""Monday to Sunday."""
