"""Real servers, in processes of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TOKEN

BUSY = 5
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Server:
    """A server that was started for a test."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def call(self, path: str, body: Any = None, method: str | None = None) -> tuple[int, Any]:
        """Call the API as an admin; return the status and the JSON answer."""
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def ready(self) -> bool:
        """Say whether predictions can be made."""
        try:
            return self.call("/readyz")[0] == 200
        except OSError:
            return False

    def workers(self) -> list[int]:
        """Return the process ids of the workers, by what the server wrote."""
        lines = self.log.read_text().splitlines()
        return [int(line.rsplit(" ", 1)[1]) for line in lines if "Spawning worker" in line]

    def schedulers(self) -> list[int]:
        """Return the process ids of those that became the scheduler, in order."""
        lines = self.log.read_text().splitlines()
        return [int(line.rsplit(" ", 1)[1]) for line in lines if "schedules: process" in line]


def wait_for(condition: Callable[[], Any], seconds: float, pause: float = 0.1) -> Any:
    """Return what the condition says as soon as it is true; fail after so many seconds.

    Of a quiet machine: one that is busy with other tests gets some times as many.
    """
    deadline = time.monotonic() + BUSY * seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(pause)
    raise AssertionError(f"not within {seconds} s")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], instance: Path, **settings: str) -> Iterator[Server]:
    """Start ``flask COMMAND`` on an instance folder, and end it with the block."""
    port = free_port()
    log = instance.parent / f"server-{port}.log"
    environment = {"VLIB_INSTANCE_PATH": str(instance), "VLIB_ADMIN_TOKEN": TOKEN}
    environment["VLIB_LOG"] = "text"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", *command, "--port", str(port)],
            cwd=ROOT,
            env=os.environ | environment | settings,
            stdout=output,
            stderr=output,
            process_group=0,
        )
    try:
        yield Server(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    """Return a function that starts ``flask COMMAND`` on an instance folder."""
    with ExitStack() as servers:
        yield lambda *given, **settings: servers.enter_context(running(*given, **settings))


@pytest.fixture
def served(start: Callable[..., Server], instance: Path) -> Server:
    """Two workers on an instance with a champion."""
    server = start(["serve", "--workers", "2"], instance, VLIB_SCHEDULER_SECONDS="1")
    wait_for(server.ready, 60)
    return server
