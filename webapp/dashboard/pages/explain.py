"""Explain: what the champion looks at, and why it said what it said of an hour."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import dash_bootstrap_components as dbc
import numpy as np
import pandas as pd
from dash import Dash, html

from training.history import WEATHER
from webapp import predictor, queries, versions
from webapp.errors import Problem, Unavailable
from webapp.history import to_hour

from .. import components, figures, formats, neighbours, sections, urls
from ..sections import Chart, Drawing

PATH = f"{urls.PREFIX}explain"
NAME = "Explain"
TITLE = "What does the model look at, and why did it say this?"

HOUR = dt.timedelta(hours=1)
AHEAD = {str(hours): formats.ahead(hours).capitalize() for hours in formats.HORIZONS}
STRONGEST = 8
# Label, and how a value of it reads.
INPUTS = {
    "hour": ("Hour of the day", "{:02.0f}:00"),
    "temperature": ("Temperature, °C", f"{{:g}}{formats.SPACE}°C"),
    "humidity": ("Humidity, %", f"{{:g}}{formats.SPACE}%"),
    "windspeed": ("Wind speed, km/h", f"{{:g}}{formats.SPACE}km/h"),
    "weather": ("Weather", "“{}”"),
}
HOURS = {str(hour): f"{hour:02d}:00" for hour in range(24)}
CONTROLS = {
    "input": "explain-input-select",
    "date": "explain-date-input",
    "hour": "explain-hour-select",
    "ahead": "explain-ahead-select",
    "version": "explain-version-select",
}
IMPORTANCE, DEPENDENCE, PARTS = (
    f"explain-{name}-graph" for name in ("importance", "dependence", "parts")
)


def layout(choices: urls.Choices) -> Any:
    """Return the page with its controls as the URL says or at the newest observed hour."""
    chosen = clean(choices, None)
    labels = {name: label for name, (label, _) in INPUTS.items()}
    select = components.select(CONTROLS["input"], labels, chosen["input"])
    return components.page(
        TITLE,
        "What its predictions follow over all, and why it said what it said of a single hour.",
        urls.location("explain", choices),
        sections.section(
            "explain-model-section",
            components.waiting("large"),
            components.chart(IMPORTANCE, "What matters most"),
            components.chart(
                DEPENDENCE,
                "How predictions follow one input",
                control=html.Div(
                    components.field("Input", select, CONTROLS["input"]), className="controls my-3"
                ),
            ),
            look="chart-halves",
        ),
        _controls(chosen),
        sections.section(
            "explain-hour-section",
            components.waiting("small"),
            components.chart(PARTS, "From the starting point to the prediction"),
        ),
        sections.section("explain-neighbours-section", None),
    )


def register_callbacks(app: Dash) -> None:
    """Let controls and URL follow each other, and fill the page."""
    urls.sync(app, "explain", PATH, CONTROLS, clean)
    charts = [IMPORTANCE, DEPENDENCE]
    sections.register(
        app, "explain", PATH, "explain-model-section", model, charts, look="chart-halves"
    )
    sections.register(app, "explain", PATH, "explain-hour-section", hour, [PARTS])
    sections.register(app, "explain", PATH, "explain-neighbours-section", around)


def clean(choices: urls.Choices, _changed: str | None) -> urls.Choices:
    """Return legal choices; a missing or wrong hour is that of the newest observation."""
    chosen = {**choices}
    newest = queries.newest_observation() or dt.datetime.combine(dt.date.today(), dt.time(8))
    if chosen.get("input") not in INPUTS:
        chosen["input"] = "hour"
    if urls.day(chosen.get("date")) is None:
        chosen["date"] = newest.date().isoformat()
    if chosen.get("hour") not in HOURS:
        chosen["hour"] = str(newest.hour)
    if chosen.get("ahead") not in AHEAD:
        chosen["ahead"] = "24"
    if chosen.get("version") not in _versions():
        chosen["version"] = ""
    return chosen


def model(choices: urls.Choices, theme: str) -> Drawing:
    """Return what matters to the champion, and how its predictions follow the chosen input."""
    try:
        found = predictor.understanding()
    except Unavailable:
        return Drawing(_no_model())
    if found is None:
        return Drawing(
            components.empty(
                "What this model looks at has not been measured.",
                "Each training measures it of its model, so it shows with the next champion.",
            )
        )
    name = clean(choices, None)["input"]
    return Drawing(
        charts={
            IMPORTANCE: _importance(found["importance"], theme),
            DEPENDENCE: _dependence(name, found["dependence"].get(name), theme),
        }
    )


def hour(choices: urls.Choices, theme: str) -> Drawing:
    """Return the prediction of the chosen hour, taken apart."""
    chosen = clean(choices, None)
    when, row = _observed(chosen)
    if row is None:
        return Drawing(_not_observed(when))
    version = int(chosen["version"]) if chosen["version"] else None
    try:
        request = _request(when, row, int(chosen["ahead"]))
        prediction, contributions = predictor.explain(request, version=version)
    except Unavailable:
        return Drawing(_no_model())
    except Problem as problem:  # an older version whose artefact is gone
        return Drawing(components.empty("This model can't be asked any more.", problem.detail))
    told = html.P(_told(when, row, prediction), className="told", role="status")
    chart = _parts(round(prediction.rentals, 1), row["rentals"], contributions, theme)
    return Drawing([told, _key_figures(prediction, row["rentals"])], {PARTS: chart})


def around(choices: urls.Choices, _theme: str) -> Drawing:
    """Return the neighbours of the chosen hour: those around it, and those of similar days."""
    chosen = clean(choices, None)
    when, row = _observed(chosen)
    if row is None:
        return Drawing()
    return Drawing(neighbours.report(when, row, int(chosen["ahead"]), choices))


def _observed(chosen: urls.Choices) -> tuple[dt.datetime, dict[str, Any] | None]:
    """Return the chosen hour, and what was observed of it."""
    day = urls.day(chosen["date"])
    assert day is not None  # noqa: S101 - `clean` gave a legal one
    when = day + int(chosen["hour"]) * HOUR
    rows = queries.records(queries.observations_frame(when, when + HOUR))
    return when, rows[0] if rows else None


def _versions() -> dict[str, str]:
    """Return the champion, and the other versions whose artefact is there."""
    numbers = [model["version"] for model in queries.list_models() if model["status"] != "champion"]
    others = {number: f"Model {number}" for number in numbers if versions.exists(number)}
    return {"": "Champion"} | others


def _controls(chosen: urls.Choices) -> html.Section:
    date = dbc.Input(id=CONTROLS["date"], type="date", value=chosen["date"], debounce=700)
    hours = components.select(CONTROLS["hour"], HOURS, chosen["hour"])
    fields = [
        components.field("Date", date, CONTROLS["date"]),
        components.field("Hour", hours, CONTROLS["hour"]),
        components.field(
            "Predicted ahead by",
            components.select(CONTROLS["ahead"], AHEAD, chosen["ahead"]),
            CONTROLS["ahead"],
        ),
        components.field(
            "Model",
            components.select(CONTROLS["version"], _versions(), chosen["version"]),
            CONTROLS["version"],
        ),
    ]
    return components.card(
        "One prediction taken apart",
        html.Div(fields, className="controls mt-3"),
        note="Choose an observed hour: its prediction is made anew in the weather it had, "
        "with the rentals known so long before.",
    )


def _no_model() -> html.Div:
    return components.empty(
        "There is no model yet.", "As soon as the first training ends, it is explained here."
    )


def _not_observed(when: dt.datetime) -> html.Div:
    newest = queries.newest_observation()
    if newest is None:
        return components.empty("No hour has been observed yet.", "The first one shows here.")
    return components.empty(
        f"{formats.hour(when)} has not been observed.",
        f"So its weather is not known. The newest observed hour is {formats.hour(newest)}.",
    )


def _request(when: dt.datetime, row: Mapping[str, Any], ahead: int) -> predictor.HourRequest:
    return predictor.HourRequest(
        hour=to_hour(when),
        weather=WEATHER.index(row["weather"]),
        temperature=row["temperature"],
        humidity=row["humidity"],
        windspeed=row["windspeed"],
        feels_like=row["feels_like"],
        holiday=row["holiday"],
        as_of=to_hour(when) - ahead,
    )


def _told(when: dt.datetime, row: Mapping[str, Any], prediction: predictor.Prediction) -> str:
    temperature = formats.number(row["temperature"], 1)
    weather = (
        f"{formats.WEATHER[row['weather']].lower()}, {temperature}{formats.SPACE}°C, "
        f"humidity {formats.number(row['humidity'])}{formats.SPACE}%, "
        f"wind {formats.number(row['windspeed'])}{formats.SPACE}km/h"
    )
    as_of = prediction.to_json()["as_of"]
    known = (
        f"as known at {formats.hour(dt.datetime.fromisoformat(as_of))}"
        if as_of
        else "knowing no rentals"
    )
    holiday = ", a holiday" if row["holiday"] else ""
    return (
        f"{formats.hour(when)}{holiday}: {weather}. By model {prediction.model_version}, {known}."
    )


def _key_figures(prediction: predictor.Prediction, actual: float | None) -> html.Dl:
    inside = actual is not None and prediction.lower <= actual <= prediction.upper
    error = None if actual is None else prediction.rentals - actual
    return components.tiles(
        components.tile(
            "Predicted",
            formats.number(prediction.rentals, 1),
            f"90 % interval: {formats.number(prediction.lower)} to "
            f"{formats.number(prediction.upper)}",
        ),
        components.tile(
            "Actual",
            formats.number(actual),
            "" if actual is None else f"{'inside' if inside else 'outside'} the interval",
        ),
        components.tile("Error", formats.signed(error, 1), "predicted less actual"),
        components.tile(
            "A week before", formats.number(prediction.baseline), "rentals in the same hour"
        ),
    )


def _importance(found: Mapping[str, list[float]], theme: str) -> Chart:
    repeats = {formats.feature(name): found[name] for name in found}
    means = {name: float(np.mean(values)) for name, values in repeats.items()}
    ranked = sorted(means, key=means.__getitem__, reverse=True)
    first = ", then ".join(f"{name} ({formats.signed(means[name], 1)})" for name in ranked[:3])
    return Chart(
        figures.importance({name: repeats[name] for name in ranked}, theme),
        "By how many rentals per hour the mean absolute error over the holdout grows when the "
        "model is told this of another hour; a ring is one shuffle",
        f"Most: {first}. Least: {ranked[-1]} ({formats.signed(means[ranked[-1]], 1)})."
        if ranked
        else "Nothing has been measured.",
        pd.DataFrame(
            {
                "Input": ranked,
                "Growth of the error, rentals per hour": [means[name] for name in ranked],
            }
        ),
    )


def _dependence(name: str, found: Mapping[str, Any] | None, theme: str) -> Chart:
    label, reading = INPUTS[name]
    note = "Rentals per hour if this input alone were another; faint: single hours of the holdout"
    if not found or not found["values"]:
        nothing = figures.dependence([], [], [], label, theme)
        missing = "This input has not been measured of this model."
        return Chart(nothing, note, missing, pd.DataFrame())
    values, mean = found["values"], found["mean"]
    if name == "weather":
        values = [formats.WEATHER.get(value, value) for value in values]
    top, bottom = int(np.argmax(mean)), int(np.argmin(mean))
    told = [reading.format(value).replace("-", formats.MINUS) for value in values]
    return Chart(
        figures.dependence(values, mean, found["curves"], label, theme),
        note,
        f"On average highest at {told[top]}, {formats.number(mean[top])} rentals per hour, and "
        f"lowest at {told[bottom]}, {formats.number(mean[bottom])}. Single hours shown: "
        f"{len(found['curves'])}.",
        pd.DataFrame({label: values, "Predicted, rentals per hour": mean}),
    )


def _parts(
    predicted: float, actual: float | None, contributions: Mapping[str, float], theme: str
) -> Chart:
    baseline, parts, count, rest = strongest(contributions, predicted)
    steps = [(formats.feature(name), value) for name, value in parts.items()]
    if count or rest:
        steps.append((f"All {count} others" if count else "Rounding", rest))
    told = [f"{name} {formats.signed(value, 1)}" for name, value in steps]
    return Chart(
        figures.parts(baseline, steps, predicted, actual, theme),
        "Rentals; the start is what the model says of an hour of which it knows nothing yet "
        "but the level of demand",
        f"{formats.number(baseline, 1)} to start with, {', '.join(told)}: together "
        f"{formats.number(predicted, 1)}.",
        pd.DataFrame(
            [("Starting point", baseline), *steps, ("Prediction", predicted)],
            columns=["Input", "Adds, rentals"],
        ),
    )


def strongest(
    contributions: Mapping[str, float], predicted: float
) -> tuple[float, dict[str, float], int, float]:
    """Return the baseline, the strongest contributions, and the number and sum of all others.

    All are rounded as they are shown. The sum of the others takes what that leaves over, so
    that the numbers on the screen add up to the prediction on the screen.
    """
    features = {name: value for name, value in contributions.items() if name != "baseline"}
    ranked = sorted(features, key=lambda name: -abs(features[name]))
    baseline = round(contributions["baseline"], 1)
    parts = {name: round(features[name], 1) for name in ranked[:STRONGEST]}
    rest = round(predicted - baseline - sum(parts.values()), 1)
    return baseline, parts, len(ranked) - len(parts), rest
