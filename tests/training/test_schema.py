from pathlib import Path

import pandas as pd
import pytest

from training.schema import InvalidHistory, check_history
from training.sources import read_csv


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("humidity", 140, "row 3, column humidity: 140, expected a number from 0 to 100 (%)"),
        ("temperature", "warm", "row 3, column temperature: 'warm', expected a number"),
        ("windspeed", float("inf"), "row 3, column windspeed: inf, expected a number"),
        ("rentals", -1, "row 3, column rentals: -1, expected a number from 0 to 1000000"),
        ("rentals", None, "row 3, column rentals: None, expected a number"),
        ("weather", "Clear", "row 3, column weather: 'Clear', expected one of clear, mist"),
        ("holiday", "maybe", "row 3, column holiday: 'maybe', expected true or false"),
        ("datetime", "2011-01-05", "row 3, column datetime: '2011-01-05', expected a whole local"),
        ("datetime", "2011-01-05T08:30:00", "expected a whole local hour without an offset"),
        ("datetime", "2011-01-05T08:00:00-05:00", "expected a whole local hour without an offset"),
        ("datetime", "2011-01-01T00:00:00", "expected each hour once"),
    ],
)
def test_bad_value_is_named(frame: pd.DataFrame, column: str, value: object, message: str) -> None:
    bad = frame.head(30).astype(object)
    bad["datetime"] = frame["datetime"].head(30).dt.strftime("%Y-%m-%dT%H:%M:%S").astype(object)
    bad.loc[2, column] = value
    with pytest.raises(InvalidHistory) as caught:
        check_history(bad)
    assert message in str(caught.value)


def test_first_bad_row_comes_first_and_others_are_counted(frame: pd.DataFrame) -> None:
    bad = frame.head(30).copy()
    bad.loc[9, "humidity"] = 101
    bad.loc[[4, 20], "windspeed"] = -5
    with pytest.raises(InvalidHistory, match=r"^row 5, column windspeed: -5.0.*\(and 2 more\)$"):
        check_history(bad)


def test_missing_and_unknown_columns_are_named(frame: pd.DataFrame) -> None:
    with pytest.raises(InvalidHistory, match="column rentals is missing, expected datetime"):
        check_history(frame.drop(columns="rentals"))
    with pytest.raises(InvalidHistory, match="column rain is unknown, expected datetime"):
        check_history(frame.assign(rain=0))
    with pytest.raises(InvalidHistory, match="there is no row"):
        check_history(frame.head(0))


def test_humidity_as_a_fraction_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(InvalidHistory, match="column humidity: 1.0, expected %"):
        check_history(frame.assign(humidity=frame["humidity"] / 100))


def test_optional_columns_may_be_absent_and_rows_in_any_order(frame: pd.DataFrame) -> None:
    optional = ["feels_like", "casual", "registered", "holiday"]
    clean = check_history(frame.drop(columns=optional).sample(frac=1, random_state=0))
    assert clean["datetime"].equals(frame["datetime"])
    assert clean[optional].isna().all(axis=None)


def test_checking_changes_nothing(frame: pd.DataFrame) -> None:
    before = frame.copy()
    pd.testing.assert_frame_equal(check_history(frame), before)
    pd.testing.assert_frame_equal(frame, before)


def test_file_error_starts_with_the_path(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("datetime,weather\n2011-01-01T00:00:00,clear\n")
    with pytest.raises(InvalidHistory, match=f"^{path}: column temperature is missing"):
        read_csv(path)
    path.write_text("")
    with pytest.raises(InvalidHistory, match=f"^{path}: "):
        read_csv(path)
