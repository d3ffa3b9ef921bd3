import hashlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from training import model
from training.artefact import METADATA, TREES, Artefact, BrokenArtefact
from training.bands import BANDS, band_of
from training.calendar import Calendar
from training.features import HORIZONS, build, observed_rows
from training.history import NO_HISTORY, History
from training.intervals import Intervals
from training.model import GRID, level_of, pipeline, training_data

Saved = tuple[Path, dict[str, str]]


def matrix_of(history: History, calendar: Calendar, horizon: int | None) -> np.ndarray:
    """The features of 500 hours that the small model has not seen."""
    hours = history.hours[8000:8500]
    as_of = hours - horizon if horizon else np.full(len(hours), NO_HISTORY)
    return build(observed_rows(history, hours, as_of), history, calendar)


@pytest.mark.parametrize("horizon", [*HORIZONS, 500, None])
def test_artefact_says_what_the_pipeline_says(
    saved: Saved, fitted: Pipeline, history: History, calendar: Calendar, horizon: int | None
) -> None:
    matrix = matrix_of(history, calendar, horizon)
    rentals, lower, upper = Artefact.load(*saved).predict(matrix)
    assert np.abs(rentals - fitted.predict(matrix)).max() < 0.01
    assert ((lower >= 0) & (lower <= rentals) & (rentals <= upper)).all()


def test_one_prediction_is_the_same_as_in_many(
    saved: Saved, history: History, calendar: Calendar
) -> None:
    matrix, served = matrix_of(history, calendar, 24), Artefact.load(*saved)
    many = np.stack(served.predict(matrix))
    ones = np.hstack([served.predict(row[None]) for row in matrix])
    assert np.allclose(ones, many, atol=1e-3)


@pytest.mark.parametrize("name", ["hour.onnx", "week.onnx", METADATA, TREES])
def test_changed_or_missing_file_is_named(saved: Saved, tmp_path: Path, name: str) -> None:
    directory, checksums = saved
    for file in checksums:
        (tmp_path / file).write_bytes((directory / file).read_bytes())
    with (tmp_path / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(BrokenArtefact, match=f"{name}: its checksum is not the stored one"):
        Artefact.load(tmp_path, checksums)
    (tmp_path / name).unlink()
    with pytest.raises(BrokenArtefact, match=f"{name}: No such file"):
        Artefact.load(tmp_path, checksums)


def test_smoke_test_runs_in_a_process_of_its_own(saved: Saved) -> None:
    directory, checksums = saved
    command = [sys.executable, "-m", "training.artefact", str(directory)]
    good = subprocess.run(command, input=json.dumps(checksums), text=True, check=False)
    bad = subprocess.run(command, input="{}", text=True, check=False, capture_output=True)
    assert good.returncode == 0
    assert bad.returncode == 1 and bad.stderr.count("\n") == 1


def test_serving_imports_no_training_library() -> None:
    code = (
        "import sys, training.artefact, training.calendar, training.features\n"
        "print({'sklearn', 'pandas', 'mlflow', 'skl2onnx'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], text=True, check=True, capture_output=True)
    assert found.stdout.strip() == "set()"


def test_same_seed_gives_the_same_model(history: History, calendar: Calendar) -> None:
    data = training_data(history.hours[:2000], history, calendar)
    first, second, other = (pipeline(2, seed).fit(*data).predict(data[0]) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_twice_the_demand_is_twice_the_prediction(
    fitted: Pipeline, history: History, calendar: Calendar
) -> None:
    matrix = matrix_of(history, calendar, 24)
    doubled = matrix.copy()
    doubled[:, 0] *= 2
    assert np.allclose(fitted.predict(doubled), 2 * fitted.predict(matrix))


def test_unknown_level_is_the_mean_of_the_training(
    fitted: Pipeline, history: History, calendar: Calendar
) -> None:
    _, rentals = training_data(history.hours[:5000], history, calendar)
    assert level_of(fitted) == pytest.approx(rentals.mean())


@pytest.mark.parametrize("horizon", [1, 6, 24, 168, None])
def test_contributions_add_up_to_the_prediction(
    saved: Saved, history: History, calendar: Calendar, horizon: int | None
) -> None:
    matrix, served = matrix_of(history, calendar, horizon), Artefact.load(*saved)
    rentals = served.predict(matrix)[0]
    for row in range(0, 500, 50):
        found = served.explain(matrix[row])
        assert sum(found.values()) == pytest.approx(rentals[row], abs=0.01)
        assert "baseline" in found and "temperature" in found


def test_grid_and_horizons_are_wide_enough() -> None:
    assert np.prod([len(values) for values in GRID.values()]) >= 12
    assert len(GRID) >= 3
    assert {*HORIZONS, 0} <= {horizon for band in BANDS for horizon in band.ring}


def test_every_band_is_trained_on_its_own_horizons() -> None:
    for number, band in enumerate(BANDS):
        assert set(band_of(np.array(band.ring, np.float32))) == {number}
    assert band_of(np.array([-1, 1, 2, 23, 24, 9999], np.float32)).tolist() == [3, 0, 1, 1, 2, 2]


def test_interval_covers_nine_in_ten_of_its_calibration(
    intervals: Intervals, fitted: Pipeline, history: History, calendar: Calendar
) -> None:
    matrix, rentals = training_data(history.hours[5000:7000], history, calendar)
    lower, upper = intervals.bounds(fitted.predict(matrix), matrix)
    assert 0.88 < np.mean((lower <= rentals) & (rentals <= upper)) < 0.95


def test_interval_never_narrows_with_the_horizon(
    intervals: Intervals, history: History, calendar: Calendar
) -> None:
    matrix = matrix_of(history, calendar, 24)
    widths = []
    for horizon in HORIZONS:
        matrix[:, 1] = horizon
        lower, upper = intervals.bounds(np.full(len(matrix), 100.0), matrix)
        widths.append((upper - lower).mean())
    assert widths == sorted(widths) and widths[0] > 0


def test_intervals_survive_json_and_refuse_nonsense(intervals: Intervals) -> None:
    values = json.loads(json.dumps(intervals.to_dict()))
    assert Intervals.from_dict(values).to_dict() == intervals.to_dict()
    with pytest.raises(ValueError, match="expected finite bounds of shape"):
        Intervals.from_dict(values | {"lower": [[0.0]]})


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("week.onnx", b"no forest", "week.onnx"),
        (METADATA, b"no json", "metadata.json"),
        (METADATA, b'{"features": ["hour"]}', "its features are not those of this version"),
        (METADATA, b"[]", "metadata.json"),
    ],
)
def test_nonsense_with_a_right_checksum_is_broken_too(
    saved: Saved, tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    directory, checksums = saved
    for file in checksums:
        (tmp_path / file).write_bytes((directory / file).read_bytes())
    (tmp_path / name).write_bytes(content)
    right = checksums | {name: hashlib.sha256(content).hexdigest()}
    with pytest.raises(BrokenArtefact, match=reason):
        Artefact.load(tmp_path, right)


def test_a_fit_waits_for_no_other_that_tells(
    history: History, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[Pipeline] = []
    all_scored = threading.Event()

    def score(fitted: Pipeline, *rows: np.ndarray) -> dict[str, float]:
        scored.append(fitted)
        if len(scored) == model.FOLDS:
            all_scored.set()
        return {"trees_1": 0.0}

    def tell(_: float) -> None:
        told.append(all_scored.wait(60))

    told: list[bool] = []
    monkeypatch.setattr(model, "_score_prefixes", score)
    data = training_data(history.hours[8000:8200], history, calendar, 1)
    grid = {f"{model.PREFIX}min_samples_leaf": [5]}
    model.search(*data, trees=1, grid=grid, n_jobs=2, tell=tell)
    assert told
    assert all(told)
