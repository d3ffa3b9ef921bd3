"""Predictions: asked for, and looked up again."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from flask import Blueprint, Flask, current_app, request
from pydantic import FailFast, TypeAdapter, ValidationError
from pydantic_core import to_json

from .. import auth, idempotency, journal, metrics, predictor, queries
from ..errors import NotFound, Unprocessable
from ..history import to_hour
from ..idempotency import Claim
from ..predictor import HourRequest, Prediction
from . import answers
from .operations import BATCH_BYTES, operation
from .parsing import parse_json, read_flat, validate
from .schemas import CODES, Explain, Hour, Hours, Item, PredictionSpan

blueprint = Blueprint("predict", __name__)
JSON = dict[str, Any]
ITEMS = TypeAdapter(Annotated[list[Item], FailFast()])


@blueprint.post("/predict")
@operation(answers.ExplainedPrediction, body=Hour, query=Explain, problems=[503])
def predict(how: Explain, asked: Hour) -> JSON:
    """Predict one hour. The prediction is stored before it is answered.

    With `explain=true`, what each feature adds to it stands beside it. With `model_version`, that
    version says what it said or would have said when `as_of` was the newest observed hour.
    """
    hour, version = to_request(asked), asked.model_version
    source, claim = _source(), idempotency.claim()
    ids = _ids(claim, 1)
    if how.explain == "true":
        prediction, contributions = predictor.explain(hour, source=source, version=version, ids=ids)
        stored = _stored(current_app, [prediction], claim)[0]
        return stored | {"contributions": contributions}
    made = predictor.predict([hour], source=source, version=version, ids=ids)
    return _stored(current_app, made, claim)[0]


def answer_plain(app: Flask, body: bytes) -> bytes | None:
    """Answer a request that has nothing but a body, in JSON; None if it asks for a version.

    It needs no context where a thread drains the app's journal, and does not refresh its predictor.
    Raises the `Problem` that it has; then nothing is stored.
    """
    asked = read_flat(Hour, body, app.config)
    if asked is None:
        asked = validate(Hour, parse_json(body), settings=app.config)
    if asked.model_version is not None:
        return None
    return to_json(_stored(app, predictor.of(app).predict([to_request(asked)]))[0])


@blueprint.post("/predict/batch")
@operation(answers.Predictions, body=Hours, limit=BATCH_BYTES, problems=[503])
def predict_batch(asked: Hours) -> JSON:
    """Predict many hours. A bad item costs itself alone.

    With `model_version`, that version says what it said or would have said of them.
    """
    requests: dict[int, HourRequest] = {}
    items: list[JSON] = [{}] * len(asked.items)
    for index, item in enumerate(_checked(asked.items)):
        try:
            hour = item if isinstance(item, Item) else validate(Item, item, f"/items/{index}")
            requests[index] = to_request(hour, asked.as_of, index)
        except Unprocessable as error:
            items[index] = {"error": error.to_json()}
    if requests:
        claim = idempotency.claim()
        ids = _ids(claim, len(requests))
        made = predictor.predict(
            [*requests.values()], source=_source(), version=asked.model_version, ids=ids
        )
        for index, answer in zip(requests, _stored(current_app, made, claim), strict=True):
            items[index] = answer
    return {"items": items, "failed": len(items) - len(requests)}


@blueprint.get("/predictions")
@operation(answers.PredictionPage, query=PredictionSpan)
def list_predictions(asked: PredictionSpan) -> JSON:
    """List predictions, those asked for last first; `from` and `to` bound the hour.

    Where few of very many are asked for, a page may be short, or empty, and have a next one.
    """
    items, cursor = queries.list_predictions(
        asked.start, asked.end, asked.model_version, asked.source, asked.limit, asked.cursor
    )
    return {"items": items, "next_cursor": cursor}


@blueprint.get("/predictions/<uuid:id>")
@operation(answers.StoredPrediction, problems=[404])
def get_prediction(id: UUID) -> JSON:
    """Return a prediction as it was answered, with its input and what happened."""
    if (found := journal.find(str(id))) is None:
        raise NotFound("There is no prediction with this id.")
    return found


def to_request(
    asked: Item, as_of: dt.datetime | None = None, index: int | None = None
) -> HourRequest:
    """Return a checked hour as the predictor takes it; `as_of` is the whole batch's.

    Raises `Unprocessable` if the rentals that may be known reach the hour itself.
    """
    hour = to_hour(asked.datetime)
    own = asked.as_of
    if own is not None:
        as_of = own
    known = None if as_of is None else to_hour(as_of)
    if known is not None and known >= hour:
        pointer = "/as_of" if own is None or index is None else f"/items/{index}/as_of"
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


def _checked(items: list[Any]) -> list[Any]:
    """Return the items as `Item` if all are right, which is quick to find out; else as they are."""
    try:
        return ITEMS.validate_python(items)
    except ValidationError:
        return items


def _ids(claim: Claim | None, number: int) -> list[str] | None:
    """Return the ids that the request's key asks for, if it has one."""
    return None if claim is None else claim.ids(number)


def _stored(
    app: Flask, predictions: Sequence[Prediction], claim: Claim | None = None
) -> list[JSON]:
    """Store predictions and return their answers; those that an earlier try stored, as they are."""
    made = [prediction.to_json() for prediction in predictions]
    if claim is not None and claim.again:
        earlier = journal.find_all([prediction.prediction_id for prediction in predictions])
        made = [_answer(earlier.get(answer["prediction_id"], answer)) for answer in made]
    journal.of(app).store(predictions)
    metrics.of(app).count_predictions(predictions)
    return made


def _answer(stored: JSON) -> JSON:
    return {name: stored[name] for name in answers.Prediction.model_fields}


def _source() -> str | None:
    """Return the source that an admin says, if any."""
    source: str | None = request.environ.get("HTTP_X_VLIB_SOURCE")
    if source is not None:
        auth.require_admin()
        if source != "replay":
            raise Unprocessable.at("/header/X-Vlib-Source", "must be replay")
    return source
