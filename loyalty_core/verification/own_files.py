"""Files of claims that participants bring for themselves."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core import access, intake, participants
from loyalty_core.intake import (
    OWNER,
    ColumnMapping,
    ImportMode,
    write_template,
)
from loyalty_core.kernel import STATEMENT_FAILED, Database, Refusal, Scope, Settings, _, new_id
from loyalty_core.participants import Participant, ParticipantState
from loyalty_core.verification.dataset import ClaimsDataset
from loyalty_core.verification.entering import ClaimantNotActiveError
from loyalty_core.verification.own_results import own_programmes, own_received_file
from loyalty_core.verification.own_rows import EXAMPLE_INVOICES, OWN_CLAIMS_COLUMNS, OWN_FILE_COLUMNS

LARGEST_OWN_FILE_BYTES = 10 * 1024 * 1024
"""How large a participant's own file may be."""

OWN_FILES_SOURCE = "participants' own files"
"""The name of the mapping, and so of the source, of all files that participants bring for themselves."""

_LONGEST_NAME = 255


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
            _("“{file}” is empty. Save it again with your sales in it, and upload it then.").format(
                file=file_name
            )
        )


class OwnFileTooLargeError(Refusal):
    """The file is larger than a participant may bring."""

    def __init__(self, file_name: str, size_bytes: int) -> None:
        super().__init__(
            _("“{file}” is larger than {most} MB. Divide it into smaller files and upload these.").format(
                file=file_name, most=LARGEST_OWN_FILE_BYTES // (1024 * 1024)
            )
        )
        self.size_bytes = size_bytes


class OwnFileNameRefused(Refusal):
    """The file's name can't be kept."""

    def __init__(self) -> None:
        super().__init__(_("The file's name can't be read. Give it a short name and upload it again."))


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
                "Your file “{file}” is still being taken in. Wait until it is done, then upload the next."
            ).format(file=file_name)
        )
        self.file_name = file_name


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
    OWN_FILE_COLUMNS; whatever dataset it names, the rows are claims. `programme_code` is for rows that name no
    programme, None for the only one of their day. The same `request_key` again returns the same import; otherwise one
    file of a person is taken in at a time. `defers` as in `intake.start_import`. Raises NotAllowedError,
    NotTakingPartError, ClaimantNotActiveError, NoProgrammeEarnsError, ProgrammeNotOfferedError, OwnFileUnderWayError,
    MappingIncompleteError, ImportOptionsError, UnknownFileError, RequestKeyReusedError.
    """
    mapping.check_against(OWN_FILE_COLUMNS)
    mapping = mapping.model_copy(update={"name": OWN_FILES_SOURCE, "dataset": OWN_FILE_COLUMNS.name})
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
