"""Figures from fabricated frames."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from flask import Flask

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
            "estimated": [False, False, False, True, False],
            "source": ["backtest", "backtest", "backtest", "live", "live"],
        }
    )
    return frame.drop(index=2)


def test_the_curve_breaks_where_an_hour_is_unknown(frame: pd.DataFrame) -> None:
    figure = figures.curve(frame, "light")
    named = {trace.get("name"): trace for trace in figure["data"]}
    assert named["Actual"]["x"][2] == "2012-12-03T02:00:00"
    assert named["Actual"]["y"] == [11, 19, None, None, None]
    assert named["Actual (estimated)"]["y"] == [None, None, None, 39, None]


def test_the_curve_tells_the_sources_apart_by_more_than_colour(frame: pd.DataFrame) -> None:
    figure = figures.curve(frame, "light", HOURS[3])
    named = {trace.get("name", ""): trace for trace in figure["data"]}
    dashes = {name: trace["line"]["dash"] for name, trace in named.items() if "Predicted" in name}
    assert dashes == {"Predicted (live)": "solid", "Predicted (backtest)": "dot"}
    assert figure["layout"]["shapes"][0]["x0"] == "2012-12-03T03:00:00"
    assert figure["layout"]["shapes"][0]["label"]["text"] == "Now"


def test_the_heat_map_has_a_row_a_weekday() -> None:
    table = pd.DataFrame(np.zeros((7, 24)))
    figure = figures.heat_map(table, "dark")
    assert figure["data"][0]["y"][0] == "Mon"
    assert np.asarray(figure["data"][0]["z"]).shape == (7, 24)


def test_a_slice_stands_beside_the_baseline() -> None:
    table = pd.DataFrame({"label": ["Clear"], "mae": [30.0], "baseline_mae": [60.0]})
    bars = figures.by_slice(table, "light")["data"]
    assert [bar["x"] for bar in bars[:2]] == [[30.0], [60.0]]


def test_each_part_begins_where_the_one_before_it_ends() -> None:
    figure = figures.parts(100.0, [("Hour", 20.0), ("Rain", -5.0)], 115.0, None, "light")
    totals, raising, lowering = figure["data"]
    assert (totals["base"], totals["x"]) == ([0, 0], [100, 115])
    assert (raising["base"], raising["x"], raising["text"]) == ([100], [20], ["+20.0"])
    assert (lowering["base"], lowering["x"]) == ([120], [-5])


def test_each_part_is_as_thick_as_the_others() -> None:
    figure = figures.parts(100.0, [("Hour", 20.0), ("Rain", -5.0)], 115.0, None, "light")
    assert {trace["width"] for trace in figure["data"]} == {0.7}


def test_labels_have_room(frame: pd.DataFrame) -> None:
    short, long = (
        figures.importance({name: [1.0]}, "light")["layout"]["margin"]["l"]
        for name in ("Wind", "Same hours of earlier days")
    )
    assert short < 60 < 120 < long < 200


def test_single_curves_are_one_trace_with_gaps() -> None:
    figure = figures.dependence([1.0, 2.0], [3.0, 4.0], [[1.0, 2.0], [5.0, 6.0]], "x", "light")
    assert figure["data"][0]["y"] == [1, 2, None, 5, 6, None]
    assert figure["data"][1]["y"] == [3, 4]


def test_predicted_against_actual_of_nothing_is_a_figure(frame: pd.DataFrame) -> None:
    figure = figures.predicted_against_actual(monitoring.scored(frame).iloc[:0], "light")
    assert [trace["x"] for trace in figure["data"]] == [[0, 1.0], []]


def test_the_two_themes_differ_in_colours_alone(frame: pd.DataFrame) -> None:
    light, dark = (figures.curve(frame, theme) for theme in figures.THEMES)
    assert light["layout"]["font"]["color"] != dark["layout"]["font"]["color"]
    assert [trace.get("name") for trace in light["data"]] == [
        trace.get("name") for trace in dark["data"]
    ]


def test_every_figure_is_one_that_plotly_knows(frame: pd.DataFrame) -> None:
    table = pd.DataFrame({"label": ["Clear"], "mae": [30.0], "baseline_mae": [60.0]})
    periods = table.assign(datetime=HOURS[:1])
    for figure in (
        figures.curve(frame, "light", HOURS[3]),
        figures.error_over_time(periods, "mae", "rentals per hour", "light"),
        figures.heat_map(pd.DataFrame(np.zeros((7, 24))), "light"),
        figures.by_slice(table, "light"),
        figures.predicted_against_actual(monitoring.scored(frame), "light"),
        figures.day(frame.assign(typical=30.0).reset_index(drop=True), 1, "light"),
        figures.importance({"Hour": [50.0, 52.0], "Wind": [-0.1]}, "light"),
        figures.dependence([0.0, 10.0], [5.0, 6.0], [[4.0, 7.0]], "Temperature", "light"),
        figures.dependence(["Clear", "Mist"], [5.0, 6.0], [[4.0, 7.0]], "Weather", "light"),
        figures.parts(100.0, [("Hour", 20.0), ("Rain", -5.0)], 115.0, 110.0, "light"),
    ):
        go.Figure(figure)  # raises on a property or a value that plotly.js would not take


def test_a_finger_scrolls_the_page_and_not_the_chart(frame: pd.DataFrame) -> None:
    assert figures.curve(frame, "light")["layout"]["dragmode"] is False


def test_a_day_is_marked_once_and_an_hour_with_its_time() -> None:
    for freq, count, tick in (("D", 3, 24 * 3600 * 1000), ("D", 28, None), ("h", 30, None)):
        times = pd.date_range("2013-01-01", periods=count, freq=freq)
        table = pd.DataFrame({"datetime": times, "mae": 1.0})
        axis = figures.error_over_time(table, "mae", "", "light")["layout"]["xaxis"]
        assert axis.get("dtick") == tick
        assert ("%H" in axis["tickformat"]) == (freq == "h")


def test_the_values_of_an_axis_are_written_as_the_reader_does(app: Flask) -> None:
    table = pd.DataFrame({"Trees": [400, 200], "Share": [0.3, 0.5], "Error": [43.5, 51.25]})
    with app.test_request_context("/?lang=fr"):
        figure = figures.parallel(table, "light")
    assert {"200", "400", "0,3", "0,5", "43,5", "51,25"} == {
        mark["text"] for mark in figure["layout"]["annotations"]
    }
    assert figure["data"][-1]["text"] == ["Trees: 400", "Share: 0,3", "Error: 43,5"]


def test_a_ring_does_not_touch_its_label() -> None:
    *_traces, labels = figures.importance({"hour": [50.0, 54.0]}, "light")["data"]
    assert labels["x"] == [54.0]
    assert labels["text"] == ["\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}+52.0"]  # no common spaces
