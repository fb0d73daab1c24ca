"""Files on their whole way in: written, received, read in a child, checked, accepted."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from laurel.registers import DATASETS
from loyalty_core.intake import (
    ColumnMapping,
    FileImport,
    ImportReport,
    receive_local_file,
    run_import,
    start_import,
    write_rejected_rows,
)
from loyalty_core.kernel import Database, Scope, Settings, new_id

HEADER = ("company_code", "region", "invoice_no", "product_code", "sold_at", "quantity", "unit_price")


def mapping_of(source: str = "tills") -> ColumnMapping:
    """Return a mapping of files with HEADER, in euros."""
    return ColumnMapping(
        name=source,
        dataset="sales",
        columns={name: name for name in HEADER},
        date_formats=("%Y-%m-%d",),
        currency="EUR",
        time_zone="Europe/Warsaw",
    )


def lines(count: int, *, invoice: str = "I", **values: str) -> list[Mapping[str, str]]:
    """Return lines of four companies, of which nothing stands out."""
    return [
        {
            "company_code": f"C{number % 4}",
            "region": "North",
            "invoice_no": f"{invoice}{number}",
            "product_code": "P1",
            "sold_at": "2026-03-10",
            "quantity": "2",
            "unit_price": "10.00",
            **values,
        }
        for number in range(count)
    ]


def write(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """Write the rows as CSV and return the path."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    return path


def settings_in(folder: Path) -> Settings:
    """Return settings whose home is the folder."""
    return Settings(home=folder, database_url=None)


def begin(
    database: Database,
    settings: Settings,
    scope: Scope,
    path: Path,
    *,
    source: str = "tills",
    creates: bool = True,
    request_key: UUID | None = None,
) -> UUID:
    """Receive the file and queue its import."""
    return start_import(
        database,
        scope,
        file_id=receive_local_file(database, settings, scope, path),
        mapping=mapping_of(source),
        datasets=DATASETS,
        creates_missing=creates,
        request_key=request_key or new_id(),
        defers=False,
    )


def finish(database: Database, settings: Settings, scope: Scope, import_id: UUID) -> ImportReport:
    """Run the import to its end."""
    return run_import(database, settings, import_id, datasets=DATASETS, scope=scope)


def imported(database: Database, settings: Settings, scope: Scope, path: Path, **choice: Any) -> FileImport:
    """Receive the file, import it, and return how the import ended."""
    return finish(database, settings, scope, begin(database, settings, scope, path, **choice)).found


def counts(found: FileImport) -> tuple[str, int | None, int | None, int | None]:
    """State, accepted, duplicates, quarantined."""
    return found.state.value, found.accepted, found.duplicates, found.quarantined


def rejected_file(
    database: Database, settings: Settings, scope: Scope, found: FileImport, path: Path
) -> tuple[list[str], list[list[str]]]:
    """Write an import's rejected rows as CSV and return their header and rows."""
    write_rejected_rows(database, settings, scope, found, path, reason_text=str)
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file))
    return header, rows


def saved(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    """Write the rows as a spreadsheet program saves CSV and return the path."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path
