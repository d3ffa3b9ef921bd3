"""The servers that are compared, and the load that they get."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = Path(__file__).with_name("requests.lua")
PYTHON = [sys.executable, "-m"]
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # MLflow looks for uvicorn


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    pid: int
    url: str
    started: float  # seconds until it was ready

    def workers(self) -> list[int]:
        """Return the process ids of its children."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in children.split()]


@dataclass(frozen=True)
class Load:
    """What `wrk` measured."""

    answered: int
    failed: int
    rate: float  # requests/s
    p99: float  # ms


@contextmanager
def started(command: list[str], ready: str, log: Path, **settings: str) -> Iterator[Server]:
    """Start ``python -m COMMAND --port PORT``, wait until it is ready, and end it in the end."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    began = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*PYTHON, *command, "--port", str(port)],
            cwd=ROOT,
            # A warm start has compiled files, whatever the shell says of them.
            env=os.environ | {"PATH": PATH, "PYTHONDONTWRITEBYTECODE": ""} | settings,
            stdout=output,
            stderr=output,
            process_group=0,
        )
    try:
        while not _is_ready(url + ready):
            if process.poll() is not None or time.perf_counter() - began > 240:
                said = "\n".join(log.read_text().splitlines()[-5:])
                raise SystemExit(f"{' '.join(command)} does not start:\n{said}")
            time.sleep(0.005)
        yield Server(process.pid, url, time.perf_counter() - began)
    finally:
        _end(process)


def load(url: str, bodies: Path, seconds: float, answered: Path | None = None) -> Load:
    """Post the bodies from 16 connections for so many seconds."""
    command = ["wrk", "-t1", "-c16", f"-d{seconds:g}s", "--timeout", "30s", "-s", str(SCRIPT), url]
    command += ["--", str(bodies), *([str(answered)] if answered else [])]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", said)
    if found is None:
        raise SystemExit(f"wrk said: {said}")
    requests, microseconds, failed, p99 = map(int, found.groups())
    return Load(requests - failed, failed, requests / microseconds * 1e6, p99 / 1000)


def post(url: str, body: bytes) -> tuple[Any, float]:
    """Post JSON; return the answer, and the seconds until all of it was there."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:
        content = answer.read()
    seconds = time.perf_counter() - began
    return json.loads(content), seconds


def megabytes(pid: int) -> float:
    """Return the memory that a process holds (VmRSS)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status < 300)
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)  # mlflow's workers may outlive their parent
    except ProcessLookupError:
        pass
    process.wait()
