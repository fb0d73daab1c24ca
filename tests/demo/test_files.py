"""What the demo's files hold, whatever day it is."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty_core.demo import files
from loyalty_core.demo.commands import programme_document
from loyalty_core.demo.market import companies, products, regions
from loyalty_core.programmes import parse_document

DAYS = st.dates(date(2024, 1, 1), date(2040, 12, 31))


@pytest.mark.parametrize(
    ("last_day", "first_day"),
    [
        (date(2026, 11, 21), date(2026, 8, 22)),
        (date(2026, 5, 31), date(2026, 3, 1)),
        (date(2028, 5, 30), date(2028, 3, 1)),
        (date(2026, 3, 15), date(2025, 12, 16)),
        (date(2026, 2, 28), date(2025, 11, 29)),
    ],
)
def test_three_months_begin_the_day_after_the_same_day_three_months_before(
    last_day: date, first_day: date
) -> None:
    assert files.first_day_of(last_day) == first_day


@given(DAYS)
def test_three_months_are_never_much_more_or_less(last_day: date) -> None:
    assert timedelta(days=88) <= last_day - files.first_day_of(last_day) <= timedelta(days=92)


@given(DAYS)
@settings(max_examples=8, deadline=None)
def test_the_sales_fill_the_three_months_and_their_amounts_are_right(last_day: date) -> None:
    rows = files.three_months(last_day)
    days = {row.sold_at[:10] for row in rows}
    assert files.first_day_of(last_day).isoformat() <= min(days) <= max(days) <= last_day.isoformat()
    assert len(days) > 80
    assert 5_500 < len(rows) < 6_500
    assert len({(row.company_code, row.invoice_no, row.line_no) for row in rows}) == len(rows)
    assert {row.company_code for row in rows} == {company.code for company in companies()}
    assert {row.product_code for row in rows} == {product.code for product in products()}
    assert 30 < sum(int(row.quantity) < 0 for row in rows) < 200
    for row in rows:
        exact = int(row.quantity) * Decimal(row.unit_price)
        assert abs(Decimal(row.amount) - exact) <= Decimal("0.005")


def test_the_same_day_gives_the_same_files() -> None:
    day = date(2026, 11, 21)
    for rows_until in (files.three_months, files.late_invoices, files.list_of_returns):
        assert rows_until(day) == rows_until(day)


def test_every_company_sits_in_an_area_under_a_region_of_its_country() -> None:
    parent = {region.code: region.parent for region in regions()}
    assert Counter(company.country for company in companies()) == {"PL": 10, "RS": 10, "GB": 10, "ID": 10}
    for company in companies():
        region = parent[company.area]
        assert region is not None
        assert parent[region] == company.country
        assert parent[company.country] is None


@given(DAYS)
def test_the_programme_takes_in_all_sales_of_the_three_months(last_day: date) -> None:
    document = parse_document(programme_document(last_day))
    assert document.starts <= files.first_day_of(last_day)
    assert last_day <= document.ends
