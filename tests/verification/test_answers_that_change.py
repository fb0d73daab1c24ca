"""What was said or decided of a claim, when the sales, the file or another claim behind it change afterwards."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from laurel.registers import DATASETS
from loyalty_core import intake, verification
from loyalty_core.access import Role
from loyalty_core.kernel import Database, Scope, new_id
from loyalty_core.settlement import settle_programme
from loyalty_core.verification import (
    ClaimState,
    DecisionKind,
    Verdict,
    judge_due_claims,
    verdicts,
)
from tests.access.people import somebody
from tests.corrections.undoing import broken, undo
from tests.intake.field import settings_in
from tests.sales.files import bring, row
from tests.verification.claims import CLUB, PARTNERS, claim, club, line_id, person, points
from tests.verification.deciding import approve_as_shown, correct_as_shown
from tests.verification.test_files_of_claims import imported, one, reasons
from tests.verification.test_two_people import TWO, costly, operator, proposed_hash, state_of

SAME_DAY = date(2026, 3, 10)


def verdict_of(database: Database, scope: Scope, number: int) -> Verdict | None:
    with database.transaction(scope) as connection:
        return verification.claim_by_number(connection, number).verdict


def test_claims_of_an_undone_file_may_come_again_under_their_numbers(
    committed_database: Database, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    club(database, PARTNERS)
    bring(database, everything, [row(quantity="3", unit_price="20.00")])
    rows = [one(quantity="2"), one(claim_no="K-2", company_code="C9")]
    first = imported(database, everything, tmp_path, rows)
    settle_programme(database, everything, "partners")
    undo(database, everything, first.id)
    assert points(database, everything) == {"C1": 0}
    # The same numbers, the second time with what was meant: the first time is no conflict, and nothing is repeated.
    right = [one(quantity="3"), one(claim_no="K-2", company_code="C9", quantity="4")]
    second = imported(database, everything, tmp_path, right, "again.csv")
    assert reasons(database, everything, second) == {}
    assert (second.accepted, second.duplicates) == (2, 0)
    with database.transaction(everything) as connection:
        found = [(one.claim_no, one.decision) for one in verification.export_claims(connection, second.id)]
    assert found == [("K-1", "approved"), ("K-2", "queued")]
    settle_programme(database, everything, "partners")
    assert points(database, everything) == {"C1": 6}
    # What stands keeps its number to itself.
    with pytest.raises(verification.ClaimNumberTakenError):
        claim(database, everything, company_code="C1", claim_no="K-1")
    third = imported(database, everything, tmp_path, right, "third.csv")
    assert (third.accepted, third.duplicates) == (0, 2)
    undo(database, everything, second.id)
    entered = claim(database, everything, company_code="C1", claim_no="K-1", quantity=Decimal(3))
    assert entered.claim_no == "K-1"
    assert broken(database) == []


def test_claims_of_two_companies_that_nobody_knows_do_not_repeat_each_other(
    committed_database: Database, everything: Scope, tmp_path: Path
) -> None:
    club(committed_database, PARTNERS)
    bring(committed_database, everything, [row()])
    found = imported(
        committed_database,
        everything,
        tmp_path,
        [
            one(claim_no="K-1", company_code="C8"),
            one(claim_no="K-2", company_code="C9"),
            one(claim_no="K-3", company_code="C9"),
        ],
    )
    with committed_database.transaction(everything) as connection:
        said = [one.verdict for one in verification.export_claims(connection, found.id)]
    assert said == ["claimed_by_another_customer", "claimed_by_another_customer", "duplicate_claim"]


def test_what_was_proposed_under_another_verdict_is_withdrawn(database: Database, everything: Scope) -> None:
    club(database, TWO)
    bring(database, everything, [row(invoice_no="560119", unit_price="60.00")])
    ana = person(database)
    made = claim(database, everything, ana, invoice_no="560191", sold_on=SAME_DAY)
    anna, bert = operator(database, "anna"), operator(database, "bert")
    approve_as_shown(database, anna.scope, [made.number])
    shown = proposed_hash(database, everything, made.number)
    # The invoice that it names is reported after all: it was no slip of the pen.
    bring(database, everything, [row(invoice_no="560191", unit_price="70.00", quantity="1")])
    assert judge_due_claims(database) == 1
    assert verdict_of(database, everything, made.number) is Verdict.MATCH
    assert state_of(database, everything, made.number) is ClaimState.WAITING
    with database.transaction(everything) as connection:
        assert verification.waiting_proposals(connection, [made.number]) == {}
    with pytest.raises(verification.NothingProposedError):
        verification.second_decision(database, bert.scope, made.number, payload_hash=shown, agrees=True)


def test_what_agrees_after_its_proposal_was_withdrawn_is_approved_by_rule(
    database: Database, everything: Scope
) -> None:
    club(database, TWO)
    bring(database, everything, [row(invoice_no="560119", unit_price="60.00")])
    made = claim(database, everything, person(database), invoice_no="560191", sold_on=SAME_DAY)
    anna = operator(database, "anna")
    approve_as_shown(database, anna.scope, [made.number])
    assert state_of(database, everything, made.number) is ClaimState.PROPOSED
    bring(database, everything, [row(invoice_no="560191", unit_price="40.00", quantity="1")])
    assert judge_due_claims(database) == 1
    assert state_of(database, everything, made.number) is ClaimState.APPROVED
    with database.transaction(everything) as connection:
        (decision,) = verification.history(connection, made.number)
        assert verification.waiting_proposals(connection, [made.number]) == {}
    assert (decision.is_by_rule, decision.amount_minor) == (True, 4000)


def test_what_a_verdict_leaves_as_it_was_stays_proposed(database: Database, everything: Scope) -> None:
    made = costly(database, everything)
    anna, bert = operator(database, "anna"), operator(database, "bert")
    approve_as_shown(database, anna.scope, [made.number])
    bring(database, everything, [row(invoice_no="I7", unit_price="60.00")])
    judge_due_claims(database)
    shown = proposed_hash(database, everything, made.number)
    verification.second_decision(database, bert.scope, made.number, payload_hash=shown, agrees=True)
    assert state_of(database, everything, made.number) is ClaimState.APPROVED


def test_a_claim_that_repeated_a_withdrawn_one_is_judged_again(
    committed_database: Database, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    club(database, PARTNERS)
    bring(database, everything, [row()])
    first = imported(database, everything, tmp_path, [one()])
    second = claim(database, everything, company_code="C1", sold_on=SAME_DAY)
    assert second.verdict is Verdict.DUPLICATE_CLAIM
    judge_due_claims(database)
    undo(database, everything, first.id)
    assert judge_due_claims(database) == 1
    assert state_of(database, everything, second.number) is ClaimState.APPROVED
    assert judge_due_claims(database) == 0
    assert broken(database) == []


def test_units_that_a_correction_gives_back_judge_again_who_asked_for_them(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(database, everything, [row(quantity="2"), row(invoice_no="I2")])
    first = claim(database, everything, person(database), quantity=Decimal(2), sold_on=SAME_DAY)
    second = claim(database, everything, person(database, code="A2"), sold_on=SAME_DAY)
    assert (first.verdict, second.verdict) == (Verdict.MATCH, Verdict.DUPLICATE_CLAIM)
    judge_due_claims(database)
    correct_as_shown(
        database,
        everything,
        first.number,
        sales_line_id=line_id(database, everything, invoice_no="I2"),
        quantity=Decimal(1),
        reason="It was the other invoice.",
    )
    judge_due_claims(database)
    assert verdict_of(database, everything, second.number) is Verdict.MATCH_PARTIAL
    assert state_of(database, everything, second.number) is ClaimState.APPROVED


def test_an_approval_pays_no_less_than_what_the_programme_tolerates(
    database: Database, everything: Scope
) -> None:
    club(database, CLUB.replace("rules:", "verification: {second_person_above: 19.99}\nrules:"))
    bring(database, everything, [row(quantity="10", unit_price="10.00")])
    dear = claim(database, everything, person(database), quantity=Decimal(10), sold_on=SAME_DAY)
    assert (dear.verdict, dear.state) == (Verdict.MATCH, ClaimState.WAITING)
    bea = person(database, code="bea")
    for _time in range(9):
        claim(database, everything, bea, quantity=Decimal(1))
    anna = operator(database, "anna")
    with database.transaction(everything) as connection:
        waiting = list(
            connection.execute(
                text(
                    "select number from claim where quantity = 1 and state = 'waiting' order by number limit 1"
                )
            ).scalars()
        )
    (outcome,) = approve_as_shown(database, anna.scope, waiting)
    assert outcome.refusal is None
    (outcome,) = approve_as_shown(database, anna.scope, [dear.number])
    assert "9 are left to claim" in (outcome.refusal or "")


def test_what_came_back_is_not_paid_for_by_an_approval(database: Database, everything: Scope) -> None:
    club(database)
    bring(database, everything, [row(quantity="10"), row(quantity="-4")])
    made = claim(database, everything, person(database), quantity=Decimal(10), sold_on=SAME_DAY)
    assert made.verdict is Verdict.INFLATED_QUANTITY
    (outcome,) = approve_as_shown(database, everything, [made.number])
    assert "6 are left to claim" in (outcome.refusal or "")
    # What a person says in so many words, counts.
    correct_as_shown(
        database,
        everything,
        made.number,
        sales_line_id=line_id(database, everything, quantity=10),
        quantity=Decimal(6),
        reason="Four came back.",
    )
    assert state_of(database, everything, made.number) is ClaimState.APPROVED


def test_a_second_person_agrees_with_the_amount_that_was_shown_and_no_other(
    database: Database, everything: Scope
) -> None:
    club(database, TWO)
    bring(database, everything, [row(unit_price="40.00"), row(unit_price="100.00")])
    made = claim(database, everything, person(database))
    anna, bert = operator(database, "anna"), operator(database, "bert")
    with database.transaction(everything) as connection:
        cheap = connection.execute(
            text("select id from sales_line order by amount_minor limit 1")
        ).scalar_one()
    correct_as_shown(
        database, anna.scope, made.number, sales_line_id=cheap, quantity=Decimal(1), reason="The small one."
    )
    shown = proposed_hash(database, everything, made.number)
    other = claim(database, everything, person(database, code="bea"), invoice_no="I9", product_code="P9")
    correct_as_shown(
        database, anna.scope, other.number, sales_line_id=cheap, quantity=Decimal(1), reason="It is hers."
    )
    with pytest.raises(verification.ProposalOutdatedError):
        verification.second_decision(database, bert.scope, made.number, payload_hash=shown, agrees=True)
    assert state_of(database, everything, made.number) is ClaimState.PROPOSED


def test_a_form_sent_again_after_another_decided_differently_changes_nothing(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(database, everything, [row(quantity="5")])
    made = claim(database, everything, person(database), quantity=Decimal(5))
    line, key = line_id(database, everything, invoice_no="I1"), new_id()

    def correct(units: int, request_key: object) -> None:
        correct_as_shown(
            database,
            everything,
            made.number,
            sales_line_id=line,
            quantity=Decimal(units),
            reason="Counted again.",
            request_key=request_key,  # type: ignore[arg-type] # an id
        )

    correct(4, key)
    correct(3, new_id())
    correct(4, key)
    with database.transaction(everything) as connection:
        decisions = verification.history(connection, made.number)
    assert [int(one.quantity or 0) for one in decisions] == [4, 3]


def test_nobody_decides_what_a_colleague_claims_for_the_company_they_take_part_for(
    database: Database, everything: Scope
) -> None:
    club(database, PARTNERS)
    bring(database, everything, [row()])
    ora = somebody(database, Role.OPERATOR, Role.ADMIN, name="ora")
    person(database, code="ora", user_id=ora.id)
    made = claim(database, everything, person(database, code="colleague"))
    (outcome,) = approve_as_shown(database, ora.scope, [made.number])
    assert outcome.refusal is not None
    assert state_of(database, everything, made.number) is ClaimState.WAITING


def test_what_a_person_corrected_is_not_approved_by_rule_when_its_sale_comes_again(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    club(database)
    lines = [row(quantity="5")]
    wrong = bring(database, everything, lines)
    made = claim(database, everything, person(database), quantity=Decimal(5), sold_on=SAME_DAY)
    assert made.state is ClaimState.APPROVED
    correct_as_shown(
        database,
        everything,
        made.number,
        sales_line_id=line_id(database, everything, invoice_no="I1"),
        quantity=Decimal(2),
        reason="Two of the five were for somebody else.",
    )
    undo(database, everything, wrong.import_id)
    bring(database, everything, lines)
    judge_due_claims(database)
    assert verdict_of(database, everything, made.number) is Verdict.MATCH
    assert state_of(database, everything, made.number) is ClaimState.WAITING
    with database.transaction(everything) as connection:
        kinds = [one.kind for one in verification.history(connection, made.number)]
    assert kinds == [DecisionKind.APPROVE, DecisionKind.CORRECT, DecisionKind.REOPEN]


def test_of_two_that_say_the_same_at_once_the_second_repeats_the_first_though_units_are_left(
    committed_database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = committed_database
    club(database, PARTNERS)
    bring(database, everything, [row(quantity="2")])
    first_has_units, second_has_looked = threading.Event(), threading.Event()
    approve, beside = verdicts._approve, verdicts._taken

    def approve_late(*arguments: object) -> int:
        first_has_units.set()
        # The other one comes as far as the units that this one has locked, and waits for them.
        second_has_looked.wait(10)
        return approve(*arguments)  # type: ignore[arg-type] # what the caller gave

    def enter(name: str) -> Verdict | None:
        return claim(
            database, everything, company_code="C1", claim_no=name, sold_on=SAME_DAY, quantity=Decimal(1)
        ).verdict

    def taken(connection: Connection, *arguments: object) -> object:
        if first_has_units.is_set():
            second_has_looked.set()
        return beside(connection, *arguments)  # type: ignore[arg-type] # what the caller gave

    monkeypatch.setattr(verdicts, "_approve", approve_late)
    monkeypatch.setattr(verdicts, "_taken", taken)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(enter, "K-1")
        assert first_has_units.wait(20)
        second = pool.submit(enter, "K-2")
        assert (first.result(), second.result()) == (Verdict.MATCH_PARTIAL, Verdict.DUPLICATE_CLAIM)


def test_who_corrected_a_claims_row_does_not_decide_the_claim(
    committed_database: Database, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    club(database, PARTNERS)
    bring(database, everything, [row(quantity="3")])
    anna, bert = operator(database, "anna"), operator(database, "bert")
    rows = [one(claim_no=f"K-{number}", invoice_no=f"X{number}") for number in range(20)]
    found = imported(database, everything, tmp_path, [*rows, one(claim_no="K-99", quantity="many")])
    settings = settings_in(tmp_path / "home")
    repair_id = intake.start_repair(
        database,
        anna.scope,
        import_id=found.id,
        cells={("", 22): {"quantity": "3", "sold_on": "2026-03-20"}},
        request_key=new_id(),
        defers=False,
    )
    repair = intake.run_repair(database, settings, repair_id, datasets=DATASETS, scope=anna.scope)
    assert (repair.accepted, repair.refusal) == (1, None)
    with database.transaction(everything) as connection:
        number = connection.execute(text("select number from claim where claim_no = 'K-99'")).scalar_one()
    (outcome,) = approve_as_shown(database, anna.scope, [number])
    assert "entered claim K-99 yourself" in (outcome.refusal or "")
    (outcome,) = approve_as_shown(database, bert.scope, [number])
    assert outcome.refusal is None
