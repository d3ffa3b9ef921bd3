"""The story of an hour: what was said of it, and its neighbours."""

import datetime as dt

import pandas as pd
import pytest
from flask import Flask

from tests.conftest import add_version
from webapp import journal, predictor, queries
from webapp.dashboard import neighbours, stories
from webapp.dashboard.pages import explain
from webapp.history import to_hour

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


SPACE = "\N{NO-BREAK SPACE}"
FIRST = dt.datetime(2013, 1, 1)
NOON = "?date=2013-01-01&hour=12"


@pytest.fixture
def answered(app: Flask) -> list[predictor.Prediction]:
    """Predict a day live in one batch, a day ahead, then observe another weather."""
    first = to_hour(FIRST)
    asked = [
        predictor.HourRequest(first + i, 0, 16.0 + i / 8, 50.0, 10.0, None, False, first + i - 24)
        for i in range(24)
    ]
    weather = {"weather": "mist", "temperature": 7.0, "humidity": 80.0, "windspeed": 12.0}
    weather |= {"holiday": True, "rentals": 90}
    hours = [FIRST + i * neighbours.HOUR for i in range(24)]
    with app.app_context():
        predictions = predictor.predict(asked)
        journal.current().store(predictions)
        queries.upsert_observations([weather | {"datetime": hour} for hour in hours])
    return predictions


def test_a_story_is_of_what_was_told_then(call: Call, answered: list[predictor.Prediction]) -> None:
    drawn = draw(call, "explain-hour-section", NOON)
    told = text(drawn["explain-hour-section"]["children"])
    assert (
        f"It was told: clear, 17.5{SPACE}°C, humidity 50{SPACE}%, wind 10{SPACE}km/h, no holiday; "
        f"it was: mist, 7.0{SPACE}°C, humidity 80{SPACE}%, wind 12{SPACE}km/h, a holiday."
    ) in told
    assert "Source: live." in told and "revised" not in told
    assert f"Predicted{answered[12].rentals:.1f}" in told
    summary = drawn["explain-parts-graph-summary"]["children"]
    assert summary.endswith(f"together {answered[12].rentals:.1f}.")


def test_every_hour_of_a_batch_is_made_anew_as_it_was_answered(
    app: Flask, answered: list[predictor.Prediction]
) -> None:
    with app.app_context():
        for place, prediction in enumerate(answered):
            when = FIRST + place * neighbours.HOUR
            said = stories.find(when, 24, 1, None)
            assert said is not None
            anew, added = stories.retell(when, said, 1)
            assert anew.rentals == prediction.rentals == pytest.approx(sum(added.values()))


@pytest.mark.usefixtures("answered")
@pytest.mark.parametrize("search", ["&source=backtest", "&source=replay", "&ahead=1"])
def test_where_nothing_was_answered_the_weather_is_what_it_was(call: Call, search: str) -> None:
    told = words(call, "explain-hour-section", NOON + search)
    assert f"12:00, a holiday: mist, 7.0{SPACE}°C" in told and "It was told" not in told


@pytest.mark.usefixtures("answered")
def test_a_story_says_if_what_it_knew_was_revised(app: Flask, call: Call) -> None:
    with app.app_context():
        hours = queries.records(queries.observations_frame(FIRST - 24 * neighbours.HOUR, FIRST))
        queries.upsert_observations([hour | {"rentals": 999} for hour in hours])
    assert "was revised since or is gone: made anew" in words(call, "explain-hour-section", NOON)


@pytest.mark.parametrize("version", [1, 2])
def test_a_story_of_the_backtest_is_what_was_scored(app: Flask, version: int) -> None:
    with app.app_context():
        if version == 2:
            add_version(queries.observations_frame(), "kept")
        frame = queries.scored_frame(sources=("backtest",), model_version=version, horizon=24)
        scored = frame.iloc[-5]
        when = scored["datetime"].to_pydatetime()
        (row,) = queries.records(queries.observations_frame(when, when + neighbours.HOUR))
        assert stories.tell(when, row, 24, version)[0].rentals == scored["predicted"]


@pytest.mark.usefixtures("answered")
def test_a_link_shows_the_same_after_a_promotion(app: Flask, call: Call) -> None:
    search = f"{NOON}&version=1&source=live"
    before = draw(call, "explain-hour-section", search)
    with app.app_context():
        queries.activate(add_version(queries.observations_frame(), "kept"), "admin", "a test")
    after = draw(call, "explain-hour-section", search)
    assert after["explain-hour-section"] == before["explain-hour-section"]
    assert after["explain-parts-graph"] == before["explain-parts-graph"]


@pytest.mark.usefixtures("answered")
def test_a_neighbour_leads_to_what_was_said_of_it(call: Call) -> None:
    table = find(draw(call, "explain-neighbours-section", f"{NOON}&source=backtest"), "Tbody")
    address = find(table["props"]["children"][0], "A")["props"]["href"]
    assert address == "?date=2013-01-01&hour=9&source=live&version=1"


def test_a_source_is_left_when_another_hour_is_chosen(app: Flask) -> None:
    asked = {"date": "2013-01-01", "hour": "9", "version": "1", "source": "live"}
    with app.app_context():
        kept = [explain.clean(asked, changed).get("source") for changed in (None, "input", "hour")]
        wrong = explain.clean(asked | {"source": "rumour"}, None)
    assert kept == ["live", "live", None] and "source" not in wrong
