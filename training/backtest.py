"""Rolling-origin evaluation: what the model would have said, had it been trained back then.

python -m training.backtest --protocol cyclic --horizon 48
python -m training.backtest --protocol next-year --horizon none --json result.json
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import TimeSeriesSplit

from training.bands import band_of
from training.calendar import Calendar
from training.evaluate import metrics
from training.features import HORIZON, build, observed_rows
from training.history import NO_HISTORY, History, Ints, as_hours
from training.model import (
    CALIBRATION_TREES,
    CHAMPION,
    COPIES,
    TREES,
    level_of,
    out_of_fold,
    pipeline,
    training_data,
)
from training.sources import embedded_history, read_csv

Split = tuple[NDArray[np.int64], NDArray[np.int64]]

PROTOCOLS = ("cyclic", "lagged", "next-year")
LEAST_HOURS = 28 * 24


def backtest(
    history: pd.DataFrame,
    splits: Iterable[Split],
    horizon: int | None,
    *,
    holidays: str = "US-DC",
    trees: int = TREES,
    copies: int = COPIES,
    n_jobs: int = 2,
) -> pd.DataFrame:
    """Predict the test hours of each split by a model of its train hours.

    For a test hour t the rentals up to t - horizon are known (none at all if horizon is None), and
    the weather up to t. Of the train rows only those count that are not after (first test hour) -
    horizon, so that one model per split is legal for all its test hours.

    Parameters
    ----------
    history : DataFrame
        One row per observed hour; columns as in `training.schema.HISTORY`.
    splits : iterable of (train, test)
        Positions of rows, as scikit-learn's splitters give.
    horizon : int or None
        Hours.
    trees, copies, n_jobs
        Cost of each model; the result depends on the first two only.

    Returns
    -------
    DataFrame
        datetime, split, actual, predicted, lower, upper; in the order of the splits.

    Raises
    ------
    ValueError
        The horizon is below 1, or a split leaves less than 28 days to train on.
    """
    cost = {"trees": trees, "copies": copies, "n_jobs": n_jobs}
    found = backtests(history, splits, [horizon], holidays=holidays, **cost)[0][0]
    return found.drop(columns="one_width")


def backtests(
    history: pd.DataFrame,
    splits: Iterable[Split],
    horizons: Sequence[int | None],
    *,
    holidays: str = "US-DC",
    trees: int = TREES,
    copies: int = COPIES,
    n_jobs: int = 2,
) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Return for each horizon the backtest, and what the same model says with less weather.

    The second knows of the weather after t - horizon that of t alone, as a single request does.
    One model per split is legal for the longest horizon, and thus for all. One column more holds
    the width that split conformal prediction would give all hours.
    """
    for horizon in horizons:
        if horizon is not None and horizon < 1:
            raise ValueError(f"horizon {horizon}: expected at least 1 hour, or None")
    known, calendar = History.from_frame(history), Calendar(holidays)
    hours = as_hours(history["datetime"].to_numpy())
    longest = max(horizon or 1 for horizon in horizons)
    unfitted = pipeline(trees, n_jobs=n_jobs).set_params(**CHAMPION)
    smaller = pipeline(min(trees, CALIBRATION_TREES), n_jobs=n_jobs).set_params(**CHAMPION)
    parts: list[list[list[pd.DataFrame]]] = [[[], []] for _ in horizons]
    for number, (train, test) in enumerate(splits):
        past = _legal(hours[train], hours[test], known, longest, number)
        asked = [_test_matrices(hours[test], horizon, known, calendar) for horizon in horizons]
        # The bands do not touch each other, so those that answer the test hours are enough.
        ahead = np.concatenate([matrix[:, HORIZON] for matrix, _ in asked])
        bands = np.unique(band_of(ahead)).tolist()
        fitted = unfitted.fit(*training_data(past, known, calendar, copies, bands))
        unseen = out_of_fold(smaller, past, known, calendar, copies, bands)
        intervals = unseen.calibrate(level_of(fitted))
        for place, matrices in enumerate(asked):
            for kind, matrix in enumerate(matrices):
                predicted = fitted.predict(matrix)
                lower, upper = intervals.bounds(predicted, matrix)
                columns = {
                    "datetime": history["datetime"].to_numpy()[test],
                    "split": number,
                    "actual": history["rentals"].to_numpy(dtype=np.float64)[test],
                    "predicted": predicted,
                    "lower": lower,
                    "upper": upper,
                    "one_width": unseen.one_width(horizons[place] or -1),
                }
                parts[place][kind].append(pd.DataFrame(columns))
    return [
        (pd.concat(full, ignore_index=True), pd.concat(less, ignore_index=True))
        for full, less in parts
    ]


def _test_matrices(
    hours: Ints, horizon: int | None, known: History, calendar: Calendar
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the features with all weather until the hour, and with that of the hour alone."""
    as_of = hours - horizon if horizon else np.full(len(hours), NO_HISTORY)
    rows = observed_rows(known, hours, as_of)
    alone = np.ones(len(hours), np.bool_)
    return build(rows, known, calendar), build(rows, known, calendar, alone)


def protocol_splits(protocol: str, history: pd.DataFrame) -> Iterator[Split]:
    """Return the splits of one of `PROTOCOLS` for a history in the order of time."""
    if protocol == "cyclic":
        splitter = TimeSeriesSplit(5, gap=48, max_train_size=10000, test_size=1000)
    elif protocol == "lagged":
        splitter = TimeSeriesSplit(3, gap=48, max_train_size=10000, test_size=3000)
    elif protocol == "next-year":
        year = history["datetime"].dt.year.to_numpy()
        first = year.min()
        return iter([(np.flatnonzero(year == first), np.flatnonzero(year == first + 1))])
    else:
        raise ValueError(f"protocol {protocol!r}: expected one of {', '.join(PROTOCOLS)}")
    splits: Iterator[Split] = splitter.split(history)
    return splits


def scores(result: pd.DataFrame) -> dict[str, float]:
    """Return the metrics of a backtest: the mean over its splits."""
    names = ("actual", "predicted", "lower", "upper")
    each = [
        metrics(*(part[name].to_numpy() for name in names)) for _, part in result.groupby("split")
    ]
    return {name: float(np.mean([score[name] for score in each])) for name in each[0]}


def _legal(train: Ints, test: Ints, known: History, horizon: int, number: int) -> Ints:
    last = int(test.min()) - horizon
    past: Ints = np.sort(train[train <= last])
    past = past[~np.isnan(known.rentals_at(past))]
    if len(past) < LEAST_HOURS:
        raise ValueError(
            f"split {number}: {len(past)} train hours lie {horizon} h or more before its "
            f"first test hour, expected at least {LEAST_HOURS}"
        )
    return past


def _horizon(text: str) -> int | None:
    return None if text.lower() == "none" else int(text)


def main() -> None:
    """Run one protocol at one horizon and print its metrics."""
    parser = argparse.ArgumentParser(
        prog="python -m training.backtest", description="Evaluate the model on past hours."
    )
    parser.add_argument("--protocol", choices=PROTOCOLS, required=True)
    parser.add_argument("--horizon", type=_horizon, required=True, help="hours, or none")
    parser.add_argument("--history", type=Path, help="a CSV; default: the embedded history")
    parser.add_argument("--holidays", default="US-DC", help="where; default: US-DC")
    parser.add_argument("--json", type=Path, help="also write the metrics to this file")
    arguments = parser.parse_args()
    history = read_csv(arguments.history) if arguments.history else embedded_history()
    splits = protocol_splits(arguments.protocol, history)
    found = scores(backtest(history, splits, arguments.horizon, holidays=arguments.holidays))
    for name, value in found.items():
        print(f"{name:>8}  {value:.3f}")
    if arguments.json:
        document = {"protocol": arguments.protocol, "horizon": arguments.horizon, "metrics": found}
        arguments.json.write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
