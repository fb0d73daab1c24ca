"""What a file's columns seem to hold: as a source that is known does it, or else as headers and cells look."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice

from sqlalchemy import Connection

from loyalty_core.intake.cells import (
    DecimalSign,
    GroupSign,
    currency_beside,
    date_formats,
    is_currency_code,
    looks_like_date,
    looks_like_number,
    number_signs,
    reads_date,
    reads_number,
)
from loyalty_core.intake.mapping import ColumnKind, ColumnMapping, DatasetColumn, DatasetColumns, header_key
from loyalty_core.intake.names import likeness

SURE_ENOUGH = 0.5
"""Below this confidence a header is not suggested at all."""

BY_CONTENT = 0.5
"""How sure one is of a column that only its cells speak for."""

_NEAR = 0.2
_CLEARLY = 0.05
_MOSTLY = 0.8
_MOST_CELLS_LOOKED_UP = 200
_LONGEST_CODE = 100

KnownCodes = Mapping[str, Collection[str]]
"""Which of a file's cells are codes of what is known, by kind: company, product, participant, region."""

# Whose codes a canonical column holds.
_CODES_IN = {
    "company_code": "company",
    "distributor_code": "company",
    "product_code": "product",
    "participant_code": "participant",
    "region": "region",
    "region_code": "region",
    "outlet_code": "outlet",
    "programme_code": "programme",
}

_lookups: dict[str, Callable[[Connection, Collection[str]], Collection[str]]] = {}


def register_codes(kind: str, lookup: Callable[[Connection, Collection[str]], Collection[str]]) -> None:
    """Let guesses ask which of some cells are codes of this kind; done once, where the whole is put together."""
    _lookups[kind] = lookup


def known_codes(connection: Connection, rows: Sequence[Sequence[str]]) -> KnownCodes:
    """Return which cells of a file's first rows are codes that are known in the connection's scope."""
    cells: dict[str, None] = {}
    for place in range(max(map(len, rows), default=0)):
        column = dict.fromkeys(row[place].strip() for row in rows if place < len(row))
        cells |= dict.fromkeys(
            islice((one for one in column if 0 < len(one) <= _LONGEST_CODE), _MOST_CELLS_LOOKED_UP)
        )
    if not cells:
        return {}
    return {kind: frozenset(lookup(connection, list(cells))) for kind, lookup in _lookups.items()}


@dataclass(frozen=True)
class MappingSuggestion:
    """A guess for the person to confirm.

    `mapping` is complete where every required column was found, else None; `columns` holds what was found,
    and `confidence` how sure the guess is of each, from 0 to 1. `missing` are required columns without one,
    `nearest` the header that came nearest to each of them, where any did.
    """

    mapping: ColumnMapping | None
    columns: Mapping[str, str]
    confidence: Mapping[str, float]
    missing: tuple[str, ...]
    nearest: Mapping[str, str]
    decimal_separator: DecimalSign
    thousands_separator: GroupSign | None
    date_formats: tuple[str, ...]
    currency: str | None


@dataclass(frozen=True, slots=True)
class MappingGuess:
    """What a file seems to hold: `columns` from canonical column to header, and how its cells are written.

    `known` is a mapping that names only headers of this file, None where there is none; then the other fields
    are that mapping's, but for dates and numbers that it could not read.
    """

    columns: Mapping[str, str]
    date_formats: tuple[str, ...]
    decimal_separator: str
    thousands_separator: str | None
    known: ColumnMapping | None
    confidence: Mapping[str, float] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    nearest: Mapping[str, str] = field(default_factory=dict)
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class _FileColumn:
    """One column of the file: how its first cells look, each a share from 0 to 1."""

    place: int
    header: str
    cells: tuple[str, ...]
    dates: float
    numbers: float
    currencies: float
    codes: Mapping[str, float]


def _columns_of(
    headers: Sequence[str], rows: Sequence[Sequence[str]], codes: KnownCodes
) -> list[_FileColumn]:
    found = []
    for place, header in enumerate(headers):
        cells = tuple(row[place].strip() for row in rows if place < len(row) and row[place].strip())
        different = set(cells)

        def part(holds: Iterable[bool], cells: Collection[str] = cells) -> float:
            return sum(holds) / len(cells) if cells else 0.0

        found.append(
            _FileColumn(
                place,
                header,
                cells,
                dates=part(map(looks_like_date, cells)),
                numbers=part(map(looks_like_number, cells)),
                currencies=part(map(is_currency_code, cells)),
                codes={
                    kind: len(different & set(known)) / len(different) if different else 0.0
                    for kind, known in codes.items()
                },
            )
        )
    return found


def _content_fits(column: DatasetColumn, file_column: _FileColumn) -> float:
    """Tell how far the cells are of the column's kind, 0 to 1; 0.5 where that says nothing."""
    if not file_column.cells:
        return 0.5
    if column.kind is ColumnKind.NUMBER:
        return file_column.numbers
    if column.kind is ColumnKind.TIMESTAMP:
        return file_column.dates
    if column.name == "currency":
        return file_column.currencies
    return 0.5 * (1 - file_column.dates)


def _score(column: DatasetColumn, file_column: _FileColumn, most_known: Mapping[str, float]) -> float:
    """Tell how likely the file's column is the canonical one; above 1 where all speaks for it."""
    named = likeness(file_column.header, column)
    content = _content_fits(column, file_column)
    # A wrong kind rules a column out, a right one only supports the name.
    telling = column.kind is not ColumnKind.TEXT or column.name == "currency"
    score = named * (0.4 + 0.6 * content) if telling else named * (0.8 + 0.4 * content)
    kind = _CODES_IN.get(column.name)
    share = file_column.codes.get(kind, 0.0) if kind else 0.0
    if share >= BY_CONTENT:
        # Cells that are known codes say it whatever the header is; between two such columns the name decides.
        return max(score, 0.55 + 0.25 * share) + 0.3 * named
    if kind and share < _NEAR and most_known.get(kind, 0.0) >= _MOSTLY:
        # Another column of the file holds what this one is taken for.
        return score * 0.6
    return score


def suggest_mapping(
    headers: Sequence[str],
    sample_rows: Sequence[Sequence[str]],
    dataset_columns: DatasetColumns,
    *,
    name: str = "suggested",
    currency: str | None = None,
    time_zone: str = "UTC",
    codes: KnownCodes | None = None,
) -> MappingSuggestion:
    """Guess which header fills which column, by how names and the first rows' cells look.

    Each header fills one column, the likeliest pairs first. `sample_rows` are rows as `preview_file` gives
    them, `codes` what `known_codes` found among them. Where no column tells the currency and the caller does
    not either, it is the one whose sign stands beside the amounts, if any.
    """
    file_columns = _columns_of(headers, sample_rows, codes or {})
    most_known = {kind: max((one.codes[kind] for one in file_columns), default=0.0) for kind in (codes or {})}
    scores = [
        (_score(column, one, most_known), -one.place, column.name)
        for one in file_columns
        if one.header.strip()
        for column in dataset_columns.columns
    ]
    columns: dict[str, str] = {}
    confidence: dict[str, float] = {}
    taken: dict[str, _FileColumn] = {}

    def take(column_name: str, file_column: _FileColumn, score: float) -> None:
        columns[column_name] = file_column.header
        confidence[column_name] = round(min(score, 1.0), 2)
        taken[column_name] = file_column

    for score, negative_place, column_name in sorted(scores, reverse=True):
        if score < SURE_ENOUGH:
            break
        if column_name not in columns and -negative_place not in {one.place for one in taken.values()}:
            take(column_name, file_columns[-negative_place], score)
    likely = {(column_name, -negative_place): score for score, negative_place, column_name in scores}
    for one, other in _better_swapped(taken, likely):
        mine, its = taken[one], taken[other]
        take(one, its, likely[one, its.place])
        take(other, mine, likely[other, mine.place])
    for column in dataset_columns.columns:
        if column.required and column.name not in columns:
            left = [
                one
                for one in file_columns
                if one.header.strip() and one.place not in {other.place for other in taken.values()}
            ]
            found = _only_one_by_content(column, left, columns)
            if found is not None:
                take(column.name, found, BY_CONTENT)
    kinds = {column.name: column.kind for column in dataset_columns.columns}
    numbers = [one for name_, one in taken.items() if kinds[name_] is ColumnKind.NUMBER]
    times = [one for name_, one in taken.items() if kinds[name_] is ColumnKind.TIMESTAMP]
    decimal, thousands = number_signs(cell for one in numbers for cell in one.cells)
    formats = date_formats([cell for one in times for cell in one.cells]) or ("%Y-%m-%d",)
    if currency is None and "currency" in dataset_columns.names and "currency" not in columns:
        currency = currency_beside(text for one in numbers for text in (one.header, *one.cells))
    filled = set(columns) | ({"currency"} if currency else set())
    missing = tuple(one.name for one in dataset_columns.columns if one.required and one.name not in filled)
    mapping = None
    if columns and not missing:
        mapping = ColumnMapping(
            name=name,
            dataset=dataset_columns.name,
            columns=columns,
            decimal_separator=decimal,
            thousands_separator=thousands,
            date_formats=formats,
            currency=currency,
            time_zone=time_zone,
        )
    nearest = {
        column_name: file_columns[place].header
        for column_name, place in _nearest(scores, missing, taken).items()
    }
    return MappingSuggestion(
        mapping, columns, confidence, missing, nearest, decimal, thousands, formats, currency
    )


def _better_swapped(
    taken: Mapping[str, _FileColumn], likely: Mapping[tuple[str, int], float]
) -> Iterator[tuple[str, str]]:
    """Yield pairs of canonical columns that are likelier with each other's file column, while there are any.

    `taken` is to be swapped before the next pair is asked for. “Customer” is the best name for a company's
    code, yet beside “Customer code” it is the company's name. Each swap makes the whole likelier, so it ends.
    """
    again = True
    while again:
        again = False
        for one, other in combinations(list(taken), 2):
            mine, its = taken[one].place, taken[other].place
            swapped = (likely[one, its], likely[other, mine])
            if (
                min(swapped) >= SURE_ENOUGH
                and sum(swapped) > likely[one, mine] + likely[other, its] + _CLEARLY
            ):
                again = True
                yield one, other


def _only_one_by_content(
    column: DatasetColumn, left: Sequence[_FileColumn], columns: Collection[str]
) -> _FileColumn | None:
    """Return the one column left whose cells can be nothing else, None where none or several can."""
    if column.kind is ColumnKind.TIMESTAMP:
        fitting = [one for one in left if one.dates >= _MOSTLY]
    elif column.name == "currency":
        fitting = [one for one in left if one.currencies >= _MOSTLY]
    elif column.kind is ColumnKind.NUMBER and (column.name == "quantity" or "quantity" in columns):
        fitting = [
            one
            for one in left
            if one.numbers >= _MOSTLY
            and one.dates < _NEAR
            and (column.name != "quantity" or any(_is_small_and_whole(cell) for cell in one.cells))
            and not any(_looks_like_code(cell) for cell in one.cells)
        ]
    else:
        return None
    return fitting[0] if len(fitting) == 1 else None


def _is_small_and_whole(cell: str) -> bool:
    return cell.lstrip("-").isdigit() and len(cell) < 5


def _looks_like_code(cell: str) -> bool:
    return len(cell) > 1 and cell.startswith("0") and cell.isdigit()


def _nearest(
    scores: Iterable[tuple[float, int, str]], missing: Collection[str], taken: Mapping[str, _FileColumn]
) -> dict[str, int]:
    used = {one.place for one in taken.values()}
    best: dict[str, tuple[bool, float, int]] = {}
    for score, negative_place, column_name in scores:
        if column_name in missing and score >= _NEAR:
            # A column that holds nothing yet is nearer than one that is taken for something else.
            candidate = (-negative_place not in used, score, negative_place)
            best[column_name] = max(best.get(column_name, candidate), candidate)
    return {column_name: -place for column_name, (_free, _score, place) in best.items()}


def guess_mapping(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    dataset_columns: DatasetColumns,
    known: Iterable[ColumnMapping] = (),
    *,
    codes: KnownCodes | None = None,
    is_text: bool = True,
) -> MappingGuess:
    """Guess what the columns of a file hold, from its header and its first rows.

    The known mapping that explains most headers of the file wins, the last of equals; else `suggest_mapping`
    says. Where the known one's dates or numbers don't read the first rows of a text file, the way that does
    is taken; a workbook's cells say themselves what they are, so with `is_text` False nothing is doubted.
    """
    spelled = {header_key(name): name for name in reversed(header) if name.strip()}
    fitting = [
        one
        for one in known
        if one.dataset == dataset_columns.name
        and all(header_key(name) in spelled or column in one.optional for column, name in one.columns.items())
    ]
    if not fitting:
        seen = suggest_mapping(header, rows, dataset_columns, codes=codes)
        return MappingGuess(
            seen.columns,
            seen.date_formats,
            seen.decimal_separator,
            seen.thousands_separator,
            None,
            seen.confidence,
            seen.missing,
            seen.nearest,
            seen.currency,
        )
    best = max(
        reversed(fitting),
        key=lambda one: sum(header_key(name) in spelled for name in one.columns.values()),
    )
    columns = {
        column: spelled[header_key(name)]
        for column, name in best.columns.items()
        if header_key(name) in spelled
    }
    formats, decimal, thousands = best.date_formats, best.decimal_separator, best.thousands_separator
    if is_text:
        cells = _cells_by_kind(header, rows, dataset_columns, columns)
        dates, numbers = cells[ColumnKind.TIMESTAMP], cells[ColumnKind.NUMBER]
        if not _mostly(reads_date(cell, formats) for cell in dates):
            formats = tuple(dict.fromkeys([*date_formats(dates), *formats]))
        if not _mostly(reads_number(cell, decimal, thousands) for cell in numbers):
            decimal, thousands = number_signs(numbers)
    return MappingGuess(
        columns,
        formats,
        decimal,
        thousands,
        best,
        confidence=dict.fromkeys(columns, 1.0),
        currency=best.currency,
    )


def _cells_by_kind(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    dataset_columns: DatasetColumns,
    columns: Mapping[str, str],
) -> dict[ColumnKind, list[str]]:
    kinds = {column.name: column.kind for column in dataset_columns.columns}
    cells: dict[ColumnKind, list[str]] = {kind: [] for kind in ColumnKind}
    for column, name in columns.items():
        place = list(header).index(name)
        cells[kinds[column]] += [row[place] for row in rows if place < len(row) and row[place].strip()]
    return cells


def _mostly(holds: Iterable[bool]) -> bool:
    answers = list(holds)
    return sum(answers) >= _MOSTLY * len(answers)


def guess_dataset(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    datasets: Iterable[DatasetColumns],
    known: Iterable[ColumnMapping] = (),
) -> str:
    """Guess which of the datasets a file brings, and return its name.

    The dataset of the known mapping that explains most headers, unless another one explains all of these and more
    with nothing missing: a list of participants has all that one of outlets has. Else the dataset that explains
    most columns, each counted as surely as it is explained, less the required ones that no column holds.
    """
    known, datasets = list(known), list(datasets)
    guesses = {columns.name: guess_mapping(header, rows, columns, known) for columns in datasets}
    missing = {
        columns.name: sum(
            column.required and column.name not in guesses[columns.name].columns for column in columns.columns
        )
        for columns in datasets
    }
    explained = {name: frozenset(guess.columns.values()) for name, guess in guesses.items()}

    def fits(columns: DatasetColumns) -> tuple[int, float]:
        name = columns.name
        is_part_of_another = any(
            explained[name] < explained[other] and not missing[other] for other in guesses if other != name
        )
        by_known = guesses[name].known is not None and not is_part_of_another
        return (
            len(guesses[name].columns) if by_known else 0,
            sum(guesses[name].confidence.values()) - missing[name],
        )

    return max(datasets, key=fits).name
