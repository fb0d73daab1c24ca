"""Decisions of high value: one person decides, a second agrees, and neither stands on the claim's side."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from sqlalchemy import Connection

from loyalty_core import verification
from loyalty_core.access import Role, SignedInUser
from loyalty_core.kernel import Database, Refusal, Scope, new_id
from loyalty_core.verification import Claim, ClaimState, DecisionKind, StoryKind, proposals, store
from tests.access.people import somebody
from tests.sales.files import bring, row
from tests.verification.claims import CLUB, claim, club, person
from tests.verification.deciding import approve_as_shown, correct_as_shown, reject_as_shown

TWO = CLUB + "verification: {second_person_above: 50.00}\n"


def operator(database: Database, name: str, *roles: Role) -> SignedInUser:
    return somebody(database, Role.OPERATOR, *roles, name=name)


def costly(database: Database, everything: Scope) -> Claim:
    """A claim of 60 EUR that waits, where above 50 two people decide."""
    club(database, TWO)
    bring(database, everything, [row(unit_price="60.00"), row(invoice_no="I2", unit_price="50.00")])
    return claim(database, everything, person(database))


def proposed_hash(database: Database, everything: Scope, number: int) -> str:
    with database.snapshot(everything) as connection:
        return verification.waiting_proposals(connection, [number])[number].payload_hash


def state_of(database: Database, everything: Scope, number: int) -> ClaimState:
    with database.snapshot(everything) as connection:
        assert not any(verification.broken_claims(connection).values())
        return verification.claim_by_number(connection, number).state


def test_above_the_programmes_value_a_decision_counts_once_a_second_person_agreed(
    database: Database, everything: Scope
) -> None:
    made = costly(database, everything)
    anna, bert = operator(database, "anna"), operator(database, "bert")
    key = new_id()
    for _time in range(2):
        (outcome,) = approve_as_shown(database, anna.scope, [made.number], request_key=key)
        assert (outcome.refusal, outcome.is_proposed) == (None, True)
    assert state_of(database, everything, made.number) is ClaimState.PROPOSED
    shown = proposed_hash(database, everything, made.number)
    with pytest.raises(verification.OwnProposalError):
        verification.second_decision(database, anna.scope, made.number, payload_hash=shown, agrees=True)
    with pytest.raises(verification.ProposalChangedError):
        verification.second_decision(database, bert.scope, made.number, payload_hash="0" * 64, agrees=True)
    with pytest.raises(verification.NeedsPersonError):
        verification.second_decision(database, everything, made.number, payload_hash=shown, agrees=True)
    for _time in range(2):
        found = verification.second_decision(
            database, bert.scope, made.number, payload_hash=shown, agrees=True
        )
        assert found.state is ClaimState.APPROVED
    with database.snapshot(everything) as connection:
        (decision,) = verification.history(connection, made.number)
        kinds = [one.kind for one in verification.claim_story(connection, made.number)]
    assert (decision.kind, decision.amount_minor, decision.decided_by) == (
        DecisionKind.APPROVE,
        6000,
        bert.id,
    )
    assert kinds == [
        StoryKind.ENTERED,
        StoryKind.JUDGED,
        StoryKind.PROPOSED,
        StoryKind.AGREED,
        StoryKind.APPROVED,
    ]
    assert state_of(database, everything, made.number) is ClaimState.APPROVED


def test_at_the_programmes_value_one_person_decides_and_the_command_line_proposes_nothing(
    database: Database, everything: Scope
) -> None:
    made = costly(database, everything)
    cheap = claim(database, everything, made.participant_id, invoice_no="I2")
    anna = operator(database, "anna")
    (outcome,) = approve_as_shown(database, anna.scope, [cheap.number])
    assert (outcome.refusal, outcome.is_proposed) == (None, False)
    (outcome,) = approve_as_shown(database, everything, [made.number])
    assert "two people decide" in (outcome.refusal or "")


def test_who_disagrees_says_why_and_the_claim_waits_again(database: Database, everything: Scope) -> None:
    made = costly(database, everything)
    anna, bert = operator(database, "anna"), operator(database, "bert")
    reject_as_shown(database, anna.scope, [made.number], reason="Not on the list.")
    shown = proposed_hash(database, everything, made.number)
    with pytest.raises(verification.ReasonMissingError):
        verification.second_decision(database, bert.scope, made.number, payload_hash=shown, agrees=False)
    (other,) = approve_as_shown(database, bert.scope, [made.number])
    assert "waits for a second person" in (other.refusal or "")
    verification.second_decision(
        database, bert.scope, made.number, payload_hash=shown, agrees=False, words="It is on the list."
    )
    assert state_of(database, everything, made.number) is ClaimState.WAITING
    with pytest.raises(verification.NothingProposedError):
        verification.second_decision(database, bert.scope, made.number, payload_hash=shown, agrees=True)


def test_an_approved_claim_stands_until_its_correction_is_agreed(
    database: Database, everything: Scope
) -> None:
    made = costly(database, everything)
    anna, bert = operator(database, "anna"), operator(database, "bert")
    approve_as_shown(database, anna.scope, [made.number])
    verification.second_decision(
        database,
        bert.scope,
        made.number,
        payload_hash=proposed_hash(database, everything, made.number),
        agrees=True,
    )
    correct_as_shown(
        database, bert.scope, made.number, sales_line_id=None, quantity=Decimal(0), reason="Came back."
    )
    assert state_of(database, everything, made.number) is ClaimState.APPROVED
    verification.second_decision(
        database,
        anna.scope,
        made.number,
        payload_hash=proposed_hash(database, everything, made.number),
        agrees=True,
    )
    assert state_of(database, everything, made.number) is ClaimState.REJECTED


def test_whoever_keyed_a_claim_in_or_claims_neither_decides_nor_agrees_administrators_included(
    database: Database, everything: Scope
) -> None:
    club(database, TWO)
    bring(database, everything, [row(unit_price="60.00"), row(invoice_no="I2")])
    anna, bert = operator(database, "anna"), operator(database, "bert")
    root = somebody(database, Role.ADMIN, name="root")
    taking_part = operator(database, "mia", Role.PARTICIPANT)
    mia = person(database, user_id=taking_part.id)
    made = claim(database, root.scope, mia)
    small = claim(database, root.scope, mia, invoice_no="I2")
    for number in (made.number, small.number):
        (outcome,) = approve_as_shown(database, root.scope, [number])
        assert "entered" in (outcome.refusal or "")
        (outcome,) = reject_as_shown(database, root.scope, [number], reason="Because")
        assert "entered" in (outcome.refusal or "")
        with pytest.raises(verification.KeyedInError):
            correct_as_shown(
                database, root.scope, number, sales_line_id=None, quantity=Decimal(0), reason="Because"
            )
    approve_as_shown(database, anna.scope, [made.number])
    shown = proposed_hash(database, everything, made.number)
    for scope, refusal in (
        (root.scope, verification.KeyedInError),
        (taking_part.scope, verification.OwnClaimError),
    ):
        with pytest.raises(refusal):
            verification.second_decision(database, scope, made.number, payload_hash=shown, agrees=True)
    found = verification.second_decision(database, bert.scope, made.number, payload_hash=shown, agrees=True)
    assert found.state is ClaimState.APPROVED


def answered_at_once(database: Database, people: list[SignedInUser], number: int, shown: str) -> Counter[str]:
    """Let people agree and disagree in turns, all begun together, and count who was not refused."""
    together = threading.Barrier(len(people))

    def answer(place: int) -> str:
        together.wait()
        try:
            verification.second_decision(
                database,
                people[place].scope,
                number,
                payload_hash=shown,
                agrees=place % 2 == 0,
                words="Because I looked.",
            )
        except Refusal:
            return "refused"
        return "won"

    with ThreadPoolExecutor(len(people)) as pool:
        return Counter(pool.map(answer, range(len(people))))


def test_of_many_second_people_at_once_one_is_heard(committed_database: Database, everything: Scope) -> None:
    database = committed_database
    made = costly(database, everything)
    anna = operator(database, "anna")
    people = [operator(database, f"second{place}") for place in range(4)]
    approve_as_shown(database, anna.scope, [made.number])
    shown = proposed_hash(database, everything, made.number)
    assert answered_at_once(database, people, made.number, shown) == {"won": 1, "refused": 3}
    assert state_of(database, everything, made.number) in (ClaimState.APPROVED, ClaimState.WAITING)


def test_without_the_lock_more_than_one_second_person_is_heard(
    committed_database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = committed_database
    made = costly(database, everything)
    anna = operator(database, "anna")
    people = [operator(database, f"second{place}") for place in (1, 3)]
    approve_as_shown(database, anna.scope, [made.number])
    shown = proposed_hash(database, everything, made.number)
    all_have_looked = threading.Barrier(len(people))
    last = proposals.last_proposal

    def look(connection: Connection, number: int) -> object:
        found = last(connection, number)
        all_have_looked.wait(30)
        return found

    monkeypatch.setattr(store, "lock_claim", store.claim_by_number)
    monkeypatch.setattr(proposals, "last_proposal", look)
    heard: list[str] = []

    def disagree(user: SignedInUser) -> None:
        verification.second_decision(
            database,
            user.scope,
            made.number,
            payload_hash=shown,
            agrees=False,
            words="Because I looked.",
        )
        heard.append(user.name)

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(disagree, user) for user in people]:
            one.result()
    assert sorted(heard) == ["second1", "second3"]
