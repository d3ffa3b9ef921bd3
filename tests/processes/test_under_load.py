"""``flask serve`` while clients predict: nothing fails that may not, and nothing is lost."""

import os
import resource
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from tests.processes.conftest import Server, wait_for
from tests.processes.test_serve import CHRISTMAS, alive

WEATHER = {"weather": "clear", "temperature": 4.1, "humidity": 65, "windspeed": 8}


@dataclass
class Load:
    """What clients that predict without a pause were answered."""

    statuses: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    broken: list[Exception] = field(default_factory=list)  # connections
    stop: threading.Event = field(default_factory=threading.Event)

    def predict(self, server: Server) -> None:
        """Predict until it is stopped."""
        while not self.stop.is_set():
            try:
                status, answer = server.call("/api/predict", CHRISTMAS)
            except (OSError, HTTPException) as error:
                self.broken.append(error)
                time.sleep(0.05)
                continue
            self.statuses.append(status)
            if status == 200:
                self.ids.append(answer["prediction_id"])

    def more(self, number: int = 50) -> None:
        """Wait until so many more predictions were answered."""
        goal = len(self.ids) + number
        wait_for(lambda: len(self.ids) >= goal, 15)


@contextmanager
def load(server: Server, clients: int = 4) -> Iterator[Load]:
    """Let some clients predict while the block runs."""
    measured = Load()
    threads = [threading.Thread(target=measured.predict, args=[server]) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        measured.more()
        yield measured
    finally:
        measured.stop.set()
        for thread in threads:
            thread.join()


def stored(instance: Path) -> list[str]:
    """Return the ids of all predictions in the database."""
    with closing(sqlite3.connect(instance / "vlib.db")) as database:
        return [row[0] for row in database.execute("SELECT id FROM predictions")]


def test_a_killed_worker_takes_no_acknowledged_prediction_along(
    served: Server, instance: Path
) -> None:
    with load(served) as measured:
        for pid in served.workers():
            os.kill(pid, signal.SIGKILL)
            measured.more()
    assert set(measured.statuses) == {200}
    wait_for(lambda: set(measured.ids) <= set(stored(instance)), 10)


def test_all_killed_under_load_every_prediction_is_stored_once(
    served: Server, start: Callable[..., Server], instance: Path
) -> None:
    before = len(stored(instance))
    with load(served) as measured:
        os.killpg(served.process.pid, signal.SIGKILL)
        served.process.wait()
    assert not set(measured.ids) <= set(stored(instance))  # some waited in the journal
    wait_for(start(["serve", "--workers", "1"], instance).ready, 60)
    wait_for(lambda: set(measured.ids) <= set(stored(instance)), 10)
    # Those under way may be stored without having been answered: one a client.
    assert 0 <= len(stored(instance)) - before - len(measured.ids) <= 4


def test_sighup_renews_the_workers_and_no_request_fails(served: Server) -> None:
    old = served.workers()
    with load(served) as measured:
        served.process.send_signal(signal.SIGHUP)
        wait_for(lambda: not any(alive(pid) for pid in old), 20)
        measured.more(200)
    assert (set(measured.statuses), measured.broken) == ({200}, [])


def test_sigterm_under_load_fails_no_request_that_was_taken(served: Server, instance: Path) -> None:
    with load(served) as measured:
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(10) == 0
    assert set(measured.statuses) == {200}
    assert set(measured.ids) <= set(stored(instance))


def test_clients_that_stall_in_their_headers_slow_nobody(served: Server) -> None:
    address = urlsplit(served.url)
    stalled = [socket.create_connection((address.hostname, address.port)) for _ in range(200)]
    for connection in stalled:
        connection.sendall(b"POST /api/predict HTTP/1.1\r\nHost: vlib\r\nX-Slow: ")
    with load(served) as measured:
        measured.more(100)
    for connection in stalled:
        connection.close()
    assert (set(measured.statuses), measured.broken) == ({200}, [])


def test_a_locked_database_refuses_nobody_and_gets_everything(
    served: Server, instance: Path
) -> None:
    with closing(sqlite3.connect(instance / "vlib.db")) as database, load(served) as measured:
        database.execute("BEGIN IMMEDIATE")
        measured.more(100)
        database.rollback()
    assert set(measured.statuses) == {200}
    wait_for(lambda: set(measured.ids) <= set(stored(instance)), 15)


def test_a_full_disk_is_said_and_heals(served: Server, instance: Path) -> None:
    workers = served.workers()
    with load(served) as measured:
        for size in (1, resource.RLIM_INFINITY):  # of any file that is written
            for pid in workers:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            if size == 1:
                wait_for(lambda: measured.statuses.count(503) > 20, 15)
        measured.more()
    assert (set(measured.statuses), measured.broken) == ({200, 503}, [])
    wait_for(lambda: set(measured.ids) <= set(stored(instance)), 15)


def test_every_worker_knows_of_an_observation_soon(served: Server) -> None:
    hour = {"datetime": "2013-01-01T00:00:00", "rentals": 41} | WEATHER
    assert served.call("/api/observations", {"items": [hour]})[0] == 200
    next_hour = {"datetime": "2013-01-01T02:00:00"} | WEATHER

    def known_to_all() -> bool:
        answers = [served.call("/api/predict", next_hour)[1] for _ in range(20)]
        return {answer["as_of"] for answer in answers} == {hour["datetime"]}

    wait_for(known_to_all, 4)
