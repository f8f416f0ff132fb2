"""The nested appearance event as a Corsight server pushes it → sightings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

import polars as pl

from dwell_kit.ingest.appearances import CAMERA_COLUMNS, identity_hash
from dwell_kit.ingest.batches import Batch, ReadOptions
from dwell_kit.ingest.identifiers import identifier
from dwell_kit.ingest.json_rows import Path, as_text, dig, pruned, rejects_of
from dwell_kit.ingest.timestamps import Clock, TimeColumn
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import SIGHTINGS, UTC_US

MARK: Final = "appearance_data"
"""An object with this key is an appearance event."""

_NAME: Final = "name"
_APPEARANCE_ID: Final = "appearance_id"
_TIMES: Final[dict[str, tuple[Path, ...]]] = {
    c.STARTED: (("appearance_data", "utc_time_started"),),
    c.ENDED: (("appearance_data", "utc_time_ended"), ("frame_data", "utc_time_recorded")),
    c.MESSAGE_TIME: (("msg_send_timestamp",),),
}
_IDS: Final[dict[str, Path]] = {
    _APPEARANCE_ID: ("appearance_data", "appearance_id"),
    c.EVENT: ("event_id",),
    c.PERSON: ("match_data", "poi_id"),
    c.CAMERA: ("camera_data", "camera_id"),
}
_WORDS: Final[dict[str, Path]] = {
    _NAME: ("camera_data", "camera_description"),
    c.AGE_GROUP: ("face_features_data", "age_group_outcome"),
    c.GENDER: ("face_features_data", "gender_outcome"),
    c.LIVENESS: ("face_features_data", "liveness_outcome"),
    c.MASK: ("face_features_data", "mask_outcome"),
    c.CATEGORY: ("appearance_data", "appearance_category"),
    c.MATCH: ("match_data", "watchlists", 0, "match_outcome"),
    c.WATCHLIST_TYPE: ("match_data", "watchlists", 0, "watchlist_type"),
    c.WATCHLIST: ("match_data", "watchlists", 0, "display_name"),
}
_PAYLOAD: Final[dict[str, Path]] = {
    "event_type": ("event_type",),
    "event_id": ("event_id",),
    "first_frame_id": ("appearance_data", "first_frame_id"),
    "node_id": ("camera_data", "node_id"),
    "stream_id": ("camera_data", "stream_id"),
    "analysis_mode": ("camera_data", "analysis_mode"),
    "utc_time_zone": ("frame_data", "utc_time_zone"),
    "frame_id": ("frame_data", "frame_id"),
    "bbox_x1": ("frame_data", "bounding_box", "x1"),
    "bbox_y1": ("frame_data", "bounding_box", "y1"),
    "bbox_x2": ("frame_data", "bounding_box", "x2"),
    "bbox_y2": ("frame_data", "bounding_box", "y2"),
    "frame_timestamp": ("crop_data", "frame_timestamp"),
    "face_score": ("crop_data", "face_score"),
    "detector_score": ("crop_data", "detector_score"),
    "poi_confidence": ("match_data", "poi_confidence"),
    "watchlist_display_color": ("match_data", "watchlists", 0, "display_color"),
    "watchlist_severity": ("match_data", "watchlists", 0, "severity"),
    "trigger": ("trigger",),
}
"""What is kept beside the contract, by its name in the CSV export. A list of what may pass, not of what may not:
pictures, signatures and people's names never do, whatever a later server adds."""


def sightings(
    events: Sequence[Mapping[str, Any]],
    *,
    row_no: Sequence[int],
    options: ReadOptions,
    clock: Clock,
) -> Batch:
    """Sightings of appearance events, from the start of the appearance to where it was last seen so far.

    The person is the one that the server matched (`match_data.poi_id`). Without a match there is nobody who
    could be known again, so the sighting is anonymous: an appearance id names an appearance, not a person.
    All messages of an appearance have its id as key and the newest `msg_send_timestamp` wins, so the end moves on.
    Crops and signatures are dropped here.

    Parameters
    ----------
    row_no : number of each event.
    options : default camera and zone, and whether a payload is kept.
    clock : of the file or stream that the events are from.
    """
    frame = pl.DataFrame({c.ROW_NO: row_no}, schema={c.ROW_NO: pl.Int64}).with_columns(
        *(_texts(events, name, (path,)) for name, path in {**_IDS, **_WORDS}.items()),
        *(_texts(events, f"{name} text", paths) for name, paths in _TIMES.items()),
    )
    frame = frame.with_columns(
        *(clock.single(frame[f"{n} text"], header=_header(n), utc=True).alias(n) for n in _TIMES),
        *(identifier(pl.col(name)).alias(name) for name in _IDS),
    )
    fine = (pl.col(c.ENDED) >= pl.col(c.STARTED)).fill_null(value=False)
    good, bad = frame.filter(fine), frame.filter(~fine)
    return Batch(
        table=SIGHTINGS.name,
        rows=_rows(good, options),
        rejects=_rejects(bad, dict(zip(row_no, events, strict=True)), clock),
        payload=_payload(events, row_no, good) if options.keep_payload else None,
        rows_read=len(events),
        cameras=_cameras(good),
    )


def _header(name: str) -> str:
    return ".".join(str(step) for step in _TIMES[name][-1])


def _texts(events: Sequence[Mapping[str, Any]], name: str, paths: tuple[Path, ...]) -> pl.Series:
    def first(event: Mapping[str, Any]) -> str | None:
        found = (as_text(dig(event, path)) for path in paths)
        return next((text for text in found if text), None)

    return pl.Series(name, [first(event) for event in events], dtype=pl.String)


def _rows(good: pl.DataFrame, options: ReadOptions) -> pl.DataFrame:
    rows = good.with_columns(
        pl.col(c.CAMERA).fill_null(pl.lit(options.camera, dtype=pl.String)),
        pl.lit(options.zone, dtype=pl.String).alias(c.ZONE),
        pl.lit(value=False).alias(c.OPEN_START),
        pl.lit(value=False).alias(c.OPEN_END),
        *(pl.col(name).cast(UTC_US) for name in _TIMES),
    )
    key = pl.coalesce(_APPEARANCE_ID, c.EVENT, pl.lit(identity_hash(rows)))
    return SIGHTINGS.conform(rows.with_columns(key.alias(c.KEY)))


def _rejects(bad: pl.DataFrame, events: Mapping[int, Mapping[str, Any]], clock: Clock) -> pl.DataFrame:
    late = pl.lit("the end is before the start")
    whys = []
    for name in (c.STARTED, c.ENDED):
        header, texts = _header(name), bad[f"{name} text"]
        why = clock.why(TimeColumn(name=name, main=0, headers=(header,), utc=(True,)), (texts,))
        whys.append(why.select(pl.all().name.prefix(f"{name} ")))
    frame = pl.concat([bad.select(c.ROW_NO, c.STARTED, c.ENDED), *whys], how="horizontal")
    no_start, no_end = pl.col(c.STARTED).is_null(), pl.col(c.ENDED).is_null()
    found = frame.select(
        c.ROW_NO,
        *(
            pl.when(no_start).then(pl.col(f"{c.STARTED} {n}")).otherwise(pl.col(f"{c.ENDED} {n}")).alias(n)
            for n in (c.COLUMN, c.VALUE)
        ),
        pl.when(no_start)
        .then(pl.col(f"{c.STARTED} {c.REASON}"))
        .when(no_end)
        .then(pl.col(f"{c.ENDED} {c.REASON}"))
        .otherwise(late)
        .alias(c.REASON),
    )
    numbers = found[c.ROW_NO].to_list()
    said = {name: found[name].to_list() for name in (c.COLUMN, c.VALUE, c.REASON)}
    kept = [*chain.from_iterable(_TIMES.values()), *_IDS.values(), *_WORDS.values(), *_PAYLOAD.values()]
    return rejects_of(numbers, [as_text(pruned(events[n], kept)) or "" for n in numbers], **said)


def _payload(events: Sequence[Mapping[str, Any]], row_no: Sequence[int], good: pl.DataFrame) -> pl.DataFrame:
    made = pl.DataFrame([_texts(events, name, (path,)) for name, path in _PAYLOAD.items()])
    numbered = made.with_columns(pl.Series(c.ROW_NO, row_no, dtype=pl.Int64))
    return numbered.select(c.ROW_NO, *_PAYLOAD).filter(pl.col(c.ROW_NO).is_in(good[c.ROW_NO].implode()))


def _cameras(good: pl.DataFrame) -> pl.DataFrame:
    known = good.filter(pl.col(c.CAMERA).is_not_null()).unique(c.CAMERA, keep="last", maintain_order=True)
    nothing = (pl.lit(None, dtype=pl.String).alias(n) for n in CAMERA_COLUMNS if n not in (c.CAMERA, _NAME))
    return known.with_columns(*nothing).select(CAMERA_COLUMNS)
