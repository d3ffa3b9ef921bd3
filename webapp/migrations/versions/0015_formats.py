"""Which columns a history came in: a file of other columns may be another city's."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    with op.batch_alter_table("imports") as batch:
        batch.add_column(sa.Column("columns", sa.JSON()))


def downgrade() -> None:
    with op.batch_alter_table("imports") as batch:
        batch.drop_column("columns")
