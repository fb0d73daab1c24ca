"""Every query of repairs: corrected rows on their way back into their import."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from psycopg import sql
from sqlalchemy import Connection, Row, text

from loyalty_core.intake.dataset import Staging
from loyalty_core.intake.mapping import DatasetColumns
from loyalty_core.intake.states import REPAIR_MOVES, RepairState
from loyalty_core.kernel import NotFoundError, Scope, StateError, _, driver_connection

ROW_COLUMN = "row_in_file"
"""The staged column that says which row of the import's file a corrected row is."""
SHEET_COLUMN = "sheet_in_file"
"""The staged column that says on which sheet of it, in imports of several sheets."""

_Item = TypeVar("_Item")
_CHUNK_BYTES = 1 << 20
_BATCH = 5_000

Address = tuple[str, int]
"""Sheet ('' in text files) and row number of a row of an import's file."""


class UnknownRepairError(NotFoundError):
    """No such repair is among those that the asker sees."""

    def __init__(self, repair_id: object) -> None:
        super().__init__(_("There is no repair {id} among those you see.").format(id=repair_id))


class RepairStateError(StateError):
    """The repair is in a state from which this move does not exist."""

    def __init__(self, state: RepairState, wanted: RepairState) -> None:
        super().__init__(
            _("The repair is {state}; it can't become {wanted}.").format(
                state=state.value, wanted=wanted.value
            )
        )


@dataclass(frozen=True, slots=True)
class Repair:
    """A batch of corrected rows. Counts are None until it is done.

    `rows` is how many rows came back; what is neither accepted, nor a duplicate, nor still bad of them was put
    right by somebody else meanwhile. `file_name` and `sha256` are of the corrected file, None where the rows
    were corrected in the table.
    """

    id: UUID
    import_id: UUID
    file_id: UUID | None
    file_name: str | None
    sha256: str | None
    state: RepairState
    runs: int
    rows: int | None
    accepted: int | None
    duplicates: int | None
    still_bad: int | None
    refusal: str | None
    requested_by: UUID | None
    requested_by_name: str
    requested_at: datetime
    finished_at: datetime | None

    @property
    def repaired_meanwhile(self) -> int:
        """How many of its rows somebody else had put right before it came to them."""
        return (self.rows or 0) - (self.accepted or 0) - (self.duplicates or 0) - (self.still_bad or 0)


@dataclass(frozen=True, slots=True)
class RowPutAside:
    """A row that is out of its import: where it stands, every reason, what was understood of it.

    `cells` are its cells as a person corrected them last, by column name; None where nobody did.
    """

    sheet: str
    row_no: int
    reasons: list[str]
    body: dict[str, Any]
    cells: dict[str, str] | None
    is_repaired: bool


@dataclass(frozen=True, slots=True)
class RowCorrection:
    """Which cells of a row a person changed, before and after, by column name."""

    sheet: str
    row_no: int
    before: dict[str, str]
    after: dict[str, str]
    corrected_by_name: str
    corrected_at: datetime


_REPAIR = (
    "select r.id, r.import_id, r.file_id, f.file_name, f.sha256, r.state, r.runs, r.rows, r.accepted,"
    " r.duplicates, r.still_bad, r.refusal, r.requested_by, r.requested_by_name, r.requested_at, r.finished_at"
    # Whoever does not see the import sees nothing of its repairs.
    " from import_repair r join file_import i on i.id = r.import_id left join received_file f on f.id = r.file_id"
)


def _repair(row: Row[Any]) -> Repair:
    return Repair(**{**row._mapping, "state": RepairState(row.state)})


def insert_repair(
    connection: Connection,
    scope: Scope,
    *,
    id: UUID,
    import_id: UUID,
    file_id: UUID | None,
    cells: Sequence[tuple[str, int, Mapping[str, str]]] | None,
    request_key: UUID,
    requested_at: datetime,
) -> UUID:
    """Queue a repair and return its id; with a request key that was used before, the id of that one."""
    connection.execute(
        text(
            "insert into import_repair (id, request_key, import_id, file_id, cells, state, requested_by,"
            " requested_by_name, requested_at) values (:id, :request_key, :import_id, :file_id,"
            " cast(:cells as jsonb), 'queued', :by, :by_name, :requested_at) on conflict (request_key) do nothing"
        ),
        {
            "id": id,
            "request_key": request_key,
            "import_id": import_id,
            "file_id": file_id,
            "cells": None if cells is None else json.dumps(cells),
            "by": scope.user_id,
            "by_name": scope.actor_name,
            "requested_at": requested_at,
        },
    )
    found: UUID = connection.execute(
        text("select id from import_repair where request_key = :request_key"), {"request_key": request_key}
    ).scalar_one()
    return found


def repair_by_id(connection: Connection, repair_id: UUID, *, lock: bool = False) -> Repair:
    """Return a repair of an import in sight, its row locked if asked. Raises UnknownRepairError."""
    suffix = " for update of r" if lock else ""
    row = connection.execute(text(_REPAIR + " where r.id = :id" + suffix), {"id": repair_id}).first()
    if row is None:
        raise UnknownRepairError(repair_id)
    return _repair(row)


def corrected_cells(connection: Connection, repair_id: UUID) -> dict[Address, dict[str, str]]:
    """Return the changed cells of each row of a repair that was made in the table."""
    found = connection.execute(
        text("select cells from import_repair where id = :id"), {"id": repair_id}
    ).scalar_one()
    return {(sheet, int(row_no)): cells for sheet, row_no, cells in found or []}


def repairs_of_import(
    connection: Connection, import_id: UUID, *, limit: int, offset: int = 0
) -> list[Repair]:
    """Return an import's repairs, the newest first."""
    rows = connection.execute(
        text(
            _REPAIR + " where r.import_id = :import_id order by r.requested_at desc, r.id limit :limit"
            " offset :offset"
        ),
        {"import_id": import_id, "limit": limit, "offset": offset},
    )
    return [_repair(row) for row in rows]


def count_repairs_of_import(connection: Connection, import_id: UUID) -> int:
    """Return how many repairs an import had."""
    return int(
        connection.execute(
            text(
                "select count(*) from import_repair r join file_import i on i.id = r.import_id"
                " where r.import_id = :import_id"
            ),
            {"import_id": import_id},
        ).scalar_one()
    )


def unfinished_repairs(connection: Connection) -> list[Repair]:
    """Return the queued and running repairs, oldest first."""
    rows = connection.execute(
        text(_REPAIR + " where r.state in ('queued', 'running') order by r.requested_at")
    )
    return [_repair(row) for row in rows]


def move_repair(connection: Connection, found: Repair, state: RepairState, **changes: Any) -> None:
    """Move a repair, whose row the caller has locked, to a state, with other columns changed along.

    Raises RepairStateError where no such move exists.
    """
    if state not in REPAIR_MOVES[found.state]:
        raise RepairStateError(found.state, state)
    values = {
        "runs": found.runs,
        "rows": None,
        "accepted": None,
        "duplicates": None,
        "still_bad": None,
        "refusal": None,
        "finished_at": None,
        **changes,
    }
    connection.execute(
        text(
            "update import_repair set state = :state, runs = :runs, rows = :rows, accepted = :accepted,"
            " duplicates = :duplicates, still_bad = :still_bad, refusal = :refusal, finished_at = :finished_at"
            " where id = :id"
        ),
        {"id": found.id, "state": state.value, **values},
    )


_CORRECTION = (
    "select c.sheet, c.row_no, c.before, c.after, r.requested_by_name, r.requested_at from row_correction c"
    " join import_repair r on r.id = c.repair_id join file_import i on i.id = c.import_id"
)


def corrections_of_repair(
    connection: Connection, repair_id: UUID, *, limit: int, offset: int = 0
) -> list[RowCorrection]:
    """Return which cells a repair changed, in the file's order."""
    rows = connection.execute(
        text(_CORRECTION + " where c.repair_id = :id order by c.sheet, c.row_no limit :limit offset :offset"),
        {"id": repair_id, "limit": limit, "offset": offset},
    )
    return [RowCorrection(*row) for row in rows]


def corrections_of_row(
    connection: Connection, import_id: UUID, sheet: str, row_no: int, *, limit: int = 20
) -> list[RowCorrection]:
    """Return what people changed in a row, the latest first."""
    rows = connection.execute(
        text(
            _CORRECTION + " where c.import_id = :import_id and c.sheet = :sheet and c.row_no = :row_no"
            " order by c.id desc limit :limit"
        ),
        {"import_id": import_id, "sheet": sheet, "row_no": row_no, "limit": limit},
    )
    return [RowCorrection(*row) for row in rows]


def count_corrections(connection: Connection, repair_id: UUID) -> int:
    """Return how many rows a repair changed."""
    return int(
        connection.execute(
            text("select count(*) from row_correction where repair_id = :id"), {"id": repair_id}
        ).scalar_one()
    )


_ROWS = (
    "select sheet, row_no, reasons, body, cells, repair_id is not null as is_repaired from quarantined_row"
)


def _put_aside(row: Row[Any]) -> RowPutAside:
    return RowPutAside(row.sheet, int(row.row_no), list(row.reasons), row.body, row.cells, row.is_repaired)


def rows_put_aside(
    connection: Connection, import_id: UUID, *, reason: str = "", limit: int, offset: int = 0
) -> list[RowPutAside]:
    """Return rows that are still out of an import, in the file's order; '' finds those of every reason."""
    rows = connection.execute(
        text(
            _ROWS + " where import_id = :import_id and repair_id is null"
            " and (:reason = '' or :reason = any(reasons)) order by sheet, row_no limit :limit offset :offset"
        ),
        {"import_id": import_id, "reason": reason, "limit": limit, "offset": offset},
    )
    return [_put_aside(row) for row in rows]


def addresses_put_aside(connection: Connection, import_id: UUID) -> list[Address]:
    """Return where every row stands that is still out of an import, in the file's order."""
    rows = connection.execute(
        text(
            "select sheet, row_no from quarantined_row where import_id = :import_id and repair_id is null"
            " order by sheet, row_no"
        ),
        {"import_id": import_id},
    )
    return [(row.sheet, int(row.row_no)) for row in rows]


def all_rows_put_aside(connection: Connection, import_id: UUID) -> Iterator[RowPutAside]:
    """Yield every row that is still out of an import in the file's order, streamed."""
    rows = connection.execute(
        text(_ROWS + " where import_id = :import_id and repair_id is null order by sheet, row_no"),
        {"import_id": import_id},
        # Of this statement alone: set on the connection, they would stay for all that follow.
        execution_options={"stream_results": True, "yield_per": 10_000},
    )
    for row in rows:
        yield _put_aside(row)


def rows_at(
    connection: Connection, import_id: UUID, addresses: Iterable[Address]
) -> dict[Address, RowPutAside]:
    """Return those of the rows that were ever put aside by the import, repaired ones included."""
    wanted = list(addresses)
    rows = connection.execute(
        text(
            _ROWS
            + " join unnest(cast(:sheets as text[]), cast(:numbers as bigint[])) as w (of_sheet, of_row)"
            " on w.of_sheet = sheet and w.of_row = row_no where import_id = :import_id"
        ),
        {
            "import_id": import_id,
            "sheets": [sheet for sheet, _row_no in wanted],
            "numbers": [row_no for _sheet, row_no in wanted],
        },
    )
    return {(one.sheet, one.row_no): one for one in map(_put_aside, rows)}


def sheets_with_rows_put_aside(connection: Connection, import_id: UUID) -> list[str]:
    """Return the sheets of which the import ever put rows aside."""
    rows = connection.execute(
        text("select distinct sheet from quarantined_row where import_id = :import_id order by sheet"),
        {"import_id": import_id},
    )
    return list(rows.scalars())


def import_id_of_number(connection: Connection, number: int) -> UUID | None:
    """Return the id of the import that people know by this number; None where none is in sight."""
    found: UUID | None = connection.execute(
        text("select id from file_import where number = :number"), {"number": number}
    ).scalar_one_or_none()
    return found


def fill_staging(
    connection: Connection, staging: Staging, columns: DatasetColumns, parts: Sequence[Path]
) -> None:
    """COPY the part files into staging inside the caller's transaction: nobody else ever sees the tables."""
    names = sql.SQL(", ").join(
        sql.Identifier(name) for name in ("row_no", "sheet", *columns.names, "unreadable")
    )
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(
        sql.Identifier(*staging.table.split(".")), names
    )
    for part in parts:
        with (
            driver_connection(connection).cursor() as cursor,
            cursor.copy(statement) as copy,
            part.open("rb") as file,
        ):
            while chunk := file.read(_CHUNK_BYTES):
                copy.write(chunk)


def address_rows(connection: Connection, staging: Staging, import_id: UUID) -> int:
    """Give every staged row the sheet and the number that it has in the import's own file; return how many."""
    addressed = connection.execute(
        staging.sql(
            f"update {{staging}} s set row_no = q.row_no, sheet = nullif(q.sheet, '') from quarantined_row q"  # noqa: S608 names from above
            f" where q.import_id = :import_id and q.row_no = s.{ROW_COLUMN}"
            f" and q.sheet = coalesce(s.{SHEET_COLUMN}, q.sheet)"
        ),
        {"import_id": import_id},
    ).rowcount
    for column in (ROW_COLUMN, SHEET_COLUMN):
        connection.execute(staging.sql(f"alter table {{staging}} drop column {column}"))
    connection.execute(staging.sql("analyze {staging}"))
    return addressed


def drop_apostrophes(
    connection: Connection, staging: Staging, import_id: UUID, text_columns: Sequence[str]
) -> None:
    """Take the apostrophe away that an export puts before what looks like a formula, where the row had none."""
    for column in text_columns:
        name = driver_connection(connection)
        quoted = sql.Identifier(column).as_string(name)
        connection.execute(
            staging.sql(
                f"update {{staging}} s set {quoted} = substr(s.{quoted}, 2) from quarantined_row q"  # noqa: S608 a quoted identifier of a registered dataset
                " where q.import_id = :import_id and q.row_no = s.row_no and q.sheet = coalesce(s.sheet, '')"
                f" and left(s.{quoted}, 1) = '''' and q.body ->> cast(:column as text) = substr(s.{quoted}, 2)"
            ),
            {"import_id": import_id, "column": column},
        )


def drop_repaired_rows(connection: Connection, staging: Staging, import_id: UUID) -> int:
    """Take rows out of staging that another repair has brought in already, and return how many."""
    return connection.execute(
        staging.sql(
            "delete from {staging} s using quarantined_row q where q.import_id = :import_id"
            " and q.row_no = s.row_no and q.sheet = coalesce(s.sheet, '') and q.repair_id is not null"
        ),
        {"import_id": import_id},
    ).rowcount


def settle_quarantine(connection: Connection, staging: Staging, import_id: UUID, repair_id: UUID) -> None:
    """Let the staged rows without a reason out of quarantine, and say anew what is wrong with the others."""
    connection.execute(
        staging.sql(
            "update quarantined_row q set repair_id = :repair_id from {staging} s"
            " where q.import_id = :import_id and q.row_no = s.row_no and q.sheet = coalesce(s.sheet, '')"
            " and not exists (select from {bad} b where b.row_no = s.row_no and b.sheet is not distinct from s.sheet)"
        ),
        {"import_id": import_id, "repair_id": repair_id},
    )
    connection.execute(
        staging.sql(
            "update quarantined_row q set reasons = b.reasons,"
            " body = jsonb_strip_nulls(to_jsonb(s) - 'row_no' - 'sheet' - 'unreadable')"
            " || coalesce(s.unreadable, '{}'::jsonb)"
            " from {staging} s join (select sheet, row_no, array_agg(distinct reason) as reasons"
            " from {bad}, unnest(reasons) as reason group by sheet, row_no) b"
            " on b.row_no = s.row_no and b.sheet is not distinct from s.sheet"
            " where q.import_id = :import_id and q.row_no = s.row_no and q.sheet = coalesce(s.sheet, '')"
        ),
        {"import_id": import_id},
    )


def keep_cells(
    connection: Connection, staging: Staging, import_id: UUID, cells: Mapping[Address, Mapping[str, str]]
) -> None:
    """Keep the cells of staged rows as they are now corrected."""
    for batch in _batches(list(cells.items())):
        connection.execute(
            staging.sql(
                "update quarantined_row q set cells = cast(c.cells as jsonb)"
                " from unnest(cast(:sheets as text[]), cast(:numbers as bigint[]), cast(:cells as text[]))"
                " as c (sheet, row_no, cells) join {staging} s on s.row_no = c.row_no and coalesce(s.sheet, '')"
                " = c.sheet where q.import_id = :import_id and q.sheet = c.sheet and q.row_no = c.row_no"
            ),
            {
                "import_id": import_id,
                "sheets": [address[0] for address, _cells in batch],
                "numbers": [address[1] for address, _cells in batch],
                "cells": [json.dumps(one) for _address, one in batch],
            },
        )


def insert_corrections(
    connection: Connection,
    staging: Staging,
    import_id: UUID,
    repair_id: UUID,
    changes: Mapping[Address, tuple[Mapping[str, str], Mapping[str, str]]],
) -> None:
    """Put on record how the staged rows' cells were changed: before and after, only those that differ."""
    for batch in _batches(list(changes.items())):
        connection.execute(
            staging.sql(
                "insert into row_correction (repair_id, import_id, sheet, row_no, before, after)"
                " select :repair_id, :import_id, c.sheet, c.row_no, cast(c.before as jsonb),"
                " cast(c.after as jsonb) from unnest(cast(:sheets as text[]), cast(:numbers as bigint[]),"
                " cast(:before as text[]), cast(:after as text[])) as c (sheet, row_no, before, after)"
                " join {staging} s on s.row_no = c.row_no and coalesce(s.sheet, '') = c.sheet"
                " order by c.sheet, c.row_no"
            ),
            {
                "repair_id": repair_id,
                "import_id": import_id,
                "sheets": [address[0] for address, _change in batch],
                "numbers": [address[1] for address, _change in batch],
                "before": [json.dumps(before) for _address, (before, _after) in batch],
                "after": [json.dumps(after) for _address, (_before, after) in batch],
            },
        )


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]


def count_put_aside(connection: Connection, import_id: UUID) -> int:
    """Return how many rows are still out of an import."""
    return int(
        connection.execute(
            text("select count(*) from quarantined_row where import_id = :id and repair_id is null"),
            {"id": import_id},
        ).scalar_one()
    )


def count_reasons_of_import(connection: Connection, import_id: UUID) -> dict[str, int]:
    """Return how many rows that are still out each reason is held against, most first."""
    rows = connection.execute(
        text(
            "select reason, count(*) as row_count from quarantined_row, unnest(reasons) as reason"
            " where import_id = :id and repair_id is null group by reason order by row_count desc, reason"
        ),
        {"id": import_id},
    )
    return {row.reason: int(row.row_count) for row in rows}
