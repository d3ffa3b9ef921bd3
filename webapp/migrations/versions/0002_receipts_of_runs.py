"""A run knows who asked for it, whether doubtful data is accepted, and its receipt."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    accept = sa.Column("accept_data", sa.Boolean(), nullable=False, server_default=sa.false())
    with op.batch_alter_table("training_runs") as batch_op:
        batch_op.add_column(sa.Column("requested_by", sa.String(length=64), nullable=True))
        batch_op.add_column(accept)
        batch_op.add_column(sa.Column("receipt", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("training_runs") as batch_op:
        batch_op.drop_column("receipt")
        batch_op.drop_column("accept_data")
        batch_op.drop_column("requested_by")
