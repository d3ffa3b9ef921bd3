"""The database locked for long, and the disk full: refused honestly, said, and healed."""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.conftest import make_app
from tests.processes.conftest import Server, running, wait_for
from tests.processes.test_serve import CHRISTMAS
from tests.processes.test_under_load import stored
from webapp.extensions import db

from .conftest import ENDED, QUICKLY, begin, end_of

DISK = 24 * 2**20


def waits_for_the_database(place: Path, run: dict[str, Any]) -> bool:
    """Say whether a training has failed and can't store why."""
    return f"The reason of {run['run_id']} can't be stored" in (place / "training.log").read_text()


def predict_while_locked(server: Server, place: Path, seconds: float) -> list[tuple[int, Any]]:
    """Begin a training, lock the database until it failed and for so long; return the answers."""
    run, answers = begin(), []
    with closing(sqlite3.connect(place / "vlib.db")) as database:
        database.execute("BEGIN IMMEDIATE")
        end = time.monotonic() + seconds
        while time.monotonic() < end or not waits_for_the_database(place, run):
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


@pytest.fixture
def small(short: Path, tmp_path: Path) -> Iterator[Path]:
    """An instance folder on a disk of its own; skips where none can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(["/bin/mount", *mount], capture_output=True).returncode:
        pytest.skip("a disk to fill can't be mounted here")
    try:
        yield Path(shutil.copytree(short, disk / "instance"))
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(disk)], check=True)


def fill(path: Path) -> None:
    """Write until there is no room for another byte."""
    with path.open("ab", buffering=0) as ballast:
        for size in (2**20, 2**10, 1):
            try:
                while ballast.write(b"0" * size) == size:
                    pass
            except OSError:
                continue


def answers(server: Server, status: int) -> bool:
    """Say whether a prediction is answered so."""
    return server.call("/api/predict", CHRISTMAS)[0] == status


def test_a_full_disk_is_said_and_heals(small: Path, rounds: range) -> None:
    with (
        running(["serve", "--workers", "1"], small, **QUICKLY) as server,
        make_app(small).app_context(),
    ):
        wait_for(server.ready, 60)
        for _ in rounds:
            run = begin("fitting")
            fill(small / "ballast")
            wait_for(partial(answers, server, 503), ENDED)
            ended = end_of(run["run_id"])
            assert ended["status"] == "failed"
            assert "No space left on device" in ended["reason"] or "full" in ended["reason"]
            (small / "ballast").unlink()
            wait_for(partial(answers, server, 200), ENDED)
        db.engine.dispose()
