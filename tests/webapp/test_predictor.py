"""What the champion says, and which version is champion."""

import datetime as dt
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from tests.conftest import add_version
from training import features
from training.artefact import Artefact, BrokenArtefact
from training.features import observed_rows
from training.history import History, as_hours
from training.schema import WEATHER
from training.train import backtest
from webapp import journal, predictor, queries, versions
from webapp.errors import Unavailable
from webapp.history import cache, to_hour
from webapp.predictor import HourRequest

CHRISTMAS = to_hour(dt.datetime(2012, 12, 25, 8))
WEATHER_OF = ("weather", "temperature", "humidity", "windspeed")
ENDS = ["lower", "upper"]
NEWEST = to_hour(dt.datetime(2012, 12, 31, 23))


def ask(hour: int = CHRISTMAS, **values: object) -> predictor.Prediction:
    weather = {"weather": 0, "temperature": 3.3, "humidity": 81.0, "windspeed": 0.0}
    return predictor.predict([HourRequest(hour=hour, **weather | values)])[0]  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def context(app: Flask):
    with app.app_context():
        yield


def test_a_prediction_lies_in_its_interval() -> None:
    said = ask()
    assert 0 <= said.lower <= said.rentals <= said.upper
    assert (said.as_of, said.model_version, said.warnings) == (CHRISTMAS - 1, 1, [])


def test_known_hours_are_what_ifs_and_others_live() -> None:
    assert ask().source == "whatif"
    assert ask(NEWEST + 1).source == "live"


def test_as_of_moves_back_to_the_newest_observation() -> None:
    assert ask(NEWEST + 48).as_of == NEWEST
    assert ask(NEWEST + 48, as_of=NEWEST + 47).as_of == NEWEST
    assert ask(NEWEST, as_of=NEWEST - 24).as_of == NEWEST - 24


@pytest.mark.parametrize(
    ("hour", "values", "warning"),
    [
        (NEWEST + 7 * 24 + 1, {}, "history_is_stale"),
        (CHRISTMAS, {"temperature": 55.0}, "outside_training_range"),
        (CHRISTMAS, {"holiday": False}, "holiday_contradicts_calendar"),
        (to_hour(dt.datetime(1999, 1, 1)), {}, "no_history"),
    ],
)
def test_doubtful_input_is_warned_of(hour: int, values: dict[str, object], warning: str) -> None:
    assert warning in ask(hour, **values).warnings


def test_at_seven_days_the_history_is_not_yet_stale() -> None:
    assert ask(NEWEST + 7 * 24).warnings == []


def test_one_row_and_many_say_the_same() -> None:
    hours = [HourRequest(CHRISTMAS + n, n % len(WEATHER), 3.0, 80.0, 9.0) for n in range(48)]
    together = [said.rentals for said in predictor.predict(hours)]
    assert together == [predictor.predict([hour])[0].rentals for hour in hours]


@pytest.mark.parametrize("horizon", [1, 24, 168])
def test_the_api_answers_what_training_computes(client: FlaskClient, horizon: int) -> None:
    hours = np.arange(NEWEST - 47, NEWEST + 1)
    champion, history = predictor.current(), cache().current
    assert champion.serving is not None
    scored = backtest(champion.serving.artefact, history, champion.calendar, hours)
    trained = scored[scored["horizon"] == horizon]
    items = [
        {
            "datetime": row.datetime.isoformat(),
            "as_of": row.as_of.isoformat(),
            **{name: getattr(row, name) for name in WEATHER_OF},
        }
        for row in trained.itertuples()
    ]
    answers = client.post("/api/predict/batch", json={"items": items}).json["items"]
    said = [(item["rentals"], *(item["interval"][end] for end in ENDS)) for item in answers]
    np.testing.assert_allclose(said, trained[["predicted", *ENDS]], atol=0.01)
    alone = [client.post("/api/predict", json=item).json["rentals"] for item in items[::12]]
    assert alone == [rentals for rentals, *_ in said[::12]]


def test_what_was_said_is_stored_as_it_was_said() -> None:
    said = ask()
    journal.current().store([said])
    stored = queries.get_prediction(said.prediction_id)
    assert stored is not None
    assert said.to_json().items() <= stored.items()
    assert stored["input"]["weather"] == "clear"


def test_a_new_observation_is_known_at_once() -> None:
    assert ask(NEWEST + 2).as_of == NEWEST
    row = {"datetime": dt.datetime(2013, 1, 1), "rentals": 41, "weather": "clear"}
    row |= {"temperature": 4.1, "humidity": 65.0, "windspeed": 8.0}
    queries.upsert_observations([row])
    assert ask(NEWEST + 2).as_of == NEWEST + 1


def test_an_activated_version_serves() -> None:
    kept = add_version(queries.observations_frame(), "kept")
    assert ask().model_version == 1
    queries.activate(kept, "admin", "try it")
    assert ask().model_version == kept


@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing"])
def test_a_broken_artefact_never_serves(instance: Path, damage: str) -> None:
    ask()  # version 1 serves
    kept = add_version(queries.observations_frame(), "kept")
    forest = instance / "models" / str(kept) / "week.onnx"
    whole = forest.read_bytes()
    flipped = whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:]
    damaged = {"truncated": whole[:-9], "flipped": flipped, "missing": b""}[damage]
    forest.write_bytes(damaged) if damage != "missing" else forest.unlink()
    queries.activate(kept, "admin", "try it")
    assert ask().model_version == 1
    assert f"model {kept}" in (predictor.current().problem or "")
    forest.write_bytes(whole)
    assert ask().model_version == kept  # it heals without a restart


def test_a_child_tries_what_no_process_has_loaded_before(
    app: Flask, instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask()
    directory, checksums = instance / "models" / "1", queries.checksums(1)
    tried = []
    monkeypatch.setattr(predictor, "_try", lambda *asked: tried.append(asked))
    predictor.load(directory, checksums)
    assert tried == []
    monkeypatch.setattr(predictor, "RUNTIME", "another")
    for _ in range(2):
        predictor.load(directory, checksums)
    assert tried == [(directory, checksums)]
    (directory / "week.onnx").write_bytes(b"other")
    with pytest.raises(predictor.BrokenArtefact):
        predictor.load(directory, checksums)


def test_after_a_restart_the_last_good_one_serves(app: Flask, instance: Path) -> None:
    kept = add_version(queries.observations_frame(), "kept")
    (instance / "models" / str(kept) / "metadata.json").write_text("{}")
    queries.activate(kept, "admin", "try it")
    assert ask().model_version == 1


def test_without_a_champion_nothing_is_said(app_without_model: Flask) -> None:
    with app_without_model.app_context():
        assert predictor.missing() == ["no model has been trained yet"]
        with pytest.raises(Unavailable):
            ask()


def test_a_crash_of_the_child_keeps_the_artefact_out(monkeypatch: pytest.MonkeyPatch) -> None:
    crash = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"]
    run, loaded = subprocess.run, []
    monkeypatch.setattr(subprocess, "run", lambda _, **options: run(crash, **options))
    monkeypatch.setattr(Artefact, "load", lambda *_: loaded.append(True))
    with pytest.raises(BrokenArtefact, match="exit status -11"):
        predictor.load(versions.directory(1), {})
    assert not loaded


def test_serving_makes_the_features_that_training_makes() -> None:
    """The same hours, through the database and through a frame, row for row."""

    def matrices() -> tuple[np.ndarray, np.ndarray]:
        frame = queries.observations_frame()
        hours = as_hours(frame["datetime"].to_numpy())[-500:]
        rows = frame.tail(500).to_dict("records")
        requests = [
            HourRequest(
                hour=int(hour),
                weather=WEATHER.index(row["weather"]),
                temperature=row["temperature"],
                humidity=row["humidity"],
                windspeed=row["windspeed"],
                holiday=bool(row["holiday"]),
                as_of=int(hour) - 24,
            )
            for hour, row in zip(hours, rows, strict=True)
        ]
        calendar, known = predictor.current().calendar, cache().current
        serving = features.build(predictor._rows(requests, known), known, calendar)
        past = History.from_frame(frame)
        return serving, features.build(observed_rows(past, hours, hours - 24), past, calendar)

    np.testing.assert_array_equal(*matrices())
    again = queries.records(queries.observations_frame().tail(50))
    queries.upsert_observations([row | {"rentals": 7, "weather": "mist"} for row in again])
    np.testing.assert_array_equal(*matrices())


def test_an_outage_of_the_database_is_named_and_heals(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> int:
        raise OperationalError("SELECT", {}, Exception("gone"))

    assert predictor.missing() == []
    with monkeypatch.context() as patch:
        patch.setattr(queries, "newest_activation", gone)
        assert predictor.missing() == ["the database can't be read"]
        assert ask().model_version == 1  # what is in memory still answers
    assert predictor.missing() == []
