"""What the worker runs: each the same function that the command line runs."""

from uuid import UUID

from laurel.registers import DATASETS
from loyalty_core import access, audit, intake, settlement, verification
from loyalty_core.kernel import Database, Scope, Settings, get_logger

_log = get_logger(__name__)


def run_import(database: Database, settings: Settings, import_id: UUID) -> None:
    """Bring an import to its end in the name of who asked for it, or of who let it through since."""
    with database.transaction(Scope.of_system("imports")) as connection:
        found = intake.import_by_id(connection, import_id)
    actor = found.requested_by if found.decided_at is None else found.decided_by
    scope = access.scope_of_user(database, actor) if actor is not None else Scope.of_command_line()
    report = intake.run_import(database, settings, import_id, datasets=DATASETS, scope=scope)
    _log.info("import_ended", number=report.found.number, state=report.found.state.value)


def run_repair(database: Database, settings: Settings, repair_id: UUID) -> None:
    """Let corrected rows into their import in the name of who sent them."""
    with database.transaction(Scope.of_system("repairs")) as connection:
        found = intake.repair_by_id(connection, repair_id)
    actor = found.requested_by
    scope = access.scope_of_user(database, actor) if actor is not None else Scope.of_command_line()
    ended = intake.run_repair(database, settings, repair_id, datasets=DATASETS, scope=scope)
    _log.info("repair_ended", repair_id=str(repair_id), state=ended.state.value)


def settle_programme(database: Database, request_id: UUID) -> None:
    """Carry out a requested settlement."""
    settlement.run_requested_settlement(database, request_id)


def chain_audit(database: Database, settings: Settings) -> None:
    """Chain what was recorded since."""
    audit.chain_pending(database, settings)


def escalate_overdue(database: Database) -> None:
    """Mark claims that wait longer than their programme allows."""
    claims = verification.escalate_overdue(database)
    if claims:
        _log.info("claims_escalated", claims=claims)


def judge_due_claims(database: Database) -> None:
    """Judge the undecided claims that sales reported since may change."""
    judged = verification.judge_due_claims(database)
    if judged:
        _log.info("claims_judged", claims=judged)


def settle_due(database: Database) -> None:
    """Post what the claims decided since give, and take back what lines of undone imports hold."""
    programmes = settlement.settle_due(database)
    if programmes:
        _log.info("due_settled", programmes=programmes)


def queue_left_behind(database: Database) -> int:
    """Have the imports, repairs and settlements that nobody works on done again, and return how many those are."""
    return (
        intake.queue_unclaimed_imports(database)
        + intake.queue_unclaimed_repairs(database)
        + settlement.queue_unfinished_requests(database)
    )


def clean_up(database: Database, settings: Settings) -> None:
    """Drop what nobody needs any more: expired tickets and exports, old failures, staging tables left behind."""
    expired = access.forget_expired(database, settings.exports_folder)
    dropped = intake.drop_orphaned_staging(database)
    _log.info("cleaned_up", expired=expired, staging_tables=dropped)
