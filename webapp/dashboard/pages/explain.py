"""Explain: what the champion looks at, and why it said what it said of an hour."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import dash_bootstrap_components as dbc
import numpy as np
import pandas as pd
from dash import Dash, html
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import predictor, queries, versions
from webapp.errors import Problem, Unavailable
from webapp.language import N_, translated

from .. import components, figures, formats, neighbours, sections, stories, urls
from ..sections import Chart, Drawing

PATH = f"{urls.PREFIX}explain"
NAME = N_("Explain")
TITLE = N_("What does the model look at, and why did it say this?")

HOUR = dt.timedelta(hours=1)
AHEAD = tuple(str(hours) for hours in formats.HORIZONS)
STRONGEST = 8
# Label, and how a value of it reads.
INPUTS = {
    "hour": (N_("Hour of the day"), "{}:00"),
    "temperature": (N_("Temperature, °C"), "{}\xa0°C"),
    "humidity": (N_("Humidity, %"), "{}\xa0%"),
    "windspeed": (N_("Wind speed, km/h"), "{}\xa0km/h"),
    "weather": (N_("Weather"), N_("“{}”")),
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
    """Return the page with its controls as the URL says or at the newest observed hour.

    Who came for an hour sees its story first.
    """
    chosen = clean(choices, None)
    labels = {name: _(label) for name, (label, __) in INPUTS.items()}
    select = components.select(CONTROLS["input"], labels, chosen["input"])
    over_all = sections.section(
        "explain-model-section",
        components.waiting("large"),
        components.chart(IMPORTANCE, _("What matters most")),
        components.chart(
            DEPENDENCE,
            _("How predictions follow one input"),
            control=html.Div(
                components.field(_("Input"), select, CONTROLS["input"]),
                className="controls my-3",
            ),
        ),
        look="chart-halves",
    )
    story = (
        _controls(chosen),
        sections.section(
            "explain-hour-section",
            components.waiting("small"),
            components.chart(PARTS, _("From the starting point to the prediction")),
        ),
        sections.section("explain-neighbours-section", None),
    )
    return components.page(
        _(TITLE),
        _("What its predictions follow over all, and why it said what it said of a single hour."),
        urls.location("explain", choices),
        *([*story, over_all] if "date" in choices else [over_all, *story]),
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


def clean(choices: urls.Choices, changed: str | None) -> urls.Choices:
    """Return legal choices; a missing or wrong hour is that of the newest observation.

    A source, which a link may name, is of the prediction that it leads to.
    """
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
    if urls.number(chosen.get("version")) is None:
        chosen["version"] = "champion"
    if changed not in (None, "input") or chosen.get("source") not in stories.SOURCES:
        chosen.pop("source", None)
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
                _("What this model looks at has not been measured."),
                _("Each training measures it of its model, so it shows with the next champion."),
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
    version = _number(chosen)
    ahead = int(chosen["ahead"])
    said = stories.find(when, ahead, version, chosen.get("source")) if version else None
    try:
        if said is not None and version is not None:
            prediction, contributions = stories.retell(when, said, version)
        else:
            prediction, contributions = stories.tell(when, row, ahead, version)
    except Unavailable:
        return Drawing(_no_model())
    except Problem as problem:  # an older version whose artefact is gone
        return Drawing(components.empty(_("This model can't be asked any more."), problem.detail))
    told = _told(when, row, prediction) if said is None else _retold(when, row, prediction, said)
    chart = _parts(round(prediction.rentals, 1), row["rentals"], contributions, theme)
    actual = _("Actual (estimated)") if when in queries.estimated_hours() else _("Actual")
    if said is not None:
        answered = {name: said[name] for name in ("rentals", "lower", "upper", "baseline")}
        prediction = prediction._replace(**answered)
    key_figures = _key_figures(prediction, row["rentals"], actual)
    return Drawing([html.P(told, className="told", role="status"), key_figures], {PARTS: chart})


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


def _number(chosen: urls.Choices) -> int | None:
    """Return the number of the chosen version; None while there is no champion."""
    if (number := urls.number(chosen["version"])) is not None:
        return number
    serving = predictor.current().serving
    return serving.version if serving else None


def _versions(chosen: str) -> dict[str, str]:
    """Return the champion, the versions whose artefact is there, and the chosen one."""
    numbers = [model["version"] for model in queries.list_models()]
    there = [number for number in numbers if versions.exists(number)]
    if urls.number(chosen) is not None and chosen not in there:
        there.append(chosen)
    numbered = {number: _("Model %(version)s", version=number) for number in there}
    return {"champion": _("Champion")} | numbered


def _controls(chosen: urls.Choices) -> html.Section:
    date = dbc.Input(id=CONTROLS["date"], type="date", value=chosen["date"], debounce=700)
    hours = components.select(CONTROLS["hour"], HOURS, chosen["hour"])
    ahead = {hours: formats.hours(int(hours)) for hours in AHEAD}
    fields = [
        components.field(_("Date"), date, CONTROLS["date"]),
        components.field(_("Hour"), hours, CONTROLS["hour"]),
        components.field(
            _("Predicted ahead by"),
            components.select(CONTROLS["ahead"], ahead, chosen["ahead"]),
            CONTROLS["ahead"],
        ),
        components.field(
            _("Model"),
            components.select(CONTROLS["version"], _versions(chosen["version"]), chosen["version"]),
            CONTROLS["version"],
        ),
    ]
    return components.card(
        _("One prediction taken apart"),
        html.Div(fields, className="controls mt-3"),
        note=_(
            "Choose an observed hour: what was predicted of it is shown as it was made. Where "
            "nothing was, it is predicted anew in the weather it had, with the rentals known so "
            "long before."
        ),
    )


def _no_model() -> html.Div:
    return components.empty(
        _("There is no model yet."),
        _("As soon as the first training ends, it is explained here."),
    )


def _not_observed(when: dt.datetime) -> html.Div:
    newest = queries.newest_observation()
    if newest is None:
        return components.empty(_("No hour has been observed yet."), _("The first one shows here."))
    return components.empty(
        _("%(hour)s has not been observed.", hour=formats.hour(when)),
        _(
            "So its weather is not known. The newest observed hour is %(hour)s.",
            hour=formats.hour(newest),
        ),
    )


def _told(when: dt.datetime, row: Mapping[str, Any], prediction: predictor.Prediction) -> str:
    """Say of which hour, in its weather, a prediction was made anew, and by what."""
    return " ".join([_hour(when, row["holiday"]), f"{_weather(row)}.", _by(prediction)])


def _retold(
    when: dt.datetime,
    row: Mapping[str, Any],
    prediction: predictor.Prediction,
    said: Mapping[str, Any],
) -> str:
    """Say what a prediction that was answered was told, and what it was then."""
    given = said["input"]
    holiday = given.get("holiday", row["holiday"])
    weather, was = _weather(given), _weather(row)
    if None not in (holiday, row["holiday"]) and holiday != row["holiday"]:
        weather, was = _with_holiday(weather, holiday), _with_holiday(was, row["holiday"])
        holiday = None
    source = formats.SOURCES[said["source"]]
    told = [
        _hour(when, holiday),
        _("It was told: %(told)s; so it was.", told=weather)
        if weather == was
        else _("It was told: %(told)s; it was: %(was)s.", told=weather, was=was),
        _by(prediction),
        _("Source: %(source)s.", source=_(source)),
    ]
    answered, anew = (formats.number(each, 1) for each in (said["rentals"], prediction.rentals))
    if answered != anew:
        told.append(
            _(
                "What it knew then was revised since or is gone: made anew, as below, it is "
                "%(anew)s.",
                anew=anew,
            )
        )
    return " ".join(told)


def _hour(when: dt.datetime, holiday: bool | None) -> str:
    hour = formats.hour(when)
    return _("%(hour)s, a holiday:", hour=hour) if holiday else _("%(hour)s:", hour=hour)


def _by(prediction: predictor.Prediction) -> str:
    return formats.by_model(str(prediction.model_version), prediction.to_json()["as_of"])


def _with_holiday(weather: str, holiday: bool) -> str:
    if holiday:
        return _("%(weather)s, a holiday", weather=weather)
    return _("%(weather)s, no holiday", weather=weather)


def _weather(given: Mapping[str, Any]) -> str:
    return _(
        "%(weather)s, %(temperature)s\xa0°C, humidity %(humidity)s\xa0%%, wind %(wind)s\xa0km/h",
        weather=translated(formats.WEATHER)[given["weather"]].lower(),
        temperature=formats.number(given["temperature"], 1),
        humidity=formats.number(given["humidity"]),
        wind=formats.number(given["windspeed"]),
    )


def _key_figures(
    prediction: predictor.Prediction, actual: float | None, name: str | None = None
) -> html.Dl:
    error = beside = None
    if actual is not None:
        error = prediction.rentals - actual
        inside = prediction.lower <= actual <= prediction.upper
        beside = _("inside the interval") if inside else _("outside the interval")
    return components.tiles(
        components.tile(
            _("Predicted"),
            formats.number(prediction.rentals, 1),
            _(
                "90 %% interval: %(lower)s to %(upper)s",
                lower=formats.number(prediction.lower),
                upper=formats.number(prediction.upper),
            ),
        ),
        components.tile(name or _("Actual"), formats.number(actual), beside),
        components.tile(_("Error"), formats.signed(error, 1), _("predicted less actual")),
        components.tile(
            _("A week before"), formats.number(prediction.baseline), _("rentals in the same hour")
        ),
    )


def _importance(found: Mapping[str, list[float]], theme: str) -> Chart:
    repeats = {formats.feature(name): found[name] for name in found}
    means = {name: float(np.mean(values)) for name, values in repeats.items()}
    ranked = sorted(means, key=means.__getitem__, reverse=True)
    told = [f"{name} ({formats.signed(means[name], 1)})" for name in ranked]
    return Chart(
        figures.importance({name: repeats[name] for name in ranked}, theme),
        _(
            "By how many rentals per hour the mean absolute error over the holdout grows when the "
            "model is told this of another hour; a ring is one shuffle"
        ),
        _("Most: %(first)s. Least: %(last)s.", first=_(", then ").join(told[:3]), last=told[-1])
        if told
        else _("Nothing has been measured."),
        pd.DataFrame(
            {
                _("Input"): ranked,
                _("Growth of the error, rentals per hour"): [means[name] for name in ranked],
            }
        ),
    )


def _dependence(name: str, found: Mapping[str, Any] | None, theme: str) -> Chart:
    label, reading = map(_, INPUTS[name])
    note = _(
        "Rentals per hour if this input alone were another; faint: single hours of the holdout"
    )
    if not found or not found["values"]:
        nothing = figures.dependence([], [], [], label, theme)
        missing = _("This input has not been measured of this model.")
        return Chart(nothing, note, missing, pd.DataFrame())
    values, mean = found["values"], found["mean"]
    if name == "weather":
        values = [_(formats.WEATHER.get(value, value)) for value in values]
    top, bottom = int(np.argmax(mean)), int(np.argmin(mean))
    told = [reading.format(_read(name, value)) for value in values]
    return Chart(
        figures.dependence(values, mean, found["curves"], label, theme),
        note,
        _(
            "On average highest at %(top)s, %(most)s rentals per hour, and lowest at %(bottom)s, "
            "%(least)s. Single hours shown: %(curves)s.",
            top=told[top],
            most=formats.number(mean[top]),
            bottom=told[bottom],
            least=formats.number(mean[bottom]),
            curves=len(found["curves"]),
        ),
        pd.DataFrame({label: values, _("Predicted, rentals per hour"): mean}),
    )


def _read(name: str, value: Any) -> str:
    if name == "weather":
        return str(value)
    if name == "hour":
        return f"{value:02.0f}"
    return formats.plain(value)


def _parts(
    predicted: float, actual: float | None, contributions: Mapping[str, float], theme: str
) -> Chart:
    baseline, parts, count, rest = strongest(contributions, predicted)
    steps = [(formats.feature(name), value) for name, value in parts.items()]
    if count or rest:
        others = ngettext("%(num)s other", "All %(num)s others", count)
        steps.append((others if count else _("Rounding"), rest))
    told = [f"{name} {formats.signed(value, 1)}" for name, value in steps]
    return Chart(
        figures.parts(baseline, steps, predicted, actual, theme),
        _(
            "Rentals; the start is what the model says of an hour of which it knows nothing yet "
            "but the level of demand"
        ),
        _(
            "%(start)s to start with, %(steps)s: together %(end)s.",
            start=formats.number(baseline, 1),
            steps=", ".join(told),
            end=formats.number(predicted, 1),
        ),
        pd.DataFrame(
            [(_("Starting point"), baseline), *steps, (_("Prediction"), predicted)],
            columns=[_("Input"), _("Adds, rentals")],
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
