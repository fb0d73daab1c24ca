import csv
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty_core.kernel import Cell, csv_text, new_id, write_csv, write_xlsx

DANGEROUS = [
    "=1+1",
    "+1+1",
    "-1-1",
    "-A1",
    "-1:2",
    "-1%",
    "-1\n",
    "-",
    "-.",
    "+\u0661",
    "@SUM(A1)",
    "\t=1",
    "\t-1",
    "\r=1",
    " =1",
    "\u00a0=1",
    "\ufeff=1",
    '=HYPERLINK("x")',
]


def test_ids_are_unique_and_grow_with_time_in_every_thread() -> None:
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(lambda _batch: [new_id() for _number in range(2_000)], range(8)))
    made = [one for batch in batches for one in batch]
    assert len(set(made)) == len(made)
    assert all(batch == sorted(batch) for batch in batches)
    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {"specified in RFC 4122"}


def test_an_id_tells_when_it_was_made() -> None:
    before = time.time_ns() // 1_000_000
    # The count within one millisecond may have pushed the stamp ahead a little.
    assert before <= new_id().int >> 80 <= time.time_ns() // 1_000_000 + 20


@pytest.mark.parametrize("cell", DANGEROUS)
def test_text_that_a_spreadsheet_would_run_stays_text(cell: str, tmp_path: Path) -> None:
    assert csv_text(cell) == f"'{cell}"
    path = tmp_path / "out.xlsx"
    assert write_xlsx(path, ["Name", cell], [[cell, "x"]]) == 1
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    assert [sheet["A2"].data_type, sheet["B1"].data_type] == ["s", "s"]


@pytest.mark.parametrize("cell", ["-5", "+5", "-0.50", "-2,55", "-1,234.50", "-1.234,50"])
def test_a_number_that_is_text_is_written_as_it_stands(cell: str, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write_csv(path, ["Quantity"], [[cell]])
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [["Quantity"], [cell]]


@given(number=st.integers(-(10**20), 10**20) | st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_keep_their_sign_and_value(number: int | Decimal) -> None:
    assert Decimal(csv_text(number)) == number


def test_a_csv_export_is_read_back_as_it_was(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [
        ["Café, Čačak", 'say "hi"', -3],
        ["two\nlines", None, Decimal("-0.50")],
        [date(2026, 3, 1), datetime(2026, 3, 1, 12, tzinfo=UTC), True],
    ]
    path = tmp_path / "out.csv"
    assert write_csv(path, ["A", "B", "C"], rows) == 3
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["A", "B", "C"],
            ["Café, Čačak", 'say "hi"', "-3"],
            ["two\nlines", "", "-0.50"],
            ["2026-03-01", "2026-03-01T12:00:00+00:00", "True"],
        ]
