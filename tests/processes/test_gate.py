"""The gate in real training processes: a promotion, spoilt history, too few new hours."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import add_version, make_app
from tests.processes.conftest import wait_for
from training.artefact import check_files
from webapp import queries, retraining
from webapp.api.answers import Receipt, Run
from webapp.extensions import db

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")


@pytest.fixture
def app(instance: Path, mlflow_store: Path) -> Iterator[Flask]:
    """An instance whose champion, version 2 of five trees, knows no more than two months."""
    shutil.copy(mlflow_store, instance)
    store = (instance / "shared").as_uri()
    settings = {"VLIB_PROMOTION_LEVEL": 0.5, "VLIB_PROMOTION_SLICE": 9.0}
    app = make_app(instance, VLIB_ARTEFACT_STORE=store, **settings)
    with app.app_context():
        version = add_version(queries.observations_frame().head(60 * 24), "kept")
        retraining.activate(version, "it is easily beaten", "cli")
        yield app
        db.engine.dispose()


def train(**asked: object) -> dict[str, object]:
    """Train in a process of its own, with the effort of a first champion; return the run."""
    run_id = retraining.start("first", **asked)["run_id"]  # type: ignore[arg-type]
    wait_for(lambda: queries.active_run() is None, 300)
    run = queries.get_run(run_id)
    assert run is not None
    return run


def logged(instance: Path, decision: str) -> dict[str, object]:
    """Return the receipt that MLflow has of the only run with this decision."""
    (file,) = [
        path
        for path in (instance / "mlartifacts").rglob("receipt.json")
        if json.loads(path.read_text())["decision"] == decision
    ]
    found: dict[str, object] = json.loads(file.read_text())
    return found


def test_promoted_then_rejected_then_accepted_and_kept(app: Flask, instance: Path) -> None:
    client = app.test_client()
    promoted = train(requested_by="admin token")
    assert promoted["status"] == "promoted", promoted["reason"]
    receipt = client.get("/api/models/3/receipt").json
    Receipt.model_validate(receipt)
    assert (receipt["champion_version"], receipt["hours"]) == ("2", 670)
    assert receipt["from"] > receipt["data"]["to"] and receipt["seen_to"] == "2012-12-31T23:00:00"
    assert receipt["requested_by"] == "admin token" and not receipt["accepted"]
    assert receipt["champion_by_hand"]["reason"] == "it is easily beaten"
    assert "; this undoes the activation of version 2 by cli" in receipt["reason"]
    assert receipt == {"version": "3"} | logged(instance, "promoted")
    check_files(instance / "shared" / str(promoted["mlflow_run_id"]), queries.checksums(3))

    frame = queries.observations_frame()
    newest = frame["datetime"] >= "2012-12-18"
    queries.upsert_frame(frame[newest].assign(humidity=77))
    rejected = train()
    assert (rejected["status"], rejected["model_version"]) == ("rejected", None)
    assert "2012-12-18 to 2012-12-31: 334 hours in a row have humidity" in str(rejected["reason"])
    shown = client.get(f"/api/retrain/{rejected['run_id']}").json
    Run.model_validate(shown)
    assert shown["receipt"] == logged(instance, "rejected")

    kept = train(accept_data=True)
    assert kept["status"] == "kept"
    assert str(kept["reason"]).startswith("too few new hours to compare on: 0 are newer")
    accepted = client.get("/api/models/4/receipt").json
    assert accepted["accepted"] and [item["check"] for item in accepted["findings"]] == ["stuck"]
    assert client.get("/api/models/3/receipt").json == receipt
