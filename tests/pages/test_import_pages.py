"""What the page of one import says of its pace and its result."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core import intake
from loyalty_core.access import Role
from loyalty_core.intake import FileImport, ImportState, Phase, WaitsFor
from loyalty_core.kernel import now
from tests.pages.test_every_page import page_named, page_of
from tests.pages.world import COMMAND_LINE, World
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
    assert result_line(found) == "1,000 taken in, 20 there already, 10 put aside"
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
    assert links(accepted)["Put rows right"] == f"import={world.accepted}"
    with world.database.snapshot(COMMAND_LINE) as connection:
        assert intake.import_by_id(connection, world.held).quarantined
    assert "Put rows right" not in links(waiting)
    # Who may only look is not sent to put anything right.
    assert "Put rows right" not in links(page_of_import(world, world.accepted, Role.ANALYST))
