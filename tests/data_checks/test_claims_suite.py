"""What the suite says of files of claims."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from data_checks import ImportFacts, SuiteResult, run_suite
from laurel.embedded import app_url
from loyalty_core.kernel import libpq_url
from tests.data_checks.staging import NOW
from tests.databases import TestServer

Judge = Callable[..., SuiteResult]
SOLD_ON = NOW - timedelta(days=30)


@pytest.fixture(scope="module")
def url(server: TestServer) -> Iterator[str]:
    """The application's URL of a database that knows the product CUP."""
    owner_url = server.new_database()
    with psycopg.connect(libpq_url(app_url(owner_url)), autocommit=True) as connection:
        connection.execute(
            "insert into product (id, code, name, recorded_at) values (gen_random_uuid(), 'CUP', 'Cup', now())"
        )
    yield app_url(owner_url)
    server.drop_database(owner_url)


@pytest.fixture
def judge(url: str) -> Judge:
    """Run the suite over claims (invoice, product, day), each under a number of its own."""

    def run(claims: list[tuple[str, str, Any]], **said: Any) -> SuiteResult:
        name = f"staging.import_{uuid4().hex}"
        with psycopg.connect(libpq_url(url), autocommit=True) as connection:
            connection.execute(
                f"create unlogged table {name} (row_no bigint not null, sheet text, claim_no text, company_code text,"
                " participant_code text, invoice_no text, product_code text, quantity numeric, sold_on timestamptz)"
            )
            connection.execute(
                f"create unlogged table {name}_bad (row_no bigint, sheet text, reasons text[])"
            )
            with connection.cursor() as cursor:
                cursor.executemany(
                    f"insert into {name} values (%s, null, %s, 'C1', null, %s, %s, 1, %s)",
                    [(row, f"K-{row}", *claim) for row, claim in enumerate(claims, 2)],
                )
            facts = ImportFacts(rows=len(claims), quarantined=0, duplicates=0, now=NOW, **said)
            try:
                return run_suite("claims", database_url=url, staging_table=name, facts=facts)
            finally:
                connection.execute(f"drop table {name}, {name}_bad")

    return run


def observed(result: SuiteResult, name: str) -> float:
    return next(check.observed for check in result.checks if check.name == name)


def test_a_usual_file_passes(judge: Judge) -> None:
    result = judge([(f"INV-{n}", "CUP", SOLD_ON) for n in range(40)])
    assert [check.name for check in result.checks if not check.passed] == []
    assert observed(result, "claims_left") == 40


def test_a_file_whose_products_nobody_knows_waits_for_a_person(judge: Judge) -> None:
    result = judge([(f"INV-{n}", "CUP" if n < 19 else "0CUP", SOLD_ON) for n in range(40)])
    assert [check.name for check in result.stops] == ["unknown_products_share"]


def test_forms_that_were_keyed_in_twice_are_shown(judge: Judge) -> None:
    result = judge([(f"INV-{n // 2 if n < 10 else n}", "CUP", SOLD_ON) for n in range(40)])
    assert observed(result, "repeated_share") == pytest.approx(5 / 40)
    assert [check.name for check in result.warnings] == ["repeated_share"]


def test_claims_of_another_period_stop_the_file(judge: Judge) -> None:
    said = {"period_from": date(2024, 5, 1), "period_to": date(2024, 5, 31)}
    claims = [(f"INV-{n}", "CUP", SOLD_ON - timedelta(days=60 if n < 3 else 0)) for n in range(40)]
    assert [check.name for check in judge(claims, **said).stops] == ["outside_period_share"]
