"""How many bikes to have out, and what that would have saved."""

import numpy as np
import pytest
from flask import Flask

from training.history import WEATHER
from training.quantiles import LEVELS
from webapp import deciding, predictor, queries
from webapp.deciding import Holdout


@pytest.fixture
def held() -> Holdout:
    """Two hours with 10 and 30 rentals; the quantile at a level of 0.75 is 28."""
    quantiles = np.tile(np.interp(LEVELS, [0.5, 0.75, 1.0], [20.0, 27.2, 40.0]), (2, 1))
    return Holdout(
        actual=np.array([10.0, 30.0]),
        forecast=np.array([20.4, 20.4]),
        naive=np.array([30.0, 10.0]),
        quantiles=quantiles,
    )


def test_each_rule_costs_what_is_missing_and_idle(held: Holdout) -> None:
    right, forecast, naive = deciding.outcomes(held, 3.0, 1.0)
    assert (right.rule, right.missing, right.idle, right.cost) == ("right", 1.0, 9.0, 12.0)
    assert (forecast.missing, forecast.idle, forecast.cost) == (5.0, 5.0, 20.0)
    assert (naive.missing, naive.idle, naive.cost) == (10.0, 10.0, 40.0)


def test_a_missing_bike_that_costs_nothing_needs_none_out(app: Flask, held: Holdout) -> None:
    request = predictor.HourRequest(377_000, WEATHER.index("clear"), 10.0, 50.0, 10.0)
    with app.app_context():
        assert deciding.predict([request], 0.0)[1] == [0]
    assert deciding.outcomes(held, 0.0, 1.0)[0].cost == 0.0


@pytest.mark.parametrize(("level", "told"), [(0.0, 0.01), (0.6, 0.6), (1.0, 0.99)])
def test_no_level_is_told_that_the_quantiles_do_not_reach(level: float, told: float) -> None:
    assert deciding.told_level(level) == told


def test_a_dearer_missing_bike_never_takes_bikes_away(app: Flask) -> None:
    request = predictor.HourRequest(377_000, WEATHER.index("clear"), 10.0, 50.0, 10.0)
    with app.app_context():
        found = [deciding.predict([request], level)[1] for level in (0.1, 0.5, 0.9)]
    assert found == sorted(found, key=lambda bikes: bikes or [])
    assert found[0] != found[-1]


def test_the_holdout_is_predicted_a_day_ahead_as_it_was_scored(app: Flask) -> None:
    with app.app_context():
        held = deciding.holdout()
        frame = queries.predictions_frame(sources=["backtest"], model_version=1, horizon=24)
        assert held is not None
        assert deciding.holdout() is held
    assert np.allclose(held.forecast, frame["predicted"], atol=0.06)
    assert np.array_equal(held.actual, frame["actual"])


def test_a_model_without_quantiles_decides_nothing(app: Flask) -> None:
    request = predictor.HourRequest(377_000, 0, 10.0, 50.0, 10.0)
    with app.app_context():
        serving = predictor.current().serving
        assert serving is not None
        del serving.artefact.metadata["quantiles"]
        assert deciding.predict([request], 0.5)[1] is None
        assert deciding.holdout() is None


def test_without_a_model_there_is_no_holdout(app_without_model: Flask) -> None:
    with app_without_model.app_context():
        assert deciding.holdout() is None
