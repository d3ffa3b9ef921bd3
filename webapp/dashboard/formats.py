"""How numbers, times and the project's words read on the screen, in one place."""

import datetime as dt
import math
from collections.abc import Mapping
from numbers import Real
from typing import Any
from zoneinfo import ZoneInfo

from babel import dates, numbers
from flask import current_app
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import language
from webapp.language import N_

UNKNOWN = "–"
MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"

YEAR_HOURS = 8766

WEATHER = {
    "clear": N_("Clear"),
    "mist": N_("Mist"),
    "light_precipitation": N_("Light rain or snow"),
    "heavy_precipitation": N_("Heavy rain or snow"),
}
SOURCES = {"live": N_("live"), "replay": N_("replay"), "backtest": N_("backtest")}
HORIZONS = {
    1: N_("an hour ahead"),
    24: N_("a day ahead"),
    48: N_("two days ahead"),
    168: N_("a week ahead"),
}
FEATURES = {
    "level": N_("Level of four weeks"),
    "horizon": N_("Hours ahead"),
    "hour": N_("Hour of the day"),
    "weekday": N_("Weekday"),
    "holiday": N_("Holiday"),
    "day_of_year": N_("Day of the year"),
    "kind of day": N_("Kind of day"),
    "day of the year": N_("Day of the year"),
    "weather": N_("Weather"),
    "temperature": N_("Temperature"),
    "humidity": N_("Humidity"),
    "same hours of earlier days": N_("Same hours of earlier days"),
    "last day and week": N_("Last day and week"),
    "weather of last week and month": N_("Weather of last week and month"),
    "working_day": N_("Working day or not"),
    "working_yesterday": N_("Day before works"),
    "working_tomorrow": N_("Day after works"),
    "weather_1h_ago": N_("Weather 1 h before"),
    "weather_2h_ago": N_("Weather 2 h before"),
    "weather_3h_ago": N_("Weather 3 h before"),
    "temperature_1h_ago": N_("Temperature 1 h before"),
    "temperature_2h_ago": N_("Temperature 2 h before"),
    "temperature_3h_ago": N_("Temperature 3 h before"),
    "temperature_day_mean": N_("Mean temperature, 24 h"),
    "temperature_day_max": N_("Top temperature, 24 h"),
    "humidity_1h_ago": N_("Humidity 1 h before"),
    "humidity_2h_ago": N_("Humidity 2 h before"),
    "humidity_3h_ago": N_("Humidity 3 h before"),
    "windspeed": N_("Wind speed"),
    "rain_6h": N_("Rain in 6 h"),
    "rain_day": N_("Rain in 24 h"),
    "typical": N_("Same hour, last 6 days"),
    "typical_3": N_("Same hour, last 3 days"),
    "analog": N_("Hours most alike"),
    "analog_weight": N_("How alike they are"),
    "last": N_("Last known hour"),
    "last_but_one": N_("Last hour but one"),
    "last_but_two": N_("Last hour but two"),
    "day_level": N_("Level of the last day"),
    "week_level": N_("Level of the last week"),
    "week_temperature": N_("Temperature, last week"),
    "level_temperature": N_("Temperature, 4 weeks"),
    "level_rain": N_("Rain, 4 weeks"),
    "same_hour_1d": N_("Same hour, 1 day back"),
    "same_hour_2d": N_("Same hour, 2 days back"),
    "same_hour_3d": N_("Same hour, 3 days back"),
    "same_hour_1w": N_("Same hour, 1 week back"),
    "same_hour_2w": N_("Same hour, 2 weeks back"),
    "growth_ratio": N_("Usual growth since"),
    "growth_sum": N_("Usual rise since"),
    "growth_day": N_("Growth as a day ago"),
    "growth_week": N_("Growth as a week ago"),
}
PARAMETERS = {
    "max_features": N_("Share of inputs per split"),
    "max_samples": N_("Share of hours per tree"),
    "min_samples_leaf": N_("Least hours in a leaf"),
    "trees": N_("Trees"),
}
STATUSES = {
    "champion": N_("champion"),
    "former": N_("former"),
    "kept": N_("kept"),
    "rejected": N_("rejected"),
    "queued": N_("queued"),
    "running": N_("running"),
    "promoted": N_("promoted"),
    "failed": N_("failed"),
    "cancelled": N_("cancelled"),
    "abandoned": N_("abandoned"),
}
STAGES = {
    "checking data": N_("checking data"),
    "searching": N_("searching"),
    "fitting": N_("fitting"),
    "scoring holdout": N_("scoring holdout"),
    "calibrating": N_("calibrating"),
    "exporting": N_("exporting"),
    "deciding": N_("deciding"),
    "logging": N_("logging"),
}
TRIGGERS = {
    "first": N_("first start"),
    "schedule": N_("schedule"),
    "admin": N_("admin"),
    "cli": N_("command line"),
    "evidence": N_("evidence"),
    "training": N_("training"),
}
CHECKS = {
    "sound": N_("Soundness"),
    "rain": N_("Rain"),
    "warmth": N_("Warmth"),
    "night": N_("Night"),
    "holiday": N_("Holiday"),
    "range": N_("Range"),
    "missing hours": N_("Missing hours"),
    "stuck": N_("Stuck value"),
    "weather": N_("Weather"),
    "level": N_("Level"),
    "pattern": N_("Pattern"),
}


class Written(str):
    """A value as the reader's language writes it; `data` is the same for machines, as in a CSV."""

    __slots__ = ("data",)
    data: str

    def __new__(cls, text: str, data: object) -> "Written":
        """Return the text with its value."""
        written = super().__new__(cls, text)
        written.data = str(data)
        return written

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a copy is made of."""
        return Written, (str(self), self.data)


def number(value: float | None, digits: int = 0, unit: str = "") -> Written:
    """Write a number as the reader's language does, with its unit; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return Written(UNKNOWN, "")
    pattern = f"#,##0.{'0' * digits}".rstrip(".")
    rounded = round(value, digits) + 0.0  # no minus before a zero
    text = numbers.format_decimal(rounded, pattern, locale=language.current()).replace("-", MINUS)
    return Written(f"{text}{SPACE}{unit}" if unit else text, f"{rounded:.{digits}f}")


def plain(value: float) -> Written:
    """Write a number with the digits that it has."""
    text = numbers.format_decimal(value, "#,##0.######", locale=language.current())
    return Written(text.replace("-", MINUS), value)


def signed(value: float | None, digits: int = 0, unit: str = "") -> Written:
    """Write a number with its sign, and its unit."""
    text = number(value, digits, unit)
    more = value is not None and value > 0 and text[0].isdigit()
    return Written(f"+{text}", text.data) if more else text


def interval(low: float, high: float, digits: int = 0) -> Written:
    """Write two bounds: 440 to 558."""
    bounds = number(low, digits), number(high, digits)
    text, data = (
        _("%(low)s to %(high)s", low=low, high=high)
        for low, high in (bounds, [bound.data for bound in bounds])
    )
    return Written(text, data)


def percent(share: float | None, digits: int = 0) -> Written:
    """Write a share of 1 as a percentage."""
    return number(None if share is None else share * 100, digits, "%")


def hours(count: float) -> str:
    """Write a number of hours: 1 hour, 2,000 hours."""
    return ngettext("%(count)s\xa0hour", "%(count)s\xa0hours", round(count), count=number(count))


def days(count: float) -> str:
    """Write a number of days."""
    return ngettext("%(count)s\xa0day", "%(count)s\xa0days", round(count), count=number(count))


def years(count: float) -> str:
    """Write a number of years."""
    return ngettext("%(count)s\xa0year", "%(count)s\xa0years", round(count), count=number(count))


def span(count: float) -> str:
    """Write how long so many hours are: 1.5 h, 20 days, 14 years."""
    if round(count, 1) < 48:
        return f"{number(count, 1)}{SPACE}h"
    return days(count / 24) if count < 2 * YEAR_HOURS else years(count / YEAR_HOURS)


def points(difference: float, digits: int = 0) -> Written:
    """Write a difference of percentages: 1 point, 2.5 points."""
    rounded = round(difference, digits)
    # French has the singular up to 2, English for 1 alone.
    plural = 1 if rounded == 1 else 2 if rounded >= 2 else 0
    text = number(difference, digits)
    told = ngettext("%(count)s\xa0point", "%(count)s\xa0points", plural, count=text)
    return Written(told, text.data)


def measured(count: int, estimated: int) -> str:
    """Write how many hours were measured, and of how many the rentals are an estimate."""
    if not estimated:
        return hours(count)
    return _("%(hours)s, %(count)s of them estimated", hours=hours(count), count=number(estimated))


def few_live(count: int, least: int) -> str:
    """Say that there are live hours, but too few to be shown."""
    return _(
        "Live: %(hours)s so far, shown from %(least)s on.", hours=hours(count), least=number(least)
    )


def feature(name: str) -> str:
    """Name what the model looks at; one without a name of its own is told by its column's."""
    plain = name.replace("_", " ")
    return _(FEATURES.get(name, plain[:1].upper() + plain[1:]))


def parameter(name: str) -> str:
    """Name a parameter of the search; one without a name of its own is told by its key."""
    key = name.rsplit("__", 1)[-1]
    return _(PARAMETERS[key]) if key in PARAMETERS else key.replace("_", " ").capitalize()


def setting(value: object) -> str:
    """Write the value of a parameter."""
    if value is None or value != value:
        return Written(UNKNOWN, "")
    if isinstance(value, Real) and not isinstance(value, bool):
        return Written(plain(float(value)), value)
    return str(value)


def status(name: str) -> str:
    """Name the status of a run or of a version."""
    return _(STATUSES[name]) if name in STATUSES else name


def model(version: Mapping[str, Any]) -> str:
    """Name a version and its status: Model 3 (champion)."""
    named = {"version": version["version"], "status": status(version["status"])}
    return _("Model %(version)s (%(status)s)", **named)


def stage(name: str) -> str:
    """Name the stage of a training."""
    return _(STAGES[name]) if name in STAGES else name


def check(name: str) -> str:
    """Name a check of the data or of a model's behaviour."""
    return _(CHECKS[name]) if name in CHECKS else name


def trigger(name: str) -> str:
    """Name what asked for a training or an activation."""
    return _(TRIGGERS[name]) if name in TRIGGERS else name


def ahead(horizon: float) -> str:
    """Say how far ahead a prediction was made, its horizon in hours."""
    if known := HORIZONS.get(int(horizon)):
        return _(known)
    return _("%(hours)s ahead", hours=hours(horizon))


def day(when: dt.date) -> Written:
    """Write a date: Mon 31 Dec 2012."""
    text = dates.format_date(when, "EEE d MMM y", locale=language.current())
    return Written(text, f"{when:%Y-%m-%d}")


def by_model(version: str, as_of: str | None) -> str:
    """Say which model made a prediction, and what it knew."""
    if as_of is None:
        return _("By model %(version)s, knowing no rentals.", version=version)
    known = hour(dt.datetime.fromisoformat(as_of))
    return _("By model %(version)s, as known at %(hour)s.", version=version, hour=known)


def short_day(when: dt.date) -> str:
    """Write a date of this year: 31 Dec."""
    return dates.format_date(when, "d MMM", locale=language.current())


def hour(when: dt.datetime) -> Written:
    """Write a wall-clock hour: Mon 31 Dec 2012, 23:00."""
    return Written(f"{day(when)}, {when:%H:%M}", f"{when:%Y-%m-%dT%H:%M}")


def weekdays() -> list[str]:
    """Return the names of the weekdays, Monday first: Mon, Tue."""
    names = language.current().days["format"]["abbreviated"]
    return [names[index] for index in range(7)]


def plotly_locale() -> dict[str, Any]:
    """Return what plotly.js must know of the reader's language; English it knows."""
    locale = language.current()
    if locale.language == "en":
        return {}
    days, months = locale.days["format"], locale.months["format"]
    week = (6, 0, 1, 2, 3, 4, 5)  # there, it begins on Sunday
    written = {
        "days": [days["wide"][index] for index in week],
        "shortDays": [days["abbreviated"][index] for index in week],
        "months": [months["wide"][index] for index in range(1, 13)],
        "shortMonths": [months["abbreviated"][index] for index in range(1, 13)],
        "date": "%d/%m/%Y",
        "decimal": numbers.get_decimal_symbol(locale),
        "thousands": numbers.get_group_symbol(locale),
    }
    return {"locale": str(locale), "locales": {str(locale): {"format": written}}}


def place() -> str:
    """Return the name of the place whose clock the screen shows."""
    zone = current_app.config["VLIB_TIMEZONE"]
    return dates.get_timezone_location(zone, locale=language.current(), return_city=True)


def moment(stamp: str | None, zone: str) -> Written:
    """Write a UTC time stamp in a time zone: 23 Nov 2025, 06:14."""
    if stamp is None:
        return Written(UNKNOWN, "")
    local = dt.datetime.fromisoformat(stamp).astimezone(ZoneInfo(zone))
    text = dates.format_datetime(local, "d MMM y, HH:mm", locale=language.current())
    return Written(text, f"{local:%Y-%m-%dT%H:%M}")


def age(seconds: float) -> str:
    """Say how old something is: 5 minutes old."""
    return _("just now") if seconds < 60 else _("%(span)s old", span=_span(seconds))


def until(when: dt.datetime, now: dt.datetime) -> str:
    """Say how long it is until an aware time."""
    seconds = (when - now).total_seconds()
    return _("now") if seconds < 60 else _("in %(span)s", span=_span(seconds))


def duration(start: str | None, end: str | None) -> str:
    """Write the time between two UTC time stamps: 3 min 20 s."""
    if start is None or end is None:
        return UNKNOWN
    seconds = round(
        (dt.datetime.fromisoformat(end) - dt.datetime.fromisoformat(start)).total_seconds()
    )
    minutes, seconds = divmod(max(seconds, 0), 60)
    return f"{minutes}{SPACE}min {seconds}{SPACE}s" if minutes else f"{seconds}{SPACE}s"


def _span(seconds: float) -> str:
    if seconds >= 86400:
        return days(seconds / 86400)
    if seconds >= 3600:
        return hours(seconds / 3600)
    count = round(seconds / 60)
    return ngettext("%(count)s\xa0minute", "%(count)s\xa0minutes", count, count=number(count))
