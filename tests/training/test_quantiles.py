import json

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from training import model
from training.calendar import Calendar
from training.features import FEATURES
from training.history import History
from training.intervals import Intervals
from training.quantiles import LEVELS, Quantiles, right_level


@pytest.fixture(scope="module")
def quantiles(
    intervals: Intervals, fitted: Pipeline, history: History, calendar: Calendar
) -> Quantiles:
    """Learnt on the hours that the intervals are calibrated on."""
    matrix, rentals = model.training_data(history.hours[5000:7000], history, calendar)
    return Quantiles.fit(rentals, fitted.predict(matrix), matrix, intervals)


@pytest.mark.parametrize(
    ("missing", "idle", "level"), [(1, 1, 0.5), (3, 1, 0.75), (0, 2, 0.0), (2, 0, 1.0)]
)
def test_the_right_level_is_the_critical_ratio(missing: float, idle: float, level: float) -> None:
    assert right_level(missing, idle) == level


def test_residuals_of_known_widths_give_their_quantiles(intervals: Intervals) -> None:
    matrix = np.zeros((1001, len(FEATURES)), np.float32)
    matrix[:, [FEATURES.index("level"), FEATURES.index("horizon")]] = 100, 24
    matrix[:, FEATURES.index("hour")] = 12
    predicted = np.full(1001, 500.0)
    lower, upper = intervals.bounds(predicted, matrix)
    actual = predicted + np.linspace(-1, 1, 1001) * (upper - lower)
    learnt = Quantiles.fit(actual, predicted, matrix, intervals)
    for level, residual in ((0.5, 0.0), (0.75, 0.5), (0.8125, 0.625), (0.1, -0.8)):
        found = learnt.at(level, predicted, lower, upper, matrix)
        assert found == pytest.approx(predicted + residual * (upper - lower), abs=0.5)


@pytest.mark.parametrize("level", [0.25, 0.5, 0.75, 0.9])
def test_later_hours_stay_below_a_quantile_about_as_often_as_it_says(
    quantiles: Quantiles,
    intervals: Intervals,
    fitted: Pipeline,
    history: History,
    calendar: Calendar,
    level: float,
) -> None:
    matrix, rentals = model.training_data(history.hours[7000:8000], history, calendar)
    predicted = fitted.predict(matrix)
    found = quantiles.at(level, predicted, *intervals.bounds(predicted, matrix), matrix)
    assert np.mean(rentals <= found) == pytest.approx(level, abs=0.1)


def test_quantiles_rise_with_the_level_and_are_no_less_than_nothing(
    quantiles: Quantiles, intervals: Intervals, history: History, calendar: Calendar
) -> None:
    matrix, _ = model.training_data(history.hours[7000:7100], history, calendar)
    predicted = np.full(len(matrix), 5.0)
    bounds = intervals.bounds(predicted, matrix)
    found = [quantiles.at(level, predicted, *bounds, matrix) for level in (0.0, *LEVELS, 1.0)]
    assert (np.diff(found, axis=0) >= 0).all() and np.min(found) >= 0


def test_quantiles_survive_json_and_older_models_have_none(quantiles: Quantiles) -> None:
    kept = json.loads(json.dumps({"quantiles": quantiles.to_dict()}))
    again = Quantiles.of(kept)
    assert again is not None and np.allclose(again.widths, quantiles.widths, atol=1e-4)
    assert Quantiles.of({}) is None
    assert Quantiles.of({"quantiles": {"levels": [0.5], "widths": [[[0.0]]]}}) is None
