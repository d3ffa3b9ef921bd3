"""The observed hours in memory, as the arrays that features are made of.

Each process keeps its own copy, and reads from the database only what changed.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from flask import Flask, current_app
from sqlalchemy import Row

from training.features import REACH
from training.history import History, Ints
from training.schema import WEATHER

from . import queries

EPOCH = dt.datetime(1970, 1, 1)
EPOCH_DAY = EPOCH.toordinal()
REVISIONS = ("revision", "first_revision")
COLUMNS = {
    "rentals": float,
    "weather": np.int8,
    "temperature": float,
    "feels_like": float,
    "humidity": float,
    "windspeed": float,
    "holiday": np.int8,
    "revision": np.int64,
    "first_revision": np.int64,
}


class Revisions(NamedTuple):
    """Which write to the observations was each hour's last, and which its first."""

    hours: Ints
    last: Ints
    first: Ints

    def since(self, as_of: Sequence[int]) -> list[bool]:
        """Say whether what features may use changed after each `as_of` had become known.

        Also an hour that was only told later counts. False for `NO_HISTORY`.
        """
        found = {hour: self._since(hour) for hour in set(as_of)}
        return [found[hour] for hour in as_of]

    def _since(self, as_of: int) -> bool:
        start, end = np.searchsorted(self.hours, [as_of - REACH, as_of + 1])
        return start < end and bool(self.last[start:end].max() > self.first[end - 1])


class HistoryCache:
    """The newest `History` of one process."""

    def __init__(self) -> None:
        self.current = History.empty()
        self._start = 0
        self._forget()

    def _forget(self) -> None:
        self._revision = 0
        self._hours = np.empty(0, np.int64)
        self._columns = {name: np.empty(0, kind) for name, kind in COLUMNS.items()}
        self.revisions = self._revisions()

    def refresh(self) -> None:
        """Take in what was observed since the last look."""
        start = queries.history_start()
        if start != self._start:  # another history is there instead
            self._forget()
            self._start = start
        revision, rows = queries.observations_since(self._revision)
        if rows:
            self._take_in(rows)
        self._revision = revision

    def _take_in(self, rows: Sequence[Row[Any]]) -> None:
        new: dict[str, Iterable[Any]] = dict(
            zip(rows[0]._fields, zip(*rows, strict=True), strict=True)
        )
        new["weather"] = map(WEATHER.index, new["weather"])
        new["holiday"] = (-1 if holiday is None else holiday for holiday in new["holiday"])
        told = np.array([*new["datetime"]], "datetime64[h]").astype(np.int64)
        # The first of equal hours stays: the newly written one.
        self._hours, index = np.unique(np.append(told, self._hours), return_index=True)
        self._columns = {
            name: np.append(np.array([*new[name]], kind), self._columns[name])[index]
            for name, kind in COLUMNS.items()
        }
        # Before the history: who reads that first never misses a revision of what it holds.
        self.revisions = self._revisions()
        observed = {name: self._columns[name] for name in COLUMNS if name not in REVISIONS}
        self.current = History(self._hours, **observed)

    def _revisions(self) -> Revisions:
        return Revisions(self._hours, self._columns["revision"], self._columns["first_revision"])


def init_app(app: Flask) -> None:
    """Give the application its history, still empty."""
    app.extensions["history"] = HistoryCache()


def of(app: Flask) -> HistoryCache:
    """Return an application's cache."""
    cached: HistoryCache = app.extensions["history"]
    return cached


def cache() -> HistoryCache:
    """Return the current application's cache."""
    return of(current_app)


def to_hour(moment: dt.datetime) -> int:
    """Return the hour's number: hours since 1970 on the local clock."""
    return (moment.toordinal() - EPOCH_DAY) * 24 + moment.hour


@lru_cache(maxsize=50_000)
def to_text(hour: int) -> str:
    """Return the start of the hour with this number in ISO 8601."""
    return to_datetime(hour).isoformat()


def to_datetime(hour: int) -> dt.datetime:
    """Return the start of the hour with this number."""
    return EPOCH + dt.timedelta(hours=hour)
