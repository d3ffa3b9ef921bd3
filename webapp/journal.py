"""Puts predictions into the database before anybody is told of them."""

from collections.abc import Sequence

from . import queries
from .history import to_datetime
from .predictor import Prediction


def store(predictions: Sequence[Prediction]) -> None:
    """Commit predictions, all or none; they then survive a kill -9 of every process."""
    now = queries.utcnow()
    queries.insert_predictions(
        [_row(prediction) | {"requested_at": now} for prediction in predictions]
    )


def _row(prediction: Prediction) -> dict[str, object]:
    hour, as_of = prediction.request.hour, prediction.as_of
    return {
        "id": prediction.prediction_id,
        "datetime": to_datetime(hour),
        "as_of": None if as_of is None else to_datetime(as_of),
        "horizon": None if as_of is None else hour - as_of,
        "model_version": prediction.model_version,
        "source": prediction.source,
        "rentals": prediction.rentals,
        "lower": prediction.lower,
        "upper": prediction.upper,
        "baseline": prediction.baseline,
        "input": prediction.input(),
        "warnings": prediction.warnings,
    }
