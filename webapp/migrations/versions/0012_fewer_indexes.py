"""Drop two indexes of the predictions: each cost a prediction more than the rest of its row.

Charts read ``latest_predictions``; what is listed of one version or source is found by its hour.
"""

from alembic import op

revision = "0012"
down_revision = "0009"


def upgrade() -> None:
    op.drop_index("ix_predictions_source_datetime", "predictions")
    op.drop_index("ix_predictions_model_version", "predictions")


def downgrade() -> None:
    op.create_index("ix_predictions_model_version", "predictions", ["model_version"])
    op.create_index("ix_predictions_source_datetime", "predictions", ["source", "datetime"])
