"""Files for spreadsheets in which text stays text: no cell of an export is ever a formula or a link."""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import xlsxwriter

Cell = str | int | float | Decimal | date | datetime | bool | None

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# Digits with points and commas between them can name neither a cell nor a function, whatever the sign.
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)*")
_LONGEST_XLSX_TEXT = 32_767
_MAX_EXACT_FLOAT_INT = 2**53


def csv_text(cell: Cell) -> str:
    """Return a cell as CSV text, an apostrophe before what a spreadsheet would take for a formula.

    Numbers keep their sign, also those that are text, as the cells of an original file are: with an apostrophe
    they could not be read again. Spaces before it don't hide a formula from every program.
    """
    if cell is None:
        return ""
    if isinstance(cell, str):
        if _PLAIN_NUMBER.fullmatch(cell):
            return cell
        bare = cell.lstrip(" \u00a0\ufeff")
        return (
            f"'{cell}" if bare.startswith(_STARTS_A_FORMULA) or cell.startswith(_STARTS_A_FORMULA) else cell
        )
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Write a comma-separated file in UTF-8 with a byte-order mark and return how many rows it has."""
    written = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([csv_text(cell) for cell in header])
        for row in rows:
            writer.writerow([csv_text(cell) for cell in row])
            written += 1
    return written


def write_xlsx(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]], *, sheet: str = "Data"
) -> int:
    """Write a workbook of one sheet and return how many rows it has below the header.

    Rows are streamed: memory does not grow with them. Text stays text whatever it starts with; numbers that a
    workbook can't hold exactly, and zoned times, are written as text.
    """
    workbook = xlsxwriter.Workbook(
        str(path),
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "tmpdir": str(path.parent),
        },
    )
    try:
        page = workbook.add_worksheet(sheet[:31])
        bold = workbook.add_format({"bold": True})
        dates = workbook.add_format({"num_format": "yyyy-mm-dd"})
        for column, title in enumerate(header):
            page.write_string(0, column, title[:_LONGEST_XLSX_TEXT], bold)
        page.freeze_panes(1, 0)
        written = 0
        for row in rows:
            written += 1
            for column, cell in enumerate(row):
                _write_cell(page, written, column, cell, dates)
    finally:
        workbook.close()
    return written


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a small workbook: header, rows, a comment beside each header, remarks below the rows."""

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    comments: Sequence[str] = ()
    remarks: Sequence[str] = ()


_WIDEST_COLUMN = 70


def write_workbook(path: Path, sheets: Sequence[Sheet]) -> None:
    """Write a workbook of some small sheets, columns as wide as what they hold. Text stays text."""
    workbook = xlsxwriter.Workbook(
        str(path),
        {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    try:
        bold = workbook.add_format({"bold": True})
        dates = workbook.add_format({"num_format": "yyyy-mm-dd"})
        for sheet in sheets:
            page = workbook.add_worksheet(sheet.name[:31])
            for column, title in enumerate(sheet.header):
                page.write_string(0, column, title[:_LONGEST_XLSX_TEXT], bold)
                longest = max([title, *(str(row[column]) for row in sheet.rows)], key=len)
                page.set_column(column, column, min(len(longest) + 3, _WIDEST_COLUMN))
            for column, comment in enumerate(sheet.comments):
                page.write_comment(0, column, comment, {"x_scale": 2, "author": "Laurel"})
            page.freeze_panes(1, 0)
            for place, row in enumerate(sheet.rows, start=1):
                for column, cell in enumerate(row):
                    _write_cell(page, place, column, cell, dates)
            for place, remark in enumerate(sheet.remarks, start=len(sheet.rows) + 2):
                page.write_string(place, 0, remark)
    finally:
        workbook.close()


def _write_cell(
    page: "xlsxwriter.worksheet.Worksheet", row: int, column: int, cell: Cell, dates: object
) -> None:
    if cell is None or cell == "":
        return
    if isinstance(cell, bool):
        page.write_boolean(row, column, cell)
    elif isinstance(cell, datetime):
        page.write_string(row, column, cell.isoformat(sep=" ", timespec="seconds"))
    elif isinstance(cell, date):
        page.write_datetime(row, column, cell, dates)
    elif isinstance(cell, str):
        page.write_string(row, column, cell[:_LONGEST_XLSX_TEXT])
    elif _fits_a_number_cell(cell):
        page.write_number(row, column, float(cell))
    else:
        page.write_string(row, column, csv_text(cell))


def _fits_a_number_cell(number: int | float | Decimal) -> bool:
    """Whether a workbook shows the number unchanged: it holds floats of 15 digits, no infinity, no NaN."""
    if isinstance(number, int):
        return abs(number) <= _MAX_EXACT_FLOAT_INT
    if isinstance(number, Decimal):
        return number.is_finite() and len(number.as_tuple().digits) <= 15
    return number == number and abs(number) != float("inf")
