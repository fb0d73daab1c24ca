"""What the page of data quality says of a source's files."""

from dataclasses import replace

from loyalty_core import intake
from loyalty_core.access import Role
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.world import COMMAND_LINE, World
from ui.quality import files_table


def test_what_asks_for_a_look_stands_first_and_the_most_usual_reason_is_the_one_of_most_rows(
    world: World,
) -> None:
    with world.database.snapshot(COMMAND_LINE) as connection:
        file = intake.quality_over_time(connection, "sales:till", limit=9)[0]
    # As the database gives them: an object of JSON keeps no order.
    file = replace(file, reasons={"zero_quantity": 2, "missing_company": 7})
    table = files_table([file])
    assert list(table)[:4] == ["File", "Rejected", "Doubts", "Result"]
    assert table["Most usual reason"] == ["No company in the row"]


def test_checks_are_named_by_what_they_mean_in_the_history_of_limits(world: World) -> None:
    intake.set_limits(
        world.database,
        COMMAND_LINE,
        dataset="sales",
        source="sales:till",
        changes={"quarantine_share": {"warn": {"at_most": 0.9}, "stop": None}},
        reason="agreed",
        seen_version=0,
    )
    app = page_of(world, Role.OPERATOR, page_named("quality"), source="till (sales)")
    assert not app.exception, app.exception
    assert "Part of the rows that was rejected" in texts(app)
    assert "quarantine share" not in texts(app)
