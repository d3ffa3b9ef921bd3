"""How right the predictions were: pure functions on the frame of `queries.predictions_frame`.

Every function looks only at hours whose rentals are known, and returns a frame or numbers;
it neither reads the database nor draws. Errors are in rentals per hour.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from training import evaluate
from training.features import HORIZONS
from training.history import WEATHER

EMBEDDED_END = dt.datetime(2012, 12, 31, 23)
LATE_AFTER = dt.timedelta(days=2)
HEADLINE_HORIZON = 24
# From the source that says most of the model in use to the one that says least.
SOURCES = ("live", "replay", "backtest")

Metrics = dict[str, float]


@dataclass(frozen=True, slots=True)
class Scores:
    """The model's metrics and, on the hours that have one, the seasonal-naive baseline's."""

    hours: int
    model: Metrics
    baseline: Metrics
    first: dt.datetime
    last: dt.datetime
    estimated: int  # of the hours; their rentals were not counted

    @property
    def skill(self) -> float | None:
        """Return by how much of the baseline's error the model is better, 1 being perfect."""
        naive = self.baseline.get("mae")
        return 1 - self.model["mae"] / naive if naive else None


def scored(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the predictions whose hour has happened."""
    return frame[frame["actual"].notna()]


def scores(frame: pd.DataFrame) -> Scores | None:
    """Measure predictions against actuals; None if no hour has happened yet."""
    known = scored(frame)
    if known.empty:
        return None
    naive = known[known["baseline"].notna()]
    return Scores(
        hours=len(known),
        model=_model_metrics(known),
        baseline=_baseline_metrics(naive),
        first=known["datetime"].min().to_pydatetime(),
        last=known["datetime"].max().to_pydatetime(),
        estimated=int(known["estimated"].sum()),
    )


def pick(frame: pd.DataFrame, sources: Sequence[str] = ("live", "backtest")) -> pd.DataFrame:
    """Keep the first of the sources that has an hour to score, at one horizon.

    The horizon is a day ahead, unless another one has more than twice as many hours.
    """
    known = scored(frame)
    known = known[known["horizon"].isin(HORIZONS)]
    for source in sources:
        of_source = known[known["source"] == source]
        if not of_source.empty:
            counts = of_source["horizon"].value_counts()
            enough = 2 * counts.get(HEADLINE_HORIZON, 0) >= counts.max()
            horizon = HEADLINE_HORIZON if enough else counts.index[0]
            return of_source[of_source["horizon"] == horizon]
    return known.iloc[:0]


def last_word(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep one prediction an hour: live before replay before backtest, then the newest.

    Predictions of the same moment, as a backtest's, are taken at the horizon nearest a day.
    """
    ranked = frame.assign(
        rank=frame["source"].map({source: rank for rank, source in enumerate(SOURCES)}),
        distance=(frame["horizon"].astype(float) - HEADLINE_HORIZON).abs(),
    ).sort_values(
        ["datetime", "rank", "requested_at", "distance"], ascending=[True, True, False, True]
    )
    return ranked.drop_duplicates("datetime").drop(columns=["rank", "distance"])


def bucket(first: dt.datetime, last: dt.datetime) -> Literal["h", "D", "W"]:
    """Choose hours, days or weeks so that a span of time shows at most about 120 points."""
    days = (last - first) / dt.timedelta(days=1)
    return "h" if days <= 2 else "D" if days <= 120 else "W"


def error_over_time(frame: pd.DataFrame, every: Literal["h", "D", "W"]) -> pd.DataFrame:
    """Return `hours`, `mae`, `baseline_mae`, `bias`, `coverage` by the start of each period."""
    known = _with_errors(frame)
    start = known["datetime"].dt.to_period(every).dt.start_time
    return _means(known, start).rename_axis("datetime").reset_index()


def error_by_hour_and_weekday(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the mean absolute error, 7 rows from Monday on by 24 hours, NaN where unknown."""
    known = _with_errors(frame)
    when = known["datetime"].dt
    table = known["mae"].groupby([when.day_of_week, when.hour]).mean().unstack()
    return table.reindex(index=range(7), columns=range(24))


def error_by_weather(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `hours`, `mae`, `baseline_mae`, `bias`, `coverage` by weather, mildest first."""
    known = _with_errors(frame)
    table = _means(known, known["weather"]).rename_axis("weather")
    return table.reindex([name for name in WEATHER if name in table.index]).reset_index()


def sample(frame: pd.DataFrame, size: int) -> pd.DataFrame:
    """Return at most `size` of the scored hours, evenly spread, always the same ones."""
    known = scored(frame)
    if len(known) <= size:
        return known
    return known.iloc[np.linspace(0, len(known) - 1, size).astype(int)]


def freshness(
    newest: dt.datetime | None, now: dt.datetime, *, demo: bool
) -> Literal["none", "demo", "fresh", "late"]:
    """Judge the newest observed hour by the local wall clock; the embedded data is never late."""
    if newest is None:
        return "none"
    if demo and newest <= EMBEDDED_END:
        return "demo"
    return "late" if now - newest > LATE_AFTER else "fresh"


def _with_errors(frame: pd.DataFrame) -> pd.DataFrame:
    known = scored(frame)
    error = known["predicted"] - known["actual"]
    return known.assign(
        bias=error,
        mae=error.abs(),
        baseline_mae=(known["baseline"] - known["actual"]).abs(),
        coverage=known["actual"].between(known["lower"], known["upper"]),
    )


def _means(known: pd.DataFrame, by: "pd.Series[Any]") -> pd.DataFrame:
    groups = known[["mae", "baseline_mae", "bias", "coverage"]].groupby(by)
    return groups.mean().assign(hours=groups.size())


def _model_metrics(known: pd.DataFrame) -> Metrics:
    return evaluate.metrics(*_columns(known, "actual", "predicted", "lower", "upper"))


def _baseline_metrics(known: pd.DataFrame) -> Metrics:
    if known.empty:
        return {}
    return evaluate.metrics(*_columns(known, "actual", "baseline"))


def _columns(known: pd.DataFrame, *names: str) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    return [known[name].to_numpy(np.float64) for name in names]
