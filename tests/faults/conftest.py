"""Servers and trainings that things are done to; each as often as ``--rounds`` says."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.conftest import add_version, make_app
from tests.processes.conftest import Server, running, wait_for
from tests.processes.conftest import start as start  # a fixture
from webapp import importing, queries, retraining, startup
from webapp.extensions import db

STAGES = (
    *(None, "checking data", "searching", "fitting", "calibrating", "exporting"),
    *("scoring holdout", "logging", "deciding"),
)
HISTORY_DAYS = 86  # the least that can be trained on is 84
QUICKLY = {"VLIB_SCHEDULER_SECONDS": "0.5", "VLIB_REFRESH_SECONDS": "0.2", "VLIB_RETRAIN_CRON": ""}
ABANDONED = 30  # seconds from the death of a training
ENDED = 30  # seconds from a fault to the end of a training that it stops
CROWD = "import os, time; os.nice(10); t = time.monotonic()\n" + (
    "while time.process_time() < 0.5: pass\nprint((time.monotonic() - t) / 0.5)"
)


@pytest.fixture(scope="session")
def rounds(pytestconfig: pytest.Config) -> range:
    """Count the rounds."""
    return range(pytestconfig.getoption("rounds"))


@pytest.fixture(scope="session")
def short(template: Path, mlflow_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder whose history is just long enough to train on, to copy."""
    instance = tmp_path_factory.mktemp("short")
    shutil.copy(mlflow_store, instance)
    with make_app(template).app_context():
        frame = queries.observations_frame().tail(HISTORY_DAYS * 24)
        db.engine.dispose()
    with make_app(instance).app_context():
        (instance / "models").mkdir()
        startup.upgrade_database()
        queries.upsert_frame(frame, importing.demo())
        add_version(frame)
        db.engine.dispose()
    return instance


@pytest.fixture(scope="module")
def place(short: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder for the tests of a module."""
    return Path(shutil.copytree(short, tmp_path_factory.mktemp("place") / "instance"))


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Server]:
    """A server of two workers on it that looks often."""
    with running(["serve", "--workers", "2"], place, **QUICKLY) as server:
        wait_for(server.ready, 60)
        yield server


@pytest.fixture
def app(place: Path) -> Iterator[Flask]:
    """The application on the same folder, which starts trainings beside the server."""
    app = make_app(place)
    with app.app_context():
        yield app
        if run := queries.active_run():
            os.killpg(run["process_group"], signal.SIGKILL)
            wait_for(lambda: queries.active_run() is None, ABANDONED)
        db.engine.dispose()


def begin(stage: str | None = None) -> dict[str, Any]:
    """Start a training with the effort of a first one; return the run when it is at a stage."""
    run_id = retraining.start("first")["run_id"]
    return wait_for(lambda: at_stage(run_id, stage), 120, pause=0.01)


def at_stage(run_id: str, stage: str | None) -> dict[str, Any] | None:
    """Return a run if it is at a stage, or just beyond it."""
    run = queries.get_run(run_id)
    assert run is not None and run["finished_at"] is None, run
    return run if STAGES.index(run["stage"]) >= STAGES.index(stage) else None


def end_of(run_id: str, seconds: float = ENDED) -> dict[str, Any]:
    """Return a run when it has ended."""

    def ended() -> dict[str, Any] | None:
        run = queries.get_run(run_id)
        return run if run and run["finished_at"] else None

    return wait_for(ended, seconds)


@contextmanager
def ended_in_time() -> Iterator[None]:
    """Let what is done end a training within `ENDED` seconds of a machine that does nothing else.

    Here others compute too: as many times longer it may take as a process that is as nice as a
    training gets its time later, before or after.
    """
    crowd, start = crowding(), time.monotonic()
    yield
    took = time.monotonic() - start
    allowed = ENDED * max(1.0, crowd, crowding())
    assert took <= allowed, f"{took:.0f} s, {allowed:.0f} s allowed"


def crowding() -> float:
    """Return by how much work takes longer than its own processor time."""
    return float(subprocess.run([sys.executable, "-c", CROWD], capture_output=True).stdout)


def group(process_group: int) -> list[int]:
    """Return the processes of a group, without those that are dead and not yet waited for."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgid = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        if int(pgid) == process_group and state != "Z":
            found.append(int(path.parent.name))
    return found


def lives(pid: int) -> bool:
    """Say whether a process lives; one that is dead and not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def execute(instance: Path, statement: str) -> list[tuple[Any, ...]]:
    """Do something to the database that the application would not."""
    with closing(sqlite3.connect(instance / "vlib.db", timeout=30)) as database, database:
        return database.execute(statement).fetchall()


Start = Callable[..., Server]
