"""Files of records as staging holds them, judged and accepted without the way through a file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core.intake import (
    Acceptance,
    ColumnKind,
    ColumnMapping,
    ImportContext,
    ImportMode,
    RecordsDataset,
    Staging,
)
from loyalty_core.intake.staging import make_staging
from loyalty_core.kernel import Database, Scope, new_id, now

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Brought:
    """What became of a file: reasons by row number, changes, and what was accepted."""

    import_id: UUID
    reasons: dict[int, set[str]]
    changes: list[tuple[int, str, str | None, str | None, str | None]]
    accepted: Acceptance = field(default_factory=lambda: Acceptance(0, 0, {}))

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Added, changed, there already, bad."""
        done = self.accepted
        return done.accepted - done.changed, done.changed, done.duplicates, len(self.reasons)


def new_import(connection: Connection, scope: Scope, dataset: str) -> UUID:
    """Write an import's row, as `start_import` does."""
    file_id, import_id = new_id(), new_id()
    by = {"id": file_id, "user": scope.user_id, "name": scope.actor_name, "at": now()}
    connection.execute(
        text(
            "insert into received_file (id, file_name, sha256, size_bytes, received_by, received_by_name,"
            " received_at) values (:id, 'f.csv', '00', 1, :user, :name, :at)"
        ),
        by,
    )
    connection.execute(
        text(
            "insert into file_import (id, file_id, dataset, source, mapping, creates_missing, state, requested_by,"
            " requested_by_name, requested_at) values (:import_id, :id, :dataset, 'files', '{}', false, 'queued',"
            " :user, :name, :at)"
        ),
        {**by, "import_id": import_id, "dataset": dataset},
    )
    return import_id


def stage(connection: Connection, dataset: RecordsDataset, import_id: UUID, rows: Sequence[Row]) -> Staging:
    """Fill staging as reading does: blank cells are null; row numbers from 2 on."""
    staging = Staging(import_id)
    make_staging(connection, staging, dataset.columns)
    names = dataset.columns.names
    for number, row in enumerate(rows, start=2):
        quoted = ", ".join(f'"{name}"' for name in names)
        bound = ", ".join(f":c_{name}" for name in names)
        unreadable = row.get("unreadable")
        connection.execute(
            staging.sql(
                f"insert into {{staging}} (row_no, sheet, {quoted}, unreadable)"
                f" values (:row_no, :sheet, {bound}, cast(:unreadable as jsonb))"
            ),
            {
                "row_no": number,
                "sheet": row.get("sheet"),
                "unreadable": json.dumps(unreadable) if unreadable else None,
                **{f"c_{name}": row.get(name) or None for name in names},
            },
        )
    return staging


def bring(
    database: Database,
    scope: Scope,
    dataset: RecordsDataset,
    rows: Sequence[Row],
    *,
    mode: ImportMode = ImportMode.ADD,
    accepts: bool = True,
    currency: str | None = None,
) -> Brought:
    """Judge the rows, list what they would change, and accept the good ones, each in its own transaction."""
    with database.transaction(scope) as connection:
        import_id = new_import(connection, scope, dataset.columns.name)
        staging = stage(connection, dataset, import_id, rows)
    has_dates = any(column.kind is ColumnKind.TIMESTAMP for column in dataset.columns.columns)
    context = ImportContext(
        import_id=import_id,
        mapping=ColumnMapping(
            name="files",
            dataset=dataset.columns.name,
            columns={name: name for name in dataset.columns.names},
            date_formats=("%Y-%m-%d",),
            currency=currency,
            time_zone="Europe/Warsaw" if has_dates else "UTC",
        ),
        creates_missing=False,
        scope=scope,
        recorded_at=now(),
        mode=mode,
    )
    with database.transaction(scope) as connection:
        dataset.judge(connection, staging, context)
        if mode is ImportMode.UPDATE:
            dataset.list_changes(connection, staging, context)
        changes = changes_of(connection, import_id)
    accepted = Acceptance(0, 0, {})
    if accepts:
        with database.transaction(scope) as connection:
            accepted = dataset.accept(connection, staging, context)
    with database.transaction(scope) as connection:
        bad = connection.execute(staging.sql("select row_no, reasons from {bad}"))
        reasons: dict[int, set[str]] = {}
        for row in bad:
            reasons.setdefault(row.row_no, set()).update(row.reasons)
    if accepts:
        assert accepted.accepted + accepted.duplicates + len(reasons) == len(rows), (
            "every row ends in one place"
        )
    for told in reasons.values():
        for reason in told:
            assert dataset.reason_text(reason) != reason, f"{reason} has no words"
    return Brought(import_id, reasons, changes, accepted)


def changes_of(
    connection: Connection, import_id: UUID
) -> list[tuple[int, str, str | None, str | None, str | None]]:
    """Return the import's changes: row, record, field, before, after."""
    rows = connection.execute(
        text(
            "select row_no, record, field, before, after from import_change where import_id = :id order by id"
        ),
        {"id": import_id},
    )
    return [(row.row_no, row.record, row.field, row.before, row.after) for row in rows]


def one(database: Database, scope: Scope, statement: str, **values: Any) -> Any:
    """Return the only row of a query, as a plain tuple."""
    with database.transaction(scope) as connection:
        return tuple(connection.execute(text(statement), values).one())
