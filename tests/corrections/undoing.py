"""Undo an import as a person does: look, then say why."""

from uuid import UUID

from laurel.books import BOOKS
from loyalty_core import corrections
from loyalty_core.corrections import UndoPreview, UndoReport
from loyalty_core.kernel import Database, Scope, new_id
from loyalty_core.settlement import check_books


def look(database: Database, scope: Scope, import_id: UUID) -> UndoPreview:
    """Return what undoing the import would touch."""
    with database.transaction(scope) as connection:
        return corrections.preview_undo(connection, scope, import_id)


def undo(database: Database, scope: Scope, import_id: UUID, *, settles: bool = True) -> UndoReport:
    """Undo the import as it looks now."""
    return corrections.undo_import(
        database,
        scope,
        import_id,
        reason="The file was of another year.",
        payload_hash=look(database, scope, import_id).payload_hash,
        request_key=new_id(),
        settles=settles,
    )


def broken(database: Database) -> list[str]:
    """Return the names of the checks of all books that don't hold."""
    return [check.name for check in check_books(database, *BOOKS) if not check.ok]
