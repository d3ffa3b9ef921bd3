"""Reading and writing the tables, on SQLite and, where one is named, on PostgreSQL."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from webapp import queries
from webapp.extensions import db

HOUR = dt.datetime(2012, 12, 25, 8)


def observation(hour: dt.datetime = HOUR, **values: Any) -> dict[str, Any]:
    weather = {"weather": "clear", "temperature": 3.3, "humidity": 81.0, "windspeed": 0.0}
    return {"datetime": hour, "rentals": 40} | weather | values


def prediction(number: int, **values: Any) -> dict[str, Any]:
    return {
        "id": f"{number:036d}",
        "datetime": HOUR,
        "as_of": HOUR - dt.timedelta(hours=1),
        "horizon": 1,
        "model_version": 1,
        "source": "live",
        "rentals": 50.0,
        "lower": 30.0,
        "upper": 80.0,
        "baseline": 45.0,
        "input": {"weather": "clear", "temperature": 3.3},
        "warnings": [],
        "requested_at": dt.datetime(2012, 12, 25, 7),
    } | values


pytestmark = pytest.mark.both_engines


@pytest.fixture
def database(app_without_model: Flask) -> Iterator[Flask]:
    """An application on an empty, migrated database."""
    with app_without_model.app_context():
        yield app_without_model


@pytest.fixture
def version(database: Flask) -> int:
    """A champion's number."""
    run = {"status": "promoted", "reason": "the first"}
    model = {"decision": "promoted", "trained_at": HOUR, "training": {}, "holdout": {}}
    model |= {"checksums": {"week.onnx": "0"}, "receipt": {}}
    queries.add_run("run", "first", None)
    with queries.finishing("run", run, model, [prediction(0, source="backtest")]) as version:
        pass
    return version


def test_migrations_make_the_tables_of_the_models(database: Flask) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


def test_the_same_hour_again_replaces_it(database: Flask) -> None:
    assert queries.upsert_observations([observation()]) == (1, 0)
    again = [observation(rentals=41), observation(HOUR + dt.timedelta(hours=1))]
    assert queries.upsert_observations(again) == (1, 1)
    items, _ = queries.list_observations(None, None, 10, None)
    assert [item["rentals"] for item in items] == [40, 41]


def test_an_estimate_gives_way_to_a_count_and_never_the_other_way(database: Flask) -> None:
    said = []
    for estimated, rentals in ((True, 30), (True, 31), (False, 31), (True, 99)):
        queries.upsert_observations([observation(rentals=rentals, estimated=estimated)])
        (item,) = queries.list_observations(None, None, 10, None)[0]
        said.append((item["rentals"], item["estimated"]))
    assert said == [(30, True), (31, True), (31, False), (31, False)]
    assert queries.estimated_hours() == set()


def test_of_one_hour_twice_in_a_batch_the_last_counts(database: Flask) -> None:
    assert queries.upsert_observations([observation(), observation(rentals=7)]) == (1, 0)
    assert queries.list_observations(None, None, 10, None)[0][0]["rentals"] == 7


def test_what_changed_is_found_by_its_revision(database: Flask) -> None:
    queries.upsert_observations([observation()])
    revision, rows = queries.observations_since(0)
    assert len(rows) == 1
    assert queries.observations_since(revision) == (revision, [])
    queries.upsert_observations([observation(rentals=99)])
    assert queries.observations_since(revision)[1][0].rentals == 99


def test_an_import_that_replaces_leaves_nothing_of_the_history_before(
    database: Flask, version: int
) -> None:
    queries.upsert_observations([observation(), observation(HOUR + dt.timedelta(hours=1))])
    queries.activate(version, "cli", "it served")
    revision, _ = queries.observations_since(0)
    taken = {"source": "own", "replaced": True, "file": "f.csv", "sha256": "0", "city": "Neustadt"}
    place = {"timezone": "Europe/Berlin", "holidays": "DE"}
    assert queries.upsert_observations([observation(rentals=5)], taken | place) == (1, 0)
    newest, rows = queries.observations_since(0)
    assert (newest > revision, [row.rentals for row in rows]) == (True, [5])
    assert (queries.champions(), queries.prediction_span()) == ([], None)
    assert queries.list_models()[0]["status"] == "rejected"
    imported = queries.newest_import()
    assert imported is not None
    assert (imported["id"], imported["inserted"]) == (queries.history_start(), 1)


def test_pages_follow_each_other_without_gap_or_repeat(database: Flask, version: int) -> None:
    queries.insert_predictions([prediction(number) for number in range(1, 6)])
    seen, cursor = [], None
    while True:
        items, cursor = queries.list_predictions(None, None, None, "live", 2, cursor)
        seen += [int(item["prediction_id"]) for item in items]
        if cursor is None:
            break
    assert seen == [5, 4, 3, 2, 1]


@pytest.mark.usefixtures("version")
def test_many_predictions_take_few_statements() -> None:
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    queries.insert_predictions([prediction(number) for number in range(1, 701)])
    assert len(statements) < 20
    items, _ = queries.list_predictions(None, None, None, "live", 1000, None)
    assert [int(item["prediction_id"]) for item in items] == [*range(700, 0, -1)]


def test_a_prediction_is_found_beside_what_happened(database: Flask, version: int) -> None:
    queries.upsert_observations([observation()])
    queries.insert_predictions([prediction(1)])
    found = queries.get_prediction(f"{1:036d}")
    assert found is not None
    assert (found["rentals"], found["actual"], found["source"]) == (50.0, 40, "live")
    assert found["requested_at"] == "2012-12-25T07:00:00.000Z"


def test_the_last_prediction_of_an_hour_counts(database: Flask, version: int) -> None:
    queries.insert_predictions([prediction(1), prediction(2, rentals=60.0)])
    frame = queries.predictions_frame(sources=["live"], horizon=1)
    assert frame["predicted"].tolist() == [60.0]
    assert frame["weather"].tolist() == ["clear"]


def test_live_error_counts_the_last_live_prediction_of_each_hour_and_horizon(
    database: Flask, version: int
) -> None:
    queries.upsert_observations([observation(rentals=40), observation(HOUR - queries.WEEK)])
    live = [
        prediction(1, rentals=400.0),
        prediction(2, rentals=50.0, baseline=46.0),
        prediction(3, rentals=10.0, lower=5.0, upper=15.0, baseline=None, horizon=24),
        prediction(4, rentals=99.0, horizon=2),  # no horizon that counts
        prediction(5, rentals=99.0, source="replay"),
        prediction(6, rentals=99.0, datetime=HOUR - queries.WEEK),  # a week ago
    ]
    queries.insert_predictions(live)
    assert queries.live_scores() == {
        1: queries.LiveScore(hours=1, mae=10.0, coverage=1.0, baseline_mae=6.0),
        24: queries.LiveScore(hours=1, mae=30.0, coverage=0.0, baseline_mae=None),
    }
    assert queries.live_scores(days=8)[1] == (2, 34.5, 1.0, 5.5)


def test_estimated_hours_can_be_left_out_of_live_error(database: Flask, version: int) -> None:
    before = HOUR - dt.timedelta(hours=1)
    queries.upsert_observations([observation(), observation(before, estimated=True)])
    queries.insert_predictions([prediction(1), prediction(2, datetime=before)])
    assert queries.live_scores()[1].hours == 2
    assert queries.live_scores(counted=True)[1].hours == 1


def test_without_hours_there_is_no_live_error(database: Flask) -> None:
    assert queries.live_scores() == {}


def test_an_unfinished_version_leaves_nothing(database: Flask) -> None:
    queries.add_run("run", "cli", None)
    model = {"decision": "promoted", "trained_at": HOUR, "training": {}, "holdout": {}}
    model |= {"checksums": {}, "receipt": {}}
    with pytest.raises(OSError, match="disk"):
        with queries.finishing("run", {"status": "kept", "reason": ""}, model, [prediction(1)]):
            raise OSError("disk full")
    assert queries.list_models() == []
    run = queries.get_run("run")
    assert run is not None
    assert run["status"] == "queued"


def test_one_run_is_active_at_most(database: Flask) -> None:
    queries.add_run("one", "cli", None)
    with pytest.raises(IntegrityError):
        queries.add_run("two", "cli", None)
    assert queries.finish_run("one", "kept", "no better")
    queries.add_run("two", "cli", None)


def test_a_run_that_has_ended_stays_as_it_is(database: Flask) -> None:
    queries.add_run("run", "cli", None)
    queries.finish_run("run", "cancelled", "on request")
    assert not queries.finish_run("run", "promoted", "better")
    queries.update_run("run", stage="fitting")
    run = queries.get_run("run")
    assert run is not None
    assert (run["status"], run["stage"]) == ("cancelled", None)


def test_the_newest_activation_names_the_champion(database: Flask, version: int) -> None:
    queries.add_run("next", "cli", None)
    model = {"decision": "kept", "trained_at": HOUR, "training": {}, "holdout": {}}
    model |= {"checksums": {}, "receipt": {}}
    run = {"status": "kept", "reason": "no better"}
    with queries.finishing("next", run, model, [prediction(9)]) as kept:
        pass
    assert [item["status"] for item in queries.list_models()] == ["kept", "champion"]
    queries.activate(kept, "admin", "try it")
    assert [item["status"] for item in queries.list_models()] == ["champion", "former"]


def test_an_idempotency_key_has_one_row(database: Flask) -> None:
    first = queries.idempotency_begin("key", "hash")
    assert (first["new"], first["status"]) == (True, None)
    second = queries.idempotency_begin("key", "hash")
    assert second == first | {"new": False}
    queries.idempotency_finish("key", 200, "{}")
    again = queries.idempotency_begin("key", "other")
    assert (again["status"], again["body"], again["request_sha256"]) == (200, "{}", "hash")


def test_a_prediction_is_added_once(version: int) -> None:
    queries.insert_predictions([prediction(1)])
    stored = queries.get_prediction(prediction(1)["id"])
    line = prediction(1, rentals=99.0) | {"input": "{}", "warnings": "[]"}
    values = [
        str(v) if isinstance(v := line.get(name), dt.datetime) else v for name in queries.PREDICTED
    ]
    queries.add_predictions([values, values])
    assert queries.get_prediction(prediction(1)["id"]) == stored
    values[0] = prediction(2)["id"]
    queries.add_predictions([values, values])
    added = queries.get_predictions([values[0], "unknown"])[values[0]]
    assert (added["rentals"], added["datetime"]) == (99.0, stored["datetime"])


def test_a_backup_holds_what_was_stored(database: Flask, tmp_path: Path) -> None:
    import pysqlite3

    queries.upsert_observations([observation()])
    if db.engine.dialect.name != "sqlite":
        with pytest.raises(queries.CannotBackUp):
            queries.backup(tmp_path / "copy.db")
        return
    queries.backup(tmp_path / "copy.db")
    copy = pysqlite3.connect(str(tmp_path / "copy.db"))
    assert copy.execute("SELECT count(*) FROM observations").fetchone() == (1,)
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    copy.close()


@pytest.mark.parametrize("hours", [None, HOUR])
def test_no_page_looks_through_too_many(
    database: Flask, version: int, monkeypatch: pytest.MonkeyPatch, hours: dt.datetime | None
) -> None:
    monkeypatch.setattr(queries, "WALKED", 4)
    sources = ["replay", *["live"] * 8, "replay"]
    queries.insert_predictions(
        [prediction(number, source=source) for number, source in enumerate(sources, 1)]
    )
    pages, cursor = [], None
    while not pages or cursor:
        items, cursor = queries.list_predictions(hours, None, None, "replay", 2, cursor)
        pages.append([int(item["prediction_id"]) for item in items])
    assert pages == [[10], [], [1]]


def test_what_was_told_is_found_by_source_even_if_it_was_pruned(version: int) -> None:
    humid = {"weather": "mist", "humidity": 90.0, "holiday": True}
    replayed = prediction(9, source="replay", rentals=60.0, input=humid)
    queries.insert_predictions([prediction(8), replayed])
    found = queries.told(HOUR, 1, version, ["live", "replay"])
    assert found is not None
    assert (found["source"], found["rentals"], found["input"]["temperature"]) == ("live", 50.0, 3.3)
    only = queries.told(HOUR, 1, version, ["replay"])
    assert only is not None and only["input"] == humid
    assert queries.told(HOUR, 24, version, ["live"]) is None
    queries.delete_predictions([f"{number:036d}" for number in (8, 9)])
    pruned = queries.told(HOUR, 1, version, ["replay"])
    assert pruned is not None and pruned["rentals"] == 60.0
    weather = {"weather": "mist", "humidity": 90.0, "temperature": None, "windspeed": None}
    assert pruned["input"] == weather


def test_hours_of_one_batch_are_found_by_its_moment(version: int) -> None:
    later = HOUR + dt.timedelta(hours=1)
    moment = dt.datetime(2012, 12, 25, 7, 0, 0, 1)
    other = prediction(7, datetime=later, requested_at=moment)
    queries.insert_predictions([prediction(8), other])
    span = HOUR, later + dt.timedelta(hours=1)
    assert [row["datetime"] for row in queries.told_with(*span, moment)] == [later]
