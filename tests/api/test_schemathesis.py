"""Schemathesis: its requests, good and bad, and all its checks against the OpenAPI document.

Its engine speaks HTTP, so the application answers on a port of this machine.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from werkzeug.serving import WSGIRequestHandler

from tests.conftest import TOKEN, serving
from training.artefact import Artefact
from webapp import predictor, retraining

REFUSED = ["400", "401", "403", "404", "405", "409", "413", "415", "422", "429"]
CONFIG: dict[str, Any] = {
    "seed": 20121225,
    "request-timeout": 60,
    "auth": {"openapi": {"admin": {"bearer": TOKEN}}},
    "generation": {"deterministic": True, "max-examples": 10, "database": "none"},
    # Rules that a schema can't say: as_of is before its hour, from not after to, rentals are
    # casual and registered together, and a day of 31 is no day of every month.
    "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", *REFUSED]}},
    # A bad item costs itself alone, so the answer to the others is a 200.
    "operations": [
        {
            "include-path": ["/api/observations", "/api/predict/batch"],
            "include-method": "POST",
            "checks": {"negative_data_rejection": {"expected-statuses": ["200", *REFUSED]}},
        }
    ],
}


class Handler(WSGIRequestHandler):
    """Keeps connections open, and quiet."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that starts no process, neither to train nor to try an artefact."""
    monkeypatch.setattr(retraining, "_spawn", lambda run_id, lock: None)
    monkeypatch.setattr(predictor, "load", Artefact.load)
    with serving(app, request_handler=Handler) as address:
        yield address


def complaints(event: events.EngineEvent) -> Iterator[str]:
    """Yield what schemathesis found, with the request that shows it."""
    if isinstance(event, events.NonFatalError):
        yield f"{event.label}: {event.info.message}"
    elif isinstance(event, events.FatalError):
        yield repr(event.exception)
    elif isinstance(event, events.ScenarioFinished):
        for check in (check for checks in event.recorder.checks.values() for check in checks):
            if check.status is Status.FAILURE and (found := check.failure_info) is not None:
                yield f"{check.name}: {found.failure.message}\n{found.code_sample}"


def test_every_answer_is_as_the_document_says(address: str) -> None:
    schema = schemathesis.openapi.from_url(
        f"{address}/api/openapi.json", config=SchemathesisConfig.from_dict(CONFIG)
    )
    found, asked = [], 0
    for event in from_schema(schema).execute():
        found += complaints(event)
        if isinstance(event, events.ScenarioFinished):
            asked += len(event.recorder.interactions)
    assert not found, "\n\n".join(found)
    assert asked > 500
