"""Delimited text into canonical parts, at the speed of polars, with the row numbers that a person sees."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from .canonical import NumberStyle, TimeStyle, canonical_frame
from .headers import FoundHeader, check_header, find_header
from .orders import HEADER_SEARCH_ROWS, FileRefused, ReadLimits, ReadOrder, Reporter
from .parts import PartWriter
from .text_stream import TextStream
from .totals import TAIL_ROWS, LeftOut, without_totals

SEGMENT = 6 * 1024**2
DIALECT_SAMPLE = 16 * 1024
DELIMITERS = (",", ";", "\t", "|")
CAREFUL_ROWS = 20_000
_LEAST_LAST_SEGMENT = 64 * 1024


@dataclass(frozen=True)
class Dialect:
    """How a text file separates its cells; they are quoted by `"`, doubled inside, where they are quoted."""

    delimiter: str


def sniffed_dialect(sample: str) -> Dialect:
    """Tell the dialect of a sample of whole lines; a comma where nothing speaks for another."""
    stated = re.match(r"sep=([,;|\t])\r?\n", sample)
    if stated:
        return Dialect(stated[1])
    from clevercsv.detect import Detector

    found = Detector().detect(sample[:DIALECT_SAMPLE], delimiters=list(DELIMITERS))
    if found is None or found.delimiter not in DELIMITERS:
        return Dialect(",")
    return Dialect(found.delimiter)


def records(
    lines: Iterable[str], dialect: Dialect, limits: ReadLimits, first_number: int = 1
) -> Iterator[list[str]]:
    """Parse lines as spreadsheets do: quotes that open a cell quote it, others are part of the text.

    `first_number` is the number that the first record has in the file; a refusal names it.
    """
    csv.field_size_limit(limits.record)
    reader = csv.reader(lines, delimiter=dialect.delimiter, strict=False)
    number = first_number - 1
    while True:
        number += 1
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FileRefused("long_record", row=number, most=limits.record) from error


class Segments:
    """Whole lines of a text, some megabytes at a time."""

    def __init__(self, stream: TextStream) -> None:
        self._chunks = stream.chunks()
        self._carry = b""
        self._limit = stream.limits.record
        self._line = 1

    def next(self, size: int = SEGMENT) -> bytes:
        """Return the next lines, the last one ended by a line feed; nothing at the end of the file."""
        pieces = [self._carry]
        held = len(self._carry)
        self._carry = b""
        since_line_feed = held
        while held < size or since_line_feed == held:
            chunk = next(self._chunks, None)
            if chunk is None:
                whole = b"".join(pieces)
                if whole and not whole.endswith(b"\n"):
                    whole += b"\n"
                self._line += whole.count(b"\n")
                return whole
            end = chunk.rfind(b"\n")
            if (end < 0 and since_line_feed + len(chunk) > self._limit) or (
                end >= 0 and since_line_feed + chunk.index(b"\n") > self._limit
            ):
                line = self._line + b"".join(pieces).count(b"\n")
                raise FileRefused("long_record", row=line, most=self._limit)
            pieces.append(chunk)
            held += len(chunk)
            since_line_feed = since_line_feed + len(chunk) if end < 0 else len(chunk) - end - 1
        whole = b"".join(pieces)
        cut = whole.rfind(b"\n") + 1
        self._carry = whole[cut:]
        self._line += whole.count(b"\n")
        return whole[:cut]


def decoded_lines(segments: Segments) -> Iterator[str]:
    """Yield the text line by line, line feeds included."""
    while segment := segments.next():
        yield from io.StringIO(segment.decode(), newline="\n")


@dataclass(frozen=True)
class Opening:
    """The beginning of a text file: how it is written, and its first records."""

    dialect: Dialect
    rows: list[list[str]]
    ends: list[int]
    """The line, from 1, on which each of `rows` ends."""


def open_records(sample: str, dialect: Dialect, limits: ReadLimits, most: int) -> Opening:
    """Parse the first records of a sample."""
    taken = 0

    def lines() -> Iterator[str]:
        nonlocal taken
        for line in io.StringIO(sample, newline="\n"):
            taken += 1
            yield line

    rows: list[list[str]] = []
    ends: list[int] = []
    for row in records(lines(), dialect, limits):
        rows.append(row)
        ends.append(taken)
        if len(rows) == most:
            break
    return Opening(dialect, rows, ends)


def _opening(sample: str, order: ReadOrder) -> tuple[Opening, FoundHeader | None]:
    """Find the delimiter under which the mapped headers are there; ask the detector only if none fits."""
    best: tuple[Opening, FoundHeader] | None = None
    best_width = 0
    for delimiter in DELIMITERS:
        opening = open_records(sample, Dialect(delimiter), order.limits, HEADER_SEARCH_ROWS)
        found = find_header(opening.rows, order.columns)
        if found is not None and not found.missing and (best is None or len(found.header) > best_width):
            best, best_width = (opening, found), len(found.header)
    if best is not None:
        return best
    opening = open_records(sample, sniffed_dialect(sample), order.limits, HEADER_SEARCH_ROWS)
    return opening, find_header(opening.rows, order.columns)


def read_csv(order: ReadOrder, reporter: Reporter) -> dict[str, Any]:
    """Write the canonical rows of a text file as part files; return what `ReadResult` needs."""
    if order.sheets is not None:
        raise FileRefused("unknown_sheet", sheet=order.sheets[0], sheets=[])
    stream = TextStream(Path(order.path), order.limits, order.encoding)
    segments = Segments(stream)
    first = segments.next()
    if not first.strip():
        raise FileRefused("empty")
    sample = first[: order.limits.record]
    sample = sample[: sample.rfind(b"\n") + 1] if b"\n" in sample else sample
    opening, found = _opening(sample.decode("utf-8", "replace"), order)
    header = check_header(found, None, order.limits.columns)
    shape = _Shape(
        dialect=opening.dialect,
        width=header.width,
        order=order,
        positions=header.positions,
        numbers=NumberStyle(order.decimal_separator, order.thousands_separator),
        times=TimeStyle(order.date_formats, order.time_zone),
        left_out=LeftOut(),
    )
    for place, cells in enumerate(opening.rows[: header.top], start=1):
        if any(cell.strip() for cell in cells):
            shape.left_out.skip(place, "above_header", None, cells)
    segment = _without_lines(first, opening.ends[header.index]) or segments.next()
    del first
    ahead = _Ahead(segments, segment)
    next_record = header.index + 2
    expected: int | None = None
    with PartWriter(Path(order.out_folder), order.part_count, order.limits.rows) as parts:
        while segment := ahead.next():
            if order.careful or not _one_record_a_line(segment, opening.dialect):
                next_record = _read_carefully(segment, ahead, next_record, shape, parts)
            else:
                count = segment.count(b"\n")
                parts.submit(partial(_fast_frame, segment, next_record, shape, is_last=ahead.is_over))
                next_record += count
            read = next_record - header.index - 2
            share = stream.share * ahead.share
            expected = read if ahead.is_over else round(read / max(share, 1e-9))
            reporter.progress("reading", parts.rows, share, expected)
        parts.finish()
        if parts.rows > order.limits.rows:
            raise FileRefused("too_many_rows", most=order.limits.rows)
    return {
        "rows": parts.rows,
        "parts": [str(path) for path in parts.paths],
        "sheet": None,
        "header": header.header,
        "header_row": header.index + 1,
        "header_rows": {},
        "encoding": stream.encoding,
        "delimiter": opening.dialect.delimiter,
        "reader": "polars",
        "rows_expected": expected,
        "skipped": shape.left_out.in_order(),
        "hidden_rows": 0,
        "blank_rows": shape.left_out.blank_rows,
    }


class _Ahead:
    """Segments with a look at the next one: only the last holds totals, and it is never a few lines alone."""

    def __init__(self, segments: Segments, first: bytes) -> None:
        self._segments = segments
        self._held = first
        self._following = segments.next() if first else b""
        self._fetched = len(self._held) + len(self._following)

    @property
    def share(self) -> float:
        """How much of what was taken from the stream has been given on, 0 to 1."""
        held = len(self._held) + len(self._following)
        return 1 - held / self._fetched if self._fetched else 1.0

    @property
    def is_over(self) -> bool:
        """Whether nothing comes any more."""
        return not self._held

    def next(self, size: int = SEGMENT) -> bytes:
        """Return the next lines, nothing at the end."""
        now, self._held, self._following = self._held, self._following, b""
        if self._held:
            self._following = self._segments.next(size)
            self._fetched += len(self._following)
            if len(self._held) < _LEAST_LAST_SEGMENT and not self._following:
                now, self._held = now + self._held, b""
        return now


@dataclass(frozen=True)
class _Shape:
    """What every piece of one file has in common."""

    dialect: Dialect
    width: int
    order: ReadOrder
    positions: dict[str, int]
    numbers: NumberStyle
    times: TimeStyle
    left_out: LeftOut

    def canonical(self, raw: pl.DataFrame, row_numbers: pl.Series, *, is_last: bool) -> pl.DataFrame:
        if is_last:
            kinds = {column.name: column.kind for column in self.order.columns}
            keys = {position for name, position in self.positions.items() if kinds[name] != "number"}
            raw, row_numbers = without_totals(raw, row_numbers, keys, None, self.left_out)
        frame = canonical_frame(
            raw, row_numbers, None, self.order.columns, self.positions, self.numbers, self.times, self.width
        )
        self.left_out.add_blank(raw.height - frame.height)
        return frame


def _without_lines(text: bytes, count: int) -> bytes:
    place = 0
    for _ in range(count):
        place = text.index(b"\n", place) + 1
    return text[place:]


def _one_record_a_line(segment: bytes, dialect: Dialect) -> bool:
    """Tell whether every line is a record by itself, with quotes only where the standard has them.

    Only then do polars and a spreadsheet agree on what the records are.
    """
    if b'"' not in segment:
        return True
    lines = pl.read_csv(
        b"line\n" + segment,
        separator="\x00",
        quote_char=None,
        schema={"line": pl.String},
    ).to_series()
    quoted = lines.filter(lines.str.contains('"', literal=True))
    mark = re.escape(dialect.delimiter)
    cell = rf'(?:"(?:[^"]|"")*"|[^"{mark}]*)'
    return bool(quoted.str.contains(rf"^{cell}(?:{mark}{cell})*$").all())


def _fast_frame(segment: bytes, first_record: int, shape: _Shape, *, is_last: bool) -> pl.DataFrame:
    names = [f"c{number}" for number in range(shape.width + 1)]
    mark = shape.dialect.delimiter
    raw = pl.read_csv(
        (mark.join(names) + "\n").encode() + segment,
        separator=mark,
        quote_char='"' if b'"' in segment else None,
        schema=dict.fromkeys(names, pl.String),
        truncate_ragged_lines=True,
    )
    row_numbers = pl.int_range(first_record, first_record + raw.height, dtype=pl.Int64, eager=True)
    return shape.canonical(raw, row_numbers, is_last=is_last)


def _read_carefully(segment: bytes, ahead: _Ahead, next_record: int, shape: _Shape, parts: PartWriter) -> int:
    """Parse a segment, and what its last record needs of the next, record by record.

    Returns the number of the record after it. Python's parser is slower than polars and takes quotes the way
    spreadsheets do.
    """
    lines_left = segment.count(b"\n")

    def lines() -> Iterator[str]:
        nonlocal lines_left
        piece = segment
        while piece:
            for line in io.StringIO(piece.decode(), newline="\n"):
                lines_left -= 1
                yield line
            piece = ahead.next()
            lines_left += piece.count(b"\n")

    numbers: list[int] = []
    rows: list[list[str]] = []
    for row in records(lines(), shape.dialect, shape.order.limits, next_record):
        numbers.append(next_record)
        rows.append(row)
        next_record += 1
        if len(rows) == CAREFUL_ROWS + 2 * TAIL_ROWS:
            # What may be the end of the table waits for what comes: totals are told from the lines above.
            parts.submit(
                partial(_careful_frame, rows[:CAREFUL_ROWS], numbers[:CAREFUL_ROWS], shape, is_last=False)
            )
            rows, numbers = rows[CAREFUL_ROWS:], numbers[CAREFUL_ROWS:]
        if lines_left == 0:
            break
    if rows:
        parts.submit(partial(_careful_frame, rows, numbers, shape, is_last=ahead.is_over))
    return next_record


def _careful_frame(
    rows: Sequence[Sequence[str]], numbers: Sequence[int], shape: _Shape, *, is_last: bool
) -> pl.DataFrame:
    width = shape.width
    columns: list[pl.Series] = []
    for position in range(width):
        cells = [row[position] if position < len(row) else None for row in rows]
        columns.append(pl.Series(f"c{position}", cells, dtype=pl.String))
    beyond = [row[width] if len(row) > width else None for row in rows]
    columns.append(pl.Series(f"c{width}", beyond, dtype=pl.String))
    return shape.canonical(pl.DataFrame(columns), pl.Series(numbers, dtype=pl.Int64), is_last=is_last)
