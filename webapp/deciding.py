"""How many bikes to have out, and what that rule would have saved."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flask import current_app

from training.evaluate import seasonal_naive
from training.features import build, observed_rows
from training.history import Floats, as_hours
from training.quantiles import LEVELS, Quantiles, at_level, right_level

from . import history, predictor, queries
from .predictor import HourRequest, Prediction

AHEAD = 24
"""Hours: bikes are moved a day ahead."""
RULES = ("right", "forecast", "naive")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule would have had out in the holdout, per hour: missing, idle, and their cost."""

    rule: str
    missing: float
    idle: float
    cost: float


@dataclass(frozen=True, slots=True)
class Holdout:
    """Hours that the champion was not trained on, as it predicts them a day ahead.

    `quantiles` has a column for each of `LEVELS`; an hour without a seasonal-naive is left out.
    """

    actual: Floats
    forecast: Floats
    naive: Floats
    quantiles: Floats


def predict(
    requests: Sequence[HourRequest], level: float
) -> tuple[list[Prediction], list[int] | None]:
    """Predict hours, and say how many bikes are enough with a probability; nothing is stored.

    None if the champion keeps no quantiles. Raises `Unavailable` without a champion.
    """
    predictions, found = predictor.predict_quantile(requests, level)
    if found is None:
        return predictions, None
    return predictions, [int(np.ceil(value)) if level > 0 else 0 for value in found]


def told_level(level: float) -> float:
    """Return the level nearest to one that the quantiles can tell."""
    return min(max(level, float(LEVELS[0])), float(LEVELS[-1]))


def outcomes(held: Holdout, missing: float, idle: float) -> list[Outcome]:
    """Hold the rules against each other, with the costs of a missing and of an idle bike.

    Have out the right quantile, the prediction itself, or the rentals of a week before.
    """
    level = right_level(missing, idle)
    right = at_level(held.quantiles, level) if level > 0 else np.zeros_like(held.actual)
    rules = (np.ceil(right), np.rint(held.forecast), np.rint(held.naive))
    return [
        _outcome(rule, out, held.actual, missing, idle)
        for rule, out in zip(RULES, rules, strict=True)
    ]


def holdout() -> Holdout | None:
    """Return the champion's holdout, predicted once a version.

    None without a champion, quantiles or hours.
    """
    serving = predictor.current().serving
    kept = current_app.extensions.get("vlib_holdout")
    if serving is None:
        return None
    if kept is None or kept[0] != serving.version:
        kept = serving.version, _predicted(serving)
        current_app.extensions["vlib_holdout"] = kept
    held: Holdout | None = kept[1]
    return held


def _predicted(serving: predictor.Serving) -> Holdout | None:
    quantiles = Quantiles.of(serving.artefact.metadata)
    model = queries.get_model(serving.version)
    if quantiles is None or model is None:
        return None
    known = history.cache().current
    span = [model["holdout"]["from"], model["holdout"]["to"]]
    first, last = as_hours(np.array(span, "datetime64[s]"))
    hours = known.hours[(known.hours >= first) & (known.hours <= last)]
    hours = hours[np.isfinite(seasonal_naive(hours, known, hours - AHEAD))]
    if not len(hours):
        return None
    as_of = known.newest_before(hours - AHEAD)
    naive = seasonal_naive(hours, known, as_of)
    matrix = build(observed_rows(known, hours, as_of), known, predictor.current().calendar)
    rentals, lower, upper = serving.artefact.predict(matrix)
    columns = [quantiles.at(level, rentals, lower, upper, matrix) for level in LEVELS.tolist()]
    return Holdout(known.rentals_at(hours), rentals, naive, np.column_stack(columns))


def _outcome(rule: str, out: Floats, actual: Floats, missing: float, idle: float) -> Outcome:
    short = float(np.maximum(actual - out, 0).mean())
    over = float(np.maximum(out - actual, 0).mean())
    return Outcome(rule, short, over, short * missing + over * idle)
