"""What Prometheus reads: requests of all workers, and the state of the model.

Each worker counts into files of its own below the instance path, in the format of
prometheus_client's multiprocess mode, and whoever is scraped adds all of them up. The files are
opened at a worker's first request, so no environment variable has to be set before an import.
A worker takes the first pair of files that no live process has locked and counts on where a
dead one stopped: counters never fall, and there are never more files than workers.
"""

import datetime as dt
import logging
import os
import threading
import time
import weakref
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, Response, current_app, g, request, request_started
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import OperationalError

from . import alerts, journal, queries
from .api.operations import operation
from .locks import FileLock

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
FILE_BYTES = 256 * 1024  # holds the histograms of 75 routes
RETRY_SECONDS = 60
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

log = logging.getLogger(__name__)

blueprint = Blueprint("metrics", __name__)


class RequestCounter:
    """The requests of one process, in files that every process can read."""

    def __init__(self, directory: Path) -> None:
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._routes: set[str] = set()
        directory.mkdir(exist_ok=True)
        claims = (FileLock(directory / f"{number}.lock") for number in count())
        claim = next(lock for lock in claims if lock.acquire())
        weakref.finalize(self, claim.release)
        self._counts = _open(directory / f"counter_{claim.path.stem}.db")
        weakref.finalize(self, self._counts.close)
        self._seconds = _open(directory / f"histogram_{claim.path.stem}.db")
        weakref.finalize(self, self._seconds.close)

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        keys = _seconds_keys(route)
        with self._lock:
            if route not in self._routes:
                self._routes.add(route)
                for key in keys:  # buckets without requests are shown as well
                    _add(self._seconds, key, 0.0)
            _add(self._counts, _count_key(method, route, status), 1.0)
            _add(self._seconds, keys[bisect_left(BUCKETS, seconds)], 1.0)
            _add(self._seconds, keys[-1], seconds)


class Metrics:
    """The counter of whatever process this is, opened when it is first needed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._counter: RequestCounter | None = None
        self._lock = threading.Lock()
        self._retry_at = float("-inf")

    def counter(self) -> RequestCounter | None:
        """Return the counter; None, for a while, if its files can't be written."""
        if self._counter is not None and self._counter.pid == os.getpid():
            return self._counter
        with self._lock:
            if self._counter is None or self._counter.pid != os.getpid():
                self._counter = self._open()
            return self._counter

    def _open(self) -> RequestCounter | None:
        if time.monotonic() < self._retry_at:
            return None
        try:
            return RequestCounter(self.directory)
        except OSError as error:
            log.warning("Requests are not counted for %s s: %s", RETRY_SECONDS, error)
            self._retry_at = time.monotonic() + RETRY_SECONDS
            return None


class StateCollector(Collector):
    """The state of model and history, read from the database when it is asked for."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges; without a database only the one that says so."""
        yield GaugeMetricFamily(
            "vlib_journal_lag_seconds", "Wait of the oldest unstored prediction", journal.lag()
        )
        yield GaugeMetricFamily(
            "vlib_journal_waiting", "Predictions not yet in the database", journal.waiting()
        )
        try:
            champion, newest = queries.champion(), queries.newest_observation()
            active = queries.active_run()
            raised, live = queries.open_alerts(), queries.live_scores()
        except OperationalError:
            yield GaugeMetricFamily("vlib_database_up", "1 if the database answers", 0)
            return
        yield GaugeMetricFamily("vlib_database_up", "1 if the database answers", 1)
        yield GaugeMetricFamily("vlib_training_active", "1 while a training runs", bool(active))
        gauge = GaugeMetricFamily("vlib_alert_active", "1 while it holds", labels=["condition"])
        for condition in alerts.CONDITIONS:
            gauge.add_metric([condition.name], condition.name in raised)
        yield gauge
        mae = GaugeMetricFamily(
            "vlib_live_mae", "Live error of 7 days, rentals an hour", labels=["horizon"]
        )
        coverage = GaugeMetricFamily(
            "vlib_live_coverage", "Share of these hours in their interval", labels=["horizon"]
        )
        for horizon, score in live.items():
            mae.add_metric([str(horizon)], score.mae)
            coverage.add_metric([str(horizon)], score.coverage)
        yield from (mae, coverage)
        if champion:
            version = int(champion["version"])
            yield GaugeMetricFamily("vlib_champion_version", "The version that serves", version)
        if newest:
            now = dt.datetime.now(ZoneInfo(current_app.config["VLIB_TIMEZONE"]))
            age = (now.replace(tzinfo=None) - newest).total_seconds()
            yield GaugeMetricFamily(
                "vlib_newest_observation_age_seconds", "Age of the newest observed hour", age
            )


def init_app(app: Flask) -> None:
    """Count every request, and answer ``/metrics``."""
    app.extensions["vlib_metrics"] = Metrics(Path(app.config["VLIB_INSTANCE_PATH"]) / "metrics")
    request_started.connect(_start_clock, app)  # before any function that may refuse the request
    app.after_request(_count)
    app.register_blueprint(blueprint)


@blueprint.get("/metrics")
@operation(None)
def metrics() -> Response:
    """Return the metrics of all workers in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(StateCollector())
    if (directory := _metrics().directory).is_dir():
        MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _start_clock(_app: Flask, **_: object) -> None:
    g.started = time.perf_counter()


def _count(response: Response) -> Response:
    counter = _metrics().counter()
    if counter is not None:
        route = request.url_rule.rule if request.url_rule else "unknown"
        method = request.method if request.method in METHODS else "other"
        counter.add(method, route, response.status_code, time.perf_counter() - g.started)
    return response


def _metrics() -> Metrics:
    metrics: Metrics = current_app.extensions["vlib_metrics"]
    return metrics


def _open(path: Path) -> MmapedDict:
    if not path.exists():
        # Written out, not left sparse: a page that finds the disk full would kill the process.
        draft = path.with_suffix(".new")
        draft.write_bytes(bytes(FILE_BYTES))
        draft.replace(path)
    return MmapedDict(str(path))  # type: ignore[no-untyped-call]


def _add(values: MmapedDict, key: str, amount: float) -> None:
    value, _ = values.read_value(key)  # type: ignore[no-untyped-call]
    values.write_value(key, value + amount, 0.0)  # type: ignore[no-untyped-call]


@cache
def _count_key(method: str, route: str, status: int) -> str:
    labels = ["method", "route", "status"]
    values = [method, route, str(status)]
    return mmap_key("vlib_requests", "vlib_requests_total", labels, values, "Requests answered")


@cache
def _seconds_keys(route: str) -> list[str]:
    """Return the keys of all buckets, the last of them unbounded, and of the sum."""
    name, text = "vlib_request_seconds", "Time to answer a request"
    bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
    return [
        mmap_key(name, f"{name}_bucket", ["route", "le"], [route, bound], text) for bound in bounds
    ] + [mmap_key(name, f"{name}_sum", ["route"], [route], text)]
