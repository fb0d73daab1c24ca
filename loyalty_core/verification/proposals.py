"""What a first person decided about a claim of high value, until a second person agrees."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection, Row, text

from loyalty_core import programmes
from loyalty_core.kernel import Refusal, Scope, _, new_id, now, to_minor
from loyalty_core.verification import store
from loyalty_core.verification.policy import Claim, DecisionKind, EventKind, LineBeside
from loyalty_core.verification.states import ClaimState

AGREED, DISAGREED = "agreed", "disagreed"


class NeedsPersonError(Refusal):
    """What decides is no signed-in person, and the value asks for two of these."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _(
                "Claim {number} is worth so much that two people decide it. Sign in and decide it there."
            ).format(number=claim.claim_no)
        )
        self.claim = claim


class ProposalWaitsError(Refusal):
    """A decision on the claim waits for a second person."""

    def __init__(self, claim: Claim, proposed_by_name: str) -> None:
        super().__init__(
            _(
                "Claim {number}: what {name} decided waits for a second person. Agree or disagree with that first."
            ).format(number=claim.claim_no, name=proposed_by_name)
        )
        self.claim = claim


@dataclass(frozen=True, slots=True)
class Plan:
    """What a decision would do: lay the claim to units of a line, or to nothing, with the reason for it.

    `amount_minor` is the units' share of the line, in minor units of the line's currency.
    """

    kind: DecisionKind
    line: LineBeside | None
    quantity: Decimal | None
    amount_minor: int
    reason_code: str | None = None
    reason: str | None = None
    # What of the quantity the line has not, and further lines of its invoice have: lines, units, amounts.
    further: tuple[tuple[LineBeside, Decimal, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decision that waits for a second person, or did. `outcome` is None while it waits."""

    id: UUID
    claim_number: int
    kind: DecisionKind
    sales_line_id: int | None
    quantity: Decimal | None
    amount_minor: int
    currency: str | None
    reason_code: str | None
    reason: str | None
    payload_hash: str
    proposed_by: UUID
    proposed_by_name: str
    proposed_at: datetime
    outcome: str | None
    decided_by: UUID | None
    decided_by_name: str | None
    decided_at: datetime | None


_PROPOSAL = (
    "select id, claim_number, kind, sales_line_id, quantity, amount_minor, currency, reason_code, reason, payload_hash,"
    " proposed_by, proposed_by_name, proposed_at, outcome, decided_by, decided_by_name, decided_at"
    " from claim_proposal"
)


def _proposal(row: Row) -> Proposal:  # type: ignore[type-arg] # the columns of _PROPOSAL
    return Proposal(**{**row._asdict(), "kind": DecisionKind(row.kind)})


def waiting_proposals(connection: Connection, numbers: Sequence[int]) -> dict[int, Proposal]:
    """Return what waits for a second person on those of the claims that lie in the scope."""
    rows = connection.execute(
        text(_PROPOSAL + " where claim_number = any(:numbers) and outcome is null"),
        {"numbers": list(numbers)},
    )
    return {row.claim_number: _proposal(row) for row in rows}


def last_proposal(connection: Connection, number: int) -> Proposal | None:
    """Return what was proposed last on a claim of the scope, waiting or not."""
    row = connection.execute(
        text(_PROPOSAL + " where claim_number = :number order by proposed_at desc, id desc limit 1"),
        {"number": number},
    ).first()
    return _proposal(row) if row else None


def refuse_while_waiting(connection: Connection, claim: Claim) -> None:
    """Refuse to decide a claim on which a decision waits for a second person. Raises ProposalWaitsError."""
    waits = waiting_proposals(connection, [claim.number]).get(claim.number)
    if waits is not None:
        raise ProposalWaitsError(claim, waits.proposed_by_name)


def needs_second(connection: Connection, claim: Claim, plan: Plan) -> bool:
    """Whether the programme asks for a second person: by the greatest value that the decision moves.

    That is what the claim holds now, what it would hold, and what is at stake, as far as they are in the
    programme's currency: what is in another earns nothing.
    """
    if claim.programme_id is None or claim.company_id is None:
        return False
    above = programmes.verification_of(connection, claim.programme_id).second_person_above
    if above is None:
        return False
    currency = programmes.programme_by_id(
        connection, Scope.of_system("value of a claim"), claim.programme_id
    ).currency
    values = [0]
    if plan.line is not None and plan.line.currency == currency:
        values.append(plan.amount_minor)
    if claim.stake_currency == currency and claim.at_stake_minor is not None:
        values.append(claim.at_stake_minor)
    held = store.last_decisions(connection, [claim.number]).get(claim.number)
    if held is not None and held.currency == currency:
        values.append(held.amount_minor)
    return max(values) > to_minor(above, currency)


def propose(
    connection: Connection, scope: Scope, claim: Claim, plan: Plan, *, request_key: UUID | None
) -> Proposal:
    """Keep a decision on a claim, whose row the caller has locked, until a second person agrees.

    A claim that was decided before stands as it was until then. Raises NeedsPersonError.
    """
    if scope.user_id is None:
        raise NeedsPersonError(claim)
    body = {
        "claim_number": claim.number,
        "kind": plan.kind.value,
        "sales_line_id": plan.line.sales_line_id if plan.line else None,
        "quantity": plan.quantity,
        "amount_minor": plan.amount_minor,
        "currency": plan.line.currency if plan.line else None,
        "reason_code": plan.reason_code,
        "reason": plan.reason,
        "proposed_by": scope.user_id,
    }
    payload = json.dumps({**body, "revision": claim.revision}, sort_keys=True, default=str)
    connection.execute(
        text(
            "insert into claim_proposal (id, claim_number, programme_id, company_id, kind, sales_line_id, quantity,"
            " amount_minor, currency, reason_code, reason, payload_hash, proposed_by, proposed_by_name, proposed_at)"
            " values (:id, :claim_number, :programme_id, :company_id, :kind, :sales_line_id, :quantity,"
            " :amount_minor, :currency, :reason_code, :reason, :payload_hash, :proposed_by, :by_name, :proposed_at)"
        ),
        {
            **body,
            "id": new_id(),
            "programme_id": claim.programme_id,
            "company_id": claim.company_id,
            "payload_hash": hashlib.sha256(payload.encode()).hexdigest(),
            "by_name": scope.actor_name,
            "proposed_at": now(),
        },
    )
    if claim.state in (ClaimState.WAITING, ClaimState.ASKED):
        store.set_state(connection, claim, ClaimState.PROPOSED)
    store.insert_event(
        connection,
        scope,
        claim,
        EventKind.PROPOSED,
        words=plan.reason,
        detail={"kind": plan.kind.value, "amount_minor": plan.amount_minor, "currency": body["currency"]},
        request_key=request_key,
    )
    return waiting_proposals(connection, [claim.number])[claim.number]


def withdraw_outdated(connection: Connection, numbers: Sequence[int]) -> list[int]:
    """Withdraw what was proposed on those of the claims that nobody had decided before, and return their numbers.

    Their verdicts have changed, and their rows are locked; they wait for a first person again.
    """
    withdrawn = list(
        connection.execute(
            text(
                "update claim_proposal q set outcome = 'withdrawn', decided_at = :moment from claim c"
                " where c.number = q.claim_number and c.state = 'proposed' and q.outcome is null"
                " and q.claim_number in (select unnest(cast(:numbers as bigint[]))) returning q.claim_number"
            ),
            {"numbers": list(numbers), "moment": now()},
        ).scalars()
    )
    if withdrawn:
        connection.execute(
            text(
                "update claim set state = 'waiting' where state = 'proposed'"
                " and number in (select unnest(cast(:numbers as bigint[])))"
            ),
            {"numbers": withdrawn},
        )
    return withdrawn


def withdraw(connection: Connection, proposal: Proposal) -> None:
    """End a proposal that nobody decides any more, since its claim, whose row is locked, is withdrawn."""
    connection.execute(
        text(
            "update claim_proposal set outcome = 'withdrawn', decided_at = :moment"
            " where id = :id and outcome is null"
        ),
        {"id": proposal.id, "moment": now()},
    )


def close(connection: Connection, scope: Scope, proposal: Proposal, outcome: str) -> None:
    """Write down what came of a proposal, whose claim's row the caller has locked."""
    connection.execute(
        text(
            "update claim_proposal set outcome = :outcome, decided_by = :by, decided_by_name = :by_name,"
            " decided_at = :moment where id = :id and outcome is null"
        ),
        {
            "id": proposal.id,
            "outcome": outcome,
            "by": scope.user_id,
            "by_name": scope.actor_name,
            "moment": now(),
        },
    )
