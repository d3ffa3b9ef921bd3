"""Model versions: the champion, all others, and who serves next."""

from typing import Any

from flask import Blueprint

from .. import queries, retraining, versions
from ..errors import NotFound
from . import answers
from .operations import operation
from .schemas import Activation, VersionPage

blueprint = Blueprint("models", __name__)
JSON = dict[str, Any]


@blueprint.get("/model")
@operation(answers.Model, problems=[404])
def get_champion() -> JSON:
    """Return the champion."""
    if (champion := queries.champion()) is None:
        raise NotFound("There is no champion yet.")
    return _public(champion)


@blueprint.get("/models")
@operation(answers.ModelPage, query=VersionPage)
def list_models(asked: VersionPage) -> JSON:
    """List every version that was trained to the end, newest first."""
    models = [
        model
        for model in queries.list_models()
        if asked.cursor is None or int(model["version"]) < asked.cursor
    ]
    items = [_public(model) for model in models[: asked.limit]]
    cursor = items[-1]["version"] if len(models) > len(items) else None
    return {"items": items, "next_cursor": cursor}


@blueprint.get("/models/<int(max=999999999):version>/receipt")
@operation(answers.Receipt, problems=[404])
def get_receipt(version: int) -> JSON:
    """Return the promotion receipt of a version: why it was promoted, kept or rejected."""
    if (receipt := queries.receipt(version)) is None:
        raise NotFound("There is no model with this version.")
    return receipt


@blueprint.post("/models/<int(max=999999999):version>/activate")
@operation(answers.Model, body=Activation, admin=True, problems=[404])
def activate(asked: Activation, version: int) -> JSON:
    """Make a version champion in every worker: roll back, or forward."""
    return _public(retraining.activate(version, asked.reason, "admin"))


def _public(model: JSON) -> JSON:
    return model | {"artefact": versions.exists(model["version"])}
