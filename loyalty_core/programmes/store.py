"""Every query on programmes and their versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, insert, select, text, update

from loyalty_core.kernel import NotFoundError, Scope, _
from loyalty_core.programmes.document import Collects, EarnsFrom, ProgrammeDocument, VerificationRules
from loyalty_core.programmes.models import programme, programme_version


class ProgrammeNotFoundError(NotFoundError):
    """There is no such programme in the asker's scope."""

    def __init__(self, asked_for: str) -> None:
        super().__init__(
            _("There is no programme “{asked_for}”. Apply its document first, or check the code.").format(
                asked_for=asked_for
            )
        )
        self.asked_for = asked_for


@dataclass(frozen=True, slots=True)
class Programme:
    """A programme as its current version says; both dates inclusive; `time_zone` None: the lines' own."""

    id: UUID
    code: str
    name: str
    currency: str
    collects: Collects
    earns_from: EarnsFrom
    starts_on: date
    ends_on: date
    time_zone: str | None
    current_version: int


@dataclass(frozen=True, slots=True)
class ProgrammeVersion:
    """One applied document: its text as given, its canonical body and that body's hash."""

    programme_id: UUID
    version: int
    document: str
    body: Mapping[str, Any]
    document_hash: str
    applied_at: datetime
    applied_by_name: str
    applied_by: UUID | None


_PROGRAMME = select(
    programme.c.id,
    programme.c.code,
    programme.c.name,
    programme.c.currency,
    programme.c.collects,
    programme.c.earns_from,
    programme.c.starts_on,
    programme.c.ends_on,
    programme.c.time_zone,
    programme.c.current_version,
)

_VERSION = select(
    programme_version.c.programme_id,
    programme_version.c.version,
    programme_version.c.document,
    programme_version.c.body,
    programme_version.c.document_hash,
    programme_version.c.applied_at,
    programme_version.c.applied_by_name,
    programme_version.c.applied_by,
)


def _programme(row: Row[Any]) -> Programme:
    values = row._asdict()
    return Programme(
        **{**values, "collects": Collects(values["collects"]), "earns_from": EarnsFrom(values["earns_from"])}
    )


def _seen(query: Select[Any], scope: Scope) -> Select[Any]:
    if scope.programme_ids is None:
        return query
    return query.where(programme.c.id.in_(sorted(scope.programme_ids)))


def list_programmes(connection: Connection, scope: Scope) -> list[Programme]:
    """Return the programmes in the scope, the latest to end first."""
    query = _seen(_PROGRAMME, scope).order_by(programme.c.ends_on.desc(), programme.c.code)
    return [_programme(row) for row in connection.execute(query)]


def programme_by_code(connection: Connection, scope: Scope, code: str) -> Programme:
    """Return the programme with the code. Raises ProgrammeNotFoundError, outside the scope too."""
    row = connection.execute(_seen(_PROGRAMME, scope).where(programme.c.code == code)).one_or_none()
    if row is None:
        raise ProgrammeNotFoundError(code)
    return _programme(row)


def programme_by_id(connection: Connection, scope: Scope, programme_id: UUID) -> Programme:
    """Return the programme with the id. Raises ProgrammeNotFoundError, outside the scope too."""
    row = connection.execute(_seen(_PROGRAMME, scope).where(programme.c.id == programme_id)).one_or_none()
    if row is None:
        raise ProgrammeNotFoundError(str(programme_id))
    return _programme(row)


def versions(connection: Connection, scope: Scope, programme_id: UUID) -> list[ProgrammeVersion]:
    """Return the programme's versions, the newest first; none outside the scope."""
    if not scope.sees_programme(programme_id):
        return []
    query = _VERSION.where(programme_version.c.programme_id == programme_id)
    rows = connection.execute(query.order_by(programme_version.c.version.desc()))
    return [ProgrammeVersion(**row._asdict()) for row in rows]


def document_of(connection: Connection, scope: Scope, programme_id: UUID, version: int) -> ProgrammeDocument:
    """Return the document of a version. Raises ProgrammeNotFoundError when it is not in the scope."""
    query = select(programme_version.c.body).where(
        programme_version.c.programme_id == programme_id, programme_version.c.version == version
    )
    body = connection.execute(query).scalar_one_or_none() if scope.sees_programme(programme_id) else None
    if body is None:
        raise ProgrammeNotFoundError(f"{programme_id} / {version}")
    return ProgrammeDocument.from_body(body)


def verification_of(connection: Connection, programme_id: UUID | None) -> VerificationRules:
    """Return how claims of a programme are verified, whatever the scope; the defaults where there is no programme.

    The rules decide the same for everyone, so they are told to whoever has the programme's id.
    """
    body = None
    if programme_id is not None:
        body = connection.execute(
            select(programme_version.c.body)
            .join(programme, programme.c.id == programme_version.c.programme_id)
            .where(programme.c.id == programme_id)
            .where(programme_version.c.version == programme.c.current_version)
        ).scalar_one_or_none()
    document = ProgrammeDocument.from_body(body) if body is not None else None
    return (document.verification if document is not None else None) or VerificationRules()


def lock_code(connection: Connection, code: str) -> None:
    """Let only one transaction at a time apply documents with this code, a first one included."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('laurel.programme:' || cast(:code as text), 0))"),
        {"code": code},
    )


def current_version_by_code(connection: Connection, code: str) -> ProgrammeVersion | None:
    """Return the current version under the code, whatever the scope; None when there is no programme."""
    query = (
        _VERSION.join(programme, programme.c.id == programme_version.c.programme_id)
        .where(programme.c.code == code)
        .where(programme_version.c.version == programme.c.current_version)
    )
    row = connection.execute(query).one_or_none()
    return ProgrammeVersion(**row._asdict()) if row else None


def insert_programme(
    connection: Connection, programme_id: UUID, document: ProgrammeDocument, created_at: datetime
) -> None:
    """Add the programme with its first version's values."""
    connection.execute(
        insert(programme).values(
            id=programme_id,
            code=document.code,
            currency=document.currency,
            collects=document.collects.value,
            earns_from=document.earns_from.value,
            created_at=created_at,
            current_version=1,
            **_changing_values(document),
        )
    )


def update_programme(
    connection: Connection, programme_id: UUID, document: ProgrammeDocument, version: int
) -> None:
    """Make the version the current one."""
    connection.execute(
        update(programme)
        .where(programme.c.id == programme_id)
        .values(current_version=version, **_changing_values(document))
    )


def insert_version(connection: Connection, version: ProgrammeVersion) -> None:
    """Add a version; it stays as it is for good."""
    connection.execute(
        insert(programme_version).values(
            programme_id=version.programme_id,
            version=version.version,
            document=version.document,
            body=version.body,
            document_hash=version.document_hash,
            applied_at=version.applied_at,
            applied_by_name=version.applied_by_name,
            applied_by=version.applied_by,
        )
    )


def _changing_values(document: ProgrammeDocument) -> dict[str, Any]:
    return {
        "name": document.name,
        "starts_on": document.starts,
        "ends_on": document.ends,
        "time_zone": document.time_zone,
    }
