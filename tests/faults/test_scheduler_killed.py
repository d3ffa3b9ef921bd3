"""kill -9 of the process that schedules, and restarts: each due training starts once."""

import os
import random
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.processes.conftest import Server, running, wait_for

from .conftest import QUICKLY, execute, lives

DAILY = QUICKLY | {"VLIB_RETRAIN_CRON": "0 3 * * *"}
TAKEOVER = 15  # seconds


@pytest.fixture(scope="module")
def place(place: Path) -> Path:
    """A folder that is some days old, of whose history too little is left to train for long."""
    execute(place, "DELETE FROM observations WHERE datetime < '2012-11-15'")
    execute(place, "UPDATE training_runs SET requested_at = '2020-01-01 00:00:00.000000'")
    return place


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Server]:
    """Two workers, of which one has to train every day."""
    with running(["serve", "--workers", "2"], place, **DAILY) as server:
        wait_for(server.ready, 60)
        yield server


def scheduled(place: Path) -> list[tuple[str, str | None]]:
    """Return status and due time of the trainings by the schedule."""
    found = "SELECT status, due FROM training_runs WHERE trigger = 'schedule' ORDER BY requested_at"
    return execute(place, found)  # type: ignore[return-value]


def let_a_day_pass(place: Path) -> None:
    """Make the newest due time one that no training was started for."""
    wait_for(lambda: [status for status, due in scheduled(place) if due] == ["rejected"], 60)
    execute(place, "DELETE FROM training_runs WHERE trigger = 'schedule'")


def leader(server: Server) -> int | None:
    """Return the process that schedules, if it lives."""
    newest = server.schedulers()[-1:]
    return newest[0] if newest and lives(newest[0]) else None


def taken_over(server: Server, killed: int) -> bool:
    """Say whether another process schedules."""
    return leader(server) not in (None, killed)


def begun(place: Path) -> bool:
    """Say whether the due training has its process: else it would be owed still."""
    found = "SELECT 1 FROM training_runs WHERE due IS NOT NULL AND process_group IS NOT NULL"
    return bool(execute(place, found))


def trained_once(place: Path) -> bool:
    """Say that the due training came to its end, and that there was no other."""
    runs = scheduled(place)
    assert len([due for _, due in runs if due]) <= 1
    begun = [(status, due is not None) for status, due in runs if status != "abandoned" or due]
    return begun == [("rejected", True)]


def test_another_takes_over_and_no_training_is_lost_or_doubled(
    server: Server, place: Path, rounds: range
) -> None:
    for number in rounds:
        killed = wait_for(partial(leader, server), TAKEOVER)
        let_a_day_pass(place)
        time.sleep(random.Random(number).uniform(0, 1))  # as it starts, or has started
        os.kill(killed, signal.SIGKILL)
        wait_for(partial(taken_over, server, killed), TAKEOVER)
        wait_for(partial(trained_once, place), 60)


def test_restarts_more_frequent_than_the_schedule_let_it_fire(
    server: Server, place: Path, rounds: range
) -> None:
    """A day passes while no server runs; each server lives for seconds."""
    let_a_day_pass(place)
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()
    for _ in rounds:
        with running(["serve", "--workers", "1"], place, **DAILY) as short_lived:
            wait_for(short_lived.schedulers, 60)
            wait_for(partial(begun, place), TAKEOVER)
            os.killpg(short_lived.process.pid, signal.SIGKILL)
    wait_for(partial(trained_once, place), 60)
