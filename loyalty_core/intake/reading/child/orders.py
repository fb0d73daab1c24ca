"""What the parent asks of the child, and what the child tells: plain values that travel as JSON."""

import json
import sys
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

HEADER_SEARCH_ROWS = 30
"""The header is looked for in this many rows: above it stand titles and merged cells."""


@dataclass(frozen=True)
class ReadLimits:
    """What one file may cost. Sizes are bytes, times are seconds.

    `memory` bounds the child's address space, `processor` its CPU time, `wall` the time on the clock.
    `unpacked` bounds what a compressed file may unfold to, and `ratio` how many times its size that may be
    once it is above `ratio_from`. `record` bounds one line or quoted record of a text file.
    """

    memory: int = 4 * 1024**3
    processor: int = 600
    wall: float = 900.0
    rows: int = 5_000_000
    columns: int = 250
    record: int = 1024**2
    unpacked: int = 4 * 1024**3
    ratio: int = 250
    ratio_from: int = 64 * 1024**2
    members: int = 5_000
    written: int = 16 * 1024**3


@dataclass(frozen=True)
class ColumnOrder:
    """One canonical column to write: where it comes from and what its cells are."""

    name: str
    kind: str
    header: str | None
    constant: str | None = None
    # Whether a file may lack the header.
    optional: bool = False
    # The column's own number signs, where they are not the file's; the second then stands as it is.
    decimal_separator: str | None = None
    thousands_separator: str | None = None


@dataclass(frozen=True)
class ReadOrder:
    """Read the file at `path` and write the canonical columns as part files into `out_folder`."""

    path: str
    file_name: str
    out_folder: str
    columns: tuple[ColumnOrder, ...]
    decimal_separator: str
    thousands_separator: str | None
    date_formats: tuple[str, ...]
    time_zone: str
    encoding: str | None
    part_count: int
    careful: bool
    limits: ReadLimits
    sheets: tuple[str, ...] | None = None

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ReadOrder":
        """Build the order back from what `as_json` gave."""
        return cls(
            **{
                **values,
                "columns": tuple(ColumnOrder(**one) for one in values["columns"]),
                "date_formats": tuple(values["date_formats"]),
                "sheets": None if values["sheets"] is None else tuple(values["sheets"]),
                "limits": ReadLimits(**values["limits"]),
            }
        )


@dataclass(frozen=True)
class LookOrder:
    """Look into the file at `path`: its first rows, or the rows of these numbers as they stand."""

    path: str
    file_name: str
    limits: ReadLimits
    first_rows: int = 20
    row_numbers: tuple[int, ...] = ()
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    careful: bool = False
    known_headers: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "LookOrder":
        """Build the order back from what `as_json` gave."""
        return cls(
            **{
                **values,
                "row_numbers": tuple(values["row_numbers"]),
                "known_headers": tuple(values["known_headers"]),
                "limits": ReadLimits(**values["limits"]),
            }
        )


class FileRefused(Exception):
    """The child will not read this file; `kind` names the parent's refusal, `facts` are what it quotes."""

    def __init__(self, kind: str, **facts: Any) -> None:
        super().__init__(kind)
        self.kind = kind
        self.facts = facts


@dataclass
class Reporter:
    """Writes events to the parent, one JSON object a line."""

    stream: BinaryIO = field(default_factory=lambda: sys.stdout.buffer)

    def tell(self, event: str, **values: Any) -> None:
        """Send one event now."""
        self.stream.write(json.dumps({"event": event, **values}).encode() + b"\n")
        self.stream.flush()

    def progress(self, phase: str, rows: int, share: float | None, rows_expected: int | None = None) -> None:
        """Say how far the work is: `share` from 0 to 1, and how many rows there seem to be, where known."""
        self.tell("progress", phase=phase, rows=rows, share=share, rows_expected=rows_expected)


def as_json(order: ReadOrder | LookOrder) -> dict[str, Any]:
    """Return the order as plain values."""
    return asdict(order)
