"""What the page of one import shows of an update's changes, and of a file that was only checked."""

import csv

from laurel.registers import DATASETS
from loyalty_core import intake
from loyalty_core.access import Role
from loyalty_core.intake import ColumnMapping, FileImport, ImportMode, ImportState, WaitsFor
from loyalty_core.kernel import new_id
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.world import COMMAND_LINE, World
from ui.keys import key_on

CATALOGUE = ColumnMapping(
    name="catalogue",
    dataset="products",
    columns={"code": "Code", "name": "Name"},
    date_formats=("%Y-%m-%d",),
    time_zone="UTC",
)


def bring_catalogue(world: World, rows: list[tuple[str, str]], mode: ImportMode) -> FileImport:
    path = world.settings.work_folder / "catalogue.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("Code", "Name"), *rows])
    import_id = intake.start_import(
        world.database,
        COMMAND_LINE,
        file_id=intake.receive_local_file(world.database, world.settings, COMMAND_LINE, path),
        mapping=CATALOGUE,
        datasets=DATASETS,
        creates_missing=False,
        request_key=new_id(),
        defers=False,
        mode=mode,
    )
    return intake.run_import(
        world.database, world.settings, import_id, datasets=DATASETS, scope=COMMAND_LINE
    ).found


def test_the_page_of_an_update_shows_each_change_before_and_after_and_asks_for_a_decision(
    world: World,
) -> None:
    bring_catalogue(world, [("Z-1", "Mate")], ImportMode.ADD)
    held = bring_catalogue(world, [("Z-1", "Mate green"), ("Z-2", "Rooibos")], ImportMode.UPDATE)
    assert held.waits_for is WaitsFor.CHANGES
    app = page_of(world, Role.OPERATOR, page_named("imports"), **{"import": str(held.id)})
    assert not app.exception
    seen = texts(app)
    assert "This file would change what is there." in seen
    assert "**1** row changes what is there, **1** is new." in seen
    assert "2,Z-1,Name,Mate,Mate green" in seen
    assert held.sha256 in seen.replace(" ", "")
    assert [button.label for button in app.button if "changes" in button.label] == ["Make these changes"]
    app.selectbox(key=key_on("imports", "changed_field")).set_value(intake.NEW_RECORDS).run()
    assert "3,Z-2,new" in texts(app)
    assert "Mate green" not in texts(app)


def test_the_page_of_a_check_offers_to_import_the_file_now(world: World) -> None:
    found = bring_catalogue(world, [("Z-9", "Chicory")], ImportMode.CHECK)
    assert found.state is ImportState.CHECKED
    app = page_of(world, Role.OPERATOR, page_named("imports"), **{"import": str(found.id)})
    assert not app.exception
    assert "Nothing of it was kept" in texts(app)
    assert "Import this file now" in texts(app)


def test_rows_that_differ_from_what_is_there_lead_to_an_update_that_shows_its_changes(world: World) -> None:
    bring_catalogue(world, [("Y-1", "Linden")], ImportMode.ADD)
    found = bring_catalogue(world, [("Y-1", "Linden blossom"), ("Y-2", "Sage")], ImportMode.ADD)
    assert found.reasons == {"differs_from_known": 1}
    app = page_of(world, Role.OPERATOR, page_named("imports"), **{"import": str(found.id)})
    assert not app.exception
    assert "bring the file again with the choice “Add, and change what is there”" in texts(
        app.selectbox(key=key_on("imports", "reason")).set_value("differs_from_known").run()
    )
    assert "Change what differs" in texts(app)
    next(button for button in app.button if button.label == "Start").click().run()
    with world.database.snapshot(COMMAND_LINE) as connection:
        again = intake.find_imports(connection, limit=1)[0]
    assert (again.mode, again.file_id) == (ImportMode.UPDATE, found.file_id)
    assert again.options == found.options
    # Its reader may only look.
    seen = page_of(world, Role.ANALYST, page_named("imports"), **{"import": str(found.id)})
    assert "Change what differs" not in texts(seen)
