"""A full disk: predictions are refused honestly, a training says why it failed, and all heals."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import make_app
from tests.processes.conftest import Server, running, wait_for
from tests.processes.test_serve import CHRISTMAS
from webapp.extensions import db

from .conftest import ENDED, QUICKLY, begin, end_of, ended_in_time

DISK = 24 * 2**20


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
            with ended_in_time():
                fill(small / "ballast")
                wait_for(partial(answers, server, 503), ENDED)
                ended = end_of(run["run_id"])
            assert ended["status"] == "failed"
            assert "No space left on device" in ended["reason"] or "full" in ended["reason"]
            (small / "ballast").unlink()
            wait_for(partial(answers, server, 200), ENDED)
        db.engine.dispose()
