"""The states of a claim and the moves between them."""

from enum import StrEnum


class ClaimState(StrEnum):
    """Where a claim stands. An approved or rejected one is changed only by a correction."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


CLAIM_MOVES: dict[ClaimState, frozenset[ClaimState]] = {
    ClaimState.WAITING: frozenset({ClaimState.APPROVED, ClaimState.REJECTED}),
    ClaimState.APPROVED: frozenset({ClaimState.APPROVED, ClaimState.REJECTED}),
    ClaimState.REJECTED: frozenset({ClaimState.APPROVED}),
}
