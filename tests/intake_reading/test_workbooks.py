"""Workbooks as spreadsheets and programs write them."""

import io
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from loyalty_core.intake.mapping import load_shipped_mapping
from loyalty_core.intake.reading import original_rows, preview_file, read_file
from tests.intake_reading.files import (
    REAL_DATA,
    SALES,
    Row,
    needs_real_data,
    read_small,
    read_small_result,
    rows_of,
)

# Cells of a workbook hold local times without a zone.
AT_A_QUARTER_PAST_EIGHT = datetime(2011, 7, 3, 8, 16)  # noqa: DTZ001
NAMES = ["Code", "Note", "Qty", "When"]


def workbook(*sheets: tuple[str, Sequence[Sequence[object]]]) -> bytes:
    """A workbook as openpyxl writes it."""
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    book.remove(first)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def facts(rows: list[Row]) -> list[tuple[object, ...]]:
    return [
        (row.cells["code"], row.cells["note"], row.cells["quantity"], row.cells["sold_at"], row.unreadable)
        for row in rows
    ]


@needs_real_data
def test_july_is_the_same_as_text_and_as_workbook(tmp_path: Path) -> None:
    mapping = load_shipped_mapping("online-retail")
    text = REAL_DATA / "sales-2010-12_2011-08.csv.gz"
    book = REAL_DATA / "sales-2011-07.xlsx"
    from_text = rows_of(read_file(text, text.name, mapping, SALES, tmp_path / "text"))
    result = read_file(book, book.name, mapping, SALES, tmp_path / "book")
    from_book = rows_of(result)
    july = [
        tuple(row.cells.values())
        for row in from_text
        if "2011-06-30 23" <= (row.cells["sold_at"] or "") < "2011-07-31 23"
    ]
    assert len(july) == 39_518
    assert Counter(july) == Counter(tuple(row.cells.values()) for row in from_book)
    assert result.sheet == "Online Retail"
    assert result.reader == "fastexcel"
    assert [row.row_no for row in from_book] == list(range(2, 39_520))


@pytest.mark.parametrize("written", ["as dates", "as texts"])
def test_the_careful_reader_agrees_with_the_fast_one(tmp_path: Path, written: str) -> None:
    day: object = AT_A_QUARTER_PAST_EIGHT if written == "as dates" else "2011-07-03 08:16"
    content = workbook(
        (
            "S",
            [
                NAMES,
                [85123, "  padded ", 2.55, day],
                [536365.0, 7, -3, date(2011, 1, 2)],
                ["A", True, "1e2", "2011-07-03"],
                [None, None, None, None],
                ["B", 1e-7, "abc", 40725.34],
                [5901234123457, "two\nlines", 1234567.125, None],
            ],
        )
    )
    fast = read_small(tmp_path, content, file_name="small.xlsx")
    result = read_small_result(tmp_path, content, file_name="small.xlsx", careful=True)
    assert result.reader == "openpyxl"
    assert rows_of(result) == fast
    assert facts(fast) == [
        ("85123", "padded", "2.55", "2011-07-03 07:16:00+00", None),
        ("536365", "7", "-3", "2011-01-02 00:00:00+00", None),
        ("A", "true", "100", "2011-07-02 23:00:00+00", None),
        ("B", "0.0000001", None, "2011-07-01 07:09:36+00", {"quantity": "abc"}),
        ("5901234123457", "two lines", "1234567.125", None, None),
    ]
    assert [row.row_no for row in fast] == [2, 3, 4, 6, 7]


def test_numbers_keep_their_point_beside_texts_with_a_comma(tmp_path: Path) -> None:
    content = workbook(("S", [NAMES, ["A", None, 1.234, None], ["B", None, "1.234,5", None]]))
    rows = read_small(
        tmp_path, content, file_name="small.xlsx", decimal_separator=",", thousands_separator="."
    )
    assert [row.cells["quantity"] for row in rows] == ["1.234", "1234.5"]


def test_the_first_sheet_that_holds_anything_is_read_and_named(tmp_path: Path) -> None:
    content = workbook(("Cover", []), ("Sales", [NAMES, ["A", "n", 1, "2011-07-03"]]), ("More", [["x"]]))
    [row] = read_small(tmp_path, content, file_name="small.xlsx")
    assert row.sheet == "Sales"


def test_a_table_that_begins_elsewhere_keeps_the_row_numbers_of_the_sheet(tmp_path: Path) -> None:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    sheet = book.add_worksheet("Sales")
    sheet.merge_range("C3:F3", "Sales of July")
    for column, name in enumerate(NAMES):
        sheet.write(4, 2 + column, name)
    sheet.write_row(5, 2, ["A", "n", 3, "2011-07-03"])
    sheet.write_row(7, 2, ["B", "n", 4, "2011-07-04"])
    sheet.write(8, 0, "far left")
    book.close()
    result = read_small_result(tmp_path, content.getvalue(), file_name="small.xlsx")
    assert result.header_row == 5
    rows = rows_of(result)
    assert [(row.row_no, row.cells["code"], row.cells["quantity"]) for row in rows] == [
        (6, "A", "3"),
        (8, "B", "4"),
        (9, None, None),
    ]


def sheet_from(place: str, rows: Sequence[Sequence[object]], *, below: str = "") -> bytes:
    """A workbook whose table begins at a cell; `below` names a cell under it that holds a remark."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    sheet = book.add_worksheet("Sales")
    top, left = xlsxwriter.utility.xl_cell_to_rowcol(place)
    for down, cells in enumerate(rows):
        sheet.write_row(top + down, left, cells)
    if below:
        sheet.write(below, "remark")
    book.close()
    return content.getvalue()


@pytest.mark.parametrize("place", ["A1", "B1", "C3", "AB4"])
@pytest.mark.parametrize("below", ["", "A20", "B20"])
@pytest.mark.parametrize("careful", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_table_in_any_column_is_read_and_quoted_under_its_headers(
    tmp_path: Path, place: str, below: str, careful: bool
) -> None:
    table: list[Sequence[object]] = [NAMES, ["A", "n", 3, "2011-07-03"], ["A", None, 4, "2011-07-04"]]
    content = sheet_from(place, table, below=below)
    result = read_small_result(tmp_path, content, file_name="small.xlsx", careful=careful)
    assert [cells[:3] for cells in facts(rows_of(result))[:2]] == [("A", "n", "3"), ("A", None, "4")]

    path = tmp_path / "upload"
    first, second, third = [result.header_row + down for down in range(3)]
    quoted = dict(original_rows(path, "small.xlsx", [first, second, third]))
    assert [one.strip() for one in quoted[first]][: len(result.header)] == list(result.header)
    assert dict(zip(result.header, quoted[second], strict=False)) == (
        dict(zip(result.header, [""] * len(result.header), strict=True))
        | {"Code": "A", "Note": "n", "Qty": "3", "When": "2011-07-03"}
    )
    assert dict(zip(result.header, quoted[third], strict=False))["Qty"] == "4"


def test_texts_are_not_guessed_to_be_numbers_after_a_thousand_numbers(tmp_path: Path) -> None:
    rows: list[Sequence[object]] = [NAMES, *[(number, None, 1, None) for number in range(3000)]]
    content = workbook(("S", [*rows, ["007A", None, "x", None]]))
    last = read_small(tmp_path, content, file_name="small.xlsx")[-1]
    assert last.cells["code"] == "007A"
    assert last.unreadable == {"quantity": "x"}


def test_a_preview_shows_dates_and_numbers_as_a_person_reads_them(tmp_path: Path) -> None:
    rows: list[Sequence[object]] = [NAMES, ["A", 1.5, 536365, AT_A_QUARTER_PAST_EIGHT]]
    path = tmp_path / "upload"
    path.write_bytes(workbook(("Cover", []), ("Sales", [["Sales"], [], *rows])))
    seen = preview_file(path, "sales.xlsx")
    assert seen.kind == "workbook"
    assert [(one.name, one.data_rows) for one in seen.sheets] == [("Cover", 0), ("Sales", 1)]
    assert (seen.sheet, seen.header_row, seen.header) == ("Sales", 3, tuple(NAMES))
    assert seen.rows == (("A", "1.5", "536365", "2011-07-03 08:16:00"),)


@needs_real_data
def test_a_row_leads_back_to_its_cell(tmp_path: Path) -> None:
    book = REAL_DATA / "sales-2011-07.xlsx"
    text = REAL_DATA / "sales-2010-12_2011-08.csv.gz"
    worksheet = openpyxl.load_workbook(book, read_only=True)["Online Retail"]
    [cells] = list(worksheet.iter_rows(min_row=1234, max_row=1234, values_only=True))
    quoted = dict(original_rows(book, book.name, [1, 1234], sheet="Online Retail"))
    assert dict(zip(quoted[1], quoted[1234], strict=True))["Description"] == cells[2]
    assert dict(zip(quoted[1], quoted[1234], strict=True))["Quantity"] == str(cells[3])
    quoted = dict(original_rows(text, text.name, [320_706, 1, 3]))
    assert list(quoted) == [1, 3, 320_706]
    assert dict(zip(quoted[1], quoted[3], strict=True))["StockCode"] == "71053"


def test_original_rows_of_a_text_stand_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_text('sep=;\nCode;Note\n A ;"x ""y"";\nz"\n\nB\n')
    assert list(original_rows(path, "small.csv", [2, 3, 5], delimiter=";")) == [
        (2, ["Code", "Note"]),
        (3, [" A ", 'x "y";\nz']),
        (5, ["B"]),
    ]
