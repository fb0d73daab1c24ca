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


MOVES: dict[ImportState, frozenset[ImportState]] = {
    ImportState.QUEUED: frozenset({ImportState.RUNNING}),
    # Running to running: the one who ran it died, another begins again from the stored file.
    ImportState.RUNNING: frozenset(
        {ImportState.RUNNING, ImportState.WAITING, ImportState.ACCEPTED, ImportState.REFUSED}
    ),
    ImportState.WAITING: frozenset({ImportState.QUEUED, ImportState.DECLINED}),
    ImportState.ACCEPTED: frozenset(),
    ImportState.DECLINED: frozenset(),
    ImportState.REFUSED: frozenset(),
}

UNFINISHED = frozenset({ImportState.QUEUED, ImportState.RUNNING})


class Phase(StrEnum):
    """What a running import is doing."""

    PARSE = "parse"
    COPY = "copy"
    RULES = "rules"
    CHECKS = "checks"
    INSERT = "insert"
    COMMIT = "commit"
