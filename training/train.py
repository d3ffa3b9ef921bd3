"""The whole of one training run: check, search, fit, calibrate, export, score, log."""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from training import artefact, checks, tracking
from training.bands import band_of
from training.calendar import Calendar
from training.cluster import ClusterUnavailable
from training.evaluate import LEVEL as COVERAGE
from training.evaluate import metrics, seasonal_naive
from training.features import HORIZONS, build, observed_rows
from training.history import WEATHER, History, Ints, as_datetimes, as_hours
from training.model import (
    CALIBRATION_TREES,
    COPIES,
    FOLDS,
    TREES,
    level_of,
    out_of_fold,
    pipeline,
    prefixes,
    search,
    smallest_good_enough,
    training_data,
)
from training.schema import InvalidHistory, check_history
from training.understanding import partial_dependence, permutation_importance

log = logging.getLogger(__name__)

HOLDOUT_HOURS = 28 * 24
LEAST_TRAINING_HOURS = 28 * 24 * 2
HEADLINE_HORIZON = 24

Progress = Callable[[str, float], None]


class TrainingRejected(ValueError):
    """The data is no basis for a model; the message says why, `findings` what is wrong with it."""

    def __init__(self, reason: str, findings: Sequence[checks.Finding] = ()) -> None:
        super().__init__(reason)
        self.findings = list(findings)


@dataclass(frozen=True, slots=True)
class Effort:
    """What a training may cost.

    Rows an hour for each band; trees of a candidate of the search, of the models that calibrate,
    and of the model.
    """

    copies: int
    search_trees: int
    calibration_trees: int
    trees: int


DEFAULT = Effort(COPIES, search_trees=TREES, calibration_trees=CALIBRATION_TREES, trees=TREES)
QUICK = Effort(copies=1, search_trees=4, calibration_trees=8, trees=24)


@dataclass(slots=True)
class TrainingResult:
    """What a training found.

    Attributes
    ----------
    metrics, baseline : dict
        Of the holdout a day ahead: the model, and seasonal-naive on the same rows.
    metrics_by_horizon, baseline_by_horizon : dict
        The same at each of `HORIZONS`.
    data, holdout : dict
        rows, from, to, data_sha256 of the training part; from and to of the holdout.
    candidates : list of dict
        params, mean_score and fold_scores (MAE), rank, fit_seconds.
    backtest : DataFrame
        The holdout as it would have been predicted at each of `HORIZONS`: datetime, as_of,
        horizon, predicted, lower, upper, actual, baseline (seasonal-naive) and the weather.
    importance, dependence : dict
        Of the holdout a day ahead, see `training.understanding`; also in the artefact's
        `understanding.json`.
    findings : list of dict
        What is doubtful about the data, which was accepted all the same.
    checksums : dict
        sha256 of each file of the artefact.
    searched_on : str
        The cluster's address, or this machine, with the reason if the cluster failed.
    """

    metrics: dict[str, float]
    baseline: dict[str, float]
    metrics_by_horizon: dict[int, dict[str, float]]
    baseline_by_horizon: dict[int, dict[str, float]]
    data: dict[str, Any]
    holdout: dict[str, str]
    candidates: list[dict[str, Any]]
    best_params: dict[str, Any]
    backtest: pd.DataFrame
    importance: dict[str, list[float]]
    dependence: dict[str, dict[str, Any]]
    findings: list[checks.Finding]
    checksums: dict[str, str]
    searched_on: str
    mlflow_run_id: str = ""
    mlflow_version: str = ""
    wall_seconds: float = 0.0


def train(
    frame: pd.DataFrame,
    *,
    directory: Path,
    tracking_uri: str,
    artifact_location: str,
    holidays: str,
    seed: int = 0,
    n_jobs: int = 2,
    cluster: str = "",
    quick: bool = False,
    accept_data: bool = False,
    new_store: bool = True,
    progress: Progress = lambda stage, share: None,
) -> TrainingResult:
    """Train on all but the newest 28 days, score on those, export and log.

    The model that is scored is the one that serves. The same data and seed give the same model.

    Parameters
    ----------
    frame : DataFrame
        A history, see `training.schema`.
    directory : Path
        Where the artefact is written.
    artifact_location : str
        Where MLflow keeps files, if `tracking_uri` is not a server.
    n_jobs : int
        Threads of the search and of the fits.
    cluster : str
        Address of a Dask scheduler whose workers do the search; if they fail, this machine does.
    quick : bool
        Spend less on it: a first champion within a minute.
    accept_data : bool
        Train on data that is doubtful (see `training.checks`) all the same.
    new_store : bool
        Make MLflow's store if it is a file that is missing.
    progress : callable
        Gets each stage at its start, with the share of the whole that is done; and the search, if
        it is on this machine, again and again, in any thread.

    Raises
    ------
    TrainingRejected
        The frame is no valid history, too short, its rentals never differ, or its newest weeks
        are doubtful and not accepted.
    tracking.TrackingUnavailable
        The store can't be reached or written.
    """
    started = time.monotonic()
    effort = QUICK if quick else DEFAULT
    progress("checking data", 0.0)
    clean = _checked(frame)
    history = History.from_frame(clean)
    hours, holdout = _split(history)
    calendar = Calendar(holidays)
    findings = checks.find(clean, calendar)
    if findings and not accept_data:
        raise TrainingRejected(_reason(findings), findings)
    tracking.check(tracking_uri, new=new_store)
    wait_for_store = tracking.prepare(tracking_uri, artifact_location)

    progress("searching", 0.05)
    headline = band_of(np.array([HEADLINE_HORIZON], np.float32))
    sample = training_data(hours, history, calendar, 1, headline.tolist())
    searching = partial(
        search,
        *sample,
        trees=effort.search_trees,
        seed=seed,
        n_jobs=n_jobs,
        tell=lambda share: progress("searching", 0.05 + 0.45 * share),
    )
    found, searched_on = on_cluster_or_here(searching, cluster)
    best, trees = smallest_good_enough(found)
    if quick:  # too few were tried to tell how many it takes
        trees = effort.trees

    progress("fitting", 0.5)
    matrix, rentals = training_data(hours, history, calendar, effort.copies)
    fitted: Pipeline = pipeline(trees, seed, n_jobs).set_params(**best).fit(matrix, rentals)

    progress("calibrating", 0.6)
    smaller = pipeline(min(trees, effort.calibration_trees), seed, n_jobs).set_params(**best)
    unseen = out_of_fold(smaller, hours, history, calendar, effort.copies)
    intervals = unseen.calibrate(level_of(fitted))

    progress("exporting", 0.75)
    data = describe(clean[as_hours(clean["datetime"].to_numpy()) <= hours[-1]])
    about = {"holidays": holidays, "data": data, "ranges": _ranges(history, hours)}
    about |= {"quantiles": unseen.quantiles(intervals).to_dict()}
    checksums = artefact.save(directory, fitted, intervals, about)

    progress("scoring holdout", 0.8)
    served = artefact.Artefact.load(directory, checksums)
    scored = backtest(served, history, calendar, holdout)
    importance = permutation_importance(served, history, calendar, holdout)
    dependence = partial_dependence(served, history, calendar, holdout)
    checksums |= artefact.save_understanding(directory, importance, dependence)
    scores = {horizon: _score(scored, horizon) for horizon in HORIZONS}
    naive = {horizon: _score_naive(history, hours, holdout, horizon) for horizon in HORIZONS}
    result = TrainingResult(
        metrics=scores[HEADLINE_HORIZON],
        baseline=naive[HEADLINE_HORIZON],
        metrics_by_horizon=scores,
        baseline_by_horizon=naive,
        data=data,
        holdout=_span(holdout),
        candidates=_candidates(found),
        best_params={**best, "trees": trees, "copies": effort.copies},
        backtest=scored,
        importance=importance,
        dependence=dependence,
        findings=findings,
        checksums=checksums,
        searched_on=searched_on,
    )

    progress("logging", 0.85)
    wait_for_store()
    result.mlflow_run_id, result.mlflow_version = tracking.log_training(
        tracking_uri, artifact_location, result, fitted, matrix[-5:], directory
    )
    result.wall_seconds = time.monotonic() - started
    return result


def on_cluster_or_here(
    searching: Callable[..., GridSearchCV], cluster: str
) -> tuple[GridSearchCV, str]:
    """Search on the cluster, if there is one and it can, else on this machine; say where."""
    if not cluster:
        return searching(), "this machine"
    try:
        return searching(cluster=cluster), cluster
    except ClusterUnavailable as error:
        log.warning("%s; searching on this machine", error)
        return searching(), f"this machine, without {error}"


def _checked(frame: pd.DataFrame) -> pd.DataFrame:
    if findings := checks.invalid(frame):
        raise TrainingRejected(_reason(findings), findings)
    try:
        return check_history(frame)
    except InvalidHistory as error:
        raise TrainingRejected(str(error)) from error


def _reason(findings: Sequence[checks.Finding]) -> str:
    return "; ".join(
        f"{found['first']} to {found['last']}: {found['detail']}" for found in findings
    )


def _split(history: History) -> tuple[Ints, Ints]:
    """Return the hours to train on, and those of the newest 28 days."""
    held_out = history.hours > history.hours[-1] - HOLDOUT_HOURS
    hours = history.hours[~held_out]
    if len(hours) < LEAST_TRAINING_HOURS:
        raise TrainingRejected(
            f"{len(hours)} observed hours before the newest 28 days, "
            f"expected at least {LEAST_TRAINING_HOURS}"
        )
    if np.ptp(history.rentals_at(hours)) == 0:
        raise TrainingRejected("the rentals never differ, expected a history with demand in it")
    return hours, history.hours[held_out]


def describe(frame: pd.DataFrame) -> dict[str, Any]:
    """Return rows, from, to and data_sha256 of a table of hours in order."""
    digest = hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()
    span = _span(as_hours(frame["datetime"].to_numpy()))
    return {"rows": len(frame), **span, "data_sha256": digest}


def _span(hours: Ints) -> dict[str, str]:
    first, last = as_datetimes(hours[[0, -1]])
    return {"from": str(first), "to": str(last)}


def _ranges(history: History, hours: Ints) -> dict[str, list[float]]:
    """Return the smallest and the largest value that the model has seen."""
    cells = history.cells(hours)
    seen = {
        "temperature": history.temperature[cells],
        "humidity": history.humidity[cells],
        "windspeed": history.windspeed[cells],
    }
    return {name: [float(values.min()), float(values.max())] for name, values in seen.items()}


def backtest(
    served: artefact.Artefact, history: History, calendar: Calendar, hours: Ints
) -> pd.DataFrame:
    """Return observed hours as they would have been predicted, at each of `HORIZONS`."""
    parts = []
    for horizon in HORIZONS:
        as_of = history.newest_before(hours - horizon)
        rows = observed_rows(history, hours, as_of)
        predicted, lower, upper = served.predict(build(rows, history, calendar))
        columns = {
            "datetime": as_datetimes(hours),
            "as_of": as_datetimes(as_of),
            "horizon": horizon,
            "predicted": predicted,
            "lower": lower,
            "upper": upper,
            "actual": history.rentals_at(hours),
            "baseline": seasonal_naive(hours, history, as_of),
            "weather": np.array(WEATHER)[rows.weather],
            "temperature": rows.temperature,
            "humidity": rows.humidity,
            "windspeed": rows.windspeed,
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _score(backtest: pd.DataFrame, horizon: int) -> dict[str, float]:
    part = backtest[backtest["horizon"] == horizon]
    columns = (part[name].to_numpy() for name in ("actual", "predicted", "lower", "upper"))
    return metrics(*columns)


def _score_naive(history: History, seen: Ints, hours: Ints, horizon: int) -> dict[str, float]:
    """Score seasonal-naive; its interval has one width, calibrated on the hours of the training."""
    mean = history.rentals_at(seen).mean()  # where not even a level is known
    predicted = np.nan_to_num(seasonal_naive(hours, history, hours - horizon), nan=mean)
    past = history.rentals_at(seen) - seasonal_naive(seen, history, seen - horizon)
    lower, upper = np.nanquantile(past, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    bounds = np.maximum(predicted + lower, 0), predicted + upper
    return metrics(history.rentals_at(hours), predicted, *bounds)


def _candidates(found: GridSearchCV) -> list[dict[str, Any]]:
    """Return every candidate with its trees: each number of trees that was scored is one."""
    results = found.cv_results_
    rows = [
        {
            "params": params | {"trees": trees},
            "mean_score": -float(results[f"mean_test_trees_{trees}"][index]),
            "fold_scores": [
                -float(results[f"split{fold}_test_trees_{trees}"][index]) for fold in range(FOLDS)
            ],
            "fit_seconds": float(results["mean_fit_time"][index]),
        }
        for index, params in enumerate(results["params"])
        for trees in prefixes(found.estimator.named_steps["forests"].regressor.n_estimators)
    ]
    order = np.argsort([row["mean_score"] for row in rows], kind="stable")
    for rank, place in enumerate(order.tolist(), start=1):
        rows[place]["rank"] = rank
    return rows
