"""The probes, and what Prometheus reads."""

from typing import Any

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from .. import predictor
from ..errors import Unavailable
from ..metrics import exposition
from . import answers
from .operations import operation

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@operation(answers.Health)
def healthz() -> dict[str, str]:
    """Say that the process is live."""
    return {"status": "live"}


@blueprint.get("/readyz")
@operation(answers.Ready, problems=[503])
def readyz() -> dict[str, Any]:
    """Say that predictions can be made, and what is wrong; a 503 names what is missing."""
    if missing := predictor.missing():
        raise Unavailable(f"Not ready: {'; '.join(missing)}.", missing=missing)
    problem = predictor.current().problem
    return {"status": "ready"} | ({"problems": [problem]} if problem else {})


@blueprint.get("/metrics")
@operation(None)
def metrics() -> Response:
    """Return the metrics of all workers in Prometheus' text format."""
    return Response(exposition(), content_type=CONTENT_TYPE_LATEST)
