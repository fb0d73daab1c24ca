"""Where the header row is, and which column each mapped header names."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from .orders import HEADER_SEARCH_ROWS, ColumnOrder, FileRefused

# Digits with nothing but signs and a unit around them, or a day or time: a line's cell, not a header.
_A_VALUE = re.compile(
    r"\W*[0-9][0-9\W]*(?:[A-Za-z]{1,3})?|[0-9]{1,4}[-./ ][0-9A-Za-z]{1,3}[-./ ][0-9].*", re.DOTALL
)


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
                if not column.optional:
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


def likely_header(rows: Sequence[Sequence[str]], known: Collection[str] = ()) -> int:
    """Return the place of the row that is most likely the header, where no mapping says which one it is.

    `known` are headers that files like this one have: the row that holds most of them, two at least, is the
    one that `find_header` would take. Else it is the first row of different words and nothing else that is
    nearly as wide as what stands below it: titles fill a cell or two, and lines hold numbers and days. Short
    of that, the first row that is wide at all. At least one row must hold something.
    """
    place, hits = _most_known(rows, known)
    if hits > 1:
        return place
    filled = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    for place, cells in enumerate(filled[:HEADER_SEARCH_ROWS]):
        below = [len(one) for one in filled[place + 1 :] if one]
        if (
            below
            and len(cells) * 4 >= _typical(below) * 3
            and len({header_key(cell) for cell in cells}) == len(cells)
            and not any(_A_VALUE.fullmatch(cell) for cell in cells)
        ):
            return place
    wide = _typical([len(one) for one in filled if one])
    return next(place for place, cells in enumerate(filled) if len(cells) * 2 > wide)


def known_headers_in(rows: Sequence[Sequence[str]], known: Collection[str]) -> int:
    """Return how many of the known headers the row holds that holds most of them."""
    return _most_known(rows, known)[1]


def _most_known(rows: Sequence[Sequence[str]], known: Collection[str]) -> tuple[int, int]:
    keys = {header_key(one) for one in known}
    hits = [len(keys & {header_key(cell) for cell in row}) for row in rows[:HEADER_SEARCH_ROWS]]
    most = max(hits, default=0)
    return (hits.index(most) if most else 0), most


def _typical(widths: Sequence[int]) -> int:
    return sorted(widths)[len(widths) // 2]


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
