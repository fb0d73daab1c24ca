"""What operators decide about claims: approve, reject, correct. Above a programme's value it waits for a second."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid5

from sqlalchemy import Connection

from loyalty_core import access, audit, programmes
from loyalty_core.kernel import ChangedSinceShownError, Database, Refusal, Scope, _, now, share_minor
from loyalty_core.sales import hold_lines
from loyalty_core.verification import matching, policy, proposals, queue, store
from loyalty_core.verification.claimants import check_decides
from loyalty_core.verification.coming_back import came_back
from loyalty_core.verification.judgement import Tolerances
from loyalty_core.verification.policy import Claim, Decision, DecisionKind, LineBeside, Verdict
from loyalty_core.verification.proposals import Plan
from loyalty_core.verification.states import ClaimState
from loyalty_core.verification.store import ClaimDecidedError, UnknownLineError

_LINES_TRIED = 20


class NoExactLineError(Refusal):
    """No sold line agrees with the claim in company, invoice, product and quantity."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _(
                "Claim {number}: no reported sale agrees in company, invoice, product and quantity. Correct the claim "
                "or reject it."
            ).format(number=claim.claim_no)
        )
        self.claim = claim


class UnitsTakenError(Refusal):
    """The units are claimed already."""

    def __init__(self, claim: Claim, units_left: Decimal) -> None:
        super().__init__(
            _(
                "Claim {number}: of this sale {left} are left to claim, the rest earned before. A sold piece earns "
                "once."
            ).format(number=claim.claim_no, left=f"{max(units_left, Decimal(0)).normalize():f}")
        )
        self.claim = claim
        self.units_left = units_left


class LineOfOtherCompanyError(Refusal):
    """The line was sold by another company than the one that claims."""

    def __init__(self, claim: Claim, line: LineBeside) -> None:
        super().__init__(
            _(
                "The sale on invoice {invoice} is {other}'s; claim {number} is {company}'s. Reject it, and enter it "
                "for the right company."
            ).format(
                invoice=line.invoice_no,
                other=line.company_name,
                number=claim.claim_no,
                company=claim.company_name,
            )
        )
        self.claim = claim
        self.line = line


class ReturnClaimedError(Refusal):
    """The line is a return: nothing was sold."""

    def __init__(self, line: LineBeside) -> None:
        super().__init__(
            _("The line on invoice {invoice} is a return: there is nothing to claim.").format(
                invoice=line.invoice_no
            )
        )
        self.line = line


class LineTakenBackError(Refusal):
    """The line's import was undone."""

    def __init__(self, line: LineBeside) -> None:
        super().__init__(
            _("The sale on invoice {invoice} no longer counts: the file that reported it was undone.").format(
                invoice=line.invoice_no
            )
        )
        self.line = line


class CorrectionChangesNothingError(Refusal):
    """The correction says what the last decision says."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _("Claim {number} is decided like this already: there is nothing to correct.").format(
                number=claim.claim_no
            )
        )
        self.claim = claim


class RepeatsClaimError(Refusal):
    """The claim repeats another one, which stands."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _(
                "Claim {number} repeats an earlier claim. Reject it, or correct it if it means another sale."
            ).format(number=claim.claim_no)
        )
        self.claim = claim


class UnknownReasonError(Refusal):
    """The programme's list of reasons has no such reason."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _(
                "Claim {number}: its programme keeps no such reason. Choose another, or write your own."
            ).format(number=claim.claim_no)
        )
        self.claim = claim


@dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """What became of one claim among many: `refusal` is None where it was decided, else why it was not.

    `is_proposed`: it was decided by a first person and waits for a second.
    """

    number: int
    claim_no: str
    refusal: str | None
    is_proposed: bool = False


def approve_claims(
    database: Database, scope: Scope, shown: Mapping[int, str], *, request_key: UUID | None = None
) -> list[ClaimOutcome]:
    """Approve undecided claims, each at its best line and in a transaction of its own.

    `shown` maps each claim's number to the `payload_hash` of the claim as the actor saw it. At which line and under
    which verdicts that can be: `policy.is_approvable`. Sent again with the same `request_key`, what it approved stays
    approved and is told so. Raises NotAllowedError.
    """

    def approve(connection: Connection, claim: Claim) -> bool:
        return decide_or_propose(
            connection, scope, claim, _approval(connection, claim), request_key=request_key
        )

    return _decide_each(database, scope, shown, approve, request_key)


def reject_claims(
    database: Database,
    scope: Scope,
    shown: Mapping[int, str],
    *,
    reason: str,
    reason_code: str | None = None,
    request_key: UUID | None = None,
) -> list[ClaimOutcome]:
    """Reject undecided claims for a reason that who claimed will read, each in a transaction of its own.

    `shown` is as in `approve_claims`. `reason_code` is one of those that the claim's programme keeps; `reason` adds
    words to it and may then be empty. Raises NotAllowedError, ReasonMissingError, ClaimTextError.
    """
    words = policy.clean_note(reason) if reason_code is not None else policy.clean_reason(reason)

    def reject(connection: Connection, claim: Claim) -> bool:
        why = _whole_reason(connection, claim, reason_code, words)
        return decide_or_propose(
            connection,
            scope,
            claim,
            Plan(DecisionKind.REJECT, None, None, 0, reason_code=reason_code, reason=why),
            request_key=request_key,
        )

    return _decide_each(database, scope, shown, reject, request_key)


def _whole_reason(connection: Connection, claim: Claim, code: str | None, words: str | None) -> str:
    """Return the reason as the claimant reads it: the one of the list, then the words. Raises UnknownReasonError."""
    if code is None:
        assert words is not None, "without a code the words are there"
        return words
    reasons = programmes.verification_of(connection, claim.programme_id).reject_reasons
    text = next((one.text for one in reasons if one.code == code), None)
    if text is None:
        raise UnknownReasonError(claim)
    return text if words is None else f"{text} {words}"


def _decide_each(
    database: Database,
    scope: Scope,
    shown: Mapping[int, str],
    decide: Callable[[Connection, Claim], bool],
    request_key: UUID | None,
) -> list[ClaimOutcome]:
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.DECIDE_CLAIMS)
    outcomes = []
    for number, payload_hash in shown.items():
        claim_no, refusal, is_proposed = str(number), None, False
        try:
            with database.transaction(scope) as connection:
                access.check_permission(connection, scope, access.Permission.DECIDE_CLAIMS)
                claim = store.lock_claim_in_sight(connection, scope, number)
                claim_no = claim.claim_no
                if was_sent_before(connection, claim, request_key):
                    is_proposed = claim.state is ClaimState.PROPOSED
                else:
                    proposals.refuse_while_waiting(connection, claim)
                    if claim.state not in (ClaimState.WAITING, ClaimState.ASKED):
                        raise ClaimDecidedError(claim)
                    check_decides(connection, scope, claim)
                    check_shown(claim, payload_hash)
                    is_proposed = decide(connection, claim)
        except Refusal as refused:
            refusal = refused.sentence
        outcomes.append(ClaimOutcome(number, claim_no, refusal, is_proposed))
    return outcomes


def check_shown(claim: Claim, payload_hash: str) -> None:
    """Refuse a decision on a claim, whose row is locked, that is not as it was shown. Raises ChangedSinceShownError."""
    if claim.payload_hash != payload_hash:
        raise ChangedSinceShownError(_("Claim {number}").format(number=claim.claim_no))


def was_sent_before(connection: Connection, claim: Claim, request_key: UUID | None) -> bool:
    """Whether the form with this key has decided, or proposed, about the claim already."""
    return request_key is not None and (
        store.was_decided_by(connection, claim, request_key)
        or store.was_told(connection, claim.number, uuid5(request_key, str(claim.number)))
    )


def correct_claim(
    database: Database,
    scope: Scope,
    number: int,
    *,
    payload_hash: str,
    sales_line_id: int | None,
    quantity: Decimal,
    reason: str,
    request_key: UUID | None = None,
) -> Claim:
    """Lay a claim, waiting or decided, to a line and a number of its units, and return it.

    `payload_hash` is that of the claim as shown. Without a line (`sales_line_id` None, `quantity` 0) it is rejected,
    and what it earned is taken back. The next settlement posts the difference. What it is laid to already is refused,
    unless units of that sale came back: then somebody says that it stands all the same. Above the programme's value
    it waits for a second person, and a claim that was decided before stands as it was until then. Raises
    UnknownClaimError, UnknownLineError, LineOfOtherCompanyError, ReturnClaimedError, LineTakenBackError,
    UnitsTakenError, CorrectionChangesNothingError, ClaimDecidedError, ProposalWaitsError, OwnClaimError,
    KeyedInError, ClaimQuantityError, ReasonMissingError, ClaimTextError, NeedsPersonError, NotAllowedError.
    """
    why = policy.clean_reason(reason)
    if sales_line_id is not None:
        policy.check_quantity(quantity)
    elif quantity != 0:
        raise policy.ClaimQuantityError(quantity)
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.DECIDE_CLAIMS)
        claim = store.lock_claim_in_sight(connection, scope, number)
        if was_sent_before(connection, claim, request_key):
            return claim
        proposals.refuse_while_waiting(connection, claim)
        check_decides(connection, scope, claim)
        if claim.state is ClaimState.WITHDRAWN:
            raise ClaimDecidedError(claim)
        check_shown(claim, payload_hash)
        held = (claim.sales_line_id, claim.approved_quantity or Decimal(0))
        if (
            claim.state in (ClaimState.APPROVED, ClaimState.REJECTED)
            and held == (sales_line_id, quantity)
            # Units came back, and somebody says that it stands all the same.
            and not came_back(connection, [number])
        ):
            raise CorrectionChangesNothingError(claim)
        line = None
        if sales_line_id is not None:
            line = matching.line_beside(connection, number, sales_line_id)
            if line is None:
                raise UnknownLineError(sales_line_id)
        plan = Plan(DecisionKind.CORRECT, None, None, 0, reason=why)
        if line is not None:
            plan = plan_at(connection, claim, line, quantity, DecisionKind.CORRECT, reason=why)
        decide_or_propose(connection, scope, claim, plan, request_key=request_key)
        return store.claim_by_number(connection, number)


def _approval(connection: Connection, claim: Claim) -> Plan:
    """Return what approving the claim would do, with the units of its lines locked.

    Raises RepeatsClaimError, NoExactLineError, UnitsTakenError.
    """
    if claim.verdict is Verdict.DUPLICATE_CLAIM:
        raise RepeatsClaimError(claim)
    best = queue.queued_claim(connection, claim.number).best
    if best is None:
        raise NoExactLineError(claim)
    sold = sum((one.quantity for one in _alike(connection, claim, best)), Decimal(0))
    if not policy.is_approvable(claim.verdict, claim, best, sold):
        raise NoExactLineError(claim)
    returned = matching.units_returned(connection, best)
    tolerated = Decimal(0)
    if claim.verdict in policy.BY_RULE:
        rules = programmes.verification_of(connection, claim.programme_id)
        tolerances = Tolerances(rules.tolerance_days, rules.tolerance_units, rules.tolerance_percent)
        tolerated = tolerances.units_of(max(sold - returned, Decimal(0)))
    return plan_at(
        connection,
        claim,
        best,
        claim.quantity,
        DecisionKind.APPROVE,
        returned=returned,
        tolerated=tolerated,
    )


def _alike(connection: Connection, claim: Claim, line: LineBeside) -> list[LineBeside]:
    """Return the line, and the others of its invoice that list the same product."""
    return [
        line,
        *(
            one
            for one in matching.candidates(connection, claim.number, limit=_LINES_TRIED)
            if (one.company_id, one.invoice_no, one.product_code, one.currency)
            == (line.company_id, line.invoice_no, line.product_code, line.currency)
            and one.sales_line_id != line.sales_line_id
        ),
    ]


def plan_at(
    connection: Connection,
    claim: Claim,
    line: LineBeside,
    quantity: Decimal,
    kind: DecisionKind,
    *,
    reason: str | None = None,
    reason_code: str | None = None,
    returned: Decimal = Decimal(0),
    tolerated: Decimal = Decimal(0),
) -> Plan:
    """Return a decision that lays a claim, whose row is locked, to units of a line, and locks these.

    An invoice may list the same thing more than once: what the line has not is taken of the others. `returned` units
    of the sale are nobody's. Where at most `tolerated` units are missing, what is left is taken. Raises
    LineOfOtherCompanyError, ReturnClaimedError, LineTakenBackError, UnitsTakenError.
    """
    if line.company_id != claim.company_id:
        raise LineOfOtherCompanyError(claim, line)
    if line.quantity <= 0:
        raise ReturnClaimedError(line)
    alike = {one.sales_line_id: one for one in _alike(connection, claim, line)}
    # From here on nobody takes these lines back; what was taken back meanwhile has nothing to claim.
    standing = hold_lines(connection, alike)
    if line.sales_line_id not in standing:
        raise LineTakenBackError(line)
    alike = {number: one for number, one in alike.items() if number in standing}
    units = _units_without(connection, claim, alike)
    left = {number: one.quantity - units[number] for number, one in alike.items()}
    in_all = max(sum((max(one, Decimal(0)) for one in left.values()), Decimal(0)) - returned, Decimal(0))
    if 0 < in_all < quantity <= in_all + tolerated:
        quantity = in_all
    if quantity > in_all:
        raise UnitsTakenError(claim, in_all)
    taken: list[tuple[LineBeside, Decimal, int]] = []
    missing = quantity
    for number, one in alike.items():
        # The chosen line first: it is the one that the decision names.
        part = min(missing, max(left[number], Decimal(0)))
        if part > 0:
            taken.append((one, part, share_minor(one.amount_minor, part, one.quantity)))
            missing -= part
    (first, _units, _amount), *others = taken
    return Plan(
        kind,
        first,
        quantity,
        sum(amount for _line, _part, amount in taken),
        reason_code,
        reason,
        tuple(others),
    )


def _units_without(
    connection: Connection, claim: Claim, lines: Mapping[int, LineBeside]
) -> dict[int, Decimal]:
    """Lock how many units of these lines, and of those that the claim holds, are claimed; return it without its own."""
    held = _held(connection, claim)
    asked = [(one.sales_line_id, one.company_id, one.quantity) for one in lines.values()]
    for number in held.keys() - lines.keys():
        before = matching.line_beside(connection, claim.number, number)
        assert before is not None, "a claim's own line is seen with the claim: both are of one company"
        asked.append((before.sales_line_id, before.company_id, before.quantity))
    if not asked:
        return {}
    # From here on nobody else takes units of these lines in this programme.
    units = store.lock_units(connection, claim.programme_id, asked)
    return {number: claimed - held.get(number, Decimal(0)) for number, claimed in units.items()}


def _held(connection: Connection, claim: Claim) -> dict[int, Decimal]:
    """Return the units that the claim holds now, by line."""
    if claim.sales_line_id is None or claim.approved_quantity is None:
        return {}
    further = store.further_lines(connection, claim)
    return {**further, claim.sales_line_id: claim.approved_quantity - sum(further.values(), Decimal(0))}


def decide_or_propose(
    connection: Connection, scope: Scope, claim: Claim, plan: Plan, *, request_key: UUID | None
) -> bool:
    """Decide about a claim, whose row is locked; return True where it waits for a second person instead."""
    if proposals.needs_second(connection, claim, plan):
        key = uuid5(request_key, str(claim.number)) if request_key is not None else None
        proposal = proposals.propose(connection, scope, claim, plan, request_key=key)
        audit.record(
            connection,
            scope,
            "verification.decision_proposed",
            "claim",
            claim.number,
            {
                "kind": plan.kind.value,
                "sales_line": proposal.sales_line_id,
                "quantity": str(plan.quantity) if plan.quantity is not None else None,
                "amount_minor": plan.amount_minor,
                "currency": proposal.currency,
                "reason": plan.reason,
                "payload_hash": proposal.payload_hash,
            },
        )
        return True
    carry_out(connection, scope, claim, plan, request_key=request_key)
    return False


def carry_out(
    connection: Connection, scope: Scope, claim: Claim, plan: Plan, *, request_key: UUID | None
) -> Decision:
    """Take the units of a plan for a claim, give back those it held, and write the decision.

    The claim's row is locked, and since `plan_at` the units are. Raises ClaimDecidedError.
    """
    parts = dict.fromkeys(_held(connection, claim), Decimal(0))
    lines = {}
    if plan.line is not None and plan.quantity is not None:
        own = plan.quantity - sum((units for _line, units, _amount in plan.further), Decimal(0))
        taken = [(plan.line, own), *((line, units) for line, units, _amount in plan.further)]
        parts |= {line.sales_line_id: units for line, units in taken}
        lines = {line.sales_line_id: line for line, _units in taken}
    units = _units_without(connection, claim, lines)
    store.write_units(
        connection,
        claim.programme_id,
        {number: claimed + parts[number] for number, claimed in units.items()},
    )
    decision = store.move_claim(
        connection,
        scope,
        claim,
        ClaimState.APPROVED if plan.line is not None else ClaimState.REJECTED,
        kind=plan.kind,
        line=plan.line,
        quantity=plan.quantity,
        amount_minor=plan.amount_minor,
        reason_code=plan.reason_code,
        reason=plan.reason,
        units_back=matching.units_returned(connection, plan.line)
        if plan.line is not None and plan.kind is DecisionKind.CORRECT
        else None,
        request_key=request_key,
        decided_at=now(),
    )
    for line, part, amount in plan.further:
        store.insert_further_line(connection, decision, claim, line, part, amount)
    _record(connection, scope, decision)
    return decision


def _record(connection: Connection, scope: Scope, decision: Decision) -> None:
    audit.record(
        connection,
        scope,
        {
            DecisionKind.APPROVE: "verification.claim_approved",
            DecisionKind.REJECT: "verification.claim_rejected",
            DecisionKind.CORRECT: "verification.claim_corrected",
        }[decision.kind],
        "claim",
        decision.claim_number,
        {
            "revision": decision.revision,
            "sales_line": decision.sales_line_id,
            "quantity": str(decision.quantity) if decision.quantity is not None else None,
            "amount_minor": decision.amount_minor,
            "currency": decision.currency,
            "reason": decision.reason,
        },
    )
