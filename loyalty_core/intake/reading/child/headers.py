"""Where the header row is, and which column each mapped header names."""

import re
from collections.abc import Collection, Mapping, Sequence
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


Spans = Mapping[int, Sequence[tuple[int, int]]]
"""By a row's place: the columns, first and last, of each range of cells that is merged sideways there."""


@dataclass(frozen=True)
class FoundHeader:
    """The header row: `index` from 0 among the rows looked at; `positions` from 0 by canonical column.

    `width` counts the nameless columns to the right of the last header too. A header of two rows is joined;
    then `index` is the lower one's and `top` the upper one's, else they are the same.
    """

    index: int
    top: int
    header: list[str]
    width: int
    positions: dict[str, int]
    missing: list[ColumnOrder]
    doubled: list[str]


def joined_header(rows: Sequence[Sequence[str]], place: int, spans: Spans | None = None) -> list[str] | None:
    """Join the row at `place` and the one below it into one header; None where they are not one in two rows.

    A cell merged over several columns names each of them: “2026 Q1” over “Units” and “Value” gives “2026 Q1
    Units” and “2026 Q1 Value”. Where `spans` does not tell what is merged, as in a text file, a cell of the upper
    row reaches to the next one that is filled, and the rows count as one header only if the lower one repeats
    names or leaves columns to the upper one.
    """
    if place + 1 >= min(len(rows), HEADER_SEARCH_ROWS):
        return None
    width = max(len(rows[place]), len(rows[place + 1]))
    upper, lower = (
        [*(cell.strip().removeprefix("\ufeff") for cell in row), *[""] * (width - len(row))]
        for row in rows[place : place + 2]
    )
    if sum(map(bool, upper)) < 2 or any(_A_VALUE.fullmatch(cell) for cell in lower):
        return None
    over = list(upper)
    if spans is not None:
        for left, right in spans.get(place, ()):
            for column in range(left + 1, min(right + 1, width)):
                over[column] = upper[left]
    else:
        for column in range(1, width):
            # What stands over nothing is a header of its own and reaches no further.
            if not upper[column] and lower[column] and lower[column - 1]:
                over[column] = over[column - 1]
    carried = sum(bool(over[column] and lower[column] and not upper[column]) for column in range(width))
    named = [header_key(cell) for cell in lower if cell]
    repeats = len(set(named)) < len(named)
    alone = sum(bool(upper[column] and not lower[column]) for column in range(width))
    if not carried or (spans is None and not repeats and not alone):
        return None
    return [" ".join(filter(None, pair)) for pair in zip(over, lower, strict=True)]


def find_header(
    rows: Sequence[Sequence[str]], columns: Sequence[ColumnOrder], spans: Spans | None = None
) -> FoundHeader | None:
    """Return the row, among the first, that holds most of the mapped headers; the earliest of equals.

    None where every row is blank. Blank rows count, so that `index` is a place in the file. Two rows that are
    one header together are tried where no row by itself holds all.
    """
    best: FoundHeader | None = None
    for index, row in enumerate(rows[:HEADER_SEARCH_ROWS]):
        found = _matched(index, index, row, columns)
        if found is not None and (best is None or len(found.missing) < len(best.missing)):
            best = found
            if not found.missing:
                return found
    for place in range(len(rows[:HEADER_SEARCH_ROWS])):
        joined = joined_header(rows, place, spans)
        found = None if joined is None else _matched(place + 1, place, joined, columns)
        if found is not None and (best is None or len(found.missing) < len(best.missing)):
            best = found
    return best


def _matched(index: int, top: int, row: Sequence[str], columns: Sequence[ColumnOrder]) -> FoundHeader | None:
    header = [cell.strip().removeprefix("\ufeff") for cell in row]
    while header and not header[-1]:
        header.pop()
    if not header:
        return None
    keys = [header_key(cell) for cell in header]
    positions: dict[str, int] = {}
    missing: list[ColumnOrder] = []
    doubled: list[str] = []
    for column in columns:
        if column.header is None:
            continue
        key = header_key(column.header)
        if key not in keys:
            if not column.optional:
                missing.append(column)
            continue
        positions[column.name] = keys.index(key)
        if keys.count(key) > 1:
            doubled.append(column.header)
    return FoundHeader(index, top, header, len(row), positions, missing, doubled)


@dataclass(frozen=True)
class LikelyHeader:
    """A header that nothing but its looks tells: its cells, its (lower) row's place and its upper row's."""

    index: int
    top: int
    header: list[str]


def look_for_header(
    rows: Sequence[Sequence[str]], known: Collection[str] = (), spans: Spans | None = None
) -> LikelyHeader:
    """Return the likely header, of two rows where they are one together. At least one row must hold something."""
    place = likely_header(rows, known)
    _, hits = _most_known(rows, known)
    keys = {header_key(one) for one in known}
    for top in range(place + 1):
        joined = joined_header(rows, top, spans)
        if joined is None or top + 1 < place:
            continue
        if hits > 1 and len(keys & {header_key(cell) for cell in joined}) <= hits:
            continue
        return LikelyHeader(top + 1, top, joined)
    return LikelyHeader(place, place, [cell.strip().removeprefix("\ufeff") for cell in rows[place]])


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


def check_header(
    found: FoundHeader | None, sheet: str | None, max_columns: int, first_row: int = 1
) -> FoundHeader:
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
            row=first_row + found.index,
            sheet=sheet,
            found=[cell[:60] for cell in found.header[:30]],
        )
    if found.doubled:
        raise FileRefused("doubled_column", header=found.doubled[0], row=first_row + found.index, sheet=sheet)
    return found
