"""What a person does with programmes: apply a document."""

from dataclasses import dataclass

from loyalty_core.access import Permission, check_permission
from loyalty_core.audit import record
from loyalty_core.kernel import Database, NotAllowedError, Scope, _, new_id, now
from loyalty_core.programmes import store
from loyalty_core.programmes.document import body_hash, canonical_body, parse_document
from loyalty_core.programmes.policy import refuse_fixed_changes


class ProgrammeOutsideScopeError(NotAllowedError):
    """The actor's scope names its programmes and this one, there or not, is none of them."""

    def __init__(self, code: str) -> None:
        super().__init__(
            _(
                "You work with certain programmes only and “{code}” is not one of them. "
                "Ask an admin to widen your scope."
            ).format(code=code)
        )
        self.code = code


@dataclass(frozen=True, slots=True)
class AppliedProgramme:
    """The outcome: the version that is current now, and whether it is a new one."""

    code: str
    version: int
    changed: bool


def apply_programme(database: Database, scope: Scope, document_text: str) -> AppliedProgramme:
    """Make the document its programme's current version; a new version only when it says something else.

    Remarks and layout alone say nothing else: then the text of the version before is kept. Raises
    ProgrammeDocumentError, ProgrammeFixedFieldError, ProgrammeOutsideScopeError, NotAllowedError.
    """
    document = parse_document(document_text)
    body = canonical_body(document)
    with database.transaction(scope) as connection:
        check_permission(connection, scope, Permission.APPLY_PROGRAMMES)
        store.lock_code(connection, document.code)
        before = store.current_version_by_code(connection, document.code)
        outside = before is None or not scope.sees_programme(before.programme_id)
        if scope.programme_ids is not None and outside:
            raise ProgrammeOutsideScopeError(document.code)
        if before is not None and before.document_hash == body_hash(body):
            return AppliedProgramme(document.code, before.version, changed=False)
        applied_at = now()
        if before is None:
            programme_id, version = new_id(), 1
            store.insert_programme(connection, programme_id, document, applied_at)
        else:
            refuse_fixed_changes(before.body, body)
            programme_id, version = before.programme_id, before.version + 1
            store.update_programme(connection, programme_id, document, version)
        store.insert_version(
            connection,
            store.ProgrammeVersion(
                programme_id=programme_id,
                version=version,
                document=document_text,
                body=body,
                document_hash=body_hash(body),
                applied_at=applied_at,
                applied_by_name=scope.actor_name,
                applied_by=scope.user_id,
            ),
        )
        record(
            connection,
            scope,
            "programme.version_applied",
            "programme",
            programme_id,
            {"code": document.code, "version": version, "document_hash": body_hash(body)},
        )
        return AppliedProgramme(document.code, version, changed=True)
