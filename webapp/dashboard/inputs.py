"""How the inputs, their drift and their faults are told."""

from typing import NamedTuple

from training.drift import Drift, Fault

from . import formats


class Words(NamedTuple):
    """How an input is told: its name, what more and less of it is, its unit, times what."""

    label: str
    more: str
    less: str
    unit: str
    factor: float = 1.0
    digits: int = 1


WORDS = {
    "temperature": Words("Temperature", "warmer", "colder", "°C"),
    "feels_like": Words("Felt temperature", "warmer", "colder", "°C"),
    "humidity": Words("Humidity", "more humid", "drier", "%"),
    "windspeed": Words("Wind speed", "windier", "calmer", "km/h"),
    "clear": Words("Clear sky", "more often", "less often", "% of hours", 100, 0),
    "precipitation": Words("Rain or snow", "more often", "less often", "% of hours", 100, 0),
    "rentals": Words("Rentals, growth aside", "more", "fewer", "% of the 4 weeks before", 100, 0),
    "level": Words("Level of rentals", "higher", "lower", "rentals per hour", 1, 0),
}
RELATIONS = {
    "felt_difference": "Felt less real temperature",
    "rain_humidity": "Humidity while it rains or snows",
    "rain_contrast": "Humidity in rain less that without",
}
UNITS = {"felt_difference": "°C", "rain_humidity": "%", "rain_contrast": "%"}


def value(number: float | None, words: Words) -> str:
    """Write a mean with its unit."""
    if number is None:
        return formats.UNKNOWN
    unit = words.unit.partition(" of ")[0] if words.factor == 100 else words.unit
    return f"{formats.number(number * words.factor, words.digits)}{formats.SPACE}{unit}"


def difference(drift: Drift, words: Words) -> str:
    """Say by how much a window differs, and in which direction: 4.1 °C warmer."""
    if drift.statistic is None:
        return "no earlier year"
    if not round(drift.statistic * words.factor, words.digits):
        return "none"
    direction = words.more if drift.statistic > 0 else words.less
    return f"{size(abs(drift.statistic), words)} {direction}"


def size(number: float, words: Words) -> str:
    """Write a difference without its direction; shares differ by points."""
    text = formats.number(number * words.factor, words.digits)
    points = "point" if text == "1" else "points"
    return f"{text}{formats.SPACE}{points if words.unit.startswith('%') else words.unit}"


def told(fault: Fault) -> str:
    """Say what is wrong with an input."""
    words = WORDS.get(fault.name)
    label = words.label if words else RELATIONS[fault.name]
    unit = words.unit if words else UNITS[fault.name]
    factor = words.factor if words else 1.0

    def write(value: float) -> str:
        return f"{formats.number(value * factor, 1)}{formats.SPACE}{unit}"

    since = formats.hour(fault.since)
    if fault.kind == "stuck":
        return f"{label} has been {write(fault.value)} without a change since {since}."
    if fault.kind == "impossible":
        return f"{label} has values that no weather has, the first at {since}."
    what = "peaks at" if fault.kind == "peak" else "is on average"
    side, bound = ("least", fault.low) if fault.value < fault.low else ("most", fault.high)
    return f"{label} {what} {write(fault.value)}; in this season it is at {side} {write(bound)}."
