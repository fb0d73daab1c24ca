"""What a second file means: nothing is counted twice, nothing is lost."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty_core.kernel import Database, Scope
from tests.sales.files import Row, bring, row, stored, undone


def test_the_same_file_twice_adds_nothing(database: Database, everything: Scope) -> None:
    file = [row(invoice_no=f"I{number}") for number in range(5)] + [row(quantity="0")]
    assert bring(database, everything, file).counts == (5, 0, 1)
    assert bring(database, everything, file).counts == (0, 5, 1)


def test_a_file_that_overlaps_adds_only_what_is_new(database: Database, everything: Scope) -> None:
    bring(database, everything, [row(invoice_no=f"I{number}") for number in range(5)])
    later = bring(database, everything, [row(invoice_no=f"I{number}") for number in range(3, 9)])
    assert later.counts == (4, 2, 0)
    with database.transaction(everything) as connection:
        assert [one[0] for one in stored(connection)] == [f"I{number}" for number in range(9)]


def test_another_source_of_the_same_lines_adds_nothing(database: Database, everything: Scope) -> None:
    file = [row(quantity="1.50", unit_price="2.50")]
    assert bring(database, everything, file).counts == (1, 0, 0)
    spelled = [row(quantity="1.5", unit_price="2.5", sold_at="2026-03-10T13:00:00+01:00")]
    assert bring(database, everything, spelled, source="books").counts == (0, 1, 0)


def test_lines_that_are_alike_are_kept_as_many_as_the_fullest_file_had(
    database: Database, everything: Scope
) -> None:
    for times, counts in ((2, (2, 0, 0)), (1, (0, 1, 0)), (3, (1, 2, 0)), (3, (0, 3, 0))):
        assert bring(database, everything, [row()] * times).counts == counts
    with database.transaction(everything) as connection:
        assert len(stored(connection)) == 3


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.lists(st.sampled_from("abc"), max_size=6), min_size=1, max_size=4))
def test_whatever_files_come_each_line_stands_as_often_as_in_the_fullest(
    database: Database, everything: Scope, files: list[list[str]]
) -> None:
    with undone(database, everything):
        for file in files:
            bring(database, everything, [row(invoice_no=invoice) for invoice in file])
        with database.transaction(everything) as connection:
            kept = Counter(str(one[0]) for one in stored(connection))
        fullest: Counter[str] = Counter()
        for file in files:
            fullest |= Counter(file)
        assert kept == fullest


@pytest.mark.parametrize(
    "change",
    [
        {"company_code": "C2"},
        {"company_name": "Café"},
        {"region": "South"},
        {"outlet_code": "O1"},
        {"invoice_no": "I2"},
        {"product_code": "P2"},
        {"product_name": "Cup"},
        {"brand": "B"},
        {"product_group": "G"},
        {"sold_at": "2026-03-10T12:00:00.000001+00:00"},
        {"quantity": "2"},
        {"unit_price": "10.001"},
        {"amount": "10.00"},
        {"currency": "USD"},
    ],
)
def test_without_a_line_number_any_other_value_is_another_line(
    database: Database, everything: Scope, change: dict[str, Any]
) -> None:
    bring(database, everything, [row()])
    assert bring(database, everything, [row(**change)]).counts == (1, 0, 0)


def test_values_that_run_into_their_neighbours_are_different_lines(
    database: Database, everything: Scope
) -> None:
    pairs: list[Row] = [
        row(product_name="a,b", brand="c"),
        row(product_name="a", brand="b,c"),
        row(product_name="", brand="c"),
        row(product_name=None, brand="c"),
        row(product_name='"', brand='"'),
        row(product_name='","', brand=None),
    ]
    assert bring(database, everything, pairs).counts == (6, 0, 0)


def test_a_numbered_line_with_another_body_conflicts_with_the_earlier_file(
    database: Database, everything: Scope
) -> None:
    bring(database, everything, [row(line_no="1"), row(line_no="2")])
    brought = bring(
        database,
        everything,
        [row(line_no="1"), row(line_no="2", quantity="5"), row(line_no="3"), row(line_no="1", brand="X")],
    )
    assert brought.reasons == {3: ["conflicts_with_earlier"], 5: ["conflicts_with_earlier"]}
    assert brought.counts == (1, 1, 2)
    with database.transaction(everything) as connection:
        assert [int(quantity) for _invoice, quantity, _amount in stored(connection)] == [1, 1, 1]


def test_within_one_file_the_first_body_of_a_line_number_stands(
    database: Database, everything: Scope
) -> None:
    file = [row(line_no="1", quantity="1"), row(line_no="1", quantity="2"), row(line_no="1", quantity="1")]
    brought = bring(database, everything, file)
    assert brought.reasons == {3: ["conflicts_with_earlier"]}
    assert brought.counts == (1, 1, 1)


def test_a_rejected_row_is_no_earlier_body(database: Database, everything: Scope) -> None:
    file = [row(line_no="1", quantity="0"), row(line_no="1", quantity="2")]
    brought = bring(database, everything, file)
    assert brought.reasons == {2: ["zero_quantity"]}
    assert brought.counts == (1, 0, 1)


@pytest.mark.parametrize("other", [{"company_code": "C2"}, {"outlet_code": "O2"}, {"invoice_no": "I2"}])
def test_a_line_number_counts_within_company_outlet_and_invoice(
    database: Database, everything: Scope, other: dict[str, Any]
) -> None:
    bring(database, everything, [row(line_no="1")])
    assert bring(database, everything, [row(line_no="1", quantity="7", **other)]).counts == (1, 0, 0)


def test_a_conflicting_row_makes_no_company_region_or_product(database: Database, everything: Scope) -> None:
    bring(database, everything, [row(line_no="1")])
    bring(database, everything, [row(line_no="1", product_code="P2")])
    with database.transaction(everything) as connection:
        assert len(stored(connection)) == 1
        assert stored(connection, "(select count(*) from product)") == [(1,)]
