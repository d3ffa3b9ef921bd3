"""What the calls answer, for the OpenAPI document and for the tests that hold them to it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .schemas import ISO_SCHEMA, Source, Weather

LocalText = Annotated[str, Field(examples=ISO_SCHEMA["examples"], description="local, no offset")]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="UTC")]
Cursor = Annotated[str | None, Field(description="null: this was the last page")]
Status = Literal[
    "queued",
    "running",
    "promoted",
    "kept",
    "rejected",
    "failed",
    "cancelled",
    "abandoned",
]


class Answer(BaseModel):
    """Built when it is first looked at: serving looks at none."""

    model_config = ConfigDict(defer_build=True)


class ErrorPlace(Answer):
    """Where a request is wrong: in its body, at ``/query/NAME`` or at ``/header/NAME``."""

    pointer: Annotated[str, Field(description="RFC 6901")]
    detail: str


class Problem(Answer):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[ErrorPlace] = Field([], description="of a 422")
    run_id: str | None = Field(None, description="of a 409: the training that runs")


class Interval(Answer):
    lower: float
    upper: float
    level: float


class Prediction(Answer):
    """What the model said of one hour; rentals are bikes an hour."""

    prediction_id: str
    datetime: LocalText
    rentals: float
    interval: Interval
    as_of: LocalText | None
    model_version: str
    warnings: list[
        Literal[
            "history_is_stale",
            "outside_training_range",
            "holiday_contradicts_calendar",
            "no_history",
            "history_revised",
        ]
    ]


class ExplainedPrediction(Prediction):
    contributions: Annotated[
        dict[str, float],
        Field(
            description="with explain=true: a baseline and what each feature adds to it, in "
            "rentals; all add up to the prediction (path contributions, Saabas 2014)"
        ),
    ] = {}


class StoredPrediction(Prediction):
    requested_at: Moment
    source: Source
    input: dict[str, Any]
    actual: int | None
    actual_estimated: Annotated[bool | None, Field(description="estimated, not counted")]


class Failed(Answer):
    """In place of a prediction: what is wrong with this item alone."""

    error: Problem


class Predictions(Answer):
    items: list[Prediction | Failed]
    failed: int


class PredictionPage(Answer):
    items: list[StoredPrediction]
    next_cursor: Cursor


class Rejected(Answer):
    index: int
    errors: list[ErrorPlace]


class Upserted(Answer):
    """How many hours were new, how many replaced one, and which items were refused."""

    inserted: int
    updated: int
    rejected: list[Rejected]


class Observed(Answer):
    datetime: LocalText
    weather: Weather
    temperature: float
    feels_like: float | None
    humidity: float
    windspeed: float
    rentals: int
    casual: int | None
    registered: int | None
    holiday: bool | None
    estimated: Annotated[bool, Field(description="from the bikes at the stations, not counted")]


class ObservedPage(Answer):
    items: list[Observed]
    next_cursor: Cursor


class Metrics(Answer):
    mae: float
    rmse: float
    r2: float | None
    bias: float
    coverage: float | None
    width: float | None


class From(Answer):
    start: LocalText = Field(alias="from")
    end: LocalText = Field(alias="to")


class TrainingData(From):
    rows: int
    data_sha256: str


class Holdout(From):
    metrics: Metrics
    baseline: dict[str, float | None]


class Model(Answer):
    """A version that was trained to the end; metrics are a day ahead."""

    model_config = ConfigDict(protected_namespaces=())

    version: str
    status: Literal["champion", "former", "kept", "rejected"]
    trained_at: Moment
    mlflow_run_id: str | None
    training: TrainingData
    holdout: Holdout
    receipt: dict[str, Any]
    artefact: Annotated[bool, Field(description="false: pruned, so it can't serve any more")]
    activated_at: Moment | None
    activated_by: str | None
    reason: str | None


class ModelPage(Answer):
    items: list[Model]
    next_cursor: Cursor


Bounds = Annotated[tuple[float, float], Field(description="of 90 % of the resamples of days")]


class Score(Metrics):
    """Metrics of the compared hours, a day ahead."""

    mae_interval: Bounds
    coverage: float | None = None
    coverage_interval: Bounds | None = None
    width: float | None = None


class Difference(Answer):
    """The champion's MAE less the challenger's."""

    mae: float
    interval: Bounds
    confidence: Annotated[float, Field(description="share of the resamples in which it is above 0")]


class Slice(Answer):
    """MAE over some of the compared hours."""

    slice: str
    hours: int
    challenger: float
    champion: float
    change: Annotated[float, Field(description="challenger / champion - 1")]
    confidence: Annotated[float, Field(description="share of the resamples in which it is worse")]
    worse: Annotated[bool, Field(description="by more than the settings allow")]


class Check(Answer):
    """What the challenger does over real hours with one thing changed."""

    check: Literal["sound", "rain", "warmth", "night", "holiday"]
    passed: bool
    detail: str


class Finding(Answer):
    """What is doubtful about the data, of which days."""

    check: Literal["range", "missing hours", "stuck", "weather", "level", "multiples", "pattern"]
    first: str
    last: str
    detail: str


class GateSettings(Answer):
    """What the decision was measured by."""

    level: float
    slice: float
    slice_level: float | None = None
    least_hours: int
    resamples: int
    coverage_band: tuple[float, float]


class ByHand(Answer):
    """An activation that a person asked for."""

    version: str
    activated_at: Moment
    activated_by: str
    reason: str


class RunReceipt(Answer):
    """How a challenger was decided about, never changed afterwards.

    What was measured is null where nothing was fitted. Without a comparison `champion` and
    `difference` are null, and the challenger's score is of its own holdout.
    """

    model_config = ConfigDict(protected_namespaces=())

    decision: Literal["promoted", "kept", "rejected"]
    reason: str
    decided_at: Moment
    run_id: str
    trigger: Literal["first", "schedule", "admin", "cli", "evidence"]
    requested_by: str | None
    cause: Annotated[str | None, Field(description="the evidence that called for it")]
    accepted: Annotated[bool, Field(description="an admin accepted doubtful data")]
    champion_version: str | None
    champion_by_hand: Annotated[
        ByHand | None, Field(description="if a person had made the champion one")
    ] = None
    start: LocalText | None = Field(alias="from", description="first hour of the scores")
    end: LocalText | None = Field(alias="to", description="last hour of the scores")
    hours: int | None
    days: int | None
    challenger: Score | None
    champion: Score | None
    baseline: Annotated[Score | None, Field(description="seasonal-naive, on the same hours")]
    difference: Difference | None
    slices: list[Slice] | None
    behaviour: list[Check] | None
    data: TrainingData | None
    findings: list[Finding]
    seen_to: Annotated[LocalText | None, Field(description="what it may not be compared on again")]
    mlflow_run_id: str | None
    mlflow_version: str | None
    settings: GateSettings
    git_revision: str
    seconds: Annotated[float, Field(description="from the start of the run to the decision")]


class Receipt(RunReceipt):
    """The promotion receipt of a version."""

    version: str


class Run(Answer):
    """A training, from its request to its outcome."""

    model_config = ConfigDict(protected_namespaces=())

    run_id: str
    status: Status
    trigger: Literal["first", "schedule", "admin", "cli", "evidence"]
    cause: Annotated[str | None, Field(description="the evidence that called for it")]
    stage: str | None
    progress: Annotated[float, Field(ge=0, le=1)]
    reason: str | None
    metrics: dict[str, Any] | None
    candidates: list[dict[str, Any]] | None
    model_version: str | None
    mlflow_run_id: str | None
    receipt: Annotated[
        RunReceipt | None, Field(description="if it made no version, which else has the receipt")
    ]
    requested_at: Moment
    started_at: Moment | None
    finished_at: Moment | None


class RunPage(Answer):
    items: list[Run]
    next_cursor: Cursor


class RunStatus(Answer):
    run_id: str
    status: Status


class Health(Answer):
    status: str


class Ready(Health):
    problems: Annotated[
        list[str], Field(description="if there are any: as an artefact that is broken")
    ] = []
