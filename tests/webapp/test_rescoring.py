"""What another version would have said of a stored stretch."""

import datetime as dt
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result
from flask import Flask

from webapp import journal, predictor, queries, rescoring
from webapp.history import to_hour
from webapp.predictor import HourRequest

NEWEST = dt.datetime(2012, 12, 31, 23)


@pytest.fixture
def instance(two_versions: Path, tmp_path: Path) -> Path:
    """An instance folder whose champion is version 1; version 2 was kept."""
    return Path(shutil.copytree(two_versions, tmp_path / "instance"))


@pytest.fixture
def lived(app: Flask) -> Flask:
    """Two days were predicted, and then happened.

    Some hours were asked alone, some in batches.
    """
    first = to_hour(NEWEST) + 1
    with app.app_context():
        asked = [HourRequest(first + n, n % 3, 3.0 + n % 7, 60.0, 9.0) for n in range(48)]
        for batch in [asked[:24], asked[24:], *([hour] for hour in asked[::5])]:
            journal.current().store(predictor.predict(batch))
        journal.current().drain()
        rows = queries.records(queries.observations_frame(NEWEST - dt.timedelta(hours=47)))
        shift = {"weather": "mist", "temperature": 12.0}
        later = [row | shift | {"datetime": row["datetime"] + dt.timedelta(2)} for row in rows]
        queries.upsert_observations(later)
    return app


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["rescore", *arguments])


def test_the_version_that_spoke_says_the_same_again(lived: Flask) -> None:
    with lived.app_context():
        found = rescoring.rescore(None, None, 1)
    assert found["all"]["predictions"] >= 40
    assert found["all"]["rescored"] == found["all"]["said"]
    assert (found["avoided"], found["caused"]) == ([], [])
    assert list(found["horizons"]) == ["1", "2 to 24", "25 to 48"]


def test_another_version_avoids_and_causes_errors(lived: Flask, tmp_path: Path) -> None:
    with lived.app_context():
        stored = queries.count_predictions()
    result = run(lived, "--model", "2", "--json", str(tmp_path / "found.json"))
    assert result.exit_code == 0, result.output
    assert "It would have avoided" in result.output
    found = json.loads((tmp_path / "found.json").read_text())
    change = found["all"]["rescored"]["mae"] - found["all"]["said"]["mae"]
    net = (found["all"]["caused"] - found["all"]["avoided"]) / found["all"]["predictions"]
    assert change == pytest.approx(net)
    assert found["all"]["improved"] > 0 < found["all"]["worsened"]
    with lived.app_context():
        assert queries.count_predictions() == stored


def test_a_stretch_is_bounded(lived: Flask) -> None:
    with lived.app_context():
        found = rescoring.rescore(dt.datetime(2013, 1, 1, 3), dt.datetime(2013, 1, 1, 6), 1)
    assert (found["from"], found["to"]) == ("2013-01-01T03:00:00", "2013-01-01T05:00:00")
    assert found["all"]["rescored"] == found["all"]["said"]  # its batch began before it


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "99"], "There is no model 99: `flask models` lists them."),
        (["--model", "1", "--from", "2020-01-01"], "Nothing was said"),
        (["--model", "1", "--json", "/nowhere/found.json"], "Can't write /nowhere/found.json"),
    ],
)
def test_what_cannot_be_is_one_line(lived: Flask, arguments: list[str], said: str) -> None:
    result = run(lived, *arguments)
    assert result.exit_code == 1
    assert f"Error: {said}" in result.output.splitlines()[-1]


def test_a_pruned_version_is_one_line(lived: Flask, instance: Path) -> None:
    shutil.rmtree(instance / "models" / "2")
    result = run(lived, "--model", "2")
    assert result.exit_code == 1
    assert result.output == "Error: This model can't answer: its artefact was pruned or removed.\n"


def test_scores_are_exact() -> None:
    said = pd.DataFrame(
        {
            "datetime": [NEWEST, NEWEST + dt.timedelta(hours=1)],
            "horizon": [1.0, None],
            "source": "live",
            "model_version": 1,
            "actual": [10.0, 20.0],
            **{"rentals": [16.0, 20.0], "lower": 0.0, "upper": 15.0},
            **{"model": [8.0, 23.0], "model_lower": 0.0, "model_upper": 30.0},
        }
    )
    found = rescoring.compare(said, 2)
    whole = found["all"]
    assert (whole["avoided"], whole["caused"]) == (4.0, 3.0)
    assert (whole["said"]["mae"], whole["rescored"]["mae"]) == (3.0, 2.5)
    assert (whole["said"]["bias"], whole["rescored"]["bias"]) == (3.0, 0.5)
    assert (whole["said"]["coverage"], whole["rescored"]["coverage"]) == (0.5, 1.0)
    assert list(found["horizons"]) == ["1", "over 168"]
    assert [row["datetime"] for row in found["avoided"]] == [NEWEST.isoformat()]
