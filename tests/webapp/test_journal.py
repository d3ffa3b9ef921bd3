"""What was answered is kept, whatever happens to the database, the disk or a process."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from tests import postgres
from tests.api.test_predict_api import HOUR
from tests.conftest import make_app
from webapp import journal, queries, segments
from webapp.extensions import db


@pytest.fixture
def waiting(app: Flask) -> Iterator[FlaskClient]:
    """A client of a process whose thread drains when the test says so."""
    with app.app_context():
        journal.current().drainer = os.getpid()
        yield app.test_client()


def ask(client: FlaskClient) -> str:
    answer = client.post("/api/predict", json=HOUR)
    assert answer.status_code == 200
    return str(answer.json["prediction_id"])


def stored() -> int:
    with queries.reading() as connection:
        return connection.scalar(
            sa.text("SELECT count(*) FROM predictions WHERE source != 'backtest'")
        )


@pytest.mark.both_engines
def test_a_prediction_is_found_while_it_waits_and_after(waiting: FlaskClient) -> None:
    address = f"/api/predictions/{ask(waiting)}"
    before = waiting.get(address)
    assert stored() == 0
    journal.current().drain()
    assert stored() == 1
    assert before.status_code == 200
    assert waiting.get(address).json == before.json
    assert not list(journal.current().waiting())


def test_what_waits_is_counted_and_timed(waiting: FlaskClient, app: Flask) -> None:
    assert (journal.lag(), journal.waiting()) == (0.0, 0)
    ask(waiting)
    waiting.post("/api/predict/batch", json={"items": [HOUR] * 3})
    assert journal.waiting() == 4
    assert 0 < journal.lag() < 60
    assert b"\nvlib_journal_waiting 4.0\n" in waiting.get("/metrics").data


def test_a_locked_database_keeps_nobody_from_predicting(
    waiting: FlaskClient, instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "RETRY_SECONDS", 0)
    ask(waiting)
    with pysqlite3.connect(instance / "vlib.db", timeout=0) as other:
        with queries.reading() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 1")
        other.execute("BEGIN IMMEDIATE")
        journal.current().drain()
        ask(waiting)
        other.rollback()
    assert stored() == 0
    journal.current().drain()
    journal.current().drain()  # what came while the first file could not be drained
    assert stored() == 2
    other.close()


def test_a_database_that_was_moved_away_gets_everything_when_it_is_back(
    waiting: FlaskClient, instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "RETRY_SECONDS", 0)
    ask(waiting)
    (instance / "vlib.db").rename(instance / "away.db")
    journal.current().drain()
    ask(waiting)
    assert not (instance / "vlib.db").exists()
    (instance / "away.db").rename(instance / "vlib.db")
    journal.current().drain()
    journal.current().drain()
    assert stored() == 2


@pytest.mark.postgres
def test_a_server_that_goes_away_keeps_nobody_from_predicting(
    waiting: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "RETRY_SECONDS", 0)
    ask(waiting)
    with postgres.away(db.engine):
        journal.current().drain()
        ask(waiting)
        assert waiting.get("/api/observations").status_code == 503
        assert waiting.get("/readyz").json["missing"] == ["the database can't be read"]
        assert b"\nvlib_database_up 0.0\n" in waiting.get("/metrics").data
    assert stored() == 0
    journal.current().drain()
    journal.current().drain()
    assert stored() == 2
    assert waiting.get("/readyz").status_code == 200


def test_a_journal_that_cant_be_written_refuses_and_heals(
    client: FlaskClient, instance: Path
) -> None:
    (instance / "journal").touch()
    answer = client.post("/api/predict", json=HOUR)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    (instance / "journal").unlink()
    ask(client)


def test_a_full_disk_refuses_a_whole_request_and_leaves_no_half_line(
    waiting: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(waiting)

    def half(fd: int, content: bytes, offset: int) -> int:
        return pwrite(fd, content[: len(content) // 2], offset)

    pwrite = os.pwrite
    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", half)
        answer = waiting.post("/api/predict/batch", json={"items": [HOUR] * 5})
    assert answer.status_code == 503
    ask(waiting)
    journal.current().drain()
    assert stored() == 2


def test_a_line_that_cant_be_taken_back_is_followed_by_none(
    waiting: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> int:
        raise OSError(errno.EIO, "no")

    ask(waiting)
    with monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", fail)
        broken.setattr(os, "ftruncate", fail)
        assert waiting.post("/api/predict", json=HOUR).status_code == 503
    ask(waiting)
    assert len(segments.paths(journal.current().directory)) == 2
    journal.current().drain()
    journal.current().drain()
    assert stored() == 2


def test_a_journal_whose_file_was_deleted_is_stored_and_begins_another(
    waiting: FlaskClient,
) -> None:
    ask(waiting)
    (path,) = segments.paths(journal.current().directory)
    path.unlink()
    ask(waiting)
    journal.current().drain()
    ask(waiting)
    assert len(segments.paths(journal.current().directory)) == 1
    journal.current().drain()
    assert stored() == 3


def test_the_journal_has_a_limit(waiting: FlaskClient, instance: Path) -> None:
    journal.current().limit = 600
    ask(waiting)
    answer = waiting.post("/api/predict/batch", json={"items": [HOUR] * 5})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    journal.current().drain()
    ask(waiting)


@pytest.mark.both_engines
def test_what_a_dead_process_left_is_stored_but_not_its_torn_last_line(
    waiting: FlaskClient, instance: Path
) -> None:
    ask(waiting)
    (path,) = segments.paths(instance / "journal")
    left = path.read_bytes()
    journal.current().drain()
    (instance / "journal" / "1-1.lines").write_bytes(left.replace(b'["0', b'["1') + left[:50])
    journal.current().drain()
    assert stored() == 2
    assert not segments.paths(instance / "journal")


@pytest.mark.both_engines
def test_what_is_drained_twice_is_stored_once(waiting: FlaskClient, instance: Path) -> None:
    ask(waiting)
    (path,) = segments.paths(instance / "journal")
    left = path.read_bytes()
    journal.current().drain()
    path.write_bytes(left)  # as if it had been killed before it removed the file
    journal.current().drain()
    assert stored() == 1


def test_the_file_of_a_living_process_is_left_alone(waiting: FlaskClient, instance: Path) -> None:
    ask(waiting)
    other = make_app(instance)
    with other.app_context():
        journal.current().drain()
        assert stored() == 0
        assert len(segments.paths(instance / "journal")) == 1


@pytest.mark.both_engines
def test_a_line_that_the_database_refuses_holds_up_no_other(
    waiting: FlaskClient, instance: Path
) -> None:
    ask(waiting)
    (path,) = segments.paths(instance / "journal")
    line = path.read_bytes()
    unknown_version = line.replace(b'["0', b'["1').replace(b',1,"whatif"', b',9,"whatif"')
    (instance / "journal" / "1-1.lines").write_bytes(unknown_version + b"\0\0\n")
    journal.current().drain()
    assert stored() == 1
    refused = (instance / "journal" / journal.REFUSED).read_bytes()
    assert refused == b"\0\0\n" + unknown_version


def test_a_durable_journal_waits_for_the_disk(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    app = make_app(instance, VLIB_DURABILITY="power")
    with app.app_context():
        ask(app.test_client())
        with queries.reading() as connection:
            assert connection.scalar(sa.text("PRAGMA synchronous")) == 2  # FULL
    assert len(synced) == 2  # the file, and its name in the folder


def test_a_backup_holds_what_still_waits(waiting: FlaskClient, app: Flask, tmp_path: Path) -> None:
    made = ask(waiting)
    result: Result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "copy.db")])
    assert result.exit_code == 0, result.output
    with pysqlite3.connect(tmp_path / "copy.db") as copy:
        assert copy.execute("SELECT id FROM predictions WHERE source = 'whatif'").fetchall() == [
            (made,)
        ]
    copy.close()
    assert journal.waiting() == 1


def test_predicting_asks_the_database_nothing(waiting: FlaskClient, app: Flask) -> None:
    app.extensions["predictor"]._max_age = 60
    ask(waiting)
    statements: list[str] = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    ask(waiting)
    assert waiting.post("/api/predict/batch", json={"items": [HOUR] * 3}).status_code == 200
    assert statements == []
