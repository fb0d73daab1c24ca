"""What a claim is beside the sales, without a database: near invoice numbers, units left, what stands first."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty_core.kernel import new_id
from loyalty_core.verification import Verdict
from loyalty_core.verification.judgement import (
    Beside,
    Judgement,
    Said,
    Sale,
    SoldLine,
    Taken,
    Terms,
    Tolerances,
    expected_loss,
    is_near,
    judge,
)
from loyalty_core.verification.states import ClaimState

DAY = date(2026, 3, 10)
COMPANY, OTHER, PRODUCT, PERSON = new_id(), new_id(), new_id(), new_id()


def sold(line_id: int, units: int = 10, *, day: date = DAY) -> SoldLine:
    return SoldLine(line_id, Decimal(units), units * 100, "EUR", day, datetime(2026, 3, 10, 12, tzinfo=UTC))


def said(number: int, units: int = 10, **values: object) -> Said:
    usual = Said(
        number=number,
        claim_no=f"K-{number}",
        programme_id=None,
        company_id=COMPANY,
        participant_id=None,
        invoice_no="5601",
        product_code="P1",
        product_id=PRODUCT,
        quantity=Decimal(units),
        sold_on=DAY,
        state=ClaimState.WAITING,
    )
    return replace(usual, **values)  # type: ignore[arg-type]  # the values are the dataclass's own


def judged(
    claims: Sequence[Said],
    sale: Sale | None = None,
    *,
    near: Sequence[Sale] = (),
    others: Sequence[Sale] = (),
    terms: Terms | None = None,
    standing: Sequence[Said] = (),
    has_invoice: bool = False,
) -> dict[int, Judgement]:
    own = {(COMPANY, sale.invoice_no, PRODUCT): sale} if sale is not None else {}
    beside = Beside(
        own=own,
        taken=Taken(),
        standing={one.repeats: [one] for one in standing},
        near={one.number: near for one in claims},
        others={one.number: others for one in claims},
        terms={None: terms or Terms()},
        invoices={(COMPANY, one.invoice_no) for one in claims} if has_invoice else set(),
    )
    return {one.number: one for one in judge(claims, beside)}


def verdicts(found: dict[int, Judgement]) -> list[Verdict]:
    return [found[number].verdict for number in sorted(found)]


SALE = Sale("5601", (sold(1),))


@pytest.mark.parametrize(
    ("units", "verdict"),
    [
        (10, Verdict.MATCH),
        (4, Verdict.MATCH_PARTIAL),
        (11, Verdict.INFLATED_QUANTITY),
    ],
)
def test_units_are_compared_with_those_sold(units: int, verdict: Verdict) -> None:
    found = judged([said(1, units)], SALE)[1]
    assert found.verdict is verdict
    assert sum(share.quantity for share in found.shares) == (units if units <= 10 else 0)


def test_an_invoice_that_lists_a_product_twice_is_one_sale() -> None:
    sale = Sale("5601", (sold(1, 3), sold(2, 4)))
    found = judged([said(1, 7)], sale)[1]
    assert (found.verdict, [share.quantity for share in found.shares]) == (
        Verdict.MATCH,
        [Decimal(3), Decimal(4)],
    )
    assert verdicts(judged([said(1, 4)], sale)) == [Verdict.MATCH_PARTIAL]
    # A line that has just that many is taken before another.
    assert [share.line.sales_line_id for share in judged([said(1, 4)], sale)[1].shares] == [2]


def test_claims_share_the_units_of_a_sale_until_none_is_left() -> None:
    found = judged([said(1, 4), said(2, 6), said(3, 1)], SALE)
    assert verdicts(found) == [Verdict.MATCH_PARTIAL, Verdict.MATCH_PARTIAL, Verdict.DUPLICATE_CLAIM]
    assert found[3].duplicate_of == 1
    assert verdicts(judged([said(1, 4), said(2, 7)], SALE)) == [
        Verdict.MATCH_PARTIAL,
        Verdict.INFLATED_QUANTITY,
    ]


def test_of_two_that_say_the_same_the_lowest_claim_number_stands_wherever_it_is_in_the_file() -> None:
    found = judged([said(1, claim_no="K-10"), said(2, claim_no="K-9")], SALE)
    assert verdicts(found) == [Verdict.DUPLICATE_CLAIM, Verdict.MATCH]
    assert found[1].duplicate_of == 2
    # The same units again are the same claim; those of another person are not.
    again = judged([said(1, 5), said(2, 5), said(3, 5, participant_id=PERSON)], SALE)
    assert verdicts(again) == [Verdict.MATCH_PARTIAL, Verdict.DUPLICATE_CLAIM, Verdict.MATCH_PARTIAL]


def test_what_a_person_has_rejected_is_not_approved_by_rule_under_another_number() -> None:
    rejected = said(1, state=ClaimState.REJECTED)
    found = judged([said(2)], SALE, standing=[rejected])[2]
    assert (found.verdict, found.duplicate_of, found.shares) == (Verdict.DUPLICATE_CLAIM, 1, ())


def test_what_came_back_under_the_same_invoice_can_not_be_claimed() -> None:
    sale = Sale("5601", (sold(1),), returned=Decimal(4))
    assert verdicts(judged([said(1, 6)], sale)) == [Verdict.MATCH]
    assert verdicts(judged([said(1, 10)], sale)) == [Verdict.INFLATED_QUANTITY]
    whole = Sale("5601", (sold(1),), returned=Decimal(10))
    tolerant = Terms(Tolerances(units=Decimal(1)))
    assert verdicts(judged([said(1, 1)], whole, terms=tolerant)) == [Verdict.INFLATED_QUANTITY]


def test_tolerances_decide_on_days_and_units() -> None:
    late = said(1, sold_on=date(2026, 3, 14))
    assert verdicts(judged([late], SALE)) == [Verdict.WRONG_DATE]
    assert verdicts(judged([late], SALE, terms=Terms(Tolerances(days=4)))) == [Verdict.MATCH]
    for tolerances in (Tolerances(units=Decimal(1)), Tolerances(percent=Decimal(10))):
        found = judged([said(1, 11)], SALE, terms=Terms(tolerances))[1]
        # What is tolerated is not paid for: no more than was sold.
        assert (found.verdict, [share.quantity for share in found.shares]) == (Verdict.MATCH, [Decimal(10)])


def test_above_the_programmes_value_and_where_a_person_is_at_work_nothing_is_approved_by_rule() -> None:
    terms = Terms(currency="EUR", limit_minor=999)
    assert judged([said(1)], SALE, terms=terms)[1].shares == ()
    assert judged([said(1)], SALE, terms=replace(terms, limit_minor=1000))[1].shares
    for state in (ClaimState.ASKED, ClaimState.PROPOSED):
        found = judged([said(1, state=state)], SALE)[1]
        assert (found.verdict, found.shares) == (Verdict.MATCH, ())


def test_a_product_that_is_not_on_an_invoice_of_the_company_is_told_from_an_unknown_invoice() -> None:
    near, far = Sale("5061", (sold(1),)), Sale("9999", (sold(2),))
    for product_id in (PRODUCT, None):
        unknown = replace(said(1), product_id=product_id)
        assert verdicts(judged([unknown], has_invoice=True)) == [Verdict.UNKNOWN_PRODUCT]
        assert verdicts(judged([unknown])) == [Verdict.UNKNOWN_INVOICE]
    assert verdicts(judged([said(1)], near=[far], has_invoice=True)) == [Verdict.UNKNOWN_PRODUCT]
    # What the number seems to mean is told all the same.
    assert verdicts(judged([said(1)], near=[near], has_invoice=True)) == [Verdict.TYPO_IN_INVOICE]
    assert judged([said(1)], has_invoice=True)[1].shares == ()


def test_a_mistyped_invoice_is_told_from_an_unknown_one_and_from_anothers() -> None:
    near, far = Sale("5061", (sold(1),)), Sale("9999", (sold(2),))
    found = judged([said(1)], near=[far, near])[1]
    assert (found.verdict, found.proposed_invoice_no, found.shares) == (Verdict.TYPO_IN_INVOICE, "5061", ())
    assert verdicts(judged([said(1)], near=[far])) == [Verdict.UNKNOWN_INVOICE]
    assert verdicts(judged([said(1)])) == [Verdict.UNKNOWN_INVOICE]
    others = [Sale("5601", (sold(3),))]
    assert verdicts(judged([said(1)], others=others)) == [Verdict.CLAIMED_BY_ANOTHER_CUSTOMER]
    # A sale of another day, or of fewer units, is not what was meant.
    assert verdicts(judged([said(1, 11)], near=[near])) == [Verdict.UNKNOWN_INVOICE]
    assert verdicts(judged([said(1, sold_on=date(2026, 3, 20))], near=[near])) == [Verdict.UNKNOWN_INVOICE]


@pytest.mark.parametrize(
    ("written", "meant", "near"),
    [
        ("560119", "506119", True),
        ("560119", "569110", True),
        ("560119", "560118", True),
        ("56019", "560119", True),
        ("5601199", "560119", True),
        ("fv-0012/26", "FV 12 26", False),
        ("fv-12/26", "FV 12 26", True),
        ("0012345", "12345", True),
        ("979791", "559791", False),
        ("560119", "610559", False),
        ("12", "13", False),
    ],
)
def test_a_slip_of_the_pen_is_one_sign_or_two_swapped(written: str, meant: str, near: bool) -> None:
    assert is_near(written, meant) is near
    assert is_near(meant, written) is near


@given(st.text("123456789", min_size=4, max_size=12), st.data())
def test_every_single_slip_is_near(number: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(number) - 2))
    sign = data.draw(st.sampled_from("123456789"))
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert is_near(swapped, number)
    assert is_near(number[:place] + sign + number[place + 1 :], number)
    assert is_near(number[:place] + sign + number[place:], number)
    assert is_near(number[:place] + number[place + 1 :], number)


def test_the_expected_loss_grows_with_doubt_and_with_how_often_the_claimant_was_wrong() -> None:
    claim = said(1, 20)
    (inflated,) = judged([claim], SALE).values()
    assert expected_loss(inflated, claim, 0, 0) == (2000, 900)
    assert expected_loss(inflated, claim, 10, 10) == (2000, 950)
    (unknown,) = judged([claim]).values()
    assert expected_loss(unknown, claim, 0, 0) is None
