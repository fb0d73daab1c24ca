"""The main job on real transactions, from the command line, with the figures counted independently."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.command_line import ONLINE_RETAIL, Answer, CommandLine
from tests.server.homes import fast_server, fresh_home

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("real data"), pytest.mark.timeout(600)]

SALES = "sales-2010-12_2011-08.csv.gz"
JULY = "sales-2011-07.xlsx"


@dataclass(frozen=True)
class Outcome:
    """What the commands of the main job answered, and what the database held after the first three."""

    applied: Answer
    imported: Answer
    settled: Answer
    facts: dict[str, Any]
    standings: Answer
    books: Answer
    audit: Answer
    imported_again: Answer
    settled_again: Answer
    july: Answer
    books_at_the_end: Answer


_FACTS = {
    "returns": "select count(*) from sales_line where quantity < 0",
    "companies": "select count(*) from company",
    "products": "select count(*) from product",
    "regions": "select count(*) from region",
    "net": "select (sum(amount_minor) / 100.0)::numeric(20, 2)::text from sales_line",
    "points": "select sum(balance) from account where kind = 'company'",
    "below zero": "select count(*) from account where kind = 'company' and balance < 0",
    "debts": "select count(*) from account a where kind = 'company' and balance < 0 and not exists"
    " (select from lot where account_id = a.id and remaining > 0)",
    "staging tables": "select count(*) from pg_class where relnamespace = 'staging'::regnamespace",
}


@pytest.fixture(scope="module")
def outcome(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """Do the main job once, with relative paths from a folder that is not the project's."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "online-retail.yaml").write_text(ONLINE_RETAIL)
    sales, july = os.path.relpath(real_data / SALES, folder), os.path.relpath(real_data / JULY, folder)
    with fresh_home() as home:
        server = fast_server(home)
        owner_url = server.hold()
        laurel = CommandLine(home, folder)

        def import_file(path: str) -> Answer:
            return laurel(
                *("import", path, "--dataset", "sales", "--mapping", "online-retail", "--create-missing"),
                "--json",
            )

        applied = laurel("programme", "apply", "online-retail.yaml", "--json")
        imported = import_file(sales)
        settled = laurel("settle", "--programme", "online-retail", "--json")
        with psycopg.connect(owner_url) as owner:
            owner.execute("select set_config('laurel.everything', 'on', true)")
            facts = {name: owner.execute(query.encode()).fetchall()[0][0] for name, query in _FACTS.items()}
        standings = laurel(
            *("standings", "--programme", "online-retail", "--by", "company", "--top", "5", "--json")
        )
        books = laurel("check-books", "--json")
        audit = laurel("audit", "verify", "--json")
        yield Outcome(
            applied,
            imported,
            settled,
            facts,
            standings,
            books,
            audit,
            import_file(sales),
            laurel("settle", "--programme", "online-retail", "--json"),
            import_file(july),
            laurel("check-books", "--json"),
        )
        server.release()


def test_the_programme_is_applied_as_its_first_version(outcome: Outcome) -> None:
    assert outcome.applied.json == {"programme": "online-retail", "version": 1}


def test_every_row_of_the_file_is_accepted_or_quarantined_with_all_its_reasons(outcome: Outcome) -> None:
    answer = dict(outcome.imported.json)
    assert answer.pop("seconds") > 0
    assert answer == {
        "import": 1,
        "status": "accepted",
        "rows": 320_705,
        "accepted": 232_053,
        "quarantined": 88_652,
        "duplicates": 0,
        "reasons": {"missing_company": 88_652, "negative_price": 2},
    }
    assert outcome.imported.code == 0


def test_returns_companies_products_and_regions_are_those_of_the_file(outcome: Outcome) -> None:
    assert {name: outcome.facts[name] for name in ("returns", "companies", "products", "regions")} == {
        "returns": 5_565,
        "companies": 3_360,
        "products": 3_413,
        "regions": 36,
    }
    assert outcome.facts["net"] == "4919107.73"
    assert outcome.facts["staging tables"] == 0


def test_settling_gives_the_points_and_leaves_debts_where_more_came_back(outcome: Outcome) -> None:
    answer = outcome.settled.json
    assert (outcome.settled.code, answer["programme"], answer["lines"]) == (0, "online-retail", 232_053)
    assert answer["points"] == outcome.facts["points"] == 389_644
    assert outcome.facts["below zero"] == outcome.facts["debts"] == 40
    assert answer["postings"] > 3_000
    assert answer["awards"] > answer["postings"]


def test_the_standings_are_led_by_the_companies_with_the_most_points(outcome: Outcome) -> None:
    places = outcome.standings.json["standings"]
    assert [(place["rank"], place["code"], place["points"]) for place in places] == [
        (1, "14646", 16_976),
        (2, "18102", 12_648),
        (3, "12415", 9_579),
        (4, "17450", 8_305),
        (5, "14156", 7_610),
    ]
    assert all(set(place) == {"rank", "code", "name", "points", "net_amount"} for place in places)
    assert all(isinstance(place["net_amount"], str) and place["net_amount"][-3] == "." for place in places)


def test_the_books_and_the_audit_hold(outcome: Outcome) -> None:
    for answer in (outcome.books, outcome.books_at_the_end):
        assert answer.code == 0
        assert answer.json["ok"] is True
        assert len(answer.json["checks"]) >= 14
        assert all(set(check) == {"name", "ok", "detail"} and check["ok"] for check in answer.json["checks"])
    proof = outcome.audit.json
    assert (outcome.audit.code, set(proof), proof["ok"]) == (0, {"ok", "records", "head"}, True)
    assert proof["records"] >= 5
    assert len(bytes.fromhex(proof["head"])) == 32


def test_the_same_file_once_more_brings_nothing_and_earns_nothing(outcome: Outcome) -> None:
    again = outcome.imported_again.json
    assert (outcome.imported_again.code, again["status"]) == (0, "accepted")
    assert (again["accepted"], again["duplicates"], again["quarantined"]) == (0, 232_053, 88_652)
    assert again["reasons"] == {"missing_company": 88_652, "negative_price": 2}
    settled = outcome.settled_again.json
    assert (settled["awards"], settled["points"], settled["postings"]) == (0, 0, 0)


def test_a_workbook_of_the_same_july_brings_nothing(outcome: Outcome) -> None:
    july = outcome.july.json
    assert (outcome.july.code, july["status"], july["accepted"]) == (0, "accepted", 0)
    assert july["rows"] == july["duplicates"] + july["quarantined"] > 30_000
