"""The demo's plan on every day of two years: nothing comes before what it follows from, nothing lies in the future.

The plan depends on the drawn sales and on the day alone, so it is looked at without a database.
"""

from collections import Counter
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from loyalty_core import budgets
from loyalty_core.demo import catalogue, claims, files, people, redeeming, sales, trade
from loyalty_core.demo.claims import Claims, DemoClaim, Fate
from loyalty_core.demo.market import TIME_ZONE, companies
from loyalty_core.demo.orders import DemoOrder, OrderFate
from loyalty_core.demo.stage import moment_of
from loyalty_core.programmes import parse_document
from loyalty_core.verification import ClaimSource

SCALE = 0.1
FIRST, LAST = date(2027, 3, 1), date(2029, 2, 28)
# Two programmes' rewards are paid from different points.
COMPANY_POINTS = trade.PROGRAMME_CODE


def months() -> list[date]:
    return [date(2027 + (2 + n) // 12, (2 + n) % 12 + 1, 1) for n in range(24)]


def days_of(month: date) -> list[date]:
    return [day for n in range(31) if (day := month + timedelta(days=n)).month == month.month]


def test_the_days_are_two_whole_years_with_a_leap_day() -> None:
    found = [day for month in months() for day in days_of(month)]
    assert found == [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    assert date(2028, 2, 29) in found


@pytest.mark.parametrize("month", months(), ids=str)
def test_the_plan_of_every_day_of_a_month_is_in_order(month: date) -> None:
    """Sales are drawn once a week and moved on to the other days."""
    drawn = pl.DataFrame()
    for place, today in enumerate(days_of(month)):
        last_day = today - timedelta(days=1)
        if place % 7 == 0:
            drawn = sales.eighteen_months(last_day, SCALE)
        check_day(last_day, drawn.with_columns(pl.col("day").dt.offset_by(f"{place % 7}d")))


@pytest.mark.slow
@pytest.mark.parametrize("month", months(), ids=str)
def test_the_plan_of_every_day_of_a_month_is_in_order_with_its_own_sales(month: date) -> None:
    for today in days_of(month):
        last_day = today - timedelta(days=1)
        check_day(last_day, sales.eighteen_months(last_day, SCALE))


def check_day(last_day: date, lines: pl.DataFrame) -> None:
    plan = Claims(
        lines,
        companies(SCALE),
        trade.claims_begin(last_day),
        tuple(files.periods(last_day)),
        tuple(one.points for one in catalogue.rewards_of(trade.CLAIMS_PROGRAMME_CODE)),
    )
    check_claims(plan, last_day)
    check_orders(redeeming.plan_from(lines, last_day, companies(SCALE), plan), plan, last_day)
    check_budgets(last_day)


def check_claims(plan: Claims, last_day: date) -> None:
    today = last_day + timedelta(days=1)
    document = parse_document(trade.claims_document(last_day, 1_000_000))
    assert len(plan.open) == 60, today
    assert len(plan.decided) > 60, today
    for claim in (*plan.decided, *plan.open):
        entered = came_in(plan, claim, last_day)
        seen = f"on {today}: {claim}"
        assert claim.sold_on < entered <= today, seen
        assert claim.said_day <= entered, seen
        assert document.starts <= claim.sold_on <= last_day <= document.ends, seen
        assert document.starts <= claim.said_day, seen
    for claim in plan.decided:
        (period,) = [one for one in plan.periods if one.first_day <= claim.sold_on <= one.last_day]
        decided = period.last_day + timedelta(days=claims.DECIDED_AFTER_DAYS)
        # Sales are reported the morning after their period; a claim is decided when both are there.
        assert period.last_day < decided <= today, f"on {today}: {claim}"
        assert came_in(plan, claim, last_day) < decided, f"on {today}: {claim}"


def came_in(plan: Claims, claim: DemoClaim, last_day: date) -> date:
    if claim.source is not ClaimSource.FILE:
        return plan.entered_on(claim)
    if claim.fate is Fate.WAITS:
        return last_day + timedelta(days=1)
    return next(one.last_day for one in plan.periods if claim.sold_on <= one.last_day) + timedelta(days=1)


def check_orders(orders: list[DemoOrder], plan: Claims, last_day: date) -> None:
    present = datetime.combine(last_day + timedelta(days=1), time(6), ZoneInfo(TIME_ZONE))
    quarter = datetime.combine(budgets.quarter_of(present.date())[0], time(0), ZoneInfo(TIME_ZONE))
    sold = plan.lines.filter(pl.col("day") <= plan.periods[0].last_day)
    earned: Counter[str] = Counter(
        dict(
            sold.group_by("company_code")
            .agg((pl.col("cents").abs() // 1000 * pl.col("cents").sign()).sum())
            .iter_rows()
        )
    )
    settled = {code: moment_of(plan.periods[0].last_day + timedelta(days=1), 7.5) for code in earned}
    for claim in plan.decided:
        if claim.fate is not Fate.REJECTED:
            earned[claim.participant] += claim.points
            period = next(one for one in plan.periods if claim.sold_on <= one.last_day)
            at = moment_of(period.last_day + timedelta(days=4), 17)
            settled[claim.participant] = max(at, settled.get(claim.participant, at))
    assert sum(one.fate is OrderFate.WAITS for one in orders) >= 10
    for order in orders:
        seen = f"on {present.date()}: {order}"
        of_company = order.reward.programme == COMPANY_POINTS
        payer = order.participant.partition("-")[0] if of_company else order.participant
        assert settled[payer] < order.moment <= present, seen
        document = parse_document(
            (trade.programme_document if of_company else trade.claims_document)(last_day, 1_000_000)
        )
        assert document.starts <= order.moment.date() <= document.ends, seen
        assert order.decided_at > order.moment, seen
        if order.fate in (OrderFate.APPROVED, OrderFate.WAITS):
            earned[payer] -= order.reward.points
            assert earned[payer] >= 0, seen
        before, _last = budgets.quarter_of((quarter - timedelta(days=1)).date())
        assert order.moment.date() >= before, seen
        if order.waits_for_budget:
            # The story: it waits for the money of a quarter that is nearly spent.
            assert order.moment >= quarter, seen
            others = [one for one in orders if one.area == order.area and one.fate is not OrderFate.WAITS]
            assert all(one.moment <= order.moment for one in others if one.reward.programme == COMPANY_POINTS)
    assert people.FINANCE in {one.participant for one in orders}


def check_budgets(last_day: date) -> None:
    today = last_day + timedelta(days=1)
    this, ends = budgets.quarter_of(today)
    before, _last = budgets.quarter_of(this - timedelta(days=1))
    assert this <= today <= ends
    for code, document in (
        (trade.PROGRAMME_CODE, trade.programme_document(last_day, 1_000_000)),
        (trade.CLAIMS_PROGRAMME_CODE, trade.claims_document(last_day, 1_000_000)),
    ):
        programme = parse_document(document)
        applied = trade.applied_at(code, last_day)
        assert applied.date() < programme.starts
        for quarter in (before, this):
            asked = redeeming.budget_asked_at(code, quarter, last_day)
            assert applied < asked < moment_of(today, 0), f"on {today}: {code} {quarter}"
            assert quarter <= programme.ends
            assert budgets.quarter_of(quarter)[1] >= programme.starts
