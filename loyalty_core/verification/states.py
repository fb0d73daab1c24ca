"""The states of a claim and the moves between them."""

from enum import StrEnum


class ClaimState(StrEnum):
    """Where a claim stands.

    WAITING for a person, ASKED: the claimant has a question to answer, PROPOSED: a first person decided and a
    second must agree. An approved or rejected one is changed by a correction, or waits again when the sale behind it
    was undone; while a correction of it waits for a second person, it stands as it was. WITHDRAWN: by who
    claimed, before it was decided, or because the file that brought it was undone.
    """

    WAITING = "waiting"
    ASKED = "asked"
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


UNDECIDED = frozenset({ClaimState.WAITING, ClaimState.ASKED, ClaimState.PROPOSED})

CLAIM_MOVES: dict[ClaimState, frozenset[ClaimState]] = {
    ClaimState.WAITING: frozenset(
        {
            ClaimState.ASKED,
            ClaimState.PROPOSED,
            ClaimState.APPROVED,
            ClaimState.REJECTED,
            ClaimState.WITHDRAWN,
        }
    ),
    ClaimState.ASKED: frozenset(
        {
            ClaimState.WAITING,
            ClaimState.PROPOSED,
            ClaimState.APPROVED,
            ClaimState.REJECTED,
            ClaimState.WITHDRAWN,
        }
    ),
    ClaimState.PROPOSED: frozenset(
        {ClaimState.WAITING, ClaimState.APPROVED, ClaimState.REJECTED, ClaimState.WITHDRAWN}
    ),
    ClaimState.APPROVED: frozenset(
        {ClaimState.APPROVED, ClaimState.REJECTED, ClaimState.WAITING, ClaimState.WITHDRAWN}
    ),
    ClaimState.REJECTED: frozenset({ClaimState.APPROVED, ClaimState.WITHDRAWN}),
    ClaimState.WITHDRAWN: frozenset(),
}
