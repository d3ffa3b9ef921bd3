"""An artefact truncated, bit-flipped or replaced: never served, named, and healed."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.conftest import add_version, make_app
from tests.dashboard.conftest import UPDATE, body, text
from tests.processes.conftest import Server, running, wait_for
from tests.processes.test_serve import CHRISTMAS
from training.artefact import FORESTS, METADATA, TREES
from webapp import queries, retraining
from webapp.extensions import db

from .conftest import QUICKLY

FILES = (*FORESTS, METADATA, TREES)
CRASH_LOOP = 6  # seconds; Granian gives up on a worker that dies sooner than this after its start


def truncate(file: Path) -> None:
    """Lose the second half."""
    os.truncate(file, file.stat().st_size // 2)


def flip(file: Path) -> None:
    """Turn one bit over."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def swap(file: Path) -> None:
    """Put a whole file in its place, of another version."""
    draft = file.with_name("draft")
    draft.write_bytes((file.parent.parent / "1" / file.name).read_bytes())
    draft.rename(file)


@pytest.fixture(scope="module")
def place(place: Path) -> Path:
    """A folder in which version 2 is champion, and version 1 was before it."""
    with make_app(place).app_context():
        version = add_version(queries.observations_frame().head(-14 * 24), "kept")
        retraining.activate(version, "to be damaged", "cli")
        db.engine.dispose()
    return place


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Server]:
    """One worker, which looks at the alerts often."""
    often = QUICKLY | {"VLIB_ALERT_SECONDS": "0.5"}
    with running(["serve", "--workers", "1"], place, **often) as server:
        wait_for(server.ready, 60)
        yield server


def answer(server: Server) -> tuple[str, float] | None:
    """Return who answers what, if anybody does."""
    try:
        status, found = server.call("/api/predict", CHRISTMAS)
    except (OSError, HTTPException):  # its worker has just been killed
        return None
    return (found["model_version"], found["rentals"]) if status == 200 else None


def problems(server: Server) -> str:
    """Return what `/readyz` says is wrong."""
    return " ".join(server.call("/readyz")[1].get("problems", []))


def overview(app: Flask) -> str:
    """Return what the dashboard says is wrong."""
    client = app.test_client()
    told = client.post(UPDATE, json=body(client, "overview-alerts-section.children"))
    return text(told.get_json()["response"]["overview-alerts-section"]["children"])


def says(teller: Callable[[Any], str], of: Any, words: str) -> bool:
    """Say whether these words are told."""
    return words in teller(of)


def is_answer(server: Server, wanted: tuple[str, float]) -> bool:
    """Say whether this is what is answered."""
    return answer(server) == wanted


@pytest.mark.parametrize("damage", [truncate, flip, swap])
def test_it_is_never_served_and_named(
    app: Flask, server: Server, place: Path, rounds: range, damage: Callable[[Path], None]
) -> None:
    whole = wait_for(partial(answer, server), 10)
    for name in random.Random(damage.__name__).choices(FILES, k=len(rounds)):
        begun = time.monotonic()  # its worker has lived since before
        content = (place / "models" / "2" / name).read_bytes()
        damage(place / "models" / "2" / name)
        broken = f"model 2 is broken: {name}: its checksum is not the stored one"
        wait_for(partial(says, problems, server, f"{broken}; it serves on from memory"), 10)
        assert answer(server) == whole

        time.sleep(max(0.0, begun + CRASH_LOOP - time.monotonic()))
        os.kill(server.workers()[-1], signal.SIGKILL)
        version, rentals = wait_for(partial(answer, server), 30)
        assert version == "1" and rentals != whole[1]
        assert says(problems, server, f"{broken}; model 1 serves instead")
        wait_for(partial(says, overview, app, f"{broken}; model 1 serves instead"), 10)
        assert server.call("/api/models/2/activate", {"reason": "once more"})[0] == 409

        (place / "models" / "2" / name).write_bytes(content)
        wait_for(partial(is_answer, server, whole), 30)
        wait_for(lambda: not problems(server), 30)
