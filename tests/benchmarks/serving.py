"""Measure serving against what it must reach, and write docs/performance.md.

python -m tests.benchmarks.serving [--instance FOLDER] [--rounds 5] [--seconds 3]

Vlib with two workers, a Flask handler that does nothing on the same server, and
``mlflow models serve`` with the same champion take turns; every figure is a median. Every
prediction that was acknowledged is looked for in the database: one that is missing, or more
rows than requests, end the program with status 1. It needs `wrk`.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask
from sqlalchemy import text

from tests.benchmarks import reports
from tests.benchmarks.servers import ROOT, Load, Server, load, megabytes, post, started
from training import features
from training.features import FEATURES
from webapp import create_app, history, journal, predictor, startup
from webapp.api.predict import to_request
from webapp.api.schemas import Hour
from webapp.extensions import db

CONNECTIONS = 16
BATCH = 10_000
SINGLE = 1_680
MEMORY_REQUESTS = 2_000
REPORT = ROOT / "docs" / "performance.md"
WEATHER = ("clear", "mist", "light_precipitation")


@dataclass(frozen=True)
class Target:
    """A row of the table."""

    name: str
    must: float
    aim: float
    unit: str
    low: bool = False  # lower is better

    def says(self, value: float) -> str:
        """Return which of its marks a value reaches."""
        sign = -1 if self.low else 1
        if sign * value >= sign * self.aim:
            return "aim"
        return "must" if sign * value >= sign * self.must else "missed"


TARGETS = {
    "nothing": Target("`POST /api/predict`, stored, against doing nothing", 0.5, 0.7, "x"),
    "mlflow": Target("the same against `mlflow models serve -w 2`", 100, 200, "x"),
    "p99": Target("p99 against that of doing nothing", 3, 2, "x", low=True),
    "batch": Target("`POST /api/predict/batch`, 10,000 items, stored", 20_000, 40_000, "rows/s"),
    "batch_mlflow": Target("the same against `mlflow models serve`", 1, 2, "x"),
    "one": Target("one row through features and forest, p50", 150, 60, "µs", low=True),
    "memory": Target("a worker's memory after 2,000 requests", 400, 250, "MB", low=True),
    "serve": Target("a warm start to `/readyz`, `flask serve`", 3, 1.5, "s", low=True),
    "run": Target("a warm start to `/readyz`, `flask run`", 3, 1.5, "s", low=True),
}


@dataclass
class Ledger:
    """What was acknowledged, and how many rows may be there beyond it."""

    ids: set[str] = field(default_factory=set)
    unnamed: int = 0
    failed: int = 0
    spare: int = 0  # requests that were under way when the load ended

    def add(self, measured: Load, *, named: bool = False) -> None:
        """Note a load of `wrk`, which does not wait for its last answers."""
        self.unnamed += 0 if named else measured.answered
        self.failed += measured.failed
        self.spare += CONNECTIONS


def main() -> None:
    """Measure, print, write the report; exit with 1 if a prediction was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instance", type=Path, help="with a champion; it is copied")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="of each load")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vlib-benchmark-") as folder:
        work = Path(folder)
        instance = make_instance(work, given.instance)
        app = create_app({"VLIB_INSTANCE_PATH": str(instance)})
        with app.app_context():
            startup.upgrade_database()
            journal.current().drain()  # what waited in a copied instance is not ours to count
            before = count()
            asked = write_bodies(work)
            measured = {"one": one_row(asked)}
            measured |= warm_starts(work, instance, given.rounds)
            ledger = Ledger()
            rates = compare(work, instance, given.rounds, given.seconds, ledger)
            measured |= rates
            lines = [*report(measured, given.rounds), *stored(app, ledger, before)]
    print("\n".join(lines))
    reports.replace(REPORT, "serving", lines)
    if "lost" in lines[-1]:
        sys.exit(1)


def make_instance(work: Path, given: Path | None) -> Path:
    """Return an instance of our own: a copy, or a new one with the real first champion."""
    instance = work / "instance"
    if given is not None:
        shutil.copytree(given, instance, ignore=shutil.ignore_patterns("*.lock"))
    else:
        print("the first champion is trained ...", flush=True)
        with vlib(work, instance):
            pass
    return instance


def vlib(work: Path, instance: Path, command: str = "serve") -> Any:
    """Start Vlib."""
    arguments = ["flask", command, *(["--workers", "2"] if command == "serve" else [])]
    settings = {"VLIB_INSTANCE_PATH": str(instance), "VLIB_RETRAIN_CRON": ""}
    return started(arguments, "/readyz", work / "vlib.log", **settings)


def mlflow(work: Path, instance: Path) -> Any:
    """Start MLflow's own server with the champion."""
    arguments = ["mlflow", "models", "serve", "-m", "models:/vlib@champion", "-w", "2"]
    uri = os.environ.get("VLIB_MLFLOW_TRACKING_URI", f"sqlite:///{instance / 'mlflow.db'}")
    settings = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
    arguments += ["--env-manager", "local"]
    return started(arguments, "/ping", work / "mlflow.log", **settings)


def write_bodies(work: Path) -> list[predictor.HourRequest]:
    """Write what is asked, of Vlib and, as features, of MLflow; return it as requests."""
    items = [item(number) for number in range(BATCH)]
    requests = [to_request(Hour.model_validate(one)) for one in items]
    matrix = matrix_of(requests)
    (work / "vlib.json").write_text("\n".join(json.dumps(one) for one in items[:SINGLE]))
    (work / "mlflow.json").write_text("\n".join(frame(row[None]) for row in matrix[:SINGLE]))
    (work / "vlib-batch.json").write_text(json.dumps({"items": items}))
    (work / "mlflow-batch.json").write_text(frame(matrix))
    return requests


def item(number: int) -> dict[str, Any]:
    """Return an hour to ask for, different for every number."""
    hour = np.datetime64("2012-11-27T00:00:00") + np.timedelta64(number, "h")
    weather, humidity = WEATHER[number % 3], 40 + number % 50
    temperature = round(15 - 12 * np.cos(number / 1400), 1)
    return {"datetime": str(hour), "weather": weather, "temperature": temperature} | {
        "humidity": humidity,
        "windspeed": number % 30,
    }


def matrix_of(requests: list[predictor.HourRequest]) -> np.ndarray:
    """Return the features of requests."""
    known, calendar = history.cache().current, predictor.current().calendar
    return features.build(predictor._rows(requests, known), known, calendar)


def frame(matrix: np.ndarray) -> str:
    """Return features as MLflow's server takes them."""
    return json.dumps({"dataframe_split": {"columns": list(FEATURES), "data": matrix.tolist()}})


def one_row(requests: list[predictor.HourRequest]) -> float:
    """Return the median of µs that one row takes, from the request to the three numbers."""
    serving = predictor.current().serving
    assert serving is not None

    def predict(request: predictor.HourRequest) -> None:
        serving.artefact.predict(matrix_of([request]))

    for request in requests[:200]:
        predict(request)
    return statistics.median(timed(partial(predict, one)) for one in requests[:SINGLE]) * 1e6


def timed(work: Callable[[], None]) -> float:
    """Return how many seconds the work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def warm_starts(work: Path, instance: Path, rounds: int) -> dict[str, float]:
    """Return the median of seconds until each command is ready."""
    seconds: dict[str, list[float]] = {"serve": [], "run": []}
    for _ in range(rounds):
        for command, found in seconds.items():
            with vlib(work, instance, command) as server:
                found.append(server.started)
    return {command: statistics.median(found) for command, found in seconds.items()}


def compare(
    work: Path, instance: Path, rounds: int, seconds: float, ledger: Ledger
) -> dict[str, float]:
    """Load the three servers in turn; return the medians, and note what was acknowledged."""
    with ExitStack() as stack:
        ours: Server = stack.enter_context(vlib(work, instance))
        memory = memory_after_requests(ours, work, ledger)
        idle = stack.enter_context(
            started(["tests.benchmarks.nothing"], "/api/predict", work / "nothing.log")
        )
        theirs = stack.enter_context(mlflow(work, instance))
        found: dict[str, list[float]] = {}

        def note(**values: float) -> None:
            for name, value in values.items():
                found.setdefault(name, []).append(value)

        for number in range(rounds):
            print(f"round {number + 1} of {rounds} ...", flush=True)
            nothing = load(f"{idle.url}/api/predict", work / "vlib.json", seconds)
            vlib_ = load(f"{ours.url}/api/predict", work / "vlib.json", seconds)
            mlflow_ = load(f"{theirs.url}/invocations", work / "mlflow.json", seconds)
            ledger.add(vlib_)
            mlflow_batch = post(
                f"{theirs.url}/invocations", (work / "mlflow-batch.json").read_bytes()
            )
            batch = batches(ours, work, ledger)
            note(rate=vlib_.rate, nothing_rate=nothing.rate, mlflow_rate=mlflow_.rate)
            note(nothing=vlib_.rate / nothing.rate, mlflow=vlib_.rate / mlflow_.rate)
            note(p99_ms=vlib_.p99, nothing_p99=nothing.p99, p99=vlib_.p99 / nothing.p99)
            note(batch=batch, batch_mlflow=batch / (BATCH / mlflow_batch[1]))
        # Once more, slower: `wrk` writes down what it is answered.
        answered = work / "answered.txt"
        ledger.add(
            load(f"{ours.url}/api/predict", work / "vlib.json", seconds, answered), named=True
        )
        ledger.ids.update(answered.read_text().split())
    return {name: statistics.median(values) for name, values in found.items()} | {"memory": memory}


def memory_after_requests(server: Server, work: Path, ledger: Ledger) -> float:
    """Return the memory of the largest worker, in MB."""
    bodies = (work / "vlib.json").read_bytes().splitlines()
    for number in range(MEMORY_REQUESTS):
        answer, _ = post(f"{server.url}/api/predict", bodies[number % len(bodies)])
        ledger.ids.add(answer["prediction_id"])
    return max(megabytes(pid) for pid in server.workers())


def batches(server: Server, work: Path, ledger: Ledger, times: int = 3) -> float:
    """Send the batch, one after the other; return rows a second."""
    body, took = (work / "vlib-batch.json").read_bytes(), 0.0
    for _ in range(times):
        answer, seconds = post(f"{server.url}/api/predict/batch", body)
        ledger.ids.update(one["prediction_id"] for one in answer["items"])
        took += seconds
    return times * BATCH / took


def count() -> int:
    """Return how many predictions are in the database."""
    with db.engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM predictions")).scalar_one())


def stored(app: Flask, ledger: Ledger, before: int) -> Iterable[str]:
    """Say whether what was acknowledged is in the database, once."""
    with db.engine.connect() as connection:
        there = {row[0] for row in connection.execute(text("SELECT id FROM predictions"))}
    missing = len(ledger.ids - there)
    acknowledged = len(ledger.ids) + ledger.unnamed
    rows = count() - before
    yield ""
    yield (
        f"{acknowledged:,} predictions were acknowledged, {ledger.failed:,} requests failed;"
        f" {rows:,} rows were added (at most {ledger.spare} requests were under way when a load"
        " ended)."
    )
    if missing or not acknowledged <= rows <= acknowledged + ledger.spare:
        yield f"Predictions were lost or doubled: {missing:,} ids are missing."
    else:
        yield f"Every one of {len(ledger.ids):,} noted ids is in the database, once."


def report(measured: dict[str, float], rounds: int) -> Iterable[str]:
    """Yield the table, in Markdown."""
    yield "# Serving, measured"
    yield ""
    yield (
        f"`python -m tests.benchmarks.serving`, {os.cpu_count()} cores, medians of {rounds} rounds."
        " Figures change with the machine; ratios were taken within a round."
    )
    yield ""
    yield "| | must | aim | measured | |"
    yield "| --- | --- | --- | --- | --- |"
    for name, target in TARGETS.items():
        must, aim, value = (number(one) for one in (target.must, target.aim, measured[name]))
        reached = target.says(measured[name])
        yield f"| {target.name}, {target.unit} | {must} | {aim} | {value} | {reached} |"
    yield ""
    yield (
        f"Requests/s, `wrk -t1 -c16`: Vlib {measured['rate']:,.0f}, doing nothing"
        f" {measured['nothing_rate']:,.0f}, `mlflow models serve` {measured['mlflow_rate']:,.0f};"
        f" p99 {measured['p99_ms']:.1f} ms against {measured['nothing_p99']:.1f} ms."
    )


def number(value: float) -> str:
    """Return a number with the digits that mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
