"""Each page's callbacks, through Flask's client."""

import datetime as dt
from typing import Any

import pandas as pd
import pytest
from flask import Flask

from tests.conftest import TOKEN, add_version
from webapp import alerts, importing, predictor, queries
from webapp.dashboard import comparing
from webapp.dashboard.pages import explain, overview, performance, what_if
from webapp.errors import Conflict, Unavailable
from webapp.feeds import feed
from webapp.history import to_hour
from webapp.tries import LIMIT

from .conftest import UNDERSTANDING, Call, text


def draw(call: Call, section: str, search: str = "", **values: Any) -> dict[str, Any]:
    """Draw a section as if for the first time."""
    page = section.removesuffix("-section").rpartition("-")[0]
    drawn: dict[str, Any] = call(f"{section}.children", **{f"{page}-url.search": search}, **values)
    return drawn


def words(call: Call, section: str, search: str = "") -> str:
    """Return what a section says."""
    return text(draw(call, section, search)[section]["children"])


# Overview


def test_overview_says_how_wrong_the_model_is_and_on_what(call: Call) -> None:
    told = words(call, "overview-status-section")
    assert "Predictions are off by" in told
    assert "backtest, a day ahead" in told
    assert "Repeating last week" in told
    assert "Model 1" in told


def test_the_bar_names_the_city_whose_history_is_there(app: Flask, call: Call) -> None:
    assert call("shell-city-name.children")["shell-city-name"]["children"] == "Washington, D.C."
    with app.app_context():
        queries.upsert_frame(queries.observations_frame().tail(1), importing.demo() | OWN)
    assert call("shell-city-name.children")["shell-city-name"]["children"] == "Neustadt"


OWN = {"source": "own", "city": "Neustadt"}


def test_overview_marks_the_embedded_history_as_demo_data(call: Call) -> None:
    told = words(call, "overview-status-section")
    assert "Mon 31 Dec 2012" in told
    assert "demo data" in told
    assert "late" not in told


def test_overview_measures_live_predictions_once_there_are_enough(app: Flask, call: Call) -> None:
    predict_live(app, 23)
    told = words(call, "overview-status-section")
    assert "Measured on: backtest" in told
    assert "Live: 23\N{NO-BREAK SPACE}hours so far, shown from 24 on." in told
    predict_live(app, 24)
    told = words(call, "overview-status-section")
    assert "live predictions, an hour ahead" in told and "so far" not in told


def test_overview_holds_today_against_the_usual(app: Flask, call: Call) -> None:
    told = words(call, "overview-status-section")
    assert "Last 24 hours" in told and "Last 7 days" in told
    assert "last 24 h: as usual" in told
    app.config["VLIB_ALERT_ERROR"] = 0.01
    assert "last 24 h: worse than usual" in words(call, "overview-status-section")


def test_overview_holds_few_days_against_the_holdout(app: Flask, call: Call) -> None:
    predict_live(app, 24)
    with app.app_context():
        champion = queries.champion()
        assert champion is not None
        holdout = champion["holdout"]
    holdout["horizons"]["1"] = holdout["metrics"] | {"mae": 1.0}
    told = words(call, "overview-status-section")
    assert "last 24 h:" not in told  # nothing was measured an hour ahead
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("webapp.queries.champion", lambda: champion)
        told = words(call, "overview-status-section")
    assert "last 24 h: worse than usual" in told
    assert "Usual is what it was on the holdout." in told


def test_overview_says_nothing_of_a_day_that_is_not_known(app: Flask, call: Call) -> None:
    hour = {"weather": "clear", "temperature": 5.0, "humidity": 50.0, "windspeed": 10.0}
    with app.app_context():
        later = [hour | {"datetime": dt.datetime(2013, 1, 2, 1), "rentals": 9}]
        queries.upsert_observations(later)
    told = words(call, "overview-status-section")
    assert "last 24 h:" not in told
    assert "Too few of the last hours are known to say how it does today." in told


def test_performance_shows_few_live_hours_to_who_asks_for_them(app: Flask, call: Call) -> None:
    predict_live(app, 5)
    section, search = "performance-result-section", "?horizon=1"
    told = words(call, section, search)
    assert "Model 1, backtest" in told
    assert told.partition("so far, shown from 24 on.")[0].endswith(
        "Live: 5\N{NO-BREAK SPACE}hours "
    )
    told = words(call, section, f"{search}&source=live")
    assert "Model 1, live" in told and "so far" not in told
    assert "so far" not in words(call, section, f"{search}&source=backtest")


def predict_live(app: Flask, hours: int) -> None:
    """Store live predictions of the newest hours, an hour ahead."""
    first = to_hour(dt.datetime(2013, 1, 1)) - hours
    asked = [
        predictor.HourRequest(hour, 0, 5.0, 50.0, 10.0, as_of=hour - 1)
        for hour in range(first, first + hours)
    ]
    with app.app_context():
        predictions = predictor.predict(asked, source="live")
        queries.insert_predictions([row(prediction) for prediction in predictions])


def test_overview_says_where_rentals_were_estimated(app: Flask, call: Call) -> None:
    predict_live(app, 23)
    hour = dt.datetime(2013, 1, 1)
    weather = {"weather": "clear", "temperature": 5.0, "humidity": 50.0, "windspeed": 10.0}
    with app.app_context():
        predictions = predictor.predict([predictor.HourRequest(to_hour(hour), 0, 5.0, 50.0, 10.0)])
        queries.insert_predictions([row(prediction) for prediction in predictions])
        queries.upsert_observations([weather | {"datetime": hour, "rentals": 9, "estimated": True}])
    assert "(24\N{NO-BREAK SPACE}hours, 1 of them estimated)" in words(
        call, "overview-status-section"
    )
    figure = draw(call, "overview-curve-section")["overview-curve-graph"]["figure"]
    estimated = next(t for t in figure["data"] if t.get("name") == "Actual (estimated)")
    assert [y for y in estimated["y"] if y is not None] == [9]


def test_overview_shows_the_next_48_hours_of_a_forecast(app: Flask, call: Call) -> None:
    app.config |= {"VLIB_WEATHER_URL": "http://127.0.0.1:1/", "VLIB_TIMEZONE": "UTC"}
    feed.init_app(app)
    now = queries.utcnow().replace(minute=0, second=0, microsecond=0)
    hours = [to_hour(now) + ahead for ahead in range(1, 49)]
    with app.app_context():
        asked = [predictor.HourRequest(hour, 0, 5.0, 50.0, 10.0) for hour in hours]
        queries.insert_predictions([row(each) for each in predictor.predict(asked)])
    figure = draw(call, "overview-curve-section")["overview-curve-graph"]["figure"]
    last = now + dt.timedelta(hours=48)
    assert figure["data"][1]["x"][-1] == last.isoformat()
    assert "Weather forecast" in words(call, "overview-status-section")


def row(prediction: predictor.Prediction) -> dict[str, Any]:
    """Return the row of a prediction as `journal` stores it."""
    hour = dt.datetime.fromisoformat(prediction.to_json()["datetime"])
    return {
        "id": prediction.prediction_id,
        "datetime": hour,
        "as_of": hour - dt.timedelta(hours=1),
        "horizon": 1,
        "model_version": prediction.model_version,
        "source": prediction.source,
        "rentals": prediction.rentals,
        "lower": prediction.lower,
        "upper": prediction.upper,
        "baseline": prediction.baseline,
        "input": prediction.input(),
        "warnings": prediction.warnings,
        "requested_at": queries.utcnow(),
    }


def test_overview_draws_the_newest_predictions(call: Call) -> None:
    drawn = draw(call, "overview-curve-section")
    names = {trace.get("name") for trace in drawn["overview-curve-graph"]["figure"]["data"]}
    assert {"Predicted", "Actual", "90 % interval"} <= names
    assert "hours predicted" in drawn["overview-curve-graph-summary"]["children"]


def test_overview_shows_the_progress_of_the_first_training(app_without_model: Flask) -> None:
    with app_without_model.app_context():
        queries.add_run("run-1", "first", None)
        queries.update_run("run-1", status="running", stage="searching", progress=0.4)
    told = words_of(app_without_model, "overview-training-section")
    assert "Training the first model" in told
    assert "Searching" in told
    assert "40\N{NO-BREAK SPACE}%" in told


def test_overview_says_why_there_is_still_no_model(app_without_model: Flask) -> None:
    assert "no model yet" in words_of(app_without_model, "overview-training-section")
    with app_without_model.app_context():
        queries.add_run("run-1", "first", None)
        queries.finish_run("run-1", "failed", "The store does not answer.")
    assert "The store does not answer." in words_of(app_without_model, "overview-training-section")


# Performance


def test_performance_shows_every_slice(call: Call) -> None:
    drawn = draw(call, "performance-result-section")
    for name in ("time", "scatter", "hour"):
        assert drawn[f"performance-{name}-graph"]["figure"]["data"]
        assert drawn[f"performance-{name}-graph-summary"]["children"].endswith(".")
    assert drawn["performance-result-section-charts"]["className"] == "chart-grid"


def test_performance_shows_what_the_url_asks_for(call: Call) -> None:
    told = words(call, "performance-result-section", "?window=24h&horizon=1&version=1")
    assert "an hour ahead" in told
    assert "24\N{NO-BREAK SPACE}hours from Mon 31 Dec 2012, 00:00" in told


def test_slices_come_worst_first(call: Call) -> None:
    drawn = draw(call, "performance-slices-section")
    bars = drawn["performance-slice-graph"]["figure"]["data"][0]
    assert bars["x"] == sorted(bars["x"], reverse=True)
    assert {"A week ahead", "Clear", "Night, free day"} <= {
        name.replace("<br>", " ") for name in bars["y"]
    }


def test_a_slice_can_be_looked_at_alone(call: Call) -> None:
    drawn = draw(call, "performance-result-section", "?slice=hours:night-free")
    hours = {
        hour[11:13]
        for hour in drawn["performance-scatter-graph"]["figure"]["data"][1]["customdata"]
    }
    assert hours and hours <= {"22", "23", "00", "01", "02", "03", "04", "05"}
    assert "Only: Night" in text(drawn["performance-result-section"]["children"])


@pytest.mark.parametrize("metric", list(performance.METRICS))
def test_every_metric_is_drawn_over_time(call: Call, metric: str) -> None:
    drawn = draw(call, "performance-result-section", f"?metric={metric}")
    assert len(drawn["performance-time-graph"]["figure"]["data"][-1]["y"]) > 3
    assert drawn["performance-time-graph-note"]["children"].startswith(
        performance.METRICS[metric][0]
    )
    summary = drawn["performance-time-graph-summary"]["children"]
    assert summary.startswith(performance.METRICS[metric][0])


def test_the_worst_period_is_that_of_the_chosen_metric() -> None:
    days = pd.DataFrame(
        {
            "datetime": pd.to_datetime(["2013-01-01", "2013-01-02", "2013-01-03"]),
            "mae": [120.0, 40.0, 60.0],
            "bias": [10.0, -30.0, 20.0],
            "r2": [0.9, 0.8, -0.1],
            "coverage": [100.0, 70.0, 88.0],
            "width": [100.0, 200.0, 300.0],
            "baseline_r2": [0.5, 0.9, 0.3],
        }
    )

    def told(metric: str) -> str:
        return performance._summary(days, metric, "D")

    assert told("mae").endswith("worst Tue 1 Jan 2013, 120 rentals per hour.")
    assert told("bias").endswith("worst Wed 2 Jan 2013, \N{MINUS SIGN}30 rentals per hour.")
    assert told("coverage").endswith("worst Wed 2 Jan 2013, 70\N{NO-BREAK SPACE}%.")
    assert told("width").endswith("widest Thu 3 Jan 2013, 300 rentals per hour.")
    assert "last week on 1 of 3\N{NO-BREAK SPACE}days. Worst: Thu 3 Jan 2013, " in told("r2")
    assert told("r2").endswith("\N{MINUS SIGN}0.10.")


def test_what_single_hours_do_not_tell_is_not_told(call: Call) -> None:
    drawn = draw(call, "performance-result-section", "?window=24h&metric=r2")
    assert "few hours do not tell it" in drawn["performance-time-graph-summary"]["children"]


def test_the_worst_hours_lead_to_their_stories(call: Call) -> None:
    table = find(draw(call, "performance-worst-section", "?theme=dark"), "Tbody")
    rows = table["props"]["children"]
    errors = [
        abs(int(text(row["props"]["children"][3]).replace("\N{MINUS SIGN}", "-"))) for row in rows
    ]
    assert len(errors) == 20 and errors == sorted(errors, reverse=True)
    address = find(rows[0], "A")["props"]["href"]
    assert address.startswith("/dashboard/explain?theme=dark&date=2012-12-")
    assert address.endswith("&ahead=24&version=1&source=backtest")


def test_performance_takes_whole_days(call: Call) -> None:
    told = words(call, "performance-result-section", "?from=2012-12-30&to=2012-12-30")
    assert "from Sun 30 Dec 2012, 00:00 to Sun 30 Dec 2012, 23:00" in told


def test_performance_without_a_match_says_what_there_is(call: Call) -> None:
    drawn = draw(call, "performance-result-section", "?source=live")
    told = text(drawn["performance-result-section"]["children"])
    assert "have been predicted: choose another window" in told
    assert drawn["performance-result-section-charts"]["className"] == "d-none"


def test_a_range_that_ends_before_it_begins_is_told(call: Call) -> None:
    told = words(call, "performance-result-section", "?from=2012-12-30&to=2012-12-29")
    assert "ends before it begins" in told


def test_a_control_writes_the_url(call: Call) -> None:
    sent = call(
        "performance-url.search",
        f"{performance.CONTROLS['window']}.value",
        **{
            "performance-url.search": "?theme=dark&from=2012-12-01",
            "performance-url.pathname": performance.PATH,
            "performance-window-radio.value": "7d",
            "performance-from-input.value": "2012-12-01",
        },
    )
    assert "window=7d" in sent["performance-url"]["search"]
    assert "theme=dark" in sent["performance-url"]["search"]
    assert sent["performance-from-input"]["value"] == ""


def test_going_back_moves_the_controls(call: Call) -> None:
    sent = call(
        "performance-url.search",
        "performance-url.search",
        **{
            "performance-url.search": "?horizon=48",
            "performance-url.pathname": performance.PATH,
            "performance-horizon-select.value": "24",
        },
    )
    assert sent["performance-horizon-select"]["value"] == "48"
    assert "performance-url" not in sent


# Experiments


def test_experiments_lists_trainings_and_versions(call: Call) -> None:
    assert "made for the tests" in words(call, "experiments-runs-section")
    assert "champion" in words(call, "experiments-models-section")


def test_experiments_tells_who_was_champion_when(app: Flask, call: Call) -> None:
    with app.app_context():
        kept = add_version(queries.observations_frame(), "kept")
        queries.activate(kept, "admin", "better on Sundays")
    table = find(draw(call, "experiments-champions-section"), "Tbody")
    newest, first = (text(row) for row in table["props"]["children"])
    assert newest.startswith(str(kept)) and newest.endswith("todayadminbetter on Sundays")
    assert first.startswith("1") and "training" in first


def test_candidates_are_sorted_as_the_url_says(app: Flask, call: Call) -> None:
    tried = [
        {"params": {"depth": depth}, "mean_score": score, "rank": rank, "fit_seconds": 1.0}
        for depth, score, rank in ((9, 50.0, 2), (5, 60.0, 3), (7, 40.0, 1))
    ]
    with app.app_context():
        queries.add_run("run-x", "admin", None)
        queries.update_run("run-x", candidates=tried)
        queries.finish_run("run-x", "kept", "No better.")
    search = "?run=run-x&sort=depth&order=descending"
    table = find(draw(call, "experiments-candidates-section", search), "Tbody")
    assert [text(line).split("s")[1] for line in table["props"]["children"]] == ["9", "7", "5"]


def find(component: Any, kind: str) -> Any:
    """Return the first component of a kind, or None."""
    if isinstance(component, dict):
        if component.get("type") == kind:
            return component
        component = list(component.values())
    if isinstance(component, list):
        return next((found for item in component if (found := find(item, kind))), None)
    return None


@pytest.mark.parametrize(
    ("token", "told"),
    [
        (None, "token is missing"),
        ("", "token is missing"),
        ("wrong", "not the admin token"),
        (7, "not the admin token"),
        (["the-admins-token"], "not the admin token"),
    ],
)
def test_nothing_happens_without_the_admin_token(
    app: Flask, call: Call, token: object, told: str
) -> None:
    for button in ("retrain", "cancel", "activate"):
        message = call(
            "experiments-message.children",
            f"experiments-{button}-button.n_clicks",
            **{f"experiments-{button}-button.n_clicks": 1, "experiments-token-input.value": token},
        )
        assert told in str(message)
    with app.app_context():
        assert queries.active_run() is None


def test_the_dashboards_buttons_count(call: Call) -> None:
    pressed = {"experiments-retrain-button.n_clicks": 1, "experiments-token-input.value": "guessed"}
    button = "experiments-retrain-button.n_clicks"
    said = [str(call("experiments-message.children", button, **pressed)) for _ in range(LIMIT + 1)]
    assert all("not the admin token" in text for text in said[:-1])
    assert "Too many wrong tokens" in said[-1]


def clicked(call: Call, button: str, succeeds: bool = False, **values: Any) -> str:
    """Press a button of Experiments with the admin's token; return the message."""
    given = {f"experiments-{name}.value": value for name, value in values.items()}
    id_ = f"experiments-{button}-button.n_clicks"
    answer = call(
        "experiments-message.children",
        id_,
        **{id_: 1, "experiments-token-input.value": TOKEN},
        **given,
    )
    message = answer["experiments-message"]["children"]
    assert (message["props"]["color"] == "success") == succeeds
    return text(message)


def test_retrain_starts_a_training_as_admin(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr("webapp.retraining.start", started.append)
    assert "has been started" in clicked(call, "retrain", succeeds=True)
    assert started == ["admin"]


def test_a_problem_is_told(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_trigger: str) -> None:
        raise Conflict("A training is running already.", run_id="run-1")

    monkeypatch.setattr("webapp.retraining.start", refuse)
    assert clicked(call, "retrain") == "A training is running already."


def test_a_crash_is_told_too(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_trigger: str) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("webapp.retraining.start", crash)
    assert "the server's log" in clicked(call, "retrain")


def test_activating_needs_a_model_and_a_reason(call: Call) -> None:
    assert "Choose the model" in clicked(call, "activate")
    select = {"version-select": "1"}
    assert "Say why" in clicked(call, "activate", **select, **{"reason-input": "  "})


def test_activating_is_done_in_the_admins_name(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Any] = []
    monkeypatch.setattr("webapp.retraining.activate", lambda *args: done.append(args))
    given = {"version-select": "1", "reason-input": " rollback "}
    assert clicked(call, "activate", succeeds=True, **given) == "Model 1 serves now."
    assert done == [(1, "rollback", "admin")]


def test_cancelling_nothing_is_told(call: Call) -> None:
    assert clicked(call, "cancel") == "No training is running."


# What if


def test_what_if_answers_with_the_hour_and_the_day(call: Call) -> None:
    search = "?date=2013-01-02&hour=8&weather=clear&temperature=5&humidity=50&windspeed=10"
    drawn = draw(call, "what-if-answer-section", search)
    told = text(drawn["what-if-answer-section"]["children"])
    assert "Wed 2 Jan 2013, 08:00" in told
    assert "With 90 % confidence between" in told
    assert "as known at Mon 31 Dec 2012, 23:00" in told
    figure = drawn["what-if-day-graph"]["figure"]
    assert "Predicted" in {trace.get("name") for trace in figure["data"]}


def test_what_if_decides_how_many_bikes_to_have_out(call: Call) -> None:
    cheap = words(call, "what-if-answer-section", "?hour=8&missing=1&idle=9")
    dear = words(call, "what-if-answer-section", "?hour=8&missing=9&idle=1")
    assert "How many bikes to have out at 08:00?" in dear
    assert "enough in 90\N{NO-BREAK SPACE}% of such hours" in dear
    assert "In the 168\N{NO-BREAK SPACE}hours of the holdout, a day ahead" in dear
    assert bikes(cheap) < bikes(dear)


def bikes(told: str) -> int:
    """Return how many bikes the page says to have out."""
    return int(told.partition("at 08:00?")[2].partition(" bikes")[0].replace(",", ""))


@pytest.mark.parametrize(
    ("costs", "told"),
    [
        ("", "enough in 75\N{NO-BREAK SPACE}% of such hours"),
        ("&missing=-3", "A missing bike costs: give a number from 0 to 100,000."),
        ("&missing=?&idle=nan", "A missing bike costs, An idle bike costs: give a number"),
        ("&missing=0&idle=0", "any number is right"),
        ("&missing=0", "0 bikesA missing bike costs nothing, so none has to be out."),
        ("&idle=0", "enough in 99\N{NO-BREAK SPACE}% of such hours, the most that"),
    ],
)
def test_what_if_decides_by_the_costs_that_are_shown(call: Call, costs: str, told: str) -> None:
    assert told in words(call, "what-if-answer-section", f"?hour=8{costs}")


def test_what_if_says_beside_the_field_which_cost_is_wrong(call: Call) -> None:
    sent = call("what-if-costs-problem.children", **{"what-if-url.search": "?idle=-1"})
    assert sent["what-if-costs-problem"]["children"].startswith("An idle bike costs: give")
    assert [sent[f"what-if-{name}-input"]["invalid"] for name in ("missing", "idle")] == [0, 1]


def test_a_cost_that_was_emptied_is_no_usual_one(app: Flask) -> None:
    with app.app_context():
        chosen = what_if.clean({"missing": ""}, "missing")
    assert chosen["missing"] == what_if.UNKNOWN_COST


def test_what_if_says_when_a_model_can_decide_nothing(app: Flask, call: Call) -> None:
    with app.app_context():
        serving = predictor.current().serving
        assert serving is not None
        del serving.artefact.metadata["quantiles"]
    assert "train again to decide" in words(call, "what-if-answer-section")


def test_what_if_starts_after_the_newest_observation(call: Call) -> None:
    assert "Tue 1 Jan 2013, 00:00" in words(call, "what-if-answer-section")


def test_what_if_warns_of_weather_that_was_never_seen(call: Call) -> None:
    assert "never saw such weather" in words(call, "what-if-answer-section", "?temperature=44")


def test_what_if_stores_nothing(app: Flask, call: Call) -> None:
    with app.app_context():
        before = queries.list_predictions(None, None, None, None, 1, None)
    words(call, "what-if-answer-section")
    with app.app_context():
        assert queries.list_predictions(None, None, None, None, 1, None) == before


def test_what_if_without_a_model_says_so(app_without_model: Flask) -> None:
    assert "There is no model yet." in words_of(app_without_model, "what-if-answer-section")


# Explain


@pytest.fixture
def understood(monkeypatch: pytest.MonkeyPatch) -> list[predictor.HourRequest]:
    """Fabricate what is known of the champion; return what it is asked to explain."""
    asked: list[predictor.HourRequest] = []

    def taken_apart(
        request: predictor.HourRequest, **_version: object
    ) -> tuple[predictor.Prediction, dict[str, float]]:
        asked.append(request)
        prediction = predictor.predict([request])[0]
        parts = {"hour": 30.0, "humidity_1h_ago": -20.0, "odd_name": 10.0}
        parts |= {f"feature_{number}": 0.14 for number in range(7)}
        return prediction, {"baseline": prediction.rentals - 20.98} | parts

    monkeypatch.setattr("webapp.predictor.understanding", lambda: UNDERSTANDING)
    monkeypatch.setattr("webapp.predictor.explain", taken_apart)
    return asked


@pytest.mark.usefixtures("understood")
def test_explain_ranks_what_matters(call: Call) -> None:
    drawn = draw(call, "explain-model-section")
    told = drawn["explain-importance-graph-summary"]["children"]
    assert told.startswith("Most: Hour of the day (+52.0), then Kind of day (+21.0)")
    assert told.endswith("Least: Wind speed (\N{MINUS SIGN}0.2).")
    rings = drawn["explain-importance-graph"]["figure"]["data"][1]
    assert rings["x"] == [50.0, 54.0, 20.0, 22.0, 0.1, -0.5]


@pytest.mark.usefixtures("understood")
@pytest.mark.parametrize(
    ("search", "summary"),
    [
        ("", "highest at 23:00, 33 rentals per hour, and lowest at 00:00, 10."),
        ("?input=temperature", "lowest at \N{MINUS SIGN}5\N{NO-BREAK SPACE}°C, 40."),
        ("?input=weather", "highest at “Clear”, 90 rentals per hour"),
        ("?input=humidity", "has not been measured"),
        ("?input=nonsense", "highest at 23:00"),
    ],
)
def test_explain_follows_the_chosen_input(call: Call, search: str, summary: str) -> None:
    drawn = draw(call, "explain-model-section", search)
    assert summary in drawn["explain-dependence-graph-summary"]["children"]


def test_explain_takes_the_newest_hour_apart(
    call: Call, understood: list[predictor.HourRequest]
) -> None:
    drawn = draw(call, "explain-hour-section")
    told = text(drawn["explain-hour-section"]["children"])
    assert "Mon 31 Dec 2012, 23:00: clear" in told
    assert "as known at Sun 30 Dec 2012, 23:00" in told
    assert "Actual49" in told
    hour = to_hour(dt.datetime(2012, 12, 31, 23))
    assert [(request.hour, request.as_of) for request in understood] == [(hour, hour - 24)]


@pytest.mark.usefixtures("understood")
def test_explain_adds_up_as_shown(call: Call) -> None:
    drawn = draw(call, "explain-hour-section", "?date=2012-12-24&hour=17")
    bars = drawn["explain-parts-graph"]["figure"]["data"]
    shown = {bar["name"]: dict(zip(bar["y"], bar["x"], strict=True)) for bar in bars}
    start, prediction, _actual = shown["Total"].values()
    steps = [*shown["Raises it"].values(), *shown["Lowers it"].values()]
    assert len(steps) == 9
    assert start + sum(steps) == pytest.approx(prediction)
    summary = drawn["explain-parts-graph-summary"]["children"]
    assert "Humidity 1 h before \N{MINUS SIGN}20.0, Odd name +10.0" in summary
    assert "All 2 others" in summary


def test_the_strongest_parts_and_the_rest_add_up() -> None:
    parts = {f"feature_{number}": 0.04 for number in range(10)} | {"hour": -7.06}
    baseline, strongest, count, rest = explain.strongest({"baseline": 100.04} | parts, 93.4)
    assert baseline == 100.0
    assert list(strongest)[0] == "hour" and strongest["hour"] == -7.1
    assert (count, rest) == (3, 0.5)


@pytest.mark.usefixtures("understood")
@pytest.mark.parametrize("search", ["?date=2013-02-01&hour=3", "?date=1999-01-01"])
def test_explain_of_an_hour_that_was_not_observed_says_so(call: Call, search: str) -> None:
    drawn = draw(call, "explain-hour-section", search)
    told = text(drawn["explain-hour-section"]["children"])
    assert "has not been observed" in told
    assert "newest observed hour is Mon 31 Dec 2012, 23:00" in told
    assert drawn["explain-hour-section-charts"]["className"] == "d-none"


def test_explain_of_a_model_that_was_not_measured_says_so(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.predictor.understanding", lambda: None)
    assert "has not been measured" in words(call, "explain-model-section")


def test_explain_without_a_model_says_so(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_args: object, **_version: object) -> None:
        raise Unavailable("No model is ready yet.")

    monkeypatch.setattr("webapp.predictor.understanding", unavailable)
    monkeypatch.setattr("webapp.predictor.explain", unavailable)
    for section in ("explain-model-section", "explain-hour-section"):
        assert "There is no model yet." in words(call, section)


def test_explain_without_an_hour_says_so(app_without_model: Flask) -> None:
    assert "No hour has been observed yet." in words_of(app_without_model, "explain-hour-section")


# Sections


def words_of(app: Flask, section: str) -> str:
    """Return what a section says in another application than the usual one."""
    from .conftest import UPDATE, body

    client = app.test_client()
    answer = client.post(UPDATE, json=body(client, f"{section}.children"))
    return text(answer.get_json()["response"][section]["children"])


def test_what_has_not_changed_is_not_sent(call: Call) -> None:
    section = "experiments-models-section"
    digests = draw(call, section)[f"{section}-digests"]["data"]
    assert draw(call, section, **{f"{section}-digests.data": digests}) is None


def test_only_what_has_changed_is_sent(call: Call) -> None:
    section = "overview-curve-section"
    digests = draw(call, section)[f"{section}-digests"]["data"]
    dark = draw(
        call, section, **{f"{section}-digests.data": digests, "shell-theme-store.data": "dark"}
    )
    assert "figure" in dark["overview-curve-graph"]
    assert "overview-curve-graph-summary" not in dark


@pytest.mark.parametrize("digests", [7, "x", [1, 2], {"a": []}, [[]] * 3])
def test_foreign_digests_are_no_obstacle(call: Call, digests: object) -> None:
    section = "overview-curve-section"
    drawn = draw(call, section, **{f"{section}-digests.data": digests})
    assert "figure" in drawn["overview-curve-graph"]


def test_a_page_that_is_being_left_draws_nothing(call: Call) -> None:
    elsewhere = {"overview-url.pathname": "/dashboard/performance"}
    assert draw(call, "overview-status-section", **elsewhere) is None


def test_a_section_that_breaks_says_so_and_the_rest_lives_on(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_args: object) -> None:
        raise OSError("disk I/O error")

    monkeypatch.setattr("webapp.queries.scores_by", crash)
    drawn = draw(call, "performance-slices-section")
    assert "could not be loaded" in text(drawn["performance-slices-section"]["children"])
    assert "disk" not in str(drawn)
    assert drawn["performance-slices-section-charts"]["className"] == "d-none"
    assert "could not be loaded" not in words(call, "performance-result-section")


def test_an_alert_is_told_with_what_to_do(app: Flask) -> None:
    with app.app_context():
        queries.raise_alert("database_behind", {"seconds": 90}, {})
        shown = str(overview.open_alerts({}, "light").children)
    assert "waited 90 s for the database" in shown
    assert "locked, full or gone" in shown


def test_an_alert_leads_to_the_page_that_helps(app: Flask, call: Call) -> None:
    found = {"names": "temperature", "days": 28}
    with app.app_context():
        queries.raise_alert("inputs_drift", found, {})
    section = "overview-alerts-section"
    shown = draw(call, section, "?lang=en&theme=dark&window=7d")[section]["children"]
    link = find(shown, "A")
    assert text(link) == "To the page Drift"
    assert link["props"]["href"] == "/dashboard/drift?lang=en&theme=dark"


def test_every_page_that_an_alert_names_is_there() -> None:
    assert {condition.page for condition in alerts.CONDITIONS} == {"", *overview.PAGES}


def test_two_versions_stand_side_by_side(app: Flask, call: Call) -> None:
    with app.app_context():
        other = add_version(queries.observations_frame(), "kept")
    told = words(call, "experiments-compare-section", f"?first=1&second={other}")
    for part in ("Model 1", f"Model {other}", "RMSE", "Night, working day", "Hours of training"):
        assert part in told
    assert "Training data toMon 24 Dec 2012, 22:00" in told
    assert "168\N{NO-BREAK SPACE}hours that both have predicted" in told


@pytest.mark.parametrize(
    ("second", "told"), [(0.899, "0 points"), (0.92, "+2 points"), (0.89, "\N{MINUS SIGN}1 point")]
)
def test_coverages_differ_by_points(second: float, told: str) -> None:
    pair = comparing._pair(0.9, second, 0, "coverage")
    assert pair[-1].replace("\N{NO-BREAK SPACE}", " ") == told


def test_the_selects_show_what_is_compared_when_a_version_is_new(app: Flask, call: Call) -> None:
    alone = {"experiments-first-select.value": "1", "experiments-second-select.value": "1"}
    with app.app_context():
        other = str(add_version(queries.observations_frame(), "kept"))

    def moved(search: str = "") -> dict[str, Any]:
        sent: dict[str, Any] = call(
            "experiments-first-select.options",
            "shell-refresh-interval.n_intervals",
            **{"experiments-url.search": search, **alone},
        )
        return sent

    first, second = (moved()[f"experiments-{name}-select"] for name in ("first", "second"))
    assert first["value"] == other and "value" not in second
    assert [option["value"] for option in second["options"]] == [other, "1"]
    assert "value" not in moved("?first=1&second=1")["experiments-first-select"]


def test_a_version_alone_is_compared_with_none(call: Call) -> None:
    assert "Choose two versions" in words(call, "experiments-compare-section", "?first=9")


def test_candidates_are_lines_to_their_errors(app: Flask, call: Call) -> None:
    tried = [
        {"params": {"depth": depth, "same": 1}, "mean_score": score, "rank": 1, "fit_seconds": 1.0}
        for depth, score in ((9, 50.0), (5, 60.0))
    ]
    with app.app_context():
        queries.add_run("run-x", "admin", None)
        queries.update_run("run-x", candidates=tried)
    figure = draw(call, "experiments-candidates-section")["experiments-candidates-graph"]["figure"]
    worst, best = figure["data"]
    assert best["x"] == ["Depth", "Mean<br>error"]
    assert (best["y"], worst["y"]) == ([1, 0], [0, 1])
