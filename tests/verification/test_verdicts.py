"""Claims judged in the database: by form, by file and when sales come late; what the rule approves, and what not."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from loyalty_core import verification
from loyalty_core.kernel import Database, Scope
from loyalty_core.settlement import check_books, settle_programme
from loyalty_core.verification import Claim, ClaimState, Verdict, judge_due_claims, verdicts
from loyalty_core.verification.judgement import Taken
from tests.sales.files import bring, row
from tests.verification import claims
from tests.verification.claims import PARTNERS, club, person, points
from tests.verification.deciding import correct_as_shown
from tests.verification.test_files_of_claims import imported, one, reasons


def claim(database: Database, scope: Scope, participant_id: UUID | None = None, **values: Any) -> Claim:
    """Enter a claim that says the very day of the sale."""
    return claims.claim(database, scope, participant_id, **{"sold_on": date(2026, 3, 10), **values})


def again(database: Database, scope: Scope, number: int) -> Claim:
    with database.transaction(scope) as connection:
        return verification.claim_by_number(connection, number)


def exported(database: Database, scope: Scope, found_id: object) -> list[tuple[str, str, str]]:
    with database.transaction(scope) as connection:
        rows = verification.export_claims(connection, found_id)  # type: ignore[arg-type]  # an import's id
        return [(row.claim_no, row.verdict, row.decision) for row in rows]


def test_a_claim_that_agrees_is_approved_by_rule_as_it_is_entered_and_earns(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(database, everything, [row(quantity="2", unit_price="10.00")])
    entered = claim(database, everything, person(database), quantity=Decimal(2))
    assert (entered.state, entered.verdict, entered.approved_quantity) == (
        ClaimState.APPROVED,
        Verdict.MATCH,
        Decimal(2),
    )
    with database.transaction(everything) as connection:
        (decision,) = verification.history(connection, entered.number)
        assert (decision.is_by_rule, decision.decided_by, decision.amount_minor) == (True, None, 2000)
        assert not any(verification.broken_claims(connection).values())
    settle_programme(database, everything, "club")
    assert points(database, everything) == {"A1": 2}


def test_a_product_in_two_lines_of_an_invoice_earns_for_both_and_each_unit_once(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(
        database, everything, [row(quantity="3", unit_price="10.00"), row(quantity="4", unit_price="20.00")]
    )
    first = claim(database, everything, person(database), quantity=Decimal(7))
    second = claim(database, everything, person(database, code="A2"), quantity=Decimal(1))
    assert (first.verdict, first.approved_quantity) == (Verdict.MATCH, Decimal(7))
    assert (second.verdict, second.state) == (Verdict.DUPLICATE_CLAIM, ClaimState.WAITING)
    settle_programme(database, everything, "club")
    assert points(database, everything) == {"A1": 11}
    assert all(check.ok for check in check_books(database))
    # Taken back, the units of both lines are free again.
    correct_as_shown(
        database, everything, first.number, sales_line_id=None, quantity=Decimal(0), reason="not his"
    )
    with database.transaction(everything) as connection:
        assert connection.execute(text("select sum(units_claimed) from claimed_line")).scalar_one() == 0
        assert not any(verification.broken_claims(connection).values())


def test_a_sale_that_is_reported_late_judges_what_waits_again(database: Database, everything: Scope) -> None:
    club(database)
    bring(database, everything, [row(invoice_no="I0")])
    early = claim(database, everything, person(database))
    assert (early.verdict, early.state) == (Verdict.UNKNOWN_INVOICE, ClaimState.WAITING)
    bring(database, everything, [row()])
    assert judge_due_claims(database) == 1
    late = again(database, everything, early.number)
    assert (late.verdict, late.state) == (Verdict.MATCH, ClaimState.APPROVED)
    with database.transaction(everything) as connection:
        said = connection.execute(text("select verdict from claim_verdict order by id")).scalars().all()
    assert said == ["unknown_invoice", "match"]


def test_a_claim_of_another_product_of_an_invoice_is_told_so_until_a_line_brings_it(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(database, everything, [row(), row(company_code="C2", invoice_no="J1")])
    early = claim(database, everything, person(database), product_code="instant coffee")
    elsewhere = claim(database, everything, person(database, code="A2"), invoice_no="J1", product_code="tea")
    assert (early.verdict, early.state) == (Verdict.UNKNOWN_PRODUCT, ClaimState.WAITING)
    # Another company's invoice is none of this company's.
    assert elsewhere.verdict is Verdict.UNKNOWN_INVOICE
    bring(database, everything, [row(product_code="instant coffee")])
    assert judge_due_claims(database) >= 1
    late = again(database, everything, early.number)
    assert (late.verdict, late.state) == (Verdict.MATCH, ClaimState.APPROVED)


def test_where_nothing_is_new_nothing_is_judged(committed_database: Database, everything: Scope) -> None:
    club(committed_database)
    bring(committed_database, everything, [row()])
    number = claim(committed_database, everything, person(committed_database), invoice_no="I9").number
    judge_due_claims(committed_database)
    assert judge_due_claims(committed_database) == 0
    # Another company's sale is none of its business, its own is.
    bring(committed_database, everything, [row(company_code="C2", invoice_no="I5")])
    assert judge_due_claims(committed_database) == 0
    bring(committed_database, everything, [row(invoice_no="I9")])
    assert judge_due_claims(committed_database) == 1
    assert again(committed_database, everything, number).state is ClaimState.APPROVED
    assert judge_due_claims(committed_database) == 0


def test_above_a_programmes_value_what_agrees_waits_for_people(database: Database, everything: Scope) -> None:
    club(database, PARTNERS.replace("rules:", "verification: {second_person_above: 19.99}\nrules:"))
    bring(database, everything, [row(quantity="2"), row(quantity="1", invoice_no="I2")])
    dear = claim(database, everything, company_code="C1", quantity=Decimal(2))
    cheap = claim(database, everything, company_code="C1", invoice_no="I2")
    assert (dear.verdict, dear.state) == (Verdict.MATCH, ClaimState.WAITING)
    assert (cheap.verdict, cheap.state) == (Verdict.MATCH, ClaimState.APPROVED)


def test_a_mistyped_invoice_is_proposed_and_anothers_is_told(database: Database, everything: Scope) -> None:
    club(database, PARTNERS)
    bring(database, everything, [row(invoice_no="560119"), row(company_code="C2", invoice_no="770001")])
    typed = claim(database, everything, company_code="C1", invoice_no="560191")
    others = claim(database, everything, company_code="C1", invoice_no="770001")
    assert (typed.verdict, others.verdict) == (
        Verdict.TYPO_IN_INVOICE,
        Verdict.CLAIMED_BY_ANOTHER_CUSTOMER,
    )
    with database.transaction(everything) as connection:
        proposed = connection.execute(
            text("select proposed_invoice_no from claim_verdict where claim_number = :n"), {"n": typed.number}
        ).scalar_one()
    assert proposed == "560119"
    assert {typed.state, others.state} == {ClaimState.WAITING}


def test_an_unknown_company_product_or_invoice_is_a_verdict_and_every_claim_is_exported(
    committed_database: Database, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    club(database, PARTNERS)
    bring(database, everything, [row()])
    found = imported(
        database,
        everything,
        tmp_path,
        [
            one(claim_no="K-1"),
            one(claim_no="K-2", company_code="C9"),
            one(claim_no="K-3", product_code="P9"),
            one(claim_no="K-4", invoice_no="X9"),
        ],
    )
    assert reasons(database, everything, found) == {}
    assert exported(database, everything, found.id) == [
        ("K-1", "match", "approved"),
        ("K-2", "claimed_by_another_customer", "queued"),
        ("K-3", "unknown_product", "queued"),
        ("K-4", "unknown_invoice", "queued"),
    ]
    again_there = imported(database, everything, tmp_path, [one(claim_no="K-2", company_code="C9")], "2.csv")
    assert (again_there.accepted, again_there.duplicates) == (0, 1)
    with database.snapshot(everything) as connection:
        assert not any(verification.broken_claims(connection).values())


def two_at_once(database: Database, scope: Scope) -> list[tuple[str, str]]:
    """Claim the same piece twice at the same time, and return verdict and state of each."""
    club(database, PARTNERS)
    bring(database, scope, [row(unit_price="50.00")])
    together = threading.Barrier(2)

    def bring_in(name: str) -> list[tuple[str, str, str]]:
        together.wait()
        found = claim(database, scope, company_code="C1", claim_no=name)
        return [(name, found.verdict.value if found.verdict else "", found.state.value)]

    with ThreadPoolExecutor(2) as pool:
        rows: Sequence[tuple[str, str, str]] = [
            entry for rows in pool.map(bring_in, ("K-1", "K-2")) for entry in rows
        ]
    return sorted((verdict, state) for _name, verdict, state in rows)


def test_of_two_that_claim_one_piece_at_once_one_is_approved(
    committed_database: Database, everything: Scope
) -> None:
    found = two_at_once(committed_database, everything)
    assert found == [("duplicate_claim", "waiting"), ("match", "approved")]
    settle_programme(committed_database, everything, "partners")
    assert points(committed_database, everything) == {"C1": 5}
    assert all(check.ok for check in check_books(committed_database))


def test_without_the_lock_both_would_take_it(
    committed_database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet = threading.Barrier(2)

    def unlocked(connection: Connection, own: object, near: object) -> Taken:
        taken = Taken()
        meet.wait()
        return taken

    monkeypatch.setattr(verdicts, "_taken", unlocked)
    found = two_at_once(committed_database, everything)
    assert found == [("match", "approved"), ("match", "approved")]
