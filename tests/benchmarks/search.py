"""Compare the search with scikit-learn's plain GridSearchCV: same grid, folds, cores.

python -m tests.benchmarks.search [--hours 4000]
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

from training.calendar import Calendar
from training.history import History
from training.model import (
    FOLDS,
    GRID,
    PREFIX,
    TREES,
    pipeline,
    prefixes,
    search,
    smallest_good_enough,
    training_data,
)
from training.sources import embedded_history


def main() -> None:
    """Print both times, their ratio, and what each chose."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=None, help="of the newest; default: all")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    history = History.from_frame(embedded_history())
    hours = history.hours[-arguments.hours :] if arguments.hours else history.hours
    week = 2
    data = training_data(hours, history, Calendar("US-DC"), 1, [week])

    found, seconds = timed(lambda: search(*data, trees=TREES, n_jobs=arguments.cores))
    best, trees = smallest_good_enough(found)
    params = found.cv_results_["params"].index(best)
    error = -found.cv_results_[f"mean_test_trees_{trees}"][params]
    print(f"search:       {seconds:6.1f} s, MAE {error:.3f}, {trees} trees, {best}")

    plain, plain_seconds = timed(lambda: plain_search(*data, n_jobs=arguments.cores))
    best, trees = smallest_of_plain(plain)
    place = plain.cv_results_["params"].index({**best, f"{PREFIX}n_estimators": trees})
    error = -plain.cv_results_["mean_test_score"][place]
    print(f"GridSearchCV: {plain_seconds:6.1f} s, MAE {error:.3f}, {trees} trees, {best}")
    print(f"ratio {seconds / plain_seconds:.2f}")


def timed(work: Callable[[], GridSearchCV]) -> tuple[GridSearchCV, float]:
    """Return what the work returns, and the seconds it took."""
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def plain_search(matrix: np.ndarray, rentals: np.ndarray, n_jobs: int) -> GridSearchCV:
    """Search with the number of trees as one more parameter of the grid."""
    found = GridSearchCV(
        pipeline(TREES),
        GRID | {f"{PREFIX}n_estimators": prefixes(TREES)},
        scoring="neg_mean_absolute_error",
        cv=TimeSeriesSplit(FOLDS),
        n_jobs=n_jobs,
        refit=False,
    )
    with parallel_config("threading"):
        return found.fit(matrix, rentals)


def smallest_of_plain(plain: GridSearchCV) -> tuple[dict[str, object], int]:
    """Choose among its results as `smallest_good_enough` does."""
    name = f"{PREFIX}n_estimators"
    error = {}
    for params, score in zip(
        plain.cv_results_["params"], plain.cv_results_["mean_test_score"], strict=True
    ):
        rest = {key: value for key, value in params.items() if key != name}
        error[params[name], tuple(rest.items())] = -score
    most = max(trees for trees, _ in error)
    best = min((rest for trees, rest in error if trees == most), key=lambda r: error[most, r])
    enough = [t for t, r in error if r == best and error[t, r] <= 1.01 * min(error.values())]
    return dict(best), min(enough)


if __name__ == "__main__":
    main()
