"""Lists are sorted and exported whole: every row that the filters find, in the order chosen, within the scope."""

import ast
import csv
from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from loyalty_core import access, participants, products, programmes
from loyalty_core.access import PERMISSIONS_OF_ROLE, Permission, Role
from loyalty_core.analytics import current_replica, run_query
from loyalty_core.kernel import (
    PROJECT_FOLDER,
    Database,
    NotAllowedError,
    Sort,
    Sorts,
    UnknownSortError,
    new_id,
)
from loyalty_core.organisation import CompanyKind
from queries import QueryParametersError, load_query
from tests.pages.claim_world import add_claims, enter_one
from tests.pages.reward_world import make_reward_world
from tests.pages.test_every_page import page_named, page_of
from tests.pages.world import COMMAND_LINE, HEADER, World, take_in
from tests.replicas import catch_up
from ui import list_export, performance
from ui.elements import ROWS_A_PAGE

COMPANIES = 130
# A code that a spreadsheet would run, were it not neutralised.
FORMULA = "=HYPERLINK(1)"


@pytest.fixture(scope="module")
def crowded(world: World) -> World:
    """The world with more companies, products, imports, people and claims than fit on a page."""
    shop = make_reward_world(world)
    shop.order("anna", "thermos")
    codes = [FORMULA, *(f"K-{place:03}" for place in range(1, COMPANIES))]
    lines = "".join(
        f"{code},{'Poland' if place % 2 else 'Serbia'},BIG-{place},2026-04-05,Q-{place:03},Brush {place:03},1,9.50\n"
        for place, code in enumerate(codes)
    )
    take_in(world.database, world.settings, "many.csv", HEADER + lines)
    add_claims(world)
    with world.database.transaction(COMMAND_LINE) as connection:
        # To run so many imports would take minutes.
        connection.execute(
            text(
                "insert into file_import overriding system value select (jsonb_populate_record(i, jsonb_build_object("
                "'id', gen_random_uuid(), 'number', i.number + 1000 + n, 'request_key', gen_random_uuid()))).*"
                " from file_import i cross join generate_series(1, 120) n where i.id = :accepted"
            ),
            {"accepted": world.accepted},
        )
        person = connection.execute(text("select id from participant where code = 'C-100-1'")).scalar_one()
    for place in range(60):
        enter_one(world, person, invoice_no=f"W-{place:03}", quantity=Decimal(1 + place))
    participants.register_company(
        world.database,
        COMMAND_LINE,
        code="N-1",
        name="New company",
        kind=CompanyKind.DISTRIBUTOR,
        region_id=world.region_id("Poland"),
        request_key=new_id(),
    )
    catch_up(current_replica(), world.database)
    return world


def opened(world: World, key: str, role: Role, **query: str) -> AppTest:
    app = page_of(world, role, page_named(key), **query)
    assert not app.exception, app.exception
    return app


def shown(app: AppTest, column: str) -> list[str]:
    return [str(value) for value in app.dataframe[0].value[column]]


def export_buttons(app: AppTest) -> list[str]:
    return [str(button.key) for button in app.button if button.label == "Export as CSV"]


def exported(app: AppTest, world: World, role: Role) -> list[dict[str, str]]:
    """Press the button, fetch the file as the browser does, and return its rows."""
    [key] = export_buttons(app)
    app.button(key=key).click().run()
    assert not app.exception, app.exception
    assert not app.error, app.error
    [url] = [link.proto.url for link in app.get("link_button") if link.proto.url.startswith("/exports/")]
    found = access.fetch_export(
        world.database,
        world.signed_in(role),
        world.settings.exports_folder,
        UUID(url.rpartition("/")[2]),
    )
    assert found.file_name.endswith(".csv")
    with found.path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def records_of_exports(database: Database) -> list[dict[str, object]]:
    with database.snapshot(COMMAND_LINE) as connection:
        return list(
            connection.execute(
                text("select detail from audit_record where action = 'access.export_made' order by id")
            ).scalars()
        )


def by_code_points(values: list[str], database: Database) -> list[str]:
    """Return the texts as the database sorts them, whatever its collation."""
    with database.snapshot(COMMAND_LINE) as connection:
        return list(
            connection.execute(
                text("select t from unnest(cast(:texts as text[])) t order by t"), {"texts": values}
            ).scalars()
        )


LISTS: list[tuple[str, Role, dict[str, str], str, str, str]] = [
    # page, role, what is asked beside the sort, the sort, the shown and the exported column that it sorts
    ("company", Role.ANALYST, {}, "Code", "Code", "Code"),
    ("imports", Role.OPERATOR, {}, "No.", "No.", "No."),
    ("audit", Role.ADMIN, {}, "No.", "No.", "No."),
    ("claims", Role.OPERATOR, {}, "Invoice", "Invoice", "Invoice"),
    ("products", Role.ANALYST, {}, "Code", "Code", "Code"),
    ("regions", Role.ANALYST, {"view": "Companies"}, "Company", "Company", "Company"),
]


@pytest.mark.parametrize(("key", "role", "query", "by", "column", "written"), LISTS)
@pytest.mark.parametrize("way", ["ascending", "descending"])
def test_the_first_page_is_the_top_of_the_whole_list_and_the_export_is_all_of_it(
    crowded: World,
    key: str,
    role: Role,
    query: dict[str, str],
    by: str,
    column: str,
    written: str,
    way: str,
) -> None:
    before = len(records_of_exports(crowded.database))
    app = opened(crowded, key, role, sort=f"{by}, {way}", **query)
    page = shown(app, column)
    rows = exported(app, crowded, role)
    every = [row[written].removeprefix("'") for row in rows]
    assert len(every) > len(page) >= 50
    assert page == every[: len(page)]
    numbers = all(value.isdigit() for value in every)
    ascending = sorted(every, key=int) if numbers else by_code_points(every, crowded.database)
    assert every == (ascending if way == "ascending" else ascending[::-1])
    [record] = records_of_exports(crowded.database)[before:]
    assert record["rows"] == len(every)


MOVED = "select budget_id from budget_movement where :name <> '' order by id desc limit 1"
EVERYWHERE: list[tuple[str, Role, dict[str, str]]] = [
    ("standings", Role.ANALYST, {"programme": "Prizes"}),
    ("standings", Role.ANALYST, {"programme": "Prizes", "by": "Regions"}),
    ("participants", Role.ANALYST, {"programme": "Prizes"}),
    ("participants", Role.ANALYST, {"participant": "M-anna", "programme": "Prizes", "view": "Points"}),
    ("participants", Role.ANALYST, {"participant": "C-100-1", "view": "Claims"}),
    ("regions", Role.ANALYST, {"view": "Companies"}),
    ("company", Role.ANALYST, {}),
    ("company", Role.ANALYST, {"company": "C-300", "programme": "Prizes"}),
    ("company", Role.ANALYST, {"company": "C-300", "programme": "Prizes", "view": "Sales lines"}),
    ("products", Role.ANALYST, {}),
    ("imports", Role.ANALYST, {}),
    ("imports", Role.ANALYST, {"import": "accepted", "view": "Sales lines and points"}),
    ("quarantine", Role.ANALYST, {}),
    ("claims", Role.ANALYST, {}),
    ("precision", Role.PROGRAMME_MANAGER, {}),
    ("registrations", Role.OPERATOR, {}),
    ("orders", Role.ADMIN_FINANCE, {}),
    ("catalogue", Role.ADMIN_MARKETING, {}),
    ("order-for", Role.ADMIN, {}),
    ("budgets", Role.ADMIN_FINANCE, {"budget": "moved"}),
    ("audit", Role.ADMIN, {}),
]


@pytest.mark.parametrize(("key", "role", "query"), EVERYWHERE)
def test_every_page_with_a_list_makes_its_file(
    crowded: World, key: str, role: Role, query: dict[str, str]
) -> None:
    ids = {"participant": "select id from participant where code = :name", "budget": MOVED}
    with crowded.database.snapshot(COMMAND_LINE) as connection:
        named = {
            name: str(connection.execute(text(ids[name]), {"name": value}).scalar_one())
            for name, value in query.items()
            if name in ids
        }
    if "import" in query:
        named["import"] = str(crowded.accepted)
    rows = exported(opened(crowded, key, role, **{**query, **named}), crowded, role)
    assert rows
    assert all(None not in row for row in rows)


def test_every_list_can_be_sorted_by_what_its_choice_names(crowded: World) -> None:
    for key, role, query in EVERYWHERE:
        if query.keys() & {"participant", "budget", "import"}:
            continue
        app = opened(crowded, key, role, **query)
        [*boxes] = [box for box in app.selectbox if box.label == "Sort by"]
        for choice in boxes[0].options[1:] if boxes else ():
            next(box for box in app.selectbox if box.label == "Sort by").select(choice).run()
            assert not app.exception, (key, choice, app.exception)


def test_people_are_sorted_and_exported_by_the_replica_too(crowded: World) -> None:
    app = opened(crowded, "participants", Role.ANALYST, programme="Painters' club", sort="Name, descending")
    rows = exported(app, crowded, Role.ANALYST)
    assert (
        shown(app, "Name")
        == [row["Name"] for row in rows]
        == ["Milica of C-400", "Marko Ilić", "Jan of C-300", "Anna of C-300", "Anna Nowak"]
    )
    app = opened(crowded, "participants", Role.ANALYST, programme="Painters' club", words="anna n")
    assert [row["Code"] for row in exported(app, crowded, Role.ANALYST)] == ["C-100-1"]


@pytest.mark.parametrize("query", ["companies", "sales_lines"])
def test_rows_behind_a_bar_are_sorted_whole_and_pages_are_parts_of_the_export(
    crowded: World, query: str
) -> None:
    user = crowded.signed_in(Role.ANALYST)
    with crowded.database.snapshot(user.scope) as connection:
        spring = programmes.programme_by_code(connection, user.scope, "spring")
    asked, days = performance.Asked(spring), (spring.starts_on, spring.ends_on)
    values = (
        performance.companies_values(asked, days, None)
        if query == "companies"
        else performance.lines_values(asked, days, only_returns=False)
    )
    key = "company_id" if query == "companies" else "id"
    for by in load_query(query).sorts:
        for sort in (Sort(by), Sort(by, descending=True)):
            every = [row[key] for row in list_export.from_replica(user, query, values, sort)()]
            paged = [
                row[key]
                for offset in range(0, len(every), 50)
                for row in run_query(
                    user.scope, query, {**values, "limit": 50, "offset": offset}, sort=sort
                ).to_dicts()
            ]
            assert every == paged
            assert len(set(every)) == len(every) > COMPANIES
    amounts = [
        row["amount_minor"]
        for row in list_export.from_replica(
            user, query, values, Sort("sales" if query == "companies" else "amount")
        )()
    ]
    assert amounts == sorted(amounts)


def test_rows_to_fix_are_listed_in_the_order_chosen(crowded: World) -> None:
    app = opened(crowded, "quarantine", Role.OPERATOR, sort="No., ascending")
    rows = exported(app, crowded, Role.OPERATOR)
    assert len(rows) > ROWS_A_PAGE
    assert shown(app, "No.") == [row["No."] for row in rows][:ROWS_A_PAGE]
    assert [int(row["No."]) for row in rows] == sorted(int(row["No."]) for row in rows)


def test_an_export_holds_what_the_filter_finds(crowded: World) -> None:
    app = opened(crowded, "company", Role.ANALYST, words="k-01")
    assert [row["Code"] for row in exported(app, crowded, Role.ANALYST)] == [f"K-01{n}" for n in range(10)]


def test_an_export_holds_no_row_of_another_region(crowded: World) -> None:
    rows = exported(opened(crowded, "company", Role.HEAD_OF_SALES), crowded, Role.HEAD_OF_SALES)
    assert len(rows) > 60
    assert {row["Region"] for row in rows} == {"Poland"}


def test_no_cell_of_an_export_is_a_formula(crowded: World) -> None:
    app = opened(crowded, "company", Role.ANALYST, words=FORMULA)
    [row] = exported(app, crowded, Role.ANALYST)
    assert row["Code"] == "'" + FORMULA


def test_who_may_not_export_has_no_button_and_no_file(crowded: World) -> None:
    assert export_buttons(opened(crowded, "company", Role.SALES)) == []
    assert Permission.EXPORT_LISTS not in PERMISSIONS_OF_ROLE[Role.PARTICIPANT]
    with pytest.raises(NotAllowedError):
        access.make_export(
            crowded.database,
            crowded.signed_in(Role.SALES),
            crowded.settings.exports_folder,
            permission=Permission.EXPORT_LISTS,
            file_name="companies.csv",
            media_type=access.CSV,
            write=lambda path: path.write_text("code"),
        )


def test_an_empty_list_offers_no_export(world_without_data: World) -> None:
    assert export_buttons(opened(world_without_data, "company", Role.ADMIN)) == []


def test_too_long_a_list_is_refused_in_a_sentence_and_leaves_no_record(
    crowded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_export, "MOST_EXPORTED", 100)
    before = records_of_exports(crowded.database)
    app = opened(crowded, "company", Role.ANALYST)
    [key] = export_buttons(app)
    app.button(key=key).click().run()
    assert "100 rows at most" in app.error[0].value
    assert records_of_exports(crowded.database) == before


def test_batches_make_one_list_of_one_moment(crowded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_export, "BATCH", 7)
    rows = exported(opened(crowded, "company", Role.ANALYST, sort="Region, ascending"), crowded, Role.ANALYST)
    assert len({row["Id"] for row in rows}) == len(rows) > COMPANIES
    assert [row["Region"] for row in rows] == sorted(row["Region"] for row in rows)


def test_another_order_begins_at_the_first_page(crowded: World) -> None:
    app = opened(crowded, "company", Role.ANALYST, **{"company.page": "2"})
    assert any("101–" in one.value for one in app.caption)
    next(box for box in app.selectbox if box.label == "Sort by").select_index(2).run()
    assert any("1–100 of" in one.value and "sorts this page only" in one.value for one in app.caption)


def test_a_name_that_is_no_column_is_no_order() -> None:
    sorts = Sorts({"name": "c.name"}, default="c.code")
    assert sorts.order_by(Sort("name", descending=True)) == " order by c.name desc nulls last, c.code"
    assert sorts.order_by(None) == " order by c.code"
    for text_of_a_person in ("c.name; drop table company", "c.name", ""):
        with pytest.raises(UnknownSortError):
            sorts.order_by(Sort(text_of_a_person))
        with pytest.raises(QueryParametersError):
            load_query("companies").sorted_by(text_of_a_person, descending=False)


# Lists that are paged and have no export of their own, with the reason.
WITHOUT_EXPORT: dict[tuple[str, str], str] = {
    ("ui/imports.py", "_show_quarantine"): "“Rejected rows” makes one audited file of all of them",
    ("ui/quarantine.py", "show_table"): "the same rows, below the same button",
    ("ui/shop.py", "draw_offers"): "cards that one person orders from; the catalogue exports them",
    ("pages/portal/claims.py", ""): "a participant's own claims: participants export no lists",
    ("pages/portal/orders.py", ""): "a participant's own orders: participants export no lists",
}


def functions_that_page() -> Iterator[tuple[tuple[str, str], bool]]:
    """Yield every function, or page, that pages a list, and whether it offers the export."""
    for folder in ("pages", "ui"):
        for path in sorted((PROJECT_FOLDER / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
            rest = ast.Module([node for node in tree.body if node not in functions], [])
            for part in (*functions, rest):
                called = {
                    ast.unparse(node.func).rpartition("elements.")[2]
                    for node in ast.walk(part)
                    if isinstance(node, ast.Call)
                }
                if "paged" in called:
                    name = part.name if isinstance(part, ast.FunctionDef) else ""
                    yield (
                        (str(path.relative_to(PROJECT_FOLDER)), name),
                        "list_export.offer" in called,
                    )


def test_every_list_of_pages_offers_its_export_or_says_why_not() -> None:
    found = dict(functions_that_page())
    assert {place for place, offers in found.items() if not offers} == set(WITHOUT_EXPORT)


def test_names_are_sorted_as_people_read_them_not_by_their_bytes(database: Database) -> None:
    names = ["Zagreb", "adria", "Łódź", "Belgrade", "Äpfel"]
    with database.transaction(COMMAND_LINE) as connection:
        for place, name in enumerate(names):
            connection.execute(
                text("insert into product (id, code, name, recorded_at) values (:id, :code, :name, now())"),
                {"id": new_id(), "code": f"P{place}", "name": name},
            )
        found = products.list_products(connection, "", sort=Sort("name"), limit=10)
        back = products.list_products(connection, "", sort=Sort("name", descending=True), limit=10)
    assert [one.name for one in found] == ["adria", "Äpfel", "Belgrade", "Łódź", "Zagreb"]
    assert [one.name for one in back] == [one.name for one in reversed(found)]
