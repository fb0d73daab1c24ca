"""The same figure on every page that shows it, for every role; and no comparison with days that have no data."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core import programmes
from loyalty_core.access import PERMISSIONS_OF_ROLE, Role
from loyalty_core.analytics import current_replica
from loyalty_core.programmes import Programme
from tests.pages.claim_world import add_claims
from tests.pages.reward_world import RewardWorld, make_reward_world
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.world import COMMAND_LINE, DOCUMENT, World
from tests.replicas import catch_up
from ui.programmes import programme_label
from ui.spans import compared, covers, spans

MEASURES = ("Sales", "Points", "Returns", "Rewards")
# By figure, then by page, what the page says; None: the page does not show it.
Seen = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def filled(world: World) -> RewardWorld:
    """The world with claims, orders, a budget that is in use, and a programme with a goal."""
    programmes.apply_programme(
        world.database,
        COMMAND_LINE,
        DOCUMENT.replace("currency: EUR", "currency: EUR\ngoals: {sales: 40000.00}"),
    )
    add_claims(world)
    made = make_reward_world(world)
    made.order("anna", "thermos")
    made.order("milica", "thermos", waits=True)
    catch_up(current_replica(), world.database)
    return made


def labels(world: World) -> Iterator[tuple[Programme, str]]:
    with world.database.snapshot(COMMAND_LINE) as connection:
        known = programmes.list_programmes(connection, COMMAND_LINE)
    for one in known:
        yield one, programme_label(one, known)


def fresh(world: World, role: Role, key: str, *, programme: str = "", **query: str) -> AppTest:
    """Open a page in a programme, by its address and then in its filter."""
    app = page_of(world, role, page_named(key), **query)
    for box in app.selectbox:
        if programme and box.label == "Programme" and programme in box.options:
            app = box.select_index(box.options.index(programme)).run()
            break
    assert not app.exception, app.exception
    return app


def metrics(app: AppTest) -> dict[str, str]:
    assert not app.exception, app.exception
    return {metric.label: metric.value for metric in app.metric}


def seen_by(world: World, role: Role, label: str) -> Seen:
    """Return what the pages that the role may open say of each figure in a programme."""
    found: Seen = defaultdict(dict)

    def opened(key: str, **query: str) -> AppTest | None:
        page = page_named(key)
        if page.permission not in PERMISSIONS_OF_ROLE[role]:
            return None
        return fresh(world, role, key, **query)

    home = opened("home", programme=label)
    assert home is not None
    at_home = metrics(home)
    for measure in MEASURES:
        if f"{measure}, 13 weeks" in at_home:
            found[f"{measure}, 13 weeks"]["home"] = at_home[f"{measure}, 13 weeks"]
        app = opened("performance", programme=label, measure=measure)
        if app is not None and measure in metrics(app):
            found[f"{measure}, 13 weeks"]["performance"] = metrics(app)[measure]
    goal = "Goal (whole programme)"
    whole = opened("performance", programme=label, period="Whole programme")
    if whole is not None and "Sales" in metrics(whole):
        found["Sales, whole programme"]["performance"] = metrics(whole)["Sales"]
        if goal in metrics(whole):
            found[goal]["performance"] = metrics(whole)[goal]
    if goal in at_home:
        found[goal]["home"] = at_home[goal]
    standings = opened("standings", programme=label)
    if standings is not None and "Net sales" in metrics(standings):
        found["Sales, whole programme"]["standings"] = metrics(standings)["Net sales"]
    people = opened("participants", programme=label)
    if people is not None and "Active people" in at_home:
        found["Active people"] = {"home": at_home["Active people"], "participants": metrics(people)["Active"]}
    _add_work(found, home, at_home, opened("workload"), opened("claims"), opened("orders"))
    budgets = opened("budgets", programme=label)
    if budgets is not None:
        for frame in home.dataframe:
            if "Forecast spend" in frame.value:
                found["Forecast spend"]["home"] = ", ".join(frame.value["Forecast spend"])
        told = re.findall(r"Forecast spend by [^:]+: (\S+) of", texts(budgets))
        if told and "Forecast spend" in found:
            found["Forecast spend"]["budgets"] = ", ".join(told)
    return found


def _add_work(
    found: Seen,
    home: AppTest,
    at_home: dict[str, str],
    workload: AppTest | None,
    claims: AppTest | None,
    orders: AppTest | None,
) -> None:
    def put(figure: str, page: str, pattern: str, app: AppTest) -> None:
        told = re.search(pattern, texts(app))
        if told is not None:
            found[figure][page] = told[1]

    put("Claims waiting", "to do", r"\*\*(\d+)\*\* · Claims? waits? for a decision", home)
    put("Orders waiting", "to do", r"\*\*(\d+)\*\* · Reward orders? waits? for finance", home)
    for figure in ("Claims waiting", "Orders waiting", "Waiting for money"):
        if figure in at_home:
            found[figure]["home"] = at_home[figure]
    if workload is not None:
        found["Claims waiting"]["workload"] = metrics(workload)["Claims waiting"]
    if claims is not None:
        put("Claims waiting", "claims", r"(\d+) waits?, the oldest for", claims)
    if orders is not None:
        put("Orders waiting", "orders", r"\*\*(\d+)\*\* orders? waits?", orders)
        put("Waiting for money", "orders", r"(\d+) without money", orders)


@pytest.mark.parametrize("role", [one for one in Role if one is not Role.PARTICIPANT])
def test_a_figure_is_the_same_on_every_page_that_shows_it(filled: RewardWorld, role: Role) -> None:
    shown_twice, found_everywhere = set(), {}
    for _programme, label in labels(filled.world):
        found_everywhere[label] = seen_by(filled.world, role, label)
        for figure, pages in found_everywhere[label].items():
            assert len(set(pages.values())) == 1, (label, figure, pages)
            if len(pages) > 1:
                shown_twice.add(figure)
    expected = {
        Role.OPERATOR: {"Claims waiting"},
        Role.PROGRAMME_MANAGER: {
            "Sales, 13 weeks",
            "Points, 13 weeks",
            "Rewards, 13 weeks",
            "Goal (whole programme)",
            "Active people",
            "Claims waiting",
            "Orders waiting",
        },
        Role.HEAD_OF_SALES: {"Sales, 13 weeks", "Returns, 13 weeks", "Forecast spend"},
        Role.SALES: {"Sales, 13 weeks", "Sales, whole programme"},
        Role.ADMIN_MARKETING: {"Rewards, 13 weeks"},
        Role.ADMIN_FINANCE: {"Orders waiting", "Waiting for money"},
        Role.ANALYST: {"Sales, 13 weeks", "Sales, whole programme", "Active people"},
        Role.ADMIN: {"Sales, 13 weeks", "Claims waiting", "Orders waiting"},
    }[role]
    assert expected <= shown_twice, found_everywhere


def test_nothing_is_compared_with_days_that_have_no_data() -> None:
    every = {
        one.label: compared(
            one, lambda days: covers(date(2026, 2, 3), days, {date(2026, 2, 1), date(2026, 3, 1)})
        )
        for one in spans(date(2026, 1, 1), date(2026, 12, 31), (date(2026, 2, 3), date(2026, 5, 20)))
    }
    assert (every["Last 13 weeks"].before, every["Last 13 weeks"].year_before) == (None, None)
    assert every["Last 13 weeks"].uncovered == (date(2025, 11, 24), date(2026, 2, 18))
    # The first days of February have no sale, which a long weekend explains.
    assert every["Mar 2026"].before == (date(2026, 2, 1), date(2026, 2, 28))
    # April is a hole: a month without any sale between two with some.
    assert every["May 2026"].before == (date(2026, 4, 1), date(2026, 4, 20))
    assert every["Whole programme"].uncovered is None


def test_a_month_without_data_is_no_month_to_compare_with() -> None:
    april = (date(2026, 4, 1), date(2026, 4, 30))
    assert covers(date(2026, 1, 1), april)
    assert covers(date(2026, 1, 1), april, {date(2026, 4, 1)})
    assert not covers(date(2026, 1, 1), april, {date(2026, 3, 1), date(2026, 5, 1)})


def test_a_page_says_why_it_compares_with_nothing(filled: RewardWorld) -> None:
    spring = "Spring points"
    app = fresh(filled.world, Role.ANALYST, "performance", programme=spring, period="Mar 2026")
    assert metrics(app)["Previous period"] == "—"
    assert "no data for all of 1 Feb 2026 – 28 Feb 2026 to compare with" in texts(app)
    app = fresh(filled.world, Role.ANALYST, "performance", programme=spring, period="Apr 2026")
    assert metrics(app)["Previous period"] == "€103.30"
    home = fresh(filled.world, Role.PROGRAMME_MANAGER, "home", programme=spring)
    sales = next(metric for metric in home.metric if metric.label == "Sales, 13 weeks")
    assert sales.delta == "no earlier data"


def test_the_figures_of_a_company_are_not_told_as_those_of_its_people(filled: RewardWorld) -> None:
    app = fresh(filled.world, Role.ANALYST, "participants", programme="Prizes")
    people = app.dataframe[0].value
    assert {"Company purchases", "Company points", "Company balance"} <= set(people)
    assert not {"Purchases", "Points", "Balance"} & set(people)
    app = fresh(filled.world, Role.ANALYST, "participants", programme="Painters' club")
    assert {"Purchases", "Points", "Balance"} <= set(app.dataframe[0].value)
