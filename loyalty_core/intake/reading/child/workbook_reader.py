"""Workbooks into canonical parts: by the fast reader where the sheet fits into memory, else row by row."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from .canonical import NumberStyle, TimeStyle, canonical_frame
from .headers import FoundHeader, check_header, find_header, header_key
from .orders import HEADER_SEARCH_ROWS, FileRefused, ReadLimits, ReadOrder, Reporter
from .parts import PartWriter
from .sheet_head import HeadRow, cell_text, column_letters, head_rows, shared_texts, unescaped
from .zip_inspection import SheetPlace, WorkbookZip

PIECE_ROWS = 50_000
CAREFUL_PIECE_ROWS = 10_000
_FORMULA = re.compile(
    rb"<c ([^>]*)>\s*<f(?:\s[^>]*)?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>",
)
_REFERENCE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_WIDE_CELL = re.compile(rb'<c r="([A-Z]{3,}[0-9]+)"[^>]*[^/]>')


def first_sheet(book: WorkbookZip, most: int = HEADER_SEARCH_ROWS) -> tuple[SheetPlace, list[HeadRow]]:
    """Return the first sheet that holds anything, visible ones before hidden ones, and its first rows."""
    for sheet in sorted(book.sheets(), key=lambda one: not one.visible):
        rows = head_rows(book, sheet, most)
        if any(text.strip() for row in rows for text in row.cells.values()):
            return sheet, rows
    raise FileRefused("empty")


def as_lists(rows: Sequence[HeadRow]) -> list[list[str]]:
    """Return the rows from row 1 of the sheet on as lists, the blank ones empty."""
    lists: list[list[str]] = []
    for row in rows:
        while len(lists) < row.number - rows[0].number:
            lists.append([])
        width = max(row.cells) + 1
        lists.append([row.cells.get(column, "") for column in range(width)])
    return lists


class _AmbiguousNumbersError(Exception):
    """A column mixes numbers with texts in which the point means something else."""


def read_workbook(order: ReadOrder, reporter: Reporter) -> dict[str, Any]:
    """Write the canonical rows of the first sheet that holds any as part files."""
    with WorkbookZip(Path(order.path), order.limits) as book:
        sheet, head = first_sheet(book)
        lists = as_lists(head)
        found = check_header(find_header(lists, order.columns), sheet.name, order.limits.columns)
        header_row = head[0].number + found.index
        _look_through(book, sheet, found, reporter)
    reader = "openpyxl"
    rows: int | None = None
    if not order.careful:
        try:
            rows = _read_fast(order, sheet, header_row, reporter)
            reader = "fastexcel"
        except _AmbiguousNumbersError:
            rows = None
    if rows is None:
        rows = _read_carefully(order, sheet, header_row, found, reporter)
    return {
        "rows": rows,
        "parts": [str(Path(order.out_folder) / f"part-{number}.csv") for number in range(order.part_count)],
        "sheet": sheet.name,
        "header": found.header,
        "header_row": header_row,
        "encoding": None,
        "delimiter": None,
        "reader": reader,
    }


def _look_through(book: WorkbookZip, sheet: SheetPlace, found: FoundHeader, reporter: Reporter) -> None:
    """Stream the sheet once: its true size, cells far to the right, formulas without results."""
    mapped = {column_letters(position).encode() for position in found.positions.values()}
    carry = b""
    done = told = 0
    for chunk in book.chunks(sheet.member):
        text = carry + chunk
        cut = text.rfind(b"<c ")
        carry = text[cut:] if cut >= 0 and len(text) - cut < 64 * 1024 else b""
        done += len(chunk)
        if (wide := _WIDE_CELL.search(text)) is not None:
            raise FileRefused("far_away_cell", sheet=sheet.name, cell=wide[1].decode())
        if b"<f" in text:
            _check_formulas(text, mapped, sheet.name)
        if done >= told + 32 * 1024**2:
            told = done
            reporter.progress("looking", 0, book.share_of(done, sheet.member))
    reporter.progress("looking", 0, 1.0)


def _check_formulas(text: bytes, mapped: set[bytes], sheet: str) -> None:
    for match in _FORMULA.finditer(text):
        reference = _REFERENCE.search(match[1])
        # A text formula may well yield an empty text.
        if reference is not None and reference[1] in mapped and b't="str"' not in match[1]:
            cell = (reference[1] + reference[2]).decode()
            raise FileRefused("uncalculated_formulas", sheet=sheet, cell=cell)


def load_strings(path: str, sheet: str) -> pl.DataFrame:
    """Return all rows from row 1 on, and all columns from the first that holds anything on, as text, in memory."""
    return _loaded(path, sheet, None, "string", skip_rows=0)


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


def _loaded(
    path: str, sheet: str, header_row: int | None, dtypes: Any, skip_rows: int | None = None
) -> pl.DataFrame:
    import fastexcel

    try:
        batch = fastexcel.read_excel(path).load_sheet_eager(
            sheet,
            header_row=None if header_row is None else header_row - 1,
            skip_rows=skip_rows,
            schema_sample_rows=None,
            dtypes=dtypes,
        )
    except fastexcel.FastExcelError as error:
        raise FileRefused("damaged", place=sheet, how=str(error)[:200]) from error
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _read_fast(order: ReadOrder, sheet: SheetPlace, header_row: int, reporter: Reporter) -> int:
    by_key = {header_key(one.header): one for one in order.columns if one.header is not None}
    # Texts must not be guessed: 007 is no number, and a code that is one has no point.
    frame = _loaded(order.path, sheet.name, header_row, _text_columns(order, sheet, header_row) or None)
    keys = [header_key(name) for name in frame.columns]
    positions = {by_key[key].name: place for place, key in reversed(list(enumerate(keys))) if key in by_key}
    if any(one.name not in positions and not one.optional for one in by_key.values()):
        raise FileRefused("damaged", place=sheet.name, how="the two readers see different headers")
    if frame.height > order.limits.rows:
        raise FileRefused("too_many_rows", most=order.limits.rows)
    numbers = NumberStyle(order.decimal_separator, order.thousands_separator)
    mixed = [
        column.name
        for column in order.columns
        if column.kind == "number"
        and column.name in positions
        and frame.to_series(positions[column.name]).dtype == pl.String
    ]
    if mixed and numbers.decimal != ".":
        raise _AmbiguousNumbersError
    piece_rows = max(min(PIECE_ROWS, -(-frame.height // order.part_count)), 1)
    return _written(
        order, reporter, sheet, _pieces(frame, header_row, piece_rows), positions, numbers, frame.height
    )


def _text_columns(order: ReadOrder, sheet: SheetPlace, header_row: int) -> dict[str | int, str]:
    with WorkbookZip(Path(order.path), order.limits) as book:
        rows = head_rows(book, sheet, HEADER_SEARCH_ROWS)
    header = next(row for row in rows if row.number == header_row)
    texts = {header_key(one.header) for one in order.columns if one.header is not None and one.kind == "text"}
    return {cell: "string" for cell in header.cells.values() if header_key(cell) in texts}


def _pieces(
    frame: pl.DataFrame, header_row: int, piece_rows: int
) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
    for start in range(0, frame.height, piece_rows):
        piece = frame.slice(start, piece_rows)
        first = header_row + 1 + start
        yield piece, pl.int_range(first, first + piece.height, dtype=pl.Int64, eager=True)


def _written(
    order: ReadOrder,
    reporter: Reporter,
    sheet: SheetPlace,
    pieces: Iterator[tuple[pl.DataFrame, pl.Series]],
    positions: dict[str, int],
    numbers: NumberStyle,
    height: int | None,
) -> int:
    times = TimeStyle(order.date_formats, order.time_zone)
    done = 0
    with PartWriter(Path(order.out_folder), order.part_count, order.limits.rows) as parts:
        for raw, row_numbers in pieces:
            parts.submit(
                partial(
                    canonical_frame,
                    raw,
                    row_numbers,
                    sheet.name,
                    order.columns,
                    positions,
                    numbers,
                    times,
                    overflow=None,
                    from_workbook=True,
                )
            )
            done += raw.height
            reporter.progress("reading", parts.rows, done / height if height else None)
        parts.finish()
    return parts.rows


def _read_carefully(
    order: ReadOrder, sheet: SheetPlace, header_row: int, found: FoundHeader, reporter: Reporter
) -> int:
    width = found.width
    names = [f"c{position}" for position in range(width)]
    kinds = {
        place: column.kind
        for column in order.columns
        if (place := found.positions.get(column.name)) is not None
    }

    def pieces() -> Iterator[tuple[pl.DataFrame, pl.Series]]:
        rows = careful_rows(Path(order.path), sheet.name, order.limits, header_row + 1)
        while batch := list(islice(rows, CAREFUL_PIECE_ROWS)):
            columns = []
            for position, name in enumerate(names):
                cells = [row[position] if position < len(row) else None for _, row in batch]
                kind = kinds.get(position, "text")
                columns.append(_careful_column(name, cells, kind, order))
            yield pl.DataFrame(columns), pl.Series([number for number, _ in batch], dtype=pl.Int64)

    numbers = NumberStyle()
    return _written(order, reporter, sheet, pieces(), found.positions, numbers, None)


def _careful_column(name: str, cells: Sequence[Any], kind: str, order: ReadOrder) -> pl.Series:
    if kind == "number":
        from .canonical import read_number

        style = NumberStyle(order.decimal_separator, order.thousands_separator)
        # Numbers already carry a point; texts are brought to one here, where the two can be told apart.
        texts = [
            (read_number(cell, style) or cell) if isinstance(cell, str) else cell_text(cell) for cell in cells
        ]
        return pl.Series(name, texts, dtype=pl.String)
    return pl.Series(name, [cell_text(cell) for cell in cells], dtype=pl.String)


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
