"""Databases on the PostgreSQL that VLIB_TEST_POSTGRES names, one for each test."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from webapp.extensions import db

SERVER = os.environ.get("VLIB_TEST_POSTGRES")
NONE = pytest.mark.skipif(not SERVER, reason="VLIB_TEST_POSTGRES names no server")
ENGINES = ("sqlite", pytest.param("postgresql", marks=NONE))


def execute(statement: str | sa.Select[Any]) -> None:
    """Do something that no transaction may hold, as to make a database."""
    assert SERVER is not None
    engine = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(statement) if isinstance(statement, str) else statement)


@contextmanager
def database(template: str = "template0") -> Iterator[str]:
    """Make a database, and give its URI; it takes a twentieth of a second."""
    assert SERVER is not None
    name = f"vlib_{uuid4().hex}"
    execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield sa.make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    finally:
        execute(f"DROP DATABASE {name} WITH (FORCE)")


def cut(engine: sa.Engine) -> None:
    """Break all connections to an application's database, as a restart of the server does."""
    ours = sa.text("datname = :name").bindparams(name=engine.url.database)
    connections = sa.table("pg_stat_activity", sa.column("pid"), sa.column("datname"))
    execute(sa.select(sa.func.pg_terminate_backend(connections.c.pid)).where(ours))


@contextmanager
def away(engine: sa.Engine) -> Iterator[None]:
    """Let nobody connect to an application's database."""
    execute(f"ALTER DATABASE {engine.url.database} ALLOW_CONNECTIONS false")
    try:
        cut(engine)
        yield
    finally:
        execute(f"ALTER DATABASE {engine.url.database} ALLOW_CONNECTIONS true")


def copy(source: Flask, target: Flask) -> None:
    """Write all rows of one application's database into another's, which is empty."""
    tables = db.metadata.sorted_tables
    with source.app_context(), db.engine.connect() as connection:
        rows = {table: connection.execute(sa.select(table)).mappings().all() for table in tables}
    with target.app_context(), db.engine.begin() as connection:
        for table in tables:
            if rows[table]:
                connection.execute(sa.insert(table), [dict(row) for row in rows[table]])
            if (key := table.autoincrement_column) is not None:
                sequence = sa.func.pg_get_serial_sequence(table.name, key.name)
                last = sa.select(sa.func.max(key)).scalar_subquery()
                connection.execute(sa.select(sa.func.setval(sequence, last)))
