"""The model: a scikit-learn pipeline around a random forest that learns ratios to the level."""

from typing import Any, Self

import numpy as np
from joblib import parallel_config
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from training.calendar import Calendar
from training.features import HORIZONS, LEVEL, UNKNOWN, build, observed_rows
from training.history import NO_HISTORY, Floats, History, Ints

GRID: dict[str, list[Any]] = {
    "ratio__regressor__min_samples_leaf": [3, 6, 12],
    "ratio__regressor__max_features": [0.4, 0.7],
    "ratio__regressor__bootstrap": [True, False],
}
CHAMPION = {
    "ratio__regressor__min_samples_leaf": 12,
    "ratio__regressor__max_features": 0.4,
    "ratio__regressor__bootstrap": False,
}
"""What the grid search chooses on the embedded history; the backtest's fixed choice."""
TREES = 60
COPIES = 3
FOLDS = 3
HORIZON_RING = (1, 24, 48, 168, None, 2, 24, 6, 72, 1, 12, 48, 168, None, 24, 1, 120)
"""The horizons that training rows get in turn; None: no rentals known. Its length is prime, so that
each hour of the day and each weekday meets every horizon."""


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
        self.regressor_ = clone(self.regressor).fit(X[:, 1:], ratio, sample_weight=weight)
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Return predictions of shape (n,) in the unit of the target."""
        check_is_fitted(self)
        X = np.asarray(X)
        ratio: Floats = self.regressor_.predict(X[:, 1:])
        return ratio * X[:, 0].astype(np.float64)


def pipeline(trees: int = TREES, seed: int = 0, n_jobs: int | None = None) -> Pipeline:
    """Return the unfitted pipeline; it takes the feature matrix and predicts rentals.

    An unknown level is replaced by the mean level of the training rows.
    """
    fill = SimpleImputer(missing_values=UNKNOWN, strategy="mean")
    forest = RandomForestRegressor(n_estimators=trees, random_state=seed, n_jobs=n_jobs)
    return Pipeline(
        [
            ("level", ColumnTransformer([("fill", fill, [LEVEL])], remainder="passthrough")),
            ("ratio", RatioToLevel(forest)),
        ]
    )


def forest_of(fitted: Pipeline) -> RandomForestRegressor:
    """Return the forest of a fitted pipeline; it takes the matrix without `level`."""
    return fitted.named_steps["ratio"].regressor_


def level_of(fitted: Pipeline) -> float:
    """Return the level, in rentals, that a fitted pipeline takes for an unknown one."""
    fill = fitted.named_steps["level"].named_transformers_["fill"]
    return float(fill.statistics_[0])


def training_data(
    hours: Ints, history: History, calendar: Calendar, copies: int = COPIES
) -> tuple[NDArray[np.float32], Floats]:
    """Return matrix and rentals of observed hours, `copies` rows an hour, in the order of hours.

    The copies differ in their horizon, so that one forest answers all horizons and none.
    """
    hours = np.repeat(np.sort(hours), copies)
    ring = np.array([horizon or 0 for horizon in HORIZON_RING])
    turn = hours + 7 * np.tile(np.arange(copies), len(hours) // copies)
    horizon = ring[turn % len(ring)]
    as_of = np.where(horizon > 0, hours - horizon, NO_HISTORY)
    matrix = build(observed_rows(history, hours, as_of), history, calendar)
    return matrix, history.rentals_at(hours)


def search(
    matrix: NDArray[np.float32],
    rentals: Floats,
    *,
    trees: int,
    grid: dict[str, list[Any]] = GRID,
    seed: int = 0,
    n_jobs: int = 1,
) -> GridSearchCV:
    """Return the fitted search over a grid, scored by MAE on folds in the order of time.

    Not refitted: candidates are ranked with fewer trees than the champion gets.
    """
    found = GridSearchCV(
        pipeline(trees, seed),
        grid,
        scoring="neg_mean_absolute_error",
        cv=TimeSeriesSplit(FOLDS),
        n_jobs=n_jobs,
        refit=False,
    )
    # Trees are grown without the interpreter's lock, so threads do: they start at once, share the
    # matrix, and none is left behind when the process is killed.
    with parallel_config("threading"):
        return found.fit(matrix, rentals)


def out_of_fold(
    unfitted: Pipeline, hours: Ints, history: History, calendar: Calendar, copies: int = COPIES
) -> tuple[Floats, Floats, NDArray[np.float32]]:
    """Return actual rentals, predictions and matrix of hours that the model had not seen.

    Each fold is predicted by a model of the hours before it, at every one of `HORIZONS` and with
    no rentals known.
    """
    hours = np.sort(hours)
    parts = []
    for past, fold in TimeSeriesSplit(FOLDS).split(hours):
        fitted = clone(unfitted).fit(*training_data(hours[past], history, calendar, copies))
        unseen = np.repeat(hours[fold], len(HORIZONS) + 1)
        ahead = np.tile((*HORIZONS, 0), len(fold))
        as_of = np.where(ahead > 0, unseen - ahead, NO_HISTORY)
        matrix = build(observed_rows(history, unseen, as_of), history, calendar)
        parts.append((history.rentals_at(unseen), fitted.predict(matrix), matrix))
    actual, predicted, matrices = zip(*parts, strict=True)
    return np.concatenate(actual), np.concatenate(predicted), np.concatenate(matrices)
