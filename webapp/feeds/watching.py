"""What the process that schedules does with the feeds: it predicts ahead, and estimates rentals."""

import datetime as dt
import hashlib
import json
import logging
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app

from training.schema import WEATHER

from .. import history, journal, metrics, predictor, queries
from ..ids import new_id
from ..predictor import HourRequest
from . import gbfs, open_meteo
from .feed import Feed, configured, time
from .fetching import FeedError, get_json

log = logging.getLogger(__name__)

TICK_SECONDS = 10
AHEAD = 48  # hours that are predicted
USABLE = 12 * 3600  # seconds for which a forecast is used
KEPT = dt.timedelta(hours=48)  # past hours whose weather is kept
ENOUGH = 0.9  # share of an hour that must have been polled
FROZEN = 900  # seconds without news after which a feed stands still
DAY = 86_400

JSON = dict[str, Any]


def watch_weather(app: Flask) -> None:
    """Get the forecast if it is due, and predict the next hours once an hour."""
    with app.app_context():
        feed = configured()["weather"]
        feed.poll(lambda kept: _take_forecast(feed, kept))
        predict_ahead(feed)


def watch_stations(app: Flask) -> None:
    """Count what left the stations if it is due, and store the hours that are over."""
    with app.app_context():
        feed = configured()["gbfs"]
        feed.poll(lambda kept: _take_status(feed, kept))
        store_hours(feed, configured()["weather"].kept.get("hours", {}))


def predict_ahead(feed: Feed) -> None:
    """Predict the next hours whose weather is known, and store it; once in each hour."""
    now = time()
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
    ids = [new_id(hour * 3_600_000, _seed(hour, request.hour)) for request in asked]
    predictions = predictor.predict(asked, ids=ids)
    journal.current().store(predictions)
    metrics.of(current_app).count_predictions(predictions)
    feed.keep(feed.kept | {"predicted": hour})
    age = (now - feed.kept["good"]) / 3600
    log.info("Predicted %s hours ahead, by a forecast %.1f h old", len(asked), age)


def store_hours(feed: Feed, weather: open_meteo.Hours) -> None:
    """Store the estimate of each hour that is over, if enough of it is known; else it is a gap.

    An hour waits for its weather as long as that may still come.
    """
    now, waiting, rows = time(), {}, []
    for name, (bikes, seconds) in feed.kept.get("hours", {}).items():
        hour = dt.datetime.fromisoformat(name)
        begun, over = gbfs.span(hour, _zone())
        if now < over:
            waiting[name] = (bikes, seconds)
        elif seconds < ENOUGH * (over - begun):
            continue
        elif said := weather.get(name):
            rentals = round(bikes * (over - begun) / seconds)
            rows.append(said | {"datetime": hour, "rentals": rentals, "estimated": True})
        elif now < over + KEPT.total_seconds():
            waiting[name] = (bikes, seconds)
    if rows and queries.is_demo():
        log.warning("Estimated hours are not stored beside the demo data: import a history first")
    elif rows:
        queries.upsert_observations(rows)
    if waiting.keys() != feed.kept.get("hours", {}).keys():
        feed.keep(feed.kept | {"hours": waiting})


def _take_forecast(feed: Feed, kept: JSON) -> float:
    hours = open_meteo.parse(get_json(feed.url), _zone())
    now = _local(time())
    if max(hours) < now.isoformat():
        raise FeedError(f"its newest hour is {max(hours)}: it is no forecast any more")
    oldest = (now - KEPT).isoformat()
    merged = kept.get("hours", {}) | hours
    kept["hours"] = {hour: said for hour, said in merged.items() if hour >= oldest}
    return 0


def _take_status(feed: Feed, kept: JSON) -> float:
    now = time()
    if not 0 <= now - kept.get("looked_up", 0) < DAY or feed.failures:
        kept |= {"status_url": gbfs.status_url(get_json(feed.url)), "looked_up": now}
    status = gbfs.parse(get_json(kept["status_url"]))
    hours, before, at = kept.setdefault("hours", {}), kept.get("counts", {}), kept.get("at", 0.0)
    moved = status.counts != before or status.updated != kept.get("updated")
    if not moved and status.updated is not None and now - status.updated > FROZEN:
        raise FeedError("it has stood still for a quarter of an hour")
    if before and 0 < now - at <= gbfs.LONGEST:
        rented = gbfs.departures(before, status.counts, now - at)
        for hour, seconds in gbfs.by_hour(at, now, _zone()):
            bikes, polled = hours.get(hour, (0.0, 0.0))
            hours[hour] = (bikes + rented * seconds / (now - at), polled + seconds)
    kept |= {"counts": status.counts, "at": now, "updated": status.updated}
    return status.ttl


def _request(hour: int, said: JSON) -> HourRequest:
    return HourRequest(hour=hour, **(said | {"weather": WEATHER.index(said["weather"])}))


def _seed(hour: int, predicted: int) -> bytes:
    return hashlib.sha256(json.dumps([hour, predicted]).encode()).digest()[:10]


def _local(now: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(now, _zone()).replace(tzinfo=None)


def _zone() -> ZoneInfo:
    return ZoneInfo(current_app.config["VLIB_TIMEZONE"])
