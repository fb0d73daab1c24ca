"""Generated sales files: the same rows for the same arguments, always."""

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import xlsxwriter

HEADER = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Brand",
    "ProductGroup",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
_COMPANIES = 5_000
_PRODUCTS = 4_000
_REGIONS = 40
_OPEN_MINUTES = 720
_FIRST_DAY = datetime(2024, 1, 1, 8, 0)  # noqa: DTZ001 (files name no time zone, the mapping does)

Row = tuple[str, str, str, str, str, str, str, str, str, str]


def sales_rows(count: int, *, bad_share: float = 0.0, seed: int = 1) -> Iterator[Row]:
    """Yield `count` rows of a year of sales, in the columns of `HEADER`.

    Invoices have 1 to 20 lines; 3 % of the lines are returns; one line in 500 repeats the one before it in
    every column, as an invoice may. Of the lines, `bad_share` (0 to 1) has something wrong, by turns: no
    company, a quantity that is no number, a negative price, a quantity of zero, a date that is none, and no
    company together with a negative price. Prices have two places, so that a sum in binary fractions, rounded
    per line, is exact.
    """
    random = Random(seed)
    prices = [random.randrange(20, 6_000) for _ in range(_PRODUCTS)]
    # Quotes, commas and letters outside ASCII as real descriptions have them.
    names = [f'Tin, "{n % 70} cm" café set {n}' if n % 9 == 0 else f"Item {n}" for n in range(_PRODUCTS)]
    row: Row | None = None
    made = bad = invoice = 0
    while made < count:
        invoice += 1
        company = int(random.random() ** 2 * _COMPANIES)
        is_return = random.random() < 0.03
        number = f"{'C' if is_return else ''}{seed * 10_000_000 + invoice}"
        # In the daytime: the hour that a clock skips in spring is no time of sale.
        day, minute = divmod(int(made / count * 360 * _OPEN_MINUTES), _OPEN_MINUTES)
        moment = _FIRST_DAY + timedelta(days=day, minutes=minute)
        date = moment.strftime("%Y-%m-%d %H:%M")
        for _ in range(min(random.randint(1, 20), count - made)):
            made += 1
            product = int(random.random() ** 2 * _PRODUCTS)
            quantity = random.randint(1, 24) * (-1 if is_return else 1)
            price = max(1, prices[product] * random.choice((90, 95, 100, 100, 100)) // 100)
            repeats = random.random() < 0.002
            is_bad = random.random() < bad_share
            if repeats and row is not None and row[0] == number and not is_bad:
                yield row
                continue
            row = (
                number,
                f"P{product:05d}",
                names[product],
                f"Brand {product % 50}",
                f"Group {product % 12}",
                str(quantity),
                date,
                f"{price // 100}.{price % 100:02d}",
                str(10_000 + company),
                f"Region {company % _REGIONS}",
            )
            if is_bad:
                yield _spoiled(row, bad % 6)
                bad += 1
                row = None
            else:
                yield row


def _spoiled(row: Row, kind: int) -> Row:
    cells = dict(zip(HEADER, row, strict=True))
    if kind in (0, 5):
        cells["CustomerID"] = ""
    if kind == 1:
        cells["Quantity"] = "a dozen"
    if kind in (2, 5):
        cells["UnitPrice"] = f"-{cells['UnitPrice']}"
    if kind == 3:
        cells["Quantity"] = "0"
    if kind == 4:
        cells["InvoiceDate"] = "2024-02-30 10:00"
    return tuple(cells[name] for name in HEADER)  # type: ignore[return-value]


def write_csv(path: Path, count: int, *, bad_share: float = 0.0, seed: int = 1) -> Path:
    """Write `count` generated rows under a header and return the path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(sales_rows(count, bad_share=bad_share, seed=seed))
    return path


def write_xlsx(path: Path, count: int, *, bad_share: float = 0.0, seed: int = 1) -> Path:
    """Write `count` generated rows (at most 1,048,575) as a workbook of one sheet: numbers and dates as such."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet("Sales")
    dates = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    sheet.write_row(0, 0, HEADER)
    for number, row in enumerate(sales_rows(count, bad_share=bad_share, seed=seed), start=1):
        for column, cell in enumerate(row):
            name = HEADER[column]
            if name == "InvoiceDate" and not cell.startswith("2024-02-30"):
                sheet.write_datetime(number, column, datetime.fromisoformat(cell), dates)
            elif name in ("Quantity", "UnitPrice") and cell != "a dozen":
                sheet.write_number(number, column, float(cell))
            elif cell:
                sheet.write_string(number, column, cell)
    book.close()
    return path
