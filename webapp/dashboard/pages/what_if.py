"""What if: the weather and the hour in, the rentals out, with the whole day's curve."""

import datetime as dt
from typing import Any

import dash_bootstrap_components as dbc
import pandas as pd
from dash import ClientsideFunction, Dash, Input, Output, html
from flask_babel import gettext as _
from flask_babel import ngettext

from training.history import WEATHER
from training.quantiles import right_level
from webapp import deciding, predictor, queries
from webapp.errors import Unavailable
from webapp.history import to_hour
from webapp.language import N_, translated

from .. import components, figures, formats, neighbours, sections, urls
from ..sections import Chart, Drawing

PATH = f"{urls.PREFIX}what-if"
NAME = N_("What if")
TITLE = N_("What would be rented?")

CURVE = "what-if-day-graph"
COLUMNS = {
    "datetime": N_("Hour"),
    "predicted": N_("Predicted, rentals"),
    "lower": N_("Lower end of the 90 % interval"),
    "upper": N_("Upper end"),
    "typical": N_("A typical day, rentals"),
    "bikes": N_("Bikes to have out"),
}
HOUR = dt.timedelta(hours=1)
# Label and unit, and what the slider spans and steps by; the contract's own ranges are wider.
SLIDERS = {
    "hour": (N_("Hour of the day"), 0, 23, 1),
    "temperature": (N_("Temperature, °C"), -20, 45, 0.5),
    "humidity": (N_("Humidity, %"), 0, 100, 1),
    "windspeed": (N_("Wind speed, km/h"), 0, 80, 1),
}
COSTS = {"missing": (N_("A missing bike costs"), 3.0), "idle": (N_("An idle bike costs"), 1.0)}
MOST_COST = 1e5
UNKNOWN_COST = "?"  # in the URL, for a field that was emptied
CONTROLS = {
    "weather": "what-if-weather-select",
    "date": "what-if-date-input",
    **{name: f"what-if-{name}-slider" for name in SLIDERS},
    **{name: f"what-if-{name}-input" for name in COSTS},
}
RULES = {
    "right": N_("The right quantile"),
    "forecast": N_("The prediction itself"),
    "naive": N_("What was rented a week before"),
}
WARNINGS = {
    "history_is_stale": N_(
        "The newest known hour is more than a week older, so less is known of it."
    ),
    "outside_training_range": N_("The model never saw such weather, so take this with care."),
    "history_revised": N_("Hours that the model knows here were corrected later."),
    "no_history": N_("No hour has been observed yet, so the level of demand is a guess."),
}


def layout(choices: urls.Choices) -> Any:
    """Return the page with its controls as the URL or the newest observation says."""
    chosen = clean(choices, None)
    return components.page(
        _(TITLE),
        _("Choose a day, an hour and its weather. Nothing that you ask here is stored."),
        urls.location("what-if", choices),
        html.Div(
            [
                _controls(chosen),
                sections.section(
                    "what-if-answer-section",
                    components.waiting("medium"),
                    components.chart(CURVE, _("The whole day")),
                ),
            ],
            className="what-if-grid",
        ),
    )


def register_callbacks(app: Dash) -> None:
    """Let controls and URL follow each other, and answer."""
    urls.sync(app, "what-if", PATH, CONTROLS, clean)
    sections.register(app, "what-if", PATH, "what-if-answer-section", answer, [CURVE])

    @app.callback(
        Output("what-if-costs-problem", "children"),
        *(Output(CONTROLS[name], "invalid") for name in COSTS),
        Input("what-if-url", "search"),
        prevent_initial_call=True,
    )
    def judge(search: object) -> list[Any]:
        chosen = clean(urls.parse(search), None)
        return [_cost_problem(chosen), *(_cost(chosen[name]) is None for name in COSTS)]

    for name in SLIDERS:
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("vlib", "readout"),
            Output(f"{CONTROLS[name]}-readout", "children"),
            Input(CONTROLS[name], "value"),
        )


def clean(choices: urls.Choices, _changed: str | None) -> urls.Choices:
    """Return legal choices; what is missing or wrong comes from the newest observation.

    A wrong cost stays as it is: without the right one nothing can be decided.
    """
    chosen = {**choices}
    start = _start()
    if chosen.get("weather") not in WEATHER:
        chosen["weather"] = start["weather"]
    if urls.day(chosen.get("date")) is None:
        chosen["date"] = start["date"]
    for name, (__, low, high, step) in SLIDERS.items():
        value = _number(chosen.get(name))
        value = _number(start[name]) or 0.0 if value is None else value
        chosen[name] = f"{min(max(round(value / step) * step, low), high):g}"
    for name, (__, usual) in COSTS.items():
        cost = _cost(chosen.setdefault(name, f"{usual:g}"))
        # A wrong one stays, so that the field and what is said of it agree.
        chosen[name] = chosen[name] or UNKNOWN_COST if cost is None else f"{cost:.10g}"
    return chosen


def answer(choices: urls.Choices, theme: str) -> Drawing:
    """Return the prediction of the chosen hour and the curve of its day."""
    chosen = clean(choices, None)
    day = urls.day(chosen["date"])
    assert day is not None  # noqa: S101 - `clean` gave a legal one
    hour = int(chosen["hour"])
    requests, costs = _requests(day, chosen), _costs(chosen)
    try:
        predictions, bikes = deciding.predict(requests, right_level(*costs) if costs else 0.5)
    except Unavailable:
        return Drawing(
            components.empty(
                _("There is no model yet."),
                _("As soon as the first training ends, it answers here."),
            )
        )
    decision = _decision_card(hour, bikes, *costs) if costs else _undecided(hour, chosen)
    cards = [_number_card(day, hour, predictions[hour]), decision]
    bikes = bikes if costs else None
    return Drawing(cards, {CURVE: _day_chart(day, hour, predictions, bikes, theme)})


def _requests(day: dt.datetime, chosen: urls.Choices) -> list[predictor.HourRequest]:
    """Ask for all hours of a day under the same weather, knowing what was known before it."""
    first = to_hour(day)
    return [
        predictor.HourRequest(
            hour=hour,
            weather=WEATHER.index(chosen["weather"]),
            temperature=float(chosen["temperature"]),
            humidity=float(chosen["humidity"]),
            windspeed=float(chosen["windspeed"]),
            as_of=first - 1,
        )
        for hour in range(first, first + 24)
    ]


def _controls(chosen: urls.Choices) -> html.Section:
    weather = translated({name: formats.WEATHER[name] for name in WEATHER})
    date = dbc.Input(id=CONTROLS["date"], type="date", value=chosen["date"], debounce=700)
    return html.Section(
        [
            components.field(_("Date"), date, CONTROLS["date"]),
            components.field(
                _("Weather"),
                components.select(CONTROLS["weather"], weather, chosen["weather"]),
                CONTROLS["weather"],
            ),
            *(_slider(name, chosen[name]) for name in SLIDERS),
            html.Div(
                [_cost_field(name, chosen[name]) for name in COSTS], className="field cost-fields"
            ),
            html.P(
                _cost_problem(chosen),
                id="what-if-costs-problem",
                className="text-danger mt-2 mb-0",
                role="status",
            ),
        ],
        className="panel controls-column",
        **components.attributes(aria_label=_("Day, hour, weather and costs")),
    )


def _cost_field(name: str, value: str) -> html.Div:
    id_ = CONTROLS[name]
    control = dbc.Input(
        id=id_,
        type="number",
        min=0,
        max=MOST_COST,
        step="any",
        value="" if _number(value) is None else value,
        invalid=_cost(value) is None,
        debounce=400,
    )
    return components.field(_(COSTS[name][0]), control, id_)


def _slider(name: str, value: str) -> html.Div:
    label, low, high, step = SLIDERS[name]
    id_ = CONTROLS[name]
    control = dbc.Input(
        id=id_, type="range", min=low, max=high, step=step, value=value, debounce=150
    )
    readout = html.Output(value, id=f"{id_}-readout", htmlFor=id_, className="readout")
    return components.field(_(label), [readout, control], id_)


def _number_card(day: dt.datetime, hour: int, prediction: predictor.Prediction) -> html.Section:
    told = prediction.to_json()
    warnings = [_(WARNINGS[name]) for name in told["warnings"] if name in WARNINGS]
    interval = told["interval"]
    return components.card(
        formats.hour(day + hour * HOUR),
        html.P(
            [
                html.Strong(formats.number(told["rentals"]), className="answer-number"),
                " ",
                _("rentals per hour"),
            ],
            className="answer",
        ),
        html.P(
            _(
                "With 90 %% confidence between %(lower)s and %(upper)s.",
                lower=formats.number(interval["lower"]),
                upper=formats.number(interval["upper"]),
            )
        ),
        html.P(formats.by_model(told["model_version"], told["as_of"]), className="card-note mb-0"),
        *(dbc.Alert(text, color="warning", className="mt-3 mb-0") for text in warnings),
    )


def _cost(text: str) -> float | None:
    """Read a cost; None if it is no number or out of bounds."""
    cost = _number(text)
    return cost if cost is not None and 0 <= cost <= MOST_COST else None


def _costs(chosen: urls.Choices) -> tuple[float, float] | None:
    """Return the costs of a missing and of an idle bike, None if nothing can be decided by them."""
    missing, idle = _cost(chosen["missing"]), _cost(chosen["idle"])
    return None if missing is None or idle is None or missing + idle == 0 else (missing, idle)


def _cost_problem(chosen: urls.Choices) -> str:
    """Say which cost is wrong, nothing if none is."""
    wrong = [_(COSTS[name][0]) for name in COSTS if _cost(chosen[name]) is None]
    if not wrong:
        return ""
    most = formats.number(MOST_COST)
    return _("%(names)s: give a number from 0 to %(most)s.", names=", ".join(wrong), most=most)


def _title(hour: int) -> str:
    return _("How many bikes to have out at %(hour)s?", hour=f"{hour:02d}:00")


def _undecided(hour: int, chosen: urls.Choices) -> html.Section:
    why = _cost_problem(chosen) or _("If neither costs anything, any number is right.")
    return components.card(_title(hour), html.P(why, className="mb-0"))


def _enough(missing: float, idle: float) -> str:
    """Say in how many of such hours so many bikes are enough."""
    if missing == 0:
        return _("A missing bike costs nothing, so none has to be out.")
    level = right_level(missing, idle)
    told = deciding.told_level(level)
    share = formats.percent(told)
    if told < level:
        return _(
            "So many are enough in %(share)s of such hours, the most that the model can tell.",
            share=share,
        )
    return _(
        "So many are enough in %(share)s of such hours, which costs least at these costs.",
        share=share,
    )


def _decision_card(hour: int, bikes: list[int] | None, missing: float, idle: float) -> html.Section:
    title = _title(hour)
    if bikes is None:
        return components.card(
            title, html.P(_("This model keeps too little to tell: train again to decide."))
        )
    return components.card(
        title,
        html.P(
            [
                html.Strong(formats.number(bikes[hour]), className="answer-number"),
                " ",
                ngettext("bike", "bikes", bikes[hour]),
            ],
            className="answer",
        ),
        html.P(_enough(missing, idle)),
        *_outcomes(missing, idle),
        html.P(
            _(
                "Counted are rentals, not demand: an empty station hides who found no bike. Each "
                "rental of an hour is taken to need a bike of its own."
            ),
            className="card-note mt-3 mb-0",
        ),
    )


def _outcomes(missing: float, idle: float) -> list[Any]:
    held = deciding.holdout()
    if held is None:
        return []
    right, *others = outcomes = deciding.outcomes(held, missing, idle)
    told = _(" and ").join(_saved(right.cost, one) for one in others)
    rows = [
        [
            _(RULES[one.rule]),
            formats.number(one.cost, 1),
            formats.number(one.missing, 1),
            formats.number(one.idle, 1),
        ]
        for one in outcomes
    ]
    heads = [_("Have out"), _("Cost per hour"), _("Missing bikes"), _("Idle bikes")]
    return [
        html.P(
            _(
                "In the %(hours)s of the holdout, a day ahead, it would have cost %(told)s.",
                hours=formats.hours(len(held.actual)),
                told=told,
            )
        ),
        components.table(_("What each rule would have cost in the holdout"), heads, rows),
    ]


def _saved(cost: float, other: deciding.Outcome) -> str:
    """Say how a cost compares with another rule's: 12 % less than the prediction itself."""
    rule = _(RULES[other.rule])
    rule = rule[:1].lower() + rule[1:]
    share = 1 - cost / other.cost if other.cost else 0.0
    if not round(100 * share):
        return _("as much as %(rule)s", rule=rule)
    if share > 0:
        return _("%(share)s less than %(rule)s", share=formats.percent(share), rule=rule)
    return _("%(share)s more than %(rule)s", share=formats.percent(-share), rule=rule)


def _day_chart(
    day: dt.datetime,
    hour: int,
    predictions: list[predictor.Prediction],
    bikes: list[int] | None,
    theme: str,
) -> Chart:
    frame = pd.DataFrame(
        {
            "datetime": pd.date_range(day, periods=24, freq="h"),
            "predicted": [prediction.rentals for prediction in predictions],
            "lower": [prediction.lower for prediction in predictions],
            "upper": [prediction.upper for prediction in predictions],
            "typical": neighbours.typical_day(day),
        }
    )
    if bikes is not None:
        frame["bikes"] = bikes
    top = int(frame["predicted"].argmax())
    return Chart(
        figures.day(frame, hour, theme),
        _(
            "Rentals per hour, with the same weather all day; a typical day is the mean of such "
            "days, working or free, in the 4 weeks before"
        ),
        _(
            "%(rentals)s rentals in the day; most at %(hour)s (%(most)s). A typical day: "
            "%(typical)s.",
            rentals=formats.number(frame["predicted"].sum()),
            hour=f"{top:02d}:00",
            most=formats.number(frame["predicted"].max()),
            typical=formats.number(frame["typical"].sum(min_count=1)),
        ),
        frame.rename(columns=translated(COLUMNS)),
    )


def _start() -> urls.Choices:
    """Return the hour after the newest observation, in that observation's weather."""
    items, _cursor = queries.list_observations(None, None, 1, None)
    if not items:
        today = dt.date.today().isoformat()
        calm = {"weather": "clear", "temperature": "15", "humidity": "60", "windspeed": "10"}
        return {"date": today, "hour": "8", **calm}
    newest = items[0]
    following = dt.datetime.fromisoformat(newest["datetime"]) + HOUR
    weather = {
        name: str(newest[name]) for name in ("weather", "temperature", "humidity", "windspeed")
    }
    return {"date": following.date().isoformat(), "hour": str(following.hour), **weather}


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < 1e6 else None  # NaN and infinity too
