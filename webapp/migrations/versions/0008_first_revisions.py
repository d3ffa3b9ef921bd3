"""The revision that made each observed hour known."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    with op.batch_alter_table("observations") as batch_op:
        batch_op.add_column(sa.Column("first_revision", sa.Integer(), nullable=True))
    # What was revised before is not known: it counts as never revised.
    op.execute("UPDATE observations SET first_revision = revision")
    with op.batch_alter_table("observations") as batch_op:
        batch_op.alter_column("first_revision", existing_type=sa.Integer(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("observations") as batch_op:
        batch_op.drop_column("first_revision")
