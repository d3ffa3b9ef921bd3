"""Live feeds from a local server of the same formats."""

import datetime as dt
import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import make_app
from webapp import alerts, journal, metrics, queries, scheduler
from webapp.config import InvalidSetting
from webapp.feeds import feed, fetching, gbfs, open_meteo, watching
from webapp.feeds.fetching import FeedError, get_json

UTC, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")
NOON = dt.datetime(2026, 7, 1, 12)
HOUR = dt.timedelta(hours=1)


class Server:
    """Answers each path with what is set for it: JSON, bytes, or a function of the handler."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                said = server.answers.get(self.path)
                if callable(said):
                    said(self)
                    return
                body = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(503 if said is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # who is asked hangs up
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture(scope="module")
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.fixture
def server(serving: Server) -> Server:
    serving.answers, serving.asked = {}, []
    return serving


class Clock:
    """The time in UTC, for the application and its feeds."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.now = NOON

    def weather(self) -> feed.Feed:
        watching.watch_weather(self.app)
        return self.app.extensions["feeds"]["weather"]

    def stations(self) -> feed.Feed:
        watching.watch_stations(self.app)
        return self.app.extensions["feeds"]["gbfs"]

    def restart(self) -> None:
        feed.init_app(self.app)


@pytest.fixture
def clock(app: Flask, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock(app)
    monkeypatch.setattr(queries, "utcnow", lambda: clock.now)
    app.config |= {
        "VLIB_TIMEZONE": "UTC",
        "VLIB_WEATHER_URL": f"{server.url}/weather",
        "VLIB_GBFS_URL": f"{server.url}/gbfs.json",
    }
    clock.restart()
    server.answers["/weather"] = forecast()
    server.answers["/gbfs.json"] = {
        "data": {"feeds": [{"name": "station_status", "url": f"{server.url}/status"}]}
    }
    with app.app_context():
        yield clock


@pytest.fixture
def own_city(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "is_demo", lambda: False)


def forecast(hours: int = 72, start: str = "2026-07-01T00:00") -> dict[str, Any]:
    first = dt.datetime.fromisoformat(start)
    times = [(first + i * HOUR).isoformat()[:16] for i in range(hours)]
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


# Fetching


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


def test_clocks_change_within_a_forecast() -> None:
    """Open-Meteo's times keep one offset; the local clock skips 2:00, and shows 2:00 twice."""
    spring = open_meteo.parse(forecast(4, "2026-03-29T00:00"), BERLIN)
    assert [hour[11:13] for hour in spring] == ["01", "03", "04", "05"]
    autumn = open_meteo.parse(forecast(4, "2026-10-24T23:00"), BERLIN)
    assert [hour[11:13] for hour in autumn] == ["01", "02", "03"]


def changed(**hourly: Any) -> dict[str, Any]:
    said = forecast()
    said["hourly"] |= hourly
    return said


def without(name: str) -> dict[str, Any]:
    said = forecast()
    del said["hourly"][name]
    return said


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"error": True, "reason": "no such place"}, "no object `hourly`"),
        (changed(time=[]), "no list of hours"),
        (changed(wind_speed_10m=[1.0]), "as long as"),
        (changed(temperature_2m=[None] * 72), "no hour has"),
        (changed(temperature_2m=["warm"] * 72), "no hour has"),
        (changed(temperature_2m=[500] * 72), "no hour has"),
        (changed(relative_humidity_2m=[0.6] * 72), "fraction"),
        (without("wind_speed_10m"), "wind_speed_10m` is missing"),
        (forecast() | {"hourly_units": {"temperature_2m": "°X"}}, "unit of `temperature_2m`"),
        (forecast() | {"utc_offset_seconds": 10**9}, "timezone"),
    ],
)
def test_no_forecast_is_refused(said: dict[str, Any], why: str) -> None:
    with pytest.raises(FeedError, match=why):
        open_meteo.parse(said, UTC)


def test_a_null_is_a_gap() -> None:
    said = forecast(3)
    said["hourly"]["temperature_2m"][1] = None
    assert [*open_meteo.parse(said, UTC)] == ["2026-07-01T00:00:00", "2026-07-01T02:00:00"]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"a": NaN}', b"[" * 10_000, b"", None])
def test_no_json_object_is_refused(server: Server, body: bytes | None) -> None:
    server.answers["/x"] = body
    with pytest.raises(FeedError):
        get_json(f"{server.url}/x")


def head(handler: BaseHTTPRequestHandler, **headers: str) -> None:
    handler.send_response(302 if "Location" in headers else 200)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1)


def drips(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
    for _ in range(20):
        handler.wfile.write(b"X-A: 1\r\n")
        time.sleep(0.05)


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    head(handler, Content_Length="100")
    handler.wfile.write(b'{"a": 1')


def huge(handler: BaseHTTPRequestHandler) -> None:
    head(handler, Content_Encoding="gzip")
    handler.wfile.write(gzip.compress(b" " * 3000))


def loops(handler: BaseHTTPRequestHandler) -> None:
    head(handler, Location=handler.path)


def leads_to_a_file(handler: BaseHTTPRequestHandler) -> None:
    head(handler, Location="file:///etc/passwd")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (silent, "no whole answer within"),
        (drips, "no whole answer within"),
        (breaks_off, "no answer"),
        (huge, "longer than"),
        (loops, "redirects"),
        (leads_to_a_file, "no answer"),
    ],
)
def test_a_bad_server_is_given_up(
    server: Server, answer: Callable[..., None], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "SECONDS", 0.4)
    monkeypatch.setattr(fetching, "LIMIT", 1000)
    server.answers["/x"] = answer
    with pytest.raises(FeedError, match=why):
        get_json(f"{server.url}/x")


def test_a_redirect_and_compression_are_followed(server: Server) -> None:
    def packed(handler: BaseHTTPRequestHandler) -> None:
        head(handler, Content_Encoding="gzip")
        handler.wfile.write(gzip.compress(b'{"a": 1}'))

    server.answers |= {"/x": lambda handler: head(handler, Location="/y"), "/y": packed}
    assert get_json(f"{server.url}/x") == {"a": 1}


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://", "http://[x"])
def test_no_address_is_refused(url: str) -> None:
    with pytest.raises(FeedError):
        get_json(url)


# Stations


def test_departures_are_falls_and_capped() -> None:
    before = {"a": 10, "b": 5, "van": 30, "gone": 9}
    assert gbfs.departures(before, {"a": 7, "b": 8, "van": 2, "new": 1}, 60) == 3 + 5


def test_both_versions_of_gbfs_are_read() -> None:
    old = {"data": {"en": {"feeds": [{"name": "station_status", "url": "u"}]}}}
    assert gbfs.status_url(old) == "u"
    station = {"station_id": "a", "num_vehicles_available": 4}
    said = {"last_updated": "2026-07-01T12:00:00+00:00", "data": {"stations": [station]}}
    new = gbfs.parse(said)
    assert (new.counts, new.updated) == ({"a": 4}, 1_782_907_200.0)


@pytest.mark.parametrize(
    "said",
    [{}, {"data": {"stations": []}}, {"data": {"stations": [7]}}, status(a=-1), status(a=10**6)],
)
def test_no_status_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(FeedError):
        gbfs.parse(said)


def test_a_closed_station_is_unknown() -> None:
    said = status(a=3, b=4)
    said["data"]["stations"][1]["is_renting"] = False
    assert gbfs.parse(said).counts == {"a": 3}


def test_the_hour_that_clocks_show_twice_is_two_hours_long() -> None:
    begun, over = gbfs.span(dt.datetime(2026, 10, 25, 2), BERLIN)
    assert over - begun == 7200
    assert gbfs.by_hour(begun, over, BERLIN) == [("2026-10-25T02:00:00", 3600.0)] * 2


# Watching


def test_48_hours_are_predicted_once_an_hour(clock: Clock) -> None:
    before = queries.count_predictions()
    clock.weather()
    clock.restart()
    clock.weather()
    clock.now += dt.timedelta(minutes=59)
    clock.weather()
    journal.current().drain()
    assert queries.count_predictions() == before + 48
    stored, _ = queries.list_predictions(NOON, None, None, "live", 100, None)
    assert {item["datetime"] for item in stored} == {
        (NOON + i * HOUR).isoformat() for i in range(1, 49)
    }


def test_the_next_hour_is_predicted_from_the_last_good_forecast(
    clock: Clock, server: Server
) -> None:
    clock.weather()
    server.answers["/weather"] = None
    clock.restart()
    clock.now += HOUR
    assert clock.weather().problem == "the server answers 503"
    journal.current().drain()
    stored, _ = queries.list_predictions(NOON + 49 * HOUR, None, None, "live", 100, None)
    assert len(stored) == 1


def test_an_old_forecast_is_not_used(clock: Clock, server: Server) -> None:
    clock.weather()
    server.answers["/weather"] = None
    clock.now += 13 * HOUR
    predicted = clock.weather().kept["predicted"]
    assert predicted == NOON.replace(tzinfo=dt.UTC).timestamp() // 3600


def test_a_forecast_that_stands_still_is_none(clock: Clock) -> None:
    clock.now += dt.timedelta(days=4)
    assert "no forecast any more" in (clock.weather().problem or "")


def test_pauses_between_tries_grow(clock: Clock, server: Server) -> None:
    server.answers["/weather"] = None
    for _ in range(360):
        clock.weather()
        clock.now += dt.timedelta(seconds=10)
    assert len(server.asked) == 9  # after 0, 10, 30, 70, 150, 310, 630, 1270, 2550 s


def test_a_clock_that_is_put_back_stops_nothing(clock: Clock, server: Server) -> None:
    clock.weather()
    clock.now -= dt.timedelta(hours=5)
    clock.weather()
    assert len(server.asked) == 2


def test_an_outage_is_told_and_heals(clock: Clock, server: Server) -> None:
    clock.weather()
    server.answers["/weather"] = b"<html>"
    clock.now += 4 * HOUR
    late = clock.weather()
    clock.restart()  # an alert neither ends nor begins by it
    assert alerts.weather_late(False) is None
    late = clock.weather()
    assert (late.problem, alerts.weather_late(False)) == ("the answer is no JSON", {"hours": 4.0})
    assert b'vlib_feed_age_seconds{feed="weather"} 14400.0' in metrics.exposition()
    assert len(late.kept["hours"]) == 72
    server.answers["/weather"] = forecast()
    clock.now += dt.timedelta(minutes=1)
    clock.weather()
    assert (alerts.weather_late(True), alerts.stations_late(True)) == (None, None)


def test_what_is_kept_of_another_address_or_broken_is_forgotten(clock: Clock) -> None:
    kept = clock.weather()
    kept.path.write_text('{"url": "http://elsewhere", "good": 1}')
    clock.restart()
    assert feed.configured()["weather"].kept == {}
    kept.path.write_text("{")
    clock.restart()
    assert feed.configured()["weather"].kept == {}


def poll_an_hour(clock: Clock, server: Server, missing: range = range(0)) -> None:
    clock.weather()
    for minute in range(0, 62, 2):
        clock.now = NOON + dt.timedelta(minutes=minute)
        server.answers["/status"] = None if minute in missing else status(a=100 - minute, b=5)
        clock.stations()


def test_an_hour_that_was_polled_becomes_an_estimate(
    clock: Clock, server: Server, client: FlaskClient, own_city: None
) -> None:
    poll_an_hour(clock, server)
    (newest,) = client.get("/api/observations?limit=1").get_json()["items"]
    assert newest["datetime"] == NOON.isoformat()
    assert (newest["rentals"], newest["estimated"]) == (60, True)
    assert server.asked.count("/gbfs.json") == 1


def test_an_hour_that_was_hardly_polled_stays_unknown(
    clock: Clock, server: Server, own_city: None
) -> None:
    before = queries.newest_observation()
    poll_an_hour(clock, server, range(10, 40))
    assert queries.newest_observation() == before


def test_nothing_is_stored_beside_the_demo_data(clock: Clock, server: Server) -> None:
    before = queries.newest_observation()
    poll_an_hour(clock, server)
    assert queries.newest_observation() == before


def test_an_estimate_waits_for_its_weather(clock: Clock, server: Server, own_city: None) -> None:
    server.answers["/weather"] = None
    poll_an_hour(clock, server)
    server.answers["/weather"] = forecast()
    clock.now += HOUR
    clock.weather()
    clock.stations()
    assert queries.newest_observation() == NOON


def test_stations_that_stand_still_are_no_hour_without_rentals(
    clock: Clock, server: Server
) -> None:
    server.answers["/status"] = status(a=5) | {"last_updated": 1_782_907_200}
    for _ in range(60):
        stuck = clock.stations()
        clock.now += dt.timedelta(minutes=1)
    assert "stood still" in (stuck.problem or "")
    assert [*stuck.kept["hours"][NOON.isoformat()]] == [0.0, 900.0]


def test_ttl_is_respected(clock: Clock, server: Server) -> None:
    server.answers["/status"] = status(a=5) | {"ttl": 300, "last_updated": None}
    for _ in range(11):
        clock.stations()
        clock.now += dt.timedelta(minutes=1)
    assert server.asked.count("/status") == 3


def test_the_scheduler_watches_what_is_configured(clock: Clock) -> None:
    leader = scheduler.Leader(clock.app)
    leader.compete()
    assert leader.scheduler is not None
    names = {job.name for job in leader.scheduler.get_jobs()}
    leader.scheduler.shutdown()
    assert names == {"tick", "watch", "tidy", "watch_weather", "watch_stations"}


@pytest.mark.parametrize(
    "settings",
    [
        {"VLIB_WEATHER_URL": "api.open-meteo.com"},
        {"VLIB_GBFS_URL": "http://x/gbfs.json"},
        {"VLIB_WEATHER_SECONDS": 0},
        {"VLIB_WEATHER_SECONDS": "nan"},
        {"VLIB_GBFS_SECONDS": 1000},
    ],
)
def test_settings_are_checked(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting, match=next(iter(settings))):
        make_app(tmp_path, **settings)
