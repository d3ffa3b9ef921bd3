"""What Prometheus reads."""

import json
import re
import time
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from webapp import journal, queries
from webapp.config import ROOT
from webapp.errors import Unavailable
from webapp.metrics import WorkerCounter

HOUR = {"datetime": "2012-12-25T08:00:00", "weather": "clear"}
HOUR |= {"temperature": 3.3, "humidity": 81, "windspeed": 0}


def samples(client: FlaskClient) -> dict[tuple[str, ...], float]:
    """Return the samples by name and label values."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def exported(client: FlaskClient) -> set[str]:
    """Return the names as a table lists them: a histogram is one, a counter ends in _total."""
    client.post("/api/predict", json=HOUR)
    return {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(client.get("/metrics").text)
    }


def test_requests_are_counted_by_route_and_status(client: FlaskClient) -> None:
    for _ in range(3):
        client.get("/healthz")
    client.get("/api/predictions/nobody")
    found = samples(client)
    assert found["vlib_requests_total", "GET", "/healthz", "200"] == 3
    assert found["vlib_requests_total", "GET", "unknown", "404"] == 1
    assert found["vlib_request_seconds_count", "/healthz"] == 3
    assert found["vlib_request_seconds_bucket", "+Inf", "/healthz"] == 3


def test_a_refused_request_is_counted(app: Flask, client: FlaskClient) -> None:
    app.config["VLIB_ACCESS"] = "token"
    client.get("/api/model")
    assert samples(client)["vlib_requests_total", "GET", "/api/model", "401"] == 1


def test_predictions_are_counted_by_version_and_source(client: FlaskClient) -> None:
    client.post("/api/predict", json=HOUR)
    later = HOUR | {"datetime": "2099-01-01T00:00"}
    client.post("/api/predict/batch", json={"items": [HOUR, later, {}]})
    found = samples(client)
    assert found["vlib_predictions_total", "1", "whatif"] == 2
    assert found["vlib_predictions_total", "1", "live"] == 1


def test_what_could_not_be_stored_is_not_counted(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **_how: object) -> None:
        raise Unavailable("full")

    monkeypatch.setattr(journal.Journal, "store", fail)
    assert client.post("/api/predict", json=HOUR).status_code == 503
    assert ("vlib_predictions_total", "1", "whatif") not in samples(client)


@pytest.mark.both_engines
def test_trainings_are_counted_by_status(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        queries.add_run("run", "cli", None)
    found = samples(client)
    assert found["vlib_training_active",] == 1
    assert found["vlib_training_runs", "queued"] == found["vlib_training_runs", "promoted"] == 1
    age = time.time() - found["vlib_last_training_timestamp_seconds", "promoted"]
    assert 0 < age < 24 * 3600
    assert ("vlib_last_training_timestamp_seconds", "queued") not in found


def test_the_readme_lists_what_is_exported(client: FlaskClient) -> None:
    rows = re.findall(r"^\| .*vlib_.*", (ROOT / "README.md").read_text(), re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`(vlib_\w+)", row)}
    assert listed == exported(client)


def test_the_dashboard_asks_for_what_is_exported(client: FlaskClient) -> None:
    board = json.loads((ROOT / "docs" / "grafana.json").read_text())
    asked = {
        re.sub("_(bucket|sum|count)$", "", name)
        for panel in board["panels"]
        for target in panel.get("targets", [])
        for name in re.findall(r"vlib_\w+", target["expr"])
    }
    assert asked == exported(client)
    sources = {str(panel["datasource"]) for panel in board["panels"] if "targets" in panel}
    assert sources == {str({"type": "prometheus", "uid": "${datasource}"})}


def test_every_name_begins_with_vlib(client: FlaskClient) -> None:
    assert all(name.startswith("vlib_") for name, *_ in samples(client))


@pytest.mark.both_engines
def test_the_state_is_shown(client: FlaskClient) -> None:
    found = samples(client)
    assert found["vlib_champion_version",] == int(client.get("/api/model").json["version"])
    assert found["vlib_training_active",] == 0
    assert found["vlib_newest_observation_age_seconds",] > 0


@pytest.mark.both_engines
def test_live_error_is_told_by_horizon(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = queries.LiveScore(hours=3, mae=12.5, coverage=0.75, baseline_mae=None)
    monkeypatch.setattr(queries, "live_scores", lambda: {24: score})
    found = samples(client)
    assert found["vlib_live_mae", "24"] == 12.5
    assert found["vlib_live_coverage", "24"] == 0.75


def test_the_readme_names_every_metric(client: FlaskClient) -> None:
    client.get("/healthz")
    text = (Path(__file__).parents[2] / "README.md").read_text()
    families = text_string_to_metric_families(client.get("/metrics").text)
    suffix = {"counter": "_total"}
    names = {family.name + suffix.get(family.type, "") for family in families}
    assert {name for name in names if f"`{name}" not in text} == set()


@pytest.mark.both_engines
def test_a_missing_database_is_shown(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr(queries, "champion", fail)
    assert samples(client)["vlib_database_up",] == 0


def test_ready_is_shown(app_without_model: Flask, client: FlaskClient) -> None:
    assert samples(client)["vlib_ready",] == 1
    assert samples(app_without_model.test_client())["vlib_ready",] == 0


def test_workers_are_added_up_and_a_dead_ones_files_are_taken_over(
    app: Flask, client: FlaskClient
) -> None:
    client.get("/healthz")
    folder = Path(app.instance_path) / "metrics"
    for expected in (2, 3):
        worker = WorkerCounter(folder)
        worker.add("GET", "/healthz", 200, 0.1)
        assert samples(client)["vlib_requests_total", "GET", "/healthz", "200"] == expected
        del worker  # its lock goes with it, as at the end of a process
    assert len(list(folder.glob("counter_*.db"))) == 2


def test_two_apps_count_for_themselves(tmp_path: Path) -> None:
    one, other = WorkerCounter(tmp_path / "one"), WorkerCounter(tmp_path / "other")
    one.add("GET", "/", 200, 0.0)
    assert b"/" not in (tmp_path / "other" / "counter_0.db").read_bytes()
    assert other.pid == one.pid


def test_a_folder_that_cant_be_written_costs_no_request(app: Flask) -> None:
    (Path(app.instance_path) / "metrics").write_text("in the way")
    assert app.test_client().get("/healthz").status_code == 200
