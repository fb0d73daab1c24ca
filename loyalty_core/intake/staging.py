"""Staging tables: made and filled outside the accepting transaction, dropped after it.

COPY does not work on tables with row security, so rows come in here and go on by INSERT ... SELECT. The tables
are unlogged: after a crash they are empty and the import fills them again from the stored file.
"""

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
        driver_connection(connection).execute(sql.SQL("analyze {}").format(_name(staging.table)))


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
