"""Where the header row is, and which column each mapped header names."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from .orders import HEADER_SEARCH_ROWS, ColumnOrder, FileRefused


def header_key(header: str) -> str:
    """What two spellings of a header have in common: case and white space don't tell headers apart."""
    return " ".join(header.replace("\ufeff", "").split()).casefold()


@dataclass(frozen=True)
class FoundHeader:
    """The header row: `index` from 0 among the rows looked at; `positions` from 0 by canonical column.

    `width` counts the nameless columns to the right of the last header too.
    """

    index: int
    header: list[str]
    width: int
    positions: dict[str, int]
    missing: list[ColumnOrder]
    doubled: list[str]


def find_header(rows: Sequence[Sequence[str]], columns: Sequence[ColumnOrder]) -> FoundHeader | None:
    """Return the row, among the first, that holds most of the mapped headers; the earliest of equals.

    None where every row is blank. Blank rows count, so that `index` is a place in the file.
    """
    best: FoundHeader | None = None
    wanted = [column for column in columns if column.header is not None]
    for index, row in enumerate(rows[:HEADER_SEARCH_ROWS]):
        header = [cell.strip().removeprefix("\ufeff") for cell in row]
        while header and not header[-1]:
            header.pop()
        if not header:
            continue
        keys = [header_key(cell) for cell in header]
        positions: dict[str, int] = {}
        missing: list[ColumnOrder] = []
        doubled: list[str] = []
        for column in wanted:
            key = header_key(column.header or "")
            if key not in keys:
                missing.append(column)
                continue
            positions[column.name] = keys.index(key)
            if keys.count(key) > 1:
                doubled.append(column.header or "")
        if best is None or len(missing) < len(best.missing):
            best = FoundHeader(index, header, len(row), positions, missing, doubled)
        if not missing:
            break
    return best


def check_header(found: FoundHeader | None, sheet: str | None, max_columns: int) -> FoundHeader:
    """Refuse a file without rows, with too many columns, or where a mapped header is missing or doubled."""
    if found is None:
        raise FileRefused("empty")
    if len(found.header) > max_columns:
        raise FileRefused("too_many_columns", columns=len(found.header), most=max_columns, sheet=sheet)
    if found.missing:
        column = found.missing[0]
        by_key = {header_key(cell): cell for cell in found.header if cell}
        near = get_close_matches(header_key(column.header or ""), list(by_key), n=1, cutoff=0.5)
        raise FileRefused(
            "missing_column",
            header=column.header,
            column=column.name,
            nearest=by_key[near[0]] if near else None,
            others=[one.header for one in found.missing[1:]],
            row=found.index + 1,
            sheet=sheet,
            found=[cell[:60] for cell in found.header[:30]],
        )
    if found.doubled:
        raise FileRefused("doubled_column", header=found.doubled[0], row=found.index + 1, sheet=sheet)
    return found
