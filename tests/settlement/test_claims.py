"""Approved claims become points on their claimant's account, and corrections post the difference."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import polars as pl
import psycopg
import pytest
from sqlalchemy import text

from loyalty_core import ledger, settlement, verification
from loyalty_core.kernel import Database, Scope, libpq_url
from loyalty_core.ledger import AccountKind, PostingKind
from loyalty_core.programmes import programme_by_code
from loyalty_core.settlement import check_books, claim_points, settle_due, settle_programme
from loyalty_core.settlement import store as settlement_store
from loyalty_core.verification import deciding, queue, store
from loyalty_core.verification.policy import DecisionKind
from tests.sales.files import bring, row
from tests.verification.claims import CLUB, PARTNERS, claim, club, line_id, person, points
from tests.verification.deciding import approve_as_shown, correct_as_shown, reject_as_shown

SOLD = [
    row(quantity="4", unit_price="25.00"),
    row(invoice_no="I2", product_code="P2", unit_price="70.00", sold_at="2026-04-02T12:00:00+00:00"),
    row(company_code="C2", invoice_no="J1", unit_price="33.00"),
]


def approved(database: Database, scope: Scope, participant_id: UUID | None = None, **values: Any) -> int:
    """Enter a claim, approve it, and return its number."""
    number = claim(database, scope, participant_id, **values).number
    (outcome,) = approve_as_shown(database, scope, [number])
    assert outcome.refusal is None
    return number


def broken(database: Database) -> list[str]:
    return [check.name for check in check_books(database) if not check.ok]


def given(database: Database, scope: Scope, number: int) -> list[tuple[str, int, int, date]]:
    """Return invoice, points, revision and day of each award of a claim."""
    with database.snapshot(scope) as connection:
        awards = settlement.awards_of_claim(connection, number)
        days = connection.execute(
            text("select happened_on from award where claim_number = :number order by id"), {"number": number}
        ).scalars()
        return [
            (one.invoice_no, one.points, one.revision, day) for one, day in zip(awards, days, strict=True)
        ]


def settle(database: Database, scope: Scope, code: str = "club") -> tuple[int, int]:
    """Settle and return awards and points."""
    done = settle_programme(database, scope, code)
    return done.awards, done.points


def test_a_claim_earns_for_the_participant_at_its_lines_price_and_its_points_lead_back_to_the_file(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(database, everything, SOLD)
    ana, bo = person(database, code="ana"), person(database, "C2", "bo")
    number = approved(database, everything, ana, quantity=Decimal(4))
    approved(database, everything, bo, invoice_no="J1")
    waiting = claim(database, everything, ana, invoice_no="I2", product_code="P2").number
    with database.snapshot(everything) as connection:
        before = claim_points(connection, [number, waiting])
    assert (before[number].expected, before[number].posted) == (10, 0)
    assert (before[waiting].expected, before[waiting].posted) == (7, 0)
    assert settle(database, everything) == (2, 13)
    assert settle(database, everything) == (0, 0)
    assert points(database, everything) == {"ana": 10, "bo": 3}
    with database.snapshot(everything) as connection:
        assert claim_points(connection, [number])[number].posted == 10
        programme = programme_by_code(connection, everything, "club")
        account = ledger.account_of(connection, programme.id, AccountKind.PARTICIPANT, ana)
        assert account is not None
        (line,) = ledger.statement(connection, account.id, limit=9)
        (award,) = settlement.awards_of_posting(connection, line.posting_id, limit=9)
        found = verification.claim_by_number(connection, award.claim_number or 0)
        (decision,) = verification.history(connection, found.number)
        (explained,) = settlement.explain_claim(connection, everything, number)
    assert (line.kind, award.points, award.claim_no) == (PostingKind.EARN, 10, found.claim_no)
    assert found.number == number
    assert decision.sales_line_id == award.sales_line_id
    assert (award.file_name, award.row_no, award.basis_minor) == ("tills.csv", 2, 10_000)
    assert explained.points == 10
    assert "The claim's €100.00 hold 10 of them: 10 points." in explained.sentence
    assert broken(database) == []


def test_a_company_collects_for_claims_where_the_programme_says_so_and_sales_alone_earn_nothing(
    database: Database, everything: Scope
) -> None:
    club(database, PARTNERS)
    bring(database, everything, SOLD)
    approved(database, everything, company_code="C1", quantity=Decimal(4))
    approved(database, everything, person(database, "C2", "bo"), invoice_no="J1")
    assert settle(database, everything, "partners") == (2, 13)
    assert points(database, everything) == {"C1": 10, "C2": 3}
    assert broken(database) == []


@pytest.mark.parametrize("is_settled_between", [True, False])
def test_a_correction_ends_in_the_same_points_before_and_after_a_settlement(
    database: Database, everything: Scope, is_settled_between: bool
) -> None:
    club(database)
    bring(database, everything, SOLD)
    ana = person(database, code="ana")
    number = approved(database, everything, ana, quantity=Decimal(4))
    first, second = (line_id(database, everything, invoice_no=invoice) for invoice in ("I1", "I2"))
    for sales_line_id, quantity, held in ((first, 3, 7), (second, 1, 7), (first, 2, 5), (None, 0, 0)):
        if is_settled_between:
            settle(database, everything)
        correct_as_shown(
            database,
            everything,
            number,
            sales_line_id=sales_line_id,
            quantity=Decimal(quantity),
            reason="Looked again.",
        )
        if is_settled_between:
            settle(database, everything)
            assert points(database, everything) == {"ana": held}
        assert broken(database) == []
    settle(database, everything)
    assert points(database, everything) == ({"ana": 0} if is_settled_between else {})
    march, april = date(2026, 3, 10), date(2026, 4, 2)
    assert given(database, everything, number) == (
        [
            ("I1", 10, 1, march),
            # On the same line the difference; on another what was held goes back where it was given.
            ("I1", -3, 2, march),
            ("I1", -7, 3, march),
            ("I2", 7, 4, april),
            ("I2", -7, 5, april),
            ("I1", 5, 6, march),
            ("I1", -5, 7, march),
        ]
        if is_settled_between
        else []
    )


def test_new_rules_post_the_differences_of_every_claim(database: Database, everything: Scope) -> None:
    club(database)
    bring(database, everything, SOLD)
    ana = person(database, code="ana")
    approved(database, everything, ana, quantity=Decimal(4))
    settle(database, everything)
    club(database, CLUB.replace("points: 1", "points: 3"))
    assert settle(database, everything) == (1, 20)
    # Until March only, so that a line of April counts no more.
    number = approved(database, everything, ana, invoice_no="I2", product_code="P2")
    assert settle(database, everything) == (1, 21)
    club(database, CLUB.replace("2026-05-31", "2026-03-31"))
    assert settle(database, everything) == (2, -41)
    assert points(database, everything) == {"ana": 10}
    with database.snapshot(everything) as connection:
        (explained,) = settlement.explain_claim(connection, everything, number)
        found = claim_points(connection, [number])[number]
    assert explained.points is None
    assert "after the programme's last day" in explained.sentence
    assert (found.expected, found.posted) == (0, 0)
    assert broken(database) == []


def test_a_claim_without_a_programme_is_verified_and_earns_nothing(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(database, everything, SOLD)
    number = approved(
        database,
        everything,
        company_code="C1",
        quantity=Decimal(4),
        source=verification.ClaimSource.FILE,
    )
    assert settle(database, everything) == (0, 0)
    with database.snapshot(everything) as connection:
        assert claim_points(connection, [number])[number].expected == 0
        assert settlement.explain_claim(connection, everything, number) == []
    assert broken(database) == []


def runs(database: Database, scope: Scope) -> int:
    with database.snapshot(scope) as connection:
        return int(connection.execute(text("select count(*) from settlement")).scalar_one())


def mark(database: Database, scope: Scope) -> list[tuple[Any, ...]]:
    with database.snapshot(scope) as connection:
        return [tuple(one) for one in connection.execute(text("select *, xmin::text from settlement_mark"))]


def test_decided_claims_are_settled_by_themselves_once_though_an_old_transaction_holds_the_mark_back(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    club(database)
    bring(database, everything, SOLD)
    ana = person(database, code="ana")
    assert settle_due(database) == 0
    with database.transaction(everything) as old:
        old.execute(text("select pg_current_xact_id()"))
        approved(database, everything, ana, quantity=Decimal(4))
        assert settle_due(database) == 1
        before = mark(database, everything)
        for _time in range(3):
            assert settle_due(database) == 0
        # Not even the mark was written: nothing was due, so nothing was scored.
        assert mark(database, everything) == before
        rejected = claim(database, everything, ana, invoice_no="I2", product_code="P2").number
        reject_as_shown(database, everything, [rejected], reason="No photo.")
        assert settle_due(database) == 0
        assert mark(database, everything) != before
    assert runs(database, everything) == 1
    assert points(database, everything) == {"ana": 10}
    club(database, CLUB.replace("points: 1", "points: 2"))
    assert settle_due(database) == 1
    assert points(database, everything) == {"ana": 20}
    assert settle_due(database) == 0
    assert broken(database) == []


def test_a_decision_whose_transaction_ends_after_a_settlement_is_not_missed(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    club(database)
    bring(database, everything, SOLD)
    ana = person(database, code="ana")
    late = claim(database, everything, ana, invoice_no="I2", product_code="P2").number
    with database.transaction(everything) as slow:
        found = store.lock_claim(slow, late)
        line = queue.queued_claim(slow, late).best
        assert line is not None
        deciding.carry_out(
            slow,
            everything,
            found,
            deciding.plan_at(slow, found, line, found.quantity, DecisionKind.APPROVE),
            request_key=None,
        )
        approved(database, everything, ana, quantity=Decimal(4))
        assert settle_due(database) == 1
        assert points(database, everything) == {"ana": 10}
    assert settle_due(database) == 1
    assert points(database, everything) == {"ana": 17}
    assert settle_due(database) == 0
    assert broken(database) == []


@pytest.mark.parametrize("name", ["claims_since", "standing_claim_awards"])
def test_a_correction_that_ends_while_claims_are_read_is_settled_by_this_settlement_or_the_next(
    committed_database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    database = committed_database
    club(database)
    bring(database, everything, SOLD)
    ana = person(database, code="ana")
    number = approved(database, everything, ana, quantity=Decimal(4))
    assert settle(database, everything) == (1, 10)
    approved(database, everything, ana, invoice_no="I2", product_code="P2")
    line = line_id(database, everything, invoice_no="I1")

    read = getattr(settlement_store, name)

    def corrected_after(*arguments: Any, **named: Any) -> Any:
        monkeypatch.undo()
        found = read(*arguments, **named)
        found = found if isinstance(found, pl.DataFrame) else list(found)
        correct_as_shown(
            database, everything, number, sales_line_id=line, quantity=Decimal(3), reason="Counted again"
        )
        return found

    monkeypatch.setattr(settlement_store, name, corrected_after)
    settle(database, everything)
    settle(database, everything)
    assert points(database, everything) == {"ana": 14}
    assert broken(database) == []


def test_decisions_from_a_dump_of_a_server_that_was_further_ahead_are_settled_once(
    committed_database: Database, owner_url: str, everything: Scope
) -> None:
    database = committed_database
    club(database)
    bring(database, everything, SOLD)
    ana = person(database, code="ana")
    approved(database, everything, ana, quantity=Decimal(4))
    assert settle_due(database) == 1
    with psycopg.connect(libpq_url(owner_url)) as owner:
        owner.execute("select set_config('laurel.everything', 'on', true)")
        for statement in (
            "update claim_decision set txid = '99999999999'",
            "update settlement_mark set low_txid = '99999999999', seen = '99999999999:99999999999:',"
            " system_identifier = system_identifier - 1",
        ):
            assert owner.execute(statement).rowcount == 1
    with database.snapshot(everything) as connection:
        assert len(settlement_store.due_programmes(connection)) == 1
    assert settle_due(database) == 0
    with database.snapshot(everything) as connection:
        assert settlement_store.due_programmes(connection) == []
    approved(database, everything, ana, invoice_no="I2", product_code="P2")
    assert settle_due(database) == 1
    assert points(database, everything) == {"ana": 17}
    assert broken(database) == []
