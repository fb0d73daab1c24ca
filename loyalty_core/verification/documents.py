"""Photos and scans: kept by the hash of their contents, told by these and not by their names, laid to claims."""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core import access, audit, organisation, participants
from loyalty_core.kernel import Database, Refusal, Scope, Settings, _, clean_picture, new_id, now
from loyalty_core.verification import policy, store
from loyalty_core.verification.claimants import check_speaks_for
from loyalty_core.verification.policy import Claim, EventKind
from loyalty_core.verification.scans import draw_scan
from loyalty_core.verification.store import ClaimDocument


class DocumentKindRefused(Refusal):
    """The file is no picture or PDF that can be shown."""

    def __init__(self) -> None:
        super().__init__(
            _("This is neither a picture (JPEG, PNG, WebP) nor a PDF. Take a photo, or save it as a PDF.")
        )


class DocumentTooLargeError(Refusal):
    """The file is larger than a photo or scan needs to be."""

    def __init__(self, size: int) -> None:
        super().__init__(
            _("The file has {size} MB; at most {most} MB are taken. Take a smaller photo.").format(
                size=-(-size // 1024**2), most=policy.LARGEST_DOCUMENT_BYTES // 1024**2
            )
        )
        self.size = size


def document_path(settings: Settings, sha256: str) -> Path:
    """Return where the contents with this hash lie."""
    return settings.private_folder("documents") / sha256[:2] / sha256


def add_document(
    database: Database, settings: Settings, scope: Scope, *, company_id: UUID, data: bytes
) -> UUID:
    """Keep a photo or scan of a claim of the company and return its id; the same one again is kept once.

    JPEG, PNG, WebP or PDF by its contents, at most 10 MB; a picture is kept upright and without what the camera wrote
    into it; a PDF's first pages are drawn, so that the page shows them. A participant adds for the own company only.
    Raises NotAllowedError, DocumentKindRefused, DocumentTooLargeError, NoPictureError, TooManyPixelsError,
    ScanUnreadableError; OSError on a full disk, with nothing left behind.
    """
    if len(data) > policy.LARGEST_DOCUMENT_BYTES:
        raise DocumentTooLargeError(len(data))
    media_type = policy.document_kind(data)
    if media_type is None:
        raise DocumentKindRefused
    if media_type != PDF:
        media_type, data = clean_picture(data)
    sha256 = hashlib.sha256(data).hexdigest()
    path = document_path(settings, sha256)
    if media_type == PDF:
        with database.transaction(scope) as connection:
            _check_adds(connection, scope, company_id)
        # Outside of the transaction: drawing takes up to some seconds.
        _keep_scan(path, data)
    with database.transaction(scope) as connection:
        _check_adds(connection, scope, company_id)
        before = store.same_document(connection, company_id, sha256, scope.user_id)
        # The file first: a row never points at what is not there. The other way round nothing is lost.
        _keep(path, data)
        if before is not None:
            return before.id
        document = ClaimDocument(
            id=new_id(),
            company_id=company_id,
            sha256=sha256,
            media_type=media_type,
            size_bytes=len(data),
            added_by=scope.user_id,
            added_by_name=scope.actor_name,
            recorded_at=now(),
        )
        store.insert_document(connection, document)
        audit.record(
            connection,
            scope,
            "verification.document_added",
            "claim_document",
            document.id,
            {"sha256": sha256, "size_bytes": len(data), "media_type": media_type},
        )
    return document.id


def _check_adds(connection: Connection, scope: Scope, company_id: UUID) -> None:
    """Refuse who may add documents for the company neither as one of its own nor for others."""
    own = participants.participant_of_user(connection, scope.user_id) if scope.user_id else None
    is_own = own is not None and own.company_id == company_id
    access.check_permission(
        connection,
        scope,
        access.Permission.USE_PORTAL if is_own else access.Permission.ENTER_CLAIMS,
    )
    if not organisation.companies_by_id(connection, [company_id]):
        raise organisation.UnknownCompanyError(str(company_id))


def _keep_scan(path: Path, data: bytes) -> None:
    """Draw the scan's first pages and keep them beside it. Raises ScanUnreadableError, with nothing kept."""
    if _drawn_path(path).exists():
        return
    with tempfile.NamedTemporaryFile(dir=path.parent.parent) as scan:
        scan.write(data)
        scan.flush()
        picture = draw_scan(Path(scan.name))
    _keep(_drawn_path(path), picture)


def _drawn_path(path: Path) -> Path:
    """Return where the drawn pages of the scan with this path lie."""
    return path.with_suffix(".jpg")


def _keep(path: Path, data: bytes) -> None:
    """Write the file whole or not at all, readable by nobody else."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    incoming = path.with_name(f"{new_id().hex}.part")
    try:
        descriptor = os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        incoming.replace(path)
    finally:
        incoming.unlink(missing_ok=True)


def fetch_document(
    database: Database, settings: Settings, scope: Scope, document_id: UUID
) -> tuple[ClaimDocument, Path]:
    """Return a document with the path of its contents, and put on record who looked.

    Whoever may not see claims sees the documents that they added themselves. Raises UnknownDocumentError,
    NotAllowedError.
    """
    with database.transaction(scope) as connection:
        document = store.document_by_id(connection, document_id)
        if scope.user_id is not None and document.added_by == scope.user_id:
            access.check_permission(connection, scope, access.Permission.SEE_HOME)
        else:
            access.check_permission(connection, scope, access.Permission.SEE_CLAIMS)
        path = document_path(settings, document.sha256)
        if not path.exists():
            raise store.UnknownDocumentError(document_id)
        audit.record(connection, scope, "verification.document_fetched", "claim_document", document_id, {})
    return document, path


def fetch_drawn_document(
    database: Database, settings: Settings, scope: Scope, document_id: UUID
) -> tuple[ClaimDocument, Path]:
    """Return a scan with the path of the JPEG that shows its first pages; of a photo, what `fetch_document` returns.

    Whoever sees the one sees the other, and it is on record alike. Raises UnknownDocumentError, NotAllowedError,
    ScanUnreadableError.
    """
    document, path = fetch_document(database, settings, scope, document_id)
    if document.media_type != PDF:
        return document, path
    # Scans that came before pages were drawn are drawn when somebody looks.
    _keep_scan(path, path.read_bytes())
    return document, _drawn_path(path)


PDF = "application/pdf"
MOST_DOCUMENTS = 20


class TooManyDocumentsError(Refusal):
    """The claim has as many documents as anybody can look through."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _("Claim {number} has {most} documents already. Nobody looks at more of them.").format(
                number=claim.claim_no, most=MOST_DOCUMENTS
            )
        )


@dataclass(frozen=True, slots=True)
class AttachedDocument:
    """A photo or scan of a claim: the one that it came with, or one that was added later.

    `kept_for` is the user who brought the contents, and may look at them whether or not they see claims.
    """

    document_id: UUID
    media_type: str
    size_bytes: int
    added_by_name: str
    added_at: datetime
    kept_for: UUID | None


def documents_of_claim(connection: Connection, number: int) -> list[AttachedDocument]:
    """Return every document of a claim of the scope, the one that it came with first."""
    return documents_of_claims(connection, [number]).get(number, [])


def documents_of_claims(connection: Connection, numbers: Sequence[int]) -> dict[int, list[AttachedDocument]]:
    """Return every document of those of the claims of the scope that have any, the one that each came with first."""
    rows = connection.execute(
        text(
            "select a.number, d.id, d.media_type, d.size_bytes, a.added_by_name, a.at, d.added_by from ("
            " select c.number, c.document_id, 0 as place, c.entered_by_name as added_by_name, c.recorded_at as at"
            " from claim c where c.number = any(:numbers) and c.document_id is not null"
            " union all select c.number, a.document_id, 1, a.added_by_name, a.recorded_at from claim_attachment a"
            " join claim c on c.number = a.claim_number where a.claim_number = any(:numbers)"
            " and a.document_id is distinct from c.document_id"
            ") a join claim_document d on d.id = a.document_id order by a.number, a.place, a.at, d.id"
        ),
        {"numbers": list(numbers)},
    )
    found: dict[int, list[AttachedDocument]] = {}
    for number, *values in rows:
        found.setdefault(number, []).append(AttachedDocument(*values))
    return found


def with_documents(connection: Connection, numbers: Sequence[int]) -> frozenset[int]:
    """Return those of the claims of the scope that have any document."""
    rows = connection.execute(
        text(
            "select c.number from claim c where c.number = any(:numbers) and (c.document_id is not null"
            " or exists (select from claim_attachment a where a.claim_number = c.number))"
        ),
        {"numbers": list(numbers)},
    )
    return frozenset(row.number for row in rows)


def attach_document(database: Database, scope: Scope, number: int, document_id: UUID) -> None:
    """Lay a document, added for the claim's company, to the claim; the same again is laid once.

    By the claimant, or whoever may enter claims. Raises UnknownClaimError, UnknownDocumentError,
    TooManyDocumentsError, NotAllowedError.
    """
    with database.transaction(scope) as connection:
        claim = store.lock_claim_in_sight(connection, scope, number)
        check_speaks_for(connection, scope, claim)
        if lay_to_claim(connection, scope, claim, document_id):
            store.insert_event(
                connection, scope, claim, EventKind.DOCUMENT_ADDED, detail={"document_id": str(document_id)}
            )
            audit.record(
                connection,
                scope,
                "verification.document_attached",
                "claim",
                number,
                {"document": str(document_id)},
            )


def lay_to_claim(connection: Connection, scope: Scope, claim: Claim, document_id: UUID) -> bool:
    """Write down that a document belongs to a claim, whose row is locked; False where that was so before.

    Raises UnknownDocumentError, TooManyDocumentsError.
    """
    if store.document_by_id(connection, document_id).company_id != claim.company_id:
        raise store.UnknownDocumentError(document_id)
    there = documents_of_claim(connection, claim.number)
    if document_id in {one.document_id for one in there}:
        return False
    if len(there) >= MOST_DOCUMENTS:
        raise TooManyDocumentsError(claim)
    connection.execute(
        text(
            "insert into claim_attachment (claim_number, document_id, programme_id, company_id, added_by,"
            " added_by_name, recorded_at) values (:number, :document_id, :programme_id, :company_id, :by, :by_name,"
            " :recorded_at)"
        ),
        {
            "number": claim.number,
            "document_id": document_id,
            "programme_id": claim.programme_id,
            "company_id": claim.company_id,
            "by": scope.user_id,
            "by_name": scope.actor_name,
            "recorded_at": now(),
        },
    )
    return True
