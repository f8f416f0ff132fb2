"""Every quantity, named once, for the library, the command line, the API, dashboards and reports.

Importing it loads no kernels: the function behind a quantity is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from dwell_kit.errors import NotFoundError
from dwell_kit.schema import columns as c

SIGHTINGS: Final = ("sightings",)


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One quantity.

    Parameters
    ----------
    name : what it is called everywhere. title : for people. unit : of its main figure.
    home : "module:function" inside `dwell_kit.analytics`.
    spec : the paragraphs that define it. description : one sentence.
    takes : the tables its function is handed, in order: sightings, visits, crowd_events, positions, counts.
    defaults : arguments that make the quantity out of a more general function.
    persons : the column of its result that counts distinct persons, for k-suppression, if it has one.
    rows : each row is about one person, visit or event: for people who may see rows.
    """

    name: str
    title: str
    unit: str
    home: str
    spec: str
    description: str
    takes: tuple[str, ...] = SIGHTINGS
    defaults: Mapping[str, Any] = field(default_factory=dict)
    persons: str | None = None
    rows: bool = False

    @property
    def compute(self) -> Callable[..., Any]:
        """The function; frames in the order of `takes`, everything else by keyword."""
        module, function = self.home.split(":")
        made: Callable[..., Any] = getattr(import_module(f"dwell_kit.analytics.{module}"), function)
        return partial(made, **self.defaults) if self.defaults else made


def _q(name: str, title: str, unit: str, home: str, spec: str, description: str, **more: Any) -> Quantity:
    return Quantity(name=name, title=title, unit=unit, home=home, spec=spec, description=description, **more)


_PERSONS: Final = {"persons": c.UNIQUE_VISITORS}
_EVENTS: Final = {"takes": ("crowd_events", "sightings")}
_ALL: Final = (
    _q("summary", "Key figures", "", "summary:compute_summary", "S2", "The key figures of a selection."),
    _q("summary_for_viewer", "Key figures", "", "disclosure:compute_summary_for_viewer", "S2.6",
       "The key figures, those about fewer than k persons hidden: for people who may not see rows."),
    _q("visits", "Visits", "s", "visits:compute_visits", "S0 S2.1",
       "Each person's sightings merged while the gap is at most max_gap.", rows=True),
    _q("open_visits", "Open visits", "s", "visits:compute_open_visits", "S0 S2.1",
       "The visits that nobody saw end.", rows=True),
    _q("zone_visits", "Zone visits", "s", "visits:compute_zone_visits", "S0 S2.1", "Visits inside one zone.",
       rows=True),
    _q("dwell", "Dwell", "s", "dwell:compute_dwell", "S0 S2.2",
       "Time present, absence excluded, by any grouping."),
    _q("dwell_histogram", "Distribution of dwell", "visits", "dwell:compute_dwell_histogram", "S2.2",
       "How many visits lasted how long.", **_PERSONS),
    _q("survival", "Survival of dwell", "share", "survival:compute_survival", "S2.2",
       "Share of visits that last longer than t, open visits censored.", takes=("visits",)),
    _q("survival_summary", "Dwell by Kaplan–Meier", "s", "survival:compute_survival_summary", "S2.2",
       "Median and mean dwell with open visits censored, naive figures beside them.", takes=("visits",)),
    _q("survival_summary_for_viewer", "Dwell by Kaplan–Meier", "s",
       "disclosure:compute_survival_summary_for_viewer", "S2.2 S2.6",
       "Median and mean dwell with open visits censored, figures about fewer than k persons hidden.",
       takes=("visits",)),
    _q("survival_for_viewer", "Survival of dwell", "share", "disclosure:compute_survival_for_viewer", "S2.2 S2.6",
       "Share of visits that last longer than t, where k persons or more left since the time before.",
       takes=("visits",)),
    _q("occupancy", "Occupancy", "persons", "occupancy:compute_occupancy", "S0 S2.3",
       "Persons present at the same time: mean, maximum and person-seconds per bucket."),
    _q("capacity_share", "Capacity share", "share", "capacity:compute_capacity_share", "S2.3",
       "Occupancy as a share of a capacity, and how long more persons were there."),
    _q("counter_balance", "Occupancy from counters", "persons", "drift:compute_counter_balance", "S2.3",
       "Occupancy from in/out counts, corrected for drift.", takes=("counts",)),
    _q("counter_days", "Drift of counters", "persons", "drift:compute_counter_days", "S2.3",
       "How far ins and outs disagree each day.", takes=("counts",)),
    _q("footfall", "Footfall", "visits", "footfall:compute_footfall", "S0 S2.4",
       "Visits started per bucket.", **_PERSONS),
    _q("unique_visitors", "Unique visitors", "persons", "visitors:compute_unique_visitors", "S0 S2.4",
       "Distinct persons with a selected visit, never added across buckets.", **_PERSONS),
    _q("repeat_visitors", "Repeat visitors", "persons", "visitors:compute_repeat_visitors", "S0 S2.4",
       "Persons with two or more visits, and on two or more days.", **_PERSONS),
    _q("top_visitors", "Top visitors", "visits", "visitors:compute_top_visitors", "S2.4",
       "The persons with most visits or most dwell.", rows=True),
    _q("new_returning", "New and returning visitors", "persons", "visitors:compute_new_returning", "S0 S2.4",
       "Persons without and with a visit before the time looked at.", **_PERSONS),
    _q("recency_frequency", "Recency and frequency", "persons", "visitors:compute_recency_frequency", "S2.4",
       "How often persons came, and how long ago they were last seen.", **_PERSONS),
    _q("visit_frequency", "Visits per person", "persons", "frequency:compute_visit_frequency", "S2.4",
       "Persons by their number of visits.", **_PERSONS),
    _q("inter_visit", "Time between visits", "s", "visitors:compute_inter_visit", "S2.4",
       "From the end of a visit to the start of the same person's next one.", **_PERSONS),
    *(
        _q(f"{word}_series", f"{word.capitalize()} series", "persons", "peaks:compute_series", "S2.5",
           f"Visits, visitors and occupancy, {word}.", defaults={"every": every}, **_PERSONS)
        for word, every in (("hourly", "hour"), ("daily", "day"), ("weekly", "week"))
    ),
    _q("weekday_hour", "Weekday × hour", "persons", "peaks:compute_weekday_hour", "S2.5",
       "Mean occupancy and visits started by local weekday and clock hour.", **_PERSONS),
    _q("camera_hour", "Camera × hour", "persons", "peaks:compute_camera_hour", "S2.5",
       "Mean occupancy and visits started by camera and local clock hour.", **_PERSONS),
    _q("peak_hour", "Peak hour", "hour", "peaks:compute_peak_hour", "S0 S2.5",
       "The local clock hour with the highest mean occupancy over covered time."),
    _q("hour_profile", "Profile of the day", "persons", "peaks:compute_hour_profile", "S2.5",
       "Mean occupancy of each local clock hour."),
    _q("demographics", "Demographics", "persons", "demographics:compute_demographics", "S0 S2.6",
       "Visits, visitors, dwell and occupancy by words of the person, with the share that is known.", **_PERSONS),
    _q("crowd_per_hour", "Crowd events per hour", "events", "crowd:compute_crowd_per_hour", "S2.7",
       "Crowd and loitering events by camera and local hour.", takes=("crowd_events",), **_PERSONS),
    _q("crowd_camera_hour", "Crowd events by camera and clock hour", "events",
       "crowd:compute_crowd_camera_hour", "S2.7",
       "Crowd and loitering events by camera and local clock hour.", takes=("crowd_events",), **_PERSONS),
    _q("crowd_occupancy", "Crowd events and occupancy", "persons", "crowd:compute_crowd_occupancy", "S0 S2.7",
       "Each event beside the occupancy of its camera and the dwell of those there.", rows=True, **_EVENTS),
    _q("crowd_lead_lag", "Events before or after occupancy", "", "crowd:compute_lead_lag", "S2.7",
       "Correlation of events and occupancy at each lag.", **_EVENTS),
    _q("crowding", "Crowding", "s", "crowding:compute_crowding", "S0 S2.7",
       "Intervals in which a place holds N persons or more for S seconds or more."),
    _q("loitering", "Loitering", "s", "crowding:compute_loitering", "S0 S2.7",
       "Stays of one person at one place of a given length or more.", rows=True),
    _q("transitions", "From place to place", "transitions", "movement:compute_transitions", "S2.8",
       "How often people went from one place to the next within a visit.", **_PERSONS),
    _q("origin_destination", "Origin and destination", "visits", "movement:compute_origin_destination", "S2.8",
       "Visits by where they were first and last seen.", **_PERSONS),
    _q("position_counts", "Positions by camera", "positions", "points:compute_position_counts", "S2.8",
       "How many positions each camera reported, of whom and when.", takes=("positions",), **_PERSONS),
    _q("points", "Where people were", "m", "points:compute_points", "S2.8",
       "Positions as points on the floor or in a camera's image.", takes=("positions",), rows=True),
    _q("paths", "Paths", "m", "paths:compute_paths", "S2.8",
       "Each person's positions on the floor as unbroken paths, with the speed at each point.",
       takes=("positions",), rows=True),
    _q("distance", "Distance and speed", "m", "paths:compute_distance", "S2.8",
       "How far and how fast each person walked.", takes=("positions",), rows=True),
    _q("speed_histogram", "Distribution of speed", "s", "speeds:compute_speed_histogram", "S2.8",
       "How much of people's time went by at which speed.", takes=("positions",), **_PERSONS),
    _q("floor_map", "Map of the floor", "1/m²", "floor:compute_floor_map", "S2.8",
       "Person-seconds, mean density and mean speed in each cell of the floor.", takes=("positions",), **_PERSONS),
    _q("density", "Density", "1/m²", "density:compute_density", "S2.8",
       "Persons per m² in zones of the floor over time, with its level of service.", takes=("positions",),
       **_PERSONS),
    _q("level_of_service", "Level of service", "s", "density:compute_level_of_service", "S2.8",
       "How long each level of service lasted in zones of the floor.", takes=("positions",), **_PERSONS),
    _q("person_band", "Persons, between", "persons", "tracklets:compute_person_band", "S2.10",
       "The persons counted, and the fewest that the tracks may be of.", takes=("positions",), persons=c.HIGH),
    _q("sensitivity", "Sensitivity to max_gap", "visits", "sensitivity:compute_gap_sensitivity", "S2.10",
       "The key figures for several values of max_gap.", **_PERSONS),
    _q("fragmentation", "Sensitivity to broken identities", "persons",
       "sensitivity:compute_fragmentation_sensitivity", "S2.10",
       "The key figures if identities broke at a given rate."),
)  # fmt: skip

QUANTITIES: Final[Mapping[str, Quantity]] = MappingProxyType({quantity.name: quantity for quantity in _ALL})


def get(name: str) -> Quantity:
    """The quantity called `name`.

    >>> get("peak_hour").title
    'Peak hour'

    Raises
    ------
    NotFoundError : listing the known ones.
    """
    if name not in QUANTITIES:
        raise NotFoundError(f"there is no quantity {name!r}", expected=", ".join(QUANTITIES), found=repr(name))
    return QUANTITIES[name]
