from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.artefact import (
    Artefact,
    BrokenArtefact,
    read_understanding,
    save_understanding,
)
from training.calendar import Calendar
from training.features import HORIZONS, Rows, build, observed_rows
from training.history import History, as_hours
from training.understanding import FAMILIES, partial_dependence, permutation_importance

Saved = tuple[Path, dict[str, str]]


@pytest.fixture(scope="module")
def served(saved: Saved) -> Artefact:
    """The small model."""
    return Artefact.load(*saved)


def day(history: History, date: str) -> Rows:
    """The hours of a day as observed, all known until the day before."""
    hours = as_hours(np.array([f"{date}T00"], "datetime64[h]")) + np.arange(24)
    return observed_rows(history, hours, hours - 24)


def predicted(served: Artefact, rows: Rows, history: History) -> np.ndarray:
    """What single requests get."""
    alone = np.ones(len(rows.hour), bool)
    return served.predict(build(rows, history, Calendar("US-DC"), alone))[0]


def test_rain_lowers_demand(served: Artefact, history: History) -> None:
    hours = history.hours[6000:6500]
    rows = observed_rows(history, hours, hours - 24)
    dry, wet = (replace(rows, weather=np.full(len(hours), code, np.int8)) for code in (0, 2))
    assert predicted(served, wet, history).sum() < 0.9 * predicted(served, dry, history).sum()


def test_a_working_day_has_two_peaks(served: Artefact, history: History) -> None:
    demand = predicted(served, day(history, "2011-09-14"), history)
    assert demand[8] > max(demand[6], demand[10]) and demand[17] > max(demand[14], demand[20])


def test_a_warm_sunday_afternoon_beats_a_cold_one(served: Artefact, history: History) -> None:
    sunday = day(history, "2011-09-18")
    warm, cold = (
        predicted(served, replace(sunday, temperature=np.full(24, value)), history)[12:18].sum()
        for value in (24.0, 4.0)
    )
    assert warm > 1.1 * cold


def test_mean_width_never_falls_with_the_horizon(served: Artefact, history: History) -> None:
    hours = history.hours[7000:7672]
    widths = []
    for horizon in HORIZONS:
        rows = observed_rows(history, hours, hours - horizon)
        _, lower, upper = served.predict(build(rows, history, Calendar("US-DC")))
        widths.append((upper - lower).mean())
    assert widths == sorted(widths)


def test_importance_is_of_every_family(
    served: Artefact, history: History, calendar: Calendar
) -> None:
    found = permutation_importance(served, history, calendar, history.hours[7000:7300], 2)
    assert set(found) == set(FAMILIES) and all(len(values) == 2 for values in found.values())
    assert next(iter(found)) in ("hour", "same hours of earlier days")


def test_dependence_has_a_mean_and_single_curves(
    served: Artefact, history: History, calendar: Calendar
) -> None:
    found = partial_dependence(served, history, calendar, history.hours[7000:7100])
    assert list(found) == ["hour", "weather", "temperature", "humidity", "windspeed"]
    for curves in found.values():
        assert len(curves["mean"]) == len(curves["values"])
        assert {len(curve) for curve in curves["curves"]} == {len(curves["values"])}


def test_understanding_is_read_as_it_was_written(tmp_path: Path) -> None:
    checksums = save_understanding(tmp_path, {"hour": [1.0]}, {})
    assert read_understanding(tmp_path, checksums) == {
        "importance": {"hour": [1.0]},
        "dependence": {},
    }
    (tmp_path / "understanding.json").write_text("{}")
    with pytest.raises(BrokenArtefact, match="understanding.json: its checksum"):
        read_understanding(tmp_path, checksums)
