"""A claimant takes back what nobody has decided: it leaves the queue, gives nothing, and can be claimed anew."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text

from loyalty_core import verification
from loyalty_core.access import Role, SignedInUser
from loyalty_core.kernel import Database, NotAllowedError, Scope, new_id
from loyalty_core.settlement import settle_programme
from loyalty_core.verification import ClaimState, DecisionKind, QueueFilter, QueueOrder, Verdict
from tests.access.people import somebody
from tests.sales.files import bring, row
from tests.verification.claims import CLUB, claim, club, person, points
from tests.verification.deciding import approve_as_shown


@pytest.fixture
def mia(database: Database, everything: Scope) -> SignedInUser:
    """A participant of a company whose sale of one piece was reported."""
    club(database)
    bring(database, everything, [row(), row(company_code="C2", invoice_no="J1")])
    user = somebody(database, Role.PARTICIPANT, name="mia")
    person(database, user_id=user.id)
    return user


def own(database: Database, everything: Scope, **values: object) -> verification.Claim:
    """Enter a claim of hers that waits, as it names another day than the sale's."""
    with database.snapshot(everything) as connection:
        participant_id = connection.execute(text("select id from participant where code = 'A1'")).scalar_one()
    return claim(database, everything, participant_id, **values)


def queue(database: Database, everything: Scope) -> list[int]:
    with database.snapshot(everything) as connection:
        found = verification.claims_queue(connection, QueueFilter(), QueueOrder.AGE, limit=9)
    return [one.claim.number for one in found]


def test_who_claimed_withdraws_once_and_may_claim_the_sale_again(
    database: Database, everything: Scope, mia: SignedInUser
) -> None:
    made = own(database, everything)
    assert queue(database, everything) == [made.number]
    key = new_id()
    for _time in range(2):
        withdrawn = verification.withdraw_claim(database, mia.scope, made.number, request_key=key)
        assert withdrawn.state is ClaimState.WITHDRAWN
    with pytest.raises(verification.ClaimDecidedError):
        verification.withdraw_claim(database, mia.scope, made.number, request_key=new_id())
    assert queue(database, everything) == []
    with database.snapshot(everything) as connection:
        (decision,) = verification.history(connection, made.number)
        audited = connection.execute(
            text(
                "select actor_id, subject_id, detail from audit_record"
                " where action = 'verification.claim_withdrawn'"
            )
        ).all()
        assert not any(verification.broken_claims(connection).values())
    assert (decision.kind, decision.decided_by, decision.amount_minor) == (DecisionKind.WITHDRAW, mia.id, 0)
    assert [(one.actor_id, one.subject_id) for one in audited] == [(mia.id, str(made.number))]
    again = own(database, everything, sold_on=date(2026, 3, 10), claim_no=made.claim_no)
    assert (again.verdict, again.state) == (Verdict.MATCH, ClaimState.APPROVED)
    settle_programme(database, everything, "club")
    assert points(database, everything) == {"A1": 1}
    with pytest.raises(verification.ClaimDecidedError):
        verification.withdraw_claim(database, mia.scope, again.number, request_key=new_id())


def test_nobody_withdraws_what_somebody_else_claims(
    database: Database, everything: Scope, mia: SignedInUser
) -> None:
    made = own(database, everything)
    omar = somebody(database, Role.PARTICIPANT, name="omar")
    person(database, "C1", code="A2", user_id=omar.id)
    anna = somebody(database, Role.OPERATOR, name="anna")
    admin = somebody(database, Role.ADMIN, name="admin")
    for user in (omar, anna, admin):
        with pytest.raises((NotAllowedError, verification.NotClaimantError, verification.UnknownClaimError)):
            verification.withdraw_claim(database, user.scope, made.number, request_key=new_id())
    assert queue(database, everything) == [made.number]


def test_a_question_or_a_first_persons_decision_is_no_hindrance(
    database: Database, everything: Scope, mia: SignedInUser
) -> None:
    anna = somebody(database, Role.OPERATOR, name="anna")
    asked = own(database, everything)
    verification.ask_claimant(
        database, anna.scope, asked.number, question="Which day was it?", request_key=new_id()
    )
    verification.withdraw_claim(database, mia.scope, asked.number, request_key=new_id())
    with database.snapshot(everything) as connection:
        assert verification.open_questions(connection, [asked.number]) == {}
    club(database, CLUB + "verification: {second_person_above: 0.01}\n")
    proposed = own(database, everything)
    (outcome,) = approve_as_shown(database, anna.scope, [proposed.number])
    assert outcome.is_proposed, outcome
    verification.withdraw_claim(database, mia.scope, proposed.number, request_key=new_id())
    bert = somebody(database, Role.OPERATOR, name="bert")
    with database.snapshot(everything) as connection:
        proposal = verification.last_proposal(connection, proposed.number)
        assert verification.waiting_proposals(connection, [proposed.number]) == {}
        assert not any(verification.broken_claims(connection).values())
    assert proposal is not None
    with pytest.raises((verification.NothingProposedError, verification.ProposalOutdatedError)):
        verification.second_decision(
            database, bert.scope, proposed.number, payload_hash=proposal.payload_hash, agrees=True
        )
    assert queue(database, everything) == []


def test_a_claim_that_repeated_the_withdrawn_one_is_judged_again(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    club(database)
    bring(database, everything, [row(quantity="2")])
    user = somebody(database, Role.PARTICIPANT, name="mia")
    person(database, user_id=user.id)
    first = own(database, everything, quantity=Decimal(2))
    second = own(database, everything, quantity=Decimal(2))
    assert second.verdict is Verdict.DUPLICATE_CLAIM
    verification.judge_due_claims(database)
    verification.withdraw_claim(database, user.scope, first.number, request_key=new_id())
    verification.judge_due_claims(database)
    with database.snapshot(everything) as connection:
        assert verification.claim_by_number(connection, second.number).verdict is Verdict.WRONG_DATE
