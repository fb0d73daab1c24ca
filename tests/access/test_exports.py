"""Cells that start a formula stay text, and an export belongs to one person for a quarter of an hour."""

import csv
import math
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty_core import access
from loyalty_core.access import Permission, Role
from loyalty_core.kernel import Database, NotAllowedError, clock, new_id, write_csv, write_xlsx
from loyalty_core.kernel.exports import Cell
from tests.access.people import COMMAND_LINE, EVERYTHING, somebody

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\r\n"), max_size=20)
TRICKY = st.builds(
    lambda lead, sign, rest: lead + sign + rest,
    st.sampled_from(["", " ", "\u00a0", "\t", "\ufeff", "'"]),
    st.sampled_from(
        ["=", "+", "-", "@", "\t", "\r", "\n", "http://", "mailto:", "internal:", "{=", "=cmd|'/c calc'!A0"]
    ),
    TEXT,
)
NUMBERS = (
    st.integers(-(10**18), 10**18)
    | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=3)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
)
CELLS = st.lists(TRICKY | TEXT | NUMBERS, min_size=1, max_size=6)
ONE_FOLDER = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120, deadline=None
)


@ONE_FOLDER
@given(CELLS)
def test_no_text_of_a_csv_export_starts_a_formula(tmp_path: Path, cells: list[Cell]) -> None:
    path = tmp_path / "rows.csv"
    assert write_csv(path, ["a"] * len(cells), [cells]) == 1
    with path.open(encoding="utf-8-sig", newline="") as file:
        _header, row = list(csv.reader(file))
    for cell, written in zip(cells, row, strict=True):
        if isinstance(cell, str) and re.fullmatch(r"[+-]?[0-9]+([.,][0-9]+)*", cell):
            assert written == cell
        elif isinstance(cell, str):
            assert not written.lstrip(" \u00a0\ufeff").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
            assert written.removeprefix("'") == cell.removeprefix("'")
        else:
            assert Decimal(written) == Decimal(str(cell))


@ONE_FOLDER
@given(CELLS)
def test_no_cell_of_a_workbook_is_a_formula_or_a_link(tmp_path: Path, cells: list[Cell]) -> None:
    path = tmp_path / "rows.xlsx"
    write_xlsx(path, ["a"] * len(cells), [cells])
    with zipfile.ZipFile(path) as parts:
        sheet = ElementTree.fromstring(parts.read("xl/worksheets/sheet1.xml"))
        assert not [name for name in parts.namelist() if "externalLink" in name or "_rels/sheet" in name]
    names = {element.tag.rpartition("}")[2] for element in sheet.iter()}
    assert not names & {"f", "hyperlink", "hyperlinks"}
    written = [cell.value for cell in openpyxl.load_workbook(path)["Data"][2]]
    for cell, value in zip(cells, written, strict=False):
        if isinstance(cell, str):
            assert value is None or isinstance(value, str)
        elif isinstance(value, str):
            assert Decimal(value) == Decimal(str(cell))
        else:
            assert isinstance(cell, int | float | Decimal)
            assert isinstance(value, int | float)
            assert math.isclose(cell, value, rel_tol=1e-14)


def _write(path: Path) -> None:
    write_csv(path, ["company"], [["=1+1"]])


def _make(
    database: Database,
    user: access.SignedInUser,
    folder: Path,
    write: Callable[[Path], None] = _write,
) -> UUID:
    return access.make_export(
        database,
        user,
        folder,
        permission=Permission.EXPORT_STANDINGS,
        file_name="standings.csv",
        media_type=access.CSV,
        write=write,
    )


def test_an_export_is_there_for_its_maker_for_fifteen_minutes(database: Database, tmp_path: Path) -> None:
    user = somebody(database, Role.ANALYST)
    other = somebody(database, Role.ADMIN, name="other")
    moment = datetime.now(UTC)
    with clock.fixed(moment):
        export_id = _make(database, user, tmp_path)
        found = access.fetch_export(database, user, tmp_path, export_id)
        assert found.file_name == "standings.csv"
        assert found.path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(access.ExportGoneError):
            access.fetch_export(database, other, tmp_path, export_id)
    with clock.fixed(moment + timedelta(minutes=15)):
        with pytest.raises(access.ExportGoneError):
            access.fetch_export(database, user, tmp_path, export_id)
        assert access.forget_expired(database, tmp_path) >= 1
    assert list(tmp_path.iterdir()) == []


ANALYST_OF_EVERYTHING: dict[str, Any] = {"roles": [Role.ANALYST], "grants": EVERYTHING}
CHANGES: dict[str, Callable[[Database, UUID], None]] = {
    "other roles": lambda database, user: access.set_roles(database, COMMAND_LINE, user, [Role.ADMIN]),
    "another sight": lambda database, user: access.set_grants(database, COMMAND_LINE, user, []),
    "other rights": lambda database, user: access.set_rights(
        database, COMMAND_LINE, user, roles=[Role.ANALYST], grants=[]
    ),
    "disabled": lambda database, user: access.disable_user(database, COMMAND_LINE, user),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_export_ends_with_the_rights_it_was_made_under(
    database: Database, tmp_path: Path, change: str
) -> None:
    user, other = somebody(database, Role.ANALYST), somebody(database, Role.ANALYST, name="other")
    export_id, export_of_other = _make(database, user, tmp_path), _make(database, other, tmp_path)
    access.set_rights(database, COMMAND_LINE, user.id, **ANALYST_OF_EVERYTHING)
    assert access.fetch_export(database, user, tmp_path, export_id), "nothing has changed yet"
    CHANGES[change](database, user.id)
    with pytest.raises(access.ExportGoneError):
        access.fetch_export(database, user, tmp_path, export_id)
    assert access.fetch_export(database, other, tmp_path, export_of_other)


def test_no_export_is_made_without_the_role(database: Database, tmp_path: Path) -> None:
    user = somebody(database, Role.ANALYST)
    access.set_roles(database, COMMAND_LINE, user.id, [Role.OPERATOR])
    with pytest.raises(NotAllowedError):
        _make(database, user, tmp_path)


def test_no_export_is_made_of_what_is_seen_no_more_when_it_is_written(
    database: Database, tmp_path: Path
) -> None:
    user = somebody(database, Role.ANALYST)

    def write(path: Path) -> None:
        _write(path)
        access.set_grants(database, COMMAND_LINE, user.id, [])

    with pytest.raises(access.ExportGoneError):
        _make(database, user, tmp_path, write)
    assert list(tmp_path.iterdir()) == []


def test_an_export_whose_writing_fails_leaves_nothing(database: Database, tmp_path: Path) -> None:
    user = somebody(database, Role.ANALYST)

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "no space left")

    with pytest.raises(OSError, match="no space left"):
        _make(database, user, tmp_path, fail)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(access.ExportGoneError):
        access.fetch_export(database, user, tmp_path, new_id())
