"""A file as it stands: its first rows, or the rows of given numbers, every cell as text."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .books import Book, as_lists, chosen_sheet, first_column, open_book, rows_below, spans_of
from .csv_reader import (
    DELIMITERS,
    DIALECT_SAMPLE,
    Dialect,
    Segments,
    decoded_lines,
    open_records,
    records,
    sniffed_dialect,
)
from .headers import LikelyHeader, Spans, header_key, known_headers_in, look_for_header
from .kinds import FileFormat, FileKind, format_of
from .loading import load_strings
from .orders import HEADER_SEARCH_ROWS, FileRefused, LookOrder, Reporter
from .sheet_head import HeadRow, cell_text
from .sheet_scan import SheetScan
from .text_stream import TextStream
from .totals import TAIL_ROWS, skipped_row, totals_among
from .zip_inspection import SheetPlace

BATCH_ROWS = 500
_CELL_LENGTH = 300
_MOST_ROWS = 300
"""So many rows are looked at where that reaches the bottom of a small table."""
_MOST_SHEETS = 60
"""Of a workbook with more sheets, the further ones are only named."""


def preview(order: LookOrder) -> dict[str, Any]:
    """Return what a person wants to see before an import: kind, header, the first rows, what is left out."""
    path = Path(order.path)
    file_format = format_of(path, order.file_name)
    if file_format is FileFormat.CSV:
        return _preview_text(path, order)
    return _preview_workbook(path, file_format, order)


def _preview_text(path: Path, order: LookOrder) -> dict[str, Any]:
    if order.sheet is not None:
        raise FileRefused("unknown_sheet", sheet=order.sheet, sheets=[])
    stream = TextStream(path, order.limits, order.encoding)
    segments = Segments(stream)
    sample = segments.next(1)
    if not sample.strip():
        raise FileRefused("empty")
    is_whole = stream.share == 1.0 and not segments.next(1)
    text = sample.decode("utf-8", "replace")
    dialect = _dialect(text, order)
    most = _MOST_ROWS if is_whole else order.first_rows + HEADER_SEARCH_ROWS
    rows = open_records(text, dialect, order.limits, most).rows
    found = _checked_header(rows, order, None, None)
    lines = sample.count(b"\n")
    expected = lines if is_whole else round(lines / max(stream.share, 1e-9))
    return {
        "kind": FileKind.TEXT.value,
        "file_format": FileFormat.CSV.value,
        "encoding": stream.encoding,
        "delimiter": dialect.delimiter,
        "sheets": [],
        "sheet": None,
        "alike": [],
        "hidden_rows": 0,
        "rows_expected": max(expected - found.index - 1, 0),
        **_shown(rows, found, order, None, 1, is_whole=is_whole and len(rows) < most),
    }


def _preview_workbook(path: Path, file_format: FileFormat, order: LookOrder) -> dict[str, Any]:
    most = max(order.first_rows + HEADER_SEARCH_ROWS, _MOST_ROWS)
    with open_book(path, file_format, order.limits) as book:
        chosen, head = chosen_sheet(book, order.sheet, most)
        scan = book.scan(chosen, stops_at_wide=False)
        rows = as_lists(head)
        found = _checked_header(rows, order, chosen.name, spans_of(head, scan))
        first = head[0].number
        looks = []
        for number, sheet in enumerate(book.sheets()):
            if sheet == chosen:
                looks.append(_look(sheet, found.header, first + found.index, head, scan))
            elif number < _MOST_SHEETS:
                looks.append(_look_at_sheet(book, sheet, order))
            else:
                looks.append(_look(sheet, [], 0, head, SheetScan()))
    key = _header_keys(found.header)
    expected = next(one["data_rows"] for one in looks if one["name"] == chosen.name)
    is_whole = scan.rows is not None and head[-1].number - first < most - 1 and scan.rows < most
    return {
        "kind": FileKind.WORKBOOK.value,
        "file_format": file_format.value,
        "encoding": None,
        "delimiter": None,
        "sheets": looks,
        "sheet": chosen.name,
        "alike": [
            one["name"] for one in looks if one["name"] != chosen.name and _header_keys(one["header"]) == key
        ],
        "hidden_rows": scan.hidden_rows,
        "rows_expected": expected,
        **_shown(rows, found, order, chosen.name, first, is_whole=is_whole),
    }


def _header_keys(header: Sequence[str]) -> list[str]:
    keys = [header_key(cell) for cell in header]
    while keys and not keys[-1]:
        keys.pop()
    return keys


def _look_at_sheet(book: Book, sheet: SheetPlace, order: LookOrder) -> dict[str, Any]:
    head = book.head(sheet, HEADER_SEARCH_ROWS)
    if not any(text.strip() for row in head for text in row.cells.values()):
        return _look(sheet, [], 0, head, SheetScan(rows=0))
    scan = book.scan(sheet, stops_at_wide=False)
    found = look_for_header(as_lists(head), order.known_headers, spans_of(head, scan))
    return _look(sheet, found.header[: order.limits.columns], head[0].number + found.index, head, scan)


def _look(
    sheet: SheetPlace, header: Sequence[str], header_row: int, head: Sequence[HeadRow], scan: SheetScan
) -> dict[str, Any]:
    return {
        "name": sheet.name,
        "header": list(header),
        "header_row": header_row,
        "data_rows": rows_below(head, header_row, scan),
        "hidden_rows": scan.hidden_rows,
        "is_hidden": not sheet.visible,
    }


def _checked_header(
    rows: Sequence[Sequence[str]], order: LookOrder, sheet: str | None, spans: Spans | None
) -> LikelyHeader:
    if not any(cell.strip() for row in rows for cell in row):
        raise FileRefused("empty")
    found = look_for_header(rows, order.known_headers, spans)
    if len(found.header) > order.limits.columns:
        raise FileRefused(
            "too_many_columns", columns=len(found.header), most=order.limits.columns, sheet=sheet
        )
    return found


def _shown(
    rows: Sequence[Sequence[str]],
    found: LikelyHeader,
    order: LookOrder,
    sheet: str | None,
    first: int,
    *,
    is_whole: bool,
) -> dict[str, Any]:
    """Return the header, the first rows below it, and what is left out around them."""
    numbered = [(first + place, row) for place, row in enumerate(rows)]
    below = numbered[found.index + 1 :]
    filled = [(number, row) for number, row in below if any(cell.strip() for cell in row)]
    skipped = [
        skipped_row(number, "above_header", sheet, row)
        for number, row in numbered[: found.top]
        if any(cell.strip() for cell in row)
    ]
    totals = totals_among(filled[-TAIL_ROWS:]) if is_whole else {}
    skipped += [skipped_row(number, totals[number], sheet, row) for number, row in filled if number in totals]
    shown = [(number, row) for number, row in filled if number not in totals][: order.first_rows]
    return {
        "header": found.header,
        "header_row": first + found.index,
        "rows": [[cell[:_CELL_LENGTH] for cell in row] for _number, row in shown],
        "row_numbers": [number for number, _row in shown],
        "skipped": skipped,
        "blank_rows": len(below) - len(filled),
    }


def _dialect(text: str, order: LookOrder) -> Dialect:
    """Take the delimiter under which most of the known headers are there, as the import does, or guess it."""
    hits = {}
    for delimiter in DELIMITERS if order.known_headers else ():
        rows = open_records(text, Dialect(delimiter), order.limits, HEADER_SEARCH_ROWS).rows
        hits[delimiter] = known_headers_in(rows, order.known_headers)
    best = max(hits, key=lambda delimiter: hits[delimiter], default=",")
    return Dialect(best) if hits.get(best, 0) > 1 else sniffed_dialect(text)


def tell_rows(order: LookOrder, reporter: Reporter) -> dict[str, Any]:
    """Send the rows of the order's numbers, in the file's order, some hundreds an event."""
    wanted = set(order.row_numbers)
    last = max(wanted, default=0)
    batch: list[tuple[int, list[str]]] = []
    told = 0
    for number, row in _all_rows(order):
        if number > last:
            break
        if number in wanted:
            batch.append((number, row))
            told += 1
        if len(batch) == BATCH_ROWS:
            reporter.tell("rows", rows=batch)
            batch = []
    reporter.tell("rows", rows=batch)
    return {"rows": told}


def _all_rows(order: LookOrder) -> Iterator[tuple[int, list[str]]]:
    path = Path(order.path)
    file_format = format_of(path, order.file_name)
    if file_format is not FileFormat.CSV:
        yield from _sheet_rows(order, path, file_format)
        return
    segments = Segments(TextStream(path, order.limits, order.encoding))
    first = segments.next()
    dialect = (
        Dialect(order.delimiter)
        if order.delimiter
        else sniffed_dialect(first[:DIALECT_SAMPLE].decode("utf-8", "replace"))
    )

    def lines() -> Iterator[str]:
        yield from io.StringIO(first.decode(), newline="\n")
        yield from decoded_lines(segments)

    yield from enumerate(records(lines(), dialect, order.limits), start=1)


def _sheet_rows(order: LookOrder, path: Path, file_format: FileFormat) -> Iterator[tuple[int, list[str]]]:
    with open_book(path, file_format, order.limits) as book:
        place, head = chosen_sheet(book, order.sheet, HEADER_SEARCH_ROWS)
        book.scan(place, stops_at_wide=False)
    if order.careful:
        for number, cells in book.careful_rows(place, 1):
            yield number, [cell_text(cell) or "" for cell in cells]
        return
    frame = load_strings(str(path), place.name)
    left = [""] * first_column(head, frame)
    for number, row in enumerate(frame.iter_rows(), start=1):
        yield number, [*left, *(cell or "" for cell in row)]
