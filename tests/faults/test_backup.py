"""``flask backup`` while clients predict, and the restore, as docs/operations.md tells both."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.processes.conftest import ROOT, Server, running, wait_for
from tests.processes.test_under_load import load, stored

from .conftest import QUICKLY

GUIDE = ROOT / "docs" / "operations.md"


def follow(place: Path, heading: str) -> None:
    """Do what the guide says under a heading, in the folder that the instance lies in."""
    chapter = GUIDE.read_text().partition(f"## {heading}\n")[2]
    found = re.search(r"```sh\n(.*?)```", chapter, re.DOTALL)
    assert found is not None
    settings = {"FLASK_APP": "wsgi", "PYTHONPATH": str(ROOT), "VLIB_INSTANCE_PATH": str(place)}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(
        ["/bin/sh", "-e", "-c", found[1]],
        cwd=place.parent,
        env=os.environ | settings | {"PATH": path},
        check=True,
    )


def integrity(database: Path) -> str:
    """Return what SQLite says of a file."""
    with closing(sqlite3.connect(database)) as connection:
        (found,) = connection.execute("PRAGMA integrity_check").fetchone()
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
    return str(found)


def test_it_is_whole_and_holds_what_was_acknowledged_and_can_be_restored(
    server: Server, place: Path, rounds: range
) -> None:
    backup = place.parent / "backup"
    with load(server, clients=1) as measured:
        for number in rounds:
            if backup.exists():
                backup.rename(backup.with_name(f"backup-{number}"))
            acknowledged = set(measured.ids)
            follow(place, "Back up")
            assert integrity(backup / "vlib.db") == "ok"
            with closing(sqlite3.connect(backup / "vlib.db")) as copy:
                kept = {row[0] for row in copy.execute("SELECT id FROM predictions")}
            assert acknowledged <= kept
    assert set(measured.statuses) == {200}

    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()
    (place / "vlib.db").write_bytes(b"not any more")
    follow(place, "Restore")
    with running(["serve", "--workers", "1"], place, **QUICKLY) as again:
        wait_for(again.ready, 60)
        assert again.call(f"/api/predictions/{measured.ids[0]}")[0] == 200
    assert integrity(place / "vlib.db") == "ok"
    assert acknowledged <= set(stored(place))
