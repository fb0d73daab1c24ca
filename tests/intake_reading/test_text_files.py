"""Text files as they come from bookkeeping programs, tills and spreadsheets."""

import csv
import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from loyalty_core.intake.mapping import load_shipped_mapping
from loyalty_core.intake.reading import Progress, read_file
from tests.intake_reading.files import (
    REAL_DATA,
    SALES,
    needs_real_data,
    read_small,
    read_small_result,
    rows_of,
)


@needs_real_data
def test_the_real_transactions_come_out_as_an_independent_reader_has_them(tmp_path: Path) -> None:
    path = REAL_DATA / "sales-2010-12_2011-08.csv.gz"
    steps: list[Progress] = []
    result = read_file(
        path, path.name, load_shipped_mapping("online-retail"), SALES, tmp_path, on_progress=steps.append
    )
    got = rows_of(result)
    london = ZoneInfo("Europe/London")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        want = list(csv.DictReader(file))
    assert result.rows == len(want) == 320_705
    assert [row.row_no for row in got] == list(range(2, 320_707))
    for row, source in zip(got, want, strict=True):
        local = datetime.strptime(source["InvoiceDate"], "%Y-%m-%d %H:%M").replace(tzinfo=london)
        assert row.cells["company_code"] == (source["CustomerID"].strip() or None)
        assert row.cells["region"] == source["Country"]
        assert row.cells["invoice_no"] == source["InvoiceNo"]
        assert row.cells["product_code"] == source["StockCode"]
        assert row.cells["product_name"] == (source["Description"].strip() or None)
        assert row.time("sold_at") == local
        assert row.number("quantity") == Decimal(source["Quantity"])
        assert row.number("unit_price") == Decimal(source["UnitPrice"])
        assert row.cells["currency"] == "GBP"
        assert row.unreadable is None
    assert steps[-1].phase == "reading"
    assert steps[-1].share == 1.0


def test_a_semicolon_file_in_windows_1250_with_decimal_commas_is_read(tmp_path: Path) -> None:
    text = "Code;Note;Qty;When\r\nA1;Żółta łódź;1.234,50;03.07.2011\r\n"
    [row] = read_small(
        tmp_path,
        text.encode("cp1250"),
        decimal_separator=",",
        thousands_separator=".",
        date_formats=["%d.%m.%Y"],
        time_zone="Europe/Warsaw",
    )
    assert row.cells == {
        "code": "A1",
        "note": "Żółta łódź",
        "quantity": "1234.5",
        "sold_at": "2011-07-02 22:00:00+00",
        "currency": "GBP",
    }


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8", "utf-32"])
def test_unicode_files_are_read_with_and_without_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    [row] = read_small(tmp_path, "Code\tNote\tQty\tWhen\nA1\tžluťoučký\t2\t2011-07-03\n".encode(encoding))
    assert row.cells["note"] == "žluťoučký"


def test_a_file_that_becomes_western_only_after_megabytes_of_ascii_is_read_whole(tmp_path: Path) -> None:
    head = "Code,Note,Qty,When\n" + "A1,plain,1,2011-07-03\n" * 120_000
    rows = read_small(tmp_path, head.encode() + "B2,crème brûlée,2,2011-07-03\n".encode("cp1252"))
    assert len(rows) == 120_001
    assert rows[-1].cells["note"] == "crème brûlée"


def test_row_numbers_count_records_blank_rows_and_the_header(tmp_path: Path) -> None:
    rows = read_small(
        tmp_path,
        'Code,Note,Qty,When\nA,"two\nlines",1,2011-07-03\n\n,,,\n'
        'B,"5"" nail",2,2011-07-03\nC,6" nail,3,2011-07-03\n',
    )
    assert [(row.row_no, row.cells["code"], row.cells["note"]) for row in rows] == [
        (2, "A", "two lines"),
        (5, "B", '5" nail'),
        (6, "C", '6" nail'),
    ]


def test_row_numbers_stay_true_over_many_pieces_with_line_breaks_inside_cells(tmp_path: Path) -> None:
    def note(number: int) -> str:
        return f'broken\nin {number} "two"' if number % 1000 == 7 and number > 90_000 else "x" * 60

    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if "\n" in cell else cell

    lines = [f"C{number},{quoted(note(number))},1,2011-07-03\n" for number in range(2, 200_002)]
    result = read_small_result(tmp_path, "Code,Note,Qty,When\n" + "".join(lines))
    rows = rows_of(result)
    assert len(rows) == 200_000
    for row in rows:
        assert row.cells["code"] == f"C{row.row_no}"
        assert row.cells["note"] == note(row.row_no).replace("\n", " ")


def test_a_title_above_the_header_and_columns_in_another_order_are_no_obstacle(tmp_path: Path) -> None:
    [row] = read_small(tmp_path, "Sales of July;;;\n;;;\n when ;QTY;Code;Note;\n2011-07-03;4;A1;n;\n")
    assert row.row_no == 4
    assert row.cells["quantity"] == "4"
    assert row.unreadable is None


def test_cells_that_cannot_be_understood_keep_their_text_beside_an_empty_value(tmp_path: Path) -> None:
    rows = read_small(
        tmp_path,
        'Code,Note,Qty,When\nA,"a ""b"", c",abc,2011-02-30\nB,, 7 ,2011-03-27 01:30\nC,n,1,2011-07-03,left over\n',
    )
    assert [row.unreadable for row in rows] == [
        {"quantity": "abc", "sold_at": "2011-02-30"},
        {"sold_at": "2011-03-27 01:30"},
        {"beyond_last_column": "left over"},
    ]
    assert rows[0].cells["quantity"] is None
    assert rows[1].cells["quantity"] == "7"
    assert rows[1].cells["note"] is None


def test_of_an_hour_that_was_twice_the_earlier_is_meant(tmp_path: Path) -> None:
    [row] = read_small(tmp_path, "Code,Note,Qty,When\nA,,1,2011-10-30 01:30\n")
    assert row.time("sold_at") == datetime(2011, 10, 30, 0, 30, tzinfo=UTC)


def test_a_mapped_currency_column_wins_over_the_fixed_currency_where_it_is_filled(tmp_path: Path) -> None:
    rows = read_small(
        tmp_path,
        "Code,Cur\nA,EUR\nB,\n",
        columns={"code": "Code", "currency": "Cur"},
    )
    assert [row.cells["currency"] for row in rows] == ["EUR", "GBP"]


def test_several_gzip_members_are_one_file(tmp_path: Path) -> None:
    packed = gzip.compress(b"Code,Note,Qty,When\nA,,1,2011-07-03\n") + gzip.compress(b"B,,2,2011-07-03\n")
    rows = read_small(tmp_path, packed, file_name="small.csv.gz")
    assert [row.cells["code"] for row in rows] == ["A", "B"]
