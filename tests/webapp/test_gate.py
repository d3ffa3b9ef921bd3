"""Which hours count as seen, and what cannot be judged."""

import time
from typing import Any

import pandas as pd
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from tests.conftest import add_version, receipt
from training.train import TrainingRejected
from webapp import gate, queries, retraining
from webapp.api.answers import RunReceipt
from webapp.models import ModelVersion


def test_a_version_has_seen_its_training_or_the_comparison_it_won(app: Flask) -> None:
    with app.app_context():
        assert gate._seen_to(1) == "2012-12-24T22:00:00"
        won = {"seen_to": "2012-12-31T23:00:00", "reason": "it won"}
        with queries.writing() as connection:
            connection.execute(update(ModelVersion).values(receipt=won))
        assert gate._seen_to(1) == "2012-12-31T23:00:00"


def test_a_rollback_is_not_undone_by_the_hours_that_it_overruled(app: Flask) -> None:
    with app.app_context():
        second = add_version(queries.observations_frame(), "kept")
        queries.activate(second, "training", "it won")
        won = receipt("promoted") | {"champion": {"mae": 50.0}, "seen_to": "2012-12-31T23:00:00"}
        with queries.writing() as connection:
            mine = update(ModelVersion).where(ModelVersion.version == second)
            connection.execute(mine.values(receipt=won))
        assert gate._activated_by_hand() is None
        retraining.activate(1, "the rush hour", "admin")
        assert gate._seen_to(1) == "2012-12-31T23:00:00"
        assert gate._activated_by_hand()["reason"] == "the rush hour"  # type: ignore[index]


def test_too_few_hours_are_counted_in_words(app: Flask) -> None:
    with app.app_context():
        assert gate._too_few(144, 1, "2012-12-24T22:00:00") is None
        assert gate._too_few(143, 1, "2012-12-24T22:00:00") == (
            "too few new hours to compare on: 143 are newer than what champion (version 1, to "
            "2012-12-24T22:00:00) and challenger have seen, 144 are needed"
        )


def test_what_does_not_answer_in_a_child_process_is_named(app: Flask, instance: Any) -> None:
    with app.app_context():
        behaviour, broken = gate._try_out(instance / "models" / "1", {}, None)  # type: ignore[arg-type]
    assert (behaviour, broken) == ([], "hour.onnx: its checksum is not the stored one")


def test_a_refusal_has_a_receipt(app: Flask) -> None:
    finding = {"check": "level", "first": "2012-12-18", "last": "2012-12-31", "detail": "tripled"}
    run = {"run_id": "1", "trigger": "cli", "requested_by": "root", "accept_data": False}
    with app.app_context():
        frame = queries.observations_frame()
        error = TrainingRejected("tripled", [finding])  # type: ignore[list-item]
        found = gate.refuse(run, frame, error, time.monotonic())
    RunReceipt.model_validate(found)
    assert (found["decision"], found["findings"]) == ("rejected", [finding])
    assert found["data"]["rows"] == len(frame) and found["challenger"] is None
    assert set(found) == {field.alias or name for name, field in RunReceipt.model_fields.items()}


def test_an_empty_history_has_a_receipt_too(app: Flask) -> None:
    run = {"run_id": "1", "trigger": "cli", "requested_by": None, "accept_data": False}
    with app.app_context():
        found = gate.refuse(run, pd.DataFrame(), TrainingRejected("nothing"), time.monotonic())
    assert found["data"] is None


def test_a_receipt_is_never_changed(app: Flask, client: FlaskClient, admin: dict[str, str]) -> None:
    with app.app_context():
        kept = add_version(queries.observations_frame(), "kept")
        before = [queries.receipt(version) for version in (1, kept)]
        for version in (kept, 1):
            url = f"/api/models/{version}/activate"
            assert client.post(url, json={"reason": "x"}, headers=admin).status_code == 200
        assert [queries.receipt(version) for version in (1, kept)] == before


@pytest.mark.parametrize("version", ["0", "99", "9999999999", "one"])
def test_an_unknown_version_has_no_receipt(client: FlaskClient, version: str) -> None:
    answer = client.get(f"/api/models/{version}/receipt")
    assert (answer.status_code, answer.json["status"]) == (404, 404)
