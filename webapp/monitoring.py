"""How right the predictions were: pure functions on frames of `queries`.

Every function looks only at hours whose rentals are known, and returns a frame or numbers;
it neither reads the database nor draws. Errors are in rentals per hour.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training import evaluate
from training.features import HORIZONS
from training.history import WEATHER
from training.promotion import GROUPS

EMBEDDED_END = dt.datetime(2012, 12, 31, 23)
LATE_AFTER = dt.timedelta(days=2)
AHEAD_AFTER = dt.timedelta(days=1)  # no clock or timezone is off by more
HEADLINE_HORIZON = 24
LIVE_LEAST = 24  # live hours from which on they say more than a backtest
LAST_HOURS = 24  # whose error is held against the usual one
USUAL_LEAST = 3 * LAST_HOURS  # hours that an usual error is of
BANDS = (0.0, 10.0, 20.0, 30.0)  # °C, between which temperatures are alike
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

    Fewer live hours than `LIVE_LEAST` come last. The horizon is a day ahead, unless another one has
    more than twice as many hours.
    """
    known = scored(frame)
    known = known[known["horizon"].isin(HORIZONS)]
    found = [_at_one_horizon(known[known["source"] == source]) for source in sources]
    found.sort(key=lambda rows: not _says_enough(rows))  # else the order stays
    return next((rows for rows in found if not rows.empty), known.iloc[:0])


def few_live_hours(frame: pd.DataFrame, sources: Sequence[str] = ("live", "backtest")) -> int:
    """Return how many live hours there are where `pick` prefers others to them, else 0."""
    if "live" not in sources or (pick(frame, sources)["source"] == "live").any():
        return 0
    return len(pick(frame, ("live",)))


def last_hours(frame: pd.DataFrame, newest: dt.datetime) -> pd.DataFrame:
    """Return the last `LAST_HOURS` known hours, none if they are not of the last two days.

    The frame is in order of time; `newest` is the newest observed hour.
    """
    last = scored(frame).tail(LAST_HOURS)
    span = 2 * dt.timedelta(hours=LAST_HOURS)
    whole = len(last) == LAST_HOURS and last["datetime"].iloc[0] > newest - span
    return last if whole else last.iloc[:0]


def verdict(error: float, usual: float, factor: float) -> Literal["better", "usual", "worse"]:
    """Judge an error: worse from `factor` times the usual one on, better up to its `factor`th."""
    if error >= factor * usual:
        return "worse"
    return "better" if error * factor <= usual else "usual"


def _at_one_horizon(known: pd.DataFrame) -> pd.DataFrame:
    if known.empty:
        return known
    counts = known["horizon"].value_counts()
    enough = 2 * counts.get(HEADLINE_HORIZON, 0) >= counts.max()
    horizon = HEADLINE_HORIZON if enough else counts.index[0]
    return known[known["horizon"] == horizon]


def _says_enough(rows: pd.DataFrame) -> bool:
    return len(rows) >= LIVE_LEAST or not (rows["source"] == "live").any()


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
    """Return the columns of `measured` by the start of each period, `datetime`."""
    known = scored(frame)
    when = known["datetime"].to_numpy("datetime64[D]" if every != "h" else "datetime64[h]")
    if every == "W":  # the epoch is a Thursday
        when = when - (when.astype(np.int64) + 3) % 7
    return measured(known, when).rename_axis("datetime").reset_index()


def error_by_hour_and_weekday(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the mean absolute error, 7 rows from Monday on by 24 hours, NaN where unknown."""
    known = scored(frame)
    when = known["datetime"].dt
    cell = when.day_of_week.to_numpy() * 24 + when.hour.to_numpy()
    errors = measured(known, cell)["mae"].reindex(range(7 * 24))
    return pd.DataFrame(errors.to_numpy().reshape(7, 24))


def error_by_slice(frame: pd.DataFrame, working: NDArray[np.bool_]) -> pd.DataFrame:
    """Return the columns of `measured` by `kind` and `name` of a slice; see `sliced`."""
    known = scored(frame)
    tables = []
    for kind, (names, which) in sliced(known, working).items():
        table = measured(known[which >= 0], which[which >= 0])
        tables.append(table.assign(kind=kind, name=[names[i] for i in table.index]))
    return pd.concat(tables, ignore_index=True)


def sliced(
    frame: pd.DataFrame, working: NDArray[np.bool_]
) -> dict[str, tuple[list[str], NDArray[np.int64]]]:
    """Return the names of the slices of each kind, and which of them each row lies in, -1 for none.

    `working` says which rows lie on a working day. The groups of hours are those that a
    promotion looks at.
    """
    hour = frame["datetime"].dt.hour.to_numpy()
    group = np.zeros(len(frame), np.int64)
    for number, (first, last) in enumerate(GROUPS.values()):
        group[(hour - first) % 24 < (last - first) % 24] = number
    groups = [f"{group}-{day}" for group in GROUPS for day in ("working", "free")]
    temperature = frame["temperature"].to_numpy(float)
    band = np.where(np.isnan(temperature), -1, np.digitize(temperature, BANDS))
    weather = pd.Index(WEATHER).get_indexer(pd.Index(frame["weather"]))
    return {
        "hours": (groups, 2 * group + ~working),
        "weather": (list(WEATHER), weather.astype(np.int64)),
        "temperature": ([f"{low:g}" for low in (-np.inf, *BANDS)], band),
    }


def worst(frame: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the hours that were predicted worst, the worst first."""
    known = scored(frame)
    return known.loc[(known["predicted"] - known["actual"]).abs().nlargest(count).index]


def measured(known: pd.DataFrame, by: NDArray[Any]) -> pd.DataFrame:
    """Return `hours`, the model's metrics and those of the baseline by group.

    The metrics are those of `training.evaluate`; `baseline_…` are over the hours that have a
    baseline. `by` has one value a row; the groups, in order, are the index.
    """
    names, group = np.unique(by, return_inverse=True)
    numbers = ["actual", "predicted", "baseline", "lower", "upper"]
    actual, predicted, baseline, lower, upper = _columns(known, *numbers)

    def mean(values: NDArray[Any], where: NDArray[np.bool_] | None = None) -> Any:
        rows = slice(None) if where is None else where
        count = np.bincount(group[rows], minlength=len(names))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.bincount(group[rows], values[rows], minlength=len(names)) / count

    has = np.isfinite(baseline)
    inside = (lower <= actual) & (actual <= upper)
    return pd.DataFrame(
        {
            "hours": np.bincount(group, minlength=len(names)),
            **_errors(predicted - actual, actual, mean),
            "coverage": mean(inside.astype(float)),
            "width": mean(upper - lower),
            **{
                f"baseline_{name}": values
                for name, values in _errors(
                    baseline - actual, actual, lambda values: mean(values, has)
                ).items()
            },
        },
        index=names,
    )


def _errors(
    error: NDArray[Any], actual: NDArray[Any], mean: Callable[[NDArray[Any]], Any]
) -> dict[str, Any]:
    squared = mean(error**2)
    spread = mean(actual**2) - mean(actual) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        r2 = np.where(spread > 0, 1 - squared / spread, np.nan)
    return {
        "mae": mean(np.abs(error)),
        "rmse": np.sqrt(squared),
        "bias": mean(error),
        "r2": r2,
    }


def sample(frame: pd.DataFrame, size: int) -> pd.DataFrame:
    """Return at most `size` of the scored hours, evenly spread, always the same ones."""
    known = scored(frame)
    if len(known) <= size:
        return known
    return known.iloc[np.linspace(0, len(known) - 1, size).astype(int)]


def freshness(
    newest: dt.datetime | None, now: dt.datetime, *, demo: bool
) -> Literal["none", "demo", "fresh", "late", "ahead"]:
    """Judge the newest observed hour by the local wall clock; the embedded data is never late."""
    if newest is None:
        return "none"
    if demo and newest <= EMBEDDED_END:
        return "demo"
    if newest - now > AHEAD_AFTER:
        return "ahead"
    return "late" if now - newest > LATE_AFTER else "fresh"


def _model_metrics(known: pd.DataFrame) -> Metrics:
    return evaluate.metrics(*_columns(known, "actual", "predicted", "lower", "upper"))


def _baseline_metrics(known: pd.DataFrame) -> Metrics:
    if known.empty:
        return {}
    return evaluate.metrics(*_columns(known, "actual", "baseline"))


def _columns(known: pd.DataFrame, *names: str) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    return [known[name].to_numpy(np.float64) for name in names]
