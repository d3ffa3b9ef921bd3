"""The hours that an hour is held against: those around it, and the same hour of similar days."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from dash import html
from flask_babel import gettext as _

from training.history import Floats
from webapp import history, monitoring, predictor, queries
from webapp.history import to_hour

from . import components, formats, slices, urls

HOUR = dt.timedelta(hours=1)
AROUND = 3 * HOUR
BACK = dt.timedelta(days=60)
MOST_DAYS = 6
SAID = ("predicted", "model_version", "source")
TYPICAL_HOURS = 28 * 24
# Differences that count as much as another weather.
SCALE = {"temperature": 5.0, "humidity": 20.0, "windspeed": 15.0}


def report(
    when: dt.datetime, row: Mapping[str, Any], ahead: int, choices: urls.Choices
) -> html.Div:
    """Return both tables of an observed hour; `row` is its observation."""
    hours = queries.observations_frame(when - BACK, when + AROUND + HOUR)
    said = queries.scored_frame(start=when - BACK, end=when + AROUND + HOUR, horizon=ahead)
    said = monitoring.last_word(said.assign(requested_at=said.index))
    known = hours.merge(said[["datetime", *SAID]], on="datetime", how="left")
    around = known[known["datetime"] >= when - AROUND]
    alike = similar(known, when, row)
    cards = [
        _card(_("The hours around it"), around, when, choices, _("What came before and after.")),
        _card(
            _("The same hour of similar days"),
            alike,
            when,
            choices,
            _("Of the 60 days before, those of the same kind whose weather was most alike."),
        ),
    ]
    return html.Div(cards, className="side-by-side")


def similar(hours: pd.DataFrame, when: dt.datetime, row: Mapping[str, Any]) -> pd.DataFrame:
    """Return the same hour of earlier days of the same kind, the most similar weather first."""
    same = hours[(hours["datetime"].dt.hour == when.hour) & (hours["datetime"] <= when)]
    kind = slices.working(same)
    mine = kind[(same["datetime"] == when).to_numpy()]
    earlier = same[(kind == mine[:1]) & (same["datetime"] < when).to_numpy()]
    distance = (earlier["weather"] != row["weather"]).astype(float)
    for name, scale in SCALE.items():
        distance += (earlier[name] - row[name]).abs() / scale
    alike: pd.DataFrame = earlier.loc[distance.nsmallest(MOST_DAYS).index]
    return alike


def typical_day(day: dt.datetime) -> Floats:
    """Return the mean rentals of each hour of a day, NaN where none are known.

    Over the days of the same kind, working or free, of the 4 weeks before it, or of the newest 4
    weeks if the day is later than those.
    """
    known, calendar = history.cache().current, predictor.current().calendar
    first = to_hour(day)
    end = first if known.newest is None else min(first, known.newest + 1)
    hours = np.arange(end - TYPICAL_HOURS, end)
    alike = known.working(hours, calendar) == known.working(np.array([first]), calendar)
    rentals = pd.Series(known.rentals_at(hours[alike]))
    return rentals.groupby(hours[alike] % 24).mean().reindex(range(24)).to_numpy()


def _card(
    title: str, hours: pd.DataFrame, when: dt.datetime, choices: urls.Choices, note: str
) -> html.Section:
    records = hours.to_dict("records")
    chosen = next((i for i, one in enumerate(records) if one["datetime"] == when), None)
    heads = [_("Hour"), _("Weather"), _("Temperature"), _("Humidity"), _("Wind")]
    heads += [_("Actual"), _("Predicted"), _("Error")]
    rows = [_row(one, choices) for one in records]
    if not rows:
        return components.card(title, html.P(_("No such hour is known."), className="mb-0"))
    return components.card(title, components.table(title, heads, rows, chosen), note=note)


def _row(one: Mapping[Any, Any], choices: urls.Choices) -> list[Any]:
    when = one["datetime"]
    hour = {"date": when.date().isoformat(), "hour": str(when.hour), "source": ""}
    if not pd.isna(one["predicted"]):  # the story is that of the number beside it
        hour |= {"version": f"{one['model_version']:.0f}", "source": one["source"]}
    href = urls.with_choice(choices, **hour)
    return [
        html.A(formats.hour(when), href=href, **components.IN_PAGE),
        _(formats.WEATHER[one["weather"]]),
        formats.number(one["temperature"], 1, "°C"),
        formats.number(one["humidity"], 0, "%"),
        formats.number(one["windspeed"], 0, "km/h"),
        formats.number(one["rentals"]),
        formats.number(one["predicted"]),
        formats.signed(one["predicted"] - one["rentals"]),
    ]
