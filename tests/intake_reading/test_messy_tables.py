"""Files as people really have them: titles, headers in two rows, totals, blank and hidden rows, several sheets."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from loyalty_core.intake.reading import (
    MissingColumnError,
    Progress,
    ReadResult,
    UnknownSheetError,
    original_rows,
    preview_file,
    read_file,
)
from tests.intake_reading.files import SMALL, SMALL_MAPPING, read_small, read_small_result, rows_of
from tests.intake_reading.test_previews import content_of

NAMES = ["Code", "Note", "Qty", "When"]
LINES = [["A", "n", "3", "2011-07-03"], ["B", "m", "4", "2011-07-04"], ["C", "o", "5", "2011-07-05"]]
BOTH = pytest.mark.parametrize("file_name", ["small.csv", "small.xlsx"])

TOTALS: dict[str, tuple[list[list[str]], list[str]]] = {
    "a word and a sum": ([["Total", "", "12", ""]], ["totals"]),
    "a word in Polish": ([["", "Razem:", "12", ""]], ["totals"]),
    "a word in Serbian": ([["УКУПНО", "", "12", ""]], ["totals"]),
    "a word in Indonesian": ([["", "Jumlah", "12", ""]], ["totals"]),
    "a sum alone": ([["", "", "12", ""]], ["totals"]),
    "a blank row before": ([[], ["Total", "", "12", ""]], ["totals"]),
    "two rows": ([["Subtotal", "", "12", ""], ["Grand total", "", "14", ""]], ["totals", "totals"]),
    "remarks below": (
        [["Total", "", "12", ""], [], ["Printed on 6 July"], ["Page 1 of 1"]],
        ["totals", "below_totals", "below_totals"],
    ),
}


@BOTH
@pytest.mark.parametrize("end", TOTALS)
def test_totals_at_the_bottom_are_left_out_and_told_about(tmp_path: Path, end: str, file_name: str) -> None:
    below, why = TOTALS[end]
    rows = [NAMES, *LINES, *below]
    result = read_small_result(tmp_path, content_of(rows, file_name), file_name=file_name)
    assert [row.cells["code"] for row in rows_of(result)] == ["A", "B", "C"]
    left_out = [number for number, row in enumerate(rows, start=1) if number > 4 and any(row)]
    assert [(one.row_no, one.why) for one in result.skipped] == list(zip(left_out, why, strict=True))
    seen = preview_file(tmp_path / "upload", file_name)
    assert [(one.row_no, one.why) for one in seen.skipped] == list(zip(left_out, why, strict=True))
    assert list(map(list, seen.rows)) == LINES


@BOTH
@pytest.mark.parametrize(
    "last",
    [
        ["Total", "Total 5W-30", "7", "2011-07-05"],
        ["", "Total Quartz", "7", "2011-07-05"],
        ["D", "", "7", ""],
        ["D", "Totally new", "", "2011-07-05"],
        ["", "", "", "2011-07-05"],
    ],
)
def test_a_line_that_only_resembles_totals_stays_a_line(
    tmp_path: Path, last: list[str], file_name: str
) -> None:
    result = read_small_result(tmp_path, content_of([NAMES, *LINES, last], file_name), file_name=file_name)
    assert (result.rows, result.skipped) == (4, ())


def test_a_word_for_totals_in_the_middle_is_a_row_like_others(tmp_path: Path) -> None:
    middle = [NAMES, *LINES, ["Total", "", "12", ""], *LINES * 4]
    result = read_small_result(tmp_path, content_of(middle, "small.csv"))
    assert (result.rows, result.skipped) == (16, ())


# What is quoted is read in the careful way, whose pieces are smaller.
@pytest.mark.parametrize(
    ("lines", "quoted"),
    [
        *((lines, False) for lines in (20_000, 20_001, 30_000, 400_000)),
        *((lines, True) for lines in (20_000, 20_001, 30_000)),
    ],
)
def test_totals_are_found_wherever_a_piece_of_the_file_ends(tmp_path: Path, lines: int, quoted: bool) -> None:
    note = '"n\nn"' if quoted else "nnnn"
    text = "Code,Note,Qty,When\n" + f"A,{note},1,2011-07-03\n" * lines + ",Total,9,\n\n"
    result = read_small_result(tmp_path, text)
    assert result.rows == lines
    assert [(one.row_no, one.why) for one in result.skipped] == [(lines + 2, "totals")]


@BOTH
def test_blank_rows_are_counted_and_titles_told_about(tmp_path: Path, file_name: str) -> None:
    rows = [["Sales of July"], ["", "", "", ""], NAMES, LINES[0], ["", "", " ", ""], LINES[1], LINES[2]]
    result = read_small_result(tmp_path, content_of(rows, file_name), file_name=file_name)
    assert [(one.row_no, one.why, one.text) for one in result.skipped] == [
        (1, "above_header", "Sales of July")
    ]
    assert (result.rows, result.blank_rows) == (3, 1)
    assert preview_file(tmp_path / "upload", file_name).blank_rows == 1


def quarters(merged: bool) -> bytes:
    """A table of which the header fills two rows: codes and days stand over nothing, quarters over two columns."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    sheet = book.add_worksheet("Sales")
    sheet.write(0, 0, "Report of sales")
    upper = ["Code", "When", "Q1", "", "Q2", ""]
    sheet.write_row(2, 0, upper)
    sheet.write_row(3, 2, ["Units", "Note", "Units", "Note"])
    if merged:
        sheet.merge_range("C3:D3", "Q1")
        sheet.merge_range("E3:F3", "Q2")
        sheet.merge_range("A3:A4", "Code")
    sheet.write_row(4, 0, ["A", "2011-07-03", 3, "n", 4, "m"])
    sheet.write_row(5, 0, ["B", "2011-07-04", 5, "o", 6, "p"])
    book.close()
    return content.getvalue()


TWO_ROWS: dict[str, Any] = {
    "columns": {"code": "Code", "note": "Q2 Note", "quantity": "Q1 Units", "sold_at": "When"}
}
TEXT_OF_TWO_ROWS = """Report of sales

Code,When,Q1,,Q2,
,,Units,Note,Units,Note
A,2011-07-03,3,n,4,m
B,2011-07-04,5,o,6,p
"""


@pytest.mark.parametrize(
    ("content", "file_name"),
    [
        (quarters(True), "small.xlsx"),
        (quarters(False), "small.xlsx"),
        (TEXT_OF_TWO_ROWS.encode(), "small.csv"),
    ],
    ids=["merged", "not merged", "text"],
)
@pytest.mark.parametrize("careful", [False, True])
def test_a_header_of_two_rows_is_joined_and_merged_cells_name_each_column(
    tmp_path: Path, content: bytes, file_name: str, careful: bool
) -> None:
    result = read_small_result(tmp_path, content, file_name=file_name, careful=careful, **TWO_ROWS)
    header = ("Code", "When", "Q1 Units", "Q1 Note", "Q2 Units", "Q2 Note")
    assert (result.header, result.header_row) == (header, 4)
    assert [
        (row.row_no, row.cells["code"], row.cells["quantity"], row.cells["note"]) for row in rows_of(result)
    ] == [
        (5, "A", "3", "m"),
        (6, "B", "5", "p"),
    ]
    seen = preview_file(tmp_path / "upload", file_name)
    assert (seen.header, seen.header_row) == (header, 4)
    assert [row[:3] for row in seen.rows] == [("A", "2011-07-03", "3"), ("B", "2011-07-04", "5")]
    sheet = None if file_name.endswith("csv") else "Sales"
    quoted = dict(original_rows(tmp_path / "upload", file_name, [6], sheet=sheet))
    assert quoted[6][header.index("Q2 Note")] == "p"


def test_a_merged_title_right_above_the_header_is_a_title(tmp_path: Path) -> None:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    sheet = book.add_worksheet("Sales")
    sheet.merge_range("A1:D1", "Sales of July")
    sheet.write_row(1, 0, NAMES)
    sheet.write_row(2, 0, LINES[0])
    book.close()
    result = read_small_result(tmp_path, content.getvalue(), file_name="small.xlsx")
    assert (result.header, result.header_row, result.rows) == (tuple(NAMES), 2, 1)
    assert preview_file(tmp_path / "upload", "small.xlsx").header == tuple(NAMES)


def shops() -> bytes:
    """Three shops' sheets, one of another layout, one hidden and blank; rows 3 and 4 of the second are hidden."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    north, south, other, notes, west = (
        book.add_worksheet(name) for name in ("North", "South", "Stock", "Notes", "West")
    )
    for sheet, top in ((north, 0), (south, 2), (west, 1)):
        sheet.write_row(top, 0, NAMES)
        for number, line in enumerate(LINES, start=1):
            sheet.write_row(top + number, 0, [f"{sheet.name[0]}{number}", line[1], int(line[2]), line[3]])
        sheet.write_row(top + 4, 0, ["Total", None, 12])
    south.set_row(3, None, None, {"hidden": True})
    south.set_row(4, None, None, {"hidden": True})
    other.write_row(0, 0, ["Article", "Left"])
    other.write_row(1, 0, ["A", 1])
    notes.hide()
    west.hide()
    book.close()
    return content.getvalue()


def read_shops(folder: Path, sheets: Sequence[str] | None, **options: Any) -> ReadResult:
    path = folder / "upload"
    path.write_bytes(shops())
    return read_file(path, "shops.xlsx", SMALL_MAPPING, SMALL, folder / "parts", sheets=sheets, **options)


@pytest.mark.parametrize("careful", [False, True])
def test_several_sheets_are_read_as_one_file_and_each_row_says_its_sheet(
    tmp_path: Path, careful: bool
) -> None:
    steps: list[Progress] = []
    result = read_shops(tmp_path, ["North", "South", "West"], careful=careful, on_progress=steps.append)
    assert {(row.sheet, row.row_no, row.cells["code"]) for row in rows_of(result)} == {
        *(("North", 1 + number, f"N{number}") for number in (1, 2, 3)),
        *(("South", 3 + number, f"S{number}") for number in (1, 2, 3)),
        *(("West", 2 + number, f"W{number}") for number in (1, 2, 3)),
    }
    assert result.sheets == ("North", "South", "West")
    assert result.header_rows == {"North": 1, "South": 3, "West": 2}
    assert [(one.sheet, one.row_no, one.why) for one in result.skipped] == [
        ("North", 5, "totals"),
        ("South", 7, "totals"),
        ("West", 6, "totals"),
    ]
    assert (result.hidden_rows, result.rows_expected) == (2, 12)
    assert steps[-1].rows_expected == 12
    quoted = dict(original_rows(tmp_path / "upload", "shops.xlsx", [5], sheet="South"))
    assert quoted[5][:3] == ["S2", "m", "4"]


def test_a_preview_tells_of_every_sheet_and_which_are_alike(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(shops())
    seen = preview_file(path, "shops.xlsx")
    assert [
        (one.name, one.header[:2], one.header_row, one.data_rows, one.hidden_rows, one.is_hidden)
        for one in seen.sheets
    ] == [
        ("North", ("Code", "Note"), 1, 4, 0, False),
        ("South", ("Code", "Note"), 3, 4, 2, False),
        ("Stock", ("Article", "Left"), 1, 1, 0, False),
        ("Notes", (), 0, 0, 0, True),
        ("West", ("Code", "Note"), 2, 4, 0, True),
    ]
    assert (seen.sheet, seen.alike, seen.rows_expected) == ("North", ("South", "West"), 4)
    south = preview_file(path, "shops.xlsx", sheet="South")
    assert (south.sheet, south.alike, south.hidden_rows) == ("South", ("North", "West"), 2)
    assert south.rows[0][0] == "S1"


def test_a_sheet_that_is_not_there_or_of_another_layout_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(
        UnknownSheetError, match=r"no sheet “East”\. Choose among its sheets: “North”, “South”"
    ):
        read_shops(tmp_path, ["North", "East"])
    with pytest.raises(MissingColumnError, match="sheet “Stock”, row 1"):
        read_shops(tmp_path, ["North", "Stock"])
    with pytest.raises(UnknownSheetError, match="A text file has no sheets"):
        preview_file(_text(tmp_path), "small.csv", sheet="North")


def _text(folder: Path) -> Path:
    path = folder / "text"
    path.write_bytes(content_of([NAMES, *LINES], "small.csv"))
    return path


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1250", "cp1252"]
)
def test_every_delimiter_and_encoding_is_told_apart(tmp_path: Path, delimiter: str, encoding: str) -> None:
    word = "Müller & Söhne" if encoding == "cp1252" else "Żółta łódź"
    rows = [
        NAMES,
        ["A", word, "3", "2011-07-03"],
        ["B", f"zwykły {word}" if encoding != "cp1252" else word, "4", ""],
    ]
    content = content_of(rows, "small.tsv", delimiter).decode().encode(encoding)
    [first, _] = read_small(tmp_path, content, file_name="small.tsv")
    assert (first.cells["code"], first.cells["note"], first.cells["quantity"]) == ("A", word, "3")
    seen = preview_file(tmp_path / "upload", "small.tsv")
    assert (seen.delimiter, seen.header, seen.rows_expected) == (delimiter, tuple(NAMES), 2)


def test_rows_expected_of_a_big_text_come_from_what_was_read_of_it(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_text("Code,Note,Qty,When\n" + "A,some note or other,1,2011-07-03\n" * 300_000)
    expected = preview_file(path, "big.csv").rows_expected
    assert expected is not None
    assert 290_000 < expected < 310_000
    steps: list[Progress] = []
    result = read_file(path, "big.csv", SMALL_MAPPING, SMALL, tmp_path / "parts", on_progress=steps.append)
    assert result.rows_expected == 300_000
    assert all(290_000 < (step.rows_expected or 300_000) < 310_000 for step in steps)


def test_a_column_may_write_its_numbers_in_its_own_way(tmp_path: Path) -> None:
    [row] = read_small(
        tmp_path,
        "Code;Qty\nA;1.234,5\n",
        columns={"code": "Code", "quantity": "Qty"},
        number_signs={"quantity": {"decimal_separator": ",", "thousands_separator": "."}},
    )
    assert row.cells["quantity"] == "1234.5"
