"""The queue: what waits, beside what was sold, in the order that is asked for."""

from datetime import date
from decimal import Decimal

import pytest

from loyalty_core import verification
from loyalty_core.kernel import Database, Scope, new_id
from loyalty_core.verification import Assigned, ClaimState, QueueFilter, QueueOrder, Verdict
from tests.sales.files import bring, row
from tests.verification.claims import PARTNERS, claim, club, judged, line_id, person
from tests.verification.deciding import approve_as_shown, correct_as_shown, reject_as_shown


@pytest.fixture
def waiting(database: Database, everything: Scope) -> dict[str, int]:
    """Four claims that wait and two that are decided, by a word for each."""
    club(database)
    club(database, PARTNERS.replace("starts: 2026-03-01", "starts: 2026-05-01"))
    bring(
        database,
        everything,
        [
            row(quantity="2", unit_price="30.00"),
            row(invoice_no="I2", unit_price="500.00"),
            row(invoice_no="I3", product_code="P3", unit_price="7.00"),
            row(company_code="C2", invoice_no="J1", unit_price="90.00", currency="USD"),
        ],
    )
    zoe, bob = person(database, code="zoe", name="Zoe"), person(database, "C2", "bob", name="Bob")
    made = {
        "agrees": claim(database, everything, zoe, quantity=Decimal(2)),
        "quantity": claim(database, everything, zoe, invoice_no="I2", quantity=Decimal(3)),
        "nothing": claim(database, everything, zoe, invoice_no="X", product_code="Y", claim_no="odd 100%"),
        "dollars": claim(database, everything, bob, invoice_no="J1"),
        "rejected": claim(database, everything, bob, invoice_no="X", product_code="Y"),
        "approved": claim(database, everything, zoe, invoice_no="I3", product_code="P3"),
    }
    reject_as_shown(database, everything, [made["rejected"].number], reason="Not there.")
    approve_as_shown(database, everything, [made["approved"].number])
    for word, verdict, line, at_stake, loss, currency in (
        ("agrees", Verdict.MATCH, "I1", 6_000, 60, "EUR"),
        ("quantity", Verdict.INFLATED_QUANTITY, "I2", 150_000, 100_000, "EUR"),
        ("nothing", Verdict.UNKNOWN_INVOICE, None, None, None, None),
        ("dollars", Verdict.MATCH, "J1", 9_000, 90, "USD"),
    ):
        judged(
            database,
            everything,
            made[word].number,
            verdict,
            line_id(database, everything, invoice_no=line) if line else None,
            stake=(at_stake, loss, currency),
        )
    return {word: one.number for word, one in made.items()}


def test_the_queue_filters_and_orders_and_counts_what_it_shows(
    database: Database, everything: Scope, waiting: dict[str, int]
) -> None:
    words = {number: word for word, number in waiting.items()}

    def shown(
        order: QueueOrder = QueueOrder.AGE, *, limit: int = 99, offset: int = 0, **found: object
    ) -> list[str]:
        asked = QueueFilter(**found)  # type: ignore[arg-type]
        with database.snapshot(everything) as connection:
            queue = verification.claims_queue(connection, asked, order, limit=limit, offset=offset)
            if limit == 99:
                assert verification.count_queue(connection, asked) == len(queue)
        return [words[one.claim.number] for one in queue]

    assert shown() == ["agrees", "quantity", "nothing", "dollars"]
    assert shown(QueueOrder.EXPECTED_LOSS) == ["quantity", "dollars", "agrees", "nothing"]
    assert shown(QueueOrder.VALUE) == ["quantity", "dollars", "agrees", "nothing"]
    assert shown(QueueOrder.VALUE, limit=2, offset=1) == ["dollars", "agrees"]
    assert shown(QueueOrder.CLAIMANT) == ["dollars", "agrees", "quantity", "nothing"]
    assert shown(limit=2, offset=1) == ["quantity", "nothing"]
    assert shown(verdict=Verdict.MATCH) == ["agrees", "dollars"]
    assert shown(verdict=Verdict.INFLATED_QUANTITY) == ["quantity"]
    assert shown(verdict=Verdict.WRONG_DATE) == []
    assert shown(assigned_to=Assigned.NOBODY) == shown()
    assert shown(is_overdue=True) == []
    assert shown(needs_second=True) == []
    assert shown(words="zOE") == ["agrees", "quantity", "nothing"]
    assert shown(words="100%") == ["nothing"]
    assert shown(words="0_%") == []
    assert shown(state=ClaimState.REJECTED) == ["rejected"]
    assert shown(every_state=True, words="I3") == ["approved"]
    with database.snapshot(everything) as connection:
        bob = verification.claim_by_number(connection, waiting["dollars"])
    assert shown(participant_id=bob.participant_id) == ["dollars"]
    assert shown(programme_id=bob.programme_id) == shown()
    # None of them came by a file.
    assert shown(import_id=new_id()) == []


def test_the_summary_tells_how_much_waits_since_when_and_why_it_waits(
    database: Database, everything: Scope, waiting: dict[str, int]
) -> None:
    with database.snapshot(everything) as connection:
        summary = verification.queue_summary(connection)
        first = verification.claim_by_number(connection, waiting["agrees"])
        queued = verification.queued_claim(connection, waiting["dollars"])
    assert (summary.count, summary.oldest_at) == (4, first.recorded_at)
    assert summary.at_stake == {"EUR": 6_000 + 150_000, "USD": 9_000}
    assert summary.by_verdict == {
        Verdict.MATCH: 2,
        Verdict.INFLATED_QUANTITY: 1,
        Verdict.UNKNOWN_INVOICE: 1,
    }
    assert (summary.overdue, summary.asked, summary.needs_second) == (0, 0, 0)
    assert (queued.claims_decided, queued.claims_wrong) == (1, 1)


def test_candidates_are_lines_that_come_near_the_best_first_and_the_claims_own_units_count_as_left(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(
        database,
        everything,
        [
            row(invoice_no="I1", product_code="P2"),
            row(invoice_no="I1", quantity="5"),
            row(invoice_no="I8", sold_at="2026-03-12T12:00:00+00:00"),
            row(invoice_no="I9", sold_at="2026-03-11T12:00:00+00:00"),
            row(company_code="C2", invoice_no="I1"),
            row(invoice_no="I7", product_code="P2"),
            row(invoice_no="I6", sold_at="2026-05-20T12:00:00+00:00"),
        ],
    )
    made = claim(database, everything, person(database), sold_on=date(2026, 3, 10))
    with database.snapshot(everything) as connection:
        near = verification.candidates(connection, made.number, limit=9)
        two = verification.candidates(connection, made.number, limit=2)
    assert [(one.company_code, one.invoice_no, one.product_code) for one in near] == [
        ("C1", "I1", "P1"),
        ("C1", "I1", "P2"),
        ("C2", "I1", "P1"),
        ("C1", "I9", "P1"),
        ("C1", "I8", "P1"),
    ]
    assert two == near[:2]
    correct_as_shown(
        database,
        everything,
        made.number,
        sales_line_id=near[0].sales_line_id,
        quantity=Decimal(4),
        reason="Four of five.",
    )
    other = claim(database, everything, person(database, code="A2"))
    with database.snapshot(everything) as connection:
        assert verification.candidates(connection, made.number)[0].units_left == 5
        assert verification.candidates(connection, other.number)[0].units_left == 1


def test_each_line_beside_a_claim_tells_the_units_that_it_holds_itself_and_others_hold(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(database, everything, [row(quantity="5", line_no="1"), row(quantity="3", line_no="2")])
    made = claim(database, everything, person(database), quantity=Decimal(7))
    other = claim(database, everything, person(database, code="A2"), quantity=Decimal(1))
    for one in (made, other):
        (done,) = approve_as_shown(database, everything, [one.number])
        assert done.refusal is None
    with database.snapshot(everything) as connection:
        near = verification.candidates(connection, made.number)
        best = verification.queued_claim(connection, made.number).best
        assert best is not None
        assert best.sales_line_id == near[0].sales_line_id
        assert best.units_own == near[0].units_own
    # (sold, held by this claim, held by others, held by nobody)
    assert sorted(
        tuple(
            map(
                int,
                (one.quantity, one.units_own, one.quantity - one.units_left, one.units_left - one.units_own),
            )
        )
        for one in near
    ) == [(3, 3, 0, 0), (5, 4, 1, 0)]
