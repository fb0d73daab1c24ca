"""The PostgreSQL side of the replica: what moved, read in one snapshot, as Arrow batches."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa

from loyalty_core.analytics.facts import FactTable
from loyalty_core.kernel import libpq_url

# What a broken connection, a stopped server or a statement that it refuses looks like from here.
SourceError = adbc_driver_manager.Error


@dataclass(frozen=True, slots=True)
class Server:
    """Which server a snapshot was taken from, and how far its transactions are.

    A restored copy differs in its timeline, a dump that was read in elsewhere in the system identifier or the
    database; transaction ids mean nothing across them. Every transaction below `settled_below` has ended, none
    from `next_txid` on has begun.
    """

    system_identifier: int
    timeline: int
    database_oid: int
    settled_below: int
    next_txid: int

    @property
    def identity(self) -> tuple[int, int, int]:
        """What is the same as long as transaction ids go on."""
        return self.system_identifier, self.timeline, self.database_oid


_BEGIN = "set transaction isolation level repeatable read, read only"
# Row security lets the replica read everything; its own views let nobody see more than theirs.
_SEE_EVERYTHING = "select set_config('laurel.everything', 'on', true)"
_SERVER = (
    "select system_identifier, (select timeline_id::bigint from pg_control_checkpoint()),"
    " (select oid::bigint from pg_database where datname = current_database()),"
    " pg_snapshot_xmin(pg_current_snapshot())::text::bigint,"
    " pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    " from pg_control_system()"
)


class Snapshot:
    """One REPEATABLE READ transaction: everything read in it is of the same moment."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        cursor.execute(_SERVER)
        self.server = Server(*map(int, cursor.fetchone()))

    def moved(self, tables: Sequence[FactTable], low: int) -> list[FactTable]:
        """Return the tables with rows of transactions from `low` on that have ended; one probe of an index each."""
        probes = ", ".join(
            f"exists (select from {table.name} where {self._since(table, low)})" for table in tables
        )
        self._cursor.execute(f"select {probes}")
        return [table for table, has_moved in zip(tables, self._cursor.fetchone(), strict=True) if has_moved]

    def rows(self, table: FactTable, low: int | None) -> pa.RecordBatchReader:
        """Return the rows of transactions from `low` on that have ended, batch by batch; all, where it is None.

        A dump that was read into another server brings transaction ids along that this one has not given out
        yet: what is visible and ahead of the server is older than anything else, and is taken with the whole.
        """
        if low is None:
            ahead = f"{table.name}.txid >= '{self.server.next_txid}'::xid8"
            which = f"({self._below(table)} or {ahead})"
        else:
            which = self._since(table, low)
        self._cursor.execute(
            f"select {table.selection()} from {table.name} {table.joins} where {which}"  # noqa: S608 as above
        )
        return self._cursor.fetch_record_batch()

    def _since(self, table: FactTable, low: int) -> str:
        return f"{table.name}.txid >= '{low}'::xid8 and {self._below(table)}"

    def _below(self, table: FactTable) -> str:
        return f"{table.name}.txid < '{self.server.settled_below}'::xid8"


class Source:
    """A connection to the application's database, made again where it broke. For one thread."""

    def __init__(self, app_url: str) -> None:
        self._url = libpq_url(app_url)
        self._connection: Any = None

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open a snapshot. Raises SourceError; the next call begins with a new connection then."""
        try:
            if self._connection is None:
                self._connection = adbc.connect(self._url)
            with self._connection.cursor() as cursor:
                cursor.execute(_BEGIN)
                cursor.execute(_SEE_EVERYTHING)
                cursor.fetchone()
                yield Snapshot(cursor)
            self._connection.rollback()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # It may be broken already, and then can't be closed any better.
            with suppress(SourceError):
                connection.close()
