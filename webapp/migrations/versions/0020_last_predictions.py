"""The last prediction of an hour is found in one step, however many there are."""

from alembic import op

revision = "0020"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("predictions", schema=None) as batch_op:
        batch_op.create_index("ix_predictions_last", ["source", "datetime", "horizon", "id"])
        batch_op.drop_index("ix_predictions_source_datetime")


def downgrade() -> None:
    with op.batch_alter_table("predictions", schema=None) as batch_op:
        batch_op.create_index("ix_predictions_source_datetime", ["source", "datetime"])
        batch_op.drop_index("ix_predictions_last")
