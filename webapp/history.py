"""The observed hours in memory, as the arrays that features are made of.

Each process keeps its own copy, and reads from the database only what changed.
"""

import datetime as dt
from functools import lru_cache

import numpy as np
from flask import Flask, current_app

from training.history import History
from training.schema import WEATHER

from . import queries

EPOCH = dt.datetime(1970, 1, 1)
COLUMNS = {
    "rentals": float,
    "weather": np.int8,
    "temperature": float,
    "feels_like": float,
    "humidity": float,
    "windspeed": float,
    "holiday": np.int8,
}


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

    def refresh(self) -> None:
        """Take in what was observed since the last look."""
        start = queries.history_start()
        if start != self._start:  # another history is there instead
            self._forget()
            self._start = start
        revision, rows = queries.observations_since(self._revision)
        if revision == self._revision:
            return
        new = {
            "rentals": [row.rentals for row in rows],
            "weather": [WEATHER.index(row.weather) for row in rows],
            "temperature": [row.temperature for row in rows],
            "feels_like": [np.nan if row.feels_like is None else row.feels_like for row in rows],
            "humidity": [row.humidity for row in rows],
            "windspeed": [row.windspeed for row in rows],
            "holiday": [-1 if row.holiday is None else row.holiday for row in rows],
        }
        hours = np.append([to_hour(row.datetime) for row in rows], self._hours).astype(np.int64)
        # The first of equal hours stays: the newly written one.
        self._hours, index = np.unique(hours, return_index=True)
        self._columns = {
            name: np.append(np.asarray(new[name], kind), self._columns[name])[index]
            for name, kind in COLUMNS.items()
        }
        self.current = History(self._hours, **self._columns)
        self._revision = revision


def init_app(app: Flask) -> None:
    """Give the application its history, still empty."""
    app.extensions["history"] = HistoryCache()


def cache() -> HistoryCache:
    """Return the current application's cache."""
    cached: HistoryCache = current_app.extensions["history"]
    return cached


def to_hour(moment: dt.datetime) -> int:
    """Return the hour's number: hours since 1970 on the local clock."""
    return (moment - EPOCH) // dt.timedelta(hours=1)


@lru_cache(maxsize=50_000)
def to_text(hour: int) -> str:
    """Return the start of the hour with this number in ISO 8601."""
    return to_datetime(hour).isoformat()


def to_datetime(hour: int) -> dt.datetime:
    """Return the start of the hour with this number."""
    return EPOCH + dt.timedelta(hours=hour)
