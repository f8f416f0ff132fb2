"""Every quantity, as a pure function of sightings."""

from pathlib import Path

from dwell_kit.analytics._stale import forget_stale

forget_stale(Path(__file__).parent)
