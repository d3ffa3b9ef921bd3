"""What is wrong with the hours themselves: absent, stuck, impossible or late; pandas and numpy."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from training import schema

NUMBERS = ("temperature", "feels_like", "humidity", "windspeed")
STUCK_LEAST, STUCK_MOST = 24, 48
"""Hours: fewer of the same value are never called stuck, more always are."""
STUCK_FACTOR = 1.5
"""Times the longest run ever seen, between the two."""
BULK = 24
"""So many hours written at once were loaded, not reported."""
LATE = 24
"""Hours after its end when an hour's actual is late."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hours from `first` to `last` in which one input can't be right.

    `kind` is ``stuck``, ``impossible`` or ``missing``; `value` is NaN unless stuck.
    """

    name: str
    kind: str
    first: dt.datetime
    last: dt.datetime
    hours: int
    value: float


@dataclass(frozen=True, slots=True)
class Lateness:
    """How long after its end an hour's actual was written.

    Attributes
    ----------
    loaded : int
        Hours that came in bulk, of which nothing can be told.
    reported, late : int
        Hours that came a few at a time; those of them that came over `LATE` hours after their end.
    median, largest : float
        Hours; NaN if none was reported.
    """

    loaded: int
    reported: int
    late: int
    median: float
    largest: float


def missing(
    history: pd.DataFrame, start: dt.datetime, end: dt.datetime, zone: str = "UTC"
) -> list[Stretch]:
    """Return the stretches of absent hours between two hours, the last not included.

    The hour that the clock skips in spring never was.
    """
    known = history["datetime"][history["datetime"].between(start, end, inclusive="left")]
    span = pd.date_range(start, end, freq="h", inclusive="left").to_series()
    never = span[span.dt.tz_localize(zone, ambiguous=True, nonexistent="NaT").isna()]
    around = [start - dt.timedelta(hours=1), *known, *never, end]
    gaps = schema.gaps(pd.DataFrame({"datetime": pd.to_datetime(around)}).sort_values("datetime"))
    return [
        Stretch("hours", "missing", _moment(begin), _moment(after), int(count), np.nan)
        for begin, after, count in zip(gaps["first"], gaps["last"], gaps["hours"], strict=True)
    ]


def stuck(history: pd.DataFrame, start: dt.datetime, end: dt.datetime) -> list[Stretch]:
    """Return the runs of one value that reach into a span and are longer than is natural.

    Natural is up to 1.5 times the longest run that ended before the span. `history` is in order
    of time; absent hours do not end a run.
    """
    known = history[history["datetime"] < end]
    return [found for name in NUMBERS for found in _stuck(known, name, start)]


def _stuck(known: pd.DataFrame, name: str, start: dt.datetime) -> list[Stretch]:
    rows = known.loc[known[name].notna(), ["datetime", name]]
    if rows.empty:
        return []
    hours, values = rows["datetime"].to_numpy(), _floats(rows[name])
    begins = np.flatnonzero(np.diff(values, prepend=np.nan) != 0)
    ends = np.append(begins[1:], len(values)) - 1
    length = ends - begins + 1
    inside = hours[ends] >= np.datetime64(start)
    longest = length[~inside].max(initial=0)
    limit = min(max(STUCK_LEAST, STUCK_FACTOR * longest), STUCK_MOST)
    return [
        Stretch(
            name,
            "stuck",
            _moment(hours[begins[run]]),
            _moment(hours[ends[run]]),
            int(length[run]),
            float(values[begins[run]]),
        )
        for run in np.flatnonzero(inside & (length >= limit))
    ]


def impossible(history: pd.DataFrame, start: dt.datetime, end: dt.datetime) -> list[Stretch]:
    """Return the runs of hours in a span whose values no weather has.

    Outside the ranges of `training.schema`; a humidity of 0 %; a felt temperature more than 20 °C
    from the real one.
    """
    span = history[(history["datetime"] >= start) & (history["datetime"] < end)]
    wrong = {
        name: ~span[name].between(schema.NUMBERS[name].low, schema.NUMBERS[name].high)
        & span[name].notna()
        for name in NUMBERS
    }
    wrong["humidity"] |= span["humidity"] == 0
    wrong["feels_like"] |= (span["feels_like"] - span["temperature"]).abs() > 20
    return [found for name in NUMBERS for found in _runs(span, name, wrong[name].to_numpy(bool))]


def _runs(span: pd.DataFrame, name: str, wrong: np.ndarray) -> list[Stretch]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], wrong, [False]])))
    hours = span["datetime"].to_numpy()
    return [
        Stretch(
            name,
            "impossible",
            _moment(hours[first]),
            _moment(hours[after - 1]),
            int(after - first),
            np.nan,
        )
        for first, after in edges.reshape(-1, 2)
    ]


def lateness(hours: pd.Series, recorded: pd.Series, zone: str) -> Lateness:
    """Judge when actuals came.

    Parameters
    ----------
    hours, recorded : Series of datetime
        Each hour by its local wall clock, and when it was last written, in UTC.
    """
    local = hours.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    ended = local.dt.tz_convert(None) + pd.Timedelta(hours=1)
    bulk = (recorded.groupby(recorded).transform("size") >= BULK).to_numpy(bool)
    delay = ((recorded - ended).dt.total_seconds() / 3600).to_numpy()[~bulk]
    known = len(delay) > 0
    return Lateness(
        loaded=int(bulk.sum()),
        reported=len(delay),
        late=int((delay > LATE).sum()),
        median=float(np.median(delay)) if known else np.nan,
        largest=float(delay.max()) if known else np.nan,
    )


def _floats(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _moment(hour: np.datetime64 | pd.Timestamp) -> dt.datetime:
    return pd.Timestamp(hour).to_pydatetime()
