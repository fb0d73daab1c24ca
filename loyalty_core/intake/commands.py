"""What people do with files: hand them in, have them imported, decide about those that wait."""

import hashlib
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from loyalty_core import access, audit
from loyalty_core.intake import store
from loyalty_core.intake.dataset import Dataset
from loyalty_core.intake.mapping import ColumnMapping
from loyalty_core.intake.options import checked_options
from loyalty_core.intake.space import NoSpaceLeftError, is_out_of_space
from loyalty_core.intake.states import UNFINISHED, ImportMode, ImportState
from loyalty_core.intake.store import FileImport, ImportStateError, ReceivedFile
from loyalty_core.kernel import (
    STATEMENT_FAILED,
    ChangedSinceShownError,
    Database,
    NotAllowedError,
    Refusal,
    Scope,
    Settings,
    _,
    new_id,
    now,
)
from loyalty_core.kernel.jobs import defer_import

_CHUNK_BYTES = 1 << 20


class FileNotReadableError(Refusal):
    """The path does not lead to a file that can be read."""

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(
            _("“{path}” can't be read: {cause}. Check the path and try again.").format(path=path, cause=cause)
        )
        self.path = path


class UnknownDatasetError(Refusal):
    """No such kind of file."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(
            _("There is no dataset “{name}”. Laurel knows: {known}.").format(
                name=name, known=", ".join(known)
            )
        )
        self.name = name


class ModeNotOfferedError(Refusal):
    """The dataset has no such way to import."""

    def __init__(self, dataset: str, mode: ImportMode, offered: Collection[ImportMode]) -> None:
        super().__init__(
            _("A file of {dataset} can't be imported as “{mode}”; it can as: {offered}.").format(
                dataset=dataset, mode=mode.value, offered=", ".join(sorted(offered))
            )
        )
        self.mode = mode


class OwnChangesError(NotAllowedError):
    """Whoever brought a file does not let through what it changes of companies and participants."""

    def __init__(self, found: FileImport) -> None:
        super().__init__(
            _(
                "Import {number} changes companies or people that are there, so somebody else than {name}, who"
                " brought it, has to sign in and let it through. You can decline it."
            ).format(number=found.number, name=found.requested_by_name)
        )
        self.found = found


class DecisionNeedsReasonError(Refusal):
    """A decision about a waiting import was given without a reason."""

    def __init__(self) -> None:
        super().__init__(_("Say why: the reason is kept with the import."))


class NarrowScopeCreatesError(Refusal):
    """Someone who does not see everything asked an import to create what is missing."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "Only someone who sees every region can let an import create companies, regions and products. "
                "Import without it: what is unknown comes back to you as rejected rows."
            )
        )


class ImportBeingWrittenError(Refusal):
    """The rows of the import are going in this moment."""

    def __init__(self, number: int) -> None:
        super().__init__(
            _(
                "The rows of import {number} are being written and can't be stopped any more. Wait until it is done; "
                "then it can be undone as a whole."
            ).format(number=number)
        )
        self.number = number


class RequestKeyReusedError(Refusal):
    """The key of an earlier request came again with another file, mapping or choice."""

    def __init__(self, number: int) -> None:
        super().__init__(
            _(
                "Import {number} was started with this request already, in another way. Nothing was started now: "
                "look at that import, or open the file again and start anew."
            ).format(number=number)
        )
        self.number = number


def stored_path(settings: Settings, sha256: str) -> Path:
    """Return where the contents with this hash lie."""
    return settings.files_folder / sha256[:2] / sha256


def receive_upload(
    database: Database,
    settings: Settings,
    scope: Scope,
    *,
    file_name: str,
    stored: Path,
    sha256: str,
    size_bytes: int,
) -> UUID:
    """Take over an uploaded file that lies, complete and private, at `stored`; return the received file's id.

    The contents are moved to their place by hash; the same bytes are kept once. They move inside the transaction
    that remembers them: where either fails, on a full disk for instance, neither stays.
    """
    target = stored_path(settings, sha256)
    file_id = new_id()
    with database.transaction(scope) as connection:
        store.insert_file(
            connection,
            scope,
            id=file_id,
            file_name=file_name,
            sha256=sha256,
            size_bytes=size_bytes,
            received_at=now(),
        )
        audit.record(
            connection,
            scope,
            "intake.file_received",
            "file",
            file_id,
            {"file_name": file_name, "sha256": sha256, "size_bytes": size_bytes},
        )
        target.parent.mkdir(mode=0o700, exist_ok=True)
        stored.chmod(0o600)
        stored.replace(target)
    return file_id


def receive_local_file(database: Database, settings: Settings, scope: Scope, path: Path) -> UUID:
    """Copy a file of this machine into the files folder and return the received file's id.

    Streams; memory stays flat. Raises FileNotReadableError; NoSpaceLeftError, with nothing left behind.
    """
    digest, size = hashlib.sha256(), 0
    incoming = settings.files_folder / f"incoming-{new_id().hex}"
    try:
        source = path.open("rb")
    except OSError as error:
        raise FileNotReadableError(path, (error.strerror or str(error)).lower()) from error
    try:
        with (
            source,
            os.fdopen(os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target,
        ):
            try:
                while chunk := source.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    size += target.write(chunk)
            except IsADirectoryError as error:
                raise FileNotReadableError(path, "it is a folder") from error
            target.flush()
            os.fsync(target.fileno())
        return receive_upload(
            database,
            settings,
            scope,
            file_name=path.name,
            stored=incoming,
            sha256=digest.hexdigest(),
            size_bytes=size,
        )
    except (OSError, STATEMENT_FAILED) as error:
        if is_out_of_space(error):
            raise NoSpaceLeftError(path.name) from error
        raise
    finally:
        incoming.unlink(missing_ok=True)


def start_import(
    database: Database,
    scope: Scope,
    *,
    file_id: UUID,
    mapping: ColumnMapping,
    datasets: Mapping[str, Dataset],
    creates_missing: bool,
    request_key: UUID,
    defers: bool = True,
    mode: ImportMode = ImportMode.ADD,
    options: Mapping[str, Any] | None = None,
) -> UUID:
    """Queue an import of a received file and return its id; the same `request_key` again returns the same.

    `defers` puts the job for the worker into the same transaction; without, the caller runs the import.
    `options` may hold `sheets` (names), `control_total` ("1234.56"), `period_from` and `period_to`
    ("YYYY-MM-DD"). Raises UnknownDatasetError, ModeNotOfferedError, ImportOptionsError, MappingIncompleteError,
    UnknownFileError, NarrowScopeCreatesError, and RequestKeyReusedError where the key came before with anything
    else.
    """
    if mapping.dataset not in datasets:
        raise UnknownDatasetError(mapping.dataset, sorted(datasets))
    if mode not in datasets[mapping.dataset].modes:
        raise ModeNotOfferedError(mapping.dataset, mode, datasets[mapping.dataset].modes)
    kept_options = checked_options(options)
    if creates_missing and not scope.sees_everything:
        raise NarrowScopeCreatesError
    mapping.check_against(datasets[mapping.dataset].columns)
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.UPLOAD_FILES)
        return queue_import(
            connection,
            scope,
            file=store.file_by_id(connection, file_id),
            mapping=mapping,
            creates_missing=creates_missing,
            request_key=request_key,
            defers=defers,
            mode=mode,
            options=kept_options,
        )


def queue_import(
    connection: Connection,
    scope: Scope,
    *,
    file: ReceivedFile,
    mapping: ColumnMapping,
    creates_missing: bool,
    request_key: UUID,
    defers: bool,
    mode: ImportMode,
    options: Mapping[str, Any],
) -> UUID:
    """Queue an import within the caller's transaction and return its id; the same key again returns the same.

    It asks for no permission and checks neither mapping nor options: that is the caller's, a command of its own
    for those who may bring one kind of file only. With the option OWNER the import is done by the right
    UPLOAD_OWN_CLAIMS, and the dataset takes in nothing that is not the owner's. Raises RequestKeyReusedError.
    """
    wanted_id = new_id()
    import_id = store.insert_import(
        connection,
        scope,
        id=wanted_id,
        file_id=file.id,
        dataset=mapping.dataset,
        source=f"{mapping.dataset}:{mapping.name}",
        mapping=mapping.model_dump(mode="json"),
        creates_missing=creates_missing,
        request_key=request_key,
        requested_at=now(),
        mode=mode,
        options=options,
    )
    if import_id == wanted_id:
        audit.record(
            connection,
            scope,
            "intake.import_started",
            "import",
            import_id,
            {
                "file_name": file.file_name,
                "sha256": file.sha256,
                "mapping": mapping.name,
                "mode": mode.value,
                **({store.OWNER: options[store.OWNER]} if store.OWNER in options else {}),
            },
        )
        if defers:
            defer_import(connection, import_id)
    else:
        _check_is_same(
            store.import_by_id(connection, import_id),
            sha256=file.sha256,
            mapping=mapping.model_dump(mode="json"),
            creates_missing=creates_missing,
            mode=mode,
            options=dict(options),
        )
    return import_id


def _check_is_same(earlier: FileImport, **asked: object) -> None:
    if any(getattr(earlier, name) != value for name, value in asked.items()):
        raise RequestKeyReusedError(earlier.number)


def right_to_bring(found: FileImport, scope: Scope) -> access.Permission:
    """Return the permission that the actor needs to have this import done."""
    if found.is_for_owner and found.requested_by == scope.user_id:
        return access.Permission.UPLOAD_OWN_CLAIMS
    return access.Permission.UPLOAD_FILES


def resume_or_start_import(
    database: Database,
    scope: Scope,
    *,
    file_id: UUID,
    mapping: ColumnMapping,
    datasets: Mapping[str, Dataset],
    creates_missing: bool,
    mode: ImportMode = ImportMode.ADD,
    options: Mapping[str, Any] | None = None,
) -> UUID:
    """Return the import of the same contents that a crash left unfinished, else a new one, for the caller to run.

    Raises what `start_import` raises.
    """
    with database.transaction(scope) as connection:
        sha256 = store.file_by_id(connection, file_id).sha256
    twin = unfinished_twin(
        database,
        scope,
        sha256=sha256,
        mapping=mapping,
        creates_missing=creates_missing,
        mode=mode,
        options=options,
    )
    return twin or start_import(
        database,
        scope,
        file_id=file_id,
        mapping=mapping,
        datasets=datasets,
        creates_missing=creates_missing,
        request_key=new_id(),
        defers=False,
        mode=mode,
        options=options,
    )


def unfinished_twin(
    database: Database,
    scope: Scope,
    *,
    sha256: str,
    mapping: ColumnMapping,
    creates_missing: bool,
    mode: ImportMode = ImportMode.ADD,
    options: Mapping[str, Any] | None = None,
) -> UUID | None:
    """Return an import of the same contents, mapping and choices by the same actor that was begun and not ended.

    Whoever asks again after a crash goes on with that one.
    """
    body = mapping.model_dump(mode="json")
    kept_options = checked_options(options)
    with database.transaction(scope) as connection:
        for found in store.unfinished_imports(connection):
            if (
                found.sha256 == sha256
                and found.mapping == body
                and found.creates_missing == creates_missing
                and (found.mode, found.options) == (mode, kept_options)
                and found.cancel_asked_at is None
                and (found.requested_by, found.requested_by_name) == (scope.user_id, scope.actor_name)
            ):
                return found.id
    return None


def accept_waiting_import(
    database: Database,
    scope: Scope,
    *,
    import_id: UUID,
    payload_hash: str,
    reason: str,
    defers: bool = True,
) -> None:
    """Let a waiting import go on, in spite of its failed checks or with the changes shown, for a reason that is
    kept. It is judged anew; what was not shown lets it wait again.

    `payload_hash` is that of the import as shown. A second decision finds it no longer waiting. Raises
    ImportStateError, ChangedSinceShownError, DecisionNeedsReasonError, and OwnChangesError where it changes
    companies or participants and the actor brought it, or is no person.
    """
    _decide(database, scope, import_id, payload_hash, ImportState.QUEUED, reason, defers=defers)


def cancel_import(database: Database, scope: Scope, import_id: UUID) -> ImportState:
    """Cancel an import that is not at its end, and return the state it is in then.

    One in line is cancelled at once. One that runs notices between its phases and while it reads, and ends as
    `cancelled` soon after; asked again, nothing more happens. Whoever decides about imports may cancel those of
    others. Raises ImportBeingWrittenError from the moment its rows go in, ImportStateError where it has ended or
    waits for a decision.
    """
    with database.transaction(scope) as connection:
        found = store.import_by_id(connection, import_id)
        access.check_permission(connection, scope, right_to_bring(found, scope))
        if (found.requested_by, found.requested_by_name) != (scope.user_id, scope.actor_name):
            access.check_permission(connection, scope, access.Permission.DECIDE_IMPORTS)
        locked = store.lock_import_soon(connection, import_id)
        if locked is None:
            raise ImportBeingWrittenError(found.number)
        moment = now()
        asked = {"cancel_asked_at": moment, "cancel_asked_by_name": scope.actor_name}
        if locked.state is ImportState.QUEUED:
            store.move_import(connection, locked, ImportState.CANCELLED, finished_at=moment, **asked)
            audit.record(connection, scope, "intake.import_cancelled", "import", import_id, {})
            return ImportState.CANCELLED
        if locked.state is not ImportState.RUNNING:
            raise ImportStateError(locked.number, locked.state, ImportState.CANCELLED)
        if locked.cancel_asked_at is None:
            store.update_import(connection, import_id, **asked)
            audit.record(connection, scope, "intake.import_cancel_asked", "import", import_id, {})
        return ImportState.RUNNING


def decline_waiting_import(
    database: Database, scope: Scope, *, import_id: UUID, payload_hash: str, reason: str
) -> None:
    """End a waiting import without any of its rows, for a reason that is kept.

    `payload_hash` is that of the import as shown. Raises ImportStateError, ChangedSinceShownError,
    DecisionNeedsReasonError.
    """
    _decide(database, scope, import_id, payload_hash, ImportState.DECLINED, reason, defers=False)


def _decide(
    database: Database,
    scope: Scope,
    import_id: UUID,
    shown: str,
    state: ImportState,
    reason: str,
    *,
    defers: bool,
) -> None:
    if not reason.strip():
        raise DecisionNeedsReasonError
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.DECIDE_IMPORTS)
        found = store.import_by_id(connection, import_id, lock=True)
        if found.state is not ImportState.WAITING:
            raise ImportStateError(found.number, found.state, state)
        if found.payload_hash != shown:
            raise ChangedSinceShownError(_("Import {number}").format(number=found.number))
        if (
            state is ImportState.QUEUED
            and found.needs_second_person
            and scope.user_id in (None, found.requested_by)
        ):
            raise OwnChangesError(found)
        moment = now()
        ends = {"finished_at": moment} if state not in UNFINISHED else {}
        store.move_import(
            connection,
            found,
            state,
            decided_by=scope.user_id,
            decided_by_name=scope.actor_name,
            decided_at=moment,
            decision_reason=reason.strip(),
            **ends,
        )
        action = "intake.import_let_through" if state is ImportState.QUEUED else "intake.import_declined"
        audit.record(connection, scope, action, "import", import_id, {"reason": reason.strip()})
        if defers:
            defer_import(connection, import_id)
