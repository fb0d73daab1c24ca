"""The file of rejected rows: what a person gets to put right and bring again."""

from pathlib import Path

import pytest

from loyalty_core.kernel import Database, Scope, Settings
from tests.intake.field import HEADER, counts, imported, lines, rejected_file, saved, settings_in, write

pytestmark = pytest.mark.xdist_group("intake")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path / "home")


def test_a_rejected_return_that_is_put_right_goes_in(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    rows = [*lines(20), *lines(1, invoice="R", quantity="-5", sold_at="soon")]
    found = imported(committed_database, settings, everything, write(tmp_path / "march.csv", rows))
    assert counts(found) == ("accepted", 20, 0, 1)
    header, [row] = rejected_file(committed_database, settings, everything, found, tmp_path / "rejected.csv")
    assert row[header.index("quantity")] == "-5"
    row[header.index("sold_at")] = "2026-03-11"
    again = imported(committed_database, settings, everything, saved(tmp_path / "again.csv", header, [row]))
    assert counts(again) == ("accepted", 1, 0, 0)


def test_rejected_rows_stand_under_the_header_that_the_import_found(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    plain = write(tmp_path / "plain.csv", [*lines(20), *lines(1, invoice="R", quantity="two")])
    titled = tmp_path / "titled.csv"
    titled.write_text("All,sales,of,our,shops,by,invoice\n" + plain.read_text())
    found = imported(committed_database, settings, everything, titled)
    assert counts(found) == ("accepted", 20, 0, 1)
    header, [row] = rejected_file(committed_database, settings, everything, found, tmp_path / "rejected.csv")
    assert header == [*HEADER, "Row in the file", "What is wrong"]
    assert row[: len(HEADER)] == ["C0", "North", "R0", "P1", "2026-03-10", "two", "10.00"]
    assert row[len(HEADER) :] == ["23", "unreadable_quantity"]


def test_cells_beyond_the_last_column_are_shown_and_complained_of_until_they_are_gone(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    path = write(tmp_path / "march.csv", lines(20))
    # The header ends with a nameless column, which people keep remarks in: only what is right of it is odd.
    rows = [f"{line}," for line in path.read_text().splitlines()]
    path.write_text("\n".join([*rows, "C1,North,R1,P1,2026-03-10,2,10.00,remark,odd,,more", ""]))
    found = imported(committed_database, settings, everything, path)
    assert counts(found) == ("accepted", 20, 0, 1)
    header, [row] = rejected_file(committed_database, settings, everything, found, tmp_path / "rejected.csv")
    assert header == [*HEADER, "", "Row in the file", "What is wrong"]
    assert row[len(HEADER) :] == ["remark", "22", "beyond_last_column", "odd", "", "more"]

    same = imported(committed_database, settings, everything, saved(tmp_path / "same.csv", header, [row]))
    assert same.quarantined == 1
    mended = saved(tmp_path / "mended.csv", header, [row[: len(header)]])
    assert counts(imported(committed_database, settings, everything, mended)) == ("accepted", 1, 0, 0)
