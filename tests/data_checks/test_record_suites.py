"""The suites for companies, outlets, participants, products, prices and budgets, over staging as intake leaves it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from data_checks import EarlierFile, ImportFacts, SuiteResult, run_suite
from laurel.registers import DATASETS
from loyalty_core.intake import RecordsDataset, Staging
from loyalty_core.kernel import Database, Scope, new_id
from tests.databases import TestServer, database_of
from tests.records.staged import Row, stage

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
Judge = Callable[..., SuiteResult]


@pytest.fixture(scope="module")
def committed(server: TestServer) -> Iterator[Database]:
    """A database of this module's own: a suite reads staging on a connection of its own."""
    owner_url = server.new_database()
    made = database_of(owner_url)
    yield made
    made.close()
    server.drop_database(owner_url)


@pytest.fixture
def judge(committed: Database, everything: Scope) -> Judge:
    """Run a dataset's suite over these rows; `bad` are reasons by row number."""

    def run(
        name: str, rows: Sequence[Row], *, bad: dict[int, str] | None = None, **facts: Any
    ) -> SuiteResult:
        dataset = DATASETS[name]
        assert isinstance(dataset, RecordsDataset)
        reasons = bad or {}
        with committed.transaction(everything) as connection:
            staging: Staging = stage(connection, dataset, new_id(), rows)
            for row_no, reason in reasons.items():
                connection.execute(
                    staging.sql("insert into {bad} values (:row_no, null, array[:reason])"),
                    {"row_no": row_no, "reason": reason},
                )
        return run_suite(
            name,
            database_url=committed.app_url,
            staging_table=staging.table,
            facts=ImportFacts(rows=len(rows), quarantined=len(reasons), duplicates=0, now=NOW, **facts),
        )

    return run


def companies(count: int, **same: Any) -> list[dict[str, Any]]:
    return [
        {
            "code": f"C{number}",
            "name": f"Hotel {number}",
            "region_code": "North",
            "kind": "distributor" if number % 10 == 0 else "wholesaler",
            "distributor_code": "C0" if number % 2 else "-",
            "salesperson": "sela",
            **same,
        }
        for number in range(count)
    ]


def outlets(count: int, **same: Any) -> list[dict[str, Any]]:
    return [
        {"company_code": f"C{number % 7}", "code": f"O{number}", "name": f"Bar {number}", **same}
        for number in range(count)
    ]


def people(count: int, **same: Any) -> list[dict[str, Any]]:
    return [
        {
            "code": f"P{number}",
            "company_code": f"C{number % 7}",
            "display_name": f"Anna {number}",
            "group": "distributor" if number % 5 == 0 else "wholesaler",
            "is_owner": "yes" if number % 9 == 0 else "no",
            "phone": f"+48 601 000 {number:03}",
            "email": f"anna{number}@example.com",
            **same,
        }
        for number in range(count)
    ]


def products(count: int, **same: Any) -> list[dict[str, Any]]:
    return [
        {
            "code": f"A{number}",
            "name": f"Cup {number}",
            "brand": f"Brand {number % 3}",
            "product_group": "Cups",
            **same,
        }
        for number in range(count)
    ]


def prices(count: int, **same: Any) -> list[dict[str, Any]]:
    return [
        {
            "price_list": "RETAIL",
            "product_code": f"A{number}",
            "currency": "EUR",
            "unit_price": f"{10 + number}.50",
            "valid_from": "2026-01-01T00:00:00Z",
            **same,
        }
        for number in range(count)
    ]


def budgets(count: int, **same: Any) -> list[dict[str, Any]]:
    return [
        {
            "programme_code": "year",
            "region_code": f"R{number}",
            "starts_on": "2026-07-01T00:00:00Z",
            "amount": "1000",
            "reason": "as planned",
            **same,
        }
        for number in range(count)
    ]


USUAL = {
    "companies": companies,
    "outlets": outlets,
    "participants": people,
    "products": products,
    "prices": prices,
    "budgets": budgets,
}


@pytest.mark.parametrize("name", USUAL)
def test_a_usual_file_keeps_every_limit_and_every_check_says_what_to_do(judge: Judge, name: str) -> None:
    result = judge(name, USUAL[name](40))
    assert [check.name for check in result.checks if not check.passed] == []
    assert len(result.checks) >= 6
    for check in result.checks:
        assert check.meaning
        assert check.what_to_do.endswith(".")


@pytest.mark.parametrize("name", USUAL)
def test_a_file_of_which_nothing_is_left_stops(judge: Judge, name: str) -> None:
    result = judge(name, USUAL[name](2), bad={2: "text_too_long", 3: "text_too_long"})
    assert [check.name for check in result.stops] == ["records_left"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("companies", "unknown_region"),
        ("outlets", "unknown_company"),
        ("participants", "unknown_company"),
        ("prices", "unknown_product"),
        ("budgets", "unknown_programme"),
    ],
)
def test_rows_that_name_something_unknown_are_told_apart(judge: Judge, name: str, reason: str) -> None:
    bad = dict.fromkeys(range(2, 5), reason) | {5: "text_too_long"}
    result = judge(name, USUAL[name](40), bad=bad)
    found = {check.name: check for check in result.checks}
    assert (found["unknown_share"].observed, found["unknown_share"].passed) == (3 / 40, False)
    assert found["quarantine_share"].observed == 4 / 40


@pytest.mark.parametrize(
    ("name", "rows", "stops", "warns"),
    [
        ("companies", companies(40, name="Hotel"), {"same_name_share"}, set()),
        ("companies", companies(40, kind="distributor"), set(), {"distributors_share"}),
        ("companies", companies(40, salesperson=None), set(), {"unserved_share"}),
        ("companies", companies(40, distributor_code=None), set(), {"without_distributor_share"}),
        ("outlets", outlets(40, name="Bar"), set(), {"same_name_share"}),
        ("outlets", outlets(2_001, company_code="C1"), set(), {"most_outlets"}),
        ("participants", people(40, display_name="Anna"), {"same_person_share"}, set()),
        ("participants", people(40, phone="+48 601 000 000"), {"shared_contact_share"}, set()),
        ("participants", people(40, phone=None, email="-"), set(), {"unreachable_share"}),
        ("participants", people(40, is_owner="yes"), set(), {"owners_share"}),
        ("participants", people(40, group="wholesaler"), set(), {"largest_group_share"}),
        ("products", products(40, name="Cup"), set(), {"same_name_share"}),
        ("products", products(40, brand=None), set(), {"brandless_share"}),
        ("products", products(40, product_group="-"), set(), {"groupless_share"}),
        ("products", [*products(40), *products(1, code="Z", brand="BRAND 1")], set(), {"brand_spellings"}),
        ("prices", prices(40, unit_price="0"), {"free_share"}, set()),
        (
            "prices",
            [*prices(40), *prices(1, product_code="Z", unit_price="9000000")],
            set(),
            {"highest_price", "spread"},
        ),
        (
            "prices",
            [*prices(40), *prices(1, product_code="Z", currency="PLN")],
            set(),
            {"currencies_of_a_list"},
        ),
        ("prices", prices(40, valid_from="1999-01-01T00:00:00Z"), {"old_share"}, set()),
        ("prices", prices(40, valid_from="2040-01-01T00:00:00Z"), {"far_share"}, set()),
        ("budgets", budgets(40, amount="0"), set(), {"nothing_share"}),
        (
            "budgets",
            [*budgets(40), *budgets(1, region_code="Z", amount="90000000")],
            set(),
            {"largest_share"},
        ),
    ],
)
def test_a_file_that_looks_wrong_as_a_whole_is_told(
    judge: Judge, name: str, rows: list[dict[str, Any]], stops: set[str], warns: set[str]
) -> None:
    result = judge(name, rows)
    assert {check.name for check in result.stops} == stops
    assert {check.name for check in result.warnings} == warns


def test_a_column_that_nobody_sends_is_not_missing(judge: Judge) -> None:
    result = judge(
        "companies", companies(40, salesperson=None), mapped=frozenset({"code", "name", "region_code"})
    )
    assert "unserved_share" not in {check.name for check in result.checks}


def test_a_file_that_changes_most_of_what_is_there_is_told(judge: Judge) -> None:
    result = judge("products", products(40), changing=30)
    assert [check.name for check in result.warnings] == ["changed_share"]


def test_files_are_compared_with_earlier_ones_of_their_source(judge: Judge) -> None:
    earlier = [EarlierFile(rows=400, net_amount=Decimal(8_000_000), quarantine_share=0.0)] * 3
    assert [check.name for check in judge("outlets", outlets(40), earlier=earlier).warnings] == [
        "rows_against_earlier"
    ]
    result = judge("budgets", budgets(40), earlier=earlier)
    assert {check.name for check in result.warnings} == {"rows_against_earlier"}
    assert {check.name for check in result.stops} == {"amount_against_earlier"}
