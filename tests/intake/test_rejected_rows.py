"""The file of rejected rows: what a person gets to put right and bring again."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from loyalty_core.intake import FileImport, write_rejected_rows
from loyalty_core.kernel import Database, Scope, Settings
from tests.intake.field import counts, imported, lines, settings_in, write

pytestmark = pytest.mark.xdist_group("intake")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path / "home")


def rejected_cells(
    database: Database, settings: Settings, scope: Scope, found: FileImport, path: Path
) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the CSV of an import's rejected rows."""
    write_rejected_rows(database, settings, scope, found, path, reason_text=str)
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file))
    return header, rows


def written(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_a_rejected_return_that_is_put_right_goes_in(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    rows = [*lines(20), *lines(1, invoice="R", quantity="-5", sold_at="soon")]
    found = imported(committed_database, settings, everything, write(tmp_path / "march.csv", rows))
    assert counts(found) == ("accepted", 20, 0, 1)
    header, [row] = rejected_cells(committed_database, settings, everything, found, tmp_path / "rejected.csv")
    assert row[header.index("quantity")] == "-5"
    row[header.index("sold_at")] = "2026-03-11"
    again = imported(committed_database, settings, everything, written(tmp_path / "again.csv", header, [row]))
    assert counts(again) == ("accepted", 1, 0, 0)
