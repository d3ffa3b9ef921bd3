"""What a model must do with one thing changed, told from what it must not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.artefact import Artefact
from training.behaviour import check_behaviour
from training.calendar import Calendar
from training.features import FEATURES
from training.history import Floats, History

Matrix = np.ndarray
COLUMN = {name: FEATURES.index(name) for name in FEATURES}


class Model:
    """Answers with a function of the matrix, and an interval of 10 to each side."""

    def __init__(self, rentals: Callable[[Matrix], Floats], spread: float = 10.0) -> None:
        self.rentals, self.spread = rentals, spread

    def predict(self, matrix: Matrix) -> tuple[Floats, Floats, Floats]:
        rentals = self.rentals(matrix)
        return rentals, rentals - self.spread, rentals + self.spread


def failed(model: object, history: History, calendar: Calendar) -> list[str]:
    found = check_behaviour(model, history, calendar)  # type: ignore[arg-type]
    return [item["check"] for item in found if not item["passed"]]


def test_an_honest_model_passes(
    saved: tuple[Path, dict[str, str]], history: History, calendar: Calendar
) -> None:
    found = check_behaviour(Artefact.load(*saved), history, calendar)
    assert [item["check"] for item in found] == ["sound", "rain", "warmth", "night", "holiday"]
    assert all(item["passed"] and "not judged" not in item["detail"] for item in found)


def sensible(matrix: Matrix) -> Floats:
    """More by day, in warmth, when dry and on working days."""
    hour = matrix[:, COLUMN["hour"]]
    rush = np.where((hour >= 7) & (hour <= 19), 200.0, 20.0)
    return (
        rush
        + 2 * matrix[:, COLUMN["temperature"]]
        - 5 * matrix[:, COLUMN["weather"]]
        + 20 * matrix[:, COLUMN["working_day"]]
        + 100
    )


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        (lambda m: sensible(m) + 50 * m[:, COLUMN["weather"]], "rain"),
        (lambda m: sensible(m) - 5 * m[:, COLUMN["temperature"]], "warmth"),
        (lambda m: 700 - sensible(m) * (m[:, COLUMN["working_day"]] == 1), "night"),
        (lambda m: sensible(m) + 90 * m[:, COLUMN["holiday"]], "holiday"),
        (lambda m: sensible(m) - 500, "sound"),
        (lambda m: sensible(m) * np.nan, "sound"),
    ],
)
def test_what_no_cyclist_does_is_named(
    changed: Callable[[Matrix], Floats], check: str, history: History, calendar: Calendar
) -> None:
    assert failed(Model(sensible), history, calendar) == []
    assert check in failed(Model(changed), history, calendar)


def test_an_answer_outside_its_interval_or_new_each_time_is_unsound(
    history: History, calendar: Calendar
) -> None:
    random = np.random.default_rng(0)
    assert "sound" in failed(Model(sensible, spread=-1), history, calendar)
    restless = Model(lambda matrix: sensible(matrix) + random.random(len(matrix)))
    assert "sound" in failed(restless, history, calendar)


def test_a_place_without_frost_rain_or_quiet_nights_is_not_judged_by_them(
    calendar: Calendar,
) -> None:
    hours = np.arange(365_000, 365_000 + 3000)
    same = np.full(3000, 28.0)
    codes = np.zeros(3000, np.int8)
    tropics = History(hours, 50 + same, codes, same, same, same, same, codes)
    found = check_behaviour(Model(lambda m: np.full(len(m), 78.0)), tropics, calendar)  # type: ignore[arg-type]
    assert all(item["passed"] for item in found)
    assert sum(item["detail"].startswith("not judged") for item in found) == 4
