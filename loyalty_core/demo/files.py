"""The files that the demo hands in: three months of sales, a file with mistakes, and one that needs a decision.

They depend on the last day of sales and on nothing else, so a demo that was interrupted writes the same again.
"""

import csv
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from loyalty_core.demo.market import CURRENCY, TIME_ZONE, DemoCompany, DemoProduct, companies, products
from loyalty_core.intake import ColumnMapping

_SEED = 2026
_INVOICES = 1_650
_WEEKDAYS = (1.0, 1.1, 1.1, 1.2, 1.5, 0.7, 0.1)
_INVOICE_PREFIX = {"PL": "FV", "RS": "RN", "GB": "INV", "ID": "FJ"}
_RETURNED = 0.05


@dataclass(frozen=True, slots=True)
class SalesRow:
    """One row as the file has it; all columns of the dataset, as text."""

    company_code: str
    company_name: str
    region: str
    outlet_code: str
    invoice_no: str
    line_no: str
    product_code: str
    product_name: str
    brand: str
    product_group: str
    sold_at: str
    quantity: str
    unit_price: str
    amount: str
    currency: str


COLUMNS = tuple(field.name for field in fields(SalesRow))

MAPPING = ColumnMapping(
    name="demo",
    dataset="sales",
    columns={name: name for name in COLUMNS},
    date_formats=("%Y-%m-%d %H:%M",),
    time_zone=TIME_ZONE,
)


def first_day_of(last_day: date) -> date:
    """Return the first of the three months of sales that end with `last_day`, both inclusive."""
    months = last_day.year * 12 + last_day.month - 1 - 3
    year, month = divmod(months, 12)
    next_month = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    longest = (next_month - timedelta(days=1)).day
    return date(year, month + 1, min(last_day.day, longest)) + timedelta(days=1)


def write_sales(path: Path, rows: Iterable[SalesRow]) -> None:
    """Write the rows as CSV in UTF-8 under a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(astuple(row) for row in rows)


class _Book:
    """Writes invoices: numbers them by company and prices their lines."""

    def __init__(self, chance: random.Random, *, series: str = "") -> None:
        self._chance = chance
        self._series = series
        self._numbers: Counter[str] = Counter()
        self._discounts = {company.code: chance.randrange(0, 18) for company in companies()}

    def row(
        self,
        company: DemoCompany,
        outlet: str,
        invoice_no: str,
        line_no: int,
        product: DemoProduct,
        sold_at: datetime,
        quantity: int,
    ) -> SalesRow:
        discounted = product.price * (100 - self._discounts[company.code]) / 100
        price = discounted.quantize(Decimal("0.001"), ROUND_HALF_UP)
        return SalesRow(
            company_code=company.code,
            company_name=company.name,
            region=company.area,
            outlet_code=outlet,
            invoice_no=invoice_no,
            line_no=str(line_no),
            product_code=product.code,
            product_name=product.name,
            brand=product.brand,
            product_group=product.group,
            sold_at=f"{sold_at:%Y-%m-%d %H:%M}",
            quantity=str(quantity),
            unit_price=str(price),
            amount=str(_amount(quantity, price)),
            currency=CURRENCY,
        )

    def invoice_no(self, company: DemoCompany, day: date, kind: str = "") -> str:
        self._numbers[company.code] += 1
        prefix = f"{_INVOICE_PREFIX[company.country]}{kind}{self._series}"
        return f"{prefix}-{day:%y%m}-{self._numbers[company.code]:04}"

    def invoice(self, company: DemoCompany, day: date) -> list[SalesRow]:
        moment = datetime.combine(day, time(self._chance.randrange(8, 18), self._chance.randrange(60)))
        outlet = f"{company.code}-{self._chance.randrange(company.outlets) + 1:02}"
        number = self.invoice_no(company, day)
        chosen = self._chance.sample(products(), self._chance.randrange(1, 7))
        return [
            self.row(company, outlet, number, line_no, product, moment, self._pieces(company))
            for line_no, product in enumerate(chosen, start=1)
        ]

    def taken_back(self, sold: SalesRow, company: DemoCompany, day: date) -> SalesRow:
        quantity = -max(1, int(sold.quantity) // self._chance.randrange(2, 7))
        return replace(
            _with_quantity(sold, quantity),
            invoice_no=self.invoice_no(company, day, "R"),
            line_no="1",
            sold_at=f"{day:%Y-%m-%d} {self._chance.randrange(8, 18):02}:{self._chance.randrange(60):02}",
        )

    def _pieces(self, company: DemoCompany) -> int:
        cases = self._chance.randrange(1, 5 + round(company.size * 2))
        return cases * self._chance.choice((6, 6, 12, 12, 24))


def _amount(quantity: int, price: Decimal) -> Decimal:
    return (quantity * price).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _with_quantity(row: SalesRow, quantity: int) -> SalesRow:
    return replace(row, quantity=str(quantity), amount=str(_amount(quantity, Decimal(row.unit_price))))


def three_months(last_day: date) -> list[SalesRow]:
    """Return some 6,000 lines of all companies, by time, with a few returns among them."""
    chance = _chance()
    book = _Book(chance)
    first_day = first_day_of(last_day)
    days = [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]
    partners = companies()
    rows: list[SalesRow] = []
    for day in sorted(chance.choices(days, weights=[_WEEKDAYS[day.weekday()] for day in days], k=_INVOICES)):
        grown = (day - first_day).days / len(days)
        weights = [company.size * (1 + company.trend * grown) for company in partners]
        company = chance.choices(partners, weights=weights)[0]
        invoice = book.invoice(company, day)
        rows.extend(invoice)
        back_on = day + timedelta(days=chance.randrange(3, 21))
        if chance.random() < _RETURNED and back_on <= last_day:
            rows.append(book.taken_back(invoice[0], company, back_on))
    return sorted(rows, key=lambda row: (row.sold_at, row.company_code, row.invoice_no, int(row.line_no)))


def late_invoices(last_day: date) -> list[SalesRow]:
    """Return a small file typed by hand: new invoices, a few lines that came before, and a dozen mistakes."""
    chance = _chance()
    book = _Book(chance, series="L")
    before = three_months(last_day)
    partners = [company for company in companies() if company.country == "PL"]
    rows: list[SalesRow] = []
    while len(rows) < 100:
        rows.extend(book.invoice(chance.choice(partners), last_day - timedelta(days=chance.randrange(7))))
    rows.sort(key=lambda row: row.sold_at)
    for place, mistake in enumerate(_MISTAKES):
        # Spread over the file, as they would be.
        at = 5 + place * 8
        rows[at] = mistake(rows[at])
    sold = next(row for row in reversed(before) if int(row.quantity) > 0)
    return [*before[:5], *rows, _with_quantity(sold, int(sold.quantity) + 6)]


_MISTAKES: tuple[Callable[[SalesRow], SalesRow], ...] = (
    lambda row: replace(row, company_code=""),
    lambda row: replace(row, company_code=""),
    lambda row: replace(row, company_code="", quantity="0"),
    lambda row: replace(row, company_code="PL1O01"),
    lambda row: replace(row, quantity="12 pcs"),
    lambda row: replace(row, quantity="a dozen"),
    lambda row: replace(row, sold_at=f"{row.sold_at[:4]}-02-30 10:15"),
    lambda row: replace(row, unit_price=f"-{row.unit_price}", amount=f"-{row.amount}"),
    lambda row: replace(row, amount=str(Decimal(row.amount) * 10)),
    lambda row: replace(row, product_code="MO-999", product_name="Morning Bell Winter coffee 250 g"),
    lambda row: replace(row, currency="ERU"),
)


def list_of_returns(last_day: date) -> list[SalesRow]:
    """Return what a wholesaler took back after the season: nothing but returns, so someone must decide."""
    chance = _chance()
    book = _Book(chance, series="S")
    wholesaler = next(company for company in companies() if company.country == "RS")
    sold = [
        row for row in three_months(last_day) if row.company_code == wholesaler.code and int(row.quantity) > 0
    ]
    return [book.taken_back(row, wholesaler, last_day) for row in chance.sample(sold, 60)]


def _chance() -> random.Random:
    return random.Random(_SEED)  # noqa: S311 made-up sales, always the same
