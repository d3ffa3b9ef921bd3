"""Says what the columns of a table mean, in which units they are, and why it thinks so."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import pandas as pd

from training.importing import names, numbers, times, weather
from training.importing.mapping import FIELDS, UNITS, InvalidMapping, Mapping
from training.importing.reading import Table
from training.schema import HISTORY, REQUIRED, WEATHER, InvalidHistory

GIVEN = "as said"
OWN = "Vlib's own format"
TIMES = ("datetime", "date", "hour")
AMOUNTS = ("rain", "snow")
COUNTS = ("rentals", "casual", "registered")
MEASURED = ("temperature", "feels_like", "humidity", "windspeed")
ALIKE = ("weather", "rain", "snow", "holiday", "open", "closed")
"""Fields of which several columns say the same in other words."""
_VALUES = ("rentals", *MEASURED, "weather", "rain", "snow", "casual", "registered")


@dataclass(frozen=True, slots=True)
class Question:
    """What a table leaves open: the option that says it, and the answers that fit.

    `likely` is the one to take where nobody can be asked; without it one must be said.
    """

    option: str
    text: str
    choices: tuple[str, ...]
    likely: str | None = None


@dataclass(slots=True)
class Proposal:
    """A mapping, and for each of its columns and units why.

    Attributes
    ----------
    columns, units : dict
        Why, by field.
    questions : list of Question
        Without their answers nothing can be converted.
    """

    mapping: Mapping
    columns: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)

    @property
    def guessed(self) -> bool:
        """Say whether anything in it was not said by the operator or by our own format."""
        reasons = [*self.columns.values(), *self.units.values()]
        return any(reason not in (GIVEN, OWN) for reason in reasons)

    def column(self, name: str) -> str | None:
        """Return the column of a field."""
        return self.mapping.columns.get(name) or None


def propose(table: Table, given: Mapping) -> Proposal:
    """Return what a table means; what is given stays as it is.

    Raises
    ------
    InvalidMapping
        A given column is not in the table.
    InvalidHistory
        What no history can do without is missing.
    """
    frame = table.frame
    mapping = replace(given, columns={}, units=dict(given.units), weather=dict(given.weather))
    proposal = Proposal(mapping)
    mapping.decimal = given.decimal or numbers.decimal_mark(frame)
    _take_given(proposal, frame, given)
    own = _is_own(frame)
    _find_times(proposal, frame)
    _find_values(proposal, frame)
    if own:
        proposal.columns = {
            name: OWN if reason == "its name" and proposal.column(name) == name else reason
            for name, reason in proposal.columns.items()
        }
    _find_zone(proposal)
    _require(proposal, frame)
    _find_order(proposal, frame)
    _find_units(proposal, frame, own)
    return proposal


def _take_given(proposal: Proposal, frame: pd.DataFrame, given: Mapping) -> None:
    for name, column in given.columns.items():
        if column and column not in frame.columns:
            raise InvalidMapping(
                f"column {column!r} for {name} is not in the file, which has "
                f"{', '.join(map(repr, frame.columns))}"
            )
        proposal.mapping.columns[name] = column
        proposal.columns[name] = GIVEN


def _is_own(frame: pd.DataFrame) -> bool:
    """Say whether this is the format of Vlib itself, in whose columns units are never guessed."""
    if not set(REQUIRED) <= set(frame.columns) <= set(HISTORY):
        return False
    return bool(frame["weather"].dropna().isin(WEATHER).mean() > 0.5)


def _take(proposal: Proposal, name: str, column: str, why: str) -> None:
    proposal.mapping.columns[name] = column
    proposal.columns[name] = why


def _free(proposal: Proposal, frame: pd.DataFrame) -> list[str]:
    taken = set(proposal.mapping.columns.values())
    return [name for name in frame.columns if name not in taken]


def _find_times(proposal: Proposal, frame: pd.DataFrame) -> None:
    """Find one column of date and time, or one of dates and one of hours."""
    said = proposal.mapping.columns
    if said.get("datetime") or (said.get("date") and said.get("hour")):
        return
    kinds = {name: times.kind_of(frame[name]) for name in _free(proposal, frame)}
    if not said.get("date") and not said.get("hour"):
        stamps = [name for name, kind in kinds.items() if kind in ("stamp", "epoch")]
        if column := _best(proposal, ("datetime", "date", "hour"), stamps):
            return _take(proposal, "datetime", *column)
        if len(stamps) == 1 and kinds[stamps[0]] == "stamp":
            return _take(proposal, "datetime", stamps[0], "its values")
    clocks = [name for name, kind in kinds.items() if kind == "clock"]
    dates = [name for name, kind in kinds.items() if kind == "date"]
    hours = [name for name in clocks if times.goes_round(frame[name])]
    for name, fits, by_values in (("date", dates, dates), ("hour", clocks, hours)):
        if name in said:
            continue
        if column := _best(proposal, (name, "datetime"), fits):
            _take(proposal, name, *column)
        elif len(by_values) == 1:
            _take(proposal, name, by_values[0], "its values")


def _best(
    proposal: Proposal, fields: Sequence[str], columns: Sequence[str]
) -> tuple[str, str] | None:
    """Return the column that is called like the first of the fields most clearly, and why."""
    ranked = [
        (max(names.matches(name, column) * 10 - place for place, name in enumerate(fields)), column)
        for column in columns
    ]
    best = max((rank for rank, _ in ranked), default=0)
    if best <= 0:
        return None
    found = [column for rank, column in ranked if rank == best]
    if len(found) > 1:
        _ask_column(proposal, fields[0], found)
    return found[0], "its name"


def _ask_column(proposal: Proposal, name: str, columns: list[str]) -> None:
    text = f"Which column is {name} ({FIELDS[name]})?"
    proposal.questions.append(Question(f"--map {name}=", text, tuple(columns)))


def _find_values(proposal: Proposal, frame: pd.DataFrame) -> None:
    for exact in (2, 1):
        for name in (*_VALUES, "holiday", "open", "closed"):
            if name in proposal.mapping.columns:
                continue
            fits = [
                column
                for column in _free(proposal, frame)
                if names.matches(name, column) == exact and _can_be(name, frame[column], proposal)
            ]
            fits = _preferred(name, fits)
            if len(fits) > 1:
                _ask_column(proposal, name, fits)
            if fits:
                _take(proposal, name, fits[0], "its name")
    _find_by_units(proposal, frame)
    if "rentals" not in proposal.mapping.columns and not _has_trips(proposal, frame):
        _ask_rentals(proposal, frame)
    if "weather" not in proposal.mapping.columns:
        _find_weather_by_values(proposal, frame)


def _find_by_units(proposal: Proposal, frame: pd.DataFrame) -> None:
    """Take the one column left whose name shows a unit of what is needed."""
    for name in ("temperature", "windspeed"):
        if name in proposal.mapping.columns:
            continue
        fits = [
            column
            for column in _free(proposal, frame)
            if names.says_unit(name, column) and _can_be(name, frame[column], proposal)
        ]
        if len(fits) == 1:
            _take(proposal, name, fits[0], "the unit in its name")


def _preferred(name: str, columns: list[str]) -> list[str]:
    """Return the columns to choose from, without those that say the same as a better one."""
    if name in ALIKE:
        return sorted(columns, key=lambda column: names.place(name, column))[:1]
    own = [column for column in columns if names.unit_in(name, column) == UNITS.get(name, [""])[0]]
    return own if len(own) == 1 else columns


def _ask_rentals(proposal: Proposal, frame: pd.DataFrame) -> None:
    """Ask which of the columns left that count something up to large numbers are the rentals."""
    if all(proposal.column(name) for name in ("casual", "registered")):
        return
    fits = []
    for column in _free(proposal, frame):
        values = numbers.parse(frame[column], proposal.mapping.decimal, whole=True)
        rising = values.is_monotonic_increasing or values.is_monotonic_decreasing
        whole = values.notna().all() and (values == values.round()).all() and values.min() >= 0
        if whole and not rising and values.nunique() > 40 and not names.excluded("rentals", column):
            fits.append(column)
    if fits:
        _ask_column(proposal, "rentals", fits)
        _take(proposal, "rentals", fits[0], "its values: it counts")


def _find_weather_by_values(proposal: Proposal, frame: pd.DataFrame) -> None:
    """Take the one column left of words that nearly all say the weather."""
    fits = []
    for column in _free(proposal, frame):
        words = frame[column].dropna() if frame[column].dtype == object else frame[column][:0]
        if words.nunique() > 1 and weather.parse(words, "text", {}).notna().mean() > 0.95:
            fits.append(column)
    if len(fits) == 1:
        _take(proposal, "weather", fits[0], "its values: words for the weather")


def _can_be(name: str, cells: "pd.Series[Any]", proposal: Proposal) -> bool:
    """Say whether the values of a column can be those of a field."""
    if name in ("holiday", "open", "closed"):
        return True
    if name == "weather":
        return cells.nunique() > 1 or weather.kind_of(cells, str(cells.name))[0] is not None
    values = numbers.parse(cells, proposal.mapping.decimal, whole=name in COUNTS)
    known = values[cells.notna()]
    return not known.empty and bool(known.notna().mean() > 0.5)


def _find_zone(proposal: Proposal) -> None:
    column = proposal.column("datetime") or proposal.column("date")
    if column and proposal.mapping.timezone is None and names.is_utc(column):
        proposal.mapping.timezone = "UTC"
        proposal.units["timezone"] = f"the name {column!r}"


def _require(proposal: Proposal, frame: pd.DataFrame) -> None:
    """Raise `InvalidHistory` that names all that is missing, and how to say where it is."""
    has = proposal.column
    missing = [name for name in ("temperature", "humidity", "windspeed") if not has(name)]
    if not has("rentals") and not (has("casual") and has("registered")):
        missing.insert(0, "rentals")
    if not has("datetime") and not has("date"):
        missing.insert(0, "datetime")
    elif not has("datetime") and not has("hour"):
        missing.insert(0, "hour")
    if "rentals" in missing and _has_trips(proposal, frame):
        raise InvalidHistory(
            "the rows are single trips: count those of each hour first, and put its weather beside"
        )
    if missing:
        hint = ""
        if missing[0] == "hour":
            hint = f" ({has('date')!r} has dates alone: daily totals can't be taken in)"
        raise InvalidHistory(
            f"no column for {', '.join(missing)} is found{hint} among "
            f"{', '.join(map(repr, frame.columns))}: say it with --map {missing[0]}=COLUMN"
        )


def _has_trips(proposal: Proposal, frame: pd.DataFrame) -> bool:
    """Say whether rows come at any second, or again and again in an hour, as single trips do."""
    stamp, date, hour = (proposal.column(name) for name in TIMES)
    if stamp is None:
        again = bool(date and hour) and frame.duplicated([str(date), str(hour)]).mean() > 0.2
        return bool(again) and any(names.is_trip(name) for name in _free(proposal, frame))
    stamps = times.parse(frame[stamp], "month", "UTC", "UTC").local.dropna()
    return len(stamps) > 10 and bool((stamps.dt.minute % 5 != 0).mean() > 0.5)


def _find_order(proposal: Proposal, frame: pd.DataFrame) -> None:
    """Find whether days, months or years come first, from all dates there are."""
    column = proposal.column("datetime") or proposal.column("date")
    if column is None or proposal.mapping.order is not None:
        return
    fits = times.orders(frame[column])
    if len(fits) == 1 and not times.scattered(frame[column], fits[0]):
        proposal.mapping.day_first = fits[0] == "day"
        proposal.mapping.year_first = fits[0] == "year" or None
        years = "else they would be years apart"
        proposal.units["order"] = years if fits[0] == "year" else "only so the dates exist"
    elif fits:
        example = frame[column].dropna().iloc[-1]
        choices = tuple(fits) if len(fits) > 1 else get_args(times.Order)
        text = f"Do dates in {column!r} like {example!r} begin with the {' or the '.join(choices)}?"
        option = "/".join(f"--{order}-first" for order in choices)
        proposal.questions.append(Question(option, text, choices))


def _find_units(proposal: Proposal, frame: pd.DataFrame, own: bool) -> None:
    _find_weather(proposal, frame)
    _find_hours(proposal, frame)
    days = _days(proposal, frame)
    for name in (*MEASURED, *AMOUNTS):
        column = proposal.column(name)
        if column is None or name in proposal.mapping.units:
            if name in proposal.mapping.units:
                proposal.units[name] = GIVEN
            continue
        values, _ = numbers.measured(frame[column], proposal.mapping.decimal)
        unit, why = _unit(proposal, name, column, frame, values, days)
        if own:
            unit, why = UNITS[name][0], OWN
        if unit is None:
            text = f"Which unit is {column!r} ({name}) in? Its {why}."
            choices = tuple(each for each in UNITS[name] if each != "uci")
            likely = numbers.likely_wind(values) if name == "windspeed" else None
            proposal.questions.append(Question(f"--unit {name}=", text, choices, likely))
            unit = UNITS[name][0]
        proposal.mapping.units[name] = unit
        proposal.units[name] = why


def _unit(
    proposal: Proposal,
    name: str,
    column: str,
    frame: pd.DataFrame,
    values: "pd.Series[float]",
    days: float,
) -> tuple[str | None, str]:
    """Return a field's unit and why: by its name, its cells, its values, then its neighbours."""
    guess, why = numbers.guess_unit(name, values, days)
    if name == "humidity" and guess == "fraction":
        return guess, why
    if name == "snow" and weather.lies(values):
        return "cm lying", "it stays for hours, so it is what lies: only growth is snowfall"
    if named := names.unit_in(name, column):
        return named, "its name"
    if shown := numbers.unit_of_cells(name, frame[column]):
        return shown, "its cells"
    other = proposal.mapping.units.get("temperature")
    wind = names.unit_in("windspeed", proposal.column("windspeed") or "")
    if name == "temperature" and guess is None and wind in ("km/h", "m/s"):
        return "C", f"{why}; wind is in {wind}"
    if name == "feels_like" and other and guess in (None, "C", "F"):
        return other, "the unit of temperature"
    if name in AMOUNTS and other == "F":
        return "in", "temperatures are in °F"
    if name == "windspeed" and guess != "uci" and other == "F":
        return "mph", f"{why}; temperatures are in °F"
    if name == "windspeed" and guess is None and other == "K":
        return "m/s", f"{why}; temperatures are in K"
    if name == "windspeed" and guess is None:
        return _known_wind(column, frame, values, why)
    return guess, why


def _known_wind(
    column: str, frame: pd.DataFrame, values: "pd.Series[float]", why: str
) -> tuple[str | None, str]:
    """Return the unit that wind has in a well-known data set or service, None if this is none."""
    beside = {names.plain(name) for name in frame.columns}
    for unit, whose, columns in names.WINDS:
        if columns <= beside:
            return unit, f"{why}; {whose} has {unit}"
    if values.median() >= numbers.BREEZY and not names.may_be_mph(column):
        return "km/h", f"{why}; only English has mph"
    return None, why


def _find_weather(proposal: Proposal, frame: pd.DataFrame) -> None:
    column = proposal.column("weather")
    if column is None:
        return
    for name in AMOUNTS:  # what is said in words or codes needs no amounts
        if proposal.columns.get(name) != GIVEN:
            proposal.mapping.columns.pop(name, None)
            proposal.columns.pop(name, None)
    if "weather" in proposal.mapping.units:
        proposal.units["weather"] = GIVEN
        return
    beside = {names.plain(name) for name in frame.columns}
    kind, why = weather.kind_of(frame[column], column, beside)
    if kind is None:
        text = f"Which codes are in {column!r} (weather)? It has {why}."
        choices = tuple(each for each in UNITS["weather"] if each not in ("text", "openweather"))
        proposal.questions.append(Question("--unit weather=", text, choices))
    proposal.mapping.units["weather"] = kind or "uci"
    canonical = kind == "text" and bool(frame[column].dropna().isin(WEATHER).all())
    proposal.units["weather"] = OWN if canonical else why


def _find_hours(proposal: Proposal, frame: pd.DataFrame) -> None:
    stamp, column = proposal.column("datetime"), proposal.column("hour")
    if stamp and names.is_end(stamp) and "datetime" not in proposal.mapping.units:
        proposal.mapping.units["datetime"] = "end"
        proposal.units["datetime"] = "its name"
    if column is None:
        return
    if "hour" in proposal.mapping.units:
        proposal.units["hour"] = GIVEN
        return
    if names.is_end(column):
        proposal.mapping.units["hour"] = "end"
        proposal.units["hour"] = "its name"
        return
    hours = times.clock(frame[column])
    ending = bool((hours >= 24).any() and not (hours < 1).any())
    proposal.mapping.units["hour"] = "1-24" if ending else "0-23"
    proposal.units["hour"] = (
        "there is a 24 and no 0: 1 is taken as the hour from midnight to 1"
        if ending
        else f"values from {hours.min():g} to {hours.max():g}"
    )


def _days(proposal: Proposal, frame: pd.DataFrame) -> float:
    """Return about how many days a table spans."""
    column = proposal.column("datetime") or proposal.column("date")
    stamps = times.parse(frame[column], proposal.mapping.order or "month", "UTC", "UTC").local
    span = stamps.max() - stamps.min()
    return 0.0 if pd.isna(span) else span / pd.Timedelta(days=1)
