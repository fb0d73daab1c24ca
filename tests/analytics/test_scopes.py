"""Whoever asks, and whatever is asked: an answer within a scope is the answer of a world that holds no more.

Each query is asked of a replica with everything in it, within a scope, and of a replica that never held anything
else, without one. If a foreign row had any part in the first answer, the two would differ.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import pytest

from loyalty_core.analytics import registered_fact_tables
from loyalty_core.analytics.views import ROLL_UPS
from loyalty_core.kernel import ActorKind, Scope
from queries import Query, load_query, query_names
from queries.loader import parse_query
from tests.analytics.asking import choices, some_values
from tests.analytics.filling import GivenReplica, Rows, given_replica

NAMES = UUID("6f0bd5b4-9fd6-4b4e-a4a3-2d7b2b0f3c11")
PROGRAMMES = ("spring", "autumn")
# region: its parent and its companies.
REGIONS: Mapping[str, tuple[str | None, tuple[str, ...]]] = {
    "north": (None, ("N1", "N2")),
    "north-east": ("north", ("E1",)),
    "south": (None, ("S1", "S2")),
}


def name_id(name: str) -> UUID:
    return uuid5(NAMES, name)


def rows_of(companies: set[str], regions: set[str], programmes: set[str]) -> Rows:
    """Return the rows of a world in which there are only these companies, regions and programmes."""
    made: dict[str, list[dict[str, Any]]] = {table.name: [] for table in registered_fact_tables()}
    made["product"] = [
        {"id": name_id(code), "code": code, "name": f"Product {code}", "brand": brand, "product_group": group}
        for code, brand, group in (("P1", "Aster", "Paints"), ("P2", "Borea", "Tapes"), ("P3", None, None))
    ]
    made["programme"] = [
        {
            "id": name_id(code),
            "code": code,
            "name": code.title(),
            "currency": "EUR",
            "collects": "participant",
            "earns_from": "claims",
            "starts_on": date(2026, 1, 1),
            "ends_on": date(2026, 12, 31),
            "goal_sales_minor": 1_000_000,
            "point_value": Decimal("0.01"),
            "inactive_after_days": 60,
        }
        for code in PROGRAMMES
        if code in programmes
    ]
    made["reward"] = [
        {
            "id": name_id(f"reward {code}"),
            "programme_id": name_id(code),
            "code": "R1",
            "name": f"Reward of {code}",
            "category": "Tools",
            "kind": "merchandise",
            "points": 100,
            "cost_minor": 900,
            "stock": 5,
            "state": "offered",
        }
        for code in PROGRAMMES
        if code in programmes
    ]
    numbers = itertools.count(1)
    for region, (parent, its_companies) in REGIONS.items():
        if region in regions:
            made["region"].append(
                {
                    "id": name_id(region),
                    "code": region,
                    "name": region.title(),
                    "parent_id": name_id(parent) if parent else None,
                }
            )
        for programme in PROGRAMMES:
            number = next(numbers)
            if region in regions and programme in programmes:
                _add_budget(made, region, programme, number)
        for company in its_companies:
            number = next(numbers) * 100
            if company in companies:
                _add_company(made, company, region, programmes, number)
    return made


def _add_budget(made: dict[str, list[dict[str, Any]]], region: str, programme: str, number: int) -> None:
    for quarter, (month, last) in enumerate(((1, 31), (4, 30), (7, 30), (10, 31))):
        budget = name_id(f"budget {region} {programme} {quarter}")
        made["budget"].append(
            {
                "id": budget,
                "programme_id": name_id(programme),
                "region_id": name_id(region),
                "starts_on": date(2026, month, 1),
                "ends_on": date(2026, month + 2, last),
                "currency": "EUR",
                "set_minor": 1000 * number,
                "reserved_minor": 10 * number,
                "spent_minor": number,
            }
        )
        made["budget_movement"].append(
            {
                "id": number * 10 + quarter,
                "budget_id": budget,
                "programme_id": name_id(programme),
                "region_id": name_id(region),
                "kind": "set",
                "amount_minor": 1000 * number,
                "recorded_at": datetime(2026, month, 1, tzinfo=UTC),
                "set_after_minor": 1000 * number,
                "reserved_after_minor": 0,
                "spent_after_minor": 0,
            }
        )


def _add_company(
    made: dict[str, list[dict[str, Any]]], company: str, region: str, programmes: set[str], number: int
) -> None:
    company_id, seller, person = name_id(company), name_id(f"seller {company}"), name_id(f"person {company}")
    made["app_user"].append({"id": seller, "display_name": f"Seller of {company}"})
    made["company"].append(
        {
            "id": company_id,
            "code": company,
            "name": f"Company {company}",
            "kind": "wholesaler",
            "region_id": name_id(region),
            "salesperson_id": seller,
        }
    )
    made["participant"].append(
        {
            "id": person,
            "code": f"T-{company}",
            "company_id": company_id,
            "participant_group": "wholesaler",
            "is_owner": True,
            "state": "active",
            "registered_at": datetime(2026, 1, 5, tzinfo=UTC),
        }
    )
    made["participant_person"].append(
        {"participant_id": person, "company_id": company_id, "display_name": f"Person of {company}"}
    )
    for month in range(1, 13):
        line = number + month
        made["sales_line"].append(
            {
                "id": line,
                "company_id": company_id,
                "region_id": name_id(region),
                "product_id": name_id(f"P{1 + month % 3}"),
                "invoice_no": f"I-{company}-{month // 2}",
                "quantity": Decimal(month if month % 5 else -1),
                "amount_minor": number * month if month % 5 else -number,
                "currency": "EUR",
                "sold_on": date(2026, month, 10),
                "sold_at": datetime(2026, month, 10, 12, tzinfo=UTC),
                "import_id": name_id("file"),
                "row_no": month,
            }
        )
        for place, programme in enumerate(PROGRAMMES):
            if programme not in programmes:
                continue
            made["claim"].append(
                {
                    "number": line * 2 + place,
                    "claim_no": f"C-{line}-{programme}",
                    "programme_id": name_id(programme),
                    "company_id": company_id,
                    "participant_id": person,
                    "state": "approved" if month % 2 else "waiting",
                    "product_code": f"P{1 + month % 3}",
                    "quantity": Decimal(1),
                    "sold_on": date(2026, month, 10),
                    "recorded_at": datetime(2026, month, 11, tzinfo=UTC),
                    "decided_at": datetime(2026, month, 12, tzinfo=UTC) if month % 2 else None,
                    "sales_line_id": line if month % 2 else None,
                    "approved_quantity": Decimal(1) if month % 2 else None,
                }
            )
            made["claim_verdict"].append(
                {
                    "id": line * 2 + place,
                    "claim_number": line * 2 + place,
                    "programme_id": name_id(programme),
                    "company_id": company_id,
                    "verdict": ("match", "typo_in_invoice", "wrong_date")[month % 3],
                    "sales_line_id": line,
                    "proposed_invoice_no": None,
                    "judged_at": datetime(2026, month, 11, tzinfo=UTC),
                }
            )
            if month % 2:
                made["claim_decision"].append(
                    {
                        "id": line * 2 + place,
                        "claim_number": line * 2 + place,
                        "revision": 1,
                        "programme_id": name_id(programme),
                        "company_id": company_id,
                        "kind": ("approve", "reject", "correct")[month % 5 % 3],
                        "sales_line_id": line,
                        "quantity": Decimal(1),
                        "is_by_rule": False,
                        "decided_at": datetime(2026, month, 12, tzinfo=UTC),
                    }
                )
            made["award"].append(
                {
                    "id": line * 2 + place,
                    "sales_line_id": line,
                    "claim_number": line * 2 + place,
                    "programme_id": name_id(programme),
                    "company_id": company_id,
                    "product_id": name_id(f"P{1 + month % 3}"),
                    "points": number + month + place if month % 5 else -1,
                    "basis_minor": number * month,
                    "happened_on": date(2026, month, 10),
                    "rule_id": "base",
                }
            )
    for place, programme in enumerate(PROGRAMMES):
        if programme not in programmes:
            continue
        made["account"].append(
            {
                "id": name_id(f"account {company} {programme}"),
                "programme_id": name_id(programme),
                "kind": "participant",
                "owner_id": person,
                "company_id": company_id,
                "balance": number + place,
            }
        )
        made["reward_order"].append(
            {
                "id": name_id(f"order {company} {programme}"),
                "number": number * 2 + place,
                "programme_id": name_id(programme),
                "company_id": company_id,
                "participant_id": person,
                "requested_by": seller,
                "reward_id": name_id(f"reward {programme}"),
                "points": 100,
                "cost_minor": 900 + number,
                "currency": "EUR",
                "budget_id": None,
                "state": "awaiting_finance",
                "ordered_at": datetime(2026, 6, 1, tzinfo=UTC),
            }
        )


EVERY_COMPANY = {company for _parent, companies in REGIONS.values() for company in companies}
EVERY_REGION, EVERY_PROGRAMME = set(REGIONS), set(PROGRAMMES)


def scope(
    *,
    regions: Iterable[str] = (),
    companies: Iterable[str] = (),
    programmes: Iterable[str] | None = None,
    sees_everything: bool = False,
) -> Scope:
    return Scope(
        ActorKind.USER,
        "somebody",
        sees_everything=sees_everything,
        region_ids=frozenset(map(name_id, regions)),
        company_ids=frozenset(map(name_id, companies)),
        programme_ids=None if programmes is None else frozenset(map(name_id, programmes)),
    )


# What somebody may see, and the world that holds just that.
SCOPES = {
    "a head of sales of a region and below": (
        scope(regions={"north", "north-east"}),
        ({"N1", "N2", "E1"}, {"north", "north-east"}, EVERY_PROGRAMME),
    ),
    "a salesperson's companies": (scope(companies={"N1", "S1"}), ({"N1", "S1"}, set(), EVERY_PROGRAMME)),
    "a region and a company elsewhere": (
        scope(regions={"south"}, companies={"E1"}),
        ({"S1", "S2", "E1"}, {"south"}, EVERY_PROGRAMME),
    ),
    "a manager of one programme": (
        scope(sees_everything=True, programmes={"spring"}),
        (EVERY_COMPANY, EVERY_REGION, {"spring"}),
    ),
    "one programme in one region": (
        scope(regions={"south"}, programmes={"autumn"}),
        ({"S1", "S2"}, {"south"}, {"autumn"}),
    ),
    "nobody": (scope(programmes=set()), (set(), set(), set())),
}
UNLIMITED = scope(sees_everything=True)


@pytest.fixture(scope="module")
def whole() -> Iterator[GivenReplica]:
    with given_replica(rows_of(EVERY_COMPANY, EVERY_REGION, EVERY_PROGRAMME)) as replica:
        yield replica


@pytest.fixture(scope="module", params=SCOPES, ids=str)
def limited(request: pytest.FixtureRequest) -> Iterator[tuple[Scope, GivenReplica]]:
    """A scope, and a replica that holds what it lets through and nothing else."""
    asked, (companies, regions, programmes) = SCOPES[request.param]
    with given_replica(rows_of(companies, regions, programmes)) as replica:
        yield asked, replica


KNOWN: Mapping[str, object] = {
    "programme_id": name_id("spring"),
    "currency": "EUR",
    "since": date(2026, 5, 1),
    "until": date(2026, 12, 31),
    "before_since": date(2026, 1, 1),
    "before_until": date(2026, 4, 30),
    "today": date(2026, 11, 20),
    "on_day": date(2026, 11, 20),
    "budget_id": name_id("budget north spring 1"),
    "days": 60,
    "limit": 1000,
    "offset": 0,
    "time_zone": "Europe/Warsaw",
}
# What a person may put into an address: companies, regions and people of others.
FOREIGN: Mapping[str, object] = {
    "company_id": name_id("S1"),
    "region_id": name_id("south"),
    "region_ids": [name_id("south"), name_id("north")],
    "participant_id": name_id("person S1"),
    "salesperson_id": name_id("seller S1"),
    "programme_id": name_id("autumn"),
    "budget_id": name_id("budget south autumn 1"),
}


def ways_to_ask(query: Query) -> Iterator[dict[str, object]]:
    """Yield values for the parameters: each choice that the header offers, then ids of others."""
    offered = [
        (parameter.name, choices(parameter.meaning))
        for parameter in query.parameters
        if parameter.kind == "varchar"
    ]
    offered = [(name, found) for name, found in offered if name not in KNOWN and len(found) > 1]
    names = {parameter.name for parameter in query.parameters}
    yield some_values(query, KNOWN)
    for name, found in offered:
        for choice in found[1:]:
            yield some_values(query, {**KNOWN, name: choice})
    for name in FOREIGN.keys() & names:
        yield some_values(query, {**KNOWN, name: FOREIGN[name]})


def answer(replica: GivenReplica, asker: Scope, query: Query, values: Mapping[str, object]) -> list[Any]:
    query.check(values)
    return sorted(replica.read(asker, query, values).rows(), key=repr)


@pytest.mark.parametrize("name", query_names())
def test_a_query_answers_as_if_nothing_else_existed(
    name: str, whole: GivenReplica, limited: tuple[Scope, GivenReplica]
) -> None:
    asked, only = limited
    query = load_query(name)
    for values in ways_to_ask(query):
        assert answer(whole, asked, query, values) == answer(only, UNLIMITED, query, values), values


@pytest.mark.parametrize("name", query_names())
def test_a_query_has_something_to_hide(name: str, whole: GivenReplica) -> None:
    query = load_query(name)
    nobody, _ = SCOPES["nobody"]
    assert any(
        answer(whole, UNLIMITED, query, values) != answer(whole, nobody, query, values)
        for values in ways_to_ask(query)
    )


@pytest.mark.parametrize(
    "view", [*(one.name for one in registered_fact_tables()), *(one.name for one in ROLL_UPS)]
)
def test_a_view_shows_what_the_scope_lets_through(
    view: str, whole: GivenReplica, limited: tuple[Scope, GivenReplica]
) -> None:
    asked, only = limited
    query = parse_query(view, f"-- All of it.\n-- grain: one row per row\nselect * from {view}")
    assert answer(whole, asked, query, {}) == answer(only, UNLIMITED, query, {})


def test_who_was_given_no_scope_finds_no_table(whole: GivenReplica) -> None:
    with pytest.raises(Exception, match="does not exist"):
        whole.ask("select * from sales_line")


def test_programmes_own_accounts_are_for_whoever_sees_everything() -> None:
    query = parse_query("a", "-- Accounts.\n-- grain: one row each\nselect balance from account")
    system = {"id": name_id("issued"), "programme_id": name_id("spring"), "kind": "system", "balance": -5}
    with given_replica({"account": [system]}) as replica:
        assert answer(replica, UNLIMITED, query, {}) == [(-5,)]
        assert answer(replica, scope(regions=EVERY_REGION), query, {}) == []


def test_claims_of_companies_that_nobody_knows_are_for_whoever_sees_everything() -> None:
    judged_at = datetime(2026, 6, 1, tzinfo=UTC)
    verdict = {"id": 1, "claim_number": 1, "verdict": "unknown_invoice", "judged_at": judged_at}
    decision = {"id": 1, "claim_number": 1, "revision": 1, "kind": "reject", "is_by_rule": False}
    claim = {"number": 1, "claim_no": "K-1", "state": "rejected", "quantity": Decimal(1)}
    with given_replica(
        {"claim": [claim], "claim_verdict": [verdict], "claim_decision": [decision]}
    ) as replica:
        for view in ("claim_verdict", "claim_decision"):
            query = parse_query(view, f"-- All.\n-- grain: one row each\nselect claim_number from {view}")
            assert answer(replica, UNLIMITED, query, {}) == [(1,)]
            assert answer(replica, scope(regions=EVERY_REGION, companies=EVERY_COMPANY), query, {}) == []
        query = load_query("verdict_claims")
        values = some_values(query, KNOWN) | {"programme_id": None}
        assert [row[1] for row in answer(replica, UNLIMITED, query, values)] == ["K-1"]
        assert answer(replica, scope(regions=EVERY_REGION), query, values) == []


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_csv('/etc/passwd')",
        "attach '/tmp/elsewhere.duckdb'",
        "copy (select 1) to '/tmp/out.csv'",
        "set threads = 8",
        "set enable_external_access = true",
        "install httpfs",
        "load httpfs",
        "select * from rows_of_this_module",
    ],
)
def test_the_engine_is_fenced(statement: str, whole: GivenReplica) -> None:
    rows_of_this_module = whole.ask("select 1")
    assert rows_of_this_module == [(1,)]
    with pytest.raises(Exception, match=r"(?i)permission|cannot|does not exist|disabled|locked"):
        whole.ask(statement)
