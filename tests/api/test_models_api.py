"""Versions and trainings through HTTP."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp import retraining
from webapp.api.answers import Model, ModelPage, Run, RunPage
from webapp.errors import Conflict

RUN_ID = "0b9f5fd2-6c3f-4f0e-9a51-5d3a4f1f2c11"


def test_the_champion_is_shown(client: FlaskClient) -> None:
    champion = client.get("/api/model").json
    Model.model_validate(champion)
    assert champion["status"] == "champion"
    assert set(champion["holdout"]["metrics"]) == {
        "mae",
        "rmse",
        "r2",
        "bias",
        "coverage",
        "width",
    }


def test_without_a_champion_there_is_none_to_show(app_without_model: Flask) -> None:
    assert app_without_model.test_client().get("/api/model").status_code == 404


@pytest.mark.both_engines
def test_versions_are_listed(client: FlaskClient) -> None:
    page = client.get("/api/models").json
    ModelPage.model_validate(page)
    assert page["items"][0]["version"] == client.get("/api/model").json["version"]
    assert not client.get("/api/models?cursor=1").json["items"]


def test_activating_the_champion_changes_nothing(
    client: FlaskClient, admin: dict[str, str]
) -> None:
    champion = client.get("/api/model").json
    url = f"/api/models/{champion['version']}/activate"
    answer = client.post(url, json={"reason": "because"}, headers=admin)
    assert (answer.status_code, answer.json) == (200, champion)


def test_a_version_says_whether_its_artefact_is_there(
    client: FlaskClient, admin: dict[str, str], instance: Path
) -> None:
    assert client.get("/api/models").json["items"][0]["artefact"] is True
    shutil.rmtree(instance / "models" / "1")
    assert client.get("/api/models").json["items"][0]["artefact"] is False
    answer = client.post("/api/models/1/activate", json={"reason": "x"}, headers=admin)
    assert (answer.status_code, "was pruned" in answer.json["detail"]) == (409, True)


@pytest.mark.parametrize("reason", ["", "  ", "a\nb", "x" * 501, None, 1])
def test_an_activation_has_a_reason(
    client: FlaskClient, admin: dict[str, str], reason: object
) -> None:
    answer = client.post("/api/models/1/activate", json={"reason": reason}, headers=admin)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/reason"


@pytest.mark.parametrize("version", ["999", "0", "-1", "one", "9999999999"])
def test_an_unknown_version_is_not_found(
    client: FlaskClient, admin: dict[str, str], version: str
) -> None:
    url = f"/api/models/{version}/activate"
    assert client.post(url, json={"reason": "x"}, headers=admin).status_code == 404


def test_a_training_is_accepted(
    client: FlaskClient, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(trigger: str, **_: object) -> dict[str, Any]:
        return {"run_id": RUN_ID, "status": "queued", "trigger": trigger}

    monkeypatch.setattr(retraining, "start", start)
    answer = client.post("/api/retrain", headers=admin)
    assert (answer.status_code, answer.json) == (202, {"run_id": RUN_ID, "status": "queued"})
    assert answer.headers["Location"] == f"/api/retrain/{RUN_ID}"


@pytest.mark.both_engines
def test_a_training_in_the_way_is_named(
    client: FlaskClient, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(trigger: str, **_: object) -> dict[str, Any]:
        raise Conflict("A training is running already.", run_id=RUN_ID)

    monkeypatch.setattr(retraining, "start", start)
    answer = client.post("/api/retrain", headers=admin)
    assert (answer.status_code, answer.json["run_id"]) == (409, RUN_ID)


def test_a_training_takes_no_fields(client: FlaskClient, admin: dict[str, str]) -> None:
    answer = client.post("/api/retrain", json={"force": True}, headers=admin)
    assert answer.status_code == 422


def test_trainings_are_listed_and_shown(app: Flask, client: FlaskClient) -> None:
    from webapp import queries

    with app.app_context():
        if queries.active_run() is None:
            queries.add_run(RUN_ID, "admin", None)
    page = client.get("/api/retrain?limit=1").json
    RunPage.model_validate(page)
    run = client.get(f"/api/retrain/{page['items'][0]['run_id']}").json
    Run.model_validate(run)
    assert set(run) == set(Run.model_fields)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_training_is_not_found(
    client: FlaskClient, admin: dict[str, str], method: str
) -> None:
    for run_id in ("nobody", RUN_ID):
        answer = client.open(f"/api/retrain/{run_id}", method=method, headers=admin)
        assert answer.status_code == 404


def test_a_training_that_has_ended_is_not_cancelled(
    app: Flask, client: FlaskClient, admin: dict[str, str]
) -> None:
    from webapp import queries

    with app.app_context():
        queries.add_run(RUN_ID, "admin", None)
        queries.finish_run(RUN_ID, "failed", "It was a test.")
    assert client.delete(f"/api/retrain/{RUN_ID}", headers=admin).status_code == 409
