"""How the inputs, their drift and their faults are told."""

from typing import NamedTuple

from flask_babel import gettext as _

from training.drift import Drift, Fault
from webapp.language import N_

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
    "temperature": Words(N_("Temperature"), N_("warmer"), N_("colder"), "°C"),
    "feels_like": Words(N_("Felt temperature"), N_("warmer"), N_("colder"), "°C"),
    "humidity": Words(N_("Humidity"), N_("more humid"), N_("drier"), "%"),
    "windspeed": Words(N_("Wind speed"), N_("windier"), N_("calmer"), "km/h"),
    "clear": Words(N_("Clear sky"), N_("more often"), N_("less often"), N_("% of hours"), 100, 0),
    "precipitation": Words(
        N_("Rain or snow"), N_("more often"), N_("less often"), N_("% of hours"), 100, 0
    ),
    "rentals": Words(
        N_("Rentals, growth aside"),
        N_("more"),
        N_("fewer"),
        N_("% of the 4 weeks before"),
        100,
        0,
    ),
    "level": Words(N_("Level of rentals"), N_("higher"), N_("lower"), N_("rentals per hour"), 1, 0),
}
RELATIONS = {
    "felt_difference": N_("Felt less real temperature"),
    "rain_humidity": N_("Humidity while it rains or snows"),
    "rain_contrast": N_("Humidity in rain less that without"),
}
UNITS = {"felt_difference": "°C", "rain_humidity": "%", "rain_contrast": "%"}


def value(number: float | None, words: Words) -> str:
    """Write a mean with its unit."""
    if number is None:
        return formats.UNKNOWN
    unit = "%" if words.factor == 100 else _(words.unit)
    return formats.number(number * words.factor, words.digits, unit)


def difference(drift: Drift, words: Words) -> str:
    """Say by how much a window differs, and in which direction: 4.1 °C warmer."""
    if drift.statistic is None:
        return _("no earlier year")
    if not round(drift.statistic * words.factor, words.digits):
        return _("none")
    direction = _(words.more if drift.statistic > 0 else words.less)
    told = _("%(size)s %(more)s", size=size(abs(drift.statistic), words), more=direction)
    return formats.Written(told, size(drift.statistic, words).data)


def size(number: float, words: Words) -> formats.Written:
    """Write a difference without its direction; shares differ by points."""
    if words.unit.startswith("%"):
        return formats.points(number * words.factor, words.digits)
    return formats.number(number, words.digits, _(words.unit))


def told(fault: Fault) -> str:
    """Say what is wrong with an input."""
    words = WORDS.get(fault.name)
    unit = _(words.unit if words else UNITS[fault.name])
    factor = words.factor if words else 1.0

    def write(value: float) -> str:
        return f"{formats.number(value * factor, 1)}{formats.SPACE}{unit}"

    low = fault.value < fault.low
    return _(
        _sentence(fault, low),
        label=_(words.label if words else RELATIONS[fault.name]),
        value=write(fault.value),
        since=formats.hour(fault.since),
        until=formats.hour(fault.until) if fault.until else "",
        bound=write(fault.low if low else fault.high),
    )


def _sentence(fault: Fault, low: bool) -> str:
    kind = fault.kind
    if kind == "stuck" and fault.until:
        return N_("%(label)s was %(value)s without a change from %(since)s to %(until)s.")
    if kind == "stuck":
        return N_("%(label)s has been %(value)s without a change since %(since)s.")
    if kind == "impossible":
        return N_("%(label)s has values that no weather has, the first at %(since)s.")
    if kind == "peak":
        if low:
            return N_("%(label)s peaks at %(value)s; in this season it is at least %(bound)s.")
        return N_("%(label)s peaks at %(value)s; in this season it is at most %(bound)s.")
    if low:
        return N_("%(label)s is on average %(value)s; in this season it is at least %(bound)s.")
    return N_("%(label)s is on average %(value)s; in this season it is at most %(bound)s.")
