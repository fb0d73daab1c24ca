"""Claims decided: approved at the line that agrees exactly, rejected for a reason, corrected."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text

from loyalty_core import verification
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.kernel import Database, NotAllowedError, Scope, new_id
from loyalty_core.organisation import company_by_code
from loyalty_core.programmes import programme_by_code
from loyalty_core.verification import ClaimState, DecisionKind, Difference
from tests.access.people import somebody
from tests.sales.files import bring, row
from tests.verification.claims import CLUB, PARTNERS, claim, club, line_id, person
from tests.verification.deciding import approve_as_shown, correct_as_shown, reject_as_shown


def approve(database: Database, scope: Scope, *numbers: int) -> list[str | None]:
    return [one.refusal for one in approve_as_shown(database, scope, numbers)]


def test_a_claim_that_agrees_in_company_invoice_product_and_quantity_is_approved_at_its_line(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(database, everything, [row(quantity="3", unit_price="19.99"), row(invoice_no="I2")])
    made = claim(database, everything, person(database), quantity=Decimal(3))
    with database.snapshot(everything) as connection:
        queued = verification.queued_claim(connection, made.number)
    assert (queued.is_approvable, queued.differences) == (True, (Difference.DATE,))
    assert (queued.at_stake_minor, queued.currency) == (5997, "EUR")
    assert approve(database, everything, made.number) == [None]
    with database.snapshot(everything) as connection:
        found = verification.claim_by_number(connection, made.number)
        (decision,) = verification.history(connection, made.number)
    assert (found.state, found.approved_quantity) == (ClaimState.APPROVED, Decimal(3))
    assert found.sales_line_id == line_id(database, everything, invoice_no="I1")
    assert (decision.kind, decision.amount_minor, decision.currency) == (DecisionKind.APPROVE, 5997, "EUR")
    assert decision.sold_on == date(2026, 3, 10)
    with database.snapshot(everything) as connection:
        assert not any(verification.broken_claims(connection).values())


def test_one_sold_unit_is_approved_once(database: Database, everything: Scope) -> None:
    club(database)
    bring(database, everything, [row()])
    first, second = (claim(database, everything, person(database, code=code)) for code in ("A1", "A2"))
    refusals = approve(database, everything, first.number, second.number, first.number)
    assert refusals[0] is None
    assert "0 are left to claim" in (refusals[1] or "")
    assert len(refusals) == 2
    assert "is approved already" in (approve(database, everything, first.number)[0] or "")
    with database.snapshot(everything) as connection:
        queued = verification.queued_claim(connection, second.number)
    assert (queued.is_approvable, queued.differences) == (False, (Difference.DATE, Difference.UNITS_TAKEN))


def test_a_claim_takes_units_of_every_line_that_lists_its_product_and_gives_them_back(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(database, everything, [row(quantity="2", unit_price="3.33"), row(unit_price="7.00")])
    made = claim(database, everything, person(database), quantity=Decimal(3))
    assert approve(database, everything, made.number) == [None]
    with database.snapshot(everything) as connection:
        (decision,) = verification.history(connection, made.number)
        claimed = connection.execute(
            text("select units_sold, units_claimed from claimed_line order by sales_line_id")
        ).all()
        assert not any(verification.broken_claims(connection).values())
    assert (decision.quantity, decision.amount_minor) == (Decimal(3), 666 + 700)
    assert [tuple(one) for one in claimed] == [(2, 2), (1, 1)]
    correct_as_shown(
        database, everything, made.number, sales_line_id=None, quantity=Decimal(0), reason="Came back."
    )
    with database.snapshot(everything) as connection:
        assert connection.execute(text("select sum(units_claimed) from claimed_line")).scalar() == 0
        assert not any(verification.broken_claims(connection).values())


def test_what_repeats_a_claim_is_not_approved(database: Database, everything: Scope) -> None:
    club(database)
    bring(database, everything, [row(quantity="2")])
    of_person = person(database)
    numbers = [claim(database, everything, of_person).number for _time in range(2)]
    refusals = approve(database, everything, *numbers)
    assert refusals[0] is None
    assert "repeats an earlier claim" in (refusals[1] or "")


@pytest.mark.parametrize(
    ("values", "differs"),
    [
        ({"invoice_no": "I9"}, (Difference.INVOICE,)),
        ({"product_code": "P2"}, (Difference.NO_LINE,)),
        ({"quantity": Decimal(2)}, (Difference.QUANTITY,)),
        ({"sold_on": date(2026, 3, 20)}, (Difference.DATE,)),
        ({"invoice_no": "I9", "quantity": Decimal(2)}, (Difference.INVOICE, Difference.QUANTITY)),
        ({"invoice_no": "J1", "product_code": "P3"}, (Difference.COMPANY, Difference.DATE)),
        ({"invoice_no": "I9", "product_code": "P8"}, (Difference.NO_LINE,)),
        ({"invoice_no": "I9", "sold_on": date(2026, 5, 1)}, (Difference.NO_LINE,)),
    ],
)
def test_what_differs_from_the_best_line_is_named_and_only_another_day_does_not_hinder(
    database: Database, everything: Scope, values: dict[str, object], differs: tuple[Difference, ...]
) -> None:
    club(database)
    sold = [
        row(),
        row(invoice_no="I2", product_code="P2", sold_at="2026-04-20T12:00:00+00:00"),
        row(company_code="C2", invoice_no="J1", product_code="P3", sold_at="2026-03-12T12:00:00+00:00"),
        row(invoice_no="I9", quantity="-1", sold_at="2026-03-12T12:00:00+00:00"),
    ]
    bring(database, everything, sold)
    # Approved by rule only within the programme's days: the day that differs is far enough off.
    made = claim(database, everything, person(database), **{"sold_on": date(2026, 3, 10), **values})
    with database.snapshot(everything) as connection:
        queued = verification.queued_claim(connection, made.number)
    assert queued.differences == differs
    (refusal,) = approve(database, everything, made.number)
    if differs == (Difference.DATE,):
        assert refusal is None
    else:
        assert "no reported sale agrees" in (refusal or "")
        assert not queued.is_approvable
        assert (queued.best is None) == (differs == (Difference.NO_LINE,))


def test_a_rejection_needs_a_reason_that_the_claimant_reads(database: Database, everything: Scope) -> None:
    club(database)
    bring(database, everything, [row()])
    made = claim(database, everything, person(database))
    with pytest.raises(verification.ReasonMissingError):
        reject_as_shown(database, everything, [made.number], reason=" . ")
    outcomes = reject_as_shown(database, everything, [made.number], reason="The photo is blurred.")
    assert [one.refusal for one in outcomes] == [None]
    with database.snapshot(everything) as connection:
        found = verification.claim_by_number(connection, made.number)
    assert (found.state, found.decision_reason) == (ClaimState.REJECTED, "The photo is blurred.")
    assert "rejected already" in (approve(database, everything, made.number)[0] or "")


def test_a_form_sent_again_finds_its_decisions_made(database: Database, everything: Scope) -> None:
    club(database)
    bring(database, everything, [row(), row(invoice_no="I2")])
    of_person = person(database)
    numbers = [claim(database, everything, of_person, invoice_no=invoice).number for invoice in ("I1", "I2")]
    key = new_id()
    for _time in range(2):
        outcomes = approve_as_shown(database, everything, numbers, request_key=key)
        assert [one.refusal for one in outcomes] == [None, None]
    with database.snapshot(everything) as connection:
        assert [len(verification.history(connection, number)) for number in numbers] == [1, 1]
    other = approve_as_shown(database, everything, numbers, request_key=new_id())
    assert all(one.refusal for one in other)


def test_a_correction_moves_the_units_from_line_to_line_and_a_withdrawal_frees_them(
    database: Database, everything: Scope
) -> None:
    club(database)
    bring(
        database,
        everything,
        [row(quantity="5", unit_price="3.33"), row(invoice_no="I2", quantity="4", unit_price="7.00")],
    )
    one, two = (line_id(database, everything, invoice_no=invoice) for invoice in ("I1", "I2"))
    made = claim(database, everything, person(database), quantity=Decimal(2))
    correct = correct_as_shown

    def units() -> dict[int, Decimal]:
        with database.snapshot(everything) as connection:
            rows = connection.execute(text("select sales_line_id, units_claimed from claimed_line"))
            assert not any(verification.broken_claims(connection).values())
            return {row.sales_line_id: row.units_claimed for row in rows if row.units_claimed}

    # From waiting: the claimant's two of the invoice's five.
    found = correct(
        database, everything, made.number, sales_line_id=one, quantity=Decimal(2), reason="Two of five."
    )
    assert (found.state, units()) == (ClaimState.APPROVED, {one: Decimal(2)})
    with pytest.raises(verification.CorrectionChangesNothingError):
        correct(database, everything, made.number, sales_line_id=one, quantity=Decimal(2), reason="Again")
    correct(database, everything, made.number, sales_line_id=one, quantity=Decimal(5), reason="All five.")
    assert units() == {one: 5}
    correct(database, everything, made.number, sales_line_id=two, quantity=Decimal("2.5"), reason="Other.")
    assert units() == {two: Decimal("2.5")}
    found = correct(
        database, everything, made.number, sales_line_id=None, quantity=Decimal(0), reason="Goods came back."
    )
    assert (found.state, found.sales_line_id, units()) == (ClaimState.REJECTED, None, {})
    # And from rejected.
    correct(database, everything, made.number, sales_line_id=two, quantity=Decimal(1), reason="They did not.")
    with database.snapshot(everything) as connection:
        history = verification.history(connection, made.number)
    assert [(one.kind.value, one.quantity, one.amount_minor) for one in history] == [
        ("correct", 2, 666),
        ("correct", 5, 1665),
        ("correct", Decimal("2.5"), 1750),
        ("correct", None, 0),
        ("correct", 1, 700),
    ]


def test_a_correction_is_refused_where_it_can_not_hold(database: Database, everything: Scope) -> None:
    club(database)
    bring(
        database,
        everything,
        [
            row(quantity="2"),
            row(company_code="C2", invoice_no="J1"),
            row(invoice_no="R1", quantity="-1"),
        ],
    )
    made = claim(database, everything, person(database), quantity=Decimal(3))
    own, foreign, returned = (
        line_id(database, everything, invoice_no=invoice) for invoice in ("I1", "J1", "R1")
    )
    for refusal, sales_line_id, quantity, reason in (
        (verification.UnitsTakenError, own, "3", "More than there was"),
        (verification.ClaimQuantityError, own, "0", "Nothing of a line"),
        (verification.ClaimQuantityError, own, "-1", "Less than nothing"),
        (verification.ClaimQuantityError, None, "1", "Something of no line"),
        (verification.LineOfOtherCompanyError, foreign, "1", "Another company"),
        (verification.ReturnClaimedError, returned, "1", "A return"),
        (verification.UnknownLineError, 10**9, "1", "No line"),
        (verification.ReasonMissingError, own, "1", ""),
    ):
        with pytest.raises(refusal):
            correct_as_shown(
                database,
                everything,
                made.number,
                sales_line_id=sales_line_id,
                quantity=Decimal(quantity),
                reason=reason,
            )
    with database.snapshot(everything) as connection:
        assert verification.claim_by_number(connection, made.number).state is ClaimState.WAITING
        assert connection.execute(text("select sum(units_claimed) from claimed_line")).scalar() in (None, 0)


def test_nobody_decides_the_own_claim_and_only_who_may_decides(database: Database, everything: Scope) -> None:
    club(database)
    bring(database, everything, [row()])
    olga = somebody(database, Role.OPERATOR, Role.PARTICIPANT, name="olga")
    made = claim(database, everything, person(database, user_id=olga.id))
    assert "is your own" in (approve(database, olga.scope, made.number)[0] or "")
    with pytest.raises(verification.OwnClaimError):
        correct_as_shown(
            database, olga.scope, made.number, sales_line_id=None, quantity=Decimal(0), reason="Mine"
        )
    analyst = somebody(database, Role.ANALYST, name="ana")
    with pytest.raises(NotAllowedError):
        approve_as_shown(database, analyst.scope, [made.number])
    with pytest.raises(NotAllowedError):
        reject_as_shown(database, analyst.scope, [made.number], reason="Because")
    operator = somebody(database, Role.OPERATOR, name="otto")
    assert approve(database, operator.scope, made.number) == [None]


def test_who_takes_part_for_a_company_does_not_decide_what_the_company_claims(
    database: Database, everything: Scope
) -> None:
    club(database, PARTNERS)
    bring(database, everything, [row()])
    olga = somebody(database, Role.OPERATOR, Role.PARTICIPANT, name="olga")
    person(database, user_id=olga.id)
    made = claim(database, everything, company_code="C1")
    assert "is your own" in (approve(database, olga.scope, made.number)[0] or "")
    assert approve(database, somebody(database, Role.OPERATOR, name="otto").scope, made.number) == [None]


def test_a_claim_of_a_programme_out_of_sight_is_not_decided(database: Database, everything: Scope) -> None:
    club(database)
    club(
        database,
        CLUB.replace("code: club", "code: later")
        .replace("2026-03-01", "2026-06-01")
        .replace("2026-05-31", "2026-07-31"),
    )
    bring(database, everything, [row()])
    made = claim(database, everything, person(database))
    with database.snapshot(everything) as connection:
        other = programme_by_code(connection, everything, "later").id
    grants = frozenset({ScopeGrant(ScopeKind.EVERYTHING), ScopeGrant(ScopeKind.PROGRAMME, other)})
    scope = somebody(database, Role.OPERATOR, grants=grants).scope
    assert "There is no claim" in (approve(database, scope, made.number)[0] or "")
    (outcome,) = reject_as_shown(database, scope, [made.number], reason="Because")
    assert "There is no claim" in (outcome.refusal or "")
    with pytest.raises(verification.UnknownClaimError):
        correct_as_shown(
            database, scope, made.number, sales_line_id=None, quantity=Decimal(0), reason="Because"
        )


def test_a_claim_out_of_sight_is_not_found(database: Database, everything: Scope) -> None:
    club(database)
    bring(database, everything, [row(), row(company_code="C2", invoice_no="I2")])
    made = claim(database, everything, person(database))
    with database.transaction(everything) as connection:
        other = company_by_code(connection, "C2").id
    operator = somebody(database, Role.OPERATOR, grants=frozenset({ScopeGrant(ScopeKind.COMPANY, other)}))
    assert "There is no claim" in (approve(database, operator.scope, made.number)[0] or "")
    with database.snapshot(operator.scope) as connection:
        with pytest.raises(verification.UnknownClaimError):
            verification.queued_claim(connection, made.number)
        assert verification.queue_summary(connection).count == 0
