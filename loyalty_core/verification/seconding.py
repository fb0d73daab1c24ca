"""The second person: agrees with what a first one decided about a claim of high value, or disagrees."""

from decimal import Decimal

from sqlalchemy import Connection

from loyalty_core import access, audit
from loyalty_core.kernel import Database, Refusal, Scope, _
from loyalty_core.verification import deciding, matching, policy, proposals, store
from loyalty_core.verification.claimants import check_decides
from loyalty_core.verification.policy import Claim, DecisionKind, EventKind
from loyalty_core.verification.proposals import AGREED, DISAGREED, Plan, Proposal
from loyalty_core.verification.states import ClaimState


class NothingProposedError(Refusal):
    """No decision on the claim waits for a second person."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _("Claim {number}: nothing waits for a second person. Load the page again.").format(
                number=claim.claim_no
            )
        )
        self.claim = claim


class OwnProposalError(Refusal):
    """Somebody would agree with the own decision."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _("You decided claim {number} first. Somebody else has to agree.").format(number=claim.claim_no)
        )
        self.claim = claim


class ProposalChangedError(Refusal):
    """What waits is not what the second person was shown."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _("Claim {number} was decided anew since you looked. Load the page and look again.").format(
                number=claim.claim_no
            )
        )
        self.claim = claim


class ProposalOutdatedError(Refusal):
    """Carried out now, the proposal would come to another amount than the one that was shown."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _(
                "Claim {number}: others have claimed units of this sale since it was decided, so that it would come to "
                "another amount. Disagree, and have it decided anew."
            ).format(number=claim.claim_no)
        )
        self.claim = claim


def second_decision(
    database: Database,
    scope: Scope,
    number: int,
    *,
    payload_hash: str,
    agrees: bool,
    words: str | None = None,
) -> Claim:
    """Agree with what a first person decided, which then counts, or disagree, and return the claim.

    `payload_hash` is that of the proposal as it was shown; to disagree takes `words`, and the claim waits again, or
    stands as it stood. The same answer of the same person again changes nothing. Never the first person's, the
    claimant's, or that of whoever keyed the claim in, administrators included. Raises UnknownClaimError,
    NothingProposedError, OwnProposalError, ProposalChangedError, ProposalOutdatedError, OwnClaimError, KeyedInError,
    UnitsTakenError, ReasonMissingError, ClaimTextError, NeedsPersonError, NotAllowedError.
    """
    said = policy.clean_note(words) if agrees else policy.clean_reason(words)
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.DECIDE_CLAIMS)
        claim = store.lock_claim_in_sight(connection, scope, number)
        if scope.user_id is None:
            raise proposals.NeedsPersonError(claim)
        proposal = proposals.last_proposal(connection, number)
        outcome = AGREED if agrees else DISAGREED
        if proposal is None:
            raise NothingProposedError(claim)
        if proposal.payload_hash != payload_hash:
            raise ProposalChangedError(claim)
        if proposal.outcome is not None:
            if (proposal.outcome, proposal.decided_by) == (outcome, scope.user_id):
                return claim
            raise NothingProposedError(claim)
        if proposal.proposed_by == scope.user_id:
            raise OwnProposalError(claim)
        check_decides(connection, scope, claim)
        proposals.close(connection, scope, proposal, outcome)
        store.insert_event(
            connection, scope, claim, EventKind.AGREED if agrees else EventKind.DISAGREED, words=said
        )
        if agrees:
            deciding.carry_out(
                connection, scope, claim, _plan_of(connection, claim, proposal), request_key=None
            )
        elif claim.state is ClaimState.PROPOSED:
            store.set_state(connection, claim, ClaimState.WAITING)
        audit.record(
            connection,
            scope,
            "verification.decision_agreed" if agrees else "verification.decision_disagreed",
            "claim",
            number,
            {"payload_hash": payload_hash, "proposed_by": str(proposal.proposed_by), "words": said},
        )
        return store.claim_by_number(connection, number)


def _plan_of(connection: Connection, claim: Claim, proposal: Proposal) -> Plan:
    if proposal.sales_line_id is None or proposal.quantity is None:
        return Plan(proposal.kind, None, None, 0, reason_code=proposal.reason_code, reason=proposal.reason)
    line = matching.line_beside(connection, claim.number, proposal.sales_line_id)
    if line is None:
        raise store.UnknownLineError(proposal.sales_line_id)
    plan = deciding.plan_at(
        connection,
        claim,
        line,
        proposal.quantity,
        proposal.kind,
        reason=proposal.reason,
        reason_code=proposal.reason_code,
        returned=(
            matching.units_returned(connection, line) if proposal.kind is DecisionKind.APPROVE else Decimal(0)
        ),
    )
    shown = (proposal.sales_line_id, proposal.amount_minor, proposal.currency)
    if plan.line is None or (plan.line.sales_line_id, plan.amount_minor, plan.line.currency) != shown:
        raise ProposalOutdatedError(claim)
    return plan
