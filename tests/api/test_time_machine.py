"""What was said, or would have been, asked for again by `as_of` and `model_version`."""

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp import versions

NEWEST = dt.datetime(2012, 12, 31, 23)
REACH = 28 * 24
SAID = ("rentals", "interval", "as_of", "model_version")
Post = Any


def hour(ahead: int, **values: Any) -> dict[str, Any]:
    """Return a request for an hour after the newest observation."""
    moment = NEWEST + dt.timedelta(hours=ahead)
    weather = {"weather": "mist", "temperature": 4.5, "humidity": 70, "windspeed": 9}
    return {"datetime": moment.isoformat()} | weather | values


def observed(ahead: int, **values: Any) -> dict[str, Any]:
    """Return an observation of such an hour: other weather than was foreseen."""
    changed = {"weather": "light_precipitation", "temperature": 9.0 + ahead % 5}
    return hour(ahead, rentals=40 + abs(ahead) % 9) | changed | values


@pytest.fixture
def instance(two_versions: Path, tmp_path: Path) -> Path:
    """An instance folder whose champion is version 1; version 2 was kept."""
    return Path(shutil.copytree(two_versions, tmp_path / "instance"))


@pytest.fixture
def post(client: FlaskClient, admin: dict[str, str]) -> Post:
    """Post as the admin."""
    return lambda path, body: client.post(path, json=body, headers=admin)


def again(post: Post, said: dict[str, Any], ahead: int) -> dict[str, Any]:
    """Ask for a prediction again, by what its answer says."""
    asked = hour(ahead, as_of=said["as_of"], model_version=said["model_version"])
    answer = post("/api/predict", asked)
    assert answer.status_code == 200, answer.text
    return answer.json  # type: ignore[no-any-return]


def go_on(post: Post) -> None:
    """Let three days pass, with another champion."""
    items = [observed(ahead) for ahead in range(1, 73)]
    assert post("/api/observations", {"items": items}).status_code == 200
    assert post("/api/models/2/activate", {"reason": "next"}).status_code == 200


@pytest.mark.parametrize("ahead", [1, 24, 48])
def test_what_was_said_is_said_again(post: Post, ahead: int) -> None:
    said = post("/api/predict", hour(ahead)).json
    go_on(post)
    assert {name: again(post, said, ahead)[name] for name in SAID} == {n: said[n] for n in SAID}
    assert again(post, said, ahead)["warnings"] == said["warnings"] == []
    assert post("/api/predict", hour(ahead, as_of=said["as_of"])).json["model_version"] == "2"


def test_a_batch_is_said_again(post: Post) -> None:
    items = [hour(ahead, temperature=4 + ahead / 10) for ahead in range(1, 49)]
    said = post("/api/predict/batch", {"items": items}).json["items"]
    go_on(post)
    asked = {"items": items, "as_of": NEWEST.isoformat(), "model_version": "1"}
    more = post("/api/predict/batch", asked).json["items"]
    assert [[item[n] for n in SAID] for item in more] == [[item[n] for n in SAID] for item in said]
    assert all(item["warnings"] == [] for item in more)


def test_what_came_before_its_reach_changes_nothing(post: Post) -> None:
    said = post("/api/predict", hour(24)).json
    go_on(post)
    long_ago = observed(-REACH - 1, temperature=0.1)
    assert post("/api/observations", {"items": [long_ago]}).json["updated"] == 1
    assert {name: again(post, said, 24)[name] for name in SAID} == {n: said[n] for n in SAID}
    assert again(post, said, 24)["warnings"] == []


@pytest.mark.parametrize("back", [0, 20, REACH])
def test_a_revised_history_is_warned_of(post: Post, back: int) -> None:
    said = post("/api/predict", hour(24)).json
    post("/api/observations", {"items": [observed(-back, temperature=0.1)]})
    assert again(post, said, 24)["warnings"] == ["history_revised"]
    assert post("/api/predict", hour(24)).json["warnings"] == []  # it was not asked of the past


def test_the_same_again_is_no_revision(client: FlaskClient, post: Post) -> None:
    said = post("/api/predict", hour(24)).json
    items = client.get("/api/observations?limit=100").json["items"]
    assert post("/api/observations", {"items": items}).json["updated"] == 100
    assert again(post, said, 24)["warnings"] == []


def test_an_hour_told_late_is_a_revision(post: Post) -> None:
    post("/api/observations", {"items": [observed(2)]})
    said = post("/api/predict", hour(3)).json
    post("/api/observations", {"items": [observed(1)]})
    assert again(post, said, 3)["warnings"] == ["history_revised"]


def test_another_than_the_champion_is_a_what_if(client: FlaskClient, post: Post) -> None:
    for version, source in (("1", "live"), ("2", "whatif")):
        said = post("/api/predict", hour(1, model_version=version)).json
        assert said["model_version"] == version
        stored = client.get(f"/api/predictions/{said['prediction_id']}").json
        assert (stored["source"], stored["input"]["model_version"]) == (source, version)


def test_another_version_explains_itself(post: Post) -> None:
    said = post("/api/predict?explain=true", hour(1, model_version="2")).json
    assert sum(said["contributions"].values()) == pytest.approx(said["rentals"])


@pytest.mark.parametrize("path", ["/api/predict", "/api/predict/batch"])
@pytest.mark.parametrize("version", ["99", "01", "", "one", 1, "9" * 10])
def test_an_unknown_version_is_pointed_at(client: FlaskClient, path: str, version: Any) -> None:
    asked = {"items": [hour(1)]} if path.endswith("batch") else hour(1)
    answer = client.post(path, json=asked | {"model_version": version})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == ["/model_version"]


@pytest.mark.parametrize("damage", ["broken", "pruned"])
def test_what_is_gone_says_nothing(app: Flask, post: Post, damage: str) -> None:
    with app.app_context():
        folder = versions.directory(2)
    assert post("/api/predict", hour(1, model_version="2")).status_code == 200
    if damage == "pruned":
        shutil.rmtree(folder)
    else:
        app.extensions["predictor"].others._ready.clear()
        Path(folder / "week.onnx").write_bytes(b"no forest")
    answer = post("/api/predict", hour(1, model_version="2"))
    assert answer.status_code == 409
    assert "This model can't answer" in answer.json["detail"]
    assert post("/api/predict", hour(1)).status_code == 200
