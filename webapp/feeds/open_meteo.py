"""Open-Meteo's hourly format, as weather by local hour.

https://open-meteo.com/en/docs: `hourly` holds lists of equal length, `hourly_units` their units;
times are local at `utc_offset_seconds`, or seconds since 1970 in UTC.
"""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from training.importing import weather
from training.importing.numbers import TO_ITS_UNIT
from training.schema import NUMBERS

from .fetching import FeedError

NAMES = {  # today's, and those of before 2023
    "temperature": ("temperature_2m",),
    "humidity": ("relative_humidity_2m", "relativehumidity_2m"),
    "windspeed": ("wind_speed_10m", "windspeed_10m"),
    "feels_like": ("apparent_temperature",),
    "code": ("weather_code", "weathercode"),
    "rain": ("precipitation", "rain"),
    "snow": ("snowfall",),
}
DEFAULT_UNITS = {"rain": "mm", "snow": "cm", "windspeed": "km/h", "humidity": "%"}
UNITS = {"°C": "C", "°F": "F", "mp/h": "mph", "ms": "m/s", "inch": "in"}
NEEDED = ("temperature", "humidity", "windspeed")
MEASURED = ("temperature", "humidity", "windspeed", "feels_like")
MOST_HOURS = 24 * 400

Hours = dict[str, dict[str, Any]]


def parse(document: dict[str, Any], zone: ZoneInfo) -> Hours:
    """Return the weather of each local hour, named as in ``2026-11-23T08:00:00``.

    Each has weather, temperature (°C), humidity (%), windspeed (km/h) and, if it is known,
    feels_like. An hour that lacks one of the others, or where one can't be, is a gap. Raises
    `FeedError` if the document has another format.
    """
    hourly, units = document.get("hourly"), document.get("hourly_units", {})
    if not isinstance(hourly, dict) or not isinstance(units, dict):
        raise FeedError("there is no object `hourly`")
    hours = _times(hourly.get("time"), document, zone)
    for name in NEEDED:
        if not any(said in hourly for said in NAMES[name]):
            raise FeedError(f"`hourly.{NAMES[name][0]}` is missing: name it in the address")
    frame = pd.DataFrame({name: _column(name, hourly, units, len(hours)) for name in NAMES})
    if len(frame) >= 24 and frame["humidity"].max() <= 1:
        raise FeedError("humidity is a fraction, not %")
    frame["weather"] = _weather(frame)
    frame.index = pd.Index(hours)
    known = frame.dropna(subset=["weather", *NEEDED])
    known = known[known.index.notna() & ~known.index.duplicated()]  # of a repeated hour, the first
    if known.empty:
        raise FeedError("no hour has weather, temperature, humidity and wind")
    rows = known[["weather", *MEASURED]].astype(object).to_dict("index")
    return {
        str(hour): {str(name): value for name, value in row.items() if value == value}
        for hour, row in rows.items()
    }


def _times(values: object, document: dict[str, Any], zone: ZoneInfo) -> list[str | None]:
    if not isinstance(values, list) or not 0 < len(values) <= MOST_HOURS:
        raise FeedError("`hourly.time` is no list of hours")
    return [_time(value, _offset(document), zone) for value in values]


def _offset(document: dict[str, Any]) -> dt.tzinfo:
    seconds, name = document.get("utc_offset_seconds"), document.get("timezone", "GMT")
    try:
        if seconds is not None:
            return dt.timezone(dt.timedelta(seconds=seconds))
        return ZoneInfo(name)
    except (ValueError, TypeError, OverflowError, ZoneInfoNotFoundError, OSError):
        raise FeedError("its timezone is none") from None


def _time(value: object, offset: dt.tzinfo, zone: ZoneInfo) -> str | None:
    try:
        if isinstance(value, str):
            moment = dt.datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=offset)
        elif isinstance(value, int):
            moment = dt.datetime.fromtimestamp(value, dt.UTC)
        else:
            return None
        local = moment.astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None
    return local.replace(minute=0, second=0, microsecond=0).isoformat()


def _column(
    name: str, hourly: dict[str, Any], units: dict[str, Any], length: int
) -> "pd.Series[float]":
    """Return a variable in our unit, NaN where it is unknown or can't be."""
    called = next((said for said in NAMES[name] if said in hourly), None)
    if called is None:
        return pd.Series([float("nan")] * length)
    values = hourly[called]
    if not isinstance(values, list) or len(values) != length:
        raise FeedError(f"`hourly.{called}` is no list as long as `hourly.time`")
    numbers = pd.Series([_number(value) for value in values], dtype=float)
    if name == "code":
        return numbers
    unit = str(units.get(called) or DEFAULT_UNITS.get(name, "°C"))
    convert = TO_ITS_UNIT[name].get(UNITS.get(unit, unit))
    if convert is None:
        raise FeedError(f"the unit of `{called}` is unknown: {unit[:20]!r}")
    numbers = convert(numbers)
    low, high = (NUMBERS[name].low, NUMBERS[name].high) if name in NUMBERS else (0, 1000)
    return numbers.where(numbers.between(low, high))


def _number(value: object) -> float:
    sound = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6
    return float(value) if sound else float("nan")  # type: ignore[arg-type]


def _weather(frame: pd.DataFrame) -> "pd.Series[Any]":
    """Return the weather that a code says, else the amounts of rain and snow."""
    said = frame["code"].map(weather.CODES["wmo"].get, na_action="ignore").astype(object)
    amounts = weather.of_amounts(frame["rain"], frame["snow"])
    return said.where(said.notna(), amounts.where(frame["rain"].notna()))
