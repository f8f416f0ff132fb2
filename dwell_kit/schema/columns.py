"""Every column name, once. Units are in the name where a float could be mistaken."""

from __future__ import annotations

from typing import Final

# identity
ENVIRONMENT: Final = "environment"
SOURCE: Final = "source"
KEY: Final = "key"
"""The sighting's identity in its source: appearance id, else event id, else a hash of its identity."""
PERSON: Final = "person_id"
PERSON_CODE: Final = "person_code"
"""Keyed BLAKE2b-64 of (environment, source, person_id) as int64; null for an anonymous sighting."""
CAMERA: Final = "camera_id"
ZONE: Final = "zone_id"
EVENT: Final = "event_id"

# time, all UTC microseconds
STARTED: Final = "started_at"
ENDED: Final = "ended_at"
RECORDED: Final = "recorded_at"
"""When a crowd or loitering event was recorded: the end of its span."""
MESSAGE_TIME: Final = "message_time"
"""When the source said so; the newest message of a key wins."""
DAY: Final = "day"
"""UTC calendar day of the start: the lake's partition."""

# censoring
OPEN_START: Final = "open_start"
"""True when the entry is missing (left-censored)."""
OPEN_END: Final = "open_end"
"""True when the exit is missing (right-censored)."""

# raw words of the source, grouped by schema.demographics
AGE_GROUP: Final = "age_group"
GENDER: Final = "gender"
CATEGORY: Final = "appearance_category"
MASK: Final = "mask_outcome"
LIVENESS: Final = "liveness_outcome"
MATCH: Final = "match_outcome"
WATCHLIST_TYPE: Final = "watchlist_type"
WATCHLIST: Final = "watchlist_name"

# provenance
UPLOAD: Final = "upload_id"
SEQ: Final = "seq"
ROW_NO: Final = "row_no"
"""1-based number of the data row (the header is row 0, record of a JSON list likewise)."""

# crowd events
EVENT_TYPE: Final = "event_type"
LOITERING_S: Final = "loitering_duration_s"
SAVED: Final = "saved_at"

# positions
TIME: Final = "t"
X_M: Final = "x_m"
Y_M: Final = "y_m"
FRAME: Final = "frame"
BOX_X: Final = "box_x"
BOX_Y: Final = "box_y"
BOX_W: Final = "box_w"
BOX_H: Final = "box_h"
CONFIDENCE: Final = "confidence"

# paths on the floor
PATH: Final = "path"
"""1-based number of an unbroken stretch of a person's positions."""
LASTS_S: Final = "lasts_s"
"""How long a position stands for: until the person's next one."""
PATHS: Final = "paths"
DISTANCE_M: Final = "distance_m"
SPEED_M_S: Final = "speed_m_s"
SPEED_MEAN_M_S: Final = "speed_mean_m_s"
SPEED_MEDIAN_M_S: Final = "speed_median_m_s"
SPEED_P95_M_S: Final = "speed_p95_m_s"
FROM_M_S: Final = "from_m_s"
TILL_M_S: Final = "till_m_s"

# density, persons per m², and its level of service
AREA_M2: Final = "area_m2"
DENSITY_MEAN: Final = "density_mean_per_m2"
DENSITY_MAX: Final = "density_max_per_m2"
FROM_PER_M2: Final = "from_per_m2"
TILL_PER_M2: Final = "till_per_m2"
SCHEME: Final = "scheme"
"""Whose levels of service, and for what, such as fruin_walkway: a letter alone means nothing."""
LEVEL: Final = "level"
LEVEL_MEAN: Final = "level_mean"
LEVEL_MAX: Final = "level_max"
LASTED_S: Final = "lasted_s"
PERSON_SHARE: Final = "person_share"

# rejects
COLUMN: Final = "column"
VALUE: Final = "value"
REASON: Final = "reason"
RAW: Final = "raw"
"""The rejected row as CSV text (JSON text for JSON sources), so that it can be fixed and ingested again."""

# visits
VISIT: Final = "visit"
"""1-based number of the visit within the person."""
DWELL_S: Final = "dwell_s"
SPAN_S: Final = "span_s"
N_SIGHTINGS: Final = "sightings"
N_CAMERAS: Final = "cameras"
FIRST_CAMERA: Final = "first_camera"
LAST_CAMERA: Final = "last_camera"
OPEN: Final = "open"
"""True when the visit is right-censored: known present to the last end, unknown after."""
CUT_START: Final = "cut_start"
CUT_END: Final = "cut_end"
"""True when the visit was there before, or after, the selected time too."""
KNOWN_UNTIL: Final = "known_until"
UNKNOWN_START: Final = "unknown_start"

# results
BUCKET: Final = "bucket"
HOUR: Final = "hour"
WEEKDAY: Final = "weekday"
"""ISO weekday, 1 = Monday … 7 = Sunday."""
COUNT: Final = "count"
MEAN_S: Final = "mean_s"
MEDIAN_S: Final = "median_s"
P90_S: Final = "p90_s"
P95_S: Final = "p95_s"
MAX_S: Final = "max_s"
SUM_S: Final = "sum_s"
VISITS: Final = "visits"
UNIQUE_VISITORS: Final = "unique_visitors"
PERSON_SECONDS: Final = "person_seconds"
OCCUPANCY_MEAN: Final = "occupancy_mean"
OCCUPANCY_MAX: Final = "occupancy_max"
OCCUPANCY: Final = "occupancy"
SHARE: Final = "share"

# results: survival
T_S: Final = "t_s"
AT_RISK: Final = "at_risk"
EVENTS: Final = "events"
CENSORED: Final = "censored"
SURVIVAL: Final = "survival"
LOW: Final = "low"
HIGH: Final = "high"

# results: suppression
SUPPRESSED: Final = "suppressed"
"""True where k-suppression hid the row's figures."""

# in/out counters
N_IN: Final = "n_in"
N_OUT: Final = "n_out"
OCCUPANCY_NAIVE: Final = "occupancy_naive"
"""Ins minus outs since the first row: drifts with every miscount."""
DRIFT: Final = "drift"
RESIDUAL: Final = "residual"
OUT_SCALE: Final = "out_scale"

# results: footfall, visitors, demographics
BASIS: Final = "basis"
"""What footfall counts: "visits started" or "line crossings in"; never mixed."""
REPEAT_VISITORS: Final = "repeat_visitors"
REPEAT_RATE: Final = "repeat_rate"
REPEAT_DAY_VISITORS: Final = "repeat_day_visitors"
"""Persons seen on two or more local days."""
REPEAT_DAY_RATE: Final = "repeat_day_rate"
NEW_VISITORS: Final = "new_visitors"
RETURNING_VISITORS: Final = "returning_visitors"
RETURNING_RATE: Final = "returning_rate"
DAYS: Final = "days"
FIRST_SEEN: Final = "first_seen"
LAST_SEEN: Final = "last_seen"
RECENCY_DAYS: Final = "recency_days"
SHARE_DETERMINED: Final = "share_determined"
COVERED_S: Final = "covered_s"

# results: crowd and sensitivity
N_PERSONS: Final = "persons"
VISIT_DWELL_S: Final = "visit_dwell_s"
PRESENT_DWELL_MEAN_S: Final = "present_dwell_mean_s"
LAG: Final = "lag"
LAG_S: Final = "lag_s"
CORRELATION: Final = "correlation"
DURATION_S: Final = "duration_s"
MAX_GAP_S: Final = "max_gap_s"
SWITCHES_PER_H: Final = "switches_per_hour"

# results: dwell
GRAIN: Final = "grain"
"""What was counted: "visit", "sighting" or "person"."""
GROUP: Final = "group"
"""A camera group: store, department or division."""
WEEK: Final = "week"
"""Local Monday of the ISO week."""
MONTH: Final = "month"
"""Local first day of the month."""
FROM_S: Final = "from_s"
TILL_S: Final = "till_s"
MEAN_LOW_S: Final = "mean_low_s"
MEAN_HIGH_S: Final = "mean_high_s"
MEDIAN_LOW_S: Final = "median_low_s"
MEDIAN_HIGH_S: Final = "median_high_s"
