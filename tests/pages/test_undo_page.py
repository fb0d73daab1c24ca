"""Undoing an import on its page: who may, what is shown before, what stands there after."""

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from loyalty_core import settlement
from loyalty_core.access import Role
from loyalty_core.kernel import Scope
from tests.corrections.test_undo_records import COMPANIES, OUTLETS, taken, update
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.test_rewards_pages import press_in_dialog
from tests.pages.world import World


def import_page(world: World, role: Role) -> AppTest:
    return page_of(world, role, page_named("imports"), **{"import": str(world.accepted)})


def button(app: AppTest, label: str) -> int | None:
    """Return the index of the button with this label, None where there is none."""
    return next((index for index, one in enumerate(app.button) if one.label == label), None)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ANALYST])
def test_only_those_who_may_are_offered_to_undo(world: World, role: Role) -> None:
    app = import_page(world, role)
    assert not app.exception
    assert button(app, "Undo this import") is None


def test_undoing_shows_what_it_touches_and_afterwards_who_did_it(world: World) -> None:
    app = import_page(world, Role.PROGRAMME_MANAGER)
    index = button(app, "Undo this import")
    assert index is not None
    app = app.button[index].click().run()
    assert not app.exception
    seen = texts(app)
    assert "4 sales lines are taken back, each by a line against it." in seen
    assert "Spring points: 31 points go." in seen
    assert "Sales of 2 companies go down by €323.40." in seen
    app.text_area[0].set_value("The file of last year.")
    press_in_dialog(app, "Undo this import", "Undo the import")
    assert not app.exception
    assert not app.error, [one.value for one in app.error]
    settlement.settle_due(world.database)
    after = import_page(world, Role.ANALYST)
    seen = texts(after)
    assert "undid this import on" in seen
    assert "The file of last year." in seen
    assert "Sales went down by €323.40." in seen
    assert button(after, "Undo this import") is None
    assert all(check.ok for check in settlement.check_books(world.database))


def test_undoing_companies_shows_what_goes_what_is_put_back_and_what_stays(world: World) -> None:
    everything = Scope.of_system("test")
    with world.database.transaction(everything) as connection:
        region = connection.execute(text("select code from region order by code limit 1")).scalar_one()
    rows = [{"code": code, "name": "Inn", "region_code": region} for code in ("U1", "U2")]
    taken(world.database, everything, COMPANIES, rows[:1])
    wrong = update(world.database, everything, COMPANIES, {**rows[0], "name": "Bar"}, rows[1])
    outlet = {"company_code": "U2", "code": "O", "name": "Bar"}
    taken(world.database, everything, OUTLETS, [outlet])
    opened = {"import": str(wrong)}
    app = page_of(world, Role.PROGRAMME_MANAGER, page_named("imports"), **opened)
    index = button(app, "Undo this import")
    assert index is not None
    app = app.button[index].click().run()
    assert not app.exception
    seen = texts(app)
    assert "**1** field is as it was before the file." in seen
    assert "**1** is in use: something stands on it." in seen
    app.text_area[0].set_value("The file of last year.")
    press_in_dialog(app, "Undo this import", "Undo the import")
    assert not app.exception
    assert not app.error, [one.value for one in app.error]
    after = page_of(world, Role.ANALYST, page_named("imports"), **opened)
    seen = texts(after)
    assert "What was undone:" in seen
    assert "What stayed:" in seen
    assert all(check.ok for check in settlement.check_books(world.database))
