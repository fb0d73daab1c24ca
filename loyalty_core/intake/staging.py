"""Staging tables: made and filled outside the accepting transaction, dropped after it.

COPY does not work on tables with row security, so rows come in here and go on by INSERT ... SELECT. The tables
are unlogged: after a crash they are empty and the import fills them again from the stored file.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text

from loyalty_core.intake.dataset import Staging
from loyalty_core.intake.mapping import ColumnKind, DatasetColumns
from loyalty_core.kernel import Database, Scope, driver_connection

_TYPES = {
    ColumnKind.TEXT: sql.SQL("text"),
    ColumnKind.NUMBER: sql.SQL("numeric"),
    ColumnKind.TIMESTAMP: sql.SQL("timestamptz"),
}
_CHUNK_BYTES = 1 << 20


def _name(qualified: str) -> sql.Identifier:
    return sql.Identifier(*qualified.split("."))


def make_staging(connection: Connection, staging: Staging, columns: DatasetColumns) -> None:
    """Make the import's staging tables, empty, in place of what an earlier run left."""
    drop_staging(connection, staging)
    raw = driver_connection(connection)
    canonical = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column.name), _TYPES[column.kind])
        for column in columns.columns
    )
    raw.execute(
        sql.SQL(
            "create unlogged table {} (row_no bigint not null, sheet text, {}, unreadable jsonb)"
            " with (autovacuum_enabled = off)"
        ).format(_name(staging.table), canonical)
    )
    raw.execute(
        sql.SQL(
            "create unlogged table {} (row_no bigint not null, sheet text, reasons text[] not null)"
            " with (autovacuum_enabled = off)"
        ).format(_name(staging.bad))
    )


def drop_staging(connection: Connection, staging: Staging) -> None:
    """Drop the import's staging tables where they exist."""
    for name in (staging.table, staging.bad):
        driver_connection(connection).execute(sql.SQL("drop table if exists {}").format(_name(name)))


def copy_parts(
    database: Database, scope: Scope, staging: Staging, columns: DatasetColumns, parts: Sequence[Path]
) -> None:
    """COPY the part files into staging, each over a connection of its own, all at the same time.

    A part file is CSV without a header: row_no, sheet, the canonical columns, unreadable; an unquoted empty
    field is NULL. Memory holds one chunk of each file.
    """
    names = sql.SQL(", ").join(
        sql.Identifier(name) for name in ("row_no", "sheet", *columns.names, "unreadable")
    )
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(_name(staging.table), names)

    def copy_one(part: Path) -> None:
        with database.transaction(scope) as connection:
            raw: psycopg.Connection[Any] = driver_connection(connection)
            with raw.cursor() as cursor, cursor.copy(statement) as copy, part.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    copy.write(chunk)

    with ThreadPoolExecutor(max_workers=max(1, len(parts))) as pool:
        list(pool.map(copy_one, parts))
    with database.transaction(scope) as connection:
        raw = driver_connection(connection)
        # A small sample of a table that is read whole tells as much as a large one, in a tenth of the time.
        raw.execute("set local default_statistics_target = 20")
        raw.execute(sql.SQL("analyze {}").format(_name(staging.table)))


def save_reasons(connection: Connection, staging: Staging, path: Path) -> None:
    """Write the table of reasons to a file that only its owner reads."""
    raw: psycopg.Connection[Any] = driver_connection(connection)
    with (
        os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file,
        raw.cursor() as cursor,
        cursor.copy(sql.SQL("copy {} to stdout").format(_name(staging.bad))) as copy,
    ):
        for data in copy:
            file.write(data)


def load_reasons(connection: Connection, staging: Staging, path: Path) -> None:
    """Fill the table of reasons with what `save_reasons` wrote, in place of what it holds."""
    raw: psycopg.Connection[Any] = driver_connection(connection)
    raw.execute(sql.SQL("truncate {}").format(_name(staging.bad)))
    with (
        path.open("rb") as file,
        raw.cursor() as cursor,
        cursor.copy(sql.SQL("copy {} from stdin").format(_name(staging.bad))) as copy,
    ):
        while chunk := file.read(_CHUNK_BYTES):
            copy.write(chunk)


def orphaned_staging_ids(connection: Connection) -> list[str]:
    """Return the hex ids of staging tables whose import is neither queued nor running."""
    rows = connection.execute(
        text(
            "select substr(c.relname, 8) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = 'staging' and c.relkind = 'r' and c.relname like 'import\\_%'"
            " and c.relname not like '%\\_bad' and not exists (select from file_import i"
            " where i.id = cast(substr(c.relname, 8) as uuid) and i.state in ('queued', 'running'))"
        )
    )
    return list(rows.scalars())
