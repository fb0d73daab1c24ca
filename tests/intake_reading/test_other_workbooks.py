"""XLS, XLSB and ODS: the same table comes out of each as out of XLSX."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loyalty_core.intake.reading import original_rows, preview_file
from tests.intake_reading.files import read_small, read_small_result, rows_of
from tests.intake_reading.other_workbooks import Rows, ods, xls, xlsb
from tests.intake_reading.test_workbooks import facts, workbook

TABLE: Rows = [
    [None],
    [None, "Sales of January"],
    [None, "Code", "Note", "Qty", "When"],
    [None, "A", "żółw", 2.5, 46034.0],
    [None, "007", None, -3.0, "12.01.2026"],
    [None, None, None, None, None],
    [None, "B", 12.0, "1.234,5", "12 stycznia 2026"],
    [None, "C", "n", 1.234, 46034.25],
    [None, "Razem", None, 1234.734, None],
]
WRITERS: dict[str, Callable[[Rows], bytes]] = {
    "xls": xls,
    "xlsb": xlsb,
    "ods": ods,
    "xlsx": lambda rows: workbook(("Sales", rows)),
}
MIXED: dict[str, Any] = {"decimal_separator": ",", "thousands_separator": ".", "date_formats": ["%d.%m.%Y"]}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("careful", [False, True])
def test_a_table_is_the_same_in_every_format(tmp_path: Path, kind: str, careful: bool) -> None:
    content = WRITERS[kind](TABLE)
    result = read_small_result(tmp_path, content, file_name=f"small.{kind}", careful=careful, **MIXED)
    assert facts(rows_of(result)) == [
        ("A", "żółw", "2.5", "2026-01-12 00:00:00+00", None),
        ("007", None, "-3", "2026-01-12 00:00:00+00", None),
        ("B", "12", "1234.5", "2026-01-12 00:00:00+00", None),
        ("C", "n", "1.234", "2026-01-12 06:00:00+00", None),
    ]
    assert [row.row_no for row in rows_of(result)] == [4, 5, 7, 8]
    assert {row.sheet for row in rows_of(result)} == {"Sales"}
    assert (result.header_row, result.rows_expected) == (3, 7 if kind == "xlsx" else 5)
    assert [(one.row_no, one.why, one.text) for one in result.skipped] == [
        (2, "above_header", "Sales of January"),
        (9, "totals", "Razem 1234.734"),
    ]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_preview_and_the_way_back_are_the_same_in_every_format(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "upload"
    path.write_bytes(WRITERS[kind](TABLE))
    seen = preview_file(path, f"small.{kind}")
    assert (seen.kind, seen.file_format, seen.header_row) == ("workbook", kind, 3)
    assert [cell for cell in seen.header if cell] == ["Code", "Note", "Qty", "When"]
    assert [[cell for cell in row if cell] for row in seen.rows][:2] == [
        ["A", "żółw", "2.5", "46034"],
        ["007", "-3", "12.01.2026"],
    ]
    assert [(one.row_no, one.why) for one in seen.skipped] == [(2, "above_header"), (9, "totals")]
    quoted = dict(original_rows(path, f"small.{kind}", [5, 7], sheet="Sales"))
    assert [cell for cell in quoted[5] if cell] == ["007", "-3", "12.01.2026"]
    assert [cell for cell in quoted[7] if cell] == ["B", "12", "1.234,5", "12 stycznia 2026"]


def test_serial_numbers_count_from_the_day_that_the_workbook_says(tmp_path: Path) -> None:
    rows: Rows = [["Code", "Note", "Qty", "When"], ["A", None, 1.0, 44572.0]]
    for kind, content in (("xls", xls(rows, from_1904=True)), ("xlsb", xlsb(rows, from_1904=True))):
        [row] = read_small(tmp_path, content, file_name=f"small.{kind}", time_zone="UTC")
        assert row.cells["sold_at"] == "2026-01-12 00:00:00+00"
        [row] = read_small(tmp_path, WRITERS[kind](rows), file_name=f"small.{kind}", time_zone="UTC")
        assert row.cells["sold_at"] == "2022-01-11 00:00:00+00"


def test_hidden_rows_of_an_open_document_are_read_and_counted(tmp_path: Path) -> None:
    rows: Rows = [["Code", "Note", "Qty", "When"], ["A", None, 1.0, "2026-01-12"], ["B", None, 2.0, None]]
    result = read_small_result(tmp_path, ods(rows, hidden=[3]), file_name="small.ods")
    assert (result.rows, result.hidden_rows) == (2, 1)
    assert preview_file(tmp_path / "upload", "small.ods").hidden_rows == 1


def test_a_workbook_is_known_by_its_content_whatever_workbook_its_name_promises(tmp_path: Path) -> None:
    rows: Rows = [["Code", "Note", "Qty", "When"], ["A", None, 1.0, "2026-01-12"]]
    for content in (xls(rows), xlsb(rows), ods(rows), WRITERS["xlsx"](rows)):
        for name in ("small.xls", "small.xlsx", "small.XLSB", "small.ods"):
            [row] = read_small(tmp_path, content, file_name=name)
            assert row.cells["code"] == "A"
