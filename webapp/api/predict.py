"""Predictions: asked for, and looked up again."""

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, request

from .. import auth, journal, predictor, queries
from ..errors import NotFound, Unprocessable
from ..history import to_hour
from ..predictor import HourRequest, Prediction
from . import answers
from .operations import BATCH_BYTES, operation
from .parsing import validate
from .schemas import CODES, Explain, Hour, Hours, Item, PredictionSpan

blueprint = Blueprint("predict", __name__)
JSON = dict[str, Any]


@blueprint.post("/predict")
@operation(answers.ExplainedPrediction, body=Hour, query=Explain, problems=[503])
def predict(how: Explain, asked: Hour) -> JSON:
    """Predict one hour. The prediction is stored before it is answered.

    With `explain=true`, what each feature adds to it stands beside it. With `model_version`, that
    version says what it said or would have said when `as_of` was the newest observed hour.
    """
    if how.explain == "true":
        prediction, contributions = predictor.explain(
            to_request(asked), source=_source(), version=asked.model_version
        )
        journal.store([prediction])
        return prediction.to_json() | {"contributions": contributions}
    return _predicted([to_request(asked)], asked.model_version)[0].to_json()


@blueprint.post("/predict/batch")
@operation(answers.Predictions, body=Hours, limit=BATCH_BYTES)
def predict_batch(asked: Hours) -> JSON:
    """Predict many hours. A bad item costs itself alone.

    With `model_version`, that version says what it said or would have said of them.
    """
    requests: dict[int, HourRequest] = {}
    items: list[JSON] = [{}] * len(asked.items)
    for index, item in enumerate(asked.items):
        pointer = f"/items/{index}"
        try:
            requests[index] = to_request(validate(Item, item, pointer), asked.as_of, pointer)
        except Unprocessable as error:
            items[index] = {"error": error.to_json()}
    predictions = _predicted([*requests.values()], asked.model_version)
    for index, prediction in zip(requests, predictions, strict=True):
        items[index] = prediction.to_json()
    return {"items": items, "failed": len(items) - len(requests)}


@blueprint.get("/predictions")
@operation(answers.PredictionPage, query=PredictionSpan)
def list_predictions(asked: PredictionSpan) -> JSON:
    """List predictions, those asked for last first; `from` and `to` bound the hour."""
    items, cursor = queries.list_predictions(
        asked.start, asked.end, asked.model_version, asked.source, asked.limit, asked.cursor
    )
    return {"items": items, "next_cursor": cursor}


@blueprint.get("/predictions/<uuid:id>")
@operation(answers.StoredPrediction, problems=[404])
def get_prediction(id: UUID) -> JSON:
    """Return a prediction as it was answered, with its input and what happened."""
    if (found := queries.get_prediction(str(id))) is None:
        raise NotFound("There is no prediction with this id.")
    return found


def to_request(asked: Item, as_of: dt.datetime | None = None, pointer: str = "") -> HourRequest:
    """Return a checked hour as the predictor takes it; `as_of` is the whole batch's.

    Raises `Unprocessable` if the rentals that may be known reach the hour itself.
    """
    hour = to_hour(asked.datetime)
    if asked.as_of is not None:
        as_of, pointer = asked.as_of, f"{pointer}/as_of"
    else:
        pointer = "/as_of"
    known = None if as_of is None else to_hour(as_of)
    if known is not None and known >= hour:
        raise Unprocessable.at(pointer, "must be before the hour that is predicted")
    return HourRequest(
        hour=hour,
        weather=CODES[asked.weather],
        temperature=asked.temperature,
        humidity=asked.humidity,
        windspeed=asked.windspeed,
        feels_like=asked.feels_like,
        holiday=asked.holiday,
        as_of=known,
    )


def _predicted(requests: Sequence[HourRequest], version: int | None) -> list[Prediction]:
    """Predict and store."""
    if not requests:
        return []
    predictions = predictor.predict(requests, source=_source(), version=version)
    journal.store(predictions)
    return predictions


def _source() -> str | None:
    """Return the source that an admin says, if any."""
    source = request.headers.get("X-Vlib-Source")
    if source is not None:
        auth.require_admin()
        if source != "replay":
            raise Unprocessable.at("/header/X-Vlib-Source", "must be replay")
    return source
