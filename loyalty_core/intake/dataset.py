"""What intake needs to know of a dataset; each subdomain supplies its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from loyalty_core.intake.mapping import ColumnMapping, DatasetColumns
from loyalty_core.intake.states import ImportMode
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
    """What a dataset may lean on while it judges and accepts an import's rows.

    `mode` says what good rows do: ADD leaves what is there as it is, UPDATE changes it too. It is never CHECK:
    an import that only looks is judged, and tried out, as the most that the dataset offers, and what that
    wrote is rolled back. `options` is what the person said of the file (see `start_import`). With `is_repair` the
    rows are some of those that the import put aside, corrected: its other rows are facts already, and `accept` tells
    the net amounts of all of them.
    """

    import_id: UUID
    mapping: ColumnMapping
    creates_missing: bool
    scope: Scope
    recorded_at: datetime
    mode: ImportMode = ImportMode.ADD
    options: Mapping[str, Any] = field(default_factory=dict)
    is_repair: bool = False


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How many rows became facts, how many were there already, and their net amounts by currency, in minor
    units.

    `changed` is how many of the accepted rows changed what was there; the others added something. `evidence` goes
    into the audit's record, for a check to compare what stands there with.
    """

    accepted: int
    duplicates: int
    net_minor: Mapping[str, int]
    changed: int = 0
    evidence: Mapping[str, Any] = field(default_factory=dict)


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

    @property
    def modes(self) -> frozenset[ImportMode]:
        """What an import of such a file may do; facts know no UPDATE."""

    @property
    def example_rows(self) -> Sequence[Mapping[str, str]]:
        """Two rows for the template: canonical column to cell, as a person writes it."""

    def reason_text(self, reason: str) -> str:
        """Say in words what a reason of `judge` or `accept` means and what to do about it."""

    def judge(self, connection: Connection, staging: Staging, context: ImportContext) -> None:
        """Put every bad row with all its reasons into the staging's table of reasons."""

    def list_changes(self, connection: Connection, staging: Staging, context: ImportContext) -> None:
        """Put what the good rows would add and change into `import_change`, as an UPDATE would do it.

        Called after `judge`, in imports that may change things and in those that only look. A row of the table
        is one field with its value before and after; a record that is new has one row without a field. Writes
        nothing else. Facts have nothing to list.
        """

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
