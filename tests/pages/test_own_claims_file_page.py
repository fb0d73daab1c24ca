"""A participant's file of claims on “My claims”: chosen, looked at, brought in, and what came of each row in words."""

from typing import Any
from uuid import UUID

import pytest
from streamlit.testing.v1 import AppTest

from laurel.tasks import run_import
from loyalty_core import intake, programmes, verification
from loyalty_core.access import Role
from loyalty_core.kernel import new_id
from loyalty_core.verification import Claim
from tests.pages.claim_world import CLUB, add_claims
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.world import COMMAND_LINE, World
from tests.participants.deciding import reinstate_as_shown, suspend_as_shown

HEADER = "Nr faktury;Towar;Ilość;Data sprzedaży"


@pytest.fixture(scope="module", autouse=True)
def claims(world: World) -> dict[str, Claim]:
    return add_claims(world)


def opened(world: World, role: Role = Role.PARTICIPANT, **query: str) -> AppTest:
    app = page_of(world, role, page_named("my-claims"), **query)
    assert not app.exception, app.exception
    return app


def result_of(world: World, import_id: UUID) -> AppTest:
    return opened(world, Role.PARTICIPANT, **{"import": str(import_id)})


def choose(app: AppTest, name: str, data: bytes) -> AppTest:
    chooser: Any = app.get("file_uploader")[0]
    chooser.upload(name, data, "text/csv")
    return app.run()


def press(app: AppTest, label: str) -> AppTest:
    app = next(button for button in app.button if button.label == label).click().run()
    assert not app.exception, app.exception
    return app


def labels(app: AppTest) -> set[str]:
    return {button.label for button in app.button}


def kept(world: World, *lines: str, header: str = HEADER, name: str = "moje.csv") -> str:
    """Keep a file of the participant's and return its id as the page's address names it."""
    file_id = verification.receive_own_claims_file(
        world.database,
        world.settings,
        world.signed_in(Role.PARTICIPANT).scope,
        file_name=name,
        data="\n".join([header, *lines, ""]).encode(),
    )
    return str(file_id)


def brought_in(world: World, app: AppTest) -> AppTest:
    """Press the button, let the worker do its part and return the page of the result."""
    assert not press(app, "Upload it").error
    with world.database.snapshot(COMMAND_LINE) as connection:
        (last,) = intake.find_imports(connection, limit=1)
    run_import(world.database, world.settings, last.id)
    return result_of(world, last.id)


def test_a_file_is_chosen_and_leads_to_the_look_at_it(world: World) -> None:
    assert {"Claim a sale", "Upload file"} <= labels(opened(world))
    app = press(opened(world), "Upload file")
    assert "Up to 2,000 rows and 10 MB" in texts(app)
    assert "“empty.csv” is empty" in texts(choose(app, "empty.csv", b""))
    app = choose(opened(world, file="new"), "mine.csv", f"{HEADER}\nINV-1;P-10;1;02.03.2026\n".encode())
    assert not app.exception, app.exception
    assert "Upload it" in labels(app)
    template = press(opened(world, file="new"), "A template to fill in")
    assert not template.error


def test_what_each_column_was_taken_for_is_shown_and_the_rows_become_claims(world: World) -> None:
    app = opened(
        world,
        file=kept(
            world,
            "INV-1;P-10;3;02.03.2026",
            "INV-1;P-22;2;02.03.2026",
            "INV-1;P-22;2;02.03.2026",
            "INV-7;P-10;wiele;31.02.2026",
            "EXAMPLE-1;P-10;1;02.03.2026",
        ),
    )
    seen = app.dataframe[0].value
    assert list(seen.columns) == ["Row", "Invoice number", "Product code", "Quantity", "Date of sale"]
    assert list(seen["Date of sale"][:2]) == ["2 Mar 2026", "2 Mar 2026"]
    boxes = {box.label: box.value for box in app.selectbox}
    assert (boxes["Quantity"], boxes["Your company (not needed)"]) == ("Ilość", "")
    result = brought_in(world, app)
    said = texts(result)
    assert "2 rows became claims. 2 are approved." in said
    assert "1 row was claimed before, or stands in the file twice." in said
    assert "2 rows were not taken." in said
    assert "**Row 5**  :gray[INV-7 · P-10]" in said
    assert "The quantity is not a number that can be read. The day of the sale can't be read" in said
    assert "The row is an example of the template." in said
    assert not press(result, "Make a file of these rows").error
    listed = texts(opened(world))
    assert "2 claims, 2 not taken" in listed
    # Nothing of how operators see it.
    assert "own files" not in said + listed
    assert "till" not in said + listed


def test_the_same_file_again_says_so_before_and_after(world: World) -> None:
    lines = ("INV-SAME;P-10;1;02.03.2026",)
    brought_in(world, opened(world, file=kept(world, *lines)))
    app = opened(world, file=kept(world, *lines))
    assert "You brought this same file just now. What became a claim then is not claimed twice." in texts(app)
    assert "Everything in this file was claimed before. Nothing was claimed twice." in texts(
        brought_in(world, app)
    )


def test_a_missing_column_is_named_with_what_came_nearest_and_can_be_chosen(world: World) -> None:
    header = "Nr faktury;Opis;Ilość;Data sprzedaży"
    app = opened(world, file=kept(world, "INV-1;P-77;1;02.03.2026", header=header))
    assert "No column seems to hold the product code." in texts(app)
    refused = press(app, "Upload it")
    assert "No column is chosen for: Product code. Choose one for each." in texts(refused)
    next(box for box in refused.selectbox if box.label == "Product code").select("Nr faktury")
    twice = press(refused.run(), "Upload it")
    assert "“Nr faktury” is chosen for two things" in texts(twice)
    next(box for box in twice.selectbox if box.label == "Product code").select("Opis")
    assert "1 row became a claim." in texts(brought_in(world, twice.run()))


def test_days_that_can_be_read_both_ways_are_asked_about(world: World) -> None:
    app = opened(
        world, file=kept(world, "INV-D;P-10;1;03/04/2026", "INV-E;P-10;1;05/06/2026", name="days.csv")
    )
    asked = next(radio for radio in app.radio if radio.label == "Which day is “03/04/2026”?")
    assert list(app.dataframe[0].value["Date of sale"]) == ["3 Apr 2026", "5 Jun 2026"]
    app = asked.set_value(True).run()
    assert list(app.dataframe[0].value["Date of sale"]) == ["4 Mar 2026", "6 May 2026"]
    assert "2 rows became claims" in texts(brought_in(world, app))


def test_a_column_that_names_others_is_warned_about_before_its_rows_are_turned_away(world: World) -> None:
    header = f"{HEADER};Klient"
    app = opened(
        world,
        file=kept(world, "INV-C;P-10;1;02.03.2026;C-100", "INV-F;P-10;1;02.03.2026;Sklep Ala", header=header),
    )
    assert "“Klient” was taken for “Your company”, and names others than you." in texts(app)
    said = texts(brought_in(world, app))
    assert "1 row became a claim" in said
    assert "The row names another company. You can claim for your own only." in said


def test_files_that_can_t_be_read_or_are_too_long_are_told(world: World) -> None:
    not_a_workbook = verification.receive_own_claims_file(
        world.database,
        world.settings,
        world.signed_in(Role.PARTICIPANT).scope,
        file_name="mine.xlsx",
        data=b"no workbook",
    )
    app = opened(world, file=str(not_a_workbook))
    assert "is not a workbook" in texts(app)
    assert "Upload it" not in labels(app)
    app = opened(world, file=kept(world, *(f"INV-{place};P-10;1;02.03.2026" for place in range(2001))))
    assert "The file has 2,001 rows, and one file may bring 2,000." in texts(app)
    assert "Upload it" not in labels(app)
    assert "has no row below its header" in texts(opened(world, file=kept(world)))


def test_nobody_opens_somebody_elses_file_or_its_result(world: World) -> None:
    app = opened(world, file=str(world.new_file))
    assert "There is no file" in texts(app)
    app = result_of(world, world.accepted)
    assert "There is no import" in texts(app)
    assert "april.csv" not in texts(app)
    assert "There is no import" in texts(result_of(world, new_id()))
    mine = kept(world, "INV-1;P-10;1;02.03.2026")
    # An administrator sees everything, and takes part in nothing.
    assert "Upload it" not in labels(opened(world, Role.ADMIN, file=mine))


def test_who_is_suspended_is_offered_no_file(world: World, claims: dict[str, Claim]) -> None:
    own = claims["agrees"].participant_id
    assert own is not None
    suspend_as_shown(world.database, COMMAND_LINE, own, reason="On leave")
    try:
        app = opened(world, file="new")
        assert not app.get("file_uploader") or "Your file" not in texts(app)
        assert "You can't claim at the moment" in texts(app)
        assert not labels(app) & {"Upload file", "Claim a sale"}
    finally:
        reinstate_as_shown(world.database, COMMAND_LINE, own)


def test_operators_are_not_offered_to_import_a_participants_file_as_one_of_theirs(world: World) -> None:
    scope = world.signed_in(Role.PARTICIPANT).scope
    columns = dict(zip(("invoice_no", "product_code", "quantity", "sold_on"), HEADER.split(";"), strict=True))
    import_id = verification.start_own_claims_file(
        world.database,
        scope,
        file_id=UUID(kept(world, "INV-8;P-10;1;02.03.2026", name="stopped.csv")),
        mapping=intake.ColumnMapping(
            name="own",
            dataset="claims",
            columns=columns,
            date_formats=("%d.%m.%Y",),
            time_zone="UTC",
        ),
        programme_code=None,
        request_key=new_id(),
        defers=False,
    )
    intake.cancel_import(world.database, scope, import_id)
    app = page_of(world, Role.ADMIN, page_named("imports"), **{"import": str(import_id)})
    assert not app.exception, app.exception
    said = texts(app)
    assert "stopped.csv" in said
    assert "Import this file again" not in said


def test_a_browser_whose_time_zone_nobody_knows_brings_a_file_too(world: World) -> None:
    app = opened(world, file=kept(world, "INV-9;P-10;1;02.03.2026", name="zone.csv"))
    app.context = {**app.context, "timezone": "Etc/Unknown"}
    assert "became a claim" in texts(brought_in(world, app.run()))


# Last: from here on two programmes give points for claims.
def test_the_programme_is_asked_for_where_it_is_not_clear(world: World) -> None:
    lines = ("INV-P;P-10;1;02.03.2026",)
    app = opened(world, file=kept(world, *lines))
    assert "Programme" not in {box.label for box in app.selectbox}
    programmes.apply_programme(
        world.database,
        COMMAND_LINE,
        CLUB.replace("code: club", "code: rival").replace("Painters' club", "Rival"),
    )
    app = opened(world, file=kept(world, *lines))
    said = texts(brought_in(world, app))
    assert "Several programmes give points for claims of that day." in said
    app = opened(world, file=kept(world, *lines))
    next(box for box in app.selectbox if box.label == "Programme").select("rival")
    assert "1 row became a claim" in texts(brought_in(world, app.run()))
