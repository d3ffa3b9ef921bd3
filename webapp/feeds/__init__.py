"""Live feeds, off until configured: weather to come, and bikes at the stations.

Three jobs of the process that schedules. None of them waits for another or is waited for by a
request; what a feed gave is kept below ``feeds/`` in the instance folder.
"""

import datetime as dt
import hashlib
import json
import logging
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app

from training.schema import WEATHER

from .. import history, journal, predictor, queries
from ..predictor import HourRequest
from . import gbfs, open_meteo
from .feed import Feed
from .fetching import FeedError, get_json

log = logging.getLogger(__name__)

TICK_SECONDS = 10
AHEAD = 48  # hours that are predicted
USABLE = 12 * 3600  # seconds for which a forecast is used
KEPT = dt.timedelta(hours=48)  # past hours whose weather or departures are kept
ENOUGH = 0.9  # share of an hour that must have been polled

JSON = dict[str, Any]


def init_app(app: Flask) -> None:
    """Note that no feed has been read yet."""
    app.extensions["feeds"] = {}


def watch_weather(app: Flask) -> None:
    """Get the forecast if it is due, and predict the next hours once an hour."""
    with app.app_context():
        if (feed := _feed("weather")) is not None:
            feed.poll(_now(), lambda kept: _take_forecast(feed, kept))
            predict_ahead(feed)


def watch_stations(app: Flask) -> None:
    """Count what left the stations if it is due, and store the hours that are over."""
    with app.app_context():
        if (feed := _feed("gbfs")) is not None:
            if feed.poll(_now(), lambda kept: _take_status(feed, kept)):
                store_hours(feed)


def late() -> list[str]:
    """Name the configured feeds that have given nothing good for long."""
    feeds = (_feed(name) for name in ("weather", "gbfs"))
    return [feed.name for feed in feeds if feed is not None and feed.late(_now())]


def predict_ahead(feed: Feed) -> None:
    """Predict the next hours whose weather is known, and store it; once in each hour."""
    now = _now()
    hour = int(now // 3600)
    if feed.kept.get("predicted") == hour or now - feed.kept.get("good", 0) > USABLE:
        return
    first = history.to_hour(_local(now)) + 1
    known = feed.kept["hours"]
    asked = [
        _request(number, known[history.to_text(number)])
        for number in range(first, first + AHEAD)
        if history.to_text(number) in known
    ]
    if not asked or predictor.missing():
        return
    # The same ids if it is killed before the marker is written: it is then stored once.
    ids = [predictor.new_id(hour * 3_600_000, _seed(hour, request.hour)) for request in asked]
    journal.store(predictor.predict(asked, ids=ids))
    feed.keep(feed.kept | {"predicted": hour})
    age = (now - feed.kept["good"]) / 3600
    log.info("Predicted %s hours ahead, by a forecast %.1f h old", len(asked), age)


def store_hours(feed: Feed) -> None:
    """Store the estimate of each hour that is over, if enough of it is known; else it is a gap."""
    weather = _feed("weather")
    known = weather.kept.get("hours", {}) if weather is not None else {}
    now, left, rows = _now(), {}, []
    for name, (left_stations, seconds) in feed.kept["hours"].items():
        begun = dt.datetime.fromisoformat(name)
        hour = begun.replace(tzinfo=None)
        if now < begun.timestamp() + 3600:
            left[name] = (left_stations, seconds)
        elif seconds >= ENOUGH * 3600 and (said := known.get(hour.isoformat())):
            rentals = round(left_stations * 3600 / seconds)
            rows.append(said | {"datetime": hour, "rentals": rentals})
    if rows and queries.is_demo():
        log.warning("Estimated hours are not stored beside the demo data: import a history first")
    elif rows:
        span = rows[0]["datetime"], rows[-1]["datetime"] + dt.timedelta(hours=1)
        told = set(queries.observations_frame(*span)["datetime"])
        queries.upsert_observations([row for row in rows if row["datetime"] not in told])
    feed.keep(feed.kept | {"hours": left})


def _take_forecast(feed: Feed, kept: JSON) -> float:
    hours = open_meteo.parse(get_json(feed.url), _zone())
    oldest = (_local(_now()) - KEPT).isoformat()
    merged = kept.get("hours", {}) | hours
    kept["hours"] = {hour: said for hour, said in merged.items() if hour >= oldest}
    return 0


def _take_status(feed: Feed, kept: JSON) -> float:
    status = gbfs.parse(get_json(gbfs.status_url(get_json(feed.url))))
    now, hours = _now(), kept.setdefault("hours", {})
    before, at = kept.get("counts", {}), kept.get("at", 0.0)
    moved = status.counts != before or status.updated != kept.get("updated")
    if not moved and status.updated is not None and now - status.updated > gbfs.LONGEST:
        raise FeedError("it has stood still for a quarter of an hour")
    if before and 0 < now - at <= gbfs.LONGEST:
        rented = gbfs.departures(before, status.counts, now - at)
        for hour, seconds in gbfs.by_hour(at, now, _zone()):
            bikes, polled = hours.get(hour, (0.0, 0.0))
            hours[hour] = (bikes + rented * seconds / (now - at), polled + seconds)
    kept |= {"counts": status.counts, "at": now, "updated": status.updated}
    return status.ttl


def _feed(name: str) -> Feed | None:
    url = current_app.config[f"VLIB_{name.upper()}_URL"]
    feeds: dict[str, Feed] = current_app.extensions["feeds"]
    if url and name not in feeds:
        seconds = current_app.config[f"VLIB_{name.upper()}_SECONDS"]
        path = Path(current_app.instance_path) / "feeds" / f"{name}.json"
        feeds[name] = Feed(name, url, seconds, path)
    return feeds.get(name)


def _request(hour: int, said: JSON) -> HourRequest:
    return HourRequest(hour=hour, **(said | {"weather": WEATHER.index(said["weather"])}))


def _seed(hour: int, predicted: int) -> bytes:
    return hashlib.sha256(json.dumps([hour, predicted]).encode()).digest()[:10]


def _now() -> float:
    return queries.utcnow().replace(tzinfo=dt.UTC).timestamp()


def _local(now: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(now, _zone()).replace(tzinfo=None)


def _zone() -> ZoneInfo:
    return ZoneInfo(current_app.config["VLIB_TIMEZONE"])
