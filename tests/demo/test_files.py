"""What the demo's files hold, and what is planned from them, whatever day it is."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty_core.demo import catalogue, files, market, people, pictures, sales, trade
from loyalty_core.demo.claims import Claims, DemoClaim, Fate
from loyalty_core.demo.market import companies, first_day_of, products, regions
from loyalty_core.demo.orders import SPENT_AREA, OrderFate, Orders
from loyalty_core.demo.trade import claims_document, programme_document
from loyalty_core.organisation import CompanyKind
from loyalty_core.programmes import parse_document

DAYS = st.dates(date(2024, 1, 1), date(2040, 12, 31))
DAY = date(2026, 10, 14)
SMALL = 0.1


@cache
def lines_until(last_day: date, scale: float = SMALL) -> pl.DataFrame:
    return sales.eighteen_months(last_day, scale)


@pytest.mark.parametrize(
    ("last_day", "first_day"),
    [
        (date(2026, 11, 21), date(2025, 5, 22)),
        (date(2026, 8, 31), date(2025, 3, 1)),
        (date(2028, 8, 30), date(2027, 3, 1)),
        (date(2026, 3, 15), date(2024, 9, 16)),
    ],
)
def test_eighteen_months_begin_the_day_after_the_same_day(last_day: date, first_day: date) -> None:
    assert first_day_of(last_day) == first_day


@given(DAYS)
def test_the_files_cover_the_eighteen_months_without_a_gap(last_day: date) -> None:
    found = files.periods(last_day)
    assert found[0].first_day == first_day_of(last_day)
    assert found[-1].last_day == last_day
    assert all(after.first_day - before.last_day == timedelta(days=1) for before, after in pairwise(found))


@pytest.mark.parametrize("last_day", [DAY, date(2026, 12, 31), date(2028, 2, 29)])
def test_the_sales_fill_the_months_and_their_amounts_are_right(last_day: date) -> None:
    lines = lines_until(last_day)
    days = lines["day"].to_list()
    # Nearly nothing is sold on Sundays.
    assert first_day_of(last_day) <= min(days) <= first_day_of(last_day) + timedelta(days=3)
    assert last_day - timedelta(days=3) <= max(days) <= last_day
    assert 0.95 < lines.height / (1_000 * len(companies(SMALL))) < 1.05
    assert lines.select("company_code", "invoice_no", "line_no").n_unique() == lines.height
    assert set(lines["company_code"]) == {one.code for one in companies(SMALL) if one.size}
    assert set(lines["product_code"]) == {one.code for one in products()}
    assert 0.02 < lines.filter(pl.col("units") < 0).height / lines.height < 0.04
    for row in lines.sample(500, seed=1).iter_rows(named=True):
        exact = int(row["quantity"]) * Decimal(row["unit_price"])
        assert abs(Decimal(row["amount"]) - exact) <= Decimal("0.005")
        assert Decimal(row["amount"]) * 100 == row["cents"]


def turnover(lines: pl.DataFrame, *conditions: pl.Expr) -> int:
    return int(lines.filter(*conditions)["cents"].sum())


def ago(first: int, last: int) -> pl.Expr:
    return pl.col("day").is_between(DAY - timedelta(days=first), DAY - timedelta(days=last))


def test_the_year_has_seasons_and_growth_and_the_campaign_shows() -> None:
    lines = lines_until(DAY, 1.0)
    drinks = pl.col("product_group") == "Drinks"
    assert turnover(lines, drinks, ago(380, 351)) < 0.8 * turnover(lines, drinks, ago(470, 441))
    assert turnover(lines, ago(150, 1)) > 1.1 * turnover(lines, ago(515, 366))
    begun, ended = market.CAMPAIGN_DAYS_AGO
    brand = pl.col("brand") == market.CAMPAIGN_BRAND
    span = begun - ended + 1
    assert turnover(lines, brand, ago(begun, ended)) > 2 * turnover(
        lines, brand, ago(begun + span, begun + 1)
    )


def test_partners_stop_never_begin_climb_and_take_back() -> None:
    lines = lines_until(DAY, 1.0)
    for partner in companies():
        own = pl.col("company_code") == partner.code
        if partner.stops:
            assert lines.filter(own, ago(50, 0), pl.col("units") > 0).is_empty()
            assert not lines.filter(own, ago(120, 80)).is_empty()
        if partner.opens_outlets:
            assert turnover(lines, own, ago(49, 0)) > 1.8 * turnover(lines, own, ago(109, 60))
            assert lines.filter(own)["outlet_code"].n_unique() == partner.outlets + 2
        if partner.takes_back:
            back = lines.filter(own, pl.col("units") < 0, ago(30, 0))
            assert back.height > 0.3 * lines.filter(own, ago(30, 0)).height
    assert Counter((one.stops, one.size == 0) for one in companies())[True, False] == 8
    assert sum(one.size == 0 for one in companies()) == 4


def test_the_same_day_gives_the_same_files() -> None:
    assert sales.eighteen_months(DAY, SMALL).equals(sales.eighteen_months(DAY, SMALL))
    lines = lines_until(DAY)
    assert files.late_invoices(lines, DAY) == files.late_invoices(lines, DAY)
    assert files.half_wrong(DAY) == files.half_wrong(DAY)
    assert files.list_of_returns(lines, DAY) == files.list_of_returns(lines, DAY)


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_every_company_has_its_place_its_kind_and_its_distributor(scale: float) -> None:
    parent = {region.code: region.parent for region in regions()}
    found = companies(scale)
    kinds = {one.code: one.kind for one in found}
    assert len(kinds) == len(found) == len({one.name for one in found})
    assert len(found) == {0.1: 60, 1.0: 150, 10.0: 1500}[scale]
    for one in found:
        region = parent[one.area]
        assert region is not None
        assert parent[region] == one.country
        if one.kind is CompanyKind.DISTRIBUTOR:
            assert one.distributor is None
        else:
            assert one.distributor is not None
            assert kinds[one.distributor] is CompanyKind.DISTRIBUTOR


def test_four_hundred_people_take_part_or_wait() -> None:
    found = people.participants(DAY)
    assert len(found) + len(people.newcomers(DAY)) == 400
    assert len({one.code for one in (*found, *people.newcomers(DAY))}) == 400
    assert {people.WHOLESALER, people.PROVIDER, people.CLEANER, people.FINANCE, people.SUSPICIOUS} <= {
        one.code for one in found
    }
    assert sum(one.is_owner for one in found) == len(companies())


@given(DAYS)
def test_the_programmes_take_in_what_they_should(last_day: date) -> None:
    older = parse_document(programme_document(last_day, 1_000_000))
    assert older.starts <= first_day_of(last_day)
    younger = parse_document(claims_document(last_day, 1_000_000))
    assert timedelta(days=115) < last_day - younger.starts < timedelta(days=160)
    assert last_day <= min(older.ends, younger.ends)


def planned(last_day: date, scale: float) -> Claims:
    goals = [one.points for one in catalogue.rewards_of(trade.CLAIMS_PROGRAMME_CODE)]
    return Claims(
        lines_until(last_day, scale),
        companies(scale),
        trade.claims_begin(last_day),
        tuple(files.periods(last_day)),
        tuple(goals),
    )


@pytest.mark.parametrize("scale", [0.1, 1.0])
@pytest.mark.parametrize("last_day", [DAY, date(2026, 12, 31)])
def test_sixty_claims_wait_of_every_kind(last_day: date, scale: float) -> None:
    plan = planned(last_day, scale)
    assert len(plan.open) == 60
    assert len({(one.company, one.claim_no) for one in (*plan.open, *plan.decided)}) == 60 + len(plan.decided)
    sold = {
        (row["company_code"], row["invoice_no"], row["product_code"]): row["units"]
        for row in plan.lines.iter_rows(named=True)
    }
    invoices = {invoice: company for company, invoice, _product in sold}
    taken = {(one.invoice_no, one.product_code) for one in plan.decided if one.fate is not Fate.REJECTED}

    def kind(one: DemoClaim) -> str:
        if (one.invoice_no, one.product_code) in taken:
            return "taken"
        units = sold.get((one.company, one.invoice_no, one.product_code))
        if units is not None:
            if units != one.units:
                return "quantity"
            return "agrees" if one.said_day == one.sold_on else "day"
        if one.product_code not in {article.code for article in products()}:
            return "product"
        return "other company" if invoices.get(one.invoice_no, one.company) != one.company else "invoice"

    kinds = Counter(map(kind, plan.open))
    assert set(kinds) == {"taken", "day", "quantity", "product", "other company", "invoice"}
    assert min(kinds.values()) >= 3
    assert kinds["day"] >= 20
    assert len({one.source for one in plan.open}) == 3


@pytest.mark.parametrize("last_day", [DAY, date(2026, 11, 21), date(2026, 12, 31), date(2026, 9, 30)])
def test_a_person_is_one_claim_short_of_a_reward_and_another_claims_what_was_not_sold(last_day: date) -> None:
    plan = planned(last_day, 1.0)
    own = [one for one in plan.decided if one.participant == people.PROVIDER]
    earned = sum(one.points for one in own)
    missing = min(goal - earned for goal in plan.goals if goal > earned)
    assert 0 < missing <= max(one.points for one in plan.open if one.participant == people.PROVIDER)
    fates = Counter(one.fate for one in plan.decided if one.participant == people.SUSPICIOUS)
    assert fates[Fate.REJECTED] > fates[Fate.APPROVED]


@pytest.mark.parametrize("hour", [0, 12])
@pytest.mark.parametrize("day", [date(2026, 10, 1), date(2026, 10, 15), date(2026, 12, 31)])
def test_orders_that_fill_a_budget_lie_in_its_quarter(day: date, hour: int) -> None:
    today = datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC)
    quarter = datetime(2026, 10, 1, tzinfo=UTC)
    earned = {one.code: 20_000 for one in companies() if one.kind is not CompanyKind.SERVICE_PROVIDER}
    earned |= {f"{one.code}-1": 4_000 for one in companies()} | {people.FINANCE: 4_000}
    found = Orders(companies(), earned, today, quarter).all()
    waiting = [one for one in found if one.fate is OrderFate.WAITS]
    assert len(waiting) == 25
    assert {people.FINANCE, people.SUSPICIOUS, people.WHOLESALER} <= {one.participant for one in waiting}
    assert [one.area for one in waiting if one.waits_for_budget] == [SPENT_AREA]
    spent = [
        one
        for one in found
        if one.area == SPENT_AREA
        and one.reward.programme == trade.PROGRAMME_CODE
        and one.fate is not OrderFate.WAITS
    ]
    assert len(spent) == 9
    assert all(quarter <= one.moment <= today for one in spent)


def test_every_reward_has_a_picture_of_its_own() -> None:
    assert sorted(one.picture for one in catalogue.REWARDS) == sorted(pictures.NAMES)
    drawn = {pictures.picture(name) for name in pictures.NAMES}
    assert len(drawn) == len(pictures.NAMES)
    assert all(len(one) < 40_000 and one.startswith(b"\x89PNG") for one in drawn)
