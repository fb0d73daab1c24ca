"""Withdrawing a claim: by who claimed, as long as nobody has decided it."""

from uuid import UUID

from loyalty_core import access, audit
from loyalty_core.kernel import Database, Refusal, Scope, _, now
from loyalty_core.verification import proposals, store
from loyalty_core.verification.claimants import is_own
from loyalty_core.verification.policy import Claim, DecisionKind
from loyalty_core.verification.states import UNDECIDED, ClaimState
from loyalty_core.verification.store import ClaimDecidedError


class NotClaimantError(Refusal):
    """Somebody would withdraw what somebody else claims."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _("Only who claimed can withdraw claim {number}; somebody who decides can reject it.").format(
                number=claim.claim_no
            )
        )
        self.claim = claim


def withdraw_claim(database: Database, scope: Scope, number: int, *, request_key: UUID) -> Claim:
    """Withdraw an undecided claim of the actor's own, and return it; the same form again withdraws once.

    It holds no units and gives no points, whatever a first person proposed about it; the sale may be claimed anew.
    Claims that repeat it are judged again. Raises UnknownClaimError, NotClaimantError, ClaimDecidedError,
    NotAllowedError.
    """
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.USE_PORTAL)
        claim = store.lock_claim_in_sight(connection, scope, number)
        if not is_own(connection, scope, claim):
            raise NotClaimantError(claim)
        if store.was_decided_by(connection, claim, request_key):
            return claim
        if claim.state not in UNDECIDED:
            raise ClaimDecidedError(claim)
        proposal = proposals.waiting_proposals(connection, [number]).get(number)
        if proposal is not None:
            proposals.withdraw(connection, proposal)
        store.move_claim(
            connection,
            scope,
            claim,
            ClaimState.WITHDRAWN,
            kind=DecisionKind.WITHDRAW,
            line=None,
            quantity=None,
            amount_minor=0,
            reason=None,
            request_key=request_key,
            decided_at=now(),
        )
        audit.record(
            connection, scope, "verification.claim_withdrawn", "claim", number, {"state": claim.state.value}
        )
        return store.claim_by_number(connection, number)
