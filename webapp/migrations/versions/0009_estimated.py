"""Whether an hour's rentals were counted, or estimated from the bikes at the stations."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    estimated = sa.Column("estimated", sa.Boolean(), nullable=False, server_default=sa.false())
    with op.batch_alter_table("observations") as batch_op:
        batch_op.add_column(estimated)


def downgrade() -> None:
    with op.batch_alter_table("observations") as batch_op:
        batch_op.drop_column("estimated")
