"""Workbooks of every format behind one face: their sheets, the first rows of one, a pass over it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import polars as pl

from .headers import Spans
from .kinds import FileFormat
from .orders import HEADER_SEARCH_ROWS, FileRefused, ReadLimits
from .other_books import OtherBook
from .sheet_head import HeadRow, column_letters, head_rows, shared_texts, unescaped
from .sheet_scan import SheetScan, scan_sheet
from .zip_inspection import SheetPlace, WorkbookZip


class Book(Protocol):
    """A workbook that is open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def sheets(self) -> list[SheetPlace]:
        """Return the worksheets, in the workbook's order."""
        ...

    def head(self, sheet: SheetPlace, most: int) -> list[HeadRow]:
        """Return the rows that hold something among the first `most`, counted from the first of them."""
        ...

    def scan(
        self,
        sheet: SheetPlace,
        *,
        on_share: Callable[[float], None] | None = None,
        stops_at_wide: bool = True,
    ) -> SheetScan:
        """Look through the whole sheet, as far as the format lets one without loading it."""
        ...

    def careful_rows(self, sheet: SheetPlace, first_row: int) -> Iterator[tuple[int, list[Any]]]:
        """Yield the rows that hold something from `first_row` on, one at a time. The book may be closed."""
        ...

    def counts_from_1904(self) -> bool:
        """Whether days count from 1 January 1904, as old Macintosh workbooks do."""
        ...


class XlsxBook:
    """An XLSX workbook: a zip of XML, streamed."""

    def __init__(self, path: Path, limits: ReadLimits) -> None:
        self._path = path
        self._limits = limits
        self._zip = WorkbookZip(path, limits)
        self._sheets: list[SheetPlace] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.__exit__(kind, error, trace)

    def sheets(self) -> list[SheetPlace]:
        """Return the worksheets, in the workbook's order."""
        if self._sheets is None:
            self._sheets = self._zip.sheets()
        return self._sheets

    def head(self, sheet: SheetPlace, most: int) -> list[HeadRow]:
        """Return the rows that hold something among the first `most`, counted from the first of them."""
        return head_rows(self._zip, sheet, most)

    def scan(
        self,
        sheet: SheetPlace,
        *,
        on_share: Callable[[float], None] | None = None,
        stops_at_wide: bool = True,
    ) -> SheetScan:
        """Stream the sheet once."""
        return scan_sheet(self._zip, sheet, on_share=on_share, stops_at_wide=stops_at_wide)

    def careful_rows(self, sheet: SheetPlace, first_row: int) -> Iterator[tuple[int, list[Any]]]:
        """Yield the rows that hold something from `first_row` on, one at a time. The book may be closed."""
        return careful_rows(self._path, sheet.name, self._limits, first_row)

    def counts_from_1904(self) -> bool:
        """Whether days count from 1 January 1904, as old Macintosh workbooks do."""
        return self._zip.counts_from_1904()


def open_book(path: Path, file_format: FileFormat, limits: ReadLimits) -> Book:
    """Open a workbook of this format; FileRefused where it is none, or is one that is not read."""
    if file_format is FileFormat.XLSX:
        return XlsxBook(path, limits)
    return OtherBook(path, file_format, limits)


def chosen_sheet(
    book: Book, name: str | None, most: int = HEADER_SEARCH_ROWS
) -> tuple[SheetPlace, list[HeadRow]]:
    """Return a sheet and its first rows: the one of this name, or the first that holds anything.

    Visible sheets come before hidden ones. FileRefused where there is no such sheet, or it is blank.
    """
    sheets = sorted(book.sheets(), key=lambda one: not one.visible)
    if name is not None:
        named = [one for one in sheets if one.name == name]
        if not named:
            raise FileRefused("unknown_sheet", sheet=name, sheets=[one.name for one in book.sheets()])
        sheets = named
    for sheet in sheets:
        rows = book.head(sheet, most)
        if any(text.strip() for row in rows for text in row.cells.values()):
            return sheet, rows
    raise FileRefused("empty")


def as_lists(rows: Sequence[HeadRow]) -> list[list[str]]:
    """Return the rows from the first that holds something on as lists, the blank ones empty."""
    lists: list[list[str]] = []
    for row in rows:
        while len(lists) < row.number - rows[0].number:
            lists.append([])
        width = max(row.cells) + 1
        lists.append([row.cells.get(column, "") for column in range(width)])
    return lists


def rows_below(rows: Sequence[HeadRow], header_row: int, scan: SheetScan) -> int | None:
    """Return how many rows the sheet lists below its header, blank ones and totals included; None if unknown."""
    if scan.rows is None:
        return None
    return max(scan.rows - sum(row.number <= header_row for row in rows), 0)


def spans_of(rows: Sequence[HeadRow], scan: SheetScan) -> Spans | None:
    """Return what is merged sideways, by place among `as_lists(rows)`; None where nothing says so."""
    if not scan.merged:
        return None
    spans: dict[int, list[tuple[int, int]]] = {}
    for one in scan.merged:
        if one.right > one.left:
            spans.setdefault(one.top - rows[0].number, []).append((one.left, one.right))
    return spans


def first_column(head: Sequence[HeadRow], frame: pl.DataFrame) -> int:
    """Return which column of the sheet, A being 0, is the first one of what `load_strings` gave.

    A cell anywhere below may stand further left than the head does, so the head is laid over the frame: the
    column is the one where most of their cells are the same.
    """
    tops = [(row.cells, frame.row(row.number - 1)) for row in head if row.number <= frame.height]

    def alike(offset: int) -> int:
        return sum(
            0 <= column - offset < frame.width and top[column - offset] == cell
            for cells, top in tops
            for column, cell in cells.items()
            if cell
        )

    return max(range(min(min(cells) for cells, _ in tops) + 1), key=alike) if tops else 0


def careful_rows(
    path: Path, sheet: str, limits: ReadLimits, first_row: int
) -> Iterator[tuple[int, list[Any]]]:
    """Yield the rows from `first_row` on that hold anything, with their numbers, one at a time."""
    import zipfile

    from openpyxl.reader.excel import ExcelReader
    from openpyxl.utils.exceptions import InvalidFileException
    from openpyxl.worksheet._reader import WorkSheetParser

    class Reader(ExcelReader):
        """Takes the shared texts as the head does: openpyxl leaves escaped signs as they are, or loses them."""

        def read_strings(self) -> None:
            if any(name.lower() == "xl/sharedstrings.xml" for name in self.valid_files):
                with WorkbookZip(path, limits) as book:
                    self.shared_strings = list(shared_texts(book).values())

    class Parser(WorkSheetParser):
        def parse_cell(self, element: Any) -> dict[str, Any]:
            cell: dict[str, Any] = super().parse_cell(element)
            if element.get("t") == "inlineStr" and isinstance(cell["value"], str):
                cell["value"] = unescaped(cell["value"])
            return cell

    try:
        # Opened here: stored files have no name ending, which openpyxl insists on.
        with path.open("rb") as file:
            reader = Reader(file, read_only=True, data_only=True, keep_links=False)
            reader.read()
            worksheet: Any = reader.wb[sheet]
            with worksheet._get_source() as source:
                parser = Parser(
                    source,
                    reader.shared_strings,
                    data_only=True,
                    epoch=reader.wb.epoch,
                    date_formats=worksheet.parent._date_formats,
                    timedelta_formats=worksheet.parent._timedelta_formats,
                )
                for number, row in parser.parse():
                    if number < first_row or not row:
                        continue
                    cells: list[Any] = [None] * max(cell["column"] for cell in row)
                    for cell in row:
                        cells[cell["column"] - 1] = None if cell["data_type"] == "e" else cell["value"]
                    if len(cells) > limits.columns:
                        far = next(
                            (
                                place
                                for place in range(limits.columns, len(cells))
                                if cells[place] is not None
                            ),
                            None,
                        )
                        if far is not None:
                            raise FileRefused(
                                "far_away_cell", sheet=sheet, cell=f"{column_letters(far)}{number}"
                            )
                    if any(isinstance(cell, str) and "\0" in cell for cell in cells):
                        raise FileRefused("nul_bytes", row=number, sheet=sheet)
                    if any(cell is not None for cell in cells):
                        yield number, cells
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, SyntaxError) as error:
        raise FileRefused("damaged", place=sheet, how=str(error)[:200]) from error
