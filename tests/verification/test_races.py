"""Many decide at once about the same sold piece."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from loyalty_core import verification
from loyalty_core.access import Role
from loyalty_core.kernel import Database, Refusal, Scope, new_id
from loyalty_core.settlement import check_books, settle_programme
from loyalty_core.verification import ClaimState, store, verdicts
from tests.access.people import somebody
from tests.sales.files import bring, row
from tests.verification.claims import claim, club, person, points
from tests.verification.deciding import approve_as_shown, correct_as_shown, reject_as_shown

PEOPLE = 12


def decided_at_once(database: Database, scope: Scope, numbers: Sequence[int]) -> Counter[str]:
    """Approve each claim in a thread of its own, all begun together, and count the answers."""
    together = threading.Barrier(len(numbers))

    def approve(number: int) -> str:
        together.wait()
        (outcome,) = approve_as_shown(database, scope, [number])
        if outcome.refusal is None:
            return "won"
        assert "a sold piece earns once" in outcome.refusal.lower()
        return "refused"

    with ThreadPoolExecutor(len(numbers)) as pool:
        return Counter(pool.map(approve, numbers))


def claims_of_the_same_piece(database: Database, scope: Scope) -> list[int]:
    club(database)
    bring(database, scope, [row(unit_price="50.00")])
    people = [person(database, code=f"A{number}") for number in range(PEOPLE)]
    return [claim(database, scope, one).number for one in people]


def test_of_many_claims_of_one_sold_piece_one_wins_and_the_others_are_refused(
    committed_database: Database, everything: Scope
) -> None:
    numbers = claims_of_the_same_piece(committed_database, everything)
    assert decided_at_once(committed_database, everything, numbers) == {"won": 1, "refused": PEOPLE - 1}
    settle_programme(committed_database, everything, "club")
    assert sum(points(committed_database, everything).values()) == 5
    assert all(check.ok for check in check_books(committed_database))


def test_without_the_lock_one_sold_piece_earns_more_than_once(
    committed_database: Database, owner_url: str, everything: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = committed_database
    numbers = claims_of_the_same_piece(database, everything)
    all_have_looked = threading.Barrier(PEOPLE)

    def look(
        connection: Connection, programme_id: UUID | None, lines: Sequence[tuple[int, UUID, Decimal]]
    ) -> dict[int, Decimal]:
        found = connection.execute(text("select sales_line_id, units_claimed from claimed_line")).all()
        all_have_looked.wait(60)
        return {line[0]: Decimal(0) for line in lines} | {one[0]: one[1] for one in found}

    monkeypatch.setattr(store, "lock_units", look)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(
            "insert into claimed_line (sales_line_id, programme_id, company_id, units_sold, units_claimed)"
            " select l.id, p.id, l.company_id, l.quantity, 0 from sales_line l cross join programme p"
            " on conflict do nothing"
        )
    assert decided_at_once(database, everything, numbers) == {"won": PEOPLE}
    settle_programme(database, everything, "club")
    assert sum(points(database, everything).values()) == 5 * PEOPLE
    broken = [check.name for check in check_books(database) if not check.ok]
    assert broken == ["claimed units of a line are those of its approved claims"]


def test_a_correction_and_an_approval_of_the_same_piece_at_once_do_not_both_take_it(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    club(database)
    bring(database, everything, [row(quantity="2"), row(invoice_no="I2")])
    ana = person(database)
    first = claim(database, everything, ana, quantity=Decimal(2)).number
    second = claim(database, everything, ana).number
    with database.snapshot(everything) as connection:
        line = verification.queued_claim(connection, first).best
    assert line is not None
    together = threading.Barrier(2)

    def correct() -> bool:
        together.wait()
        try:
            correct_as_shown(
                database,
                everything,
                second,
                sales_line_id=line.sales_line_id,
                quantity=Decimal(1),
                reason="One of the two.",
            )
        except verification.UnitsTakenError:
            return False
        return True

    def approve() -> bool:
        together.wait()
        return approve_as_shown(database, everything, [first])[0].refusal is None

    with ThreadPoolExecutor(2) as pool:
        outcomes = [one.result() for one in (pool.submit(correct), pool.submit(approve))]
    assert sorted(outcomes) == [False, True]
    assert all(check.ok for check in check_books(database))


def test_a_form_sent_many_times_at_once_enters_one_claim(
    committed_database: Database, everything: Scope
) -> None:
    database, key = committed_database, new_id()
    club(database)
    bring(database, everything, [row()])
    ana = person(database)
    together = threading.Barrier(PEOPLE)

    def enter(_time: int) -> int:
        together.wait()
        return claim(database, everything, ana, request_key=key).number

    with ThreadPoolExecutor(PEOPLE) as pool:
        assert len(set(pool.map(enter, range(PEOPLE)))) == 1
    with database.snapshot(everything) as connection:
        assert verification.count_claims_of_participant(connection, ana) == 1


def asked_and_more(database: Database, scope: Scope) -> tuple[int, list[Scope]]:
    """Return a waiting claim, and the scopes of operators who may all see to it."""
    club(database)
    bring(database, scope, [row()])
    made = claim(database, scope, person(database))
    people = [somebody(database, Role.OPERATOR, name=f"op{number}").scope for number in range(6)]
    return made.number, people


def at_once(works: Sequence[Callable[[], object]]) -> Counter[str]:
    """Do each in a thread of its own, all begun together, and count who got through and who was refused."""
    together = threading.Barrier(len(works))

    def do(work: Callable[[], object]) -> str:
        together.wait()
        try:
            work()
        except Refusal as refusal:
            return type(refusal).__name__
        return "won"

    with ThreadPoolExecutor(len(works)) as pool:
        return Counter(pool.map(do, works))


def events_of(database: Database, scope: Scope, number: int) -> Counter[str]:
    with database.snapshot(scope) as connection:
        kinds = connection.execute(
            text("select kind from claim_event where claim_number = :number"), {"number": number}
        )
        return Counter(kinds.scalars())


def asks(database: Database, people: Sequence[Scope], number: int) -> list[Callable[[], object]]:
    return [
        partial(
            verification.ask_claimant,
            database,
            one,
            number,
            question=f"Which day, asks {one.actor_name}?",
            request_key=new_id(),
        )
        for one in people
    ]


def answers(database: Database, scope: Scope, number: int) -> list[Callable[[], object]]:
    return [
        partial(
            verification.answer_question,
            database,
            scope,
            number,
            answer=f"The {day}th.",
            request_key=new_id(),
        )
        for day in range(10, 16)
    ]


def test_of_many_who_ask_at_once_one_asks_and_of_many_answers_one_counts(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    number, people = asked_and_more(database, everything)
    assert at_once(asks(database, people, number)) == {"won": 1, "ClaimDecidedError": 5}
    assert at_once(answers(database, everything, number)) == {"won": 1, "NothingAskedError": 5}
    assert events_of(database, everything, number) == {"asked": 1, "answered": 1}
    with database.snapshot(everything) as connection:
        assert verification.claim_by_number(connection, number).state is ClaimState.WAITING


def test_without_the_lock_many_ask_at_once(
    committed_database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = committed_database
    number, people = asked_and_more(database, everything)
    all_have_looked = threading.Barrier(len(people))

    def look(connection: Connection, scope: Scope, number: int) -> verification.Claim:
        found = store.claim_by_number(connection, number)
        all_have_looked.wait(60)
        return found

    monkeypatch.setattr(store, "lock_claim_in_sight", look)
    assert at_once(asks(database, people, number)) == {"won": 6}
    assert events_of(database, everything, number) == {"asked": 6}


def test_a_form_sent_many_times_at_once_asks_once(committed_database: Database, everything: Scope) -> None:
    database, key = committed_database, new_id()
    number, people = asked_and_more(database, everything)

    def ask() -> object:
        return verification.ask_claimant(database, people[0], number, question="Which day?", request_key=key)

    assert at_once([ask] * 6) == {"won": 6}
    assert events_of(database, everything, number) == {"asked": 1}


def test_a_question_and_a_decision_at_once_leave_a_claim_that_is_decided(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    number, people = asked_and_more(database, everything)

    def reject() -> object:
        (outcome,) = reject_as_shown(database, people[0], [number], reason="Not ours.")
        assert outcome.refusal is None
        return outcome

    done = at_once([reject, *asks(database, people[1:2], number)])
    # Asked first, it is decided all the same; decided first, nobody is asked any more.
    assert done["won"] + done["ClaimDecidedError"] == 2
    assert events_of(database, everything, number)["asked"] == done["won"] - 1
    with database.snapshot(everything) as connection:
        assert verification.claim_by_number(connection, number).state is ClaimState.REJECTED
        assert verification.open_questions(connection, [number]) == {}


def test_a_claim_given_to_many_at_once_is_one_persons_and_each_giving_is_told(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    number, people = asked_and_more(database, everything)

    def give(to: Scope) -> object:
        (outcome,) = verification.assign_claims(database, everything, [number], user_id=to.user_id)
        assert outcome.refusal is None
        return outcome

    assert at_once([partial(give, one) for one in people]) == {"won": 6}
    with database.snapshot(everything) as connection:
        held = verification.claim_by_number(connection, number)
        story = verification.claim_story(connection, number)
    given = [one.detail["to"] for one in story if one.kind is verification.StoryKind.ASSIGNED]
    assert len(given) == 6
    assert given[-1] == held.assigned_to_name


@pytest.mark.parametrize("is_held", [True, False])
def test_claims_judged_in_parts_and_at_once_wait_for_each_other_and_without_the_lock_meet_in_a_deadlock(
    committed_database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch, is_held: bool
) -> None:
    database = committed_database
    club(database)
    bring(
        database, everything, [row(company_code=code, invoice_no=no) for code in "AB" for no in ("I1", "I2")]
    )
    with database.transaction(everything) as connection:
        first, second = connection.execute(text("select code from company order by id")).scalars()
    # The part that is judged first holds the higher numbers.
    late = claim(database, everything, person(database, second, "second")).number
    of_first = person(database, first, "first")
    early, beside = (claim(database, everything, of_first, invoice_no=no).number for no in ("I1", "I2"))
    monkeypatch.setattr(verdicts, "_TOGETHER", 2)
    if not is_held:
        monkeypatch.setattr(verdicts, "_hold", lambda _connection, _numbers: None)

    def judge(*numbers: int) -> str:
        try:
            with database.transaction(everything) as connection:
                verdicts.judge_claims(connection, everything, numbers=numbers)
        except DBAPIError as error:
            return type(error.orig).__name__
        return "judged"

    fetch = verdicts._fetch
    others: list[Future[str]] = []
    with ThreadPoolExecutor(1) as pool:

        def fetch_and_let_another_begin(connection: Connection, numbers: Sequence[int]) -> object:
            found = fetch(connection, numbers)
            if not others:
                others.append(pool.submit(judge, early, late))
                # Long enough to come to the claim that is locked here, and shorter than PostgreSQL's own patience.
                threading.Event().wait(0.5)
            return found

        monkeypatch.setattr(verdicts, "_fetch", fetch_and_let_another_begin)
        answers = {judge(early, beside, late), others[0].result()}
    assert answers == ({"judged"} if is_held else {"judged", "DeadlockDetected"})
