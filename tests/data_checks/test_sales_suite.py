import csv
import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from data_checks import EarlierFile, ImportFacts, SuiteResult, Thresholds, default_thresholds, run_suite
from laurel.embedded import app_url
from tests.data_checks.staging import NOW, changed, staging_table, usual_lines
from tests.databases import TestServer

Judge = Callable[..., SuiteResult]


@pytest.fixture(scope="module")
def url(server: TestServer) -> Iterator[str]:
    """The application's URL of a database for this module: staging tables must be committed."""
    owner_url = server.new_database()
    yield app_url(owner_url)
    server.drop_database(owner_url)


@pytest.fixture
def judge(url: str) -> Judge:
    """Run the suite over these lines."""

    def run(
        lines: Sequence[Mapping[str, Any]],
        *,
        bad: Sequence[tuple[int, str | None]] = (),
        duplicates: int = 0,
        earlier: Sequence[EarlierFile] = (),
        mapped: frozenset[str] | None = None,
        thresholds: Thresholds | None = None,
        **said: Any,
    ) -> SuiteResult:
        facts = ImportFacts(
            rows=len(lines),
            quarantined=len(bad),
            duplicates=duplicates,
            now=NOW,
            earlier=earlier,
            mapped=mapped,
            **said,
        )
        with staging_table(url, lines, bad=bad) as table:
            return run_suite(
                "sales", database_url=url, staging_table=table, facts=facts, thresholds=thresholds
            )

    return run


def stops(result: SuiteResult) -> list[str]:
    return [check.name for check in result.stops]


def warnings_of(result: SuiteResult) -> list[str]:
    return [check.name for check in result.warnings]


def observed(result: SuiteResult, name: str) -> float:
    return next(check.observed for check in result.checks if check.name == name)


def earlier_files(rows: int, count: int = 3, *, companies: int | None = None) -> list[EarlierFile]:
    """Files of `usual_lines`: 20.00 a row."""
    return [
        EarlierFile(rows=rows, net_amount=Decimal(rows * 20), quarantine_share=0.0, companies=companies)
        for _ in range(count)
    ]


def test_a_file_in_which_nothing_stands_out_passes_every_check(judge: Judge) -> None:
    result = judge(
        usual_lines(200),
        earlier=earlier_files(200, companies=8),
        control_total=Decimal("4000.00"),
        period_from=date(2024, 5, 1),
        period_to=date(2024, 5, 31),
    )
    assert [check.name for check in result.checks if not check.passed] == []
    assert {check.name for check in result.checks} == set(default_thresholds("sales").limits)
    assert observed(result, "lines_left") == 200
    assert observed(result, "largest_line_share") == pytest.approx(1 / 200)
    assert observed(result, "amount_against_earlier") == pytest.approx(1)
    assert observed(result, "companies_against_earlier") == pytest.approx(1)


def test_a_file_of_which_nothing_is_left_waits_for_a_person(judge: Judge) -> None:
    lines = usual_lines(5)
    result = judge(lines, bad=[(line["row_no"], None) for line in lines])
    assert stops(result) == ["lines_left"]
    assert observed(result, "lines_left") == 0


@pytest.mark.parametrize(
    ("rejected", "warned", "stopped"),
    [
        (20, [], []),
        (21, ["quarantine_share"], []),
        (50, ["quarantine_share"], []),
        (51, [], ["quarantine_share"]),
    ],
)
def test_a_fifth_of_rejected_rows_is_the_most_without_a_warning_and_half_without_a_person(
    judge: Judge, rejected: int, warned: list[str], stopped: list[str]
) -> None:
    lines = usual_lines(100)
    result = judge(lines, bad=[(line["row_no"], None) for line in lines[:rejected]])
    assert (warnings_of(result), stops(result)) == (warned, stopped)
    assert observed(result, "quarantine_share") == pytest.approx(rejected / 100)


def test_shares_of_a_handful_of_rows_are_not_judged(judge: Judge) -> None:
    lines = changed(usual_lines(19), 10, quantity=-2)
    result = judge(lines, bad=[(line["row_no"], None) for line in lines[10:18]])
    assert [check.name for check in result.checks] == ["lines_left"]
    assert observed(result, "lines_left") == 11


def test_a_file_whose_lines_are_all_there_already_is_neither_stopped_nor_warned_about(judge: Judge) -> None:
    result = judge(usual_lines(200), duplicates=200)
    assert (warnings_of(result), stops(result)) == ([], [])


def test_amounts_are_held_against_the_control_total_rejected_rows_included(judge: Judge) -> None:
    lines = changed(usual_lines(100), 1, unit_price="10.05")
    right = judge(lines, bad=[(2, None)], control_total=Decimal("2000.10"))
    assert (warnings_of(right), stops(right)) == ([], [])
    near = judge(lines, control_total=Decimal("2000.30"))
    assert warnings_of(near) == ["control_total_difference"]
    far = judge(lines, control_total=Decimal("2100.00"))
    assert stops(far) == ["control_total_difference"]
    assert observed(far, "control_total_difference") == pytest.approx(99.90 / 2100)
    assert stops(judge(lines, control_total=Decimal(0))) == ["control_total_difference"]


def test_dates_are_held_against_the_period_by_the_days_of_the_senders_zone(judge: Judge) -> None:
    said = {"period_from": date(2024, 4, 1), "period_to": date(2024, 4, 30), "time_zone": "Europe/Warsaw"}
    inside = datetime(2024, 3, 31, 22, 0, tzinfo=UTC)
    april = changed(usual_lines(100), 100, sold_at=inside)
    assert observed(judge(april, **said), "outside_period_share") == 0
    last = datetime(2024, 4, 30, 22, 0, tzinfo=UTC)
    assert warnings_of(judge(changed(april, 5, sold_at=last), **said)) == ["outside_period_share"]
    assert stops(judge(changed(april, 6, sold_at=last), **said)) == ["outside_period_share"]
    open_ended = {"period_from": date(2024, 4, 1)}
    assert observed(judge(changed(april, 100, sold_at=last), **open_ended), "outside_period_share") == 0


def test_products_that_nobody_knows_are_a_sign_from_a_sources_second_file_on(judge: Judge) -> None:
    lines = changed(usual_lines(100), 6, product_code="P-404")
    assert "unknown_products_share" not in {check.name for check in judge(lines).checks}
    second = judge(lines, bad=[(2, None)], earlier=earlier_files(100, count=1))
    assert observed(second, "unknown_products_share") == pytest.approx(0.06)
    assert warnings_of(second) == ["unknown_products_share"]
    made = judge(lines, earlier=earlier_files(100, count=1), creates_missing=True)
    assert "unknown_products_share" not in {check.name for check in made.checks}
    many = judge(changed(lines, 51, product_code="P-404"), earlier=earlier_files(100, count=1))
    assert stops(many) == ["unknown_products_share"]


def test_sales_that_carry_a_minus_sign_stop_the_file(judge: Judge) -> None:
    result = judge(changed(usual_lines(100), 60, quantity=-2))
    assert stops(result) == ["returns_share"]
    assert observed(result, "returns_share") == pytest.approx(0.6)


def test_one_date_in_the_future_is_shown_and_many_stop_the_file(judge: Judge) -> None:
    tomorrow_evening = NOW + timedelta(days=1, minutes=1)
    assert warnings_of(judge(changed(usual_lines(200), 1, sold_at=tomorrow_evening))) == ["future_share"]
    assert stops(judge(changed(usual_lines(200), 3, sold_at=tomorrow_evening))) == ["future_share"]


def test_a_sale_later_today_is_not_in_the_future(judge: Judge) -> None:
    result = judge(changed(usual_lines(200), 50, sold_at=NOW + timedelta(hours=10)))
    assert (warnings_of(result), stops(result)) == ([], [])


def test_dates_of_another_century_stop_the_file(judge: Judge) -> None:
    result = judge(changed(usual_lines(100), 2, sold_at=NOW.replace(year=1911)))
    assert stops(result) == ["old_share"]


def test_a_file_of_free_goods_is_stopped(judge: Judge) -> None:
    assert stops(judge(changed(usual_lines(100), 60, unit_price=0))) == ["free_share"]


def test_a_lost_decimal_point_shows_in_the_largest_line(judge: Judge) -> None:
    result = judge(changed(usual_lines(100), 1, unit_price="1000.00"))
    assert stops(result) == ["largest_line_share"]
    assert observed(result, "largest_line_share") == pytest.approx(2000 / (2000 + 99 * 20))


def test_a_given_amount_counts_before_quantity_times_price(judge: Judge) -> None:
    result = judge(changed(usual_lines(100), 1, amount="500.00"))
    assert warnings_of(result) == ["largest_line_share"]


def test_missing_names_are_shown_only_where_the_mapping_has_names(judge: Judge) -> None:
    nameless = changed(usual_lines(100), 10, product_name="")
    assert warnings_of(judge(nameless)) == ["nameless_share"]
    assert warnings_of(judge(nameless, mapped=frozenset({"quantity", "unit_price"}))) == []


def test_a_file_is_compared_with_earlier_ones_when_there_are_enough(judge: Judge) -> None:
    lines = usual_lines(40)
    assert warnings_of(judge(lines, earlier=earlier_files(100, 2))) == []
    assert warnings_of(judge(lines, earlier=earlier_files(100, 3))) == [
        "rows_against_earlier",
        "amount_against_earlier",
    ]
    assert stops(judge(lines, earlier=earlier_files(1000))) == [
        "rows_against_earlier",
        "amount_against_earlier",
    ]


def test_a_source_that_names_fewer_companies_than_ever_is_shown(judge: Judge) -> None:
    one_company = changed(usual_lines(100), 100, company_code="C1")
    assert warnings_of(judge(one_company, earlier=earlier_files(100, companies=8))) == [
        "companies_against_earlier"
    ]


def test_more_rejected_rows_than_usual_are_shown_before_they_are_many(judge: Judge) -> None:
    lines = usual_lines(100)
    result = judge(lines, bad=[(n, None) for n in range(2, 15)], earlier=earlier_files(100))
    assert warnings_of(result) == ["quarantine_against_earlier"]


def test_rejected_rows_are_not_judged_and_are_told_apart_by_their_sheet(judge: Judge) -> None:
    lines = [
        {**line, "sheet": sheet, "quantity": -2 if sheet == "June" else 2}
        for sheet in ("May", "June")
        for line in usual_lines(50)
    ]
    rejected = [(line["row_no"], "June") for line in usual_lines(50)]
    result = judge(lines, bad=rejected)
    assert observed(result, "lines_left") == 50
    assert observed(result, "returns_share") == 0


def test_a_source_can_have_limits_of_its_own(judge: Judge) -> None:
    thresholds = default_thresholds("sales").with_changes(
        {
            "quarantine_share": {"warn": {"at_most": 0.8}},
            "returns_share": None,
            "lines_for_concentration": 1_000,
        }
    )
    lines = changed(usual_lines(100), 30, quantity=-2)
    result = judge(lines, bad=[(n, None) for n in range(32, 92)], thresholds=thresholds)
    assert (warnings_of(result), stops(result)) == ([], [])
    assert {"returns_share", "largest_line_share"}.isdisjoint(check.name for check in result.checks)


@pytest.mark.parametrize(
    "changes",
    [
        {"quarantaine_share": None},
        {"quarantine_share": {"warn": {"at_most": "0.4"}}},
        {"quarantine_share": {"warn": {"at_most": 0.1, "at_least": 0.2}}},
        {"quarantine_share": {"warn": {}}},
        {"quarantine_share": {"halt": {"at_most": 0.4}}},
        {"lines_for_shares": -1},
        {"lines_for_shares": True},
    ],
)
def test_limits_that_make_no_sense_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        default_thresholds("sales").with_changes(changes)


@pytest.mark.parametrize("name", ["staging.import_1", "sales_line", f"staging.import_{'a' * 32}; select 1"])
def test_only_staging_tables_are_read(url: str, name: str) -> None:
    facts = ImportFacts(rows=1, quarantined=0, duplicates=0, now=NOW)
    with pytest.raises(ValueError, match="not an import's staging table"):
        run_suite("sales", database_url=url, staging_table=name, facts=facts)


def test_the_real_file_is_warned_about_for_its_rejected_rows_alone(url: str, real_data: Path) -> None:
    """Of 320,705 rows 88,652 have no company; as they stand, and once more when all are there already."""
    with gzip.open(real_data / "sales-2010-12_2011-08.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = [
        {
            "row_no": number,
            "sheet": None,
            "company_code": row["CustomerID"],
            "product_name": row["Description"],
            "sold_at": row["InvoiceDate"],
            "quantity": row["Quantity"],
            "unit_price": row["UnitPrice"],
            "amount": None,
        }
        for number, row in enumerate(rows, start=2)
    ]
    bad = [(number, None) for number, row in enumerate(rows, start=2) if not row["CustomerID"]]
    with staging_table(url, lines, bad=bad) as table:
        for duplicates in (0, len(lines) - len(bad)):
            facts = ImportFacts(rows=len(lines), quarantined=len(bad), duplicates=duplicates, now=NOW)
            result = run_suite("sales", database_url=url, staging_table=table, facts=facts)
            assert (len(lines), len(bad), observed(result, "lines_left")) == (320_705, 88_652, 232_053)
            assert warnings_of(result) == ["quarantine_share"]
            assert stops(result) == []
            assert observed(result, "returns_share") == pytest.approx(5_565 / 232_053)
