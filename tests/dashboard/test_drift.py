"""The page Drift, through Flask's client."""

import datetime as dt

import pandas as pd
import pytest
from flask import Flask
from flask.testing import FlaskClient

from training.history import History
from training.sources import embedded_history
from webapp import history, predictor, queries
from webapp.dashboard.pages import drift

from .conftest import Call
from .test_pages import draw, words, words_of

SPACE = "\N{NO-BREAK SPACE}"


def know(app: Flask, frame: pd.DataFrame) -> None:
    """Let the application know these hours, without storing them."""
    with app.app_context():
        predictor.current()
        history.cache().current = History.from_frame(frame)


@pytest.fixture
def years(app: Flask, client: FlaskClient) -> pd.DataFrame:
    """Both years, known to the application."""
    frame = embedded_history()
    know(app, frame)
    return frame


def test_what_drifted_comes_first_and_is_told_with_its_usual_swing(
    call: Call, years: pd.DataFrame
) -> None:
    told = words(call, "drift-table-section", "?to=2012-03-31")
    assert "2 of 8 drifted: Temperature, Felt temperature" in told
    assert f"Temperaturedrifted since 20 Mar13.3{SPACE}°C8.5{SPACE}°C4.7{SPACE}°C warmer±" in told
    assert "Likely broken" not in told


def test_a_sound_window_has_not_drifted(call: Call, years: pd.DataFrame) -> None:
    told = words(call, "drift-table-section")
    assert "Nothing has drifted" in told
    assert "Predicted for" in told and "a day ahead" in told


def test_growth_is_told_and_is_no_alarm(call: Call, years: pd.DataFrame) -> None:
    told = words(call, "drift-table-section", "?to=2012-09-30")
    assert "Level of rentalsgrowth is no alarm" in told
    assert "rentals per hour higher" in told


def test_a_share_says_of_what_it_is(call: Call, years: pd.DataFrame) -> None:
    told = words(call, "drift-table-section")
    assert "Rentals, growth aside, % of the 4 weeks before" in told
    assert "Clear sky, % of hours" in told
    assert "Humidity, %" not in told


def test_actuals_that_came_late_are_told_in_days_or_years(app: Flask, call: Call) -> None:
    with app.app_context():
        rows = queries.observations_frame().tail(2)
        queries.upsert_frame(rows.assign(rentals=rows["rentals"] + 1))
    told = words(call, "drift-quality-section")
    assert f"{SPACE}years" in told.partition("half came within ")[2]


def test_a_broken_sensor_is_told_with_what_is_right(
    app: Flask, call: Call, years: pd.DataFrame
) -> None:
    late = years.index[-60:]
    years.loc[late, "temperature"] = years.loc[late, "temperature"] * 1.8 + 32
    years.loc[late, "humidity"] = 55.0
    know(app, years)
    told = words(call, "drift-table-section")
    assert "Likely broken in the last 3\N{NO-BREAK SPACE}days" in told
    assert f"Humidity has been 55.0{SPACE}% without a change since Sat 29 Dec 2012, 12:00." in told
    assert "in this season it is at most" in told


def test_a_stuck_sensor_that_works_again_is_told_in_the_past(
    app: Flask, call: Call, years: pd.DataFrame
) -> None:
    years.loc[years.index[-60:-10], "humidity"] = 55.0
    know(app, years)
    told = words(call, "drift-table-section")
    assert "without a change from Sat 29 Dec 2012, 12:00 to Mon 31 Dec 2012, 13:00." in told


def test_the_chart_shows_the_chosen_input_beside_earlier_years(
    call: Call, years: pd.DataFrame
) -> None:
    drawn = draw(call, "drift-chart-section", "?to=2012-03-31&input=humidity")
    figure = drawn["drift-season-graph"]["figure"]
    names = [trace["name"] for trace in figure["data"]]
    assert names == ["9 in 10 days of earlier years", "Usual in earlier years", "Humidity"]
    assert len(figure["data"][2]["x"]) == 28
    assert figure["layout"]["meta"]["columns"][:2] == ["Day", "Daily mean"]
    assert "days of 28 outside" in drawn["drift-season-graph-summary"]["children"].replace(
        SPACE, " "
    )


def test_data_quality_lists_what_is_doubtful(call: Call, years: pd.DataFrame) -> None:
    told = words(call, "drift-quality-section", "?to=2012-08-31")
    assert f"Impossible24{SPACE}hours" in told
    assert "Felt temperatureimpossibleFri 17 Aug 2012, 00:00Fri 17 Aug 2012, 23:0024" in told


def test_hours_that_were_loaded_are_not_late(call: Call) -> None:
    assert "all hours were loaded at once" in words(call, "drift-quality-section")


def test_less_than_a_year_is_compared_with_nothing(call: Call) -> None:
    told = words(call, "drift-table-section")
    assert "There is no earlier year to compare with." in told
    assert "Hours are known since" in told


def test_a_window_before_all_hours_says_so(call: Call) -> None:
    assert "No hour of this window" in words(call, "drift-table-section", "?to=2001-01-01")
    told = draw(call, "drift-chart-section", "?to=2001-01-01")
    assert told["drift-chart-section-charts"]["className"] == "d-none"


def test_without_any_hour_the_page_says_so(app_without_model: Flask) -> None:
    assert "No hour has been observed yet." in words_of(app_without_model, "drift-table-section")


def test_choices_are_made_legal() -> None:
    wrong = {"window": "3y", "input": "mood", "to": "yesterday", "theme": "dark"}
    assert drift.clean(wrong, None) == {"theme": "dark", **drift.DEFAULTS}
    right = {"window": "7d", "input": "clear", "to": dt.date(2012, 5, 1).isoformat()}
    assert drift.clean(right, None) == right
