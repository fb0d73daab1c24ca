"""A file as it stands: its first rows, or the rows of given numbers, every cell as text."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
from .headers import known_headers_in, likely_header
from .kinds import FileKind, kind_of
from .orders import HEADER_SEARCH_ROWS, FileRefused, LookOrder, Reporter
from .sheet_head import cell_text
from .text_stream import TextStream
from .workbook_reader import as_lists, careful_rows, first_column, first_sheet, load_strings
from .zip_inspection import WorkbookZip

BATCH_ROWS = 500
_CELL_LENGTH = 300


def preview(order: LookOrder) -> dict[str, Any]:
    """Return what a person wants to see before an import: kind, header, the first rows."""
    path = Path(order.path)
    kind = kind_of(path, order.file_name)
    seen: dict[str, Any] = {
        "kind": kind.value,
        "encoding": None,
        "delimiter": None,
        "sheets": [],
        "sheet": None,
    }
    if kind is FileKind.TEXT:
        stream = TextStream(path, order.limits, order.encoding)
        sample = Segments(stream).next(1)
        if not sample.strip():
            raise FileRefused("empty")
        text = sample.decode("utf-8", "replace")
        dialect = _dialect(text, order)
        rows = open_records(text, dialect, order.limits, order.first_rows + HEADER_SEARCH_ROWS).rows
        seen |= {"encoding": stream.encoding, "delimiter": dialect.delimiter}
        first = 1
    else:
        with WorkbookZip(path, order.limits) as book:
            sheet, head = first_sheet(book, order.first_rows + HEADER_SEARCH_ROWS)
            seen |= {"sheets": [one.name for one in book.sheets()], "sheet": sheet.name}
            first = head[0].number
            rows = as_lists(head)
    if not any(cell.strip() for row in rows for cell in row):
        raise FileRefused("empty")
    header_index = likely_header(rows, order.known_headers)
    if len(rows[header_index]) > order.limits.columns:
        raise FileRefused(
            "too_many_columns",
            columns=len(rows[header_index]),
            most=order.limits.columns,
            sheet=seen["sheet"],
        )
    shown = [row for row in rows[header_index + 1 :] if any(cell.strip() for cell in row)]
    return {
        **seen,
        "header": [cell.strip().removeprefix("\ufeff") for cell in rows[header_index]],
        "header_row": first + header_index,
        "rows": [[cell[:_CELL_LENGTH] for cell in row] for row in shown[: order.first_rows]],
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
    if kind_of(path, order.file_name) is FileKind.WORKBOOK:
        yield from _sheet_rows(order, path)
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


def _sheet_rows(order: LookOrder, path: Path) -> Iterator[tuple[int, list[str]]]:
    with WorkbookZip(path, order.limits) as book:
        place, head = first_sheet(book)
        if order.sheet is not None and order.sheet != place.name:
            raise FileRefused("row_not_found", sheet=order.sheet)
        for chunk in book.chunks(place.member):
            del chunk
    if order.careful:
        for number, cells in careful_rows(path, place.name, order.limits, 1):
            yield number, [cell_text(cell) or "" for cell in cells]
        return
    frame = load_strings(str(path), place.name)
    left = [""] * first_column(head, frame)
    for number, row in enumerate(frame.iter_rows(), start=1):
        yield number, [*left, *(cell or "" for cell in row)]
