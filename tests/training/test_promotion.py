"""The decision, with exact numbers."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from training.promotion import Evidence, Rules, decide, resample, weigh

SOUND = {"check": "sound", "passed": True, "detail": "fine"}


def scored(errors: list[float], weather: str = "clear") -> pd.DataFrame:
    """A week in which each hour has 100 rentals; by day, how much too high the prediction is."""
    frame = pd.DataFrame({"datetime": pd.date_range("2012-10-01", periods=168, freq="h")})
    predicted = 100 + np.repeat(errors, 24)
    columns = {"actual": 100.0, "predicted": predicted, "lower": 92.0, "upper": 120.0}
    return frame.assign(**columns, baseline=150.0, weather=weather)


def evidence(challenger: list[float], champion: list[float] | None, **rules: Any) -> Evidence:
    """What a week of such errors says."""
    theirs = None if champion is None else scored(champion)
    return weigh(scored(challenger), theirs, np.ones(168, bool), Rules(**rules))


def test_resampling_draws_whole_days_in_pairs() -> None:
    days = np.array([7, 7, 8, 9, 9])
    first, second = resample(days, np.array([[1.0, 2, 4, 8, 16], [2.0, 4, 8, 16, 32]]), 500)
    assert set(first) <= {a + b + c for a in (3, 4, 24) for b in (3, 4, 24) for c in (3, 4, 24)}
    assert (second == 2 * first).all() and len(first) == 500
    assert (resample(days, np.ones((1, 5)), 500) == resample(days, np.ones((1, 5)), 500)).all()


def test_scores_and_difference_are_of_the_same_hours() -> None:
    found = evidence([10.0] * 7, [14.0] * 7)
    assert found["challenger"]["mae"] == 10 and found["challenger"]["mae_interval"] == (10, 10)
    assert found["champion"] is not None and found["champion"]["mae"] == 14
    assert found["baseline"]["mae"] == 50
    assert found["difference"] == {"mae": 4, "interval": (4, 4), "confidence": 1}
    assert (found["hours"], found["days"]) == (168, 7)


def test_confidence_is_the_share_of_resamples() -> None:
    # Better by 1 on one day alone: 1 - (6/7)**7 of the resamples hold that day.
    difference = evidence([9.0] + [10.0] * 6, [10.0] * 7)["difference"]
    assert difference is not None
    assert difference["confidence"] == pytest.approx(1 - (6 / 7) ** 7, abs=0.02)
    assert difference["mae"] == pytest.approx(1 / 7)


def test_slices_are_groups_of_hours_by_kind_of_day_and_weather() -> None:
    found = evidence([10.0] * 7, [10.0] * 7)["slices"]
    assert {item["slice"]: item["hours"] for item in found} == {
        "night, working day": 56,
        "morning, working day": 28,
        "midday, working day": 42,
        "evening, working day": 42,
        "clear": 168,
    }


def test_a_slice_is_worse_beyond_the_share_and_beyond_noise() -> None:
    night = (np.arange(168) + 2) % 24 < 8
    challenger = scored([10.0] * 7).assign(predicted=np.where(night, 118, 110))
    champion = scored([10.0] * 7).assign(predicted=np.where(night, 112, 140))
    slices = weigh(challenger, champion, np.ones(168, bool), Rules(slice=0.4))["slices"]
    (worst,) = [item for item in slices if item["worse"]]
    assert (worst["slice"], worst["challenger"], worst["champion"]) == (
        "night, working day",
        18.0,
        12.0,
    )
    assert (worst["change"], worst["confidence"]) == (0.5, 1.0)
    tolerant = weigh(challenger, champion, np.ones(168, bool), Rules(slice=0.6))["slices"]
    assert not any(item["worse"] for item in tolerant)


@pytest.mark.parametrize(("days", "confidence", "worse"), [(2, 0.89, True), (1, 0.67, False)])
def test_a_slice_needs_less_proof_than_a_challenger(
    days: int, confidence: float, worse: bool
) -> None:
    morning = (np.arange(168) % 24 >= 6) & (np.arange(168) % 24 < 10)
    spoilt = morning & (np.arange(168) < 24 * days)
    challenger = scored([10.0] * 7).assign(predicted=np.where(spoilt, 160, 110))
    champion = scored([11.0] * 7)
    slices = weigh(challenger, champion, np.ones(168, bool), Rules())["slices"]
    (found,) = [item for item in slices if item["slice"] == "morning, working day"]
    assert found["change"] > 0.5 and found["confidence"] == pytest.approx(confidence, abs=0.03)
    assert found["worse"] is worse


@pytest.mark.parametrize(
    ("challenger", "champion", "rules", "status", "reason"),
    [
        ([10.0] * 7, [14.0] * 7, {}, "promoted", "better than champion and baseline: MAE 10.00"),
        ([14.0] * 7, [14.0] * 7, {}, "kept", "not better than the champion: MAE 14.00"),
        ([9.0] + [10.0] * 6, [10.0] * 7, {}, "kept", "not proven better than the champion: 6"),
        ([9.0] + [10.0] * 6, [10.0] * 7, {"level": 0.5}, "promoted", "better than champion"),
        ([15.0] * 7, None, {}, "promoted", "nothing served yet; MAE 15.00, seasonal-naive 50.00"),
        ([90.0] * 7, None, {}, "promoted", "but its intervals cover 100.0% of the hours"),
        ([30.0] * 7, [40.0] * 7, {}, "promoted", "better than champion and baseline"),
        ([60.0] * 7, [70.0] * 7, {}, "kept", "not better than the baseline"),
    ],
)
def test_only_what_is_proven_better_is_promoted(
    challenger: list[float],
    champion: list[float] | None,
    rules: dict[str, float],
    status: str,
    reason: str,
) -> None:
    found = evidence(challenger, champion)
    if champion is not None:  # of intervals another test tells
        found["challenger"]["coverage_interval"] = (0.85, 0.95)
    decision = decide(found, [SOUND], Rules(**rules))
    assert decision.status == status
    assert reason in decision.reason


@pytest.mark.parametrize(
    ("covered", "status"),
    [((0.70, 0.84), "rejected"), ((0.70, 0.86), "promoted"), ((0.96, 0.99), "rejected")],
)
def test_intervals_keep_their_coverage(covered: tuple[float, float], status: str) -> None:
    found = evidence([10.0] * 7, [14.0] * 7)
    found["challenger"]["coverage_interval"] = covered
    assert decide(found, [SOUND], Rules()).status == status


def test_a_worse_slice_keeps_the_champion() -> None:
    found = evidence([10.0] * 7, [14.0] * 7)
    found["challenger"]["coverage_interval"] = (0.9, 0.9)
    found["slices"][0] |= {"worse": True, "change": 0.25}
    decision = decide(found, [SOUND], Rules())
    assert decision.status == "kept"
    assert decision.reason.startswith("its error is 25% higher for night, working day (56 hours)")


def test_what_is_wrong_is_rejected_before_anything_else() -> None:
    found = evidence([10.0] * 7, None)
    rain = {"check": "rain", "passed": False, "detail": "light precipitation: more rentals"}
    few = "too few new hours to compare on: 0"
    assert decide(found, [rain], Rules(), too_few=few).status == "rejected"
    assert decide(found, [], Rules(), broken="week.onnx: bad").reason.endswith("week.onnx: bad")
    found["challenger"]["coverage_interval"] = (0.0, 0.1)  # few hours say nothing of it
    assert decide(found, [SOUND], Rules(), too_few=few).reason == few
    found["challenger"]["mae"] = float("nan")
    assert decide(found, [SOUND], Rules()).status == "rejected"


def test_a_first_champion_must_only_be_sound() -> None:
    found = evidence([15.0] * 7, None)
    rain = {"check": "rain", "passed": False, "detail": "rain raises rentals"}
    assert "but rain raises rentals" in decide(found, [SOUND, rain], Rules()).reason
    assert decide(found, [SOUND | {"passed": False}], Rules()).status == "rejected"
