"""The bands of horizons, each with a forest of its own; numpy only."""

from typing import NamedTuple

import numpy as np

from training.columns import Column, at, whole
from training.features import FEATURES, MOMENTUM, PATTERN, REQUEST
from training.history import Ints


class Band(NamedTuple):
    """Horizons that one forest answers.

    Attributes
    ----------
    longest : int
        Hours; the last band of known horizons takes longer ones too. 0: no rentals known.
    ring : tuple of int
        The horizons that training rows get in turn.
    copies : int
        The most rows that one hour gets.
    columns : int64[k]
        Of the feature matrix.
    """

    name: str
    longest: int
    ring: tuple[int, ...]
    copies: int
    columns: Ints


def _columns(names: tuple[str, ...]) -> Ints:
    return np.array([FEATURES.index(name) for name in names])


UNDATED = (
    *("hour", "weekday", "working_day", "holiday"),
    *("weather", "temperature", "humidity", "windspeed"),
)
"""Without a known level a day of the year, or what goes with it, tells growth as much as season:
the forest would repeat last year's autumn in this year's spring."""

BANDS = (
    Band("hour", 1, (1,), 1, _columns((*REQUEST[1:], *PATTERN, *MOMENTUM))),
    Band("day", 23, (2, 3, 6, 12, 4, 18, 9), 2, _columns((*REQUEST, *PATTERN, *MOMENTUM))),
    Band("week", 168, (24, 48, 168), 3, _columns((*REQUEST, *PATTERN))),
    Band("blind", 0, (0,), 1, _columns(UNDATED)),
)
ALL = range(len(BANDS))
BLIND = len(BANDS) - 1
_LONGEST = [band.longest for band in BANDS[: BLIND - 1]]
_BAND = np.searchsorted(_LONGEST, np.arange(_LONGEST[-1] + 2))
_BAND[0] = BLIND


def band_of(horizon: Column) -> Column:
    """Return the index into `BANDS` of each horizon; one below 1 means no rentals known."""
    return at(_BAND, whole(horizon))
