"""Files of claims that participants bring for themselves, and what they may know of them."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core import access, intake, participants
from loyalty_core.intake import (
    OWNER,
    ColumnMapping,
    ImportMode,
    ImportState,
    Phase,
    ReceivedFile,
    write_template,
)
from loyalty_core.kernel import STATEMENT_FAILED, Database, Refusal, Scope, Settings, _, new_id, now
from loyalty_core.participants import Participant, ParticipantState
from loyalty_core.verification.dataset import ClaimsDataset, reason_text
from loyalty_core.verification.entering import ClaimantNotActiveError
from loyalty_core.verification.own_rows import EXAMPLE_INVOICES, OWN_CLAIMS_COLUMNS, OWN_FILE_COLUMNS
from loyalty_core.verification.states import ClaimState
from loyalty_core.verification.store import ClaimsProgramme

LARGEST_OWN_FILE_BYTES = 10 * 1024 * 1024
"""How large a participant's own file may be."""

OWN_FILES_SOURCE = "participants' own files"
"""The name of the mapping, and so of the source, of all files that participants bring for themselves."""

_LONGEST_NAME = 255
# A programme that ended longer ago is none that a file of today is asked about.
_ASKED_ABOUT = timedelta(days=366)


class NotTakingPartError(Refusal):
    """The sign-in belongs to no participant."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "You don't take part with this sign-in. Ask your salesperson to tie it to you as a participant."
            )
        )


class OwnFileEmptyError(Refusal):
    """The file has no byte in it."""

    def __init__(self, file_name: str) -> None:
        super().__init__(
            _("“{file}” is empty. Save it again with your sales in it, and bring it then.").format(
                file=file_name
            )
        )


class OwnFileTooLargeError(Refusal):
    """The file is larger than a participant may bring."""

    def __init__(self, file_name: str, size_bytes: int) -> None:
        super().__init__(
            _("“{file}” is larger than {most} MB. Divide it into smaller files and bring these.").format(
                file=file_name, most=LARGEST_OWN_FILE_BYTES // (1024 * 1024)
            )
        )
        self.size_bytes = size_bytes


class OwnFileNameRefused(Refusal):
    """The file's name can't be kept."""

    def __init__(self) -> None:
        super().__init__(_("The file's name can't be read. Give it a short name and bring it again."))


class NoProgrammeEarnsError(Refusal):
    """No programme that the participant sees gives points for claims."""

    def __init__(self) -> None:
        super().__init__(
            _("No programme gives points for claims yet. Ask your salesperson which one you take part in.")
        )


class ProgrammeNotOfferedError(Refusal):
    """The chosen programme gives no points for claims, or is out of sight."""

    def __init__(self, code: str) -> None:
        super().__init__(
            _("The programme “{code}” gives no points for claims. Choose another.").format(code=code)
        )
        self.code = code


class OwnFileUnderWayError(Refusal):
    """An earlier file of the same person is still being taken in."""

    def __init__(self, file_name: str) -> None:
        super().__init__(
            _(
                "Your file “{file}” is still being taken in. Wait until it is done, then bring the next."
            ).format(file=file_name)
        )
        self.file_name = file_name


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


class _OwnClaims(ClaimsDataset):
    """Claims as a participant writes them into a file: nothing that the sign-in says already."""

    columns = OWN_CLAIMS_COLUMNS
    example_rows: Sequence[Mapping[str, str]] = tuple(
        {
            "invoice_no": invoice,
            "product_code": "KETTLE-2L",
            "quantity": str(12 * place),
            "sold_on": "2026-03-14",
            "programme_code": "",
        }
        for place, invoice in enumerate(EXAMPLE_INVOICES, start=1)
    )


def write_own_claims_template(path: Path, title: Callable[[str], str] = str) -> None:
    """Write the template for participants: without columns for a company or participant, and with two examples.

    `title` says what people call a column, as in `intake.write_template`.
    """
    write_template(path, _OwnClaims(), title)


def receive_own_claims_file(
    database: Database, settings: Settings, scope: Scope, *, file_name: str, data: bytes
) -> UUID:
    """Keep a file that a participant brings and return its id. Nothing of it is read or counts yet.

    Raises NotAllowedError, NotTakingPartError, ClaimantNotActiveError, OwnFileNameRefused, OwnFileEmptyError,
    OwnFileTooLargeError, NoSpaceLeftError.
    """
    name = file_name.replace("\\", "/").rsplit("/", 1)[-1].strip()
    if not name or name in (".", "..") or len(name) > _LONGEST_NAME or not name.isprintable():
        raise OwnFileNameRefused
    if not data:
        raise OwnFileEmptyError(name)
    if len(data) > LARGEST_OWN_FILE_BYTES:
        raise OwnFileTooLargeError(name, len(data))
    with database.snapshot(scope) as connection:
        _claimant(connection, scope)
    incoming = settings.private_folder("files/incoming") / f"{new_id().hex}.part"
    try:
        with os.fdopen(os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return intake.receive_upload(
            database,
            settings,
            scope,
            file_name=name,
            stored=incoming,
            sha256=_sha256(data),
            size_bytes=len(data),
        )
    except (OSError, STATEMENT_FAILED) as error:
        if intake.is_out_of_space(error):
            raise intake.NoSpaceLeftError(name) from error
        raise
    finally:
        incoming.unlink(missing_ok=True)


def start_own_claims_file(
    database: Database,
    scope: Scope,
    *,
    file_id: UUID,
    mapping: ColumnMapping,
    programme_code: str | None,
    sheets: Sequence[str] = (),
    request_key: UUID,
    defers: bool = True,
) -> UUID:
    """Have the rows of a participant's own file made claims of theirs, and return the import's id.

    Whose they are is what the sign-in says; a row that names somebody else is not taken. `mapping` may fill
    OWN_FILE_COLUMNS. `programme_code` is for rows that name no programme, None for the only one of their day. The same
    `request_key` again returns the same import; otherwise one file of a person is taken in at a time. `defers` as in
    `intake.start_import`. Raises NotAllowedError, NotTakingPartError, ClaimantNotActiveError, NoProgrammeEarnsError,
    ProgrammeNotOfferedError, OwnFileUnderWayError, MappingIncompleteError, ImportOptionsError, UnknownFileError,
    RequestKeyReusedError.
    """
    mapping.check_against(OWN_FILE_COLUMNS)
    mapping = mapping.model_copy(update={"name": OWN_FILES_SOURCE})
    options = intake.checked_options({"sheets": list(sheets)})
    with database.transaction(scope) as connection:
        claimant = _claimant(connection, scope)
        file = own_received_file(connection, scope, file_id)
        offered = own_programmes(connection, scope)
        if not offered:
            raise NoProgrammeEarnsError
        if programme_code is not None and programme_code not in {one.code for one in offered}:
            raise ProgrammeNotOfferedError(programme_code)
        _one_at_a_time(connection, scope)
        _check_no_other_under_way(connection, scope, request_key)
        return intake.queue_import(
            connection,
            scope,
            file=file,
            mapping=mapping,
            creates_missing=False,
            request_key=request_key,
            defers=defers,
            mode=ImportMode.ADD,
            options={**options, OWNER: {"participant": str(claimant.id), "programme": programme_code}},
        )


def _claimant(connection: Connection, scope: Scope) -> Participant:
    """Return who the actor takes part as. Raises NotAllowedError, NotTakingPartError, ClaimantNotActiveError."""
    access.check_permission(connection, scope, access.Permission.UPLOAD_OWN_CLAIMS)
    own = participants.participant_of_user(connection, scope.user_id) if scope.user_id is not None else None
    if own is None:
        raise NotTakingPartError
    if own.state is not ParticipantState.ACTIVE:
        raise ClaimantNotActiveError(own)
    return own


def _one_at_a_time(connection: Connection, scope: Scope) -> None:
    """Let one transaction at a time start a file of this person."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('laurel.own-file:' || :user, 0))"),
        {"user": str(scope.user_id)},
    )


def _check_no_other_under_way(connection: Connection, scope: Scope, request_key: UUID) -> None:
    """Refuse a second file while one is on its way: its rows could not be told from those of the first."""
    other = connection.execute(
        text(
            "select f.file_name from file_import i join received_file f on f.id = i.file_id"
            " where i.requested_by = :user_id and i.options ? :owner and i.state in ('queued', 'running')"
            " and i.request_key <> :request_key limit 1"
        ),
        {"user_id": scope.user_id, "owner": OWNER, "request_key": request_key},
    ).scalar_one_or_none()
    if other is not None:
        raise OwnFileUnderWayError(other)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# What the one who brought a file may read


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
