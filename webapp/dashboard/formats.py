"""How numbers, times and the project's words read on the screen, in one place."""

import datetime as dt
import math
from zoneinfo import ZoneInfo

UNKNOWN = "–"
MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"

WEATHER = {
    "clear": "Clear",
    "mist": "Mist",
    "light_precipitation": "Light rain or snow",
    "heavy_precipitation": "Heavy rain or snow",
}
SOURCES = {"live": "live", "replay": "replay", "backtest": "backtest"}
HORIZONS = {1: "an hour ahead", 24: "a day ahead", 48: "two days ahead", 168: "a week ahead"}
FEATURES = {
    "level": "Level of four weeks",
    "horizon": "Hours ahead",
    "hour": "Hour of the day",
    "working_day": "Working day or not",
    "working_yesterday": "Day before works",
    "working_tomorrow": "Day after works",
    "weather_1h_ago": "Weather 1 h before",
    "weather_2h_ago": "Weather 2 h before",
    "weather_3h_ago": "Weather 3 h before",
    "temperature_1h_ago": "Temperature 1 h before",
    "temperature_2h_ago": "Temperature 2 h before",
    "temperature_3h_ago": "Temperature 3 h before",
    "temperature_day_mean": "Mean temperature, 24 h",
    "temperature_day_max": "Top temperature, 24 h",
    "humidity_1h_ago": "Humidity 1 h before",
    "humidity_2h_ago": "Humidity 2 h before",
    "humidity_3h_ago": "Humidity 3 h before",
    "windspeed": "Wind speed",
    "rain_6h": "Rain in 6 h",
    "rain_day": "Rain in 24 h",
    "typical": "Same hour, last 6 days",
    "typical_3": "Same hour, last 3 days",
    "analog": "Hours most alike",
    "analog_weight": "How alike they are",
    "last": "Last known hour",
    "last_but_one": "Last hour but one",
    "last_but_two": "Last hour but two",
    "day_level": "Level of the last day",
    "week_level": "Level of the last week",
    "week_temperature": "Temperature, last week",
    "level_temperature": "Temperature, 4 weeks",
    "level_rain": "Rain, 4 weeks",
    "same_hour_1d": "Same hour, 1 day back",
    "same_hour_2d": "Same hour, 2 days back",
    "same_hour_3d": "Same hour, 3 days back",
    "same_hour_1w": "Same hour, 1 week back",
    "same_hour_2w": "Same hour, 2 weeks back",
    "growth_ratio": "Usual growth since",
    "growth_sum": "Usual rise since",
    "growth_day": "Growth as a day ago",
    "growth_week": "Growth as a week ago",
}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def number(value: float | None, digits: int = 0) -> str:
    """Write a number with a comma between thousands, a dash where there is none."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{value:,.{digits}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) else text.lstrip("-")


def signed(value: float | None, digits: int = 0) -> str:
    """Write a number with its sign."""
    text = number(value, digits)
    return f"+{text}" if value is not None and value > 0 and text[0].isdigit() else text


def percent(share: float | None, digits: int = 0) -> str:
    """Write a share of 1 as a percentage."""
    return UNKNOWN if share is None else f"{number(share * 100, digits)}{SPACE}%"


def quantity(count: int, noun: str) -> str:
    """Write a count with its noun: 1 hour, 2,000 hours."""
    return f"{number(count)}{SPACE}{noun if count == 1 else noun + 's'}"


def hours(count: int, estimated: int) -> str:
    """Write how many hours were measured, and of how many the rentals are an estimate."""
    of_them = f", {number(estimated)} of them estimated" if estimated else ""
    return f"{quantity(count, 'hour')}{of_them}"


def feature(name: str) -> str:
    """Name what the model looks at; one without a name of its own is told by its column's."""
    plain = name.replace("_", " ")
    return FEATURES.get(name, plain[:1].upper() + plain[1:])


def ahead(horizon: float) -> str:
    """Say how far ahead a prediction was made, its horizon in hours."""
    return HORIZONS.get(int(horizon), f"{int(horizon)} hours ahead")


def day(when: dt.date) -> str:
    """Write a date: Mon 31 Dec 2012."""
    return f"{when:%a} {when.day} {when:%b %Y}"


def hour(when: dt.datetime) -> str:
    """Write a wall-clock hour: Mon 31 Dec 2012, 23:00."""
    return f"{day(when)}, {when:%H:%M}"


def moment(stamp: str | None, zone: str) -> str:
    """Write a UTC time stamp in a time zone: 23 Nov 2025, 06:14."""
    if stamp is None:
        return UNKNOWN
    local = dt.datetime.fromisoformat(stamp).astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y, %H:%M}"


def ago(stamp: str | None, now: dt.datetime) -> str:
    """Say how long ago a UTC time stamp was; `now` is aware."""
    if stamp is None:
        return UNKNOWN
    seconds = (now - dt.datetime.fromisoformat(stamp)).total_seconds()
    return "just now" if seconds < 60 else f"{_span(seconds)} ago"


def age(seconds: float) -> str:
    """Say how old something is: 5 minutes old."""
    return "just now" if seconds < 60 else f"{_span(seconds)} old"


def until(when: dt.datetime, now: dt.datetime) -> str:
    """Say how long it is until an aware time."""
    seconds = (when - now).total_seconds()
    return "now" if seconds < 60 else f"in {_span(seconds)}"


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
    for size, noun in ((86400, "day"), (3600, "hour")):
        if seconds >= size:
            return quantity(round(seconds / size), noun)
    return quantity(round(seconds / 60), "minute")
