"""Calibrated 90 % prediction intervals; numpy only.

Conformal prediction from residuals of hours that the model had not seen:

- Mondrian by horizon and by kind of hour (`KINDS`): each has quantiles of its own (Vovk, Gammerman
  and Shafer, Algorithmic Learning in a Random World, 2005, section 4.5);
- normalised by difficulty: residuals are divided by what is usual for predictions of that size
  (Papadopoulos, Gammerman and Vovk, Normalized nonconformity measures, 2008);
- weighted: newer residuals count more, because errors drift (Barber, Candès, Ramdas and
  Tibshirani, Conformal prediction beyond exchangeability, Annals of Statistics 51(2), 2023).

Everything is in ratios to the level. 5 % lie below the lower bound and 5 % above the upper.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from training.columns import Column, across, at, at_least, at_most, columns_of, count, either, whole
from training.evaluate import LEVEL as COVERAGE
from training.features import FEATURES, HORIZON, LEVEL
from training.history import Floats, Ints

CALIBRATED = (1, 3, 8, 23, 24, 48, 168)
"""Horizons with quantiles of their own; those between take the next longer one."""
KINDS = ("rush", "working_day", "free_day", "night")
"""Working-day rush (7 to 9, 16 to 19), the rest of a working day, weekend and holiday daytime
(8 to 21), night (22 to 5, and until 7 where nobody goes to work)."""
HALF_LIFE = 60 * 24
"""Hours after which a residual counts half."""
_ROWS = len(CALIBRATED) + 1
_KNOTS = 6
_LEAST = 40
_HOUR = FEATURES.index("hour")
_WORKING = FEATURES.index("working_day")


@dataclass(frozen=True, slots=True)
class Intervals:
    """Calibrated intervals.

    Attributes
    ----------
    level : float
        Rentals; stands for an unknown level.
    knots : float64[len(KINDS), k]
        Predicted ratios, ascending.
    lower, upper : float64[len(CALIBRATED) + 1, len(KINDS), k]
        Residuals as ratios to the level at the knots, linear between them; the last row is for no
        rentals known.
    """

    level: float
    knots: Floats
    lower: Floats
    upper: Floats
    _lines: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_lines", _lines(self.knots, self.lower, self.upper))

    @classmethod
    def fit(
        cls,
        actual: Floats,
        predicted: Floats,
        matrix: NDArray[np.float32],
        level: float,
        hours: Ints | None = None,
    ) -> Self:
        """Calibrate on predictions of hours that the model had not seen.

        Without `hours` all residuals count alike.
        """
        scale = scale_of(matrix[:, LEVEL], level)
        residual, ratio = (actual - predicted) / scale, predicted / scale
        weight = weights(hours, len(actual))
        rows, kinds = row_of(matrix), kind_of(matrix)
        places = (np.arange(_KNOTS) + 0.5) / _KNOTS
        knots = np.zeros((len(KINDS), _KNOTS))
        lower, upper = np.zeros((2, _ROWS, len(KINDS), _KNOTS))
        for kind in range(len(KINDS)):
            members = kinds == kind
            # Without an hour of this kind, all hours stand for it.
            members = members if members.sum() >= _LEAST else np.ones(len(kinds), bool)
            knots[kind] = np.maximum.accumulate(np.quantile(ratio[members], places))
            for row in range(_ROWS):
                chosen = members & (rows == row)
                if chosen.sum() >= _LEAST:
                    lower[row, kind], upper[row, kind] = _quantiles(
                        residual[chosen], ratio[chosen], weight[chosen], knots[kind]
                    )
        # Knowing less never makes an interval narrower, whatever chance says of the sample.
        lower[:-1] = np.minimum.accumulate(lower[:-1])
        upper[:-1] = np.maximum.accumulate(upper[:-1])
        return cls(level, knots, lower, upper)

    def bounds(self, rentals: Floats, matrix: NDArray[np.float32]) -> tuple[Floats, Floats]:
        """Return lower and upper bounds: 0 <= lower <= rentals <= upper.

        Horizons beyond those calibrated take the longest.
        """
        return self.around(rentals, scale_of(matrix[:, LEVEL], self.level), columns_of(matrix))

    def around(
        self, rentals: Column, scale: Column, features: Sequence[Column]
    ) -> tuple[Column, Column]:
        """Return the bounds of many predictions or of one; `scale` is `scale_of` theirs."""
        ratio = rentals / scale
        kind = _kind(features)
        passed = count(across(ratio) >= self.knots[kind])
        group = at(_GROUP, whole(features[HORIZON])) + kind
        line = columns_of(self._lines[group * (_KNOTS + 1) + passed])
        knot, lower_slope, upper_slope, lower, upper = line
        lower = rentals + (lower_slope * (ratio - knot) + lower) * scale
        upper = rentals + (upper_slope * (ratio - knot) + upper) * scale
        return at_most(rentals, at_least(0.0, lower)), at_least(rentals, upper)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "level": self.level,
            "knots": self.knots.tolist(),
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
            name: np.asarray(values[name], np.float64) for name in ("knots", "lower", "upper")
        }
        level = float(values["level"])
        shape = (_ROWS, len(KINDS), _KNOTS)
        fits = arrays["lower"].shape == arrays["upper"].shape == shape
        fits = fits and arrays["knots"].shape == shape[1:]
        finite = all(np.isfinite(array).all() for array in arrays.values())
        if not (finite and fits and level > 0):
            raise ValueError(f"intervals: expected finite bounds of shape {shape}, level above 0")
        return cls(level, **arrays)


def kind_of(matrix: NDArray[np.float32]) -> Ints:
    """Return the index into `KINDS` of each row of a feature matrix."""
    found: Ints = _kind(columns_of(matrix))
    return found


def _kind(features: Sequence[Column]) -> Column:
    return at(_KIND, whole(features[_WORKING] * 24 + features[_HOUR]))


def _kinds() -> Ints:
    hour = np.arange(24)
    night = (hour >= 22) | (hour <= 5)
    rush = ((hour >= 7) & (hour <= 9)) | ((hour >= 16) & (hour <= 19))
    free = np.where(night | (hour <= 7), 3, 2)
    return np.append(free, np.where(night, 3, np.where(rush, 0, 1)))


_KIND = _kinds()
"""By working day and hour."""
_ROW = np.searchsorted(CALIBRATED, np.arange(CALIBRATED[-1] + 1))
_ROW[0] = len(CALIBRATED)
"""By horizon; 0: no rentals known."""
_GROUP = _ROW * len(KINDS)


def scale_of(level: Column, otherwise: float) -> Column:
    """Return the level of rows, as a feature, in float64; the given one where it is unknown."""
    return either(level > 0, level, np.float64(otherwise))


def row_of(matrix: NDArray[np.float32]) -> Ints:
    """Return the place in `CALIBRATED` of each row's horizon; one more where no rental is known."""
    found: Ints = at(_ROW, whole(matrix[:, HORIZON]))
    return found


def weights(hours: Ints | None, count: int) -> Floats:
    """Return how much each of `count` residuals counts: half as much each `HALF_LIFE`.

    Without `hours` all count alike.
    """
    if hours is None:
        return np.ones(count)
    found: Floats = 0.5 ** ((hours.max() - hours) / HALF_LIFE)
    return found


def _lines(knots: Floats, lower: Floats, upper: Floats) -> Floats:
    """Return where and what the bounds are between knots, constant beyond the outer ones.

    Of shape (rows * kinds * (k + 1), 5): a ratio, the slopes from there, the bounds there.
    """
    table = np.zeros((*lower.shape[:2], _KNOTS + 1, 5))
    table[:, :, 1:, 0], table[:, :, 0, 0] = knots, knots[:, 0]
    step = np.diff(knots)
    for column, bound in enumerate((lower, upper)):
        rise = np.diff(bound)
        # Of equal knots the last one counts, so that nothing lies between them.
        slopes = np.divide(rise, step, out=np.zeros_like(rise), where=step > 0)
        table[:, :, 1:-1, 1 + column] = slopes
        table[:, :, 1:, 3 + column], table[:, :, 0, 3 + column] = bound, bound[:, :, 0]
    return table.reshape(-1, 5)


def _quantiles(
    residual: Floats, ratio: Floats, weight: Floats, knots: Floats
) -> tuple[Floats, Floats]:
    """Return lower and upper residuals at the knots."""
    # How large a residual usually is around each knot, by a kernel mean on the ranks.
    rank = np.searchsorted(np.sort(ratio), np.append(knots, ratio)) / len(ratio)
    apart = rank[len(knots) :, None] - rank[: len(knots)]
    kernel = weight[:, None] * np.exp(-0.5 * (apart / 0.12) ** 2)
    usual = (kernel * np.abs(residual)[:, None]).sum(axis=0) / kernel.sum(axis=0) + 1e-6
    score = residual / np.interp(ratio, knots, usual)
    return _tail(-score, weight) * -usual, _tail(score, weight) * usual


def _tail(scores: Floats, weight: Floats) -> float:
    """Return the score that one more of the same kind exceeds with probability 5 %."""
    order = np.argsort(scores)
    # The one to come has the largest weight, and may lie beyond all others.
    share = np.cumsum(weight[order]) / (weight.sum() + weight.max())
    place = int(np.searchsorted(share, (1 + COVERAGE) / 2))
    return float(scores[order[min(place, len(scores) - 1)]])
