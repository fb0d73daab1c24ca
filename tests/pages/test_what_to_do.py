"""What a home says is to be done, whose figures come first, and what leads where."""

from datetime import date

import pytest
from streamlit.testing.v1 import AppTest

from data_checks import Unit, units
from laurel.registers import DATASETS
from loyalty_core import intake, participants, programmes
from loyalty_core.access import PERMISSIONS_OF_ROLE, Permission, Role
from loyalty_core.analytics import current_replica
from loyalty_core.intake import RowPutAside
from loyalty_core.kernel import current_database, current_locale
from tests.pages.reward_world import RewardWorld, make_reward_world
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.world import COMMAND_LINE, World
from tests.replicas import catch_up
from ui import quality, wording
from ui.own import leads_nowhere
from ui.performance import Asked, Watch, watched
from ui.quarantine import columns_of_reason, table_to_correct
from ui.spans import Span


@pytest.fixture(scope="module")
def shop(world: World) -> RewardWorld:
    made = make_reward_world(world)
    participants.register_participant(
        world.database,
        COMMAND_LINE,
        company_code="C-300",
        code="M-new",
        display_name="Nina New",
        group=participants.ParticipantGroup.WHOLESALER,
    )
    catch_up(current_replica(), world.database)
    return made


def links(app: AppTest) -> list[str]:
    return [one.proto.label for one in app.get("page_link")]


def test_a_salesperson_meets_the_own_companies_first(shop: RewardWorld) -> None:
    app = page_of(shop.world, Role.SALES, page_named("home"))
    assert not app.exception, app.exception
    first = app.metric[0]
    assert (first.label, first.value) == ("Your sales", "€5,000.00")
    assert list(app.dataframe[0].value["Company"]) == ["C-300"]
    assert app.header[0].value.startswith("Your companies")


def test_a_head_of_sales_is_told_what_to_do_with_the_way_there(shop: RewardWorld) -> None:
    app = page_of(shop.world, Role.HEAD_OF_SALES, page_named("home"))
    assert not app.exception, app.exception
    seen = texts(app)
    assert "**1** · Registration waits for approval" in seen
    assert "Review registrations" in links(app)


def test_companies_that_fall_or_bring_much_back_are_found_and_listed(shop: RewardWorld) -> None:
    scope = shop.world.signed_in(Role.ANALYST).scope
    with shop.database.snapshot(scope) as connection:
        asked = Asked(programmes.programme_by_code(connection, scope, "spring"))
    march, april = (date(2026, 3, 1), date(2026, 3, 31)), (date(2026, 4, 1), date(2026, 4, 30))
    compared = Span("April", *april, before=march, year_before=None)
    falling = watched(scope, asked, compared, Watch.FALLING)
    assert [(one.name, one.before_minor, one.sold_minor) for one in falling] == [("C-100", 10_330, -2490)]
    assert watched(scope, asked, Span("April", *april, before=None, year_before=None), Watch.FALLING) == []
    both = Span("Spring", march[0], april[1], before=None, year_before=None)
    assert [one.returned_minor for one in watched(scope, asked, both, Watch.RETURNING)] == [2490]
    page = page_named("regions")
    app = page_of(shop.world, Role.ANALYST, page, view="Companies", show="Many returns", period="Apr 2026")
    assert list(app.dataframe[0].value["Company"]) == ["C-100"]


def test_links_of_figures_name_what_they_open(shop: RewardWorld) -> None:
    app = page_of(shop.world, Role.PROGRAMME_MANAGER, page_named("home"))
    assert not app.exception, app.exception
    assert {"Open sales", "Open points", "Open rewards", "Open participants"} <= set(links(app))
    assert not {"See more", "See to it"} & set(links(app))


def test_the_latest_files_come_by_the_time_they_came_in(shop: RewardWorld) -> None:
    app = page_of(shop.world, Role.OPERATOR, page_named("home"))
    (files,) = [frame.value for frame in app.dataframe if "Came in" in frame.value]
    with shop.database.snapshot(COMMAND_LINE) as connection:
        found = intake.find_imports(connection, limit=5)
    assert list(files["File"]) == [one.file_name for one in found]
    moments = [one.requested_at for one in found]
    assert moments == sorted(moments, reverse=True)


def test_finance_takes_along_the_workbook_that_performance_speaks_of() -> None:
    for role in Role:
        if Permission.SEE_PERFORMANCE in PERMISSIONS_OF_ROLE[role] and role is not Role.SALES:
            assert Permission.EXPORT_PERFORMANCE in PERMISSIONS_OF_ROLE[role], role


def test_the_menu_has_no_page_that_leads_to_nothing(shop: RewardWorld) -> None:
    assert current_database() is shop.database
    assert leads_nowhere(shop.user(Role.ADMIN)) == {"my-claims", "rewards", "my-orders", "order-for"}
    assert leads_nowhere(shop.user(Role.SALES)) == set()
    assert leads_nowhere(shop.user(Role.PARTICIPANT)) == set()


def test_the_audit_calls_people_by_their_names(shop: RewardWorld) -> None:
    app = page_of(shop.world, Role.ADMIN, page_named("audit"), words="registered")
    assert not app.exception, app.exception
    assert any("Nina New" in one for one in app.dataframe[0].value["About"])


def test_the_wrong_cells_of_a_row_come_first(world: World) -> None:
    with world.database.snapshot(COMMAND_LINE) as connection:
        found = intake.import_by_id(connection, world.accepted)
    names = tuple(found.mapping["columns"].values())
    rows = [RowPutAside("", 7, ["unreadable_quantity"], {}, None, False)]
    table = table_to_correct(found, rows, names, [[str(place) for place in range(len(names))]])
    assert list(table)[:4] == ["Send", "Row", "What is wrong", "Quantity"]
    assert table["Quantity"] == [str(names.index("Quantity"))]
    assert set(names) <= set(table)


def test_every_column_is_wrong_for_some_reason() -> None:
    columns = DATASETS["sales"].columns.names
    assert columns_of_reason("missing_company", columns) == {"company_code", "company_name"}
    assert columns_of_reason("unknown_product", columns) == {"product_code", "product_name"}
    assert columns_of_reason("unreadable_sold_at", columns) == {"sold_at"}
    assert columns_of_reason("date_in_the_future", columns) == {"sold_at"}
    assert columns_of_reason("negative_price", columns) == {"unit_price"}
    assert columns_of_reason("conflicts_with_earlier", columns) == set()


def test_parts_of_the_rows_are_limited_in_percent() -> None:
    assert units("sales")["quarantine_share"] is Unit.SHARE
    assert quality.shown_bound(0.07, Unit.SHARE) == 7.0
    assert quality.bound_of(7.0, Unit.SHARE) == 0.07
    assert quality.bound_of(quality.shown_bound(0.2, Unit.SHARE), Unit.SHARE) == 0.2
    assert quality.shown_bound(3.0, Unit.COUNT) == 3.0
    assert quality.bound_of(None, Unit.SHARE) is None


def test_dates_are_written_as_the_reader_writes_them() -> None:
    forms = {}
    for locale in ("en-GB", "en-US", "pl", "sv"):
        token = current_locale.set(locale)
        forms[locale] = wording.date_format()
        current_locale.reset(token)
    assert forms == {"en-GB": "DD/MM/YYYY", "en-US": "MM/DD/YYYY", "pl": "DD.MM.YYYY", "sv": "YYYY-MM-DD"}
