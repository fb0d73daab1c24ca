"""What a file's columns seem to hold: as a source that is known does it, or else as headers and cells look."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from loyalty_core.intake.mapping import ColumnMapping, DatasetColumns, header_key, suggest_mapping


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

    The known mapping that explains most headers of the file wins; else `suggest_mapping` says.
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
    seen = suggest_mapping(header, rows, dataset_columns)
    return MappingGuess(
        seen.columns, seen.date_formats, seen.decimal_separator, seen.thousands_separator, None
    )


def guess_dataset(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    datasets: Iterable[DatasetColumns],
    known: Iterable[ColumnMapping] = (),
) -> str:
    """Guess which of the datasets a file brings, and return its name.

    The dataset of the known mapping that explains most headers; else the one of which fewest required columns are
    missing, and among those the one that knows most headers by name, then the one that explains most.
    """
    known, datasets = list(known), list(datasets)

    def fits(columns: DatasetColumns) -> tuple[int, int, int, int]:
        guess = guess_mapping(header, rows, columns, known)
        missing = sum(column.required and column.name not in guess.columns for column in columns.columns)
        by_name = sum(
            header_key(guess.columns.get(column.name, ""))
            in {header_key(name) for name in (column.name, *column.also_called)}
            for column in columns.columns
        )
        return (0 if guess.known is None else len(guess.columns), -missing, by_name, len(guess.columns))

    return max(datasets, key=fits).name


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
