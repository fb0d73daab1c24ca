"""The states of a requested settlement and the moves between them."""

from enum import StrEnum


class RequestState(StrEnum):
    """Where a requested settlement is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"


MOVES: dict[RequestState, frozenset[RequestState]] = {
    RequestState.QUEUED: frozenset({RequestState.RUNNING}),
    # Running to running: the one who ran it died, another does it again.
    RequestState.RUNNING: frozenset({RequestState.RUNNING, RequestState.DONE, RequestState.REFUSED}),
    RequestState.DONE: frozenset(),
    RequestState.REFUSED: frozenset(),
}
