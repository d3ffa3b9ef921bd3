"""Calibrated 90 % prediction intervals; numpy only.

Split conformal prediction, Mondrian by horizon and by the size of the prediction (Vovk, Gammerman
and Shafer, Algorithmic Learning in a Random World, 2005): of the residuals of unseen hours in a
group, 5 % lie below the lower bound and 5 % above the upper. Residuals are ratios to the level.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from training.evaluate import LEVEL as COVERAGE
from training.features import HORIZON, HORIZONS, LEVEL
from training.history import Floats, Ints

_BINS = 8
_LEAST = 100


@dataclass(frozen=True, slots=True)
class Intervals:
    """Calibrated intervals.

    Attributes
    ----------
    level : float
        Rentals; stands for an unknown level.
    edges : float64[bins - 1]
        Where the groups of predicted ratios part.
    lower, upper : float64[len(HORIZONS) + 1, bins]
        Residuals as ratios to the level; the last row is for no rentals known.
    """

    level: float
    edges: Floats
    lower: Floats
    upper: Floats

    @classmethod
    def fit(
        cls, actual: Floats, predicted: Floats, matrix: NDArray[np.float32], level: float
    ) -> Self:
        """Calibrate on predictions of hours that the model had not seen."""
        scale = _scale(matrix, level)
        residual, ratio = (actual - predicted) / scale, predicted / scale
        rows = _horizon_rows(matrix)
        bins = int(np.clip(len(actual) // ((len(HORIZONS) + 1) * _LEAST), 1, _BINS))
        edges = np.quantile(ratio, np.arange(1, bins) / bins)
        groups = np.searchsorted(edges, ratio)
        lower = np.zeros((len(HORIZONS) + 1, bins))
        upper = np.zeros_like(lower)
        for row in range(len(lower)):
            for group in range(bins):
                members = np.sort(residual[(rows == row) & (groups == group)])
                lower[row, group], upper[row, group] = _bounds(members)
        # Knowing less never makes an interval narrower, whatever chance says of the sample.
        known = len(HORIZONS)
        lower[:known] = np.minimum.accumulate(lower[:known])
        upper[:known] = np.maximum.accumulate(upper[:known])
        return cls(level, edges, lower, upper)

    def bounds(self, rentals: Floats, matrix: NDArray[np.float32]) -> tuple[Floats, Floats]:
        """Return lower and upper bounds: 0 <= lower <= rentals <= upper.

        Horizons between those calibrated take the next longer one, horizons beyond take the
        longest.
        """
        scale = _scale(matrix, self.level)
        rows, groups = _horizon_rows(matrix), np.searchsorted(self.edges, rentals / scale)
        lower = rentals + self.lower[rows, groups] * scale
        upper = rentals + self.upper[rows, groups] * scale
        return np.clip(lower, 0.0, rentals), np.maximum(upper, rentals)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "level": self.level,
            "edges": self.edges.tolist(),
            "lower": self.lower.tolist(),
            "upper": self.upper.tolist(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return what `to_dict` gave.

        Raises
        ------
        ValueError
            The shapes do not fit, or a number is not finite.
        """
        arrays = {
            name: np.asarray(values[name], np.float64) for name in ("edges", "lower", "upper")
        }
        level = float(values["level"])
        shape = (len(HORIZONS) + 1, len(arrays["edges"]) + 1)
        finite = all(np.isfinite(array).all() for array in arrays.values())
        if not (finite and level > 0 and arrays["lower"].shape == arrays["upper"].shape == shape):
            raise ValueError(f"intervals: expected finite bounds of shape {shape}, level above 0")
        return cls(level, **arrays)


def _scale(matrix: NDArray[np.float32], level: float) -> Floats:
    known = matrix[:, LEVEL].astype(np.float64)
    return np.where(known > 0, known, level)


def _horizon_rows(matrix: NDArray[np.float32]) -> Ints:
    horizon = matrix[:, HORIZON]
    rows = np.minimum(np.searchsorted(HORIZONS, horizon), len(HORIZONS) - 1)
    return np.where(horizon > 0, rows, len(HORIZONS))


def _bounds(residuals: Floats) -> tuple[float, float]:
    """Return the two order statistics that hold for one more residual of the same kind."""
    count = len(residuals)
    if not count:
        return 0.0, 0.0
    rank = min(int(np.ceil((count + 1) * (1 + COVERAGE) / 2)), count)
    return float(residuals[count - rank]), float(residuals[rank - 1])
