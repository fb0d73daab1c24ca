"""What the rest of intake calls: read a file into parts, preview it, give its rows back as they stand."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from loyalty_core.intake.mapping import ColumnMapping, DatasetColumns
from loyalty_core.intake.reading.child.orders import ColumnOrder, LookOrder, ReadLimits, ReadOrder
from loyalty_core.intake.reading.refusals import OverMemoryError
from loyalty_core.intake.reading.runner import run_child

DEFAULT_LIMITS = ReadLimits()


@dataclass(frozen=True)
class Progress:
    """How far a reading is.

    `phase` is "looking" or "reading", `rows` how many are written, `share` how much of the file is read, from
    0 to 1, `rows_expected` how many rows it seems to have, both None where that is not known.
    """

    phase: str
    rows: int
    share: float | None
    rows_expected: int | None = None


class SkipReason(StrEnum):
    """Why a row that holds something is neither a fact nor a bad row."""

    ABOVE_HEADER = "above_header"
    TOTALS = "totals"
    BELOW_TOTALS = "below_totals"


@dataclass(frozen=True)
class SkippedRow:
    """A row that is left out and told about; `text` is the beginning of what stands in it."""

    row_no: int
    why: SkipReason
    sheet: str | None = None
    text: str = ""


def _skipped(told: Sequence[Mapping[str, Any]]) -> tuple[SkippedRow, ...]:
    return tuple(SkippedRow(one["row_no"], SkipReason(one["why"]), one["sheet"], one["text"]) for one in told)


@dataclass(frozen=True)
class ReadResult:
    """One file as canonical parts.

    `parts` are CSV files for `COPY staging (<columns>) FROM STDIN (FORMAT csv)`, `columns` being row_no,
    sheet, the canonical columns, unreadable. `sheet` is None for text files. `header` is the header
    row as it stands, `header_row` its number from 1; where the header fills two rows they are joined, and the
    number is that of the lower one. Of several `sheets` these are the first one's, `header_rows` has all of them.
    `rows` counts the rows in the parts; blank rows are not, `blank_rows` counts those. `skipped` are titles above
    the header and totals at the bottom. `hidden_rows` are read like others. `rows_expected` is what the file
    seemed to hold before it was read.
    """

    rows: int
    parts: tuple[Path, ...]
    columns: tuple[str, ...]
    sheet: str | None
    header: tuple[str, ...]
    header_row: int
    seconds: float
    encoding: str | None
    delimiter: str | None
    reader: str
    sheets: tuple[str, ...] = ()
    header_rows: Mapping[str, int] = field(default_factory=dict)
    rows_expected: int | None = None
    skipped: tuple[SkippedRow, ...] = ()
    hidden_rows: int = 0
    blank_rows: int = 0


def read_file(
    path: Path,
    file_name: str,
    mapping: ColumnMapping,
    dataset_columns: DatasetColumns,
    out_folder: Path,
    *,
    limits: ReadLimits = DEFAULT_LIMITS,
    on_progress: Callable[[Progress], None] | None = None,
    part_count: int = 2,
    careful: bool = False,
    sheets: Sequence[str] | None = None,
) -> ReadResult:
    """Read the file at `path`, which the person knows as `file_name`, into part files in `out_folder`.

    A child process does it under `limits`; this process's memory stays flat. Raises a FileRefusal, or
    MappingIncompleteError before anything is opened. After a refusal, parts in `out_folder` mean nothing.
    A cell that its column's kind cannot take is NULL in the parts, its raw text under the column's name in
    `unreadable`; `beyond_last_column` holds what a row has to the right of the last header. With
    `careful` the fast readers are left out, which are tried first otherwise. Of a workbook the `sheets` of these
    names are read, each with a header of its own; None reads the first one that holds anything.
    """
    mapping.check_against(dataset_columns)
    begun = time.monotonic()
    out_folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    order = ReadOrder(
        path=str(path.resolve()),
        file_name=file_name,
        out_folder=str(out_folder.resolve()),
        columns=tuple(
            ColumnOrder(
                name=column.name,
                kind=column.kind.value,
                header=mapping.columns.get(column.name),
                constant=mapping.currency if column.name == "currency" else None,
                optional=column.name in mapping.optional,
                **_own_signs(mapping, column.name),
            )
            for column in dataset_columns.columns
        ),
        decimal_separator=mapping.decimal_separator,
        thousands_separator=mapping.thousands_separator,
        date_formats=mapping.date_formats,
        time_zone=mapping.time_zone,
        encoding=mapping.encoding,
        part_count=part_count,
        careful=careful,
        limits=limits,
        sheets=None if sheets is None else tuple(dict.fromkeys(sheets)),
    )
    try:
        done = _followed(order, on_progress)
    except OverMemoryError:
        if careful:
            raise
        # The fast workbook reader holds the whole sheet, the careful one a row at a time.
        done = _followed(replace(order, careful=True), on_progress)
    return ReadResult(
        rows=done["rows"],
        parts=tuple(Path(part) for part in done["parts"]),
        columns=("row_no", "sheet", *dataset_columns.names, "unreadable"),
        sheet=done["sheet"],
        header=tuple(done["header"]),
        header_row=done["header_row"],
        seconds=time.monotonic() - begun,
        encoding=done["encoding"],
        delimiter=done["delimiter"],
        reader=done["reader"],
        sheets=tuple(done["header_rows"]),
        header_rows=done["header_rows"],
        rows_expected=done["rows_expected"],
        skipped=_skipped(done["skipped"]),
        hidden_rows=done["hidden_rows"],
        blank_rows=done["blank_rows"],
    )


def _own_signs(mapping: ColumnMapping, column: str) -> dict[str, str | None]:
    signs = mapping.number_signs.get(column)
    return {} if signs is None else signs.model_dump()


def _followed(order: ReadOrder, on_progress: Callable[[Progress], None] | None) -> dict[str, Any]:
    last: dict[str, Any] = {}
    for event in run_child("read", order):
        if event["event"] == "progress" and on_progress is not None:
            on_progress(Progress(event["phase"], event["rows"], event["share"], event["rows_expected"]))
        last = event
    return last


@dataclass(frozen=True)
class SheetLook:
    """A sheet of a workbook: its likely header, empty in a blank sheet, and the header's row from 1.

    `data_rows` is how many rows it lists below the header, blank and totals rows included, None where that would
    take a whole reading. `hidden_rows` counts the rows that a person does not see.
    """

    name: str
    header: tuple[str, ...]
    header_row: int
    data_rows: int | None
    hidden_rows: int
    is_hidden: bool


@dataclass(frozen=True)
class FilePreview:
    """What a file looks like: `kind` is "text" or "workbook", `rows` are the first ones below the header.

    `row_numbers` are the numbers of these rows in the file, from 1, as an import's rows have them.
    Cells are texts as they stand, cut at 300 characters. `encoding` and `delimiter` are None for workbooks,
    `sheet` (the one that would be read) for text files; `sheets` are all of a workbook's, `alike` those with the
    same header as `sheet`. `file_format` is csv, xlsx, xls, xlsb or ods. `hidden_rows` and `skipped` are those of
    `sheet`; totals at the bottom are in `skipped` where the look reached the bottom. `blank_rows` counts blank
    rows among those looked at.
    """

    kind: str
    encoding: str | None
    delimiter: str | None
    sheets: tuple[SheetLook, ...]
    sheet: str | None
    header: tuple[str, ...]
    header_row: int
    rows: tuple[tuple[str, ...], ...]
    alike: tuple[str, ...] = ()
    hidden_rows: int = 0
    skipped: tuple[SkippedRow, ...] = ()
    blank_rows: int = 0
    rows_expected: int | None = None
    file_format: str = "csv"
    row_numbers: tuple[int, ...] = ()


def preview_file(
    path: Path,
    file_name: str,
    *,
    encoding: str | None = None,
    sheet: str | None = None,
    first_rows: int = 20,
    known_headers: Collection[str] = (),
    limits: ReadLimits = DEFAULT_LIMITS,
) -> FilePreview:
    """Look at the beginning of a file, in a child; a FileRefusal where it cannot be one that is read.

    `known_headers` are headers, of known mappings for instance, that help to tell the header row from titles
    above it, and the delimiter; without them both are told by the shape of the rows. `sheet` is the one to show
    of a workbook; None shows the first one that holds anything.
    """
    order = LookOrder(
        path=str(path.resolve()),
        file_name=file_name,
        limits=limits,
        first_rows=first_rows,
        sheet=sheet,
        encoding=encoding,
        known_headers=tuple(known_headers),
    )
    seen = [event for event in run_child("preview", order) if event["event"] == "done"][-1]
    return FilePreview(
        kind=seen["kind"],
        encoding=seen["encoding"],
        delimiter=seen["delimiter"],
        sheets=tuple(SheetLook(**{**one, "header": tuple(one["header"])}) for one in seen["sheets"]),
        sheet=seen["sheet"],
        header=tuple(seen["header"]),
        header_row=seen["header_row"],
        rows=tuple(tuple(row) for row in seen["rows"]),
        alike=tuple(seen["alike"]),
        hidden_rows=seen["hidden_rows"],
        skipped=_skipped(seen["skipped"]),
        blank_rows=seen["blank_rows"],
        rows_expected=seen["rows_expected"],
        file_format=seen["file_format"],
        row_numbers=tuple(seen["row_numbers"]),
    )


def original_rows(
    path: Path,
    file_name: str,
    row_numbers: Collection[int],
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    limits: ReadLimits = DEFAULT_LIMITS,
) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number, cells) of the rows of these numbers, from 1, in the file's order, as they stand.

    The header is a row like others: ask for its number (`ReadResult.header_row`) too. Rows are shorter than
    the header where the file's are; blank rows may be left out. Reads in a child, some hundreds of rows ahead
    at most. Pass the `encoding` and `delimiter` that the import was read with, so that the rows are the same.
    """
    order = LookOrder(
        path=str(path.resolve()),
        file_name=file_name,
        limits=limits,
        row_numbers=tuple(sorted(set(row_numbers))),
        sheet=sheet,
        encoding=None if encoding == "ascii" else encoding,
        delimiter=delimiter,
    )
    told = 0
    try:
        for event in run_child("rows", order):
            for number, cells in event["rows"] if event["event"] == "rows" else ():
                yield number, cells
                told = number
    except OverMemoryError:
        for event in run_child("rows", replace(order, careful=True)):
            for number, cells in event["rows"] if event["event"] == "rows" else ():
                if number > told:
                    yield number, cells
