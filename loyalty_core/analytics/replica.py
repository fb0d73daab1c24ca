"""The replica: a DuckDB of this process's own that follows PostgreSQL, and can be thrown away at any time.

Every row carries the transaction that wrote it. A pull takes the rows of transactions from `low` on that have
ended, below the oldest that still runs, and stores that bound as the next `low` in the same commit: a row that
commits late is below no bound that was ever stored, so none is missed and none comes twice.
"""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import polars as pl
import psutil

from loyalty_core.analytics.facts import FactTable, registered_fact_tables
from loyalty_core.analytics.roll_ups import AFTER_AWARDS, AFTER_LINES
from loyalty_core.analytics.source import Server, Snapshot, Source
from loyalty_core.analytics.views import KEPT_TABLES, RAW, schema_of, statements
from loyalty_core.kernel import Database, Refusal, Scope, Sort, _, get_logger, new_id, now
from queries import Kind, Query

_log = get_logger(__name__)

# The one kind whose name alone would be too narrow.
_DECIMAL = "DECIMAL(38, 9)"


class ReplicaNotReadyError(Refusal):
    """There is no replica in this process, or its first load has not ended."""

    def __init__(self) -> None:
        super().__init__(_("The figures are being loaded. Look again in a moment."))


class Replica:
    """Copies what moved, and answers queries. Queries may come from any thread; pulls are one at a time.

    `path` is the file, or None for memory only. A file that an earlier replica left is gone on with where the
    same tables are in it, and made anew where not.
    """

    def __init__(self, database: Database, path: Path | None = None) -> None:
        self._tables = registered_fact_tables()
        self._source = Source(database.app_url)
        self._pulling = threading.Lock()
        self._instance: UUID = new_id()
        self._generation = 0
        self._low: int | None = None
        self._identity: tuple[int, int, int] | None = None
        self._fresh_at: datetime | None = None
        self._writing: duckdb.DuckDBPyConnection | None = None
        self._root = _open(path)
        self._prepare()

    @property
    def is_ready(self) -> bool:
        """Whether the first load has ended."""
        return self._generation > 0

    @property
    def fresh_at(self) -> datetime | None:
        """The moment of the last pull that worked, or None; whatever had ended by then is in, or waits behind
        a transaction that still runs."""
        return self._fresh_at

    @property
    def settled_below(self) -> int | None:
        """The transaction id below which everything is in, or None before the first load."""
        return self._low

    @property
    def version(self) -> tuple[str, int]:
        """What moves when the figures do, and is never the same for two replicas.

        Raises ReplicaNotReadyError.
        """
        if not self.is_ready:
            raise ReplicaNotReadyError
        return str(self._instance), self._generation

    def refresh(self) -> bool:
        """Pull what has moved since the last time; return whether anything had.

        Raises SourceError when PostgreSQL does not answer; nothing has changed then.
        """
        with self._pulling, self._source.snapshot() as snapshot:
            server = snapshot.server
            low = self._low
            if low is None or self._identity != server.identity or low > server.next_txid:
                self._pull(snapshot, self._tables, None)
                has_moved = True
            else:
                moved = snapshot.moved(self._tables, low) if low < server.settled_below else []
                if moved:
                    self._pull(snapshot, moved, low)
                self._low = server.settled_below
                has_moved = bool(moved)
            self._fresh_at = now()
        return has_moved

    def read(
        self, scope: Scope, query: Query, values: Mapping[str, object], sort: Sort | None = None
    ) -> pl.DataFrame:
        """Return the answer, with ids as text. The values are checked already.

        Raises ReplicaNotReadyError before the first load has ended and after `close`.
        """
        if not self.is_ready:
            raise ReplicaNotReadyError
        kinds = {parameter.name: parameter for parameter in query.parameters}
        bound = {
            name: _value(value, _duckdb_type(kinds[name].kind), is_list=kinds[name].is_list)
            for name, value in values.items()
        }
        sql = query.sql if sort is None else query.sorted_by(sort.by, descending=sort.descending)
        with self._cursor() as cursor:
            enter_scope(cursor, scope)
            return _frame(cursor.sql(sql, params=bound or None))

    def interrupt(self) -> None:
        """Break off the pull that is under way in another thread, if there is one; it fails and changes nothing."""
        if (cursor := self._writing) is not None:
            cursor.interrupt()

    def close(self) -> None:
        """Close the file and the connection; waits for a pull that is under way."""
        with self._pulling:
            self._generation = 0
            self._source.close()
            self._root.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        try:
            return self._root.cursor()
        except duckdb.ConnectionException:
            raise ReplicaNotReadyError from None

    def _prepare(self) -> None:
        ddl = statements(self._tables)
        shape = hashlib.sha256(repr((ddl, self._tables)).encode()).hexdigest()
        with self._cursor() as cursor:
            marks = []
            if cursor.execute("select 1 from duckdb_tables() where schema_name = 'raw'").fetchall():
                marks = cursor.execute(
                    f"select low, system_identifier, timeline, database_oid, generation"  # noqa: S608 names of ours
                    f" from {RAW}.mark where shape = $shape",
                    {"shape": shape},
                ).fetchall()
            for self._low, *identity, self._generation in marks:
                self._identity = (identity[0], identity[1], identity[2])
                return
            cursor.begin()
            schemas = cursor.execute(
                "select schema_name from duckdb_schemas() where not internal and database_name = current_database()"
                " and schema_name <> 'main'"
            ).fetchall()
            for (schema,) in schemas:
                _do(cursor, f'drop schema "{schema}" cascade')
            for statement in ddl:
                _do(cursor, statement)
            _do(cursor, f"insert into {RAW}.mark (generation, shape) values (0, $shape)", {"shape": shape})  # noqa: S608 names of ours
            cursor.commit()

    def _pull(self, snapshot: Snapshot, tables: Sequence[FactTable], low: int | None) -> None:
        """Copy the rows since `low`, all where it is None, and move the mark: in one commit, or not at all."""
        server = snapshot.server
        rows: dict[str, int] = {}
        with self._cursor() as cursor:
            self._writing = cursor
            cursor.begin()
            if low is None:
                for name in (*(table.name for table in tables), *KEPT_TABLES):
                    _do(cursor, f"delete from {RAW}.{name}")  # noqa: S608 a name of ours
            for table in tables:
                rows[table.name] = _take(cursor, snapshot, table, low)
            if low is not None:
                _drop_removed(cursor, tables)
            self._store_mark(cursor, server)
            cursor.commit()
            self._writing = None
        self._low, self._identity = server.settled_below, server.identity
        self._generation += 1
        if low is None:
            _log.info("replica_loaded", rows=sum(rows.values()))

    def _store_mark(self, cursor: duckdb.DuckDBPyConnection, server: Server) -> None:
        _do(
            cursor,
            f"update {RAW}.mark set low = $low, system_identifier = $system_identifier,"  # noqa: S608 names of ours
            " timeline = $timeline, database_oid = $database_oid, generation = generation + 1",
            {
                "low": server.settled_below,
                "system_identifier": server.system_identifier,
                "timeline": server.timeline,
                "database_oid": server.database_oid,
            },
        )


_FOLLOWERS = {"sales_line": AFTER_LINES, "award": AFTER_AWARDS}


def _take(cursor: duckdb.DuckDBPyConnection, snapshot: Snapshot, table: FactTable, low: int | None) -> int:
    """Take a table's rows in; return how many."""
    kept = f"{RAW}.{table.name}"
    cursor.register("arriving", snapshot.rows(table, low))
    came = kept
    try:
        if low is None:
            _do(cursor, f"insert into {kept} select {table.arrival()} from arriving")  # noqa: S608 names of ours
        else:
            came = "came"
            _do(
                cursor,
                f"create or replace temp table {came} as select {table.arrival()} from arriving",  # noqa: S608 names of ours
            )
    finally:
        cursor.unregister("arriving")
    if low is not None:
        if table.never_changes:
            # Only rows of a dump that was read in can come again; see Snapshot.rows.
            _do(cursor, f"delete from {came} where {table.key} in (select {table.key} from {kept})")  # noqa: S608 names of ours
        else:
            _do(cursor, f"delete from {kept} where {table.key} in (select {table.key} from {came})")  # noqa: S608 names of ours
        _do(cursor, f"insert into {kept} select * from {came}")  # noqa: S608 names of ours
    for statement in _FOLLOWERS.get(table.name, ()):
        _do(cursor, statement.format(lines=came, awards=came))
    ((counted,),) = cursor.execute(f"select count(*) from {came}").fetchall()  # noqa: S608 names of ours
    return int(counted)


def _drop_removed(cursor: duckdb.DuckDBPyConnection, moved: Sequence[FactTable]) -> None:
    """Drop the copies of rows whose removal has come: nothing of such a row comes again."""
    for removal in moved:
        for name, key in removal.removes.items():
            _do(
                cursor,
                f"delete from {RAW}.{name} where {key} in (select {removal.key} from {RAW}.{removal.name})",  # noqa: S608 names of ours
            )


def _duckdb_type(kind: Kind) -> str:
    return _DECIMAL if kind is Kind.DECIMAL else kind.value


def _do(
    cursor: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, Any] | None = None
) -> duckdb.DuckDBPyConnection:
    """Run a statement that changes something to its end; a result left open would hold the cursor."""
    cursor.execute(statement, values).complete()
    return cursor


def enter_scope(cursor: duckdb.DuckDBPyConnection, scope: Scope) -> None:
    """Let the cursor see what the scope lets through, and nothing else."""
    _do(cursor, "set variable regions = $ids", {"ids": _value(scope.region_ids, "UUID", is_list=True)})
    _do(cursor, "set variable companies = $ids", {"ids": _value(scope.company_ids, "UUID", is_list=True)})
    _do(
        cursor,
        "set variable programmes = $ids",
        {"ids": _value(scope.programme_ids or (), "UUID", is_list=True)},
    )
    _do(cursor, f"use {schema_of(scope)}")


def _value(value: Any, kind: str, *, is_list: bool) -> Any:
    """Return the value with its type said, so that null and the empty list have one too."""
    if is_list and value is not None:
        value = sorted(value)
    return duckdb.Value(value, duckdb.sqltype(f"{kind}[]" if is_list else kind))


def _frame(answer: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """Return the rows; whole numbers come as Int64, whatever DuckDB counted them in."""
    frame = pl.from_arrow(answer.to_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    whole = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Decimal) and kind.scale == 0]
    return frame.with_columns(pl.col(whole).cast(pl.Int64)) if whole else frame


def _open(path: Path | None) -> duckdb.DuckDBPyConnection:
    """Open the file, fenced: no files, no network, no other data than what was put in."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": "false",
        "python_enable_replacements": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        # The web process and PostgreSQL live on the same machine.
        "memory_limit": f"{psutil.virtual_memory().total // 4 // 2**20}MB",
        "lock_configuration": "true",
    }
    if path is not None:
        config["temp_directory"] = f"{path}.tmp"
    return duckdb.connect(str(path) if path is not None else ":memory:", config=config)
