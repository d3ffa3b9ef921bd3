"""What the model looks at, over the holdout: permutation importance and partial dependence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.artefact import Artefact
from training.calendar import Calendar
from training.features import FEATURES, Rows, build, observed_rows
from training.history import WEATHER, Floats, History, Ints

HORIZON = 24
CURVES = 30
POINTS = 12
FAMILIES = {
    "hour": ("hour",),
    "kind of day": (
        "weekday",
        "working_day",
        "holiday",
        "working_yesterday",
        "working_tomorrow",
    ),
    "day of the year": ("day_of_year",),
    "weather": tuple(name for name in FEATURES if name.startswith(("weather", "rain"))),
    "temperature": tuple(name for name in FEATURES if name.startswith("temperature")),
    "humidity": tuple(name for name in FEATURES if name.startswith("humidity")),
    "windspeed": ("windspeed",),
    "same hours of earlier days": ("typical", "typical_3", "analog", "analog_weight"),
    "last day and week": ("week_level", "day_level"),
    "weather of last week and month": ("level_temperature", "level_rain", "week_temperature"),
}
"""Features that say much the same are shuffled together: alone, each would look unimportant."""


def permutation_importance(
    served: Artefact,
    history: History,
    calendar: Calendar,
    hours: Ints,
    repeats: int = 5,
    seed: int = 0,
) -> dict[str, list[float]]:
    """Return by how many rentals the MAE a day ahead grows when a family of features is shuffled.

    One value a repeat, by family (Breiman, Random forests, Machine Learning 45, 2001; in blocks as
    in Strobl et al., Conditional variable importance for random forests, 2008, to respect what goes
    together).
    """
    matrix = build(observed_rows(history, hours, hours - HORIZON), history, calendar)
    actual = history.rentals_at(hours)
    known = float(np.abs(served.predict(matrix)[0] - actual).mean())
    random = np.random.default_rng(seed)
    found: dict[str, list[float]] = {}
    for family, names in FAMILIES.items():
        columns = [FEATURES.index(name) for name in names]
        found[family] = []
        for _ in range(repeats):
            shuffled = matrix.copy()
            shuffled[:, columns] = matrix[random.permutation(len(matrix))][:, columns]
            error = float(np.abs(served.predict(shuffled)[0] - actual).mean())
            found[family].append(error - known)
    return dict(sorted(found.items(), key=lambda item: -float(np.mean(item[1]))))


def partial_dependence(
    served: Artefact, history: History, calendar: Calendar, hours: Ints
) -> dict[str, dict[str, Any]]:
    """Return what would be predicted a day ahead if one input of the request were another.

    By input: `values` asked, `mean` of the predictions over all hours, and `curves` of single ones
    (Friedman 2001; Goldstein et al., Peeking inside the black box, 2015). The whole row is made
    anew for each value, as a single request is, so that what follows from the input follows.
    """
    rows = observed_rows(history, hours, hours - HORIZON)
    chosen = np.linspace(0, len(hours) - 1, min(CURVES, len(hours))).astype(int)
    found = {}
    for name, values in _values(rows).items():
        curves = np.stack(
            [_predicted(served, history, calendar, _with(rows, name, value)) for value in values]
        )
        found[name] = {
            "values": [WEATHER[int(v)] for v in values] if name == "weather" else values.tolist(),
            "mean": np.round(curves.mean(axis=1), 2).tolist(),
            "curves": np.round(curves[:, chosen].T, 1).tolist(),
        }
    return found


def _values(rows: Rows) -> dict[str, Floats]:
    values: dict[str, NDArray[Any]] = {
        "hour": np.arange(24.0),
        "weather": np.unique(rows.weather).astype(float),
    }
    for name in ("temperature", "humidity", "windspeed"):
        seen = getattr(rows, name)
        values[name] = np.round(np.linspace(seen.min(), seen.max(), POINTS), 1)
    return values


def _with(rows: Rows, name: str, value: float) -> Rows:
    if name == "hour":
        hour = rows.hour - rows.hour % 24 + int(value)
        return replace(rows, hour=hour, as_of=hour - HORIZON)
    column = getattr(rows, name)
    return replace(rows, **{name: np.full_like(column, value)})


def _predicted(served: Artefact, history: History, calendar: Calendar, rows: Rows) -> Floats:
    alone = np.ones(len(rows.hour), np.bool_)
    rentals: Floats = served.predict(build(rows, history, calendar, alone))[0]
    return rentals
