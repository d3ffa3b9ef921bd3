"""Whether the inputs and the rentals are as in the same season of earlier years.

Weather is autocorrelated and no two years are alike, so that tests which take hours for
independent call nearly every month drifted. Here a difference counts when it is larger than what a
block bootstrap of the past gives for the same kind of difference (Künsch, The jackknife and the
bootstrap for general stationary observations, Annals of Statistics 17(3), 1989): a block is as long
as the window, so that what lasts for weeks stays together, and comes from any season, once the
annual wave is taken out, so that one earlier year is enough to tell how much two years differ.

A broken sensor can't wait for weeks of data: `faults` looks at three days.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training import quality
from training.history import Floats, as_hours

UNITS = {
    "temperature": "°C",
    "feels_like": "°C",
    "humidity": "%",
    "windspeed": "km/h",
    "clear": "share of hours",
    "precipitation": "share of hours",
    "rentals": "ratio to the four weeks before",
    "level": "rentals per hour",
}
"""What is compared: the weather, the share of hours with clear sky and with rain or snow, the
rentals against those of the four weeks before, so that growth alone is no alarm, and their level,
which is told and never flagged."""
YEAR = 365
SLACK = 14
"""Days around the same dates of earlier years that count as the same season."""
ALPHA = 0.01
DRAWS = 2000
LEVEL_DAYS = 28
SINCE_DAYS = 90
"""How far back the first flagged day is looked for."""
SEASON = 45
"""Days around the same date whose hours a fault is held against."""
MARGIN = 0.25
"""Of the range of earlier years, by which three days may lie outside of it."""
PEAK_MARGIN = 0.1
FAULT_HOURS = 6
"""Known hours without which nothing is said of three days."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One input, or the rentals, of a window against the same season of earlier years.

    Attributes
    ----------
    name, unit : str
        As in `UNITS`.
    current, reference : float or None
        The mean in the window and in the same season, None if unknown.
    threshold : float or None
        What the difference has to exceed; None if there is no earlier year, and for the level.
    years : int
        Earlier years that know this season.
    flagged : bool
    since : datetime or None
        The end of the first window that was flagged and all since, at most `SINCE_DAYS` back.
    """

    name: str
    unit: str
    current: float | None
    reference: float | None
    threshold: float | None
    years: int
    flagged: bool
    since: dt.datetime | None

    @property
    def statistic(self) -> float | None:
        """Return the difference of the means, in the unit."""
        known = self.current is not None and self.reference is not None
        return self.current - self.reference if known else None  # type: ignore[operator]

    @property
    def severity(self) -> float:
        """Return the difference in thresholds: above 1 is flagged; 0 if unknown."""
        return abs(self.statistic or 0.0) / self.threshold if self.threshold else 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """An input that can't be right.

    Attributes
    ----------
    name : str
        The input; ``felt_difference`` is the felt less the real temperature, ``rain_humidity`` the
        humidity while it rains or snows, ``rain_contrast`` by how much it is higher then.
    kind : str
        ``unusual``: its mean over the window lies far outside of all such windows of the same
        season of earlier years; ``peak``: its largest value does; ``stuck`` and ``impossible`` as
        in `training.quality`.
    value : float
    low, high : float
        What it may be; NaN if the value alone says it.
    since : datetime
        The first of its hours; for a mean or peak the start of the window.
    until : datetime or None
        The last hour of a stuck value that has changed since; None if it goes on.
    """

    name: str
    kind: str
    value: float
    low: float
    high: float
    since: dt.datetime
    until: dt.datetime | None = None


def season_drift(
    history: pd.DataFrame, end: dt.datetime | None = None, days: int = 28, seed: int = 0
) -> list[Drift]:
    """Compare the last `days` days before `end` with the same season of earlier years.

    Parameters
    ----------
    history : DataFrame
        Columns of `training.schema.HISTORY`, in order of time.
    end : datetime, optional
        The first hour after the window; that after the newest observation if not given.

    Returns
    -------
    list of Drift
        One for each of `UNITS` that has a value in the window, worst first.
    """
    end = end or newest_end(history)
    series = _daily(_grids(history, end))
    found = [_drift(name, values, end, days, seed) for name, values in series.items()]
    return sorted((one for one in found if one.current is not None), key=lambda one: -one.severity)


def faults(history: pd.DataFrame, end: dt.datetime | None = None, days: int = 3) -> list[Fault]:
    """Find inputs of the last `days` days before `end` that can't be right.

    A wrong unit, a stuck sensor or a flipped flag; what they are held against is the same season of
    earlier years, without which only stuck and impossible values are found. Parameters are those of
    `season_drift`.
    """
    end = end or newest_end(history)
    start = end - dt.timedelta(days=days)
    runs = quality.stuck(history, start, end) + quality.impossible(history, start, end)
    found = [
        Fault(run.name, run.kind, run.value, np.nan, np.nan, run.first, _until(history, run))
        for run in runs
    ]
    grids = _grids(history, end)
    for name, means in _checked(grids, days).items():
        found += _unusual(name, "unusual", means, MARGIN, start)
    peaks = _window_peaks(grids["windspeed"], days)
    return found + _unusual("windspeed", "peak", peaks, PEAK_MARGIN, start)


def season_band(history: pd.DataFrame, name: str, end: dt.datetime, days: int) -> pd.DataFrame:
    """Return one row a day of the window: the daily mean beside the same season's.

    Columns datetime (the day's first hour), `value`, and of the days of earlier years at most
    `SLACK` days from the same date `low` (5 %), `usual` (mean) and `high` (95 %); NaN if unknown.
    """
    values = _daily(_grids(history, end))[name]
    rows = []
    for day in reversed(range(days)):
        known = _same_season(values, day)
        spread = (*np.quantile(known, (0.05, 0.95)), known.mean()) if len(known) else (np.nan,) * 3
        value = values[day] if day < len(values) else np.nan
        rows.append((end - dt.timedelta(days=day + 1), value, spread[0], spread[2], spread[1]))
    return pd.DataFrame(rows, columns=["datetime", "value", "low", "usual", "high"])


def newest_end(history: pd.DataFrame) -> dt.datetime:
    """Return the hour after the newest one of a history."""
    newest: pd.Timestamp = history["datetime"].max()
    return (newest + pd.Timedelta(hours=1)).to_pydatetime()


def _drift(name: str, values: Floats, end: dt.datetime, days: int, seed: int) -> Drift:
    """Judge one daily series, the newest day first."""
    means = _means(values, days)
    around = _means(values, days + 2 * SLACK)
    references = [around[year - SLACK :][:SINCE_DAYS] for year in range(YEAR, len(values), YEAR)]
    references = [_filled(reference, SINCE_DAYS) for reference in references]
    years = sum(bool(np.isfinite(reference[0])) for reference in references)
    current = float(means[0]) if len(means) and np.isfinite(means[0]) else None
    if current is None or not years:
        return Drift(name, UNITS[name], current, None, None, years, False, None)
    reference = _mean(np.array(references), axis=0)
    threshold = None if name == "level" else _threshold(values[days:], days, years, seed)
    if threshold is None:
        return Drift(name, UNITS[name], current, float(reference[0]), None, years, False, None)
    flags = np.abs(_filled(means, SINCE_DAYS) - reference) > threshold
    run = int(np.argmin(np.append(flags, False)))
    since = end - dt.timedelta(days=run - 1) if run else None
    return Drift(
        name, UNITS[name], current, float(reference[0]), threshold, years, bool(flags[0]), since
    )


def _threshold(past: Floats, days: int, years: int, seed: int) -> float | None:
    """Return what the difference of a window and its reference exceeds with probability `ALPHA`.

    Both are drawn as blocks from the past without its annual wave, the reference once a year.
    """
    known = np.isfinite(past)
    angle = 2 * np.pi * np.arange(len(past)) / 365.25
    wave = np.column_stack([np.ones(len(past)), np.sin(angle), np.cos(angle)])
    fitted, *_ = np.linalg.lstsq(wave[known], past[known], rcond=None)
    residual = np.where(known, past - wave @ fitted, np.nan)
    windows, references = _means(residual, days), _means(residual, days + 2 * SLACK)
    windows, references = windows[np.isfinite(windows)], references[np.isfinite(references)]
    if not (len(windows) and len(references)):
        return None
    random = np.random.default_rng(seed)
    drawn = random.choice(references, (DRAWS, years)).mean(axis=1)
    return float(np.quantile(np.abs(random.choice(windows, DRAWS) - drawn), 1 - ALPHA))


def _until(history: pd.DataFrame, run: quality.Stretch) -> dt.datetime | None:
    """Return the last hour of a stuck value, None if no other is known after it."""
    if run.kind != "stuck":
        return None
    later = history.loc[history["datetime"] >= run.first, ["datetime", run.name]].dropna()
    changed = (later[run.name] != run.value).to_numpy(bool)
    last: pd.Timestamp = later["datetime"].iloc[int(changed.argmax()) - 1]
    return last.to_pydatetime() if changed.any() else None


def _unusual(
    name: str, kind: str, windows: Floats, margin: float, start: dt.datetime
) -> list[Fault]:
    """Hold the newest window against those of the same season of earlier years."""
    day = np.arange(len(windows))
    year = np.round(day / YEAR)
    near = (year >= 1) & (np.abs(day - year * YEAR) <= SEASON) & np.isfinite(windows)
    if near.sum() < SEASON / 2 or not np.isfinite(windows[0]):
        return []
    low, high = windows[near].min(), windows[near].max()
    slack = margin * (high - low)
    low, high, value = float(low - slack), float(high + slack), float(windows[0])
    return [] if low <= value <= high else [Fault(name, kind, value, low, high, start)]


def _grids(history: pd.DataFrame, end: dt.datetime) -> dict[str, Floats]:
    """Return each column as float64[days, 24]: the newest day before `end` first, NaN unknown."""
    last = as_hours(np.array([end], "datetime64[s]")) - 1
    back = last - as_hours(history["datetime"].to_numpy())
    known = back >= 0
    days = int(back.max(initial=0)) // 24 + 1
    weather = history["weather"]
    columns = {name: history[name] for name in (*quality.NUMBERS, "rentals")}
    columns["clear"] = weather == "clear"
    columns["precipitation"] = weather.str.endswith("precipitation")
    grids = {}
    for name, column in columns.items():
        flat = np.full(days * 24, np.nan)
        flat[back[known]] = column.to_numpy(dtype=np.float64, na_value=np.nan)[known]
        grids[name] = flat.reshape(days, 24)
    return grids


def _checked(grids: dict[str, Floats], days: int) -> dict[str, Floats]:
    """Return the means of every window: of each input, and of what two say of each other."""
    rain, humidity = grids["precipitation"] == 1, grids["humidity"]
    checked = {name: grids[name] for name in (*quality.NUMBERS, "precipitation")}
    checked["felt_difference"] = grids["feels_like"] - grids["temperature"]
    checked["rain_humidity"] = np.where(rain, humidity, np.nan)
    means = {name: _window_means(grid, days) for name, grid in checked.items()}
    dry = _window_means(np.where(rain, np.nan, humidity), days)
    return {**means, "rain_contrast": means["rain_humidity"] - dry}


def _daily(grids: dict[str, Floats]) -> dict[str, Floats]:
    """Return the daily means of each of `UNITS`; a day needs half of its hours."""
    daily = {name: _mean(grid, axis=1, least=12) for name, grid in grids.items()}
    rentals = daily.pop("rentals")
    before = _filled(_means(rentals, LEVEL_DAYS)[1:], len(rentals))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(before > 0, rentals / before, np.nan)
    return {**daily, "rentals": ratio, "level": rentals}


def _same_season(values: Floats, day: int) -> Floats:
    spans = [
        values[max(day + year - SLACK, 0) : day + year + SLACK + 1]
        for year in range(YEAR, len(values), YEAR)
    ]
    days = np.concatenate(spans) if spans else np.empty(0)
    return days[np.isfinite(days)]


def _means(values: Floats, length: int) -> Floats:
    """Return the mean of the `length` values from each on; NaN where fewer than half are known."""
    filled = np.append(values, np.full(length - 1, np.nan))
    return _mean(np.lib.stride_tricks.sliding_window_view(filled, length), 1, (length + 1) // 2)


def _window_means(grid: Floats, days: int) -> Floats:
    known = np.isfinite(grid)
    each = np.ones(days)
    count = np.convolve(known.sum(axis=1), each, "valid")
    total = np.convolve(np.where(known, grid, 0.0).sum(axis=1), each, "valid")
    return np.where(count >= FAULT_HOURS, total / np.maximum(count, 1), np.nan)


def _window_peaks(grid: Floats, days: int) -> Floats:
    top = np.where(np.isfinite(grid), grid, -np.inf).max(axis=1)
    peaks = np.lib.stride_tricks.sliding_window_view(top, days).max(axis=1)
    return np.where(np.isfinite(peaks), peaks, np.nan)


def _mean(values: Floats, axis: int, least: int = 1) -> Floats:
    known: NDArray[np.bool_] = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.where(count >= least, total / np.maximum(count, 1), np.nan)


def _filled(values: Floats, length: int) -> Floats:
    """Return so many values, NaN behind those there are."""
    return np.append(values[:length], np.full(max(length - len(values), 0), np.nan))
