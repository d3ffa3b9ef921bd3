"""Live feeds from a local server of the same formats."""

import datetime as dt
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from webapp import feeds, journal, queries
from webapp.feeds import fetching, gbfs, open_meteo
from webapp.feeds.fetching import FeedError, get_json

UTC = ZoneInfo("UTC")


class Server:
    """Answers each path with what is set for it."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.delay = 0.0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                time.sleep(server.delay)
                said = server.answers.get(self.path)
                body = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(503 if said is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.fixture
def clock(app: Flask, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The time in UTC, and an application with both feeds."""
    now = {"utc": dt.datetime(2026, 7, 1, 12)}
    monkeypatch.setattr(queries, "utcnow", lambda: now["utc"])
    app.config |= {
        "VLIB_TIMEZONE": "UTC",
        "VLIB_WEATHER_URL": f"{server.url}/weather",
        "VLIB_GBFS_URL": f"{server.url}/gbfs.json",
    }
    server.answers["/weather"] = forecast()
    server.answers["/gbfs.json"] = {
        "data": {"feeds": [{"name": "station_status", "url": f"{server.url}/status"}]}
    }
    with app.app_context():
        yield now


def forecast(hours: int = 72, start: str = "2026-07-01T00:00") -> dict[str, Any]:
    first = dt.datetime.fromisoformat(start)
    times = [(first + dt.timedelta(hours=i)).isoformat()[:16] for i in range(hours)]
    return {
        "utc_offset_seconds": 0,
        "hourly_units": {"temperature_2m": "°F", "wind_speed_10m": "m/s"},
        "hourly": {
            "time": times,
            "temperature_2m": [50.0] * hours,
            "relative_humidity_2m": [60] * hours,
            "wind_speed_10m": [10] * hours,
            "weather_code": [61] * hours,
        },
    }


def status(**bikes: int) -> dict[str, Any]:
    stations = [{"station_id": name, "num_bikes_available": n} for name, n in bikes.items()]
    return {"last_updated": 0, "ttl": 0, "data": {"stations": stations}}


def test_units_and_offset_are_converted() -> None:
    said = forecast(1) | {"utc_offset_seconds": 7200}
    assert open_meteo.parse(said, UTC) == {
        "2026-06-30T22:00:00": {
            "weather": "light_precipitation",
            "temperature": pytest.approx(10),
            "humidity": 60,
            "windspeed": 36,
        }
    }


def test_a_null_is_a_gap() -> None:
    said = forecast(3)
    said["hourly"]["temperature_2m"][1] = None
    assert [*open_meteo.parse(said, UTC)] == ["2026-07-01T00:00:00", "2026-07-01T02:00:00"]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"a": NaN}', b"[" * 10_000, None])
def test_no_json_object_is_refused(server: Server, body: bytes | None) -> None:
    server.answers["/x"] = body
    with pytest.raises(FeedError):
        get_json(f"{server.url}/x")


def test_a_slow_server_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT", 0.1)
    server.delay = 0.4
    with pytest.raises(FeedError, match="no answer"):
        get_json(f"{server.url}/x")


def test_departures_are_falls_and_capped() -> None:
    before = {"a": 10, "b": 5, "van": 30, "gone": 9}
    assert gbfs.departures(before, {"a": 7, "b": 8, "van": 2}, 60) == 3 + 5


def test_both_versions_of_gbfs_are_read() -> None:
    old = {"data": {"en": {"feeds": [{"name": "station_status", "url": "u"}]}}}
    assert gbfs.status_url(old) == "u"
    station = {"station_id": "a", "num_vehicles_available": 4}
    assert gbfs.parse({"data": {"stations": [station]}}).counts == {"a": 4}
    with pytest.raises(FeedError):
        gbfs.parse(status(a=-1))


def test_48_hours_are_predicted_once_an_hour(app: Flask, clock: dict[str, Any]) -> None:
    before = queries.count_predictions()
    feeds.watch_weather(app)
    app.extensions["feeds"].clear()  # as after a restart
    feeds.watch_weather(app)
    journal.current().drain()
    assert queries.count_predictions() == before + 48


def poll_an_hour(app: Flask, server: Server, clock: dict[str, Any]) -> None:
    for minute in range(62):
        clock["utc"] = dt.datetime(2026, 7, 1, 12) + dt.timedelta(minutes=minute)
        server.answers["/status"] = status(a=100 - minute, b=5)
        feeds.watch_stations(app)


def test_an_hour_that_was_polled_becomes_an_observation(
    app: Flask, server: Server, clock: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "is_demo", lambda: False)
    feeds.watch_weather(app)
    poll_an_hour(app, server, clock)
    assert queries.newest_observation() == dt.datetime(2026, 7, 1, 12)
    assert queries.observations_frame()["rentals"].iloc[-1] == 60


def test_without_weather_or_beside_the_demo_it_stays_unknown(
    app: Flask, server: Server, clock: dict[str, Any]
) -> None:
    before = queries.newest_observation()
    poll_an_hour(app, server, clock)
    assert queries.newest_observation() == before


def test_a_broken_feed_keeps_the_last_good_and_is_late(
    app: Flask, server: Server, clock: dict[str, Any]
) -> None:
    feeds.watch_weather(app)
    server.answers["/weather"] = b"<html>"
    clock["utc"] += dt.timedelta(hours=4)
    feeds.watch_weather(app)
    feed = app.extensions["feeds"]["weather"]
    assert feed.problem == "the answer is no JSON"
    assert len(feed.kept["hours"]) == 72
    assert feeds.late() == ["weather"]
