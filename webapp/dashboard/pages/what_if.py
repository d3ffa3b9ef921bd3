"""What if: the weather and the hour in, the rentals out, with the whole day's curve."""

import datetime as dt
from typing import Any

import dash_bootstrap_components as dbc
import pandas as pd
from dash import ClientsideFunction, Dash, Input, Output, html

from training.history import WEATHER
from webapp import predictor, queries
from webapp.errors import Unavailable
from webapp.history import to_hour

from .. import components, figures, formats, sections, urls
from ..sections import Chart, Drawing

PATH = f"{urls.PREFIX}what-if"
NAME = "What if"
TITLE = "What would be rented?"

CURVE = "what-if-day-graph"
COLUMNS = {
    "datetime": "Hour",
    "predicted": "Predicted, rentals",
    "lower": "Lower end of the 90 % interval",
    "upper": "Upper end",
}
HOUR = dt.timedelta(hours=1)
# Label and unit, and what the slider spans and steps by; the contract's own ranges are wider.
SLIDERS = {
    "hour": ("Hour of the day", 0, 23, 1),
    "temperature": ("Temperature, °C", -20, 45, 0.5),
    "humidity": ("Humidity, %", 0, 100, 1),
    "windspeed": ("Wind speed, km/h", 0, 80, 1),
}
CONTROLS = {
    "weather": "what-if-weather-select",
    "date": "what-if-date-input",
    **{name: f"what-if-{name}-slider" for name in SLIDERS},
}
WARNINGS = {
    "history_is_stale": "The newest known hour is more than a week older, so less is known of it.",
    "outside_training_range": "The model never saw such weather, so take this with care.",
    "history_revised": "Hours that the model knows here were corrected later.",
    "no_history": "No hour has been observed yet, so the level of demand is a guess.",
}


def layout(choices: urls.Choices) -> Any:
    """Return the page with its controls as the URL or the newest observation says."""
    chosen = clean(choices, None)
    return components.page(
        TITLE,
        "Choose a day, an hour and its weather. Nothing that you ask here is stored.",
        urls.location("what-if", choices),
        html.Div(
            [
                _controls(chosen),
                sections.section(
                    "what-if-answer-section",
                    components.waiting("medium"),
                    components.chart(CURVE, "The whole day"),
                ),
            ],
            className="what-if-grid",
        ),
    )


def register_callbacks(app: Dash) -> None:
    """Let controls and URL follow each other, and answer."""
    urls.sync(app, "what-if", PATH, CONTROLS, clean)
    sections.register(app, "what-if", PATH, "what-if-answer-section", answer, [CURVE])
    for name in SLIDERS:
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("vlib", "readout"),
            Output(f"{CONTROLS[name]}-readout", "children"),
            Input(CONTROLS[name], "value"),
        )


def clean(choices: urls.Choices, _changed: str | None) -> urls.Choices:
    """Return legal choices; what is missing or wrong comes from the newest observation."""
    chosen = {**choices}
    start = _start()
    if chosen.get("weather") not in WEATHER:
        chosen["weather"] = start["weather"]
    if urls.day(chosen.get("date")) is None:
        chosen["date"] = start["date"]
    for name, (_, low, high, step) in SLIDERS.items():
        value = _number(chosen.get(name))
        value = _number(start[name]) or 0.0 if value is None else value
        chosen[name] = f"{min(max(round(value / step) * step, low), high):g}"
    return chosen


def answer(choices: urls.Choices, theme: str) -> Drawing:
    """Return the prediction of the chosen hour and the curve of its day."""
    chosen = clean(choices, None)
    day = urls.day(chosen["date"])
    assert day is not None  # noqa: S101 - `clean` gave a legal one
    hour = int(chosen["hour"])
    try:
        predictions = predictor.predict(_requests(day, chosen))
    except Unavailable:
        return Drawing(
            components.empty(
                "There is no model yet.", "As soon as the first training ends, it answers here."
            )
        )
    chart = _day_chart(day, hour, predictions, theme)
    return Drawing(_number_card(day, hour, predictions[hour]), {CURVE: chart})


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
    weather = {name: formats.WEATHER[name] for name in WEATHER}
    date = dbc.Input(id=CONTROLS["date"], type="date", value=chosen["date"], debounce=700)
    return html.Section(
        [
            components.field("Date", date, CONTROLS["date"]),
            components.field(
                "Weather",
                components.select(CONTROLS["weather"], weather, chosen["weather"]),
                CONTROLS["weather"],
            ),
            *(_slider(name, chosen[name]) for name in SLIDERS),
        ],
        className="panel controls-column",
        **components.attributes(aria_label="Day, hour and weather"),
    )


def _slider(name: str, value: str) -> html.Div:
    label, low, high, step = SLIDERS[name]
    id_ = CONTROLS[name]
    control = dbc.Input(
        id=id_, type="range", min=low, max=high, step=step, value=value, debounce=150
    )
    readout = html.Output(value, id=f"{id_}-readout", htmlFor=id_, className="readout")
    return components.field(label, [readout, control], id_)


def _number_card(day: dt.datetime, hour: int, prediction: predictor.Prediction) -> html.Section:
    told = prediction.to_json()
    note = f"By model {told['model_version']}"
    if told["as_of"]:
        note += f", as known at {formats.hour(dt.datetime.fromisoformat(told['as_of']))}"
    warnings = [WARNINGS[name] for name in told["warnings"] if name in WARNINGS]
    interval = told["interval"]
    return components.card(
        formats.hour(day + hour * HOUR),
        html.P(
            [
                html.Strong(formats.number(told["rentals"]), className="answer-number"),
                " rentals per hour",
            ],
            className="answer",
        ),
        html.P(
            f"With 90 % confidence between {formats.number(interval['lower'])} and "
            f"{formats.number(interval['upper'])}.",
        ),
        html.P(f"{note}.", className="card-note mb-0"),
        *(dbc.Alert(text, color="warning", className="mt-3 mb-0") for text in warnings),
    )


def _day_chart(
    day: dt.datetime, hour: int, predictions: list[predictor.Prediction], theme: str
) -> Chart:
    frame = pd.DataFrame(
        {
            "datetime": pd.date_range(day, periods=24, freq="h"),
            "predicted": [prediction.rentals for prediction in predictions],
            "lower": [prediction.lower for prediction in predictions],
            "upper": [prediction.upper for prediction in predictions],
        }
    )
    top = int(frame["predicted"].argmax())
    return Chart(
        figures.day(frame, hour, theme),
        "Rentals per hour, with the same weather all day",
        f"{formats.number(frame['predicted'].sum())} rentals in the day; most at {top:02d}:00 "
        f"({formats.number(frame['predicted'].max())}).",
        frame.rename(columns=COLUMNS),
    )


def _start() -> urls.Choices:
    """Return the hour after the newest observation, in that observation's weather."""
    items, _ = queries.list_observations(None, None, 1, None)
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
