"""The page of quarantine: reasons, rows to put right, what was sent back; and what a table of edits comes to."""

from pathlib import Path

import pytest
from sqlalchemy import text

from laurel.registers import DATASETS
from loyalty_core import intake
from loyalty_core.access import Role
from loyalty_core.intake import FileImport, RowPutAside
from loyalty_core.kernel import Settings, current_runtime, new_id
from tests.intake.field import imported, lines, write
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.world import COMMAND_LINE, World
from ui import quarantine as blocks


def settings_of(world: World) -> Settings:
    del world
    return current_runtime().settings


@pytest.fixture
def march(world: World, tmp_path: Path) -> FileImport:
    """A file of which two rows were put aside."""
    rows = [
        *lines(20, invoice="Q"),
        *lines(1, invoice="bad", quantity="two"),
        *lines(1, invoice="worse", company_code=""),
    ]
    return imported(
        world.database,
        settings_of(world),
        COMMAND_LINE,
        write(tmp_path / f"{new_id()}.csv", rows),
        source="q",
    )


def test_the_page_shows_reasons_and_the_rows_as_they_stand_and_by_number_too(
    world: World, march: FileImport
) -> None:
    for name in (str(march.id), str(march.number)):
        app = page_of(world, Role.OPERATOR, page_named("quarantine"), **{"import": name})
        assert not app.exception
        assert not app.error
        seen = texts(app)
        assert march.file_name in seen
        assert "Change cells, or tick rows" in seen
    reader = page_of(world, Role.ANALYST, page_named("quarantine"), **{"import": str(march.id)})
    assert not reader.exception
    assert "Change cells, or tick rows" not in texts(reader)
    assert "bad0" in texts(reader)


def test_rows_sent_back_are_told_of_and_the_history_names_the_changed_cells(
    world: World, march: FileImport
) -> None:
    repair_id = intake.start_repair(
        world.database,
        COMMAND_LINE,
        import_id=march.id,
        cells={("", 22): {"quantity": "3"}, ("", 23): {"region": "South"}},
        request_key=new_id(),
        defers=False,
    )
    waiting = page_of(world, Role.OPERATOR, page_named("quarantine"), **{"import": str(march.id)})
    assert "being checked" in texts(waiting)
    intake.run_repair(world.database, settings_of(world), repair_id, datasets=DATASETS, scope=COMMAND_LINE)
    app = page_of(
        world,
        Role.OPERATOR,
        page_named("quarantine"),
        **{"import": str(march.id), "view": "What was sent back"},
    )
    assert not app.exception
    assert "1 row accepted, 1 is still wrong." in texts(app)
    with world.database.snapshot(COMMAND_LINE) as connection:
        changes = intake.corrections_of_repair(connection, repair_id, limit=9)
    assert blocks.changes_table(changes) == {
        "Row": ["22", "23"],
        "Column": ["quantity", "region"],
        "Before": ["two", "North"],
        "After": ["3", "South"],
        "By": ["command line"] * 2,
    }


def test_a_table_of_edits_sends_what_was_changed_or_ticked_and_nothing_else() -> None:
    rows = [RowPutAside("", number, ["missing_date"], {}, None, False) for number in (5, 6, 7)]
    names = ("Send", "A")
    before = [["x", "1"], ["y", "2"], ["z", "3"]]
    after: dict[str, list[object]] = {
        blocks.send_column(names): [False, True, False],
        "Send": ["x", "y", "z"],
        "A": ["9", "2", None],
    }
    assert blocks.send_column(names) == "Send ·"
    assert blocks.corrected_rows(rows, names, before, after) == {
        ("", 5): {"A": "9"},
        ("", 6): {},
        ("", 7): {"A": ""},
    }


def test_the_list_names_files_that_rows_are_still_out_of(world: World, march: FileImport) -> None:
    app = page_of(world, Role.OPERATOR, page_named("quarantine"))
    assert march.file_name in texts(app)
    with world.database.transaction(COMMAND_LINE) as connection:
        assert connection.execute(text("select count(*) from file_import")).scalar_one() >= 1
