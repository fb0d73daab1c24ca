"""Replicas filled by hand, without PostgreSQL: what arrives is given as rows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pyarrow as pa

from loyalty_core.analytics import FactTable, Replica, registered_fact_tables
from loyalty_core.analytics.source import Server, Snapshot
from loyalty_core.kernel import Database
from tests import replicas as _replicas  # noqa: F401 it registers the facts

Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]


class GivenSnapshot(Snapshot):
    """A snapshot that holds what it is given."""

    def __init__(self, rows: Rows, settled_below: int) -> None:
        self._rows = rows
        self.server = Server(1, 1, 1, settled_below, settled_below)

    def rows(self, table: FactTable, low: int | None) -> pa.RecordBatchReader:  # noqa: ARG002 as in Snapshot
        given = self._rows.get(table.name, ())
        assert all(set(row) <= set(table.columns) for row in given), table.name
        columns = {
            name: pa.array([_plain(row.get(name)) for row in given], _arrow_type(kind))
            for name, kind in table.columns.items()
        }
        return pa.table(columns).to_reader()


def _plain(value: object) -> object:
    return str(value) if isinstance(value, UUID) else value


def _arrow_type(kind: str) -> pa.DataType:
    return {
        "BIGINT": pa.int64(),
        "INTEGER": pa.int32(),
        "DATE": pa.date32(),
        "BOOLEAN": pa.bool_(),
        "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
        "DECIMAL(38, 9)": pa.decimal128(38, 9),
    }.get(kind, pa.string())


class GivenReplica(Replica):
    """A replica that takes in what it is given."""

    def __init__(self) -> None:
        super().__init__(Database("postgresql://nobody@/nowhere"))

    def take(self, rows: Rows) -> None:
        """Take these rows in as the next pull would."""
        below = (self.settled_below or 0) + 10
        moved = [
            table for table in registered_fact_tables() if self.settled_below is None or rows.get(table.name)
        ]
        self._pull(GivenSnapshot(rows, below), moved, self.settled_below)

    def ask(self, sql: str) -> list[Any]:
        """Return the rows of any SQL over the raw tables."""
        with self._cursor() as cursor:
            return cursor.execute(sql).fetchall()


@contextmanager
def given_replica(*pulls: Rows) -> Iterator[GivenReplica]:
    """Make a replica of these pulls, one after the other."""
    made = GivenReplica()
    try:
        for rows in pulls:
            made.take(rows)
        yield made
    finally:
        made.close()
