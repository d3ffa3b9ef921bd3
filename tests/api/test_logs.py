"""The lines of the log: one a request, and nothing in them that a client sent."""

import errno
import io
import json
import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError

from webapp import logs, queries

SECRET = "Zq9xSECRETx9qZ"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return a function that reads what was logged, as a server writes it."""
    stream = io.StringIO()
    monkeypatch.setattr(logs, "sys", SimpleNamespace(stderr=stream))
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JSONFormatter())
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logs.requests.disabled = False
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(before)


Lines = Callable[[], list[dict[str, Any]]]


def test_a_request_is_one_line(client: FlaskClient, lines: Lines) -> None:
    client.get("/api/predictions?limit=1", headers={"X-Request-ID": "mine"})
    (line,) = lines()
    assert line.pop("ms") > 0
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "vlib.requests",
        "request_id": "mine",
        "method": "GET",
        "route": "/api/predictions",
        "status": 200,
    }


def test_a_full_disk_costs_a_line_and_no_answer(
    client: FlaskClient, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(write=Mock(side_effect=OSError(errno.ENOSPC, "full")))
    monkeypatch.setattr(logs.sys, "stderr", full)
    assert client.get("/healthz").status_code == 200
    assert full.write.called


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", f"/api/{SECRET}?a={SECRET}", "unknown", 404),
        ("GET", f"/api/predictions/{SECRET}", "unknown", 404),
        ("BREW", "/api/predict", "unknown", 405),
        ("GET", f"/api/predictions?source={SECRET}", "/api/predictions", 422),
        ("POST", "/api/retrain", "/api/retrain", 401),
        ("POST", f"/api/predict?{SECRET}={SECRET}", "/api/predict", 413),
    ],
)
def test_a_refused_request_is_a_line_that_says_nothing_of_it(
    client: FlaskClient, lines: Lines, method: str, path: str, route: str, status: int
) -> None:
    if status == 413:
        path = path.split("?")[0]
    body = SECRET * 2000
    headers = {"Authorization": f"Bearer {SECRET}", "Cookie": f"vlib_access={SECRET}"}
    answer = client.open(path, method=method, data=body, headers=headers)
    (line,) = [line for line in lines() if line["logger"] == "vlib.requests"]
    assert (answer.status_code, line["route"], line["status"]) == (status, route, status)
    assert SECRET not in str(lines())


def test_a_failure_is_a_line_beside_its_traceback(
    client: FlaskClient, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("broken\n")

    monkeypatch.setattr(queries, "champion", fail)
    answer = client.get("/api/model")
    failure, asked = lines()
    assert failure["request_id"] == asked["request_id"] == answer.headers["X-Request-ID"]
    assert (failure["level"], asked["status"]) == ("ERROR", 500)
    assert "RuntimeError: broken" in failure["exception"]


def test_what_the_database_refuses_is_not_logged_with_its_values(app: Flask) -> None:
    with app.app_context():
        queries.add_run("first", "cli", None)
        with pytest.raises(IntegrityError) as caught:
            queries.add_run(SECRET, "cli", None)
    assert SECRET not in str(caught.value)


def test_the_time_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    record = logging.LogRecord("a", logging.INFO, "", 0, 'say "%s"', ("ä",), None)
    record.created = 1356422400.0075
    line = json.loads(logs.JSONFormatter().format(record))
    assert (line["time"], line["message"]) == ("2012-12-25T08:00:00.007Z", 'say "ä"')
