"""Trainings: started, watched, cancelled."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, url_for

from .. import queries, retraining
from ..errors import NotFound
from . import answers
from .operations import operation, reply
from .schemas import RunPage

blueprint = Blueprint("retrain", __name__)
JSON = dict[str, Any]


@blueprint.post("/retrain")
@operation(answers.RunStatus, status=202, admin=True)
def start() -> Response:
    """Start a training in a process of its own. One runs at a time."""
    return _accepted(retraining.start("admin", requested_by="admin token"))


@blueprint.get("/retrain")
@operation(answers.RunPage, query=RunPage)
def list_runs(asked: RunPage) -> JSON:
    """List trainings, newest first."""
    runs = queries.list_runs(asked.limit + 1, asked.cursor)
    items = runs[: asked.limit]
    cursor = items[-1]["requested_at"] if len(runs) > len(items) else None
    return {"items": [_public(run) for run in items], "next_cursor": cursor}


@blueprint.get("/retrain/<uuid:run_id>")
@operation(answers.Run, problems=[404])
def get_run(run_id: UUID) -> JSON:
    """Return a training: its status, stage and progress, its reason and metrics."""
    if (run := queries.get_run(str(run_id))) is None:
        raise NotFound("There is no training with this id.")
    return _public(run)


@blueprint.delete("/retrain/<uuid:run_id>")
@operation(answers.RunStatus, status=202, admin=True, problems=[404, 409])
def cancel(run_id: UUID) -> Response:
    """Cancel a training; its processes are gone within 5 seconds."""
    return _accepted(retraining.cancel(str(run_id)))


def _accepted(run: JSON) -> Response:
    location = url_for("api.retrain.get_run", run_id=run["run_id"])
    return reply({"run_id": run["run_id"], "status": run["status"]}, 202, {"Location": location})


def _public(run: JSON) -> JSON:
    return {name: value for name, value in run.items() if name in answers.Run.model_fields}
