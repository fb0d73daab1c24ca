"""Databases for tests: real PostgreSQL, migrated once and copied, or one transaction that is rolled back."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import Connection

from laurel.embedded import EmbeddedServer, app_url, derived_app_password
from laurel.migrate import migrate
from loyalty_core.kernel import Database, Scope, new_id, set_scope

# What is lost in a crash of the machine matters to nobody here; nor does anybody follow the log.
FAST_AND_LOOSE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
}

# What a process's server may grow to, its log and the big files of slow tests with it.
_ROOM_OF_A_SERVER = 4 * 2**30

_TEMPLATE = "laurel_template"


def home_of_a_server() -> Path:
    """Make a folder for a server's data, in memory where all the run's servers have room there.

    Its path is short, as the path of the server's socket in it must be.
    """
    needed = _ROOM_OF_A_SERVER * int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    memory = Path("/dev/shm")
    has_room = (
        memory.is_dir()
        and shutil.disk_usage(memory).free >= needed
        and psutil.virtual_memory().available >= needed
    )
    return Path(tempfile.mkdtemp(prefix="l-", dir=memory if has_room else "/tmp"))


class RolledBackDatabase(Database):
    """A database whose transactions are savepoints of one connection that never commits."""

    def __init__(self, app_url: str) -> None:
        super().__init__(app_url, pool_size=1)
        self._outer = self._engine.connect()
        self._outer.begin()

    @contextmanager
    def transaction(self, scope: Scope) -> Iterator[Connection]:
        with self._outer.begin_nested():
            set_scope(self._outer, scope)
            yield self._outer

    @contextmanager
    def snapshot(self, scope: Scope) -> Iterator[Connection]:
        with self.transaction(scope) as connection:
            yield connection

    def close(self) -> None:
        self._outer.rollback()
        self._outer.close()
        super().close()


class TestServer:
    """An embedded PostgreSQL with a migrated template to copy databases from."""

    __test__ = False

    def __init__(self, home: Path, *, postgres_version: int = 18) -> None:
        self.home = home
        self._server = EmbeddedServer(home, postgres_version=postgres_version, extra=FAST_AND_LOOSE)
        self._owner_url = self._server.hold()
        self._has_template = False

    def new_database(self, template: str | None = None) -> str:
        """Copy the migrated template, or another database that nobody is connected to; return the owner's URL."""
        with psycopg.connect(self._owner_url, autocommit=True) as connection:
            if template is None and not self._has_template:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(_TEMPLATE)))
                migrate(self.url_of(_TEMPLATE), app_password=derived_app_password(self._owner_url))
                self._has_template = True
            name = f"t_{new_id().hex}"
            connection.execute(
                sql.SQL("create database {} template {} strategy file_copy").format(
                    sql.Identifier(name), sql.Identifier(template or _TEMPLATE)
                )
            )
        return self.url_of(name)

    def empty_database(self) -> str:
        """Make a database without any table and return the owner's URL."""
        name = f"t_{new_id().hex}"
        with psycopg.connect(self._owner_url, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return self.url_of(name)

    def drop_database(self, owner_url: str) -> None:
        """Drop a copy, whoever is still connected."""
        name = self.name_of(owner_url)
        with psycopg.connect(self._owner_url, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    @staticmethod
    def name_of(owner_url: str) -> str:
        """Return the name of the database that an owner's URL leads to."""
        return owner_url.partition("?")[0].rpartition("/")[2]

    def url_of(self, database_name: str) -> str:
        """Return the owner's URL of a database of this server."""
        path, _, query = self._owner_url.partition("?")
        return f"{path.rpartition('/')[0]}/{database_name}?{query}"

    def release(self) -> None:
        """Let go of the server."""
        self._server.release()


def database_of(owner_url: str) -> Database:
    """Return the application's database for an owner's URL."""
    return Database(app_url(owner_url))
