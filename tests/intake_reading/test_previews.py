"""What a person is shown of a file before it is read: the same header that reading finds."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from loyalty_core.intake.reading import EmptyFileError, FilePreview, preview_file
from tests.intake_reading.files import read_small_result
from tests.intake_reading.test_workbooks import workbook

NAMES = ["Code", "Note", "Qty", "When"]
LINES = [["A", "first", "3", "2011-07-03"], ["B", "", "-4", "2011-07-04"], ["C", "third", "5", "2011-07-05"]]
ABOVE: dict[str, list[list[str]]] = {
    "nothing": [],
    "a title as wide as the table": [["Sales", "report", "Period", "2011-07"]],
    "a title and a blank row": [["Sales report"], []],
    "a title of two cells": [["Sales", "of our shops"]],
    "a title and figures": [["Sales", "report"], ["Rows", "3"], ["Sum", "4.00", "EUR", "12%"]],
    "a doubled word": [["Sales", "Sales", "2011", "July"]],
}


def content_of(rows: Sequence[Sequence[str]], file_name: str, delimiter: str = ",") -> bytes:
    if file_name.endswith(".xlsx"):
        return workbook(("S", rows))
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode()


def seen_and_read(
    folder: Path, rows: Sequence[Sequence[str]], file_name: str, *known: str, delimiter: str = ","
) -> FilePreview:
    """Preview a file, after having made sure that reading finds its header in the row of NAMES."""
    result = read_small_result(folder, content_of(rows, file_name, delimiter), file_name=file_name)
    assert (result.header, result.header_row) == (tuple(NAMES), list(rows).index(NAMES) + 1)
    return preview_file(folder / "upload", file_name, known_headers=known)


@pytest.mark.parametrize("file_name", ["small.csv", "small.xlsx"])
@pytest.mark.parametrize("above", ABOVE)
def test_a_preview_finds_the_header_that_reading_finds(tmp_path: Path, above: str, file_name: str) -> None:
    rows = [*ABOVE[above], NAMES, *LINES]
    seen = seen_and_read(tmp_path, rows, file_name)
    assert (seen.header_row, seen.header) == (len(ABOVE[above]) + 1, tuple(NAMES))
    assert list(map(list, seen.rows)) == LINES
    first = len(ABOVE[above]) + 2
    assert seen.row_numbers == (first, first + 1, first + 2)


@pytest.mark.parametrize("file_name", ["small.csv", "small.xlsx"])
def test_a_preview_numbers_rows_as_the_file_does_past_blank_ones(tmp_path: Path, file_name: str) -> None:
    seen = seen_and_read(tmp_path, [["Sales report"], [], NAMES, LINES[0], [], *LINES[1:]], file_name)
    assert seen.row_numbers == (4, 6, 7)


@pytest.mark.parametrize("file_name", ["small.csv", "small.xlsx"])
def test_known_headers_tell_a_header_from_a_title_that_looks_like_one(tmp_path: Path, file_name: str) -> None:
    rows = [["Sales", "of", "our", "shops"], NAMES, *LINES]
    assert seen_and_read(tmp_path, rows, file_name).header_row == 1
    seen = seen_and_read(tmp_path, rows, file_name, "qty", "WHEN", "Something else")
    assert (seen.header_row, seen.header) == (2, tuple(NAMES))


def test_known_headers_tell_the_delimiter_too(tmp_path: Path) -> None:
    rows = [["a,b,c,d,e"], NAMES, ["1,5,2,3,4", "2,5,1,1,1", "3", "2011-07-03"]]
    seen = seen_and_read(tmp_path, rows, "small.csv", "Code", "Qty", delimiter="|")
    assert (seen.delimiter, seen.header_row) == ("|", 2)


def test_a_file_of_numbers_alone_still_has_a_first_row(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_text("2011,2012,2013\n1,2,3\n4,5,6\n")
    seen = preview_file(path, "years.csv")
    assert (seen.header_row, seen.header) == (1, ("2011", "2012", "2013"))


def test_a_file_of_delimiters_alone_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_text(",,,\n,,,\n")
    with pytest.raises(EmptyFileError):
        preview_file(path, "nothing.csv")
