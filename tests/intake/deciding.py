"""Deciding about imports in tests: on what is there at that moment, as if just shown."""

from uuid import UUID

from loyalty_core.intake import accept_waiting_import, decline_waiting_import, import_by_id
from loyalty_core.kernel import Database, Scope
from tests.access.people import COMMAND_LINE


def import_hash(database: Database, import_id: UUID) -> str:
    """Return the hash of what a person is shown who decides about the import now."""
    with database.snapshot(COMMAND_LINE) as connection:
        return import_by_id(connection, import_id).payload_hash


def accept_as_shown(
    database: Database, scope: Scope, *, import_id: UUID, reason: str, defers: bool = True
) -> None:
    """Let a waiting import go on as it is now."""
    shown = import_hash(database, import_id)
    accept_waiting_import(
        database, scope, import_id=import_id, payload_hash=shown, reason=reason, defers=defers
    )


def decline_as_shown(database: Database, scope: Scope, *, import_id: UUID, reason: str) -> None:
    """Decline a waiting import as it is now."""
    shown = import_hash(database, import_id)
    decline_waiting_import(database, scope, import_id=import_id, payload_hash=shown, reason=reason)
