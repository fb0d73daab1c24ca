"""Performance, regions and participants over a replica of the world, as those who open them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core.access import Role
from loyalty_core.analytics import Replica, use_replica
from loyalty_core.kernel import new_id
from loyalty_core.organisation import Region
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.world import World
from ui.regions import lowest_areas


@pytest.fixture(scope="module", autouse=True)
def replica(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A fresh replica of the module's world."""
    made = Replica(world.database, Path(tmp_path_factory.mktemp("replica")) / "replica.duckdb")
    made.refresh()
    use_replica(made)
    yield made
    use_replica(None)
    made.close()


def performance(world: World, role: Role = Role.ANALYST, **query: str) -> AppTest:
    app = page_of(world, role, page_named("performance"), **query)
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def figures(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_the_measures_are_those_of_the_lines(world: World) -> None:
    for measure, value in {
        "Sales": "€323.40",
        "Receipts": "3",
        "Points": "31",
        "Returns": "€24.90",
        "Rewards": "€0.00",
    }.items():
        assert figures(performance(world, measure=measure))[measure] == value


def test_figures_are_narrowed_by_what_stands_in_the_address(world: World) -> None:
    assert figures(performance(world, region="Poland"))["Sales"] == "€78.40"
    assert figures(performance(world, company="C-200"))["Sales"] == "€245.00"
    assert figures(performance(world, period="Apr 2026"))["Sales"] == "€220.10"
    assert figures(performance(world, period="Mar 2026", measure="Points"))["Points"] == "9"


def test_a_head_of_sales_measures_the_own_region_only(world: World) -> None:
    app = performance(world, Role.HEAD_OF_SALES)
    assert figures(app)["Sales"] == "€78.40"
    assert "Serbia" not in texts(app)
    foreign = performance(world, Role.HEAD_OF_SALES, company="C-200")
    assert not foreign.metric
    assert "There is no company with the code “C-200” among those you see." in texts(foreign)


def test_a_replica_that_is_not_there_yet_is_told_calmly(world: World, replica: Replica) -> None:
    use_replica(None)
    try:
        for key in ("performance", "regions", "participants"):
            app = page_of(world, Role.ADMIN, page_named(key))
            assert not app.exception
            assert not app.error
            assert "in a moment" in texts(app)
    finally:
        use_replica(replica)


def regions(world: World, role: Role = Role.ANALYST, **query: str) -> AppTest:
    app = page_of(world, role, page_named("regions"), **query)
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def test_areas_are_ranked_with_what_they_sold(world: World) -> None:
    table = regions(world).dataframe[0].value
    assert dict(zip(table["Area"], table["Net sales"], strict=True)) == {
        "Serbia": "€245.00",
        "Poland": "€78.40",
    }
    staff = regions(world, view="Sales staff").dataframe[0].value
    assert list(staff["Salesperson"]) == ["Nobody is responsible"]


def test_any_company_is_found_by_name_and_a_foreign_one_is_not(world: World) -> None:
    found = regions(world, view="Companies", words="c-2").dataframe[0].value
    assert list(found["Code"]) == ["C-200"]
    own = regions(world, Role.HEAD_OF_SALES, view="Companies")
    assert list(own.dataframe[0].value["Code"]) == ["C-100"]
    assert not regions(world, Role.HEAD_OF_SALES, view="Companies", words="C-200").dataframe


def test_a_page_of_participants_says_that_nobody_takes_part(world: World) -> None:
    app = page_of(world, Role.ANALYST, page_named("participants"))
    assert not app.exception, app.exception
    assert figures(app) == {
        "Active": "0",
        "Newly inactive": "0",
        "Inactive for longer": "0",
        "Never active": "0",
    }
    assert "Nobody takes part yet" in texts(app)


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (
            Role.PROGRAMME_MANAGER,
            {"Sales, 13 weeks": "€323.40", "Points, 13 weeks": "31", "Points held": "31"},
        ),
        (Role.ANALYST, {"Sales, 13 weeks": "€323.40", "Active people": "0"}),
        (
            Role.HEAD_OF_SALES,
            {"Sales, 13 weeks": "€78.40", "Points, 13 weeks": "7", "Returns, 13 weeks": "€24.90"},
        ),
        (Role.ADMIN_FINANCE, {"Orders waiting": "0", "Decided today": "0"}),
        (Role.OPERATOR, {"Held files": "1", "Refused files": "1", "Claims waiting": "0"}),
        (Role.ADMIN_MARKETING, {"Orders, 13 weeks": "0", "Running out": "0"}),
    ],
)
def test_each_home_shows_the_figures_of_its_work(world: World, role: Role, expected: dict[str, str]) -> None:
    app = page_of(world, role, page_named("home"))
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    shown = figures(app)
    assert {label: shown[label] for label in expected} == expected


def test_the_home_of_a_head_of_sales_ranks_the_own_areas_only(world: World) -> None:
    seen = texts(page_of(world, Role.HEAD_OF_SALES, page_named("home")))
    assert "Your areas" in seen
    assert "C-100" in seen
    assert "C-200" not in seen
    assert "Serbia" not in seen


def test_the_lowest_areas_stand_side_by_side_whatever_lies_between(world: World) -> None:
    poland, north, south, gdansk, poznan, krakow, serbia = (new_id() for _ in range(7))
    tree = [
        Region(id=one, code=name.upper(), name=name, parent_id=parent)
        for one, name, parent in (
            (poland, "Poland", None),
            (north, "North", poland),
            (south, "South", poland),
            (gdansk, "Gdansk", north),
            (poznan, "Poznan", north),
            (krakow, "Krakow", south),
            (serbia, "Serbia", None),
        )
    ]
    assert [one.name for one in lowest_areas(tree, None)] == ["Gdansk", "Poznan", "Krakow", "Serbia"]
    assert [one.name for one in lowest_areas(tree, north)] == ["Gdansk", "Poznan"]
    assert [one.name for one in lowest_areas(tree, krakow)] == ["Krakow"]
    shown = regions(world, view="Local areas").dataframe[0].value
    assert set(shown["Area"]) == {"Serbia", "Poland"}
    assert regions(world, view="Local areas", region="Poland").dataframe
