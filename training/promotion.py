"""Whether a challenger becomes champion: evidence from hours that neither has seen; pure."""

from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.behaviour import Behaviour
from training.evaluate import LEVEL, metrics
from training.history import WEATHER, Floats, as_hours

RESAMPLES = 2000
COVERAGE_BAND = (round(LEVEL - 0.05, 2), round(LEVEL + 0.05, 2))
SLICE_HOURS, SLICE_DAYS = 24, 5
"""A slice with fewer of either says nothing."""
SLICE_SURE = 0.8
"""Share of resamples in which a slice must be worse before it counts. It is lower than the level at
which a challenger is better: a slice has few hours, and what it may spoil needs no proof to be kept
from clients. At 0.5, any of twelve slices would stop a better challenger by chance."""
GROUPS = {"night": (22, 6), "morning": (6, 10), "midday": (10, 16), "evening": (16, 22)}
"""Hours of the day, from the first to before the last."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What an operator may set.

    Attributes
    ----------
    level : float
        Share of resamples in which the challenger's error must be lower.
    slice : float
        Share by which the error of a slice may grow.
    hours : int
        Fewest hours for a comparison.
    """

    level: float = 0.95
    slice: float = 0.1
    hours: int = 144


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome and its reason, as the receipt shows it."""

    status: Literal["promoted", "kept", "rejected"]
    reason: str


Interval = tuple[float, float]


class Score(TypedDict):
    """Metrics of the compared hours; `mae_interval` holds the MAE of 90 % of the resamples."""

    mae: float
    mae_interval: Interval
    rmse: float
    r2: float
    bias: float
    coverage: NotRequired[float]
    coverage_interval: NotRequired[Interval]
    width: NotRequired[float]


class Difference(TypedDict):
    """The champion's MAE less the challenger's, and in what share of resamples it is above 0."""

    mae: float
    interval: Interval
    confidence: float


class Slice(TypedDict):
    """MAE of some hours; `change` is the challenger's as a share of the champion's, less 1.

    `confidence` is the share of resamples in which it is above 0; `worse` says that it is too high.
    """

    slice: str
    hours: int
    challenger: float
    champion: float
    change: float
    confidence: float
    worse: bool


class Evidence(TypedDict):
    """What a decision stands on, fit for JSON; of hours a day ahead."""

    hours: int
    days: int
    challenger: Score
    champion: Score | None
    baseline: Score
    difference: Difference | None
    slices: list[Slice]


def resample(days: NDArray[np.int64], columns: Floats, resamples: int = RESAMPLES) -> Floats:
    """Return the sums of columns of shape (k, n) over resampled days, of shape (k, resamples).

    The block bootstrap for dependent data (Künsch, The jackknife and the bootstrap for general
    stationary observations, Annals of Statistics 17, 1989), with blocks of a calendar day that do
    not overlap (Carlstein 1986), since an hour's error resembles that of the hour before and each
    hour of the day has errors of its own. All columns see the same days, so that two of them are
    compared in pairs. The seed is fixed.
    """
    _, block = np.unique(days, return_inverse=True)
    sums = np.stack([np.bincount(block, column) for column in columns])
    random = np.random.default_rng(0)
    drawn = random.integers(sums.shape[1], size=(resamples, sums.shape[1]))
    totals: Floats = sums[:, drawn].sum(axis=-1)
    return totals


def weigh(
    challenger: pd.DataFrame,
    champion: pd.DataFrame | None,
    working: NDArray[np.bool_],
    rules: Rules,
) -> Evidence:
    """Return the evidence of the same n hours, predicted by both.

    Parameters
    ----------
    challenger, champion : DataFrame
        Columns datetime, actual, predicted, lower, upper, baseline and weather.
    working : bool[n]
        Whether each hour lies on a working day.
    """
    days = as_hours(challenger["datetime"].to_numpy()) // 24
    baseline = challenger.assign(predicted=challenger["baseline"]).drop(columns=["lower", "upper"])
    evidence: Evidence = {
        "hours": len(days),
        "days": len(np.unique(days)),
        "challenger": _score(challenger, days),
        "champion": None,
        "baseline": _score(baseline, days),
        "difference": None,
        "slices": [],
    }
    if champion is not None:
        errors = np.stack([_error(champion), _error(challenger)])
        evidence["champion"] = _score(champion, days)
        evidence["difference"] = _difference(errors, days)
        members = _slices(challenger, working)
        evidence["slices"] = [
            _slice(name, errors[:, chosen], days[chosen], rules)
            for name, chosen in members.items()
            if chosen.sum() >= SLICE_HOURS and len(np.unique(days[chosen])) >= SLICE_DAYS
        ]
    return evidence


def decide(
    evidence: Evidence,
    behaviour: list[Behaviour],
    rules: Rules,
    *,
    broken: str | None = None,
    too_few: str | None = None,
) -> Decision:
    """Decide, in plain words.

    Parameters
    ----------
    evidence : Evidence
        Without a champion where nothing serves yet: then whatever answers soundly is promoted.
    broken : str, optional
        Why the artefact does not load or answer in a process of its own.
    too_few : str, optional
        Why champion and challenger can't be compared.
    """
    first = evidence["champion"] is None and too_few is None
    doubts = [item["detail"] for item in behaviour if not item["passed"]]
    if not too_few:
        doubts += _coverage_doubt(evidence["challenger"])
    wrong = [
        item["detail"] for item in behaviour if item["check"] == "sound" and not item["passed"]
    ]
    if broken:
        wrong = [f"its artefact does not answer: {broken}"]
    elif not np.isfinite(evidence["challenger"]["mae"]):
        wrong = [f"its MAE is {evidence['challenger']['mae']}"]
    elif not first:
        wrong = doubts
    if wrong:
        return Decision("rejected", f"something is wrong with the challenger: {'; '.join(wrong)}")
    if first:
        remarks = "".join(f"; but {doubt}" for doubt in doubts)
        return Decision("promoted", f"nothing served yet; {_versus(evidence)}{remarks}")
    if too_few:
        return Decision("kept", too_few)
    if weak := _not_better(evidence, rules):
        return Decision("kept", f"{'; '.join(weak)}: {_versus(evidence)}")
    return Decision("promoted", f"better than champion and baseline: {_versus(evidence)}")


def _not_better(evidence: Evidence, rules: Rules) -> list[str]:
    difference = evidence["difference"]
    assert difference is not None  # noqa: S101 - there is a champion
    weak = []
    if difference["mae"] <= 0:
        weak.append("not better than the champion")
    elif difference["confidence"] < rules.level:
        weak.append(
            f"not proven better than the champion: {difference['confidence']:.1%} of the resamples "
            f"say so, {rules.level:.1%} are needed"
        )
    if evidence["challenger"]["mae"] >= evidence["baseline"]["mae"]:
        weak.append("not better than the baseline")
    weak += [
        f"its error is {item['change']:.0%} higher for {item['slice']} ({item['hours']} hours)"
        for item in evidence["slices"]
        if item["worse"]
    ]
    return weak


def _versus(evidence: Evidence) -> str:
    text = f"MAE {evidence['challenger']['mae']:.2f}"
    if (champion := evidence["champion"]) and (difference := evidence["difference"]):
        low, high = difference["interval"]
        text += (
            f", champion {champion['mae']:.2f} (difference {difference['mae']:.2f}, "
            f"90 % of the resamples {low:.2f} to {high:.2f})"
        )
    return f"{text}, seasonal-naive {evidence['baseline']['mae']:.2f}, {evidence['hours']} hours"


def _coverage_doubt(score: Score) -> list[str]:
    """Judge coverage by whether any of 90 % of the resamples lies in the band."""
    low, high = score["coverage_interval"]
    if low <= COVERAGE_BAND[1] and high >= COVERAGE_BAND[0]:
        return []
    return [
        f"its intervals cover {score['coverage']:.1%} of the hours ({low:.1%} to {high:.1%} of "
        f"the resamples), {COVERAGE_BAND[0]:.0%} to {COVERAGE_BAND[1]:.0%} are wanted"
    ]


def _error(scored: pd.DataFrame) -> Floats:
    return (scored["predicted"] - scored["actual"]).abs().to_numpy(np.float64)


def _score(scored: pd.DataFrame, days: NDArray[np.int64]) -> Score:
    names = [name for name in ("actual", "predicted", "lower", "upper") if name in scored]
    values = [scored[name].to_numpy(np.float64) for name in names]
    found = metrics(*values)
    columns = [np.ones(len(days)), _error(scored)]
    if "lower" in scored:
        inside = scored["actual"].between(scored["lower"], scored["upper"])
        columns.append(inside.to_numpy().astype(np.float64))
    count, *sums = resample(days, np.stack(columns))
    score: Score = {**found, "mae_interval": _interval(sums[0] / count)}  # type: ignore[typeddict-item]
    if "lower" in scored:
        score["coverage_interval"] = _interval(sums[1] / count)
    return score


def _interval(values: Floats) -> Interval:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return low, high


def _difference(errors: Floats, days: NDArray[np.int64]) -> Difference:
    better = errors[0] - errors[1]
    count, total = resample(days, np.stack([np.ones(len(days)), better]))
    return {
        "mae": float(better.mean()),
        "interval": _interval(total / count),
        "confidence": float((total > 0).mean()),
    }


def _slices(scored: pd.DataFrame, working: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    hour = scored["datetime"].dt.hour.to_numpy()
    members: dict[str, NDArray[np.bool_]] = {}
    for group, (first, last) in GROUPS.items():
        inside = (hour - first) % 24 < (last - first) % 24
        members[f"{group}, working day"] = inside & working
        members[f"{group}, free day"] = inside & ~working
    for weather in WEATHER:
        members[weather] = (scored["weather"] == weather).to_numpy()
    return members


def _slice(name: str, errors: Floats, days: NDArray[np.int64], rules: Rules) -> Slice:
    champion, challenger = errors.mean(axis=1).tolist()
    change = challenger / champion - 1 if champion else 0.0
    sums = resample(days, errors)
    confidence = float((sums[1] > sums[0]).mean())
    return {
        "slice": name,
        "hours": errors.shape[1],
        "challenger": challenger,
        "champion": champion,
        "change": change,
        "confidence": confidence,
        "worse": change > rules.slice and confidence >= SLICE_SURE,
    }
