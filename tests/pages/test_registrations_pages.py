"""Registrations and the people of a company, as those see them who register, decide or assign."""

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core import access, participants
from loyalty_core.access import Role
from loyalty_core.kernel import new_id
from loyalty_core.organisation import CompanyKind
from loyalty_core.participants import ParticipantGroup, ParticipantState
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.world import COMMAND_LINE, World
from tests.participants.deciding import decide_as_shown


def click(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


@pytest.fixture
def waiting(world: World) -> World:
    """A company and a person that wait, once for the module."""
    with world.database.snapshot(COMMAND_LINE) as connection:
        if participants.count_participants(connection, "C-100-1"):
            return world
    participants.register_company(
        world.database,
        COMMAND_LINE,
        code="C-300",
        name="Sava [Trade](https://evil.example)",
        kind=CompanyKind.WHOLESALER,
        region_id=world.region_id("Serbia"),
        request_key=new_id(),
    )
    participants.register_participant(
        world.database,
        COMMAND_LINE,
        company_code="C-100",
        code="C-100-1",
        display_name="Anna Nowak",
        group=ParticipantGroup.WHOLESALER,
        phone="+48 601 234 567",
    )
    return world


def test_the_queue_shows_what_waits_oldest_first_and_nothing_of_another_region(waiting: World) -> None:
    rows = page_of(waiting, Role.OPERATOR, page_named("registrations")).dataframe[0].value
    assert list(rows["Code"]) == ["C-300", "C-100-1"]
    narrowed = page_of(waiting, Role.OPERATOR, page_named("registrations"), kind="People")
    assert list(narrowed.dataframe[0].value["Code"]) == ["C-100-1"]
    head = page_of(waiting, Role.HEAD_OF_SALES, page_named("registrations"))
    assert list(head.dataframe[0].value["Code"]) == ["C-100-1"]
    assert "C-300" not in texts(head)


def test_a_company_is_registered_in_the_own_regions_only(waiting: World) -> None:
    app = click(page_of(waiting, Role.HEAD_OF_SALES, page_named("registrations")), "Register a company…")
    region = next(box for box in app.selectbox if box.label == "Region")
    assert region.options == ["Poland"]
    person = click(page_of(waiting, Role.HEAD_OF_SALES, page_named("registrations")), "Register a person…")
    company = next(box for box in person.selectbox if box.label == "Company")
    assert company.options == ["C-100 (C-100)"]


def test_who_may_not_decide_is_told_who_does(waiting: World) -> None:
    seen = texts(page_of(waiting, Role.SALES, page_named("registrations")))
    assert "An operator approves it." in seen
    assert "approve or reject" not in seen


def test_a_decision_is_shown_with_its_reason_and_its_text_never_links(waiting: World) -> None:
    with waiting.database.snapshot(COMMAND_LINE) as connection:
        company = next(one for one in participants.waiting_companies(connection) if one.code == "C-300")
    decide_as_shown(
        waiting.database, COMMAND_LINE, company_ids=[company.id], approve=False, reason="No such *firm*"
    )
    app = page_of(waiting, Role.OPERATOR, page_named("registrations"), view="Decided")
    markdown = "\n".join(element.value for element in app.markdown)
    assert "\\[Trade\\]\\(https\\:\u2060//evil.example\\)" in markdown
    assert r"No such \*firm\*" in markdown


@pytest.fixture
def taking_part(waiting: World) -> World:
    """The person takes part."""
    with waiting.database.snapshot(COMMAND_LINE) as connection:
        person = participants.participant_by_code(connection, "C-100-1")
    if person.state is ParticipantState.WAITING:
        decide_as_shown(
            waiting.database, COMMAND_LINE, participant_ids=[person.id], approve=True, reason=None
        )
    return waiting


def test_the_people_of_a_company_stand_on_its_page_without_their_numbers(taking_part: World) -> None:
    app = page_of(taking_part, Role.OPERATOR, page_named("company"), company="C-100", view="People")
    assert "Anna Nowak" in texts(app)
    assert "601 234 567" not in texts(app)
    assert "601 234 567" in texts(click(app, "Show contact"))


def test_only_who_decides_registrations_is_offered_to_suspend(taking_part: World) -> None:
    query = {"company": "C-100", "view": "People"}
    operator = click(page_of(taking_part, Role.OPERATOR, page_named("company"), **query), "Suspend…")
    assert "can neither claim nor order" in texts(operator)
    for role in (Role.HEAD_OF_SALES, Role.ANALYST, Role.ADMIN_FINANCE):
        app = page_of(taking_part, role, page_named("company"), **query)
        labels = {button.label for button in app.button}
        assert not labels & {"Suspend…", "Let them sign in…"}
        assert ("Show contact" in labels) == (role is not Role.ADMIN_FINANCE)


def test_a_head_of_sales_says_who_is_responsible_and_others_are_not_asked(waiting: World) -> None:
    app = page_of(waiting, Role.HEAD_OF_SALES, page_named("company"), company="C-100")
    app = click(app, "Change who is responsible…")
    box = next(one for one in app.selectbox if one.label.startswith("Responsible for"))
    assert box.options == ["Nobody", "Head Of Sales", "Sales"]
    sales = access.find_user(waiting.database, COMMAND_LINE, "sales")
    participants.assign_salesperson(waiting.database, COMMAND_LINE, company_code="C-100", user_id=sales.id)
    again = page_of(waiting, Role.HEAD_OF_SALES, page_named("company"), company="C-100")
    assert "Responsible: Sales" in texts(again)
    operator = page_of(waiting, Role.OPERATOR, page_named("company"), company="C-100")
    assert "Change who is responsible…" not in [button.label for button in operator.button]
