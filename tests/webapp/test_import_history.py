"""``flask import-history``, as the operator of Neustadt types it."""

import csv
import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import flask_migrate
import numpy as np
import pandas as pd
import pytest
from alembic.script import ScriptDirectory
from click.testing import Result
from flask import Flask

from tests.conftest import make_app
from tests.made_up import ZONE, city, seoul
from tests.training.importing.test_formats import london
from training import train
from training.history import as_hours
from webapp import history, importing, predictor, queries, retraining
from webapp.extensions import db, migrate

PLACE = {"VLIB_TIMEZONE": ZONE, "VLIB_HOLIDAYS": "DE", "VLIB_CITY": "Neustadt"}
OWN = """datetime,weather,temperature,feels_like,humidity,windspeed,rentals
2023-01-01T00:00:00,clear,4.1,2.0,65,8,41
2023-01-01T01:00:00,mist,3.9,2.0,66,{windspeed},38
"""

JANUARY = city("2023-01-01", 21 * 24)


@pytest.fixture
def demo(instance: Path) -> Iterator[Flask]:
    """Neustadt's application, still with the demo data and its champion."""
    app = make_app(instance, **PLACE)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def own(app_without_model: Flask, tmp_path: Path) -> Flask:
    """Neustadt's application with twenty days of its own."""
    app_without_model.config.update(PLACE)
    file = seoul(JANUARY.head(20 * 24), tmp_path / "january.csv")
    assert run(app_without_model, file, "--yes").exit_code == 0
    return app_without_model


def run(app: Flask, file: Path, *options: str, answers: str = "") -> Result:
    return app.test_cli_runner().invoke(args=["import-history", str(file), *options], input=answers)


def stored(app: Flask) -> pd.DataFrame:
    with app.app_context():
        return queries.observations_frame()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file in which nothing needs to be guessed."""
    path = tmp_path / "own.csv"
    path.write_text(OWN.format(windspeed=8))
    return path


def test_the_first_import_replaces_the_demo_with_all_that_hung_on_it(
    demo: Flask, file: Path
) -> None:
    result = run(demo, file, "--yes")
    assert result.exit_code == 0, result.output
    assert "replaces the demo data of Washington, D.C. (2,880 hours)" in result.output
    assert stored(demo)["rentals"].tolist() == [41, 38]
    with demo.app_context():
        assert queries.champion() is None
        assert [model["status"] for model in queries.list_models()] == ["rejected"]
        assert queries.prediction_span() is None
        assert importing.city() == "Neustadt"


def test_a_running_server_forgets_the_demo(demo: Flask, file: Path) -> None:
    with demo.app_context():
        assert predictor.missing() == []
        newest = history.cache().current.newest
        assert newest is not None
        run(demo, file, "--yes")
        predictor.current().refresh()
        assert predictor.missing() == ["no model has been trained yet"]
        expected = as_hours(pd.to_datetime(["2023-01-01T00", "2023-01-01T01"]).to_numpy())
        assert history.cache().current.hours.tolist() == expected.tolist()


def test_an_older_instance_with_the_demo_data_is_marked_so(app_without_model: Flask) -> None:
    noon = {"datetime": dt.datetime(2012, 7, 4, 12), "rentals": 494, "casual": 164}
    weather = {"weather": "clear", "temperature": 32.4, "humidity": 41, "windspeed": 15}
    with app_without_model.app_context():
        queries.upsert_observations([noon | weather])
        script = ScriptDirectory(str(migrate.directory)).get_revision("0005")
        flask_migrate.downgrade(revision=script.down_revision)
        flask_migrate.upgrade()
        newest = queries.newest_import()
    assert newest is not None
    assert newest["source"] == "demo"


def test_counts_take_the_place_of_estimates_however_far_these_were(
    own: Flask, tmp_path: Path
) -> None:
    days = JANUARY.tail(24)
    rough = days.assign(rentals=days["rentals"] // 2, weather="clear", estimated=True)
    with own.app_context():
        queries.upsert_observations(queries.records(rough.drop(columns=["rain", "snow"])))
        assert len(queries.estimated_hours()) == 24
    result = run(own, seoul(JANUARY.tail(24), tmp_path / "day.csv"), "--yes", "--day-first")
    assert "0 hours added, 24 changed" in result.output
    with own.app_context():
        assert queries.estimated_hours() == set()


def test_an_unanswered_question_changes_nothing(demo: Flask, file: Path) -> None:
    for answers in ("", "n\n"):
        result = run(demo, file, answers=answers)
        assert result.exit_code == 1
        assert "nothing was taken in" in result.output.splitlines()[-1]
    assert len(stored(demo)) == 2880


def test_the_demo_is_not_replaced_under_a_training(demo: Flask, file: Path) -> None:
    with demo.app_context(), retraining._acquire():
        queries.add_run("a-run", "admin", None)
        result = run(demo, file, "--yes")
    assert result.exit_code == 1
    assert "A training is running already. (run_id a-run)" in result.output
    assert len(stored(demo)) == 2880


def test_what_is_too_short_to_train_on_says_so(app_without_model: Flask, file: Path) -> None:
    assert importing.TRAINABLE == train.HOLDOUT_HOURS + train.LEAST_TRAINING_HOURS
    assert "too little to train on: 84 days" in run(app_without_model, file).output


def test_our_own_format_needs_no_question(app_without_model: Flask, file: Path) -> None:
    result = run(app_without_model, file)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == "2 hours added, 0 changed."


def test_the_same_file_twice_changes_nothing(own: Flask, tmp_path: Path) -> None:
    before = stored(own)
    with own.app_context():
        revision, _ = queries.observations_since(0)
    result = run(own, tmp_path / "january.csv", "--yes")
    assert result.output.splitlines()[-1] == "0 hours added, 0 changed."
    pd.testing.assert_frame_equal(stored(own), before)
    with own.app_context():
        assert queries.observations_since(0)[0] == revision


def test_a_corrected_file_changes_the_corrected_hours(own: Flask, tmp_path: Path) -> None:
    frame = JANUARY.copy()
    frame.loc[[5, 7], "rentals"] += 3
    result = run(own, seoul(frame, tmp_path / "january.csv"), "--yes")
    assert result.output.splitlines()[-1] == "24 hours added, 2 changed."


def test_every_bad_value_is_listed_beside_the_file(own: Flask, tmp_path: Path) -> None:
    frame = city("2023-02-01", 20 * 24)
    path = seoul(frame, tmp_path / "february.csv")
    table = pd.read_csv(path, encoding="latin-1", dtype=str)
    table.loc[3, "Humidity(%)"] = "140"
    table.loc[8, "Rented Bike Count"] = "many"
    table.to_csv(path, index=False)
    result = run(own, path, "--yes")
    assert result.exit_code == 1
    said = result.output.splitlines()[-1]
    assert "row 4, column Humidity(%): '140', expected a number from 0 to 100 (%)" in said
    with (tmp_path / "february.csv.errors.csv").open() as report:
        rows = list(csv.DictReader(report))
    assert [(row["row"], row["value"]) for row in rows] == [("4", "140"), ("9", "many")]
    assert len(stored(own)) == 480


def test_one_bad_value_is_one_line(own: Flask, file: Path) -> None:
    file.write_text(OWN.format(windspeed=999))
    result = run(own, file, "--same-city")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    for part in ("row 2", "windspeed", "999", "200"):
        assert part in result.output


def test_the_next_month_needs_one_command(own: Flask, tmp_path: Path) -> None:
    mapping = tmp_path / "neustadt.toml"
    run(own, tmp_path / "january.csv", "--yes", "--save-mapping", str(mapping))
    short = seoul(city("2023-02-01", 48), tmp_path / "february.csv")  # 1 and 2 February or 2 Jan?
    assert "--day-first/--month-first" in run(own, short, "--yes").output
    result = run(own, short, "--mapping", str(mapping))
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == "48 hours added, 0 changed."


def test_what_fits_both_ways_is_asked(own: Flask, tmp_path: Path) -> None:
    short = seoul(city("2023-02-01", 48), tmp_path / "february.csv")
    result = run(own, short, answers="day\ny\n")
    assert result.exit_code == 0, result.output
    assert stored(own)["datetime"].max() == pd.Timestamp("2023-02-02T23:00")


@pytest.mark.parametrize(("scale", "unit"), [(0.4, "m/s"), (1.1, "km/h")])
def test_a_wind_that_fits_several_units_is_the_likelier_where_nobody_is_asked(
    app_without_model: Flask, tmp_path: Path, scale: float, unit: str
) -> None:
    frame = another("2023-01-01", 40)
    frame["wind"] = (frame.pop("windspeed") * scale).round(1)
    frame.to_csv(path := tmp_path / "wind.csv", index=False)
    result = run(app_without_model, path, "--yes")
    assert result.exit_code == 0, result.output
    assert f"Taken as {unit}: if that is wrong" in result.output


@pytest.mark.parametrize(
    ("setting", "value"), [("VLIB_CITY", "Altstadt"), ("VLIB_TIMEZONE", "Asia/Tokyo")]
)
def test_settings_of_another_city_are_refused(
    own: Flask, file: Path, setting: str, value: str
) -> None:
    own.config[setting] = value
    result = run(own, file)
    assert result.exit_code == 1
    assert setting in result.output
    assert "--replace" in result.output


def test_rentals_of_another_city_are_refused(own: Flask, tmp_path: Path) -> None:
    other = city("2023-01-05", 10 * 24, seed=3)
    other["rentals"] = other["rentals"] * 3 + 10
    file = seoul(other, tmp_path / "other.csv")
    result = run(own, file, "--yes", "--day-first")
    assert result.exit_code == 1
    assert "as another city's" in result.output
    assert run(own, file, "--yes", "--same-city", "--day-first").exit_code == 0


def test_a_city_of_another_size_is_refused(own: Flask, tmp_path: Path) -> None:
    other = city("2023-06-10", 10 * 24)
    other["rentals"] *= 30
    result = run(own, seoul(other, tmp_path / "other.csv"), "--yes")
    assert result.exit_code == 1
    assert "rentals an hour" in result.output


def another(start: str, days: int) -> pd.DataFrame:
    """Return hours of a city that is like Neustadt unless a test changes it."""
    return city(start, days * 24, seed=3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.assign(temperature=frame["temperature"] + 15), "°C off"),
        (lambda frame: frame.assign(rentals=np.roll(frame["rentals"], 5)), "of the week"),
        (lambda frame: frame.assign(rentals=frame["rentals"] * 4), "in the same months"),
    ],
)
def test_hours_unlike_those_of_the_city_are_refused_without_any_in_common(
    own: Flask, tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    file = seoul(change(another("2024-01-01", 31)), tmp_path / "other.csv")
    result = run(own, file, "--yes")
    assert result.exit_code == 1
    assert said in result.output.splitlines()[-1]
    assert run(own, file, "--yes", "--same-city").exit_code == 0


def test_a_year_of_growth_and_the_next_months_are_the_same_city(own: Flask, tmp_path: Path) -> None:
    frame = another("2024-01-01", 181)
    frame["rentals"] *= 2
    result = run(own, seoul(frame, tmp_path / "next.csv"), "--yes")
    assert result.exit_code == 0, result.output


def test_columns_of_other_names_are_another_city_unless_hours_agree(
    own: Flask, tmp_path: Path
) -> None:
    file = london(another("2024-01-01", 31), tmp_path / "other.csv")
    result = run(own, file, "--yes")
    assert result.exit_code == 1
    assert "'Rented Bike Count'" in result.output.splitlines()[-1]
    assert "same city" in run(own, file, answers="n\n").output
    assert run(own, london(JANUARY, tmp_path / "longer.csv"), "--yes").exit_code == 0
    assert run(own, file, "--yes").exit_code == 0  # both formats are known now


def test_replace_starts_anew(own: Flask, file: Path) -> None:
    own.config["VLIB_CITY"] = "Altstadt"
    assert run(own, file, "--yes", "--replace").exit_code == 0
    assert len(stored(own)) == 2


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--map", "rentals=Bikes", "'Bikes'"),
        ("--map", "bikes=cnt", "'bikes'"),
        ("--map", "rentals", "FIELD=VALUE"),
        ("--unit", "windspeed=furlongs", "'furlongs'"),
        ("--timezone", "Mars/Olympus", "'Mars/Olympus'"),
        ("--mapping", "/nowhere/m.toml", "/nowhere/m.toml"),
    ],
)
def test_a_wrong_option_is_one_line_with_its_value(
    own: Flask, file: Path, option: str, value: str, said: str
) -> None:
    result = run(own, file, option, value)
    assert result.exit_code == 1
    assert said in result.output
    assert len(result.output.splitlines()) == 1
