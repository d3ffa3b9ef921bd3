"""An instance with four months of real hours and a tiny champion, copied for each test."""

import shutil
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import make_url
from werkzeug.serving import make_server

from tests import postgres
from tests.postgres import ENGINES
from training import artefact, model, sources, tracking, train
from training.calendar import Calendar
from training.evaluate import metrics
from training.history import History
from training.intervals import Intervals
from training.quantiles import Quantiles
from webapp import create_app, importing, predictor, queries, startup, trainer, versions
from webapp.api.answers import RunReceipt
from webapp.extensions import db

TOKEN = "the-admins-token"
SETTINGS = {"TESTING": True, "VLIB_ADMIN_TOKEN": TOKEN, "VLIB_REFRESH_SECONDS": 0}
HOLDOUT_HOURS = 7 * 24


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let ``pytest tests/faults --rounds 20`` do each fault twenty times."""
    parser.addoption("--rounds", type=int, default=3, help="how often each of tests/faults is done")


def make_app(instance: Path, **settings: Any) -> Flask:
    """Build an application on an instance folder."""
    return create_app(SETTINGS | {"VLIB_INSTANCE_PATH": str(instance)} | settings)


def tiny_champion(directory: Path, history: History) -> dict[str, str]:
    """Train in a second what the real training takes minutes for; return the checksums."""
    calendar = Calendar("US-DC")
    seen, held = history.hours[:-HOLDOUT_HOURS], history.hours[-HOLDOUT_HOURS:]
    fitted = model.pipeline(trees=5).fit(*model.training_data(seen, history, calendar))
    matrix, rentals = model.training_data(held, history, calendar)
    level = model.level_of(fitted)
    predicted = fitted.predict(matrix)
    intervals = Intervals.fit(rentals, predicted, matrix, level)
    quantiles = Quantiles.fit(rentals, predicted, matrix, intervals)
    ranges = {"temperature": [-10.0, 40.0], "humidity": [0.0, 100.0], "windspeed": [0.0, 60.0]}
    about = {"ranges": ranges, "quantiles": quantiles.to_dict()}
    return artefact.save(directory, fitted, intervals, about)


def receipt(decision: str) -> dict[str, Any]:
    """Return a receipt of nothing that was measured."""
    settings = {"level": 0.95, "slice": 0.1, "least_hours": 144, "resamples": 1000}
    names = (field.alias or name for name, field in RunReceipt.model_fields.items())
    return dict.fromkeys(names) | {
        "decision": decision,
        "reason": "made for the tests",
        "decided_at": "2012-12-25T08:00:00Z",
        "run_id": f"run-{decision}",
        "trigger": "first",
        "accepted": False,
        "findings": [],
        "settings": settings | {"coverage_band": [0.8, 0.98]},
        "git_revision": "unknown",
        "seconds": 1.0,
    }


def add_version(frame: pd.DataFrame, decision: str = "promoted") -> int:
    """Store a tiny model as `trainer` stores a real one; return its number."""
    history = History.from_frame(frame)
    directory = versions.folder() / f".{decision}"
    checksums = tiny_champion(directory, history)
    served = artefact.Artefact.load(directory, checksums)
    held = history.hours[-HOLDOUT_HOURS:]
    scored = train.backtest(served, history, Calendar("US-DC"), held)
    day_ahead = scored[scored["horizon"] == 24]
    columns = ("actual", "predicted", "lower", "upper")
    score = metrics(*(day_ahead[name].to_numpy(float) for name in columns))
    hours = frame["datetime"]
    span = {"from": hours.iloc[0].isoformat(), "to": hours.iloc[-HOLDOUT_HOURS - 1].isoformat()}
    holdout = {"from": hours.iloc[-HOLDOUT_HOURS].isoformat(), "to": hours.iloc[-1].isoformat()}
    version = {
        "decision": decision,
        "trained_at": queries.utcnow(),
        "mlflow_run_id": "0" * 32,
        "mlflow_version": None,
        "training": span | {"rows": len(frame) - HOLDOUT_HOURS, "data_sha256": "0" * 64},
        "holdout": holdout
        | {"metrics": score, "baseline": score}
        | {"horizons": {"24": score}, "baseline_horizons": {}},
        "checksums": checksums,
        "receipt": receipt(decision),
    }
    outcome = {"status": decision, "reason": "made for the tests", "metrics": score}
    rows = trainer.backtest_rows(scored)
    queries.add_run(f"run-{decision}", "first", None)  # as late: a scheduler would abandon it
    with queries.finishing(f"run-{decision}", outcome, version, rows) as number:
        directory.rename(versions.directory(number))
    predictor.load(versions.directory(number), checksums)  # no copy has to be tried in a child
    return number


@contextmanager
def serving(app: Flask, **options: Any) -> Iterator[str]:
    """Let an application answer on a free port, in threads of this process; give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, **options)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def mlflow_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store of MLflow's, to copy into instance folders: to make one takes seconds."""
    store = tmp_path_factory.mktemp("store") / "mlflow.db"
    with warnings.catch_warnings(action="ignore"):  # importing mlflow warns of much
        tracking.make_store(store)
    return store


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instance folder that tests get copies of."""
    instance = tmp_path_factory.mktemp("template")
    app = make_app(instance)
    with app.app_context():
        (instance / "models").mkdir()
        startup.upgrade_database()
        frame = sources.embedded_history().tail(120 * 24).reset_index(drop=True)
        queries.upsert_frame(frame, importing.demo())
        add_version(frame)
        db.engine.dispose()  # writes the WAL back, so that the copied file is whole
    return instance


@pytest.fixture(scope="session")
def two_versions(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder with a version 2 of less history that was kept, to copy."""
    instance = Path(shutil.copytree(template, tmp_path_factory.mktemp("two") / "instance"))
    with make_app(instance).app_context():
        add_version(queries.observations_frame().head(-14 * 24), "kept")
        db.engine.dispose()
    return instance


@pytest.fixture
def instance(template: Path, tmp_path: Path) -> Path:
    """An instance folder with a champion, for this test alone."""
    return Path(shutil.copytree(template, tmp_path / "instance"))


@pytest.fixture(scope="session")
def empty_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a migrated PostgreSQL database, to copy."""
    with postgres.database() as uri:
        app = make_app(tmp_path_factory.mktemp("empty"), VLIB_DATABASE_URI=uri)
        with app.app_context():
            startup.upgrade_database()
            db.engine.dispose()
        yield str(make_url(uri).database)


@pytest.fixture(scope="session")
def full_postgres(template: Path, empty_postgres: str) -> Iterator[str]:
    """The name of a PostgreSQL database that holds what the template's does, to copy."""
    with postgres.database(empty_postgres) as uri:
        source, target = make_app(template), make_app(template, VLIB_DATABASE_URI=uri)
        postgres.copy(source, target)
        for app in (source, target):
            with app.app_context():
                db.engine.dispose()
        yield str(make_url(uri).database)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The database's kind: both, one after the other, for tests marked `both_engines`."""
    return str(getattr(request, "param", "sqlite"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests marked `both_engines` on both, those marked `postgres` on that."""
    marked = {marker.name for marker in metafunc.definition.iter_markers()}
    engines = ENGINES[1:] if "postgres" in marked else ENGINES if "both_engines" in marked else ()
    if "engine" in metafunc.fixturenames and engines:
        metafunc.parametrize("engine", engines, indirect=True)


@contextmanager
def running_on(
    instance: Path, engine: str, request: pytest.FixtureRequest, template: str
) -> Iterator[Flask]:
    """Give the application on an instance folder and, if it is to be, on a PostgreSQL."""
    with ExitStack() as stack:
        settings = {}
        if engine == "postgresql":
            database = postgres.database(request.getfixturevalue(template))
            settings["VLIB_DATABASE_URI"] = stack.enter_context(database)
        app = make_app(instance, **settings)
        yield app
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(instance: Path, engine: str, request: pytest.FixtureRequest) -> Iterator[Flask]:
    """The application on an instance with a champion."""
    with running_on(instance, engine, request, "full_postgres") as app:
        yield app


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated instance folder without hours or models, to copy."""
    instance = tmp_path_factory.mktemp("empty")
    (instance / "models").mkdir()
    with make_app(instance).app_context():
        startup.upgrade_database()
        db.engine.dispose()
    return instance


@pytest.fixture
def app_without_model(
    empty: Path, tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> Iterator[Flask]:
    """The application on a migrated instance without hours or models."""
    shutil.copytree(empty, tmp_path, dirs_exist_ok=True)
    with running_on(tmp_path, engine, request, "empty_postgres") as app:
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the application."""
    return app.test_client()


@pytest.fixture
def admin() -> dict[str, str]:
    """The headers of an admin."""
    return {"Authorization": f"Bearer {TOKEN}"}
