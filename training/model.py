"""The model: a scikit-learn pipeline around random forests that learn ratios to the level.

What tells most of the next hour (how the last one went) tells nothing of the next week, so each
band of horizons has a forest and columns of its own; `HorizonForests` is one estimator all the
same.
"""

import threading
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, NamedTuple, Self

import numpy as np
from joblib import parallel_config
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.callback import CallbackContext
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from training.bands import ALL, BANDS, Band, band_of
from training.calendar import Calendar
from training.cluster import on_cluster
from training.evaluate import LEVEL as COVERAGE
from training.features import HORIZON, LEVEL, build, observed_rows
from training.history import NO_HISTORY, Floats, History, Ints
from training.intervals import CALIBRATED, Intervals
from training.quantiles import Quantiles

PREFIX = "forests__regressor__"
GRID: dict[str, list[Any]] = {
    f"{PREFIX}min_samples_leaf": [4, 5, 6],
    f"{PREFIX}max_features": [0.3, 0.5],
    f"{PREFIX}max_samples": [0.6, 0.8],
}
CHAMPION = {
    f"{PREFIX}min_samples_leaf": 5,
    f"{PREFIX}max_features": 0.5,
    f"{PREFIX}max_samples": 0.8,
}
"""The backtest's fixed choice: within 1 % of the best that the search finds on the embedded
history, on whichever days it ends."""
TREES = 40
COPIES = 3
FOLDS = 3
CALIBRATION_FOLDS = 4
CALIBRATION_TREES = 24
HIDDEN = 0.25
"""Share of the training rows that know the weather after `as_of` of their own hour alone."""


class Unseen(NamedTuple):
    """Predictions of hours that the model had not seen."""

    actual: Floats
    predicted: Floats
    matrix: NDArray[np.float32]
    hours: Ints

    def calibrate(self, level: float) -> Intervals:
        """Return the intervals for a model with this level for an unknown one."""
        return Intervals.fit(self.actual, self.predicted, self.matrix, level, self.hours)

    def quantiles(self, intervals: Intervals) -> Quantiles:
        """Return the quantiles that go with intervals from `calibrate`."""
        return Quantiles.fit(self.actual, self.predicted, self.matrix, intervals, self.hours)

    def one_width(self, horizon: int) -> float:
        """Return the width of split conformal intervals with one width for all hours.

        Their calibration (Lei et al., Distribution-free predictive inference for regression, 2018)
        is on the same residuals of that horizon as `calibrate` uses.
        """
        ahead = self.matrix[:, HORIZON] == horizon
        error = np.sort(np.abs(self.actual - self.predicted)[ahead])
        rank = int(np.ceil((len(error) + 1) * COVERAGE))
        return 2 * float(error[min(rank, len(error)) - 1]) if len(error) else float("nan")


class RatioToLevel(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # no stubs
    """Learn the target as a ratio to the first column, predict it in the target's unit.

    Demand may then grow beyond anything seen: the forest need not extrapolate, the level does
    (the idea of scikit-learn's TransformedTargetRegressor, with a divisor of each row's own).

    Parameters
    ----------
    regressor : RandomForestRegressor
        Sees the other columns.

    Attributes
    ----------
    regressor_ : RandomForestRegressor
        Fitted on ratios, weighted by level so that an error counts in rentals.
    """

    def __init__(self, regressor: RandomForestRegressor) -> None:
        self.regressor = regressor

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit on X of shape (n, 1 + k), whose first column is positive, and y of shape (n,)."""
        X = np.asarray(X)
        level = X[:, 0].astype(np.float64)
        ratio = np.asarray(y) / level
        # A mean of 1, because scikit-learn takes max_samples as a share of their sum.
        weight = level / level.mean()
        with parallel_config("threading"):  # a cluster gets whole fits, not each tree
            self.regressor_ = clone(self.regressor).fit(X[:, 1:], ratio, sample_weight=weight)
        # Threads would add the trees up in the order they end: another sum at each call.
        self.regressor_.n_jobs = 1
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Return predictions of shape (n,) in the unit of the target."""
        check_is_fitted(self)
        X = np.asarray(X)
        ratio: Floats = self.regressor_.predict(X[:, 1:])
        return ratio * X[:, 0].astype(np.float64)


class HorizonForests(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # no stubs
    """Fit a forest for each band of horizons, predict each row by the one of its band.

    Parameters
    ----------
    regressor : RandomForestRegressor

    Attributes
    ----------
    forests_ : dict
        A fitted `RatioToLevel` by the name of each band that had rows.
    level_ : float
        Mean rentals of the training rows; stands for an unknown level.
    """

    def __init__(self, regressor: RandomForestRegressor) -> None:
        self.regressor = regressor

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit on the feature matrix of shape (n, len(FEATURES)) and rentals of shape (n,)."""
        X, y = np.asarray(X), np.asarray(y)
        self.level_ = float(y.mean())
        self.forests_ = {}
        for band, members in _by_band(X):
            forest = RatioToLevel(self.regressor)
            self.forests_[band.name] = forest.fit(self._inputs(X[members], band), y[members])
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Return predicted rentals of shape (n,).

        Raises
        ------
        ValueError
            A row is of a band that had no rows to fit on.
        """
        check_is_fitted(self)
        X = np.asarray(X)
        predicted = np.empty(len(X))
        for band, members in _by_band(X):
            if band.name not in self.forests_:
                raise ValueError(f"band {band.name!r}: expected one of {', '.join(self.forests_)}")
            inputs = self._inputs(X[members], band)
            predicted[members] = self.forests_[band.name].predict(inputs)
        return predicted

    def predict_trees(self, X: ArrayLike) -> Floats:
        """Return what each tree predicts, of shape (trees, n)."""
        X = np.asarray(X)
        parts = _by_band(X)
        trees = min(len(self.forests_[band.name].regressor_) for band, _ in parts)
        predicted = np.empty((trees, len(X)))
        for band, members in parts:
            inputs = self._inputs(X[members], band)
            forest = self.forests_[band.name].regressor_
            for tree in range(trees):
                ratio = forest.estimators_[tree].tree_.predict(inputs[:, 1:])
                predicted[tree, members] = ratio.reshape(-1) * inputs[:, 0]
        return predicted

    def _inputs(self, X: NDArray[np.float32], band: Band) -> NDArray[np.float32]:
        level = np.where(X[:, LEVEL] > 0, X[:, LEVEL], self.level_)
        return np.column_stack([level, X[:, band.columns]]).astype(np.float32)


def _by_band(X: NDArray[np.float32]) -> list[tuple[Band, Ints]]:
    numbers = band_of(X[:, HORIZON])
    members = [(band, np.flatnonzero(numbers == number)) for number, band in enumerate(BANDS)]
    return [(band, rows) for band, rows in members if len(rows)]


def pipeline(trees: int = TREES, seed: int = 0, n_jobs: int | None = None) -> Pipeline:
    """Return the unfitted pipeline; it takes the feature matrix and predicts rentals."""
    forest = RandomForestRegressor(n_estimators=trees, random_state=seed, n_jobs=n_jobs)
    return Pipeline([("forests", HorizonForests(forest))])


def forests_of(fitted: Pipeline) -> dict[str, RandomForestRegressor]:
    """Return the forests of a fitted pipeline by band; each takes its band's columns."""
    fitted_bands = fitted.named_steps["forests"].forests_
    return {name: forest.regressor_ for name, forest in fitted_bands.items()}


def level_of(fitted: Pipeline) -> float:
    """Return the level, in rentals, that a fitted pipeline takes for an unknown one."""
    return float(fitted.named_steps["forests"].level_)


def training_data(
    hours: Ints,
    history: History,
    calendar: Calendar,
    copies: int = COPIES,
    bands: Iterable[int] = ALL,
) -> tuple[NDArray[np.float32], Floats]:
    """Return matrix and rentals of observed hours, in the order of hours.

    Each hour has rows for each of the given bands (indexes into `BANDS`), up to `copies` that
    differ in their horizon. Rows that a gap before the hour moves to another band are left out.
    """
    parts = [(*_ring(np.sort(hours), BANDS[number], copies), number) for number in bands]
    hour, ahead, alone = (np.concatenate(columns) for columns in list(zip(*parts, strict=True))[:3])
    meant = np.repeat([number for *_, number in parts], [len(part[0]) for part in parts])
    order = np.argsort(hour, kind="stable")
    hour, ahead, alone, meant = hour[order], ahead[order], alone[order], meant[order]
    as_of = np.where(ahead > 0, hour - ahead, NO_HISTORY)
    matrix = build(observed_rows(history, hour, as_of), history, calendar, alone)
    kept = band_of(matrix[:, HORIZON]) == meant
    return matrix[kept], history.rentals_at(hour[kept])


def _ring(hours: Ints, band: Band, copies: int) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Return hours, horizons, and whether their weather is hidden, of a band's training rows."""
    copies = min(copies, band.copies)
    turn = np.repeat(hours, copies) + np.tile(np.arange(copies), len(hours))
    ahead = np.array(band.ring)[turn % len(band.ring)]
    # A fixed random choice for each hour and horizon, whatever other rows there are.
    drawn = (turn * 2654435761 + ahead * 40503) % 65536
    return np.repeat(hours, copies), ahead, drawn < HIDDEN * 65536


def search(
    matrix: NDArray[np.float32],
    rentals: Floats,
    *,
    trees: int,
    grid: dict[str, list[Any]] = GRID,
    seed: int = 0,
    n_jobs: int = 1,
    cluster: str = "",
    tell: Callable[[float], None] = lambda share: None,
) -> GridSearchCV:
    """Return the fitted search over a grid, scored by MAE on folds in the order of time.

    A forest's prefix is a forest: each candidate is fitted once with all its trees and scored with
    each number of `prefixes(trees)`, as the metrics `trees_N` of the search. Not refitted.
    Found in `n_jobs` threads or, the same, by all workers of the Dask cluster at an address.
    The threads, but no cluster, `tell` the share of the fits that are done, one at a time; none
    waits to tell.

    Raises
    ------
    ClusterUnavailable
        The cluster failed.
    """
    folds = list(TimeSeriesSplit(FOLDS).split(matrix))
    found = GridSearchCV(
        pipeline(trees, seed),
        grid,
        scoring=_score_prefixes,
        cv=folds,
        n_jobs=n_jobs,
        refit=False,
        error_score="raise",
    )
    if cluster:
        with on_cluster(cluster, [matrix, rentals, *chain(*folds)]):
            return found.fit(matrix, rentals)
    found.set_callbacks(_Teller(tell))
    # Trees are grown without the interpreter's lock, so threads do: they start at once, share the
    # matrix, and none is left behind when the process is killed.
    with parallel_config("threading"):
        return found.fit(matrix, rentals)


class _Teller:
    """A scikit-learn callback that tells how far a search is."""

    def __init__(self, tell: Callable[[float], None]) -> None:
        self._tell = tell
        self._done = 0
        self._counting, self._telling = threading.Lock(), threading.Lock()

    def setup(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Do nothing."""

    def teardown(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Do nothing."""

    def on_fit_task_begin(
        self, estimator: BaseEstimator, context: CallbackContext, **_: Any
    ) -> None:
        """Do nothing."""

    def on_fit_task_end(self, estimator: BaseEstimator, context: CallbackContext, **_: Any) -> None:
        """Tell, if one candidate was fitted and scored on one fold."""
        if context.parent is not None and context.parent.task_name == "search":
            with self._counting:
                self._done += 1
            if self._telling.acquire(blocking=False):
                try:
                    self._tell(self._done / context.parent.max_subtasks)
                finally:
                    self._telling.release()


def prefixes(trees: int) -> list[int]:
    """Return the numbers of trees that a search tries, up to the given one."""
    return sorted({max(1, trees // part) for part in (1, 2, 4)})


def _score_prefixes(
    fitted: Pipeline, matrix: NDArray[np.float32], rentals: Floats
) -> dict[str, float]:
    sums = np.cumsum(fitted.named_steps["forests"].predict_trees(matrix), axis=0)
    return {
        f"trees_{count}": -float(np.abs(sums[count - 1] / count - rentals).mean())
        for count in prefixes(len(sums))
    }


def smallest_good_enough(found: GridSearchCV) -> tuple[dict[str, Any], int]:
    """Return the best parameters, and the fewest trees that are within 1 % of the best score."""
    results = found.cv_results_
    counts = sorted(int(name[16:]) for name in results if name.startswith("mean_test_trees_"))
    error = np.array([-results[f"mean_test_trees_{count}"] for count in counts])
    best = int(error[-1].argmin())
    enough = int(np.argmax(error[:, best] <= 1.01 * error.min()))
    return results["params"][best], counts[enough]


def out_of_fold(
    unfitted: Pipeline,
    hours: Ints,
    history: History,
    calendar: Calendar,
    copies: int = COPIES,
    bands: Iterable[int] = ALL,
) -> Unseen:
    """Return predictions of hours that the model had not seen, for `Intervals.fit`.

    Each fold is predicted by a model of the hours before it, at every horizon of `CALIBRATED` and
    with no rentals known, as far as it is of the given bands.
    """
    hours = np.sort(hours)
    horizons = np.array([*CALIBRATED, 0])
    bands = list(bands)
    horizons = horizons[np.isin(band_of(horizons.astype(np.float32)), bands)]
    parts = []
    folds = list(TimeSeriesSplit(2 + CALIBRATION_FOLDS).split(hours))[-CALIBRATION_FOLDS:]
    for past, fold in folds:
        data = training_data(hours[past], history, calendar, copies, bands)
        fitted = clone(unfitted).fit(*data)
        unseen = np.repeat(hours[fold], len(horizons))
        ahead = np.tile(horizons, len(fold))
        as_of = np.where(ahead > 0, unseen - ahead, NO_HISTORY)
        matrix = build(observed_rows(history, unseen, as_of), history, calendar)
        answered = np.isin(band_of(matrix[:, HORIZON]), bands)
        matrix, unseen = matrix[answered], unseen[answered]
        parts.append((history.rentals_at(unseen), fitted.predict(matrix), matrix, unseen))
    actual, predicted, matrices, hour = (
        np.concatenate(columns) for columns in zip(*parts, strict=True)
    )
    return Unseen(actual, predicted, matrices, hour)
