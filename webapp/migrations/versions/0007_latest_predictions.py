"""The last word on each hour, which charts read."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

SAME = "datetime source model_version id as_of horizon rentals lower upper baseline requested_at"


def upgrade() -> None:
    latest = op.create_table(
        "latest_predictions",
        sa.Column("datetime", sa.DateTime(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("as_of", sa.DateTime(), nullable=True),
        sa.Column("horizon", sa.Integer(), nullable=True),
        sa.Column("rentals", sa.Double(), nullable=False),
        sa.Column("lower", sa.Double(), nullable=False),
        sa.Column("upper", sa.Double(), nullable=False),
        sa.Column("baseline", sa.Double(), nullable=True),
        sa.Column("weather", sa.String(length=32), nullable=True),
        sa.Column("temperature", sa.Double(), nullable=True),
        sa.Column("humidity", sa.Double(), nullable=True),
        sa.Column("windspeed", sa.Double(), nullable=True),
        sa.Column("requested_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["model_version"], ["model_versions.version"]),
        sa.PrimaryKeyConstraint("datetime", "source", "kind", "model_version"),
    )
    op.create_index(
        "ix_latest_predictions_source_datetime", "latest_predictions", ["source", "datetime"]
    )
    _fill(latest)


def _fill(latest: sa.Table) -> None:
    """Take over what was predicted before there was this table."""
    given = [sa.column(name) for name in SAME.split()]
    predictions = sa.table("predictions", *given, sa.column("input", sa.JSON()))
    said = predictions.c
    kind = sa.case((said.horizon.in_([1, 24, 48, 168]), said.horizon), else_=0)
    newest = (
        sa.select(sa.func.max(said.id))
        .where(said.source != "whatif")
        .group_by(said.datetime, said.source, kind, said.model_version)
    )
    inputs = [
        said.input["weather"].as_string(),
        *(said.input[name].as_float() for name in ("temperature", "humidity", "windspeed")),
    ]
    rows = sa.select(*(said[name] for name in SAME.split()), kind, *inputs)
    names = [*SAME.split(), "kind", "weather", "temperature", "humidity", "windspeed"]
    op.execute(latest.insert().from_select(names, rows.where(said.id.in_(newest))))


def downgrade() -> None:
    op.drop_table("latest_predictions")
