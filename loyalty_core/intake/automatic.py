"""The best guess of a file's mapping, taken without a person who looks at it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from loyalty_core.intake import store
from loyalty_core.intake.commands import stored_path
from loyalty_core.intake.guessing import guess_mapping, known_codes
from loyalty_core.intake.mapping import (
    ColumnMapping,
    DatasetColumns,
    header_key,
    load_mapping,
    load_shipped_mapping,
    shipped_mapping_names,
)
from loyalty_core.intake.reading import preview_file
from loyalty_core.intake.sources import saved_mappings
from loyalty_core.kernel import Database, Refusal, Scope, Settings, _

FIRST_ROWS = 200
"""How many rows an automatic guess looks at."""


class MappingNotGuessedError(Refusal):
    """No column of the file could be taken for one that the dataset needs."""

    def __init__(
        self, file_name: str, dataset: str, missing: Sequence[str], nearest: Mapping[str, str]
    ) -> None:
        told = "; ".join(
            _("{column} (“{header}” came nearest)").format(column=name, header=nearest[name])
            if name in nearest
            else _("{column} (no column comes near)").format(column=name)
            for name in missing
        )
        super().__init__(
            _(
                "“{file}” lacks columns that {dataset} need: {told}. Name them in a mapping of your own, or rename "
                "them in the file, and try again."
            ).format(file=file_name, dataset=dataset, told=told)
        )
        self.missing = tuple(missing)
        self.nearest = dict(nearest)


class CurrencyNotGuessedError(Refusal):
    """Nothing in the file says in which currency its amounts are."""

    def __init__(self, file_name: str) -> None:
        super().__init__(
            _(
                "Nothing in “{file}” says in which currency its amounts are. Name it, as in --currency EUR, and "
                "try again."
            ).format(file=file_name)
        )


@dataclass(frozen=True, slots=True)
class UnderstoodColumn:
    """What a canonical column was taken from, and how sure that is, from 0 to 1."""

    column: str
    header: str
    confidence: float


@dataclass(frozen=True, slots=True)
class GuessedFile:
    """The mapping that was taken, what it takes each column for, and the headers that it leaves unused."""

    mapping: ColumnMapping
    columns: tuple[UnderstoodColumn, ...]
    unused: tuple[str, ...]


def find_mapping(database: Database, scope: Scope, name_or_path: str, dataset: str) -> ColumnMapping:
    """Return the mapping of this name that is saved for the dataset, or ships, or that the file at this path holds.

    A saved one comes before one that ships. Raises UnknownMappingError, MappingFileError.
    """
    if not name_or_path.lower().endswith((".yaml", ".yml")):
        with database.snapshot(scope) as connection:
            for one in saved_mappings(connection, dataset):
                if one.name == name_or_path:
                    return one.body
    return load_mapping(name_or_path)


def known_mappings(saved: Sequence[ColumnMapping], dataset: str | None = None) -> list[ColumnMapping]:
    """Return the mappings that ship, then the saved ones; of one dataset, if named. A saved one replaces its
    namesake."""
    by_name = {
        (one.dataset, one.name): one
        for one in [*(load_shipped_mapping(name) for name in shipped_mapping_names()), *saved]
    }
    return [one for one in by_name.values() if dataset in (None, one.dataset)]


def guess_file(
    database: Database,
    settings: Settings,
    scope: Scope,
    *,
    file_id: UUID,
    columns: DatasetColumns,
    sheet: str | None = None,
    currency: str | None = None,
    time_zone: str | None = None,
) -> GuessedFile:
    """Return the best guess of how a received file's columns fill a dataset's.

    `currency` and `time_zone` say what the file does not; a known source's own hold where they are None. A file
    of an unknown layout gets a mapping named after it, so that files with the same headers are one source.
    Raises MappingNotGuessedError, CurrencyNotGuessedError, FileRefusal, UnknownFileError.
    """
    with database.snapshot(scope) as connection:
        file = store.file_by_id(connection, file_id)
        known = known_mappings([one.body for one in saved_mappings(connection, columns.name)], columns.name)
    preview = preview_file(
        stored_path(settings, file.sha256),
        file.file_name,
        sheet=sheet,
        first_rows=FIRST_ROWS,
        known_headers=frozenset(name for one in known for name in one.columns.values()),
    )
    with database.snapshot(scope) as connection:
        codes = known_codes(connection, preview.rows)
    guess = guess_mapping(
        preview.header, preview.rows, columns, known, codes=codes, is_text=preview.kind == "text"
    )
    if guess.missing:
        raise MappingNotGuessedError(file.file_name, columns.name, guess.missing, guess.nearest)
    told_currency = currency or guess.currency
    if "currency" in columns.names and "currency" not in guess.columns and told_currency is None:
        raise CurrencyNotGuessedError(file.file_name)
    keys = "\n".join(sorted(header_key(name) for name in preview.header))
    mapping = ColumnMapping.model_validate(
        {
            "name": guess.known.name
            if guess.known
            else f"auto-{hashlib.sha256(keys.encode()).hexdigest()[:8]}",
            "dataset": columns.name,
            "columns": dict(guess.columns),
            "decimal_separator": guess.decimal_separator,
            "thousands_separator": guess.thousands_separator,
            "date_formats": guess.date_formats,
            "currency": told_currency,
            "time_zone": time_zone or (guess.known.time_zone if guess.known else "UTC"),
            "encoding": guess.known.encoding if guess.known else None,
        }
    )
    taken = set(guess.columns.values())
    return GuessedFile(
        mapping,
        tuple(
            UnderstoodColumn(name, guess.columns[name], guess.confidence[name])
            for name in columns.names
            if name in guess.columns
        ),
        tuple(name for name in preview.header if name.strip() and name not in taken),
    )
