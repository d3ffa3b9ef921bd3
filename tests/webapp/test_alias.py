"""MLflow's alias follows the champion, sooner or later."""

import pytest
from flask import Flask

from tests.conftest import add_version
from training import tracking
from webapp import alias, queries


@pytest.fixture
def told(app: Flask, monkeypatch: pytest.MonkeyPatch):
    """What MLflow was told; a number in it is how often its store still is away."""
    said: list[str] = []
    away: list[Exception] = []

    def set_champion(_uri: str, version: str) -> None:
        if away:
            raise away.pop()
        said.append(version)

    monkeypatch.setattr(tracking, "set_champion", set_champion)
    monkeypatch.setattr(alias, "PAUSES", (0, 0, 0))
    with app.app_context():
        monkeypatch.setattr(queries, "champion_in_mlflow", lambda: "17")
        yield said, away


def test_it_is_set_once(told: tuple[list[str], list[Exception]]) -> None:
    alias.follow(queries.newest_activation())
    assert told[0] == ["17"]


def test_it_is_tried_again_while_the_store_is_away(
    told: tuple[list[str], list[Exception]], caplog: pytest.LogCaptureFixture
) -> None:
    told[1].extend([tracking.TrackingUnavailable("away")] * 2)
    alias.follow(queries.newest_activation())
    assert told[0] == ["17"]
    told[1].extend([tracking.TrackingUnavailable("away")] * 3)
    alias.follow(queries.newest_activation())
    assert told[0] == ["17"]
    assert "does not follow" in caplog.text


def test_a_newer_activation_is_left_to_its_own_process(
    told: tuple[list[str], list[Exception]],
) -> None:
    alias.follow(queries.newest_activation() - 1)
    assert told[0] == []


def test_the_database_says_which_version_it_is(app: Flask) -> None:
    with app.app_context():
        kept = add_version(queries.observations_frame(), "kept")
        queries.activate(kept, "admin", "try it")
        assert queries.champion_in_mlflow() is None
