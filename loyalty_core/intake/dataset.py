"""What intake needs to know of a dataset; each subdomain supplies its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from loyalty_core.intake.mapping import ColumnMapping, DatasetColumns
from loyalty_core.kernel import Scope


@dataclass(frozen=True, slots=True)
class Staging:
    """The staging tables of one import: its rows, and the reasons of its bad rows."""

    import_id: UUID

    @property
    def table(self) -> str:
        """The table of rows: row_no, sheet, the canonical columns, unreadable."""
        return f"staging.import_{self.import_id.hex}"

    @property
    def bad(self) -> str:
        """The table of reasons: row_no, sheet, reasons text[]; more than one row per bad row may stand in it."""
        return f"{self.table}_bad"

    def sql(self, statement: str) -> TextClause:
        """Return the statement with `{staging}` and `{bad}` replaced by the tables' names.

        The names hold nothing but the import's id; every value stays a bound parameter.
        """
        return text(statement.replace("{staging}", self.table).replace("{bad}", self.bad))


@dataclass(frozen=True, slots=True)
class ImportContext:
    """What a dataset may lean on while it judges and accepts an import's rows."""

    import_id: UUID
    mapping: ColumnMapping
    creates_missing: bool
    scope: Scope
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How many rows became facts, how many were there already, and their net amounts by currency, in minor
    units."""

    accepted: int
    duplicates: int
    net_minor: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FileFigures:
    """What the good rows of a file come to: net amounts by currency, in minor units, and how many companies."""

    net_minor: Mapping[str, int]
    companies: int


class Dataset(Protocol):
    """A kind of file: its columns, how its rows are judged, and how good ones become facts."""

    @property
    def columns(self) -> DatasetColumns:
        """The canonical columns, in the order of staging."""

    def reason_text(self, reason: str) -> str:
        """Say in words what a reason of `judge` or `accept` means and what to do about it."""

    def judge(self, connection: Connection, staging: Staging, context: ImportContext) -> None:
        """Put every bad row with all its reasons into the staging's table of reasons."""

    def figures(self, connection: Connection, staging: Staging) -> FileFigures:
        """Add up the judged rows that have no reason against them, for comparison with later files."""

    def accept(self, connection: Connection, staging: Staging, context: ImportContext) -> Acceptance:
        """Make facts of the rows that have no reason against them, inside the caller's transaction.

        May add reasons that only show against the facts already there.
        """


_registered: dict[str, Dataset] = {}


def register_dataset(dataset: Dataset) -> None:
    """Let intake take in files of this dataset; done once, where the whole is put together."""
    _registered[dataset.columns.name] = dataset


def registered_datasets() -> Mapping[str, Dataset]:
    """Return the registered datasets by name."""
    return _registered
