"""GBFS 2.x and 3.0: where the stations' status is, how many bikes stand there, and what left.

https://gbfs.org/specification. Rentals are in no feed: what is made of the counts of two polls
is an estimate. A bike that leaves and one that comes between two polls hide each other; a van that
takes many at once looks like many rentals, so that a station's fall is capped.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from .fetching import FeedError

COUNTS = ("num_vehicles_available", "num_bikes_available")  # 3.0, 2.x
MOST_BIKES = 10_000  # at a station
MOST_TTL = 600  # seconds; an hour polled more seldom says nothing
RENTED_A_MINUTE = 5
"""Bikes that can leave a station by being rented; what falls faster was taken by a van."""
LONGEST = 900  # seconds between two polls that are compared


@dataclass(frozen=True, slots=True)
class Status:
    """The bikes at the stations that rent, by the station's id; `updated` is as the feed says."""

    counts: dict[str, int]
    ttl: int  # seconds for which nothing new is to be expected
    updated: float | None  # seconds since 1970


def status_url(document: dict[str, Any]) -> str:
    """Return the address of the stations' status that a discovery document names.

    Raises `FeedError` if it names none.
    """
    data = document.get("data")
    languages = [data, *data.values()] if isinstance(data, dict) else []
    for language in languages:  # 3.0 has the feeds at once, 2.x below a language
        feeds = language.get("feeds") if isinstance(language, dict) else None
        for feed in feeds if isinstance(feeds, list) else []:
            if isinstance(feed, dict) and feed.get("name") == "station_status":
                return str(feed.get("url"))
    raise FeedError("the discovery document names no feed station_status")


def parse(document: dict[str, Any]) -> Status:
    """Return the stations' status; raise `FeedError` if most of it is none.

    A station whose count can't be is left out: it is unknown, not empty.
    """
    data = document.get("data")
    stations = data.get("stations") if isinstance(data, dict) else None
    if not isinstance(stations, list) or not stations:
        raise FeedError("there is no list `data.stations`")
    found = [_station(station) for station in stations]
    good = [station for station in found if station is not None]
    if 2 * len(good) <= len(found):
        raise FeedError(f"{len(found) - len(good)} of {len(found)} stations have no sound count")
    counts = {station: bikes for station, bikes in good if bikes is not None}
    ttl = document.get("ttl")
    wait = ttl if isinstance(ttl, int) and ttl > 0 else 0
    return Status(counts, min(wait, MOST_TTL), _updated(document.get("last_updated")))


def departures(before: dict[str, int], after: dict[str, int], seconds: float) -> int:
    """Return how many bikes were rented between two polls, as far as falling counts tell.

    Each station that is in both adds its fall, at most `RENTED_A_MINUTE` for each minute begun.
    """
    most = RENTED_A_MINUTE * max(1, int(-(-seconds // 60)))
    falls = (bikes - after[station] for station, bikes in before.items() if station in after)
    return sum(min(fall, most) for fall in falls if fall > 0)


def by_hour(start: float, end: float, zone: ZoneInfo) -> list[tuple[str, float]]:
    """Return the local hours that lie in a stretch of time, and how many of its seconds.

    `start` and `end` are seconds since 1970.
    """
    hours = []
    while start < end:
        local = dt.datetime.fromtimestamp(start, zone).replace(tzinfo=None)
        begun = local.replace(minute=0, second=0, microsecond=0)
        stop = min(end, start + 3600 - (local - begun).total_seconds())
        hours.append((begun.isoformat(), stop - start))
        start = stop
    return hours


def span(hour: dt.datetime, zone: ZoneInfo) -> tuple[float, float]:
    """Return when a local hour begins and is over, for good if clocks show it twice."""
    first, last = (hour.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    return first, last + 3600


def _station(station: object) -> tuple[str, int | None] | None:
    """Return a station's id and bikes, None for those of one that does not rent."""
    if not isinstance(station, dict) or not isinstance(station.get("station_id"), str):
        return None
    bikes = next((station[name] for name in COUNTS if name in station), None)
    if type(bikes) is not int or not 0 <= bikes <= MOST_BIKES:
        return None
    rents = all(station.get(name) not in (False, 0) for name in ("is_installed", "is_renting"))
    return station["station_id"], bikes if rents else None


def _updated(value: object) -> float | None:
    """Return when a feed was made: seconds since 1970 in 2.x, RFC 3339 in 3.0."""
    try:
        if isinstance(value, str):
            return dt.datetime.fromisoformat(value).timestamp()
        return float(value) if type(value) is int else None
    except (ValueError, OverflowError):
        return None
