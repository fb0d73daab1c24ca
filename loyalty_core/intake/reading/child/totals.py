"""Totals at the bottom of a table: told from its lines, so that they are neither facts nor bad rows."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import polars as pl

from .canonical import as_text

TAIL_ROWS = 40
"""So many of the last rows that hold something are looked at."""

_MOST_BELOW = 10
_TEXT_LENGTH = 120

# What stands beside a sum in the languages of the programmes, and in those of files that reach them.
_WORDS = (
    "grand total", "sub total", "subtotal", "totals", "total", "sum",
    "razem", "suma", "ogółem", "łącznie", "podsumowanie",
    "ukupno", "zbir", "svega", "укупно", "збир", "свега",
    "jumlah", "grand jumlah", "keseluruhan",
    "gesamt", "gesamtsumme", "summe", "totaal", "totale", "totaux", "celkem", "összesen", "итого", "всего",
)  # fmt: skip
_TOTALS = re.compile(rf"\W*(?:{'|'.join(map(re.escape, _WORDS))})(?!\w)", re.IGNORECASE)
_NUMBER = re.compile(
    r"\W*(?:[A-Za-z]{1,3}\W*)?[0-9](?:[0-9.,'’\s\u00a0\u202f]*[0-9])?\W*(?:[A-Za-z]{1,3})?\W*"
)

TailRow = tuple[int, Sequence[str]]


def is_number_like(cell: str) -> bool:
    """Whether a cell is a number with nothing but signs and a unit or currency around it."""
    return _NUMBER.fullmatch(cell) is not None


def totals_among(tail: Sequence[TailRow], keys: Collection[int] | None = None) -> dict[int, str]:
    """Return which of a table's last rows are not its lines: row number to `totals` or `below_totals`.

    `tail` are the last rows that hold something, as (row number, cells), in order. `keys` are the columns, from
    0, that hold no amounts, where they are known. A row is totals where a word says so, or where it holds
    nothing but numbers below full lines, and where it also lacks most of what every line above it has; a line
    whose product is called Total does not. What stands below totals, remarks and dates of printing, is no line
    either.
    """
    rows = [(number, [cell.strip() for cell in cells]) for number, cells in tail]
    first = None
    for place in range(len(rows) - 1, max(len(rows) - 1 - _MOST_BELOW, -1), -1):
        if _is_totals(rows, place, keys):
            first = place
        elif not _is_thin(rows, place):
            break
    if first is None:
        return {}
    return {
        rows[place][0]: "totals" if _is_totals(rows, place, keys) else "below_totals"
        for place in range(first, len(rows))
    }


def _filled(cells: Sequence[str]) -> set[int]:
    return {column for column, cell in enumerate(cells) if cell}


def _lines_above(rows: Sequence[tuple[int, list[str]]], place: int) -> list[list[str]]:
    """Return the rows above that are as full as lines are."""
    above = [cells for _, cells in rows[:place]]
    most = max((len(_filled(cells)) for cells in above), default=0)
    return [cells for cells in above if len(_filled(cells)) * 3 > most * 2]


def _is_totals(rows: Sequence[tuple[int, list[str]]], place: int, keys: Collection[int] | None) -> bool:
    cells = rows[place][1]
    filled = _filled(cells)
    lines = _lines_above(rows, place)
    if not lines:
        return False
    usual = set.intersection(*map(_filled, lines))
    if keys is None:
        told = {column for column in usual if not all(is_number_like(line[column]) for line in lines)}
    else:
        told = usual & set(keys)
    word = next((column for column in sorted(filled) if _TOTALS.match(cells[column])), None)
    if word is not None:
        others = told - {word}
        if not others:
            # The word stands where a code would: only the bare word is not one.
            return len(filled) <= len(usual) and _TOTALS.fullmatch(cells[word].rstrip(" :.=")) is not None
        return len(filled) <= len(usual) and len(others - filled) * 2 > len(others)
    # Without a word for it, only the one row below full lines is taken for their sum.
    is_alone = place > 1 and len(lines) == place
    return (
        is_alone
        and bool(told)
        and not told & filled
        and all(is_number_like(cells[column]) for column in filled)
    )


def _is_thin(rows: Sequence[tuple[int, list[str]]], place: int) -> bool:
    """Whether the row holds a remark and no more."""
    filled = len(_filled(rows[place][1]))
    most = max((len(_filled(cells)) for _, cells in rows[:place]), default=0)
    return filled <= 2 and filled * 2 < most


def skipped_row(number: int, why: str, sheet: str | None, cells: Sequence[str]) -> dict[str, Any]:
    """Return what the parent is told of a row that is left out."""
    text = " ".join(cell.strip() for cell in cells if cell.strip())
    return {"row_no": number, "why": why, "sheet": sheet, "text": text[:_TEXT_LENGTH]}


@dataclass
class LeftOut:
    """What a reading tells of rows that are not in the parts; threads add to it."""

    skipped: list[dict[str, Any]] = field(default_factory=list)
    blank_rows: int = 0
    _lock: Lock = field(default_factory=Lock)

    def skip(self, number: int, why: str, sheet: str | None, cells: Sequence[str]) -> None:
        """Remember a row that is left out."""
        with self._lock:
            self.skipped.append(skipped_row(number, why, sheet, cells))

    def add_blank(self, count: int) -> None:
        """Count blank rows."""
        with self._lock:
            self.blank_rows += count

    def in_order(self) -> list[dict[str, Any]]:
        """Return the rows sheet by sheet, from the top."""
        sheets = list(dict.fromkeys(one["sheet"] for one in self.skipped))
        return sorted(self.skipped, key=lambda one: (sheets.index(one["sheet"]), one["row_no"]))


def without_totals(
    raw: pl.DataFrame,
    row_numbers: pl.Series,
    keys: Collection[int],
    sheet: str | None,
    left_out: LeftOut,
) -> tuple[pl.DataFrame, pl.Series]:
    """Return the last rows of a table, and their numbers, without its totals, which `left_out` tells of."""
    tail: list[TailRow] = []
    end = raw.height
    while end > 0 and len(tail) < TAIL_ROWS:
        begin = max(end - 5 * TAIL_ROWS, 0)
        rows = pl.DataFrame([as_text(column.slice(begin, end - begin)) for column in raw.get_columns()])
        filled = [
            (int(row_numbers[begin + place]), ["" if cell is None else cell for cell in cells])
            for place, cells in enumerate(rows.iter_rows())
            if any(cells)
        ]
        tail = [*filled, *tail]
        end = begin
    tail = tail[-TAIL_ROWS:]
    found = totals_among(tail, keys)
    if not found:
        return raw, row_numbers
    for number, cells in tail:
        if number in found:
            left_out.skip(number, found[number], sheet, cells)
    stays = ~row_numbers.is_in(list(found))
    return raw.filter(stays), row_numbers.filter(stays)
