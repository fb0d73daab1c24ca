"""Sales files as intake has staged them, and what becomes of them: without the reader and the suite."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core import audit
from loyalty_core.intake import Acceptance, ColumnMapping, ImportContext, ImportState, Staging, store
from loyalty_core.intake.staging import drop_staging, make_staging
from loyalty_core.kernel import Database, Scope, new_id, now
from loyalty_core.sales import SALES_COLUMNS, SalesDataset

Row = Mapping[str, Any]

USUAL: dict[str, Any] = {
    "company_code": "C1",
    "company_name": None,
    "region": "North",
    "outlet_code": None,
    "invoice_no": "I1",
    "line_no": None,
    "product_code": "P1",
    "product_name": None,
    "brand": None,
    "product_group": None,
    "sold_at": "2026-03-10T12:00:00+00:00",
    "quantity": "1",
    "unit_price": "10.00",
    "amount": None,
    "currency": "EUR",
    "unreadable": None,
}


@dataclass(frozen=True)
class Brought:
    """What one file came to: the import, its counts, and the reasons by row number (the first row is 2)."""

    import_id: UUID
    acceptance: Acceptance
    reasons: dict[int, list[str]]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Accepted, duplicates, quarantined."""
        return self.acceptance.accepted, self.acceptance.duplicates, len(self.reasons)


def row(**values: Any) -> Row:
    """Return a usual row of a sales file with some values of its own."""
    assert values.keys() <= USUAL.keys()
    return {**USUAL, **values}


def mapping_of(source: str, *, time_zone: str = "UTC") -> ColumnMapping:
    """Return a mapping under which every canonical column is named as it is."""
    return ColumnMapping(
        name=source,
        dataset="sales",
        columns={name: name for name in SALES_COLUMNS.names},
        date_formats=("%Y-%m-%d",),
        time_zone=time_zone,
    )


def bring(
    database: Database,
    scope: Scope,
    rows: Sequence[Row],
    *,
    creates: bool = True,
    source: str = "tills",
    time_zone: str = "UTC",
    at: datetime | None = None,
) -> Brought:
    """Take the rows in as one accepted import, in one transaction."""
    with database.transaction(scope) as connection:
        return bring_in(
            connection, scope, rows, creates=creates, source=source, time_zone=time_zone, at=at or now()
        )


def bring_in(
    connection: Connection,
    scope: Scope,
    rows: Sequence[Row],
    *,
    creates: bool = True,
    source: str = "tills",
    time_zone: str = "UTC",
    at: datetime,
) -> Brought:
    """Take the rows in as one accepted import inside the caller's transaction."""
    dataset, import_id, file_id = SalesDataset(), new_id(), new_id()
    mapping = mapping_of(source, time_zone=time_zone)
    store.insert_file(
        connection,
        scope,
        id=file_id,
        file_name=f"{source}.csv",
        sha256=file_id.hex * 2,
        size_bytes=1,
        received_at=at,
    )
    store.insert_import(
        connection,
        scope,
        id=import_id,
        file_id=file_id,
        dataset="sales",
        source=f"sales:{source}",
        mapping=mapping.model_dump(mode="json"),
        creates_missing=creates,
        request_key=new_id(),
        requested_at=at,
    )
    store.move_import(
        connection, store.import_by_id(connection, import_id, lock=True), ImportState.RUNNING, runs=1
    )
    staging = Staging(import_id)
    make_staging(connection, staging, SALES_COLUMNS)
    names = (*SALES_COLUMNS.names, "unreadable")
    connection.execute(
        staging.sql(
            f"insert into {{staging}} (row_no, {', '.join(names)}) select row_no, {', '.join(names)}"
            " from jsonb_populate_recordset(null::{staging}, cast(:rows as jsonb))"
        ),
        {"rows": json.dumps([{"row_no": number, **one} for number, one in enumerate(rows, 2)])},
    )
    context = ImportContext(
        import_id=import_id, mapping=mapping, creates_missing=creates, scope=scope, recorded_at=at
    )
    dataset.judge(connection, staging, context)
    store.lock_source(connection, f"sales:{source}")
    acceptance = dataset.accept(connection, staging, context)
    audit.record(connection, scope, "intake.import_accepted", "import", import_id, dict(acceptance.evidence))
    store.replace_quarantine(connection, staging)
    reasons = {
        one.row_no: sorted(one.reasons)
        for one in store.quarantined_rows(connection, import_id, limit=len(rows) + 1)
    }
    store.move_import(
        connection,
        store.import_by_id(connection, import_id, lock=True),
        ImportState.ACCEPTED,
        rows=len(rows),
        accepted=acceptance.accepted,
        quarantined=len(reasons),
        duplicates=acceptance.duplicates,
        net_minor=dict(acceptance.net_minor),
        reasons=store.count_reasons(connection, staging),
        finished_at=at,
    )
    drop_staging(connection, staging)
    return Brought(import_id, acceptance, reasons)


def stored(
    connection: Connection, columns: str = "invoice_no, quantity, amount_minor"
) -> list[tuple[Any, ...]]:
    """Return columns of every sales line of the scope, import by import in the order of the files."""
    rows = connection.execute(text(f"select {columns} from sales_line order by import_id, row_no"))
    return [tuple(one) for one in rows]


@contextmanager
def undone(database: Database, scope: Scope) -> Iterator[None]:
    """Take back at the end of the block all that it wrote: for the examples of one rolled-back test."""
    with database.transaction(scope) as connection:
        example = connection.begin_nested()
        yield
        example.rollback()
