"""The story of an hour: what was said of it, and its neighbours."""

import datetime as dt

import pandas as pd
import pytest
from flask import Flask

from webapp import predictor, queries
from webapp.dashboard import neighbours
from webapp.dashboard.pages import explain

from .conftest import Call, text
from .test_pages import draw, find, words

CHRISTMAS = "?date=2012-12-25&hour=8"
WHEN = pd.Timestamp("2012-12-26T08:00:00")


@pytest.mark.parametrize(("asked", "first"), [({}, "model"), ({"date": "2012-12-25"}, "hour")])
def test_who_comes_for_an_hour_sees_it_first(app: Flask, asked: dict[str, str], first: str) -> None:
    with app.test_request_context():
        shown = str(explain.layout(asked))
    sections = [shown.index(f"explain-{name}-section'") for name in ("model", "hour")]
    assert ("model" if sections[0] < sections[1] else "hour") == first


def test_the_hours_around_are_told(call: Call) -> None:
    table = find(draw(call, "explain-neighbours-section", CHRISTMAS), "Tbody")
    hours = [text(row["props"]["children"][0]) for row in table["props"]["children"]]
    assert hours[0] == "Tue 25 Dec 2012, 05:00" and hours[-1] == "Tue 25 Dec 2012, 11:00"
    chosen = [row["props"].get("className") for row in table["props"]["children"]]
    assert chosen.index("table-active") == 3


def test_similar_days_are_earlier_days_of_the_same_kind(app: Flask) -> None:
    with app.app_context():
        hours = queries.observations_frame(WHEN - neighbours.BACK)
        row = hours[hours["datetime"] == WHEN].iloc[0]
        alike = neighbours.similar(hours, WHEN, row)
    assert len(alike) == neighbours.MOST_DAYS
    assert (alike["datetime"].dt.hour == 8).all() and (alike["datetime"] < WHEN).all()
    assert (alike["datetime"].dt.day_of_week < 5).all()


@pytest.mark.parametrize(("ahead", "known"), [("1", "07:00"), ("24", "08:00"), ("x", "08:00")])
def test_a_prediction_is_told_as_it_was_known_then(call: Call, ahead: str, known: str) -> None:
    told = words(call, "explain-hour-section", f"{CHRISTMAS}&ahead={ahead}")
    assert f"as known at {'Tue 25' if ahead == '1' else 'Mon 24'} Dec 2012, {known}" in told


def test_an_hour_that_was_not_observed_has_no_neighbours(call: Call) -> None:
    drawn = draw(call, "explain-neighbours-section", "?date=2031-01-01&hour=8")
    assert drawn["explain-neighbours-section"]["children"] is None


def test_a_typical_day_is_the_mean_of_its_kind_in_the_four_weeks_before(app: Flask) -> None:
    day = pd.Timestamp("2012-12-19")
    with app.app_context():
        predictor.current()
        typical = neighbours.typical_day(day.to_pydatetime())
        hours = queries.observations_frame(day - pd.Timedelta(days=28), day)
    date = hours["datetime"].dt
    working = (date.day_of_week < 5) & (date.date != pd.Timestamp("2012-11-22").date())
    expected = hours["rentals"][working].groupby(date.hour[working]).mean()
    assert typical == pytest.approx(expected.to_numpy())


def test_a_typical_day_far_ahead_is_of_the_newest_weeks(app: Flask) -> None:
    with app.app_context():
        predictor.current()
        far, near = (neighbours.typical_day(dt.datetime(year, 1, 2)) for year in (2031, 2013))
    assert far == pytest.approx(near)
