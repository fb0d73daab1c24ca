"""Approved claims whose sale came back afterwards."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text

from loyalty_core import verification
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.kernel import Database, Scope
from loyalty_core.organisation import company_by_code
from loyalty_core.verification import CameBack, QueueFilter, QueueOrder, Verdict
from tests.access.people import somebody
from tests.sales.files import bring, row
from tests.verification.claims import claim, club, line_id, person
from tests.verification.deciding import approve_as_shown, correct_as_shown


def _found(database: Database, scope: Scope) -> dict[int, CameBack]:
    with database.snapshot(scope) as connection:
        found = verification.came_back(connection)
        listed = verification.claims_queue(connection, QueueFilter(came_back=True), QueueOrder.AGE, limit=9)
        assert verification.count_queue(connection, QueueFilter(came_back=True)) == len(found)
        for number in found:
            assert verification.came_back(connection, [number]) == {number: found[number]}
    assert [one.claim.number for one in listed] == list(found)
    return found


def test_a_return_reported_after_the_approval_is_shown_until_somebody_corrects_the_claim(
    database: Database, everything: Scope
) -> None:
    club(database)
    olga = somebody(database, Role.OPERATOR, name="olga")
    bring(database, everything, [row(quantity="12"), row(invoice_no="I2", quantity="12")])
    ours = person(database)
    made = claim(database, everything, ours, quantity=Decimal(12))
    calm = claim(database, everything, ours, invoice_no="I2", quantity=Decimal(7))
    approve_as_shown(database, olga.scope, [made.number, calm.number])
    assert _found(database, everything) == {}
    # Of the second sale five were never claimed: that some of these came back takes nothing from the claim.
    bring(
        database,
        everything,
        [row(quantity="-4", sold_at="2026-03-25"), row(invoice_no="I2", quantity="-5", sold_at="2026-03-25")],
    )
    (found,) = _found(database, everything).values()
    assert found.claim_number == made.number
    assert (found.sold, found.back, found.claimed, found.too_many) == tuple(map(Decimal, (12, 4, 12, 4)))
    assert found.last_day.isoformat() == "2026-03-25"
    line = line_id(database, everything, invoice_no="I1", quantity=12)
    corrected = correct_as_shown(
        database, olga.scope, made.number, sales_line_id=line, quantity=Decimal(8), reason="Four came back."
    )
    assert corrected.approved_quantity == 8
    assert _found(database, everything) == {}
    bring(database, everything, [row(quantity="-1", sold_at="2026-03-27")])
    (again,) = _found(database, everything).values()
    assert (again.claim_number, again.back, again.too_many) == (made.number, Decimal(5), Decimal(1))


def test_a_person_may_say_that_the_claim_stands_all_the_same(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    club(database)
    olga = somebody(database, Role.OPERATOR, name="olga")
    bring(database, everything, [row(quantity="3")])
    made = claim(database, everything, person(database), quantity=Decimal(3))
    approve_as_shown(database, olga.scope, [made.number])
    line = line_id(database, everything, invoice_no="I1")

    def stand() -> None:
        correct_as_shown(
            database, olga.scope, made.number, sales_line_id=line, quantity=Decimal(3), reason="Exchanged."
        )

    with pytest.raises(verification.CorrectionChangesNothingError):
        stand()
    bring(database, everything, [row(quantity="-3", sold_at="2026-03-25")])
    assert list(_found(database, everything)) == [made.number]
    stand()
    assert _found(database, everything) == {}
    with pytest.raises(verification.CorrectionChangesNothingError):
        stand()


def test_what_the_rule_approved_is_found_too_and_a_return_under_another_number_is_not(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(database, everything, [row(quantity="2"), row(company_code="C2", region="South", invoice_no="J1")])
    made = claim(database, everything, person(database), quantity=Decimal(2), sold_on=date(2026, 3, 10))
    assert made.verdict is Verdict.MATCH
    bring(
        database,
        everything,
        [
            row(invoice_no="R9", quantity="-2", sold_at="2026-03-25"),
            row(company_code="C2", region="South", quantity="-2", sold_at="2026-03-25"),
        ],
    )
    assert _found(database, everything) == {}
    bring(database, everything, [row(quantity="-1", sold_at="2026-03-26")])
    assert list(_found(database, everything)) == [made.number]
    assert made.company_id is not None
    with database.snapshot(everything) as connection:
        other = company_by_code(connection, "C2").id
    for name, company_id, seen in (("own", made.company_id, [made.number]), ("other", other, [])):
        narrow = somebody(
            database,
            Role.OPERATOR,
            name=name,
            grants=frozenset({ScopeGrant(ScopeKind.COMPANY, company_id)}),
        ).scope
        assert list(_found(database, narrow)) == seen


def test_a_return_that_nobody_could_see_yet_when_the_claim_was_corrected_is_shown(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    club(database)
    olga = somebody(database, Role.OPERATOR, name="olga")
    bring(database, everything, [row(quantity="3")])
    made = claim(database, everything, person(database), quantity=Decimal(3))
    approve_as_shown(database, olga.scope, [made.number])
    line = line_id(database, everything, invoice_no="I1")
    # An import that began before the correction ends after it.
    with database.transaction(everything) as slow:
        slow.execute(
            text(
                "insert into sales_line (line_key, occurrence, edition, import_id, row_no, company_id, region_id,"
                " product_id, quantity, unit_price, amount_minor, currency, sold_at, sold_on, recorded_at, invoice_no)"
                " select gen_random_uuid(), 1, 1, import_id, 9, company_id, region_id, product_id, -2, unit_price,"
                " -2 * amount_minor / 3, currency, sold_at, sold_on, recorded_at, invoice_no from sales_line"
            )
        )
        correct_as_shown(
            database,
            olga.scope,
            made.number,
            sales_line_id=line,
            quantity=Decimal(2),
            reason="One was broken.",
        )
    (found,) = _found(database, everything).values()
    assert (found.claim_number, found.back, found.too_many) == (made.number, Decimal(2), Decimal(1))
