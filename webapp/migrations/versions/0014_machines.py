"""Which machine a training runs on, and when it last said that it lives."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    with op.batch_alter_table("training_runs") as batch:
        batch.add_column(sa.Column("machine", sa.String(255)))
        batch.add_column(sa.Column("renewed_at", sa.DateTime()))


def downgrade() -> None:
    with op.batch_alter_table("training_runs") as batch:
        batch.drop_column("renewed_at")
        batch.drop_column("machine")
