"""A clock that is set while a server runs, and summer time: each due time starts one training."""

import datetime as dt
import mmap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.processes.conftest import Server, running, wait_for

from .conftest import QUICKLY, execute

PARIS = ZoneInfo("Europe/Paris")
NIGHTLY = QUICKLY | {
    "VLIB_RETRAIN_CRON": "30 2 * * *",
    "VLIB_TIMEZONE": str(PARIS),
    "VLIB_SCHEDULER_SECONDS": "0.1",
    "PYTHONPATH": str(Path(__file__).parent / "clock"),
}
LOOKS = 0.7  # seconds, in which the schedule is looked at some times
STARTED = 10  # seconds from the due time
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def clock(place: Path) -> Iterator[memoryview]:
    """By how many nanoseconds the server's clock is ahead; to be set."""
    path = place.parent / "clock"
    path.write_bytes(bytes(8))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 8) as shared:
        with memoryview(shared) as octets, octets.cast("q") as ahead:
            yield ahead


@pytest.fixture(scope="module")
def server(place: Path, clock: memoryview) -> Iterator[Server]:
    """Two workers on a folder of the year 2000 that have to train every night."""
    execute(place, "UPDATE training_runs SET requested_at = '2000-01-01 00:00:00.000000'")
    settings = NIGHTLY | {"VLIB_TEST_CLOCK": str(place.parent / "clock")}
    with running(["serve", "--workers", "2"], place, **settings) as server:
        wait_for(server.ready, 60)
        yield server


@pytest.fixture
def at(server: Server, place: Path, clock: memoryview) -> Callable[..., None]:
    """Return a function that sets the clock, and sees the due training start, or none."""
    wait_for(lambda: started(place), STARTED)
    cancel_all(server, place)
    expected = started(place)

    def at(day: dt.date, hour: str, *, due: dt.date | None = None, fold: int = 0) -> None:
        moment = dt.datetime.combine(day, dt.time.fromisoformat(hour), PARIS).replace(fold=fold)
        clock[0] = int(moment.timestamp() * 1e9) - time.time_ns()
        if due:
            expected.append(f"{due} 02:30:00.000000")
            wait_for(lambda: len(started(place)) >= len(expected), STARTED)
            cancel_all(server, place)
        else:
            time.sleep(LOOKS)
        assert started(place) == expected
        assert "Traceback" not in server.log.read_text()  # the database would refuse a second one

    return at


def started(place: Path) -> list[str]:
    """Return the due times that led to a training, in the order of their starts."""
    found = "SELECT due FROM training_runs WHERE trigger = 'schedule' ORDER BY rowid"
    return [due for (due,) in execute(place, found)]


def cancel_all(server: Server, place: Path) -> None:
    """End the training that runs, if one does: nobody waits for it."""
    for (run_id,) in execute(place, "SELECT run_id FROM training_runs WHERE active"):
        assert server.call(f"/api/retrain/{run_id}", method="DELETE")[0] == 202


def last_sunday(year: int, month: int) -> dt.date:
    """Return the day of a month of 31 days on which the clocks change."""
    last = dt.date(year, month, 31)
    return last - DAY * (last.isoweekday() % 7)


def test_a_clock_that_is_ahead_for_a_while(at: Callable[..., None], rounds: range) -> None:
    for number in rounds:
        today = dt.date(2001 + number, 6, 1)
        at(today, "12:00", due=today)
        at(today + 2 * DAY, "04:00", due=today + 2 * DAY)
        at(today, "13:00")
        at(today + DAY, "02:29:59.9", due=today + DAY)
        at(today + 2 * DAY, "02:29:59.9")
        at(today + 3 * DAY, "02:29:59.9", due=today + 3 * DAY)


def test_the_night_without_that_hour(at: Callable[..., None], rounds: range) -> None:
    for number in rounds:
        today = last_sunday(2001 + number, 3)
        at(today, "01:58", due=today - DAY)
        at(today, "01:59:59.9", due=today)
        at(today, "03:30")
        at(today + DAY, "02:29:59.9", due=today + DAY)


def test_the_night_with_that_hour_twice(at: Callable[..., None], rounds: range) -> None:
    for number in rounds:
        today = last_sunday(2001 + number, 10)
        at(today, "02:28", due=today - DAY)
        at(today, "02:29:59.9", due=today)
        at(today, "02:29:59.9", fold=1)
        at(today + DAY, "02:29:59.9", due=today + DAY)
