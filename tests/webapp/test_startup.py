"""What the first start does, and the one line it says when it can't."""

import socket
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.conftest import make_app
from webapp import importing, queries, startup
from webapp.extensions import db


@pytest.fixture
def fresh(tmp_path: Path) -> Flask:
    """An application on an empty folder, with no token in its settings."""
    return make_app(tmp_path / "new", VLIB_ADMIN_TOKEN=None)


def release(app: Flask) -> None:
    app.extensions["server_lock"].release()
    with app.app_context():
        db.engine.dispose()


def test_an_empty_folder_becomes_an_instance(fresh: Flask) -> None:
    startup.prepare(fresh)
    with fresh.app_context():
        assert len(queries.observations_frame()) == 17_379
        assert importing.city() == "Washington, D.C."
    token = Path(fresh.instance_path) / "admin_token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert len(token.read_text().strip()) >= 32
    release(fresh)


def test_a_second_start_changes_nothing(fresh: Flask) -> None:
    startup.prepare(fresh)
    token = (Path(fresh.instance_path) / "admin_token").read_text()
    release(fresh)
    startup.prepare(fresh)
    assert (Path(fresh.instance_path) / "admin_token").read_text() == token
    release(fresh)


def test_one_server_a_folder(fresh: Flask) -> None:
    startup.prepare(fresh)
    with pytest.raises(startup.CannotStart, match="Another Vlib server uses the instance folder"):
        startup.prepare(make_app(Path(fresh.instance_path)))
    release(fresh)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(startup.CannotStart, match="Can't write to the instance folder"):
        startup.prepare(make_app(tmp_path / "file" / "instance"))


def test_a_database_of_a_newer_vlib(fresh: Flask) -> None:
    startup.prepare(fresh)
    with fresh.app_context(), queries.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'ffff'"))
    release(fresh)
    with pytest.raises(startup.CannotStart, match="revision ffff, which this Vlib does not know"):
        startup.prepare(fresh)
    release(fresh)


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(startup.CannotStart, match="choose another with --port"):
            startup.require_free_port("127.0.0.1", taken.getsockname()[1])


def test_sqlite_is_free_of_the_wal_reset_bug(app: Flask) -> None:
    with app.app_context(), queries.reading() as connection:
        version = connection.scalar(sa.text("SELECT sqlite_version()"))
        assert connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"
    assert tuple(int(part) for part in str(version).split(".")) > (3, 51, 2)


@pytest.mark.parametrize(
    ("host", "settings", "said"),
    [
        ("127.0.0.1", {}, None),
        ("::1", {}, None),
        ("localhost", {}, None),
        ("0.0.0.0", {}, "Whoever reaches 0.0.0.0 may ask"),  # noqa: S104 - the case that is told
        ("::", {}, "Whoever reaches :: may ask"),
        ("bikes.example", {}, "Whoever reaches bikes.example may ask"),
        ("::", {"VLIB_ACCESS": "token", "VLIB_CLIENT_TOKEN": "the-clients"}, None),
        ("::1", {"VLIB_ACCESS": "token"}, "only the admin's token"),
    ],
)
def test_access_that_may_not_be_meant_is_told_in_a_line(
    app: Flask, caplog: pytest.LogCaptureFixture, host: str, settings: dict[str, str], said: str
) -> None:
    app.config.update(settings)
    startup.say_who_may(app, host)
    assert len(caplog.messages) == (1 if said else 0)
    assert (said or "") in caplog.text
