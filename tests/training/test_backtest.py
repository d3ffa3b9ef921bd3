import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import TimeSeriesSplit

from training import backtest as module
from training.backtest import backtest, protocol_splits, scores

SMALL = {"trees": 2, "copies": 1, "n_jobs": 1}
SPLITS = list(TimeSeriesSplit(2, gap=24, test_size=100, max_train_size=1500).split(range(2400)))


def test_result_has_the_contracts_columns(recent: pd.DataFrame) -> None:
    result = backtest(recent, SPLITS, 24, **SMALL)
    expected = ["datetime", "split", "actual", "predicted", "lower", "upper"]
    assert list(result.columns) == expected
    assert result["datetime"].tolist() == recent["datetime"].iloc[-200:].tolist()
    assert result["split"].tolist() == [0] * 100 + [1] * 100
    assert np.isfinite(result[expected[2:]]).all(axis=None)


@pytest.mark.parametrize("horizon", [1, 30, 168, None])
def test_rentals_that_may_not_be_known_never_matter(
    recent: pd.DataFrame, horizon: int | None
) -> None:
    train, test = SPLITS[0]
    hour = recent["datetime"].iloc[test[0]]
    secret = recent["datetime"] > hour - pd.Timedelta(hours=horizon or 1)
    poisoned = recent.assign(
        rentals=recent["rentals"].mask(secret, 1e6), casual=1e6, registered=np.nan
    )
    found, expected = (
        backtest(frame, [(train, test[:1])], horizon, **SMALL) for frame in (poisoned, recent)
    )
    columns = ["predicted", "lower", "upper"]
    pd.testing.assert_frame_equal(found[columns], expected[columns], check_exact=True)


def test_no_history_ignores_all_rentals_outside_training(recent: pd.DataFrame) -> None:
    train, test = SPLITS[0]
    rest = ~recent.index.isin(range(test[0]))
    poisoned = recent.assign(rentals=recent["rentals"].mask(rest, 1e6))
    found, expected = (
        backtest(frame, [(train, test)], None, **SMALL) for frame in (poisoned, recent)
    )
    assert found["predicted"].equals(expected["predicted"])


def test_backtest_is_the_same_twice(recent: pd.DataFrame) -> None:
    first, second = (backtest(recent, SPLITS[:1], 48, **SMALL) for _ in range(2))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_impossible_requests_are_refused(recent: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="horizon 0: expected at least 1 hour"):
        backtest(recent, SPLITS, 0)
    backwards = [(np.arange(1000, 2400), np.arange(1000))]
    with pytest.raises(ValueError, match="split 0: 0 train hours lie 24 h or more before"):
        backtest(recent, backwards, 24)


@pytest.mark.parametrize(("protocol", "sizes"), [("cyclic", [1000] * 5), ("lagged", [3000] * 3)])
def test_protocols_are_the_contracts(frame: pd.DataFrame, protocol: str, sizes: list[int]) -> None:
    splits = list(protocol_splits(protocol, frame))
    assert [len(test) for _, test in splits] == sizes
    assert all(test[0] - train[-1] == 49 and len(train) <= 10_000 for train, test in splits)


def test_next_year_trains_on_the_first(frame: pd.DataFrame) -> None:
    ((train, test),) = protocol_splits("next-year", frame)
    years = frame["datetime"].dt.year
    assert years.iloc[train].unique().tolist() == [2011]
    assert years.iloc[test].unique().tolist() == [2012]


def test_scores_are_the_mean_over_splits() -> None:
    result = pd.DataFrame({"split": [0, 0, 1, 1], "actual": [1.0, 3.0, 1.0, 3.0]})
    result["predicted"] = [2.0, 4.0, 1.0, 3.0]
    result["lower"], result["upper"] = result["predicted"] - 2, result["predicted"] + 2
    assert scores(result)["mae"] == 0.5
    assert scores(result)["width"] == 4.0


def test_command_prints_and_writes_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = pd.DataFrame({"split": 0, "actual": [1.0, 3.0], "predicted": [2.0, 4.0]})
    made = made.assign(lower=0.0, upper=5.0)
    monkeypatch.setattr(module, "backtest", lambda history, splits, horizon, holidays: made)
    target = tmp_path / "metrics.json"
    command = ["backtest", "--protocol", "cyclic", "--horizon", "none", "--json", str(target)]
    monkeypatch.setattr("sys.argv", command)
    module.main()
    assert "mae  1.000" in capsys.readouterr().out
    assert json.loads(target.read_text())["metrics"]["coverage"] == 1.0
