"""Every move between two states of a claim: made where the table has it, refused and nothing written where not."""

import pytest
from sqlalchemy import text

from loyalty_core.kernel import Database, Scope
from loyalty_core.verification import ClaimDecidedError, ClaimState
from loyalty_core.verification.states import CLAIM_MOVES, UNDECIDED
from loyalty_core.verification.store import claim_by_number, lock_claim, set_state
from tests.sales.files import bring, row
from tests.verification.claims import claim, club, line_id, person

# As people tell it: after each state, what may come next.
MAY = {
    # The claimant is asked, a second person is needed, somebody decides, or the file is undone.
    ClaimState.WAITING: {"asked", "proposed", "approved", "rejected", "withdrawn"},
    # The claimant answers, or somebody decides without waiting for it.
    ClaimState.ASKED: {"waiting", "proposed", "approved", "rejected", "withdrawn"},
    # The second person agrees, or disagrees, or the verdict changes in between.
    ClaimState.PROPOSED: {"waiting", "approved", "rejected", "withdrawn"},
    # It is corrected, or the sale behind it is undone.
    ClaimState.APPROVED: {"approved", "rejected", "waiting", "withdrawn"},
    ClaimState.REJECTED: {"approved", "withdrawn"},
    ClaimState.WITHDRAWN: set(),
}


def test_the_table_has_every_state_and_exactly_the_moves_that_make_sense() -> None:
    assert {before: {after.value for after in ends} for before, ends in CLAIM_MOVES.items()} == MAY
    assert {state for state in ClaimState if "asked" in MAY[state] or "waiting" in MAY[state]} == {
        *UNDECIDED,
        ClaimState.APPROVED,
    }


@pytest.mark.parametrize("before", ClaimState)
def test_a_move_that_the_table_does_not_have_is_refused_and_writes_nothing(
    database: Database, everything: Scope, before: ClaimState
) -> None:
    club(database)
    bring(database, everything, [row()])
    number = claim(database, everything, person(database)).number
    approved = before is ClaimState.APPROVED
    with database.transaction(everything) as connection:
        connection.execute(
            text(
                "update claim set state = :state, revision = 1, sales_line_id = :line,"
                " approved_quantity = :quantity where number = :number"
            ),
            {
                "state": before.value,
                "line": line_id(database, everything) if approved else None,
                "quantity": 1 if approved else None,
                "number": number,
            },
        )
    for after in ClaimState:
        if after.value in MAY[before]:
            continue
        with pytest.raises(ClaimDecidedError), database.transaction(everything) as connection:
            set_state(connection, lock_claim(connection, number), after)
        with database.snapshot(everything) as connection:
            assert claim_by_number(connection, number).state is before
