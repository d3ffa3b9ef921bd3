"""Quantiles of an hour's rentals at any level, and the one that costs least; numpy only.

The residuals that calibrate the 90 % interval (`training.intervals`) are measured in widths of it,
so that hours of all sizes can stand for each other; their quantiles are kept by horizon and kind of
hour, newer residuals counting more.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from training.history import Floats, Ints
from training.intervals import CALIBRATED, KINDS, Intervals, kind_of, row_of, weights

LEVELS = np.array([0.01, 0.025, *(np.arange(1, 20) / 20), 0.975, 0.99])
_LEAST = 40
_SHAPE = (len(CALIBRATED) + 1, len(KINDS), len(LEVELS))


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles of residuals.

    Attributes
    ----------
    widths : float64[len(CALIBRATED) + 1, len(KINDS), len(LEVELS)]
        Actual less predicted, in widths of the 90 % interval, ascending; the last row is for no
        rentals known.
    """

    widths: Floats

    @classmethod
    def fit(
        cls,
        actual: Floats,
        predicted: Floats,
        matrix: NDArray[np.float32],
        intervals: Intervals,
        hours: Ints | None = None,
    ) -> Self:
        """Learn from predictions of hours that the model had not seen.

        Without `hours` all residuals count alike.
        """
        lower, upper = intervals.bounds(predicted, matrix)
        residual = (actual - predicted) / np.maximum(upper - lower, 1.0)
        weight = weights(hours, len(actual))
        rows, kinds = row_of(matrix), kind_of(matrix)
        widths = np.empty(_SHAPE)
        for row, kind in np.ndindex(_SHAPE[:2]):
            # Where too few are alike, all of that horizon stand for them, else all there are.
            for chosen in ((rows == row) & (kinds == kind), rows == row, rows >= 0):
                if chosen.sum() >= _LEAST or chosen.all():
                    widths[row, kind] = _weighted(residual[chosen], weight[chosen])
                    break
        return cls(widths)

    def at(
        self,
        level: float,
        rentals: Floats,
        lower: Floats,
        upper: Floats,
        matrix: NDArray[np.float32],
    ) -> Floats:
        """Return the rentals that are not exceeded with probability `level`; at least 0.

        `rentals`, `lower` and `upper` are what the artefact predicts of the rows of the feature
        matrix.
        """
        residual = at_level(self.widths[row_of(matrix), kind_of(matrix)], level)
        return np.maximum(rentals + residual * np.maximum(upper - lower, 1.0), 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"levels": LEVELS.tolist(), "widths": np.round(self.widths, 4).tolist()}

    @classmethod
    def of(cls, metadata: dict[str, Any]) -> Self | None:
        """Return what an artefact's metadata keep as ``quantiles``.

        None for a model that was trained before there were such quantiles.
        """
        kept = metadata.get("quantiles", {})
        widths = np.asarray(kept.get("widths", []), np.float64)
        fits = widths.shape == _SHAPE and kept["levels"] == LEVELS.tolist()
        return cls(widths) if fits else None


def at_level(columns: Floats, level: float) -> Floats:
    """Return the values at a level of float64[n, len(LEVELS)], linear between two of `LEVELS`.

    Levels beyond take the outermost.
    """
    place = float(np.interp(level, LEVELS, np.arange(len(LEVELS))))
    below = int(place)
    above = min(below + 1, len(LEVELS) - 1)
    found: Floats = columns[:, below] + (place - below) * (columns[:, above] - columns[:, below])
    return found


def right_level(missing: float, idle: float) -> float:
    """Return the probability with which the bikes that are out should be enough.

    The newsvendor's critical ratio (Arrow, Harris and Marschak, Optimal inventory policy,
    Econometrica 19(3), 1951): one bike more is worth its cost until the bikes are enough that
    often. Costs of a missing and of an idle bike, of which at least one is above 0.
    """
    return missing / (missing + idle)


def _weighted(residual: Floats, weight: Floats) -> Floats:
    order = np.argsort(residual)
    share = (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
    found: Floats = np.interp(LEVELS, share, residual[order])
    return found
