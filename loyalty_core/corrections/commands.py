"""Undoing an import: a look at what it touches, then all of it in one transaction.

Of facts all is undone. Of master data what nobody has touched since; the rest stays, and the preview names it.

Points follow in settlements of their own, each programme's in one transaction. Targets of contracts lean on sales
lines too; there are none yet, and once there are they follow from the same lines against lines.
"""

from collections.abc import Sequence
from uuid import UUID

from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection

from loyalty_core import access, audit, intake, sales, settlement, verification
from loyalty_core.corrections import policy, records, store
from loyalty_core.corrections.policy import UndoneImport, UndoPreview, UndoReport
from loyalty_core.corrections.records_policy import TOUCHING, RecordUndo
from loyalty_core.intake import ImportState
from loyalty_core.kernel import STATEMENT_FAILED, Database, Refusal, Scope, get_logger, new_id, now

_MOST_COLLISIONS = 5
_COLLISIONS = (DeadlockDetected, LockNotAvailable)
_LEANED_ON_BY_LINES = frozenset({"companies", "outlets", "products"})

_log = get_logger(__name__)


def preview_undo(connection: Connection, scope: Scope, import_id: UUID) -> UndoPreview:
    """Return what undoing the import would touch.

    Raises UnknownImportError, NotAllowedError, NarrowScopeUndoError, NotAcceptedError, and for master data
    NothingListedError and NothingToPutBackError.
    """
    access.check_permission(connection, scope, access.Permission.UNDO_IMPORTS)
    found = intake.import_by_id(connection, import_id)
    policy.check_can_be_undone(scope, found)
    if found.dataset in policy.RECORDS:
        return _preview_records(found, _plan_records(connection, found))
    return _preview(connection, found)


def _plan_records(connection: Connection, found: intake.FileImport) -> list[RecordUndo]:
    planned = records.plan(connection, found)
    if not planned and found.accepted:
        raise policy.NothingListedError(found)
    if planned and not any(one.outcome in TOUCHING for one in planned):
        raise policy.NothingToPutBackError(found)
    return planned


def _preview_records(found: intake.FileImport, planned: Sequence[RecordUndo]) -> UndoPreview:
    return UndoPreview(
        import_id=found.id,
        number=found.number,
        lines=0,
        lines_kept=0,
        net_minor={},
        companies=0,
        claims_reopened=0,
        claims_withdrawn=0,
        points=(),
        accounts_in_debt=0,
        in_debt=(),
        orders_on_points=0,
        orders=(),
        records=records.summary(planned),
    )


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
    """Undo an accepted import, as its preview with this hash showed it; once per `request_key`.

    Of sales and claims: its lines are taken back by lines against them, claims laid to these wait again, claims that
    it brought are withdrawn. Then the programmes whose points lean on them are settled, here or, without `settles`,
    by the worker, which also finishes where this process dies in between. An account may be below zero after it, as
    after a return of goods: the next points pay that first. Of master data: what it added goes away and what it
    changed is put back, but for what the preview said would stay; approved budgets are asked back. Raises
    UndoReasonError, PreviewOutdatedError, InTheWayError, UndoFormUsedError, what `preview_undo` raises, and for
    budgets OnlyPeopleError.
    """
    why = policy.clean_reason(reason)
    for attempt in range(1, _MOST_COLLISIONS + 1):
        try:
            found, undone = _undo(database, scope, import_id, why, payload_hash, request_key)
            break
        except STATEMENT_FAILED as error:
            # Whoever moves a claim, or repairs an import that keeps lines, takes the same rows from the other end.
            if not isinstance(error.orig, _COLLISIONS):
                raise
            if attempt == _MOST_COLLISIONS:
                raise policy.InTheWayError from error
            _log.warning("undo_collision", import_id=str(import_id), attempt=attempt)
    settled: int | None = None
    unsettled: str | None = None
    if found.dataset in policy.RECORDS:
        # It takes no line back: whoever undoes it does not answer for what a programme refuses.
        settled = 0
    elif settles:
        try:
            settled = settlement.settle_due(database)
        except Refusal as refusal:
            # The import is undone; what a programme refuses stays due, and the worker tries again.
            settled, unsettled = 0, refusal.sentence
    return UndoReport(found.number, undone, settled, unsettled)


def _undo(
    database: Database, scope: Scope, import_id: UUID, reason: str, payload_hash: str, request_key: UUID
) -> tuple[intake.FileImport, UndoneImport]:
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.UNDO_IMPORTS)
        # First of all, as who brings lines has its own import's row before it waits for this.
        found = intake.import_by_id(connection, import_id, lock=True)
        before = store.undone_by_request(connection, request_key)
        if before is not None:
            if before.import_id != import_id:
                raise policy.UndoFormUsedError
            return found, before
        policy.check_can_be_undone(scope, found)
        if found.dataset in policy.RECORDS:
            undone = _undo_records(connection, scope, found, reason, payload_hash)
            store.insert_undo(connection, scope, undone, id=new_id(), request_key=request_key)
            return found, undone
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
            outcomes={},
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
                **sales.lines_recorded(connection),
            },
        )
    return found, undone


def _undo_records(
    connection: Connection, scope: Scope, found: intake.FileImport, reason: str, payload_hash: str
) -> UndoneImport:
    if found.dataset in _LEANED_ON_BY_LINES:
        # Lines name their company, outlet and product by ids that the database does not look up.
        sales.lock_for_reversal(connection, found.id)
    store.wait_briefly(connection)
    records.lock(connection, found)
    planned = _plan_records(connection, found)
    preview = _preview_records(found, planned)
    if preview.payload_hash != payload_hash:
        raise policy.PreviewOutdatedError
    assert preview.records is not None, "the import is of records"
    moment = now()
    undone = UndoneImport(
        import_id=found.id,
        reason=reason,
        lines=0,
        lines_kept=0,
        claims_withdrawn=0,
        claims_reopened=0,
        net_minor={},
        undone_by_name=scope.actor_name,
        undone_at=moment,
        outcomes=preview.records.counts,
    )
    # First: only what an undone import added may be deleted.
    intake.move_import(connection, found, ImportState.UNDONE)
    records.carry_out(connection, scope, found, planned, reason=reason, moment=moment)
    audit.record(
        connection,
        scope,
        "corrections.import_undone",
        "import",
        found.id,
        {
            "number": found.number,
            "reason": reason,
            "outcomes": dict(undone.outcomes),
            "payload_hash": payload_hash,
        },
    )
    return undone


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
