"""The files that the demo hands in: sales by period, a list with mistakes, one that needs a decision, claims.

They depend on the last day of sales and the scale and on nothing else, so a demo that was interrupted writes the
same again.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import polars as pl

from loyalty_core.demo import sales
from loyalty_core.demo.market import TIME_ZONE, companies, first_day_of
from loyalty_core.demo.sales import COLUMNS
from loyalty_core.intake import ColumnMapping
from loyalty_core.organisation import CompanyKind

Row = dict[str, str]

_SEED = 2026
_PERIOD_DAYS = 30
_PERIODS = 3


def _mapping(name: str) -> ColumnMapping:
    return ColumnMapping(
        name=name,
        dataset="sales",
        columns={column: column for column in COLUMNS},
        date_formats=("%Y-%m-%d %H:%M",),
        time_zone=TIME_ZONE,
    )


# Two sources: what one usually sends says nothing of the other.
REPORTS = _mapping("distributors-report")
LISTS = _mapping("typed-list")

CLAIM_COLUMNS = (
    *("claim_no", "company_code", "participant_code", "invoice_no", "product_code", "quantity", "sold_on"),
)
CLAIMS = ColumnMapping(
    name="claim-forms",
    dataset="claims",
    columns={column: column for column in CLAIM_COLUMNS},
    date_formats=("%Y-%m-%d",),
    time_zone=TIME_ZONE,
)


@dataclass(frozen=True, slots=True)
class Period:
    """The days of one file of sales, both inclusive."""

    first_day: date
    last_day: date

    @property
    def file_name(self) -> str:
        """The name of its file."""
        return f"sales_{self.first_day.isoformat()}_{self.last_day.isoformat()}.csv"


def periods(last_day: date) -> list[Period]:
    """Return the files' days: a long one to begin with, then thirty days each, the last ending on `last_day`."""
    found = []
    ends = last_day
    for _period in range(_PERIODS):
        found.append(Period(ends - timedelta(days=_PERIOD_DAYS - 1), ends))
        ends -= timedelta(days=_PERIOD_DAYS)
    return [Period(first_day_of(last_day), ends), *reversed(found)]


def write_period(path: Path, lines: pl.DataFrame, period: Period) -> None:
    """Write the period's lines as CSV in UTF-8 under a header."""
    lines.filter(pl.col("day").is_between(period.first_day, period.last_day)).select(COLUMNS).write_csv(path)


def write_rows(path: Path, rows: Iterable[Mapping[str, str]], columns: Iterable[str] = COLUMNS) -> None:
    """Write the rows as CSV in UTF-8 under a header."""
    pl.DataFrame(list(rows), schema=dict.fromkeys(columns, pl.String)).write_csv(path)


def late_invoices(lines: pl.DataFrame, last_day: date) -> list[Row]:
    """Return a small file typed by hand: new invoices, a few lines that came before, and a dozen mistakes."""
    partners = [
        partner
        for partner in companies()
        if partner.country == "PL" and partner.kind is CompanyKind.WHOLESALER and partner.size
    ]
    rows = _rows(sales.invoices_of(last_day, partners[:5], 30, series="L"))
    for place, mistake in enumerate(_MISTAKES):
        # Spread over the file, as they would be.
        at = 5 + place * 7
        rows[at] = rows[at] | mistake(rows[at])
    before = lines.filter(pl.col("company_code").is_in([partner.code for partner in partners[:5]]))
    sold = _rows(before.filter(pl.col("units") > 0).tail(1))[0]
    return [*_rows(before.head(5)), *rows, _with_quantity(sold, int(sold["quantity"]) + 6)]


_MISTAKES: tuple[Callable[[Row], Row], ...] = (
    lambda _row: {"company_code": ""},
    lambda _row: {"company_code": ""},
    lambda _row: {"company_code": "", "quantity": "0"},
    lambda _row: {"company_code": "PL2O01"},
    lambda _row: {"quantity": "12 pcs"},
    lambda _row: {"quantity": "a dozen"},
    lambda row: {"sold_at": f"{row['sold_at'][:4]}-02-30 10:15"},
    lambda row: {"unit_price": f"-{row['unit_price']}", "amount": f"-{row['amount']}"},
    lambda row: {"amount": str(Decimal(row["amount"]) * 10)},
    lambda _row: {"product_code": "MO-999", "product_name": "Morning Bell Winter coffee 250 g"},
    lambda _row: {"currency": "ERU"},
)


def half_wrong(last_day: date) -> list[Row]:
    """Return a list of which the half has no company that Laurel knows: the sender used codes of its own."""
    partners = [
        partner
        for partner in companies()
        if partner.country == "GB" and partner.kind is CompanyKind.WHOLESALER
    ]
    rows = _rows(sales.invoices_of(last_day, partners[:4], 24, series="H", days_back=10))
    own_codes = {partner.code for partner in partners[:2]}
    wrong = [place for place, row in enumerate(rows) if row["company_code"] in own_codes]
    # Just below the half, from which on the checks hold a file.
    for place in wrong[: len(rows) * 46 // 100]:
        rows[place] |= {"company_code": f"CUST-{rows[place]['company_code'][-2:]}"}
    return rows


def list_of_returns(lines: pl.DataFrame, last_day: date) -> list[Row]:
    """Return what a wholesaler took back after the season: nothing but returns, so someone must decide."""
    chance = random.Random(_SEED)  # noqa: S311 made-up sales, always the same
    wholesaler = next(
        partner
        for partner in companies()
        if partner.country == "RS" and partner.kind is CompanyKind.WHOLESALER
    )
    sold = _rows(lines.filter((pl.col("company_code") == wholesaler.code) & (pl.col("units") > 0)).tail(400))
    return [
        _with_quantity(row, -max(1, int(row["quantity"]) // chance.randrange(2, 7)))
        | {
            "invoice_no": f"RNRS-{last_day:%y%m}-{number:04}",
            "line_no": "1",
            "sold_at": f"{last_day.isoformat()} {chance.randrange(8, 18):02}:{chance.randrange(60):02}",
        }
        for number, row in enumerate(chance.sample(sold, min(60, len(sold))), start=1)
    ]


def _rows(lines: pl.DataFrame) -> list[Row]:
    return lines.select(COLUMNS).to_dicts()


def _with_quantity(row: Row, quantity: int) -> Row:
    amount = (quantity * Decimal(row["unit_price"])).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return row | {"quantity": str(quantity), "amount": str(amount)}
