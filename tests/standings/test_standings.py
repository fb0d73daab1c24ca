from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.kernel import Database, Scope, now
from loyalty_core.organisation import company_by_code, region_by_code
from loyalty_core.programmes import apply_programme, programme_by_code
from loyalty_core.settlement import settle_programme
from loyalty_core.standings import (
    Standing,
    StandingsBy,
    facts_version,
    monthly_totals,
    sold_days,
    standings,
)
from tests.access.people import somebody
from tests.sales.files import bring, bring_in, row
from tests.settlement.programmes import balances, spring

MARCH, APRIL = (date(2026, 3, 1), date(2026, 3, 31)), (date(2026, 4, 1), date(2026, 4, 30))


def sold(company: str, price: str, *, month: int = 3, region: str = "North", **values: Any) -> dict[str, Any]:
    """Return one sale of the company in the month."""
    return dict(
        row(
            company_code=company,
            unit_price=price,
            region=region,
            sold_at=f"2026-{month:02}-10T12:00:00+00:00",
            invoice_no=f"{company}-{month}-{price}",
            **values,
        )
    )


@pytest.fixture
def settled(database: Database, everything: Scope) -> Database:
    """A spring in which companies of two regions sold in March and April."""
    spring(database, everything)
    bring(
        database,
        everything,
        [
            *(sold("A", "50.00"), sold("B", "50.00"), sold("C", "20.00")),
            *(sold("D", "90.00", region="South"), sold("E", "9.99", region="South")),
            *(sold("C", "70.00", month=4), sold("A", "10.00", month=4)),
            *(sold("D", "40.00", month=4, region="South"), sold("D", "40.00", month=4)),
            *(sold("F", "80.00", month=4, quantity="-1"), sold("A", "70.00", currency="USD")),
        ],
    )
    settle_programme(database, everything, "spring")
    return database


def places(database: Database, scope: Scope, period: tuple[date, date], **choice: Any) -> list[Standing]:
    programme_id = spring_id(database)
    with database.transaction(scope) as connection:
        return standings(
            connection,
            **{
                "programme_id": programme_id,
                "currency": "EUR",
                "time_zone": None,
                "since": period[0],
                "until": period[1],
                "limit": 100,
                **choice,
            },
        )


def spring_id(database: Database) -> UUID:
    system = Scope.of_system("test")
    with database.transaction(system) as connection:
        return programme_by_code(connection, system, "spring").id


def test_equal_points_share_a_rank_and_the_next_one_counts_them_all(
    settled: Database, everything: Scope
) -> None:
    found = places(settled, everything, MARCH)
    assert [(one.rank, one.code, one.points, str(one.net)) for one in found] == [
        (1, "D", 9, "90.00"),
        (2, "A", 5, "50.00"),
        (2, "B", 5, "50.00"),
        (4, "C", 2, "20.00"),
        (5, "E", 0, "9.99"),
    ]


def test_movement_is_told_against_the_period_before(settled: Database, everything: Scope) -> None:
    found = places(settled, everything, APRIL, before=MARCH)
    assert [(one.code, one.rank, one.previous_rank, one.points, one.previous_points) for one in found] == [
        ("D", 1, 1, 8, 9),
        ("C", 2, 4, 7, 2),
        ("A", 3, 2, 1, 5),
        ("F", 4, None, -8, None),
    ]


def test_a_region_stands_for_the_lines_that_name_it_whatever_their_companys_region(
    settled: Database, everything: Scope
) -> None:
    found = places(settled, everything, APRIL, by=StandingsBy.REGION, before=MARCH)
    assert {one.code: (one.rank, one.points, one.previous_points) for one in found} == {
        "North": (1, 4, 12),
        "South": (1, 4, 9),
    }


def test_a_chosen_region_or_name_shows_fewer_places_with_the_ranks_they_have(
    settled: Database, everything: Scope
) -> None:
    with settled.transaction(everything) as connection:
        south = region_by_code(connection, "South").id
    found = places(settled, everything, MARCH, region_ids=[south])
    assert [(one.rank, one.code) for one in found] == [(1, "D"), (5, "E")]
    assert [(one.rank, one.code) for one in places(settled, everything, MARCH, words="c")] == [(4, "C")]
    assert [one.code for one in places(settled, everything, MARCH, limit=2, offset=1)] == ["A", "B"]


def test_a_scope_of_one_region_shows_and_ranks_that_region_only(settled: Database, everything: Scope) -> None:
    with settled.transaction(everything) as connection:
        north = region_by_code(connection, "North").id
    head = somebody(
        settled, Role.HEAD_OF_SALES, grants=frozenset({ScopeGrant(ScopeKind.REGION, north)})
    ).scope
    assert [(one.rank, one.code) for one in places(settled, head, MARCH)] == [(1, "A"), (1, "B"), (3, "C")]
    by_region = places(settled, head, MARCH, by=StandingsBy.REGION)
    assert [(one.rank, one.code, one.points) for one in by_region] == [(1, "North", 12)]


def test_the_best_region_of_a_scope_is_first_though_its_companies_sold_more_elsewhere(
    settled: Database, everything: Scope
) -> None:
    bring(settled, everything, [sold("A", "500.00", region="South", month=5), sold("A", "30.00", month=5)])
    settle_programme(settled, everything, "spring")
    with settled.transaction(everything) as connection:
        north = region_by_code(connection, "North").id
    head = somebody(
        settled, Role.HEAD_OF_SALES, grants=frozenset({ScopeGrant(ScopeKind.REGION, north)})
    ).scope
    may = (date(2026, 5, 1), date(2026, 5, 31))
    found = places(settled, head, may, by=StandingsBy.REGION)
    assert [(one.rank, one.code, one.points) for one in found] == [(1, "North", 3)]


def test_months_come_to_the_same_as_the_places(settled: Database, everything: Scope) -> None:
    found = places(settled, everything, APRIL)
    programme_id = spring_id(settled)
    with settled.transaction(everything) as connection:
        months = monthly_totals(
            connection,
            programme_id=programme_id,
            currency="EUR",
            time_zone=None,
            since=MARCH[0],
            until=APRIL[1],
        )
        company = company_by_code(connection, "D")
        of_company = monthly_totals(
            connection,
            programme_id=programme_id,
            currency="EUR",
            time_zone=None,
            since=MARCH[0],
            until=APRIL[1],
            company_id=company.id,
        )
        days = sold_days(connection, currency="EUR", time_zone=None, since=MARCH[0], until=APRIL[1])
    april = months[1]
    assert (april.points, april.net.minor) == (
        sum(one.points for one in found),
        sum(one.net.minor for one in found),
    )
    assert [(one.month, one.points, str(one.net), one.lines) for one in months] == [
        (date(2026, 3, 1), 21, "219.99", 5),
        (date(2026, 4, 1), 8, "80.00", 5),
    ]
    assert [(one.points, one.lines) for one in of_company] == [(9, 1), (8, 2)]
    assert days == (date(2026, 3, 10), date(2026, 4, 10))


def test_what_is_cached_ages_with_every_new_line_and_award(settled: Database, everything: Scope) -> None:
    def version() -> tuple[int, int]:
        with settled.transaction(everything) as connection:
            return facts_version(connection)

    before = version()
    bring(settled, everything, [sold("A", "60.00", month=5)])
    with_line = version()
    assert with_line[0] > before[0]
    settle_programme(settled, everything, "spring")
    assert version()[1] > with_line[1]


def test_what_is_cached_ages_with_a_slow_import_that_a_faster_one_overtook(
    committed_database: Database, everything: Scope
) -> None:
    def version() -> tuple[int, int]:
        with committed_database.transaction(everything) as connection:
            return facts_version(connection)

    bring(committed_database, everything, [row()])
    with committed_database.transaction(everything) as slow:
        bring_in(slow, everything, [row(invoice_no="SLOW")], source="slow", at=now())
        bring(committed_database, everything, [row(invoice_no="FAST")], source="fast")
        overtaken = version()
    assert version() != overtaken


LONDON_2025 = """\
code: year
name: Year
starts: 2025-01-01
ends: 2025-12-31
time_zone: Europe/London
currency: EUR
collects: company
rules:
  - {id: base, per: line, award: {points: 1, per_amount: 10.00}}
"""


def test_a_line_counts_on_its_day_in_the_programmes_zone_for_points_places_and_months_alike(
    database: Database, everything: Scope
) -> None:
    apply_programme(database, everything, LONDON_2025)
    edges = [
        ("FIRST", "2025-01-01T01:00:00+01:00"),
        ("EARLY", "2025-01-01T00:59:59+01:00"),
        ("LAST", "2026-01-01T00:00:00+01:00"),
        ("LATE", "2026-01-01T01:00:00+01:00"),
    ]
    bring(
        database,
        everything,
        [row(company_code=code, invoice_no=code, sold_at=at, unit_price="50.00") for code, at in edges],
        time_zone="Europe/Warsaw",
    )
    settle_programme(database, everything, "year")
    assert balances(database, everything) == {"FIRST": 5, "LAST": 5}
    with database.transaction(everything) as connection:
        programme = programme_by_code(connection, everything, "year")
        span: dict[str, Any] = {
            "currency": "EUR",
            "time_zone": programme.time_zone,
            "since": programme.starts_on,
            "until": programme.ends_on,
        }
        found = standings(connection, programme_id=programme.id, **span, limit=10)
        regions = standings(connection, programme_id=programme.id, **span, by=StandingsBy.REGION, limit=10)
        months = monthly_totals(connection, programme_id=programme.id, **span)
        days = sold_days(connection, **span)
        happened = connection.execute(text("select happened_on from award order by 1")).scalars().all()
    assert [(one.code, one.points, str(one.net)) for one in found] == [
        ("FIRST", 5, "50.00"),
        ("LAST", 5, "50.00"),
    ]
    assert [(one.points, str(one.net)) for one in regions] == [(10, "100.00")]
    assert [(one.month, one.points, one.lines) for one in months] == [
        (date(2025, 1, 1), 5, 1),
        (date(2025, 12, 1), 5, 1),
    ]
    assert days == (date(2025, 1, 1), date(2025, 12, 31))
    assert happened == [date(2025, 1, 1), date(2025, 12, 31)]


def test_a_zone_given_later_moves_the_days_of_points_given_before(
    database: Database, everything: Scope
) -> None:
    apply_programme(database, everything, LONDON_2025.replace("time_zone: Europe/London\n", ""))
    bring(
        database,
        everything,
        [row(sold_at="2025-06-01T00:30:00+02:00", unit_price="50.00")],
        time_zone="Europe/Warsaw",
    )
    settle_programme(database, everything, "year")
    apply_programme(database, everything, LONDON_2025)
    settle_programme(database, everything, "year")
    with database.transaction(everything) as connection:
        programme = programme_by_code(connection, everything, "year")
        months = monthly_totals(
            connection,
            programme_id=programme.id,
            currency="EUR",
            time_zone=programme.time_zone,
            since=programme.starts_on,
            until=programme.ends_on,
        )
    assert [(one.month, one.points, one.lines) for one in months] == [(date(2025, 5, 1), 5, 1)]
