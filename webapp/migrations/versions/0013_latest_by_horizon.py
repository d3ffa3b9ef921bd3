"""An index for the last words of one source at one horizon."""

from alembic import op

revision = "0013"
down_revision = "0012"

TABLE, OLD, NEW = (
    "latest_predictions",
    "ix_latest_predictions_source_datetime",
    "ix_latest_predictions_source_kind_datetime",
)


def upgrade() -> None:
    op.create_index(NEW, TABLE, ["source", "kind", "datetime"])
    op.drop_index(OLD, TABLE)


def downgrade() -> None:
    op.create_index(OLD, TABLE, ["source", "datetime"])
    op.drop_index(NEW, TABLE)
