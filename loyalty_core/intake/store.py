"""Every query of intake."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import DBAPIError

from loyalty_core.intake.dataset import Staging
from loyalty_core.intake.models import TWO_PEOPLE_DATASETS, file_import
from loyalty_core.intake.states import MOVES, ImportMode, ImportState, Phase, WaitsFor
from loyalty_core.kernel import NotFoundError, Scope, Sort, Sorts, StateError, _, payload_hash, rights_of


class UnknownImportError(NotFoundError):
    """No such import lies in the asker's scope."""

    def __init__(self, import_id: object) -> None:
        super().__init__(_("There is no import {id} among those you see.").format(id=import_id))


class UnknownFileError(NotFoundError):
    """No such received file lies in the asker's scope."""

    def __init__(self, file_id: object) -> None:
        super().__init__(_("There is no file {id} among those you see.").format(id=file_id))


class ImportStateError(StateError):
    """The import is in a state from which this move does not exist."""

    def __init__(self, number: int, state: ImportState, wanted: ImportState) -> None:
        super().__init__(
            _("Import {number} is {state}; it can't become {wanted}.").format(
                number=number, state=state.value, wanted=wanted.value
            )
        )
        self.state = state
        self.wanted = wanted


OWNER = "owner"
"""The option of an import that says whose rows alone its file may bring; no person can set it."""


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file as it came in: its name and the hash under which its contents lie in the files folder."""

    id: UUID
    file_name: str
    sha256: str
    size_bytes: int
    received_by: UUID | None
    received_by_name: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class FileImport:
    """One import with its file's name and hash. Counts are None until they are known."""

    id: UUID
    number: int
    file_id: UUID
    file_name: str
    sha256: str
    size_bytes: int
    dataset: str
    source: str
    mapping: dict[str, Any]
    creates_missing: bool
    mode: ImportMode
    options: dict[str, Any]
    state: ImportState
    waits_for: WaitsFor | None
    phase: Phase | None
    phase_rows: int
    phase_started_at: datetime | None
    rows_expected: int | None
    runs: int
    rows: int | None
    accepted: int | None
    quarantined: int | None
    duplicates: int | None
    changed: int | None
    reading: dict[str, Any] | None
    net_minor: dict[str, int] | None
    reasons: dict[str, int] | None
    checks: dict[str, Any] | None
    refusal: str | None
    seconds: Decimal | None
    requested_by: UUID | None
    requested_by_name: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    decided_by: UUID | None
    decided_by_name: str | None
    decided_at: datetime | None
    decision_reason: str | None
    cancel_asked_at: datetime | None
    cancel_asked_by_name: str | None

    @property
    def is_for_owner(self) -> bool:
        """Whether the file brings nothing but what is its bringer's own: see `queue_import`."""
        return OWNER in self.options

    @property
    def needs_second_person(self) -> bool:
        """Whether it changes companies or participants that are there: then whoever brought it lets it not through."""
        return self.mode is ImportMode.UPDATE and self.dataset in TWO_PEOPLE_DATASETS and bool(self.changed)

    @property
    def payload_hash(self) -> str:
        """The hash of what a person is shown who decides about it, changes and failed checks included."""
        return payload_hash(
            {
                "id": self.id,
                "sha256": self.sha256,
                "dataset": self.dataset,
                "mapping": self.mapping,
                "mode": self.mode,
                "options": self.options,
                "creates_missing": self.creates_missing,
                "waits_for": self.waits_for,
                "rows": self.rows,
                "quarantined": self.quarantined,
                "duplicates": self.duplicates,
                "changed": self.changed,
                "reasons": self.reasons,
                "checks": self.checks,
                "reading": self.reading,
                "requested_by": self.requested_by,
            }
        )


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A row that was not accepted: where it stands, every reason, and what was understood of it."""

    sheet: str
    row_no: int
    reasons: list[str]
    body: dict[str, Any]


def insert_file(
    connection: Connection,
    scope: Scope,
    *,
    id: UUID,
    file_name: str,
    sha256: str,
    size_bytes: int,
    received_at: datetime,
) -> None:
    """Remember a received file."""
    connection.execute(
        text(
            "insert into received_file (id, file_name, sha256, size_bytes, received_by, received_by_name,"
            " received_at) values (:id, :file_name, :sha256, :size_bytes, :by, :by_name, :received_at)"
        ),
        {
            "id": id,
            "file_name": file_name,
            "sha256": sha256,
            "size_bytes": size_bytes,
            "by": scope.user_id,
            "by_name": scope.actor_name,
            "received_at": received_at,
        },
    )


def file_by_id(connection: Connection, file_id: UUID) -> ReceivedFile:
    """Return a received file of the scope. Raises UnknownFileError."""
    row = connection.execute(
        text(
            "select id, file_name, sha256, size_bytes, received_by, received_by_name, received_at"
            " from received_file where id = :id"
        ),
        {"id": file_id},
    ).first()
    if row is None:
        raise UnknownFileError(file_id)
    return ReceivedFile(*row)


_IMPORT_COLUMNS = (
    "select i.id, i.number, i.file_id, f.file_name, f.sha256, f.size_bytes, i.dataset, i.source, i.mapping,"
    " i.creates_missing, i.mode, i.options, i.state, i.waits_for, i.phase, i.phase_rows, i.phase_started_at,"
    " i.rows_expected, i.runs,"
    " i.rows, i.accepted, i.quarantined, i.duplicates, i.changed, i.reading, i.net_minor, i.reasons, i.checks,"
    " i.refusal, i.seconds, i.requested_by,"
    " i.requested_by_name, i.requested_at, i.started_at, i.finished_at, i.decided_by, i.decided_by_name, i.decided_at,"
    " i.decision_reason, i.cancel_asked_at, i.cancel_asked_by_name"
)
_IMPORT = _IMPORT_COLUMNS + " from file_import i join received_file f on f.id = i.file_id"


def _import(row: Row[Any]) -> FileImport:
    values = dict(row._mapping)
    values["state"] = ImportState(values["state"])
    values["mode"] = ImportMode(values["mode"])
    values["waits_for"] = WaitsFor(values["waits_for"]) if values["waits_for"] else None
    values["phase"] = Phase(values["phase"]) if values["phase"] else None
    if values["reasons"]:
        # jsonb keeps an order of its own; people want the most first.
        values["reasons"] = dict(sorted(values["reasons"].items(), key=lambda item: (-item[1], item[0])))
    return FileImport(**values)


def insert_import(
    connection: Connection,
    scope: Scope,
    *,
    id: UUID,
    file_id: UUID,
    dataset: str,
    source: str,
    mapping: dict[str, Any],
    creates_missing: bool,
    request_key: UUID,
    requested_at: datetime,
    mode: ImportMode = ImportMode.ADD,
    options: Mapping[str, Any] | None = None,
) -> UUID:
    """Queue an import and return its id; with a request key that was used before, the id of that one."""
    connection.execute(
        text(
            "insert into file_import (id, file_id, dataset, source, mapping, creates_missing, mode, options, state,"
            " requested_by, requested_by_name, requested_at, request_key) values (:id, :file_id, :dataset,"
            " :source, cast(:mapping as jsonb), :creates_missing, :mode, cast(:options as jsonb), 'queued', :by,"
            " :by_name, :requested_at,"
            " :request_key) on conflict (request_key) do nothing"
        ),
        {
            "id": id,
            "file_id": file_id,
            "dataset": dataset,
            "source": source,
            "mapping": json.dumps(mapping),
            "creates_missing": creates_missing,
            "mode": mode.value,
            "options": json.dumps(dict(options or {})),
            "by": scope.user_id,
            "by_name": scope.actor_name,
            "requested_at": requested_at,
            "request_key": request_key,
        },
    )
    found: UUID = connection.execute(
        text("select id from file_import where request_key = :request_key"), {"request_key": request_key}
    ).scalar_one()
    return found


def lock_import_soon(
    connection: Connection, import_id: UUID, *, milliseconds: int = 1500
) -> FileImport | None:
    """Return an import of the scope with its row locked; None where somebody holds it longer than that.

    After None the transaction can only be rolled back. Raises UnknownImportError.
    """
    connection.execute(
        text("select set_config('lock_timeout', :timeout, true)"), {"timeout": f"{milliseconds}ms"}
    )
    try:
        return import_by_id(connection, import_id, lock=True)
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.LockNotAvailable):
            return None
        raise


def import_by_id(connection: Connection, import_id: UUID, *, lock: bool = False) -> FileImport:
    """Return an import of the scope, with its row locked if asked. Raises UnknownImportError."""
    suffix = " for update of i" if lock else ""
    row = connection.execute(text(_IMPORT + " where i.id = :id" + suffix), {"id": import_id}).first()
    if row is None:
        raise UnknownImportError(import_id)
    return _import(row)


_FOUND = (
    " from file_import i join received_file f on f.id = i.file_id"
    " where (:words = '' or position(folded(:words) in folded(f.file_name || ' ' || i.requested_by_name)) > 0"
    " or f.sha256 like lower(:words) || '%' or cast(i.number as text) = :words)"
    " and (:state = '' or i.state = :state) and (:dataset = '' or i.dataset = :dataset)"
    " and (:source = '' or i.source = :source) and (:who = '' or i.requested_by_name = :who)"
)


_IMPORT_SORTS = Sorts(
    {
        "number": "i.number",
        "file": "folded(f.file_name)",
        "state": "i.state",
        "dataset": "i.dataset",
        "who": "folded(i.requested_by_name)",
        "when": "i.requested_at",
    },
    default="i.requested_at desc, i.number desc",
)


def find_imports(
    connection: Connection,
    *,
    words: str = "",
    state: str = "",
    dataset: str = "",
    source: str = "",
    who: str = "",
    sort: Sort | None = None,
    limit: int,
    offset: int = 0,
) -> list[FileImport]:
    """Return imports of the scope, those that came in last first; '' finds all.

    `words` are found in the file's name and the requester's, and are the import's number or the beginning of the
    file's hash; the others are exact. `sort` is by number, file, state, dataset, who or when.
    """
    filters = {"words": words.strip(), "state": state, "dataset": dataset, "source": source, "who": who}
    order_by = _IMPORT_SORTS.order_by(sort)
    rows = connection.execute(
        text(_IMPORT_COLUMNS + _FOUND + f"{order_by} limit :limit offset :offset"),
        {**filters, "limit": limit, "offset": offset},
    )
    return [_import(row) for row in rows]


_PUT_ASIDE = (
    " from file_import i join received_file f on f.id = i.file_id"
    " where i.state = 'accepted' and i.quarantined > 0"
)
_PUT_ASIDE_SORTS = Sorts({**_IMPORT_SORTS.columns, "rows": "i.quarantined"}, default="i.number desc")


def imports_with_rows_put_aside(
    connection: Connection, *, sort: Sort | None = None, limit: int, offset: int = 0
) -> list[FileImport]:
    """Return accepted imports of the scope that some rows are still out of, the newest first.

    `sort` is by what `find_imports` takes, or by rows: how many are out.
    """
    order_by = _PUT_ASIDE_SORTS.order_by(sort)
    rows = connection.execute(
        text(_IMPORT_COLUMNS + _PUT_ASIDE + f"{order_by} limit :limit offset :offset"),
        {"limit": limit, "offset": offset},
    )
    return [_import(row) for row in rows]


def count_imports_with_rows_put_aside(connection: Connection) -> int:
    """Return how many imports `imports_with_rows_put_aside` would return in all."""
    return int(connection.execute(text("select count(*)" + _PUT_ASIDE)).scalar_one())


def count_imports(
    connection: Connection,
    *,
    words: str = "",
    state: str = "",
    dataset: str = "",
    source: str = "",
    who: str = "",
) -> int:
    """Return how many imports `find_imports` would find in all."""
    filters = {"words": words.strip(), "state": state, "dataset": dataset, "source": source, "who": who}
    return int(
        connection.execute(
            text("select count(*)" + _FOUND),
            filters,
        ).scalar_one()
    )


@dataclass(frozen=True, slots=True)
class ImportChoices:
    """What the imports of the scope can be told apart by, each in order."""

    datasets: list[str]
    sources: list[str]
    people: list[str]


def import_choices(connection: Connection) -> ImportChoices:
    """Return the datasets, sources and requesters of the imports there are."""
    row = connection.execute(
        text(
            "select coalesce(array_agg(distinct dataset), '{}'), coalesce(array_agg(distinct source), '{}'),"
            " coalesce(array_agg(distinct requested_by_name), '{}') from file_import"
        )
    ).one()
    return ImportChoices(*(sorted(values) for values in row))


def usual_seconds_a_row(connection: Connection, dataset: str, limit: int) -> float | None:
    """Return the median time that a row of the dataset's last accepted files took; None before there are any.

    Files of fewer than a thousand rows tell nothing: theirs is the time that any file takes.
    """
    found: float | None = connection.execute(
        text(
            "select percentile_cont(0.5) within group (order by seconds / rows) from (select seconds, rows"
            " from file_import where dataset = :dataset and state = 'accepted' and rows >= 1000 and seconds > 0"
            " order by finished_at desc limit :limit) i"
        ),
        {"dataset": dataset, "limit": limit},
    ).scalar_one()
    return found


@dataclass(frozen=True, slots=True)
class ImportsInState:
    """How many imports are in a state, and since when the oldest of them has been asked for."""

    count: int
    oldest_requested_at: datetime


def imports_by_state(connection: Connection) -> dict[ImportState, ImportsInState]:
    """Return how many imports of the scope are in each state; a state without any is left out."""
    rows = connection.execute(
        text("select state, count(*), min(requested_at) from file_import group by state")
    )
    return {ImportState(state): ImportsInState(count, oldest) for state, count, oldest in rows}


@dataclass(frozen=True, slots=True)
class AcceptedLines:
    """How many lines were accepted, and when the first of their imports ended."""

    lines: int
    first_finished_at: datetime


def accepted_since(connection: Connection, moment: datetime | None) -> AcceptedLines | None:
    """Return the sales lines accepted after the moment (None: ever); None when there are none."""
    row = connection.execute(
        text(
            "select coalesce(sum(accepted), 0), min(finished_at) from file_import where dataset = 'sales'"
            " and state = 'accepted' and accepted > 0"
            " and (cast(:moment as timestamptz) is null or finished_at > :moment)"
        ),
        {"moment": moment},
    ).one()
    return AcceptedLines(int(row[0]), row[1]) if row[1] is not None else None


def unfinished_imports(connection: Connection) -> list[FileImport]:
    """Return the queued and running imports, oldest first."""
    rows = connection.execute(
        text(_IMPORT + " where i.state in ('queued', 'running') order by i.requested_at")
    )
    return [_import(row) for row in rows]


def earlier_imports_of_source(
    connection: Connection, source: str, before: UUID, limit: int
) -> list[FileImport]:
    """Return the last accepted imports of the source, newest first, but for `before`."""
    rows = connection.execute(
        text(
            _IMPORT + " where i.source = :source and i.state = 'accepted' and i.id <> :before"
            " order by i.finished_at desc limit :limit"
        ),
        {"source": source, "before": before, "limit": limit},
    )
    return [_import(row) for row in rows]


def move_import(connection: Connection, found: FileImport, state: ImportState, **changes: Any) -> None:
    """Move an import, whose row the caller has locked, to a state, with other columns changed along.

    Raises ImportStateError where no such move exists.
    """
    if state not in MOVES[found.state]:
        raise ImportStateError(found.number, found.state, state)
    update_import(connection, found.id, **{"state": state.value, "waits_for": None, **changes})


_JSON_COLUMNS = frozenset({"reading", "reasons", "checks", "net_minor"})
_CHANGING_COLUMNS = frozenset(rights_of(file_import).updates)


def update_import(connection: Connection, import_id: UUID, **changes: Any) -> None:
    """Change columns of an import that may change. The state goes through `move_import`."""
    assert changes.keys() <= _CHANGING_COLUMNS
    assignments = ", ".join(
        f"{name} = cast(:{name} as jsonb)" if name in _JSON_COLUMNS else f"{name} = :{name}"
        for name in changes
    )
    values = {
        name: json.dumps(value) if name in _JSON_COLUMNS and value is not None else value
        for name, value in changes.items()
    }
    connection.execute(
        text(f"update file_import set {assignments} where id = :id"),  # noqa: S608 names from the set above
        {"id": import_id, **values},
    )


@dataclass(frozen=True, slots=True)
class ImportChange:
    """One field of one record that an import would change, or changed; `field` is None where all of it is new."""

    sheet: str
    row_no: int
    record: str
    field: str | None
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class ChangeSummary:
    """What an import would change, or changed: rows that change something, new records, changes by field.

    `hash` stands for every single one of them.
    """

    changing_rows: int
    additions: int
    by_field: dict[str, int]
    hash: str


def drop_changes(connection: Connection, import_id: UUID) -> None:
    """Forget what the import would change, before it is listed anew."""
    connection.execute(text("delete from import_change where import_id = :id"), {"id": import_id})


def sum_up_changes(connection: Connection, import_id: UUID) -> ChangeSummary:
    """Count the changes that are listed for an import, and take their hash."""
    row = connection.execute(
        text(
            "select count(distinct (sheet, row_no)) filter (where field is not null) as changing_rows,"
            " count(*) filter (where field is null) as additions,"
            " encode(sha256(convert_to(coalesce(string_agg(md5(jsonb_build_array(sheet, row_no, record, field,"
            " before, after)::text), '' order by sheet, row_no, record, field, before, after), ''), 'UTF8')), 'hex')"
            " as hash from import_change where import_id = :id"
        ),
        {"id": import_id},
    ).one()
    by_field = connection.execute(
        text(
            "select field, count(*) as n from import_change where import_id = :id and field is not null"
            " group by field order by n desc, field"
        ),
        {"id": import_id},
    )
    return ChangeSummary(
        int(row.changing_rows), int(row.additions), {field: int(n) for field, n in by_field}, row.hash
    )


NEW_RECORDS = "*new*"
"""Stands for new records where changes are chosen by field."""

_CHANGES_FOUND = (
    " from import_change where import_id = :id and (:field = '' or field = :field"
    " or (:field = '*new*' and field is null))"
    " and (:words = '' or position(folded(:words) in folded(record)) > 0)"
)


def find_changes(
    connection: Connection, import_id: UUID, *, field: str = "", words: str = "", limit: int, offset: int = 0
) -> list[ImportChange]:
    """Return changes of an import in the file's order; '' finds those of every field, NEW_RECORDS what is new.

    `words` are found in what is changed, as people know it.
    """
    rows = connection.execute(
        text(
            "select sheet, row_no, record, field, before, after"
            + _CHANGES_FOUND
            + " order by sheet, row_no, record, field limit :limit offset :offset"
        ),
        {"id": import_id, "field": field, "words": words.strip(), "limit": limit, "offset": offset},
    )
    return [ImportChange(*row) for row in rows]


def count_changes(connection: Connection, import_id: UUID, *, field: str = "", words: str = "") -> int:
    """Return how many changes `find_changes` would find in all."""
    return int(
        connection.execute(
            text("select count(*)" + _CHANGES_FOUND),
            {"id": import_id, "field": field, "words": words.strip()},
        ).scalar_one()
    )


def lock_source(connection: Connection, source: str) -> None:
    """Let one import of a source at a time accept its rows."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('laurel.source:' || :source, 0))"),
        {"source": source},
    )


def count_staged(connection: Connection, staging: Staging) -> tuple[int, int]:
    """Return how many rows are staged, and how many of them have a reason against them."""
    row = connection.execute(
        staging.sql(
            "select (select count(*) from {staging}),"
            " (select count(*) from (select distinct sheet, row_no from {bad}) b)"
        )
    ).one()
    return int(row[0]), int(row[1])


def count_reasons(connection: Connection, staging: Staging) -> dict[str, int]:
    """Return how many rows each reason is held against, most first."""
    rows = connection.execute(
        staging.sql(
            "select reason, count(distinct (coalesce(sheet, ''), row_no)) as row_count"
            " from {bad}, unnest(reasons) as reason group by reason order by row_count desc, reason"
        )
    )
    return {row.reason: int(row.row_count) for row in rows}


def replace_quarantine(connection: Connection, staging: Staging) -> None:
    """Write the import's bad rows to quarantine, in place of what an earlier judgement put there."""
    connection.execute(
        text("delete from quarantined_row where import_id = :import_id"), {"import_id": staging.import_id}
    )
    # The bad rows first, by a query that builds its hash of their numbers: joined with the grouped reasons at once,
    # PostgreSQL builds one of every staged row. A loop within a loop would only come of its taking them for few.
    connection.execute(text("set local enable_nestloop = off"))
    connection.execute(
        staging.sql(
            "with taken as materialized (select s.* from {staging} s where exists (select from {bad} b"
            " where b.row_no = s.row_no and b.sheet is not distinct from s.sheet))"
            " insert into quarantined_row (import_id, sheet, row_no, reasons, body)"
            " select :import_id, coalesce(s.sheet, ''), s.row_no, b.reasons,"
            " jsonb_strip_nulls(to_jsonb(s) - 'row_no' - 'sheet' - 'unreadable')"
            " || coalesce(s.unreadable, '{}'::jsonb)"
            " from taken s join (select sheet, row_no, array_agg(distinct reason) as reasons"
            " from {bad}, unnest(reasons) as reason group by sheet, row_no) b"
            " on b.row_no = s.row_no and b.sheet is not distinct from s.sheet order by s.row_no"
        ),
        {"import_id": staging.import_id},
    )
    connection.execute(text("set local enable_nestloop = on"))


def quarantined_rows(
    connection: Connection, import_id: UUID, *, reason: str = "", limit: int, offset: int = 0
) -> list[QuarantinedRow]:
    """Return rows that are still out of an import, in the file's order; '' finds those of every reason."""
    rows = connection.execute(
        text(
            "select sheet, row_no, reasons, body from quarantined_row where import_id = :import_id"
            " and repair_id is null and (:reason = '' or :reason = any(reasons))"
            " order by sheet, row_no limit :limit offset :offset"
        ),
        {"import_id": import_id, "reason": reason, "limit": limit, "offset": offset},
    )
    return [QuarantinedRow(*row) for row in rows]
