"""Staging tables as intake leaves them after the row rules."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg

from loyalty_core.kernel import libpq_url

COLUMNS = (
    "row_no",
    "sheet",
    "company_code",
    "product_code",
    "product_name",
    "sold_at",
    "quantity",
    "unit_price",
    "amount",
)
NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)


def usual_lines(count: int) -> list[dict[str, Any]]:
    """Return lines of eight companies, of which nothing stands out: two pieces at 10.00 each."""
    return [
        {
            "row_no": number + 2,
            "sheet": None,
            "company_code": f"C{number % 8}",
            "product_code": None,
            "product_name": "Cup",
            "sold_at": NOW - timedelta(days=30, minutes=number),
            "quantity": 2,
            "unit_price": "10.00",
            "amount": None,
        }
        for number in range(count)
    ]


def changed(lines: Sequence[Mapping[str, Any]], count: int, **values: Any) -> list[dict[str, Any]]:
    """Return the lines with values of the first few replaced."""
    return [{**line, **(values if number < count else {})} for number, line in enumerate(lines)]


@contextmanager
def staging_table(
    app_url: str, lines: Iterable[Mapping[str, Any]], *, bad: Iterable[tuple[int, str | None]] = ()
) -> Iterator[str]:
    """Fill a staging table and its `_bad` (row number and sheet), committed, and drop them afterwards."""
    name = f"staging.import_{uuid4().hex}"
    with psycopg.connect(libpq_url(app_url), autocommit=True) as connection:
        connection.execute(
            f"""create unlogged table {name} (
                row_no bigint not null, sheet text, company_code text, company_name text, region text,
                outlet_code text, invoice_no text, line_no text, product_code text, product_name text,
                brand text, product_group text, sold_at timestamptz, quantity numeric, unit_price numeric,
                amount numeric, currency text, unreadable jsonb)"""
        )
        connection.execute(f"create unlogged table {name}_bad (row_no bigint, sheet text, reasons text[])")
        with (
            connection.cursor() as cursor,
            cursor.copy(f"copy {name} ({', '.join(COLUMNS)}) from stdin") as copy,
        ):
            for line in lines:
                copy.write_row([line.get(column) for column in COLUMNS])
        with connection.cursor() as cursor, cursor.copy(f"copy {name}_bad from stdin") as copy:
            for row_no, sheet in bad:
                copy.write_row((row_no, sheet, ["no_company"]))
        connection.execute(f"analyze {name}, {name}_bad")
        try:
            yield name
        finally:
            connection.execute(f"drop table {name}, {name}_bad")
