"""Undoing what was accepted: a preview of what it touches, then the differences."""

from loyalty_core.corrections.commands import preview_undo, undo_import
from loyalty_core.corrections.policy import (
    CAN_BE_UNDONE,
    LONGEST_REASON,
    AccountInDebt,
    InTheWayError,
    NarrowScopeUndoError,
    NotAcceptedError,
    NothingListedError,
    NothingToPutBackError,
    OrderOnPoints,
    PreviewOutdatedError,
    ProgrammePoints,
    UndoFormUsedError,
    UndoneImport,
    UndoPreview,
    UndoReasonError,
    UndoReport,
    check_can_be_undone,
)
from loyalty_core.corrections.records_policy import LEFT, TOUCHING, Outcome, RecordsToUndo, RecordUndo
from loyalty_core.corrections.store import broken_undos, import_id_of_number, undone_import

__all__ = [
    "CAN_BE_UNDONE",
    "LEFT",
    "LONGEST_REASON",
    "TOUCHING",
    "AccountInDebt",
    "InTheWayError",
    "NarrowScopeUndoError",
    "NotAcceptedError",
    "NothingListedError",
    "NothingToPutBackError",
    "OrderOnPoints",
    "Outcome",
    "PreviewOutdatedError",
    "ProgrammePoints",
    "RecordUndo",
    "RecordsToUndo",
    "UndoFormUsedError",
    "UndoPreview",
    "UndoReasonError",
    "UndoReport",
    "UndoneImport",
    "broken_undos",
    "check_can_be_undone",
    "import_id_of_number",
    "preview_undo",
    "undo_import",
    "undone_import",
]
