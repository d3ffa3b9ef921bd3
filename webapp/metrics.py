"""What Prometheus reads: requests and predictions of all workers, and the state of the model.

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
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

from flask import Flask, current_app
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import OperationalError

from . import alerts, journal, predictor, queries
from .feeds import feed
from .locks import FileLock
from .predictor import Prediction

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
FILE_BYTES = 256 * 1024  # holds the histograms of 75 routes
RETRY_SECONDS = 60
LIVE = {
    "hours": "Hours that count",
    "mae": "Mean absolute error",
    "coverage": "Share of hours in their interval",
    "baseline_mae": "Mean absolute error of the same hour a week before",
}

log = logging.getLogger(__name__)


class WorkerCounter:
    """The requests and predictions of one process, in files that every process can read."""

    def __init__(self, directory: Path) -> None:
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._totals: dict[str, float] = {}
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
            if keys[0] not in self._totals:
                for key in keys:  # buckets without requests are shown as well
                    self._add(self._seconds, key, 0.0)
            self._add(self._counts, _count_key(method, route, status), 1.0)
            self._add(self._seconds, keys[bisect_left(BUCKETS, seconds)], 1.0)
            self._add(self._seconds, keys[-1], seconds)

    def add_predictions(self, version: int, source: str, number: int) -> None:
        """Count predictions of one version and source."""
        with self._lock:
            self._add(self._counts, _predictions_key(version, source), float(number))

    def _add(self, values: MmapedDict, key: str, amount: float) -> None:
        total = self._totals.get(key)
        if total is None:  # nobody else writes to these files: it is read once
            total, _ = values.read_value(key)  # type: ignore[no-untyped-call]
        self._totals[key] = total = total + amount
        values.write_value(key, total, 0.0)  # type: ignore[no-untyped-call]


class Metrics:
    """The counter of whatever process this is, opened when it is first needed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._counter: WorkerCounter | None = None
        self._lock = threading.Lock()
        self._retry_at = float("-inf")

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that is answered; `route` is the rule that its path matched."""
        if (counter := self.counter()) is not None:
            counter.add(method, route, status, seconds)

    def count_predictions(self, predictions: Sequence[Prediction]) -> None:
        """Count predictions that have been stored."""
        if (counter := self.counter()) is not None:
            made: dict[tuple[int, str], int] = {}
            for one in predictions:
                kind = one.model_version, one.source
                made[kind] = made.get(kind, 0) + 1
            for (version, source), number in made.items():
                counter.add_predictions(version, source, number)

    def counter(self) -> WorkerCounter | None:
        """Return the counter; None, for a while, if its files can't be written."""
        if self._counter is not None and self._counter.pid == os.getpid():
            return self._counter
        with self._lock:
            if self._counter is None or self._counter.pid != os.getpid():
                self._counter = self._open()
            return self._counter

    def _open(self) -> WorkerCounter | None:
        if time.monotonic() < self._retry_at:
            return None
        try:
            return WorkerCounter(self.directory)
        except OSError as error:
            log.warning("Requests are not counted for %s s: %s", RETRY_SECONDS, error)
            self._retry_at = time.monotonic() + RETRY_SECONDS
            return None


class StateCollector(Collector):
    """The state of model and history, read from the database when it is asked for."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges; without a database only those that need none."""
        yield GaugeMetricFamily(
            "vlib_journal_lag_seconds", "Wait of the oldest unstored prediction", journal.lag()
        )
        yield GaugeMetricFamily(
            "vlib_journal_waiting", "Predictions not yet in the database", journal.waiting()
        )
        ages = GaugeMetricFamily("vlib_feed_age_seconds", "Age of what is known", labels=["feed"])
        for name, one in feed.configured().items():
            if (age := one.age()) is not None:
                ages.add_metric([name], age)
        yield ages
        try:
            state = [*_model_state(), *_training_state(), *_alert_state(), *_live_state()]
        except OperationalError:
            state = []
        yield GaugeMetricFamily("vlib_database_up", "1 if the database answers", bool(state))
        yield GaugeMetricFamily(
            "vlib_ready", "1 if predictions can be made", not predictor.missing()
        )
        yield from state


def _model_state() -> Iterator[GaugeMetricFamily]:
    champion, newest = queries.champion(), queries.newest_observation()
    version = int(champion["version"]) if champion else None
    yield GaugeMetricFamily("vlib_champion_version", "The version that serves", version)
    age = None
    if newest:
        now = dt.datetime.now(ZoneInfo(current_app.config["VLIB_TIMEZONE"]))
        age = (now.replace(tzinfo=None) - newest).total_seconds()
    yield GaugeMetricFamily(
        "vlib_newest_observation_age_seconds", "Age of the newest observed hour", age
    )


def _training_state() -> Iterator[GaugeMetricFamily]:
    active = queries.active_run() is not None
    yield GaugeMetricFamily("vlib_training_active", "1 while a training runs", active)
    runs = GaugeMetricFamily("vlib_training_runs", "Trainings by status", labels=["status"])
    ended = GaugeMetricFamily(
        "vlib_last_training_timestamp_seconds",
        "When the last training of a status ended",
        labels=["status"],
    )
    for status, number, last in queries.run_counts():
        runs.add_metric([status], number)
        if last is not None:
            ended.add_metric([status], last.replace(tzinfo=dt.UTC).timestamp())
    yield from (runs, ended)


def _alert_state() -> Iterator[GaugeMetricFamily]:
    raised = queries.open_alerts()
    gauge = GaugeMetricFamily("vlib_alert_active", "1 while it holds", labels=["condition"])
    for condition in alerts.CONDITIONS:
        gauge.add_metric([condition.name], condition.name in raised)
    yield gauge


def _live_state() -> Iterator[GaugeMetricFamily]:
    scores = queries.live_scores()
    for name, text in LIVE.items():
        gauge = GaugeMetricFamily(f"vlib_live_{name}", f"{text}, live, 7 days", labels=["horizon"])
        for horizon, score in scores.items():
            if (value := getattr(score, name)) is not None:
                gauge.add_metric([str(horizon)], value)
        yield gauge


def init_app(app: Flask) -> None:
    """Give the application its counters."""
    app.extensions["vlib_metrics"] = Metrics(Path(app.config["VLIB_INSTANCE_PATH"]) / "metrics")


def exposition() -> bytes:
    """Return the metrics of all workers in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(StateCollector())
    if (directory := of(current_app).directory).is_dir():
        MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def of(app: Flask) -> Metrics:
    """Return an application's counters."""
    metrics: Metrics = app.extensions["vlib_metrics"]
    return metrics


def _open(path: Path) -> MmapedDict:
    if not path.exists():
        # Written out, not left sparse: a page that finds the disk full would kill the process.
        draft = path.with_suffix(".new")
        draft.write_bytes(bytes(FILE_BYTES))
        draft.replace(path)
    return MmapedDict(str(path))  # type: ignore[no-untyped-call]


@cache
def _count_key(method: str, route: str, status: int) -> str:
    labels = ["method", "route", "status"]
    values = [method, route, str(status)]
    return mmap_key("vlib_requests", "vlib_requests_total", labels, values, "Requests answered")


@cache
def _predictions_key(version: int, source: str) -> str:
    labels, values = ["model_version", "source"], [str(version), source]
    return mmap_key(
        "vlib_predictions", "vlib_predictions_total", labels, values, "Predictions stored"
    )


@cache
def _seconds_keys(route: str) -> list[str]:
    """Return the keys of all buckets, the last of them unbounded, and of the sum."""
    name, text = "vlib_request_seconds", "Time to answer a request"
    bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
    return [
        mmap_key(name, f"{name}_bucket", ["route", "le"], [route, bound], text) for bound in bounds
    ] + [mmap_key(name, f"{name}_sum", ["route"], [route], text)]
