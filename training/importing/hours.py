"""Makes one row an hour of rows that come more often, repeat, or fall where clocks change."""

from typing import Any

import numpy as np
import pandas as pd

from training.importing import times
from training.importing.numbers import quantity
from training.schema import WEATHER, InvalidHistory, Problem

HOUR = pd.Timedelta(hours=1)
_COUNTED = ["rentals", "casual", "registered"]
_MEASURED = ["temperature", "feels_like", "humidity", "windspeed"]


def to_hours(
    rows: pd.DataFrame, cells: "pd.Series[Any]", zone: str, *, add_up: bool
) -> tuple[pd.DataFrame, list[str]]:
    """Return one row an hour, and what was done for it.

    Parameters
    ----------
    rows : DataFrame
        Columns of a history; `copy`: whether the whole row repeats one above; `alike`: whether it
        does but for the weather.
    cells : Series
        What the file says of the time, for the report.
    add_up : bool
        Rows of the same hour are parts of it.

    Raises
    ------
    InvalidHistory
        The rows are days, or single trips; or an hour is there twice.
    """
    notes: list[str] = []
    step = _step(rows["datetime"])
    hour = rows["datetime"].dt.floor("h")
    if step == HOUR and (hour != rows["datetime"]).any():
        notes.append("minutes are cut: an hour is named by its start")
    rows = rows.assign(hour=hour, again=times.shown_twice(rows["datetime"], zone))
    if not add_up:
        rows = _without_copies(rows, notes)
    if step < HOUR:
        rows = _whole_hours(rows, int(HOUR / step), add_up, notes)
    elif not add_up:
        rows = _told_once(rows, notes)
        _refuse_twice(rows, cells)
    together = rows.groupby("hour")
    more = len(rows) - together.ngroups
    if step == HOUR and more:
        summed = f"{quantity(len(rows), 'row')} added up to {quantity(together.ngroups, 'hour')}"
        twice = f"{quantity(more, 'hour')} that clocks showed twice added up"
        notes.append(summed if add_up else twice)
    if more:
        return _summed(together), notes
    return rows.drop(columns="datetime").rename(columns={"hour": "datetime"}), notes


def _step(stamps: "pd.Series[pd.Timestamp]") -> pd.Timedelta:
    """Return the time between rows: an hour, or an equal part of it.

    Raises
    ------
    InvalidHistory
        It is more than an hour, or of no regular length.
    """
    apart = pd.Series(stamps.drop_duplicates().sort_values()).diff().dropna()
    if len(apart) < 3:
        return HOUR
    usual = apart.mode().iloc[0]
    share = float((apart == usual).mean())
    if usual >= pd.Timedelta(days=1) and share > 0.5:
        raise InvalidHistory("there is one row a day: daily totals can't be taken in, hours can")
    if usual > HOUR and share > 0.5:
        said = f"{usual / HOUR:g}"
        raise InvalidHistory(f"there is one row every {said} hours, expected one every hour")
    if usual == HOUR:
        return HOUR
    if share < 0.8 or HOUR % usual:
        raise InvalidHistory(
            "rows come at irregular times, as single trips do: expected hours with their rentals "
            "and weather (count the trips of each hour first)"
        )
    return pd.Timedelta(usual)


def _without_copies(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Drop rows that repeat another in every cell; not of an hour that came twice."""
    copies = rows["copy"] & ~rows["again"]
    if copies.any():
        notes.append(f"{quantity(copies.sum(), 'row')} that repeat another in every cell left out")
    return rows[~copies]


def _told_once(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Keep one row of hours that are told again for each weather met: the most severe."""
    more = rows.duplicated("hour") & ~rows["again"]
    if not more.any() or not rows.loc[more, "alike"].all():
        return rows
    worst = rows["weather"].map(WEATHER.index).sort_values(ascending=False, kind="stable").index
    rest = rows.loc[worst].duplicated("hour").reindex(rows.index) & ~rows["again"]
    notes.append(
        f"{quantity(rest.sum(), 'row')} left out that tell an hour again with another weather: "
        "the most severe stays"
    )
    return rows[~rest]


def _refuse_twice(rows: pd.DataFrame, cells: "pd.Series[Any]") -> None:
    count = rows.groupby("hour")["hour"].transform("size")
    bad = rows.duplicated("hour") & ~(rows["again"] & (count == 2))
    expected = "each hour once (--sum adds rows of the same hour up)"
    if bad.any():
        raise InvalidHistory.of(
            [
                Problem(int(row), str(cells.name), str(cells[row]), expected)
                for row in rows.index[bad]
            ]
        )


def _whole_hours(rows: pd.DataFrame, parts: int, add_up: bool, notes: list[str]) -> pd.DataFrame:
    """Keep the hours of which every part is there, each part once."""
    twice = rows.duplicated("datetime") & ~rows["again"]
    if twice.any() and not add_up:
        raise InvalidHistory(
            f"{quantity(twice.sum(), 'row')} with the time of another: --sum adds them up"
        )
    whole = rows.groupby("hour")["datetime"].transform("nunique") == parts
    notes.append(f"rows of {60 // parts} minutes added up to hours, their weather averaged")
    if not whole.all():
        count = rows.loc[~whole, "hour"].nunique()
        notes.append(f"{quantity(count, 'hour')} with a part missing left out")
    return rows[whole]


def _summed(together: Any) -> pd.DataFrame:
    sums = together[_COUNTED].sum(min_count=1)
    # A kind of users that is unknown for a part is unknown for the hour.
    known = together[_COUNTED].count().eq(together.size(), axis=0)
    frame = sums.where(known).join(together[_MEASURED].mean().round(2))
    severity = {name: place for place, name in enumerate(WEATHER)}
    ranks = together["weather"].agg(
        lambda words: words.map(severity).quantile(0.5, interpolation="higher")
    )
    frame["weather"] = np.array(WEATHER, dtype=object)[ranks.to_numpy(dtype=int)]
    frame["holiday"] = together["holiday"].max()
    hours: pd.DataFrame = frame.reset_index(names="datetime")
    return hours
