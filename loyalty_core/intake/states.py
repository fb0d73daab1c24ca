"""The states of an import and the moves between them."""

from enum import StrEnum


class ImportState(StrEnum):
    """Where an import is on its way."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    # Looked at only: everything was judged, nothing of it kept.
    CHECKED = "checked"
    UNDONE = "undone"


MOVES: dict[ImportState, frozenset[ImportState]] = {
    ImportState.QUEUED: frozenset({ImportState.RUNNING, ImportState.CANCELLED}),
    # Running to running: the one who ran it died, another begins again from the stored file.
    ImportState.RUNNING: frozenset(
        {
            ImportState.RUNNING,
            ImportState.WAITING,
            ImportState.ACCEPTED,
            ImportState.REFUSED,
            ImportState.CANCELLED,
            ImportState.CHECKED,
        }
    ),
    ImportState.WAITING: frozenset({ImportState.QUEUED, ImportState.DECLINED}),
    ImportState.ACCEPTED: frozenset({ImportState.UNDONE}),
    ImportState.DECLINED: frozenset(),
    ImportState.REFUSED: frozenset(),
    ImportState.CANCELLED: frozenset(),
    ImportState.CHECKED: frozenset(),
    ImportState.UNDONE: frozenset(),
}

UNFINISHED = frozenset({ImportState.QUEUED, ImportState.RUNNING})


class ImportMode(StrEnum):
    """What an import does with good rows: adds what is not there, changes what is there as well, or only looks."""

    ADD = "add"
    UPDATE = "update"
    CHECK = "check"


class WaitsFor(StrEnum):
    """What a waiting import waits for a person to decide: failed checks, or changes to what is there."""

    CHECKS = "checks"
    CHANGES = "changes"


class RepairState(StrEnum):
    """Where a batch of corrected rows is on its way back into its import."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"


REPAIR_MOVES: dict[RepairState, frozenset[RepairState]] = {
    RepairState.QUEUED: frozenset({RepairState.RUNNING}),
    RepairState.RUNNING: frozenset({RepairState.RUNNING, RepairState.DONE, RepairState.REFUSED}),
    RepairState.DONE: frozenset(),
    RepairState.REFUSED: frozenset(),
}


class Phase(StrEnum):
    """What a running import is doing."""

    PARSE = "parse"
    COPY = "copy"
    RULES = "rules"
    CHECKS = "checks"
    INSERT = "insert"
    COMMIT = "commit"
