"""Histories of several sizes, and one small fitted model."""

from pathlib import Path

import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from training import artefact, model
from training.calendar import Calendar
from training.history import History
from training.intervals import Intervals
from training.sources import embedded_history


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """Both years."""
    return embedded_history()


@pytest.fixture(scope="session")
def recent(frame: pd.DataFrame) -> pd.DataFrame:
    """The newest 100 days."""
    return frame.tail(2400).reset_index(drop=True)


@pytest.fixture(scope="session")
def history(frame: pd.DataFrame) -> History:
    """Both years as arrays."""
    return History.from_frame(frame)


@pytest.fixture(scope="session")
def calendar() -> Calendar:
    """The calendar of Washington D.C."""
    return Calendar("US-DC")


@pytest.fixture(scope="session")
def fitted(history: History, calendar: Calendar) -> Pipeline:
    """A small model of the first 5,000 hours."""
    return model.pipeline(trees=8).fit(
        *model.training_data(history.hours[:5000], history, calendar)
    )


@pytest.fixture(scope="session")
def intervals(fitted: Pipeline, history: History, calendar: Calendar) -> Intervals:
    """Calibrated on the 2,000 hours after those."""
    matrix, rentals = model.training_data(history.hours[5000:7000], history, calendar)
    return Intervals.fit(rentals, fitted.predict(matrix), matrix, model.level_of(fitted))


@pytest.fixture(scope="session")
def saved(
    tmp_path_factory: pytest.TempPathFactory, fitted: Pipeline, intervals: Intervals
) -> tuple[Path, dict[str, str]]:
    """The small model as an artefact: directory and checksums."""
    directory = tmp_path_factory.mktemp("artefact")
    return directory, artefact.save(directory, fitted, intervals, {"holidays": "US-DC"})
