"""Every page as every role: those who may see what it is for, the others are told why not."""

import ast
from collections.abc import Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from loyalty_core import access
from loyalty_core.access import PERMISSIONS_OF_ROLE, Permission, Role, ScopeGrant, ScopeKind
from loyalty_core.kernel import PROJECT_FOLDER
from tests.access.people import PASSWORD, sign_in
from tests.pages.world import COMMAND_LINE, World
from ui import identity
from ui.registry import PageEntry, pages

PAGES = pages()
SECONDS = 60
NOT_INCLUDED = "Your roles don't include this page. An administrator can give them to you."


def app_of(world: World, role: Role | None, *, theme: str = "light") -> AppTest:
    app = AppTest.from_file(str(PROJECT_FOLDER / "app.py"), default_timeout=SECONDS)
    app.user = {"session": str(world.signed_in(role).session_id)} if role is not None else {}
    app.context = {"theme": theme, "timezone": "Europe/Warsaw", "locale": "en-GB"}
    return app


def page_of(world: World, role: Role, page: PageEntry, **query: str) -> AppTest:
    """Open the page by its address, as from a bookmark: the first page of the session, with nothing before it."""
    app = app_of(world, role)
    # What `switch_page` does, which knows a page's address only after a run, and the first run would draw Home.
    app._page_hash = calc_hash(page.url_path)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def page_named(key: str) -> PageEntry:
    return next(page for page in PAGES if page.key == key)


def texts(app: AppTest) -> str:
    """All that a reader sees, in one text."""

    def every() -> Iterator[str]:
        for kind in ("title", "header", "markdown", "caption", "error", "info", "warning", "success"):
            for element in app.get(kind):
                yield str(getattr(element, "value", ""))
        for metric in app.metric:
            yield f"{metric.label} {metric.value} {metric.delta}"
        for frame in (*app.dataframe, *app.table):
            yield frame.value.to_csv(index=False)

    return "\n".join(every()).replace("\\", "")


def may_open(role: Role, page: PageEntry) -> bool:
    return page.permission in PERMISSIONS_OF_ROLE[role]


ALLOWED = [(role, page) for role in Role for page in PAGES if may_open(role, page)]
# One for each role that there is a page for, and not the same page for all of them.
REFUSED = [
    (role, refused[number % len(refused)])
    for number, role in enumerate(Role)
    if (refused := [page for page in PAGES if not may_open(role, page)])
]


def role_and_page(value: Role | PageEntry) -> str:
    return value.key if isinstance(value, PageEntry) else value.value


def asked_permission(page: PageEntry) -> Permission:
    """Return the permission that the page's script names in its first statement.

    That this is `require(Permission.X)`, `tests/test_house.py` asks of every script in `pages/`.
    """
    tree = ast.parse((PROJECT_FOLDER / page.script).read_text(encoding="utf-8"))
    asked = next(
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "require"
    )
    assert isinstance(asked, ast.Attribute)
    return Permission[asked.attr]


@pytest.mark.parametrize(("role", "page"), ALLOWED, ids=role_and_page)
def test_a_page_opens_for_those_who_may(world: World, role: Role, page: PageEntry) -> None:
    app = page_of(world, role, page)
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    assert len(app.title) == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_a_page_asks_for_the_permission_that_its_menu_entry_needs(page: PageEntry) -> None:
    assert asked_permission(page) is page.permission


class Stopped(Exception):
    """The run of a page ended at its guard."""


def stop() -> None:
    raise Stopped


@pytest.mark.parametrize("role", Role)
def test_the_guard_of_every_page_stops_a_role_that_may_not_open_it_and_no_other(
    world: World, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = world.signed_in(role)
    said: list[str] = []
    monkeypatch.setattr(identity, "current_user", lambda: user)
    monkeypatch.setattr(st, "error", lambda text, **_looks: said.append(text))
    monkeypatch.setattr(st, "stop", stop)
    for page in PAGES:
        said.clear()
        if may_open(role, page):
            assert identity.require(asked_permission(page)) is user, page.key
            assert said == [], page.key
        else:
            with pytest.raises(Stopped):
                identity.require(asked_permission(page))
            assert said == [NOT_INCLUDED], page.key


@pytest.mark.parametrize("role", Role)
def test_the_menu_leads_to_the_pages_that_a_role_may_open_and_to_no_other(world: World, role: Role) -> None:
    app = app_of(world, role).run()
    assert not app.exception
    for page in PAGES:
        if may_open(role, page):
            app.switch_page(page.script)
        else:
            with pytest.raises(ValueError, match="page"):
                app.switch_page(page.script)


@pytest.mark.parametrize(("role", "page"), REFUSED, ids=role_and_page)
def test_the_script_of_a_page_alone_tells_who_may_not_why(world: World, role: Role, page: PageEntry) -> None:
    # The script itself, without the menu in front of it.
    alone = AppTest.from_file(str(PROJECT_FOLDER / page.script), default_timeout=SECONDS)
    alone.user = {"session": str(world.signed_in(role).session_id)}
    alone.run()
    assert [error.value for error in alone.error] == [NOT_INCLUDED]
    assert not alone.title
    assert not alone.dataframe


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_a_page_shows_nothing_to_who_is_not_signed_in(world: World, page: PageEntry) -> None:
    alone = AppTest.from_file(str(PROJECT_FOLDER / page.script), default_timeout=SECONDS)
    alone.user = {}
    alone.run()
    assert [one.value for one in alone.warning] == ["You are signed out. Reload this page to sign in."]
    assert not alone.title


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_a_page_opens_before_there_is_any_data(world_without_data: World, page: PageEntry) -> None:
    app = page_of(world_without_data, Role.ADMIN, page)
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    assert len(app.title) == 1


def test_a_head_of_sales_meets_the_own_region_only(world: World) -> None:
    for key in ("home", "standings", "company"):
        seen = texts(page_of(world, Role.HEAD_OF_SALES, page_named(key)))
        assert "C-100" in seen
        assert "C-200" not in seen
        assert "Serbia" not in seen
    foreign = page_of(world, Role.HEAD_OF_SALES, page_named("company"), company="C-200")
    assert [error.value.replace("\\", "") for error in foreign.error] == [
        "There is no company with the code “C-200” among those you see."
    ]
    assert not foreign.metric


def test_the_home_of_an_operator_says_what_waits(world: World) -> None:
    seen = texts(page_of(world, Role.OPERATOR, page_named("home")))
    assert "the oldest for" in seen
    assert "Nothing waits for you." not in seen


def test_the_standings_tell_movement_against_the_month_before(world: World) -> None:
    app = page_of(world, Role.ANALYST, page_named("standings"), period="Apr 2026")
    frame = app.dataframe[0].value
    assert list(frame["Company"]) == ["C-200", "C-100"]
    assert list(frame["Points"]) == ["24", "-2"]
    assert list(frame["Move"]) == ["new", "▼ 1"]


def test_the_standings_by_region_add_up_to_those_by_company(world: World) -> None:
    regions = page_of(world, Role.ANALYST, page_named("standings"), by="Regions").dataframe[0].value
    assert dict(zip(regions["Region"], regions["Points"], strict=True)) == {"Serbia": "24", "Poland": "7"}
    narrowed = page_of(world, Role.ANALYST, page_named("standings"), region="Poland").dataframe[0].value
    assert list(narrowed["Company"]) == ["C-100"]
    assert list(narrowed["Rank"]) == ["2"]


def test_a_company_shows_where_its_points_came_from(world: World) -> None:
    app = page_of(world, Role.PROGRAMME_MANAGER, page_named("company"), company="C-100")
    assert [metric.value for metric in app.metric][:1] == ["7"]
    statement = app.dataframe[0].value
    assert sorted(statement["Points"]) == ["+9", "-2"]


def test_a_companys_lines_name_file_and_row(world: World) -> None:
    app = page_of(world, Role.PROGRAMME_MANAGER, page_named("company"), company="C-100", view="Sales lines")
    lines = app.dataframe[0].value
    assert set(lines["File"]) == {"april.csv › row 2", "april.csv › row 3", "april.csv › row 4"}
    assert dict(zip(lines["File"], lines["Points"], strict=True))["april.csv › row 3"] == "0"


def test_an_import_shows_its_result_and_every_reason(world: World) -> None:
    app = page_of(world, Role.OPERATOR, page_named("imports"), **{"import": str(world.accepted)})
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures == {"Rows": "6", "Accepted": "4", "Duplicates": "0", "Quarantined": "2"}
    rows = app.dataframe[0].value
    assert list(rows["Row"]) == ["6", "7"]
    assert list(rows["Reasons"]) == [
        "No company in the row",
        "The quantity is not a number in the mapping's format",
    ]


def test_a_refused_file_tells_why_and_a_held_one_which_check_stopped_it(world: World) -> None:
    refused = page_of(world, Role.OPERATOR, page_named("imports"), **{"import": str(world.refused)})
    assert "colours.csv" in refused.error[0].value.replace("\\", "")
    held = texts(page_of(world, Role.OPERATOR, page_named("imports"), **{"import": str(world.held)}))
    assert "Lines that passed the row rules" in held
    assert "0 in this file; expected is at least 1." in held


def test_only_who_may_decide_is_asked_to(world: World) -> None:
    query = {"import": str(world.held)}
    assert [button.label for button in page_of(world, Role.OPERATOR, page_named("imports"), **query).button]
    analyst = page_of(world, Role.ANALYST, page_named("imports"), **query)
    assert "Accept anyway" not in [button.label for button in analyst.button]


def test_what_a_column_holds_is_guessed_from_an_earlier_file(world: World) -> None:
    app = page_of(world, Role.OPERATOR, page_named("uploads"), file=str(world.new_file))
    assert not app.exception
    assert "till" in app.success[0].value
    meanings = [box.value for box in app.selectbox][:8]
    assert meanings == [
        "company_code",
        "region",
        "invoice_no",
        "sold_at",
        "product_code",
        "product_name",
        "quantity",
        "unit_price",
    ]


def test_the_audit_is_searched_and_proved(world: World) -> None:
    app = page_of(world, Role.ADMIN, page_named("audit"), words="april.csv")
    assert "april.csv" in app.dataframe[0].value.to_csv()
    app = page_of(world, Role.ADMIN, page_named("audit"))
    next(button for button in app.button if button.label == "Verify the chain").click().run()
    assert "are as they were written" in app.success[0].value


def test_a_wrong_document_is_told_line_by_line_and_nothing_is_applied(world: World) -> None:
    app = page_of(world, Role.PROGRAMME_MANAGER, page_named("programmes"), view="Apply a document")
    document = app.text_area[0].value
    assert document is not None
    app.text_area[0].set_value(document.replace("EUR", "euros")).run()
    assert app.error[0].value == "This document can't be applied yet."
    assert list(app.table[0].value["Line"]) == ["5"]
    assert "Apply as version 3" not in [button.label for button in app.button]


def test_totals_of_a_settlement_are_told_to_who_sees_everything_only(world: World) -> None:
    region = world.region_id("Poland")
    access.create_user(
        world.database,
        COMMAND_LINE,
        name="manager_of_poland",
        display_name="Manager of Poland",
        password=PASSWORD,
        roles=[Role.PROGRAMME_MANAGER],
        grants=[ScopeGrant(ScopeKind.REGION, region)],
    )
    alone = access.find_session(world.database, sign_in(world.database, "manager_of_poland"))
    assert alone is not None
    page = page_named("programmes")
    app = app_of(world, Role.PROGRAMME_MANAGER).run()
    assert "4 lines gave +31 points" in texts(app.switch_page(page.script).run())
    app = app_of(world, None)
    app.user = {"session": str(alone.session_id)}
    seen = texts(app.run().switch_page(page.script).run())
    assert "Points were posted." in seen
    assert "lines gave" not in seen


def test_the_dark_theme_draws_with_its_own_colours(world: World) -> None:
    app = app_of(world, Role.ADMIN, theme="dark").run()
    assert not app.exception
