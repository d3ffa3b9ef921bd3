"""What the calls take and what they answer; the OpenAPI document is made of these."""

import datetime as dt
import re
from functools import cache
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from flask import current_app
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SkipValidation,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

FIRST_YEAR, LAST_YEAR = 1970, 2100
MAX_ITEMS = 10_000
MAX_RENTALS = 1_000_000
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NO_CURSOR = "must be the next_cursor of this listing"
TEXT = {"type": "string"}
VERSION = "^[1-9][0-9]{0,8}$"
CURSOR_SCHEMA = TEXT | {"pattern": r"^\d{4}-\d\d-\d\dT[0-9:.]+Z?$"}
ISO_SCHEMA: dict[str, object] = {
    **TEXT,
    "pattern": (
        r"^(19[7-9]\d|20\d\d|2100)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
        r"T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?$"
    ),
    "examples": ["2012-12-25T08:00:00"],
}


def local_time(value: object, info: ValidationInfo) -> dt.datetime:
    """Return ISO 8601 text as naive local time; an offset is converted to ``VLIB_TIMEZONE``.

    That is in the context of the validation, or a setting of the current application.
    """
    if not isinstance(value, str) or not ISO.fullmatch(value):
        raise PydanticCustomError("rule", "must be a date and time: YYYY-MM-DDTHH:MM:SS")
    try:
        moment = dt.datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            settings = info.context or current_app.config
            moment = moment.astimezone(_zone(settings["VLIB_TIMEZONE"]))
            moment = moment.replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise PydanticCustomError("rule", "must be a date and time that exist") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise PydanticCustomError("rule", "must be in the years 1970 to 2100")
    return moment


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _digits(value: object) -> object:
    """Return query text as the number that it spells."""
    return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value) else value


def _version(value: object) -> int:
    if not isinstance(value, str) or not re.fullmatch(VERSION[1:-1], value):
        raise PydanticCustomError("rule", "must be a version as answers name it, digits as text")
    return int(value)


def _cursor_time(value: str) -> str:
    """Check a cursor that is a time, as it stands in the items."""
    try:
        dt.datetime.fromisoformat(value.removesuffix("Z"))
    except ValueError:
        raise PydanticCustomError("rule", NO_CURSOR) from None
    return value


def _cursor_id(value: str) -> str:
    """Check a cursor that is the id of a prediction."""
    if not UUID.fullmatch(value):
        raise PydanticCustomError("rule", NO_CURSOR)
    return value


LocalTime = Annotated[dt.datetime, PlainValidator(local_time), WithJsonSchema(ISO_SCHEMA)]
AsOf = Annotated[
    LocalTime | None,
    Field(
        description="The last hour whose rentals may be known; by default the newest one before "
        "the hour. If what may be known was revised since, the answer warns `history_revised`."
    ),
]
Weather = Literal["clear", "mist", "light_precipitation", "heavy_precipitation"]
CODES = {name: code for code, name in enumerate(get_args(Weather))}
Source = Literal["live", "replay", "backtest", "whatif"]
Temperature = Annotated[float, Field(ge=-40, le=60, description="°C")]
FeelsLike = Annotated[float, Field(ge=-60, le=70, description="°C")]
Humidity = Annotated[float, Field(ge=0, le=100, description="%")]
Windspeed = Annotated[float, Field(ge=0, le=200, description="km/h")]
Rentals = Annotated[int, Field(ge=0, le=MAX_RENTALS), BeforeValidator(_whole)]
Limit = Annotated[int, Field(ge=1, le=1000), BeforeValidator(_digits)]
Version = Annotated[int, Field(ge=1, le=999_999_999), BeforeValidator(_digits)]
AskedVersion = Annotated[
    Annotated[int, PlainValidator(_version), WithJsonSchema(TEXT | {"pattern": VERSION})] | None,
    Field(
        description="The version that answers instead of the champion, as `model_version` of an "
        "answer names it. It knows what was known when `as_of` was the newest observed hour: of "
        "the weather after that hour, only what this request says."
    ),
]
TimeCursor = Annotated[str, AfterValidator(_cursor_time), WithJsonSchema(CURSOR_SCHEMA)]
IdCursor = Annotated[str, AfterValidator(_cursor_id), WithJsonSchema({"format": "uuid", **TEXT})]


class Body(BaseModel):
    """Input: every type as it is written, no field but those named."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class Nothing(Body):
    """An empty object, where a call needs no body."""


class Item(Body):
    """An hour to predict."""

    datetime: LocalTime
    weather: Weather
    temperature: Temperature
    humidity: Humidity
    windspeed: Windspeed
    feels_like: FeelsLike | None = None
    holiday: bool | None = None
    as_of: AsOf = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "datetime": "2012-12-25T08:00:00",
                    "weather": "clear",
                    "temperature": 3.3,
                    "humidity": 81,
                    "windspeed": 0,
                }
            ]
        }
    )


class Hour(Item):
    """An hour to predict, and by which version."""

    model_version: AskedVersion = None


class Explain(Body):
    """How to answer a prediction."""

    explain: Literal["true", "false"] = "false"


class Hours(Body):
    """Many hours to predict; `as_of` holds for those that bring none of their own."""

    as_of: AsOf = None
    model_version: AskedVersion = None
    items: Annotated[list[SkipValidation[Item]], Field(min_length=1, max_length=MAX_ITEMS)]


class Observation(Body):
    """An hour that has happened."""

    datetime: LocalTime
    weather: Weather
    temperature: Temperature
    humidity: Humidity
    windspeed: Windspeed
    rentals: Rentals
    feels_like: FeelsLike | None = None
    casual: Rentals | None = None
    registered: Rentals | None = None
    holiday: bool | None = None
    estimated: bool | None = None


class Observations(Body):
    """Hours that have happened; the same hour again replaces it, but an estimate never a count."""

    items: Annotated[list[SkipValidation[Observation]], Field(min_length=1, max_length=MAX_ITEMS)]


class Activation(Body):
    """Why a version is made champion."""

    reason: Annotated[
        str,
        StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]*\S[^\x00-\x1f]*$"),
    ]


class Page(Body):
    """A page of a listing; each listing has a `cursor` of its own form."""

    limit: Limit = 100


class VersionPage(Page):
    cursor: Version | None = None


class RunPage(Page):
    cursor: TimeCursor | None = None


class Span(Page):
    """A page of the hours from `from` to before `to`."""

    start: LocalTime | None = Field(None, alias="from")
    end: LocalTime | None = Field(None, alias="to")

    @field_validator("end")
    @classmethod
    def not_before_start(cls, end: dt.datetime | None, info: ValidationInfo) -> dt.datetime | None:
        """Refuse a `from` after `to`."""
        start = info.data.get("start")
        if start is not None and end is not None and start > end:
            raise PydanticCustomError("rule", "must not be before from")
        return end


class ObservationSpan(Span):
    cursor: TimeCursor | None = None


class PredictionSpan(Span):
    cursor: IdCursor | None = None
    model_version: Version | None = None
    source: Source | None = None
