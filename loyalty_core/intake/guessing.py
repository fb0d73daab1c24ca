"""What a file's columns seem to hold, as a first answer for a person to confirm or correct."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from difflib import SequenceMatcher

from loyalty_core.intake.mapping import ColumnKind, ColumnMapping, DatasetColumns, header_key

DATE_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%Y%m%d",
)
_ALIKE = 0.84


@dataclass(frozen=True, slots=True)
class MappingGuess:
    """What a file seems to hold: `columns` from canonical column to header, and how its cells are written.

    `known` is a mapping that names only headers of this file, None where there is none; then the other fields
    are that mapping's.
    """

    columns: Mapping[str, str]
    date_formats: tuple[str, ...]
    decimal_separator: str
    thousands_separator: str | None
    known: ColumnMapping | None


def guess_mapping(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    dataset_columns: DatasetColumns,
    known: Iterable[ColumnMapping] = (),
) -> MappingGuess:
    """Guess what the columns of a file hold, from its header and its first rows.

    The known mapping that explains most headers of the file wins; else each canonical column takes the header
    that is called like it.
    """
    spelled = {header_key(name): name for name in reversed(header) if name.strip()}
    fitting = [
        one
        for one in known
        if one.dataset == dataset_columns.name
        and all(header_key(name) in spelled for name in one.columns.values())
    ]
    if fitting:
        best = max(fitting, key=lambda one: len(one.columns))
        columns = {column: spelled[header_key(name)] for column, name in best.columns.items()}
        return MappingGuess(
            columns, best.date_formats, best.decimal_separator, best.thousands_separator, best
        )
    columns = _columns_by_name(spelled, dataset_columns)
    columns |= _dates_by_content(header, rows, dataset_columns, columns)
    cells = {
        column: [row[place] for row in rows if place < len(row) and row[place].strip()]
        for column, name in columns.items()
        for place in [list(header).index(name)]
    }
    kinds = {column.name: column.kind for column in dataset_columns.columns}
    dates = [
        cell for column, found in cells.items() if kinds[column] is ColumnKind.TIMESTAMP for cell in found
    ]
    numbers = [
        cell for column, found in cells.items() if kinds[column] is ColumnKind.NUMBER for cell in found
    ]
    decimal, thousands = _separators(numbers)
    return MappingGuess(columns, _date_formats(dates), decimal, thousands, None)


def _columns_by_name(spelled: Mapping[str, str], dataset_columns: DatasetColumns) -> dict[str, str]:
    free = dict(spelled)
    columns: dict[str, str] = {}
    wanted = {
        column.name: [header_key(name.replace("_", " ")) for name in (column.name, *column.also_called)]
        for column in dataset_columns.columns
    }
    bare = {key: _letters(key) for key in free}
    for column, names in wanted.items():
        found = next((key for name in names for key in free if bare[key] == _letters(name)), None)
        if found is not None:
            columns[column] = free.pop(found)
    for column, names in wanted.items():
        if column in columns or not free:
            continue
        likeness, key = max(
            (SequenceMatcher(None, bare[key], _letters(name)).ratio(), key) for key in free for name in names
        )
        if likeness >= _ALIKE:
            columns[column] = free.pop(key)
    return columns


def _dates_by_content(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    dataset_columns: DatasetColumns,
    taken: Mapping[str, str],
) -> dict[str, str]:
    """Return, for date columns without a header, the first free one whose cells are all dates."""
    wanted = [
        column.name
        for column in dataset_columns.columns
        if column.kind is ColumnKind.TIMESTAMP and column.name not in taken
    ]
    found: dict[str, str] = {}
    for place, name in enumerate(header):
        cells = [row[place] for row in rows if place < len(row) and row[place].strip()]
        is_free = name.strip() and name not in taken.values()
        if wanted and is_free and cells and all(reads_date(cell, DATE_FORMATS) for cell in cells):
            found[wanted.pop(0)] = name
    return found


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def _date_formats(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the formats that read every sample; where none does, those that read some."""
    counts = {one: sum(reads_date(cell, (one,)) for cell in cells) for one in DATE_FORMATS}
    best = max(counts.values(), default=0)
    return tuple(one for one, count in counts.items() if count == best)[:1] if best else DATE_FORMATS[:3]


def _separators(cells: Sequence[str]) -> tuple[str, str | None]:
    """Return decimal and thousands separator: the sign that stands last in a number is the decimal one."""
    for cell in cells:
        signs = re.findall(r"[.,]", cell)
        if len(set(signs)) == 2:
            return signs[-1], signs[0]
    if any(re.search(r",\d{1,2}$|,\d{4,}$", cell.strip()) for cell in cells):
        return ",", None
    return ".", None


def reads_date(cell: str, formats: Iterable[str]) -> bool:
    """Whether one of the strptime formats reads the cell."""
    for one in formats:
        try:
            datetime.strptime(cell.strip(), one)  # noqa: DTZ007 only whether it can be read is asked
        except ValueError:
            continue
        return True
    return False


def reads_number(cell: str, decimal_separator: str, thousands_separator: str | None) -> bool:
    """Whether the cell is a number in this way of writing."""
    text = cell.strip().replace("\u00a0", " ")
    if thousands_separator:
        text = text.replace(thousands_separator, "")
    try:
        return Decimal(text.replace(decimal_separator, ".")).is_finite()
    except InvalidOperation:
        return False
