"""Undoing an import: a look at what it touches, then all of it in one transaction.

Points follow in settlements of their own, each programme's in one transaction. Targets of contracts lean on sales
lines too; there are none yet, and once there are they follow from the same lines against lines.
"""

from uuid import UUID

from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection

from loyalty_core import access, audit, intake, sales, settlement, verification
from loyalty_core.corrections import policy, store
from loyalty_core.corrections.policy import UndoneImport, UndoPreview, UndoReport
from loyalty_core.intake import ImportState
from loyalty_core.kernel import STATEMENT_FAILED, Database, Refusal, Scope, get_logger, new_id, now

_MOST_COLLISIONS = 5
_COLLISIONS = (DeadlockDetected, LockNotAvailable)

_log = get_logger(__name__)


def preview_undo(connection: Connection, scope: Scope, import_id: UUID) -> UndoPreview:
    """Return what undoing the import would touch.

    Raises UnknownImportError, NotAllowedError, NarrowScopeUndoError, DatasetNotUndoneError, NotAcceptedError.
    """
    access.check_permission(connection, scope, access.Permission.UNDO_IMPORTS)
    found = intake.import_by_id(connection, import_id)
    policy.check_can_be_undone(scope, found)
    return _preview(connection, found)


def _preview(connection: Connection, found: intake.FileImport) -> UndoPreview:
    lines = sales.lines_to_reverse(connection, found.id)
    reopened = verification.claims_on_lines(connection, store.line_ids_with_claims(connection, found.id))
    withdrawn = verification.claims_of_import(connection, found.id)
    numbers = sorted({*reopened, *withdrawn})
    accounts, in_debt = store.accounts_in_debt(connection, found.id, numbers)
    count, orders = store.orders_on_points(connection, found.id, numbers)
    return UndoPreview(
        import_id=found.id,
        number=found.number,
        lines=lines.lines,
        lines_kept=lines.kept,
        net_minor=lines.net_minor,
        companies=lines.companies,
        claims_reopened=len(reopened),
        claims_withdrawn=len(withdrawn),
        points=store.points_going(connection, found.id, numbers),
        accounts_in_debt=accounts,
        in_debt=in_debt,
        orders_on_points=count,
        orders=orders,
    )


def undo_import(
    database: Database,
    scope: Scope,
    import_id: UUID,
    *,
    reason: str,
    payload_hash: str,
    request_key: UUID,
    settles: bool = True,
) -> UndoReport:
    """Undo an accepted import of sales or claims, as its preview with this hash showed it; once per `request_key`.

    Its lines are taken back by lines against them, claims laid to these wait again, claims that it brought are
    withdrawn. Then the programmes whose points lean on them are settled, here or, without `settles`, by the worker,
    which also finishes where this process dies in between. An account may be below zero after it, as after a return
    of goods: the next points pay that first. Raises UndoReasonError, PreviewOutdatedError, InTheWayError,
    UndoFormUsedError, and what `preview_undo` raises.
    """
    why = policy.clean_reason(reason)
    for attempt in range(1, _MOST_COLLISIONS + 1):
        try:
            number, undone = _undo(database, scope, import_id, why, payload_hash, request_key)
            break
        except STATEMENT_FAILED as error:
            # Whoever moves a claim, or repairs an import that keeps lines, takes the same rows from the other end.
            if not isinstance(error.orig, _COLLISIONS):
                raise
            if attempt == _MOST_COLLISIONS:
                raise policy.InTheWayError from error
            _log.warning("undo_collision", import_id=str(import_id), attempt=attempt)
    settled, unsettled = None, None
    if settles:
        try:
            settled = settlement.settle_due(database)
        except Refusal as refusal:
            # The import is undone; what a programme refuses stays due, and the worker tries again.
            settled, unsettled = 0, refusal.sentence
    return UndoReport(number, undone, settled, unsettled)


def _undo(
    database: Database, scope: Scope, import_id: UUID, reason: str, payload_hash: str, request_key: UUID
) -> tuple[int, UndoneImport]:
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.UNDO_IMPORTS)
        # First of all, as who brings lines has its own import's row before it waits for this.
        found = intake.import_by_id(connection, import_id, lock=True)
        before = store.undone_by_request(connection, request_key)
        if before is not None:
            if before.import_id != import_id:
                raise policy.UndoFormUsedError
            return found.number, before
        policy.check_can_be_undone(scope, found)
        sales.lock_for_reversal(connection, import_id)
        store.wait_briefly(connection)
        preview = _preview(connection, found)
        if preview.payload_hash != payload_hash:
            raise policy.PreviewOutdatedError
        moment = now()
        reopened = verification.reopen_claims(
            connection, scope, store.line_ids_with_claims(connection, import_id), reason=reason
        )
        withdrawn = verification.withdraw_claims(connection, scope, import_id, reason=reason)
        for kept in sales.reverse_lines(connection, import_id, recorded_at=moment):
            _count_kept(connection, kept)
        undone = UndoneImport(
            import_id=import_id,
            reason=reason,
            lines=preview.lines,
            lines_kept=preview.lines_kept,
            claims_withdrawn=withdrawn,
            claims_reopened=reopened,
            net_minor=preview.net_minor,
            undone_by_name=scope.actor_name,
            undone_at=moment,
        )
        intake.move_import(connection, found, ImportState.UNDONE)
        store.insert_undo(connection, scope, undone, id=new_id(), request_key=request_key)
        audit.record(
            connection,
            scope,
            "corrections.import_undone",
            "import",
            import_id,
            {
                "number": found.number,
                "reason": reason,
                "lines": undone.lines,
                "lines_kept": undone.lines_kept,
                "claims_reopened": reopened,
                "claims_withdrawn": withdrawn,
                "net_minor": dict(undone.net_minor),
                "payload_hash": payload_hash,
            },
        )
    return found.number, undone


def _count_kept(connection: Connection, kept: sales.LinesKept) -> None:
    """Count lines that stay for the import that they stay by: what was there already is its own now."""
    found = intake.import_by_id(connection, kept.import_id, lock=True)
    assert found.accepted is not None, "the import is accepted"
    assert found.duplicates is not None, "the import is accepted"
    net_minor = dict(found.net_minor or {})
    for currency, minor in kept.net_minor.items():
        net_minor[currency] = net_minor.get(currency, 0) + minor
    intake.update_import(
        connection,
        found.id,
        accepted=found.accepted + kept.lines,
        duplicates=found.duplicates - kept.lines,
        net_minor=net_minor,
    )
