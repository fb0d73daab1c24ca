"""The states of a change to a budget and the moves between them."""

from enum import StrEnum


class ChangeState(StrEnum):
    """Where a change that somebody asked for stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


CHANGE_MOVES: dict[ChangeState, frozenset[ChangeState]] = {
    ChangeState.WAITING: frozenset({ChangeState.APPROVED, ChangeState.REJECTED, ChangeState.WITHDRAWN}),
    ChangeState.APPROVED: frozenset(),
    ChangeState.REJECTED: frozenset(),
    ChangeState.WITHDRAWN: frozenset(),
}
