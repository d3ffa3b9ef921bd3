"""MLflow's store or the database away: a training says so, all else goes on, and all heals."""

import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, current_app

from tests.processes.conftest import Server, wait_for
from tests.processes.test_serve import CHRISTMAS
from tests.processes.test_under_load import stored
from training.tracking import MISSING
from webapp import retraining

from .conftest import ENDED, begin, end_of, ended_in_time, execute

Fault = Callable[[Path], AbstractContextManager[str]]


@contextmanager
def locked(place: Path) -> Iterator[str]:
    """Hold the store's write lock; give what a training says of it."""
    with closing(sqlite3.connect(place / "mlflow.db")) as store:
        store.execute("BEGIN IMMEDIATE")
        yield "mlflow.db: database is locked"


@contextmanager
def missing(place: Path) -> Iterator[str]:
    """Take the file away, in which a version was registered."""
    execute(place, "UPDATE model_versions SET mlflow_version = '1'")
    store = place / "mlflow.db"
    away = store.rename(place / "away.db")
    yield f"mlflow.db: {MISSING}"
    assert not store.exists()
    away.rename(store)


@contextmanager
def at(server: socket.socket) -> Iterator[str]:
    """Let the store be a server."""
    config, address = current_app.config, f"http://127.0.0.1:{server.getsockname()[1]}"
    before, config["VLIB_MLFLOW_TRACKING_URI"] = config["VLIB_MLFLOW_TRACKING_URI"], address
    yield address
    config["VLIB_MLFLOW_TRACKING_URI"] = before


@contextmanager
def refusing(place: Path) -> Iterator[str]:
    """Let nobody listen where the store should."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        with at(server) as address:
            yield f"{address}: [Errno 111] Connection refused"


@contextmanager
def silent(place: Path) -> Iterator[str]:
    """Take connections and answer none."""
    with socket.create_server(("127.0.0.1", 0)) as server, at(server) as address:
        yield f"{address}: timed out"


def test_a_store_that_goes_away_in_a_training_ends_it(
    app: Flask, server: Server, place: Path, rounds: range
) -> None:
    for _ in rounds:
        run = begin("logging")
        wait_for(partial(is_made, place / "mlflow.db"), 60)
        with locked(place), ended_in_time():
            ended = end_of(run["run_id"])
        assert server.call("/api/predict", CHRISTMAS)[0] == 200
        assert ended["status"] == "failed"
        # It may hang in MLflow, which tries for long, or be asked first whether it is there.
        assert ended["reason"].endswith(("mlflow.db: no answer", "mlflow.db: database is locked"))


def is_made(store: Path) -> bool:
    """Say whether a store is there, with the experiment that trainings are logged to."""
    if not store.exists() or not store.stat().st_size:
        return False
    with closing(sqlite3.connect(store)) as database:
        return bool(database.execute("SELECT 1 FROM experiments WHERE name = 'vlib'").fetchall())


@pytest.mark.parametrize("fault", [missing, locked, refusing, silent])
def test_a_training_ends_with_its_reason_predictions_go_on_and_it_heals(
    app: Flask, server: Server, place: Path, rounds: range, fault: Fault
) -> None:
    for _ in rounds:
        with fault(place) as said:
            with ended_in_time():
                run = end_of(retraining.start("first")["run_id"])
            assert server.call("/api/predict", CHRISTMAS)[0] == 200
        assert run["status"] == "failed" and run["reason"].endswith(said), run["reason"]
    begin("searching")  # for which the store was asked


def waits_for_the_database(place: Path, run: dict[str, Any]) -> bool:
    """Say whether a training has failed and can't store why."""
    return f"The reason of {run['run_id']} can't be stored" in (place / "training.log").read_text()


def predict_while_locked(server: Server, place: Path, seconds: float) -> list[tuple[int, Any]]:
    """Begin a training, lock the database until it failed and for so long; return the answers."""
    run, answers = begin(), []
    with closing(sqlite3.connect(place / "vlib.db")) as database:
        database.execute("BEGIN IMMEDIATE")
        end = time.monotonic() + seconds
        with ended_in_time():
            while not waits_for_the_database(place, run):
                answers.append(server.call("/api/predict", CHRISTMAS))
                time.sleep(0.05)
        while time.monotonic() < end:
            answers.append(server.call("/api/predict", CHRISTMAS))
            time.sleep(0.05)
    ended = end_of(run["run_id"])
    assert ended["status"] == "failed"
    assert ended["reason"] == "The database can't be used: database is locked"
    return answers


def all_stored(place: Path, ids: set[str]) -> bool:
    """Say whether these predictions are in the database."""
    return ids <= set(stored(place))


def test_a_locked_database_holds_predictions_up_and_ends_a_training(
    app: Flask, server: Server, place: Path, rounds: range
) -> None:
    for _ in rounds:
        # In CI just longer than anybody waits for a lock.
        answers = predict_while_locked(server, place, 30 if len(rounds) > 3 else 6)
        assert {status for status, _ in answers} == {200}
        ids = {said["prediction_id"] for _, said in answers}
        wait_for(partial(all_stored, place, ids), ENDED)
