"""One pass over a worksheet's XML without parsing it: how many rows, hidden ones, merged cells, what is amiss."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .zip_inspection import SheetPlace, WorkbookZip

_FORMULA = re.compile(
    rb"<c ([^>]*)>\s*<f(?:\s[^>]*)?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>",
)
_REFERENCE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_WIDE_CELL = re.compile(rb'<c r="([A-Z]{3,}[0-9]+)"[^>]*[^/]>')
_HIDDEN_ROW = re.compile(rb'<row\s[^>]*\bhidden="(?:1|true)"')
_MERGED = re.compile(rb'<mergeCell\s+ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')
_LONGEST_CARRY = 64 * 1024
_MOST_MERGED = 5_000
_TELL_EACH = 32 * 1024**2


@dataclass(frozen=True)
class MergedCells:
    """A range of merged cells: rows from 1, columns from 0, ends included."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass
class SheetScan:
    """What a pass over a sheet found.

    `rows` counts the rows that the sheet lists, blank ones it lists included; None where nobody counted.
    `uncalculated` names the first cell of each column, from 0, that holds a formula without its result, `wide` the
    first cell with three column letters.
    """

    rows: int | None = None
    hidden_rows: int = 0
    merged: list[MergedCells] = field(default_factory=list)
    uncalculated: dict[int, str] = field(default_factory=dict)
    wide: str | None = None


def scan_sheet(
    book: WorkbookZip,
    sheet: SheetPlace,
    *,
    on_share: Callable[[float], None] | None = None,
    stops_at_wide: bool = True,
) -> SheetScan:
    """Stream the sheet once. With `stops_at_wide` the pass ends at a cell of three column letters."""
    scan = SheetScan(rows=0)
    carry = b""
    done = told = 0
    for chunk in book.chunks(sheet.member):
        text = carry + chunk
        # No tag, and no cell with its formula, is cut in two: what may be is looked at with the next chunk.
        cut = max(text.rfind(b"<c "), text.rfind(b"<row "), text.rfind(b"<mergeCell "))
        if cut < 0 or len(text) - cut >= _LONGEST_CARRY:
            cut = len(text)
        carry = text[cut:]
        _take(text[:cut], scan)
        done += len(chunk)
        if scan.wide is not None and stops_at_wide:
            return scan
        if on_share is not None and done >= told + _TELL_EACH:
            told = done
            on_share(book.share_of(done, sheet.member))
    _take(carry, scan)
    return scan


def _take(text: bytes, scan: SheetScan) -> None:
    scan.rows = (scan.rows or 0) + text.count(b"<row ")
    if scan.wide is None and (wide := _WIDE_CELL.search(text)) is not None:
        scan.wide = wide[1].decode()
    if b"<f" in text:
        for match in _FORMULA.finditer(text):
            reference = _REFERENCE.search(match[1])
            # A text formula may well yield an empty text.
            if reference is not None and b't="str"' not in match[1]:
                cell = (reference[1] + reference[2]).decode()
                scan.uncalculated.setdefault(_column_number(reference[1]), cell)
    if b"hidden=" in text:
        scan.hidden_rows += len(_HIDDEN_ROW.findall(text))
    if b"<mergeCell" in text:
        for match in _MERGED.finditer(text):
            if len(scan.merged) < _MOST_MERGED:
                left, top, right, bottom = match.groups()
                scan.merged.append(
                    MergedCells(int(top), _column_number(left), int(bottom), _column_number(right))
                )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1
