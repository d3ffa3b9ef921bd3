"""Figures from fabricated frames."""

import numpy as np
import pandas as pd
import pytest

from webapp import monitoring
from webapp.dashboard import figures

HOURS = pd.date_range("2012-12-03", periods=5, freq="h")


@pytest.fixture
def frame() -> pd.DataFrame:
    """Five predictions, the third hour missing, the last still to happen."""
    frame = pd.DataFrame(
        {
            "datetime": HOURS,
            "predicted": [10.0, 20, 30, 40, 50],
            "lower": [5.0, 10, 15, 20, 25],
            "upper": [15.0, 30, 45, 60, 75],
            "actual": [11.0, 19, 31, 39, np.nan],
            "source": ["backtest", "backtest", "backtest", "live", "live"],
        }
    )
    return frame.drop(index=2)


def test_the_curve_breaks_where_an_hour_is_unknown(frame: pd.DataFrame) -> None:
    figure = figures.curve(frame, "light")
    actual = next(trace for trace in figure.data if trace.name == "Actual")
    assert len(actual.x) == 5
    assert np.isnan(actual.y[2])


def test_the_curve_tells_the_sources_apart_by_more_than_colour(frame: pd.DataFrame) -> None:
    figure = figures.curve(frame, "light", HOURS[3])
    dashes = {trace.name: trace.line.dash for trace in figure.data if "(" in (trace.name or "")}
    assert dashes == {"Predicted (live)": "solid", "Predicted (backtest)": "dot"}
    assert len(figure.layout.shapes) == 1


def test_the_heat_map_has_a_row_a_weekday() -> None:
    table = pd.DataFrame(np.zeros((7, 24)))
    figure = figures.heat_map(table, "dark")
    assert list(figure.data[0].y)[0] == "Mon"
    assert np.asarray(figure.data[0].z).shape == (7, 24)


def test_weather_stands_beside_the_baseline() -> None:
    table = pd.DataFrame({"weather": ["clear"], "mae": [30.0], "baseline_mae": [60.0]})
    assert [list(bar.x) for bar in figures.by_weather(table, "light").data] == [[30.0], [60.0]]


def test_predicted_against_actual_of_nothing_is_a_figure(frame: pd.DataFrame) -> None:
    assert figures.predicted_against_actual(monitoring.scored(frame).iloc[:0], "light").data


def test_the_two_themes_differ_in_colours_alone(frame: pd.DataFrame) -> None:
    light, dark = (figures.curve(frame, theme) for theme in figures.THEMES)
    assert light.layout.font.color != dark.layout.font.color
    assert [trace.name for trace in light.data] == [trace.name for trace in dark.data]
    assert light.layout.height == dark.layout.height


def test_a_finger_scrolls_the_page_and_not_the_chart(frame: pd.DataFrame) -> None:
    assert figures.curve(frame, "light").layout.dragmode is False
