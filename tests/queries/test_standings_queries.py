"""The replica's standings are those of the store, whoever asks for whatever."""

from datetime import date
from itertools import product
from uuid import UUID

import pytest

from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.analytics import Replica, run_query
from loyalty_core.kernel import Database, Scope
from loyalty_core.organisation import region_by_code
from loyalty_core.programmes import programme_by_code
from loyalty_core.settlement import settle_programme
from loyalty_core.standings import StandingsBy, monthly_totals, sold_days, standings
from tests.access.people import somebody
from tests.replicas import catch_up
from tests.sales.files import bring, row
from tests.settlement.programmes import spring

MARCH, APRIL = (date(2026, 3, 1), date(2026, 3, 31)), (date(2026, 4, 1), date(2026, 4, 30))
SPANS = [
    (MARCH, None),
    (APRIL, MARCH),
    ((date(2026, 3, 31), date(2026, 4, 1)), None),
    ((APRIL[0], APRIL[0]), MARCH),
]
ZONES = [None, "UTC", "Asia/Jakarta", "America/New_York"]
QUERIES = {StandingsBy.COMPANY: "standings_by_company", StandingsBy.REGION: "standings_by_region"}


@pytest.fixture
def market(committed_database: Database, everything: Scope, replica: Replica) -> Database:
    """Sales in two regions around the turn of a month, returns and another currency among them."""
    spring(committed_database, everything)
    sold = [
        ("A", "50.00", "North", "2026-03-10T12:00:00+00:00"),
        ("B", "50.00", "North", "2026-03-31T23:30:00+00:00"),
        ("C", "20.00", "North", "2026-03-31T02:00:00+00:00"),
        ("D", "90.00", "South", "2026-04-01T03:00:00+00:00"),
        ("D", "40.00", "North", "2026-04-10T12:00:00+00:00"),
        ("E", "9.99", "South", "2026-04-30T20:00:00+00:00"),
        ("A", "30.00", "South", "2026-05-01T00:00:00+00:00"),
    ]
    lines = [
        row(company_code=code, unit_price=price, region=region, sold_at=at, invoice_no=f"{code}-{at}")
        for code, price, region, at in sold
    ]
    lines.append(
        row(company_code="F", unit_price="80.00", quantity="-1", sold_at="2026-04-10T12:00:00+00:00")
    )
    lines.append(row(company_code="A", unit_price="70.00", currency="USD", invoice_no="other money"))
    bring(committed_database, everything, lines)
    settle_programme(committed_database, everything, "spring")
    catch_up(replica, committed_database)
    return committed_database


def the_programme(database: Database, scope: Scope) -> UUID:
    with database.snapshot(scope) as connection:
        return programme_by_code(connection, scope, "spring").id


def people(database: Database, everything: Scope) -> list[Scope]:
    """Who sees all, one region, one company, nothing."""
    with database.snapshot(everything) as connection:
        north = region_by_code(connection, "North").id
    return [
        everything,
        somebody(
            database,
            Role.HEAD_OF_SALES,
            name="north",
            grants=frozenset({ScopeGrant(ScopeKind.REGION, north)}),
        ).scope,
        somebody(database, Role.ANALYST, name="nobody", grants=frozenset()).scope,
    ]


def test_places_are_the_stores(market: Database, everything: Scope) -> None:
    programme_id = the_programme(market, everything)
    with market.snapshot(everything) as connection:
        north = region_by_code(connection, "North").id
    compared = 0
    for scope in people(market, everything):
        for by, zone, (span, before), regions, words in product(
            StandingsBy, ZONES, SPANS, (None, [north]), ("", "d")
        ):
            with market.snapshot(scope) as connection:
                wanted = standings(
                    connection,
                    programme_id=programme_id,
                    currency="EUR",
                    time_zone=zone,
                    since=span[0],
                    until=span[1],
                    before=before,
                    by=by,
                    region_ids=regions,
                    words=words,
                    limit=100,
                )
            found = run_query(
                scope,
                QUERIES[by],
                {
                    "programme_id": programme_id,
                    "currency": "EUR",
                    "time_zone": zone,
                    "since": span[0],
                    "until": span[1],
                    "before_since": before[0] if before else None,
                    "before_until": before[1] if before else None,
                    "region_ids": regions,
                    "words": words,
                    "limit": None,
                    "offset": 0,
                },
            )
            all_of_them = (
                len(wanted),
                sum(one.points for one in wanted),
                sum(one.net.minor for one in wanted),
            )
            asked = (scope.actor_name, by, zone, span, before, regions, words)
            assert found.rows() == [
                (
                    one.rank,
                    one.code,
                    one.name,
                    one.region_name,
                    one.points,
                    one.net.minor,
                    one.previous_rank,
                    one.previous_points,
                    *all_of_them,
                )
                for one in wanted
            ], asked
            compared += len(wanted)
    assert compared > 100


def test_months_and_days_are_the_stores(market: Database, everything: Scope) -> None:
    programme_id = the_programme(market, everything)
    for scope in people(market, everything):
        for zone, (span, _before) in product(ZONES, [*SPANS, ((MARCH[0], date(2026, 5, 31)), None)]):
            days = {"currency": "EUR", "time_zone": zone, "since": span[0], "until": span[1]}
            with market.snapshot(scope) as connection:
                months = monthly_totals(connection, programme_id=programme_id, **days)  # type: ignore[arg-type]
                sold = sold_days(connection, **days)  # type: ignore[arg-type]
            found = run_query(
                scope, "programme_months", {**days, "programme_id": programme_id, "company_id": None}
            )
            assert found.rows() == [
                (one.month, one.net.minor, one.points, one.lines, one.companies) for one in months
            ]
            (between,) = run_query(scope, "programme_sold_days", days).rows()
            assert between == (sold or (None, None))


def test_a_page_of_places_knows_what_all_come_to(market: Database, everything: Scope) -> None:
    asked = {
        "programme_id": the_programme(market, everything),
        "currency": "EUR",
        "time_zone": None,
        "since": MARCH[0],
        "until": APRIL[1],
        "before_since": None,
        "before_until": None,
        "region_ids": None,
        "words": "",
    }
    every = run_query(everything, "standings_by_company", {**asked, "limit": None, "offset": 0})
    second = run_query(everything, "standings_by_company", {**asked, "limit": 2, "offset": 2})
    assert second.rows() == every.rows()[2:4]
    assert every["places"].to_list() == [6] * 6
    assert every["points_of_all"][0] == every["points"].sum()
    assert every["net_of_all_minor"][0] == every["net_minor"].sum()
