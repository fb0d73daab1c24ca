"""What the page of one import says of its pace and its result."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from streamlit.testing.v1 import AppTest

from laurel.registers import DATASETS
from loyalty_core import access, intake
from loyalty_core.access import Role
from loyalty_core.intake import FileImport, ImportState, Phase, WaitsFor, store
from loyalty_core.kernel import new_id, now
from tests.access.people import EVERYTHING, PASSWORD
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.world import COMMAND_LINE, MAPPING, World
from ui.import_facts import result_line
from ui.import_progress import pace_of, progress_text


def found_import(world: World) -> FileImport:
    with world.database.snapshot(COMMAND_LINE) as connection:
        return intake.find_imports(connection, limit=1)[0]


def test_the_pace_of_an_import_is_told_from_its_row_alone(world: World) -> None:
    moment = now()
    running = replace(
        found_import(world),
        state=ImportState.RUNNING,
        phase=Phase.PARSE,
        phase_rows=200_000,
        rows_expected=1_000_000,
        started_at=moment - timedelta(seconds=11),
        phase_started_at=moment - timedelta(seconds=10),
    )
    alone = pace_of(running, None, moment)
    assert alone.rows_a_second == pytest.approx(20_000)
    assert alone.share == pytest.approx(0.2)
    assert alone.seconds_left == pytest.approx(40)
    assert alone.is_of_phase
    assert progress_text(running, alone) == (
        "Reading the file · 200,000 of about 1,000,000 rows · 20,000 rows a second · about 40 seconds left to read"
    )
    # Files before it took 0.1 ms a row from beginning to end.
    usual = pace_of(running, 0.0001, moment)
    assert usual.seconds_left == pytest.approx(89)
    assert not usual.is_of_phase
    later = pace_of(replace(running, phase=Phase.RULES, phase_rows=0), 0.0001, moment)
    assert later.rows_a_second is None
    assert later.seconds_left == pytest.approx(89)
    late = pace_of(replace(running, phase=Phase.RULES, phase_rows=0), 0.000001, moment)
    assert late.seconds_left is None


def test_the_result_of_an_import_is_said_in_words(world: World) -> None:
    found = replace(
        found_import(world),
        state=ImportState.ACCEPTED,
        rows=1_030,
        accepted=1_000,
        changed=0,
        duplicates=20,
        quarantined=10,
    )
    assert result_line(found) == "1,000 taken in, 20 there already, 10 to fix"
    assert result_line(replace(found, state=ImportState.CHECKED)).startswith("1,000 would be taken in")
    assert result_line(replace(found, changed=3)).startswith("1,000 taken in, 3 of them changes")
    assert result_line(replace(found, state=ImportState.UNDONE)).startswith("1,000 taken back")
    assert result_line(replace(found, state=ImportState.CANCELLED)) == ""
    waiting = replace(found, state=ImportState.WAITING, waits_for=WaitsFor.CHECKS)
    assert result_line(waiting) == "waits: checks failed"


def page_of_import(world: World, import_id: UUID, role: Role = Role.OPERATOR) -> AppTest:
    app = page_of(world, role, page_named("imports"), **{"import": str(import_id)})
    assert not app.exception, app.exception
    return app


def links(app: AppTest) -> dict[str, str]:
    """Every link of the page that leads to another one: its label, and the values that it takes along."""
    return {link.proto.label.replace("\\", ""): link.proto.query_string for link in app.get("page_link")}


def test_rows_are_put_right_only_where_they_can_go_back(world: World) -> None:
    accepted, waiting = page_of_import(world, world.accepted), page_of_import(world, world.held)
    assert links(accepted)["Fix rows"] == f"import={world.accepted}"
    with world.database.snapshot(COMMAND_LINE) as connection:
        assert intake.import_by_id(connection, world.held).quarantined
    assert "Fix rows" not in links(waiting)
    # Who may only look is not sent to put anything right.
    assert "Fix rows" not in links(page_of_import(world, world.accepted, Role.ANALYST))


def test_an_import_leads_to_its_lines_and_each_line_to_its_company_and_row(world: World) -> None:
    query = {"import": str(world.accepted), "view": "Sales lines and points"}
    app = page_of(world, Role.OPERATOR, page_named("imports"), **query)
    assert not app.exception, app.exception
    [frame] = [one for one in app.dataframe if "Points" in one.value]
    rows = frame.value.drop(columns=["Product", "Sold"]).to_numpy().tolist()
    assert rows[0] == [2, "C-100", "INV-1", "4", "€99.60", "+9"]
    # Rows 6 and 7 of the file were put aside.
    assert [row[0] for row in rows] == [2, 3, 4, 5]
    assert [row[-1] for row in rows] == ["+9", "0", "-2", "+24"]
    assert frame.key is not None
    app.session_state[frame.key] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    app.run()
    assert not app.exception, app.exception
    assert links(app)["To the company"] == "company=C-100"
    assert "Show the row in the file" in [button.label for button in app.button]
    # 3.70 is less than a step of 10.00.
    assert "less than the €10.00" in texts(app)
    none = page_of(world, Role.OPERATOR, page_named("imports"), **query, line="INV-77")
    assert "No line matches" in texts(none)


def test_nothing_leads_to_lines_of_an_import_that_brought_none(world: World) -> None:
    app = page_of_import(world, world.held)
    assert "Sales lines and points" not in str([radio.options for radio in app.radio])


def test_an_import_offers_to_be_cancelled_until_its_rows_are_written(world: World) -> None:
    database = world.database
    import_id = intake.start_import(
        database,
        COMMAND_LINE,
        file_id=world.new_file,
        mapping=MAPPING,
        datasets=DATASETS,
        creates_missing=True,
        request_key=new_id(),
        defers=False,
    )
    with database.transaction(COMMAND_LINE) as connection:
        found = store.import_by_id(connection, import_id, lock=True)
        moment = now()
        store.move_import(
            connection,
            found,
            ImportState.RUNNING,
            started_at=moment,
            phase=Phase.RULES.value,
            phase_started_at=moment,
        )
    app = page_of_import(world, import_id)
    assert "Cancel the import" in [button.label for button in app.button]
    assert "can't be cancelled any more" not in texts(app)
    with database.transaction(COMMAND_LINE) as connection:
        store.update_import(connection, import_id, phase=Phase.INSERT.value)
    app = page_of_import(world, import_id)
    assert "Cancel the import" not in [button.label for button in app.button]
    assert "it can't be cancelled any more. Once it is done, it can be undone." in texts(app)


def test_nobody_is_led_to_uploads_who_may_bring_no_file(world_without_data: World) -> None:
    access.create_user(
        world_without_data.database,
        COMMAND_LINE,
        name=Role.ANALYST.value,
        display_name="Ana Rossi",
        password=PASSWORD,
        roles=[Role.ANALYST],
        grants=EVERYTHING,
    )
    for name in ("imports", "quality", "company"):
        seen = {
            role: page_of(world_without_data, role, page_named(name)) for role in (Role.ADMIN, Role.ANALYST)
        }
        assert not any(app.exception for app in seen.values()), name
        assert "Upload file" in links(seen[Role.ADMIN]), name
        assert "Upload file" not in texts(seen[Role.ANALYST]), name
