"""The way to PostgreSQL: one transaction per command, each with its scope.

The application connects as `laurel_app`, which row security binds. A connection is only to be had through
`Database.transaction`, which sets the scope first: without one, no protected row exists.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Connection, MetaData, Table, create_engine, text
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.types import TypeEngine

from loyalty_core.kernel.scope import Scope

# What it looks like when the server or the way to it is gone: the same work can be done again later.
DATABASE_WENT_AWAY = (OperationalError, InterfaceError)
# Whatever else the server says no with; `orig` is the driver's error.
STATEMENT_FAILED = DBAPIError

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Uuid: TypeEngine[Any] = PG_UUID(as_uuid=True)


@dataclass(frozen=True, slots=True)
class AppRights:
    """What `laurel_app` may do to a table besides reading it. Facts have insert and nothing else.

    `updates` names the columns that may be updated.
    """

    insert: bool = True
    updates: tuple[str, ...] = ()
    delete: bool = False


def rights_of(table: Table) -> AppRights:
    """Return the rights declared in the table's `info["app"]`; insert only where nothing is said."""
    rights: AppRights = table.info.get("app", AppRights())
    return rights


def sqlalchemy_url(url: str) -> str:
    """Return a PostgreSQL URL with the psycopg driver named, as SQLAlchemy wants it."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def libpq_url(url: str) -> str:
    """Return the URL without a driver name, as psycopg and libpq want it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


_SET_SCOPE = text(
    "select set_config('laurel.everything', :everything, true), set_config('laurel.regions', :regions, true),"
    " set_config('laurel.companies', :companies, true), set_config('laurel.user', :user_id, true),"
    " set_config('laurel.programmes', :programmes, true)"
)

# What the setting names for who may see no programme at all: unset or empty means every programme.
_NO_PROGRAMME = str(UUID(int=0))


def set_scope(connection: Connection, scope: Scope) -> None:
    """Tell the database, for the rest of this transaction, who acts and what may be seen."""
    connection.execute(
        _SET_SCOPE,
        {
            "everything": "on" if scope.sees_everything else "",
            "regions": ",".join(str(region) for region in sorted(scope.region_ids)),
            "companies": ",".join(str(company) for company in sorted(scope.company_ids)),
            "user_id": str(scope.user_id) if scope.user_id else "",
            "programmes": ""
            if scope.programme_ids is None
            else ",".join(sorted(map(str, scope.programme_ids))) or _NO_PROGRAMME,
        },
    )


class Database:
    """The application's database. Safe to share between threads."""

    def __init__(self, app_url: str, *, pool_size: int = 10) -> None:
        self.app_url = app_url
        self._engine: Engine = create_engine(
            sqlalchemy_url(app_url),
            pool_size=pool_size,
            max_overflow=20,
            pool_pre_ping=True,
            pool_recycle=1800,
            # Values are people's data: an error tells the statement without them.
            hide_parameters=True,
        )

    @contextmanager
    def transaction(self, scope: Scope) -> Iterator[Connection]:
        """Open a transaction under the scope; commit at the end of the block, roll back on any exception."""
        with self._engine.begin() as connection:
            set_scope(connection, scope)
            yield connection

    @contextmanager
    def snapshot(self, scope: Scope) -> Iterator[Connection]:
        """Open a read-only REPEATABLE READ transaction: every query in it sees the same moment."""
        with (
            self._engine.connect().execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            ) as connection,
            connection.begin(),
        ):
            set_scope(connection, scope)
            yield connection

    @contextmanager
    def exclusively(self, key: str) -> Iterator[bool]:
        """Try to be the only one, of all processes, inside a block of this key; yield whether that is so.

        The lock dies with the process or the server, and holds no transaction open. Whoever writes at the end
        checks again, in that transaction, that nobody has taken over since: the server may have come back.
        """
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            lock = {"key": key}
            got: bool = connection.execute(
                text("select pg_try_advisory_lock(hashtextextended(:key, 1))"), lock
            ).scalar_one()
            try:
                yield got
            finally:
                if got:
                    # A connection that broke meanwhile has taken its lock with it.
                    with suppress(*DATABASE_WENT_AWAY):
                        connection.execute(text("select pg_advisory_unlock(hashtextextended(:key, 1))"), lock)

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()


def driver_connection(connection: Connection) -> "psycopg.Connection[Any]":
    """Return psycopg's own connection under this one, for COPY, inside the same transaction."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    return raw
