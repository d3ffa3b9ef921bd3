"""How Alembic reaches the application's database."""

from alembic import context
from flask import current_app

from webapp.extensions import make_database

db = current_app.extensions["migrate"].db


def migrate_online() -> None:
    """Migrate in one transaction: all steps or none, on SQLite too."""
    make_database(db.engine)
    with db.engine.connect().execution_options(writing=True) as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            transactional_ddl=True,
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


migrate_online()
