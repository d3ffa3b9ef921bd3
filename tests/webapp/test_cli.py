"""The commands, as an operator types them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import add_version, serving
from webapp import queries


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    """A running server's address."""
    with serving(app) as address:
        yield address


@pytest.mark.parametrize(
    "command",
    ["serve", "retrain", "replay", "rescore", "import-history", "backup", "prune", "models"],
)
def test_each_command_has_help(app: Flask, command: str) -> None:
    result = app.test_cli_runner().invoke(args=[command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()[2].strip()) > 20


def test_backup_makes_a_copy_and_never_overwrites(app: Flask, tmp_path: Path) -> None:
    runner = app.test_cli_runner()
    assert runner.invoke(args=["backup", str(tmp_path / "copy.db")]).exit_code == 0
    again = runner.invoke(args=["backup", str(tmp_path / "copy.db")])
    assert again.exit_code == 1
    assert "exists" in again.output


def test_activate_and_models_tell_who_was_champion_when(app: Flask) -> None:
    with app.app_context():
        kept = add_version(queries.observations_frame(), "kept")
    runner = app.test_cli_runner()
    done = runner.invoke(args=["activate", str(kept), "--reason", "better on Sundays"])
    assert done.output.strip() == f"Version {kept} is champion."
    said = runner.invoke(args=["models"]).output
    assert f"version {kept} became champion by cli: better on Sundays" in said
    assert "former" in said


def test_models_of_a_new_instance_says_that_there_is_none(app_without_model: Flask) -> None:
    said = app_without_model.test_cli_runner().invoke(args=["models"]).output
    assert said.startswith("No version has been trained yet")


@pytest.mark.parametrize(
    "command",
    [["replay", "--start", "2012-12-25", "--end", "2012-12-01"]]
    + [["rescore", "--model", "1", "--from", "2012-12-25", "--to", "2012-12-25"]],
)
def test_a_stretch_that_ends_before_it_begins_is_an_error(app: Flask, command: list[str]) -> None:
    result = app.test_cli_runner().invoke(args=command)
    assert result.exit_code == 1
    assert f"{command[-4]} 2012-12-25 00:00:00 must be before {command[-2]}" in result.output


def test_activating_nothing_is_an_error(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["activate", "99"])
    assert result.exit_code == 1
    assert result.output.strip() == "Error: There is no model with this version."


def test_replay_plays_history_apart_from_live(app: Flask, url: str) -> None:
    stretch = ["--start", "2012-12-25T00:00:00", "--end", "2012-12-25T06:00:00"]
    result = app.test_cli_runner().invoke(
        args=["replay", *stretch, "--speed", "1000", "--url", url]
    )
    assert result.exit_code == 0, result.output
    with app.app_context():
        played = queries.predictions_frame(sources=["replay"])
        assert queries.predictions_frame(sources=["live", "whatif"]).empty
    assert len(played) == 5  # 4 o'clock of that night is one of the hours nobody observed
    assert set(played["horizon"]) == {1, 2}
    assert played["actual"].notna().all()


def test_replay_without_a_server_is_one_line(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["replay", "--url", "http://127.0.0.1:1"])
    assert result.exit_code == 1
    assert "start one, or say --url" in result.output


def test_a_database_that_cannot_be_used_is_one_line(app: Flask, instance: Path) -> None:
    (instance / "vlib.db").write_bytes(b"no database" * 1000)
    for leftover in instance.glob("vlib.db-*"):
        leftover.unlink()
    result = app.test_cli_runner().invoke(args=["models"])
    assert result.exit_code == 1
    assert "file is not a database" in result.output
    assert len(result.output.splitlines()) == 1
