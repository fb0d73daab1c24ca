"""Questions back to the claimant, claims given to people, and what waits too long."""

from datetime import timedelta
from pathlib import Path

import pytest

from loyalty_core import verification
from loyalty_core.access import Role
from loyalty_core.kernel import Database, NotAllowedError, Scope, Settings, new_id, now
from loyalty_core.verification import (
    Assigned,
    ClaimState,
    QueueFilter,
    QueueOrder,
    StoryKind,
    deadlines,
)
from loyalty_core.verification.states import CLAIM_MOVES, UNDECIDED
from tests.access.people import somebody
from tests.photos import photo
from tests.sales.files import bring, row
from tests.verification.claims import claim, club, person
from tests.verification.deciding import approve_as_shown

PHOTO = photo()


def test_the_claimant_answers_a_question_with_a_photo_and_the_claim_waits_again(
    database: Database, everything: Scope, tmp_path: Path
) -> None:
    club(database)
    bring(database, everything, [row(), row(company_code="C2", invoice_no="J1")])
    anna = somebody(database, Role.OPERATOR, name="anna")
    mia, other = (somebody(database, Role.PARTICIPANT, name=name) for name in ("mia", "omar"))
    made = claim(database, everything, person(database, user_id=mia.id))
    person(database, code="A2", user_id=other.id)
    key = new_id()
    for _time in range(2):
        asked = verification.ask_claimant(
            database, anna.scope, made.number, question="Which day was it?", request_key=key
        )
        assert asked.state is ClaimState.ASKED
    with pytest.raises(verification.ClaimDecidedError):
        verification.ask_claimant(
            database, anna.scope, made.number, question="And where?", request_key=new_id()
        )
    with pytest.raises(verification.WordsMissingError):
        verification.answer_question(database, mia.scope, made.number, answer=" ", request_key=new_id())
    with pytest.raises((NotAllowedError, verification.UnknownClaimError)):
        verification.answer_question(database, other.scope, made.number, answer="Mine.", request_key=new_id())
    with database.snapshot(everything) as connection:
        question = verification.open_questions(connection, [made.number])[made.number]
    assert (question.words, question.asked_by_name) == ("Which day was it?", "anna")
    assert made.company_id is not None
    photo = verification.add_document(
        database,
        Settings(home=tmp_path, database_url=None),
        mia.scope,
        company_id=made.company_id,
        data=PHOTO,
    )
    key = new_id()
    for _time in range(2):
        answered = verification.answer_question(
            database,
            mia.scope,
            made.number,
            answer="The tenth.",
            document_id=photo,
            request_key=key,
        )
        assert answered.state is ClaimState.WAITING
    with pytest.raises(verification.NothingAskedError):
        verification.answer_question(database, mia.scope, made.number, answer="Again.", request_key=new_id())
    with database.snapshot(everything) as connection:
        story = verification.claim_story(connection, made.number)
        documents = verification.documents_of_claim(connection, made.number)
    told = [one for one in story if one.kind in (StoryKind.ASKED, StoryKind.ANSWERED)]
    assert [(one.kind, one.by_name, one.words) for one in told] == [
        (StoryKind.ASKED, "anna", "Which day was it?"),
        (StoryKind.ANSWERED, "mia", "The tenth."),
    ]
    assert [one.document_id for one in documents] == [photo]


def test_claims_are_given_to_people_who_decide_them_and_never_to_who_keyed_them_in(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(database, everything, [row(), row(invoice_no="I2")])
    anna, bert = (somebody(database, Role.OPERATOR, name=name) for name in ("anna", "bert"))
    analyst = somebody(database, Role.ANALYST, name="ana")
    ours = person(database)
    first = claim(database, anna.scope, ours).number
    second = claim(database, everything, ours, invoice_no="I2").number
    outcomes = verification.assign_claims(database, bert.scope, [first, second], user_id=anna.id)
    assert ["entered" in (one.refusal or "") for one in outcomes] == [True, False]
    with pytest.raises(verification.AssigneeRefused):
        verification.assign_claims(database, bert.scope, [first], user_id=analyst.id)
    with pytest.raises(NotAllowedError):
        verification.assign_claims(database, analyst.scope, [first], user_id=bert.id)

    def shown(assigned_to: object) -> list[int]:
        with database.snapshot(everything) as connection:
            found = QueueFilter(assigned_to=assigned_to)  # type: ignore[arg-type] # one of the two kinds
            return [
                one.claim.number
                for one in verification.claims_queue(connection, found, QueueOrder.AGE, limit=9)
            ]

    assert shown(anna.id) == [second]
    assert shown(Assigned.NOBODY) == [first]
    with database.snapshot(everything) as connection:
        work = verification.workload(connection)
    assert {one.name: one.open for one in work.people} == {
        "Anna": 1,
        "Bert": 0,
        # Who let the participant in.
        "Checker": 0,
    }
    assert work.unassigned.open == 1
    verification.assign_claims(database, bert.scope, [second], user_id=None)
    assert shown(Assigned.NOBODY) == [first, second]


def test_what_waits_longer_than_the_programme_allows_is_escalated_once_and_counted(
    database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    club(database)
    bring(database, everything, [row()])
    anna = somebody(database, Role.OPERATOR, name="anna")
    late = claim(database, everything, person(database)).number
    assert verification.escalate_overdue(database) == 0
    monkeypatch.setattr(deadlines, "now", lambda: now() + timedelta(days=4))
    assert verification.escalate_overdue(database) == 1
    assert verification.escalate_overdue(database) == 0
    with database.snapshot(everything) as connection:
        work = verification.workload(connection)
        overdue = verification.claims_queue(connection, QueueFilter(is_overdue=True), QueueOrder.AGE, limit=9)
        summary = verification.queue_summary(connection)
    assert (work.overdue, work.escalated, summary.overdue) == (1, 1, 1)
    assert [one.claim.number for one in overdue] == [late]
    approve_as_shown(database, anna.scope, [late])
    with database.snapshot(everything) as connection:
        work = verification.workload(connection)
        (person_work,) = [one for one in work.people if one.name == "Anna"]
    assert (work.overdue, person_work.decided_7_days, person_work.decided_30_days) == (0, 1, 1)
    assert person_work.median_hours is not None
    assert 0 <= person_work.median_hours < 1


def test_undecided_claims_reach_every_end_and_a_withdrawn_one_none() -> None:
    for state in UNDECIDED:
        assert {ClaimState.APPROVED, ClaimState.REJECTED, ClaimState.WITHDRAWN} <= CLAIM_MOVES[state]
    assert not CLAIM_MOVES[ClaimState.WITHDRAWN]
    assert ClaimState.PROPOSED not in CLAIM_MOVES[ClaimState.APPROVED] | CLAIM_MOVES[ClaimState.REJECTED]
