"""What the rest of intake calls: read a file into parts, preview it, give its rows back as they stand."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loyalty_core.intake.mapping import ColumnMapping, DatasetColumns
from loyalty_core.intake.reading.child.orders import ColumnOrder, ReadLimits, ReadOrder
from loyalty_core.intake.reading.refusals import OverMemoryError
from loyalty_core.intake.reading.runner import run_child

DEFAULT_LIMITS = ReadLimits()


@dataclass(frozen=True)
class Progress:
    """How far a reading is.

    `phase` is "looking" or "reading", `rows` how many are written, `share` how much of the file is read, from
    0 to 1, None where it is not known.
    """

    phase: str
    rows: int
    share: float | None


@dataclass(frozen=True)
class ReadResult:
    """One file as canonical parts.

    `parts` are CSV files for `COPY staging (<columns>) FROM STDIN (FORMAT csv)`, `columns` being row_no,
    sheet, the canonical columns, unreadable. `sheet` is None for text files. `header` is the header
    row as it stands, `header_row` its number from 1. `rows` counts the rows in the parts; blank rows are not.
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
) -> ReadResult:
    """Read the file at `path`, which the person knows as `file_name`, into part files in `out_folder`.

    A child process does it under `limits`; this process's memory stays flat. Raises a FileRefusal, or
    MappingIncompleteError before anything is opened. After a refusal, parts in `out_folder` mean nothing.
    A cell that its column's kind cannot take is NULL in the parts, its raw text under the column's name in
    `unreadable`; `beyond_last_column` holds what a row has to the right of the last header.
    """
    mapping.check_against(dataset_columns)
    begun = time.monotonic()
    out_folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def order(careful: bool) -> ReadOrder:
        return ReadOrder(
            path=str(path.resolve()),
            file_name=file_name,
            out_folder=str(out_folder.resolve()),
            columns=tuple(
                ColumnOrder(
                    name=column.name,
                    kind=column.kind.value,
                    header=mapping.columns.get(column.name),
                    constant=mapping.currency if column.name == "currency" else None,
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
        )

    try:
        done = _followed(order(careful=False), on_progress)
    except OverMemoryError:
        # The fast workbook reader holds the whole sheet, the careful one a row at a time.
        done = _followed(order(careful=True), on_progress)
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
    )


def _followed(order: ReadOrder, on_progress: Callable[[Progress], None] | None) -> dict[str, Any]:
    last: dict[str, Any] = {}
    for event in run_child("read", order):
        if event["event"] == "progress" and on_progress is not None:
            on_progress(Progress(event["phase"], event["rows"], event["share"]))
        last = event
    return last
