"""Imports: whose the observations are."""

import datetime as dt

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0002"


def upgrade() -> None:
    imports = op.create_table(
        "imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("replaced", sa.Boolean(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("city", sa.String(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("holidays", sa.String(), nullable=False),
        sa.Column("inserted", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("imported_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    if op.get_bind().execute(_demo_noon()).first() is not None:
        row = {"source": "demo", "replaced": False, "file": "", "sha256": "", "city": None}
        place = {"timezone": "America/New_York", "holidays": "US-DC"}
        counts = {"inserted": 0, "updated": 0, "imported_at": dt.datetime.now(dt.UTC)}
        counts["imported_at"] = counts["imported_at"].replace(tzinfo=None)
        op.bulk_insert(imports, [row | place | counts])


def _demo_noon() -> sa.Select:
    """Return what finds an hour of the embedded history, which an older Vlib did not mark."""
    observations = sa.table(
        "observations",
        sa.column("datetime", sa.DateTime()),
        sa.column("casual"),
        sa.column("rentals"),
    )
    return sa.select(observations).where(
        observations.c.datetime == dt.datetime(2012, 7, 4, 12),
        observations.c.casual == 164,
        observations.c.rentals == 494,
    )


def downgrade() -> None:
    op.drop_table("imports")
