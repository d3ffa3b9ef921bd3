"""Metrics and the baseline; numpy only."""

import numpy as np

from training.history import HOURS_PER_WEEK, Floats, History, Ints

LEVEL = 0.9
"""Nominal coverage of every interval."""


def metrics(
    actual: Floats, predicted: Floats, lower: Floats | None = None, upper: Floats | None = None
) -> dict[str, float]:
    """Return mae, rmse, r2 and bias (mean of predicted - actual), in rentals.

    r2 is 0 where the actuals never differ. With an interval also coverage (share of actuals
    inside) and width (mean, in rentals).
    """
    error = predicted - actual
    spread = np.mean((actual - actual.mean()) ** 2)
    result = {
        "mae": float(np.mean(np.abs(error))),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "r2": float(1 - np.mean(error**2) / spread) if spread > 0 else 0.0,
        "bias": float(np.mean(error)),
    }
    if lower is not None and upper is not None:
        result["coverage"] = float(np.mean((lower <= actual) & (actual <= upper)))
        result["width"] = float(np.mean(upper - lower))
    return result


def seasonal_naive(hours: Ints, history: History, as_of: Ints) -> Floats:
    """Return the rentals of the same hour in the newest week that is known at `as_of`.

    Up to eight weeks back; where none of them has the hour, the trailing level at `as_of` (NaN if
    that is unknown too).
    """
    as_of = history.newest_before(as_of)
    newest = hours - HOURS_PER_WEEK * -(-(hours - as_of) // HOURS_PER_WEEK)
    predicted = history.level(as_of)
    for weeks in reversed(range(8)):
        rentals = history.rentals_at(newest - HOURS_PER_WEEK * weeks)
        predicted = np.where(np.isnan(rentals), predicted, rentals)
    return predicted
