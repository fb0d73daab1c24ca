"""Workbooks into canonical parts: by the fast reader where the sheet fits into memory, else row by row."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from .books import Book, as_lists, chosen_sheet, open_book, rows_below, spans_of
from .canonical import NumberStyle, TimeStyle, canonical_frame, column_style, read_number
from .headers import FoundHeader, check_header, find_header, header_key
from .kinds import FileFormat
from .loading import loaded
from .moments import FIRST_DAY_1900, FIRST_DAY_1904
from .orders import FileRefused, ReadOrder, Reporter
from .parts import PartWriter
from .sheet_head import HeadRow, cell_text
from .totals import TAIL_ROWS, LeftOut, without_totals
from .zip_inspection import SheetPlace

PIECE_ROWS = 50_000
CAREFUL_PIECE_ROWS = 10_000


@dataclass(frozen=True)
class _Table:
    """The table of one sheet: where its header is, and what a pass over the sheet found."""

    sheet: SheetPlace
    found: FoundHeader
    header_row: int
    lower: HeadRow
    rows_expected: int | None
    hidden_rows: int

    @property
    def is_joined(self) -> bool:
        """Whether the header fills two rows."""
        return self.found.top != self.found.index


def read_workbook(order: ReadOrder, file_format: FileFormat, reporter: Reporter) -> dict[str, Any]:
    """Write the canonical rows of the order's sheets, or of the first that holds any, as part files."""
    left_out = LeftOut()
    with open_book(Path(order.path), file_format, order.limits) as book:
        tables = [_table(book, name, order, reporter, left_out) for name in order.sheets or (None,)]
        expected = _sum_of(tables)
        first_day = FIRST_DAY_1904 if book.counts_from_1904() else FIRST_DAY_1900
        times = TimeStyle(order.date_formats, order.time_zone, first_day)
        reporter.progress("looking", 0, 1.0, expected)
        readers = set()
        with PartWriter(Path(order.out_folder), order.part_count, order.limits.rows) as parts:
            for table in tables:
                writer = _Writer(order, table, times, parts, reporter, expected, left_out)
                if order.careful or not writer.write_fast():
                    writer.write_carefully(book)
                    readers.add("openpyxl")
                else:
                    readers.add("fastexcel")
            parts.finish()
    first = tables[0]
    return {
        "rows": parts.rows,
        "parts": [str(path) for path in parts.paths],
        "sheet": first.sheet.name,
        "header": first.found.header,
        "header_row": first.header_row,
        "header_rows": {table.sheet.name: table.header_row for table in tables},
        "encoding": None,
        "delimiter": None,
        "reader": "+".join(sorted(readers)),
        "rows_expected": expected,
        "skipped": left_out.in_order(),
        "hidden_rows": sum(table.hidden_rows for table in tables),
        "blank_rows": left_out.blank_rows,
    }


def _sum_of(tables: Sequence[_Table]) -> int | None:
    known = [table.rows_expected for table in tables if table.rows_expected is not None]
    return sum(known) if len(known) == len(tables) else None


def _table(book: Book, name: str | None, order: ReadOrder, reporter: Reporter, left_out: LeftOut) -> _Table:
    """Look through a sheet, find its header, refuse what cannot be read."""
    sheet, head = chosen_sheet(book, name)
    scan = book.scan(sheet, on_share=lambda share: reporter.progress("looking", 0, share))
    if scan.wide is not None:
        raise FileRefused("far_away_cell", sheet=sheet.name, cell=scan.wide)
    lists = as_lists(head)
    first = head[0].number
    found = check_header(
        find_header(lists, order.columns, spans_of(head, scan)), sheet.name, order.limits.columns, first
    )
    for position in found.positions.values():
        if (cell := scan.uncalculated.get(position)) is not None:
            raise FileRefused("uncalculated_formulas", sheet=sheet.name, cell=cell)
    for place, cells in enumerate(lists[: found.top]):
        if any(cell.strip() for cell in cells):
            left_out.skip(first + place, "above_header", sheet.name, cells)
    header_row = first + found.index
    expected = rows_below(head, header_row, scan)
    lower = next(row for row in head if row.number == header_row)
    return _Table(sheet, found, header_row, lower, expected, scan.hidden_rows)


class _Writer:
    """Brings one sheet's table into the parts."""

    def __init__(
        self,
        order: ReadOrder,
        table: _Table,
        times: TimeStyle,
        parts: PartWriter,
        reporter: Reporter,
        expected: int | None,
        left_out: LeftOut,
    ) -> None:
        self._order = order
        self._table = table
        self._parts = parts
        self._reporter = reporter
        self._expected = expected
        self._left_out = left_out
        self._numbers = NumberStyle(order.decimal_separator, order.thousands_separator)
        self._times = times
        self._kinds = {column.name: column.kind for column in order.columns}

    def write_fast(self) -> bool:
        """Write the table from the fast reader; False where only the careful one can tell its cells apart."""
        order, table = self._order, self._table
        frame = loaded(order.path, table.sheet.name, table.header_row, self._types())
        positions = self._joined_positions(frame) if table.is_joined else self._positions(frame)
        for column in order.columns:
            if column.kind != "number" or column.name not in positions:
                continue
            is_mixed = frame.to_series(positions[column.name]).dtype == pl.String
            if is_mixed and column_style(column, self._numbers).decimal != ".":
                return False
        if frame.height > order.limits.rows:
            raise FileRefused("too_many_rows", most=order.limits.rows)
        numbers = pl.int_range(
            table.header_row + 1, table.header_row + 1 + frame.height, dtype=pl.Int64, eager=True
        )
        frame, numbers = without_totals(
            frame, numbers, self._keys(positions), table.sheet.name, self._left_out
        )
        piece_rows = max(min(PIECE_ROWS, -(-frame.height // order.part_count)), 1)
        for start in range(0, frame.height, piece_rows):
            self._submit(
                frame.slice(start, piece_rows), numbers.slice(start, piece_rows), positions, self._numbers
            )
        return True

    def write_carefully(self, book: Book) -> None:
        """Write the table row by row."""
        positions = self._table.found.positions
        kinds = {position: column for column, position in positions.items()}
        by_name = {column.name: column for column in self._order.columns}
        rows = book.careful_rows(self._table.sheet, self._table.header_row + 1)
        batch = list(islice(rows, CAREFUL_PIECE_ROWS))
        while batch:
            following = list(islice(rows, CAREFUL_PIECE_ROWS))
            if len(following) < 2 * TAIL_ROWS:
                # Totals are told from the lines above them: the end of a table is never a piece by itself.
                batch, following = batch + following, []
            columns = []
            for position in range(self._table.found.width):
                cells = [row[position] if position < len(row) else None for _, row in batch]
                column = by_name.get(kinds.get(position, ""))
                if column is not None and column.kind == "number":
                    style = column_style(column, self._numbers)
                    # Numbers already carry a point; texts are brought to one here, where the two can be told apart.
                    texts = [
                        (read_number(cell, style) or cell) if isinstance(cell, str) else cell_text(cell)
                        for cell in cells
                    ]
                else:
                    texts = [cell_text(cell) for cell in cells]
                columns.append(pl.Series(f"c{position}", texts, dtype=pl.String))
            raw = pl.DataFrame(columns)
            numbers = pl.Series([number for number, _ in batch], dtype=pl.Int64)
            if not following:
                raw, numbers = without_totals(
                    raw, numbers, self._keys(positions), self._table.sheet.name, self._left_out
                )
            self._submit(raw, numbers, positions, None)
            batch = following

    def _keys(self, positions: dict[str, int]) -> set[int]:
        return {position for name, position in positions.items() if self._kinds[name] != "number"}

    def _types(self) -> Any:
        """Say which columns are text, so that nothing is guessed: 007 is no number, a code has no point."""
        if self._table.is_joined:
            # Under a header of two rows the fast reader's names say too little to choose by.
            return "string"
        texts = {
            header_key(one.header)
            for one in self._order.columns
            if one.header is not None and one.kind == "text"
        }
        cells = self._table.lower.cells.values()
        return {cell: "string" for cell in cells if header_key(cell) in texts} or None

    def _positions(self, frame: pl.DataFrame) -> dict[str, int]:
        by_key = {header_key(one.header): one for one in self._order.columns if one.header is not None}
        keys = [header_key(name) for name in frame.columns]
        positions = {
            by_key[key].name: place for place, key in reversed(list(enumerate(keys))) if key in by_key
        }
        if any(one.name not in positions and not one.optional for one in by_key.values()):
            raise FileRefused(
                "damaged", place=self._table.sheet.name, how="the two readers see different headers"
            )
        return positions

    def _joined_positions(self, frame: pl.DataFrame) -> dict[str, int]:
        """Lay the lower header row over the frame's names: its first column need not be the sheet's."""
        cells = {column: cell for column, cell in self._table.lower.cells.items() if cell.strip()}

        def alike(left: int) -> int:
            return sum(
                0 <= column - left < frame.width and frame.columns[column - left].startswith(cell.strip())
                for column, cell in cells.items()
            )

        left = max(range(min(cells) + 1), key=alike)
        return {name: position - left for name, position in self._table.found.positions.items()}

    def _submit(
        self,
        raw: pl.DataFrame,
        row_numbers: pl.Series,
        positions: dict[str, int],
        numbers: NumberStyle | None,
    ) -> None:
        self._parts.submit(
            partial(
                _canonical,
                self._left_out,
                raw,
                row_numbers,
                self._table.sheet.name,
                self._order.columns,
                positions,
                numbers,
                self._times,
                overflow=None,
                from_workbook=True,
            )
        )
        done = self._parts.rows
        share = min(done / self._expected, 1.0) if self._expected else None
        self._reporter.progress("reading", done, share, self._expected)


def _canonical(left_out: LeftOut, raw: pl.DataFrame, *arguments: Any, **named: Any) -> pl.DataFrame:
    frame = canonical_frame(raw, *arguments, **named)
    left_out.add_blank(raw.height - frame.height)
    return frame
