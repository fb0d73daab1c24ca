"""What participants may know of the files of claims that they brought: where each is, and what came of its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core import intake
from loyalty_core.intake import OWNER, ImportState, Phase, ReceivedFile
from loyalty_core.kernel import Database, Scope, Settings, _, now
from loyalty_core.verification.dataset import reason_text
from loyalty_core.verification.states import ClaimState
from loyalty_core.verification.store import ClaimsProgramme

# A programme that ended longer ago is none that a file of today is asked about.
_ASKED_ABOUT = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class OwnFile:
    """What a participant may know of a file that they brought. Counts are of rows, None until they are known.

    `claims` became claims, `repeated` were there already, `not_taken` are still out.
    """

    import_id: UUID
    file_name: str
    state: ImportState
    phase: Phase | None
    is_cancel_asked: bool
    rows: int | None
    claims: int | None
    repeated: int | None
    not_taken: int | None
    refusal: str | None
    brought_at: datetime


@dataclass(frozen=True, slots=True)
class RowNotTaken:
    """A row of a participant's file that is no claim: where it stands, what it says, and why, in words."""

    sheet: str
    row_no: int
    invoice_no: str
    product_code: str
    why: str


def own_programmes(connection: Connection, scope: Scope) -> list[ClaimsProgramme]:
    """Return the programmes in sight that have begun and give points for claims, by code."""
    return [one[0] for one in _periods(connection, scope)]


def programmes_to_choose_from(connection: Connection, scope: Scope) -> list[ClaimsProgramme]:
    """Return the programmes of which more than one gives points for claims of the same day; [] where that is clear.

    Those that ended more than a year ago are left out.
    """
    today = now().date()
    recent = [one for one in _periods(connection, scope) if one[2] >= today - _ASKED_ABOUT]
    return [
        one
        for one, first, last in recent
        if any(other.id != one.id and begins <= last and first <= ends for other, begins, ends in recent)
    ]


def _periods(connection: Connection, scope: Scope) -> list[tuple[ClaimsProgramme, date, date]]:
    rows = connection.execute(
        text(
            "select id, code, name, collects = 'participant', starts_on, ends_on from programme"
            " where earns_from = 'claims' and starts_on <= :today order by code"
        ),
        {"today": now().date()},
    )
    return [(ClaimsProgramme(*row[:4]), row[4], row[5]) for row in rows if scope.sees_programme(row[0])]


def own_received_file(connection: Connection, scope: Scope, file_id: UUID) -> ReceivedFile:
    """Return a file that the actor brought. Raises UnknownFileError, for those of others too."""
    file = intake.file_by_id(connection, file_id)
    if scope.user_id is None or file.received_by != scope.user_id:
        raise intake.UnknownFileError(file_id)
    return file


_OWN = (
    "select i.id, f.file_name, i.state, i.phase, i.cancel_asked_at is not null, i.rows, i.accepted, i.duplicates,"
    " case when i.state = 'accepted' then (select count(*) from quarantined_row q where q.import_id = i.id"
    " and q.repair_id is null) end, i.refusal, i.requested_at"
    " from file_import i join received_file f on f.id = i.file_id"
    " where i.requested_by = :user_id and i.dataset = 'claims' and i.options ? :owner"
)


def own_claims_files(
    connection: Connection, scope: Scope, *, limit: int, sha256: str | None = None
) -> list[OwnFile]:
    """Return the files of claims that the actor brought for themselves, the last first; of some contents, if named."""
    rows = connection.execute(
        text(
            _OWN
            + " and (cast(:sha256 as text) is null or f.sha256 = :sha256) order by i.number desc limit :limit"
        ),
        {"user_id": scope.user_id, "owner": OWNER, "sha256": sha256, "limit": limit},
    )
    return [_own_file(row) for row in rows]


def own_claims_file(connection: Connection, scope: Scope, import_id: UUID) -> OwnFile:
    """Return one of them. Raises UnknownImportError, for those of others too."""
    row = connection.execute(
        text(_OWN + " and i.id = :import_id"),
        {"user_id": scope.user_id, "owner": OWNER, "import_id": import_id},
    ).first()
    if row is None:
        raise intake.UnknownImportError(import_id)
    return _own_file(row)


def _own_file(row: Sequence[Any]) -> OwnFile:
    return OwnFile(row[0], row[1], ImportState(row[2]), Phase(row[3]) if row[3] else None, *row[4:])


def claims_of_own_file(connection: Connection, scope: Scope, import_id: UUID) -> dict[ClaimState, int]:
    """Return how many claims the actor's file brought, by where they stand now. Raises UnknownImportError."""
    own_claims_file(connection, scope, import_id)
    rows = connection.execute(
        text("select state, count(*) from claim where import_id = :import_id group by state order by state"),
        {"import_id": import_id},
    )
    return {ClaimState(state): count for state, count in rows}


def rows_not_taken(
    connection: Connection, scope: Scope, import_id: UUID, *, limit: int, offset: int = 0
) -> list[RowNotTaken]:
    """Return rows of the actor's file that are still out, in its order. Raises UnknownImportError."""
    own_claims_file(connection, scope, import_id)
    return [
        RowNotTaken(
            one.sheet,
            one.row_no,
            str(one.body.get("invoice_no") or ""),
            str(one.body.get("product_code") or ""),
            " ".join(own_reason_text(reason) for reason in one.reasons),
        )
        for one in intake.quarantined_rows(connection, import_id, limit=limit, offset=offset)
    ]


def write_rows_not_taken(
    database: Database, settings: Settings, scope: Scope, import_id: UUID, path: Path
) -> int:
    """Write the rows of the actor's file that are still out, as they stand there, with what is wrong; return how many.

    Raises UnknownImportError, and a FileRefusal when the original can't be read.
    """
    with database.snapshot(scope) as connection:
        own_claims_file(connection, scope, import_id)
        found = intake.import_by_id(connection, import_id)
    return intake.write_rejected_rows(database, settings, scope, found, path, reason_text=own_reason_text)


def own_reason_text(reason: str) -> str:
    """Say to who brought the file why a row was not taken and what to do about it."""
    texts = {
        "missing_invoice": _("The invoice number is missing."),
        "missing_product": _("The product is missing."),
        "missing_quantity": _("The quantity is missing."),
        "missing_date": _("The day of the sale is missing."),
        "unreadable_quantity": _("The quantity is not a number that can be read."),
        "unreadable_sold_on": _(
            "The day of the sale can't be read, or does not exist. Write it as in 2026-03-31."
        ),
        "names_other_company": _("The row names another company. You can claim for your own only."),
        "names_other_participant": _("The row names somebody else. You can claim for yourself only."),
        "unknown_programme": _("No programme of this name gives you points for claims."),
    }
    return texts.get(reason) or reason_text(reason)
