from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from loyalty_core.kernel import Database, Scope
from loyalty_core.programmes import ProgrammeNotFoundError
from loyalty_core.settlement import check_books, settle_programme
from tests.sales.files import Row, bring, row, undone
from tests.settlement.programmes import BONUS, SPRING, TWO_POINTS, balances, spring


def settle(database: Database, scope: Scope) -> tuple[int, int, int]:
    """Settle and return awards, points and postings."""
    done = settle_programme(database, scope, "spring")
    return done.awards, done.points, done.postings


def books(database: Database) -> list[str]:
    """Return the names of the checks that don't hold."""
    return [check.name for check in check_books(database) if not check.ok]


def test_whole_tens_of_a_lines_amount_are_points_and_a_return_takes_as_many_back(
    database: Database, everything: Scope
) -> None:
    spring(database, everything)
    sold = [row(unit_price="19.99"), row(unit_price="9.99"), row(unit_price="10.00", invoice_no="I2")]
    bring(database, everything, sold)
    assert settle(database, everything) == (2, 2, 1)
    returned = [{**one, "quantity": "-1", "sold_at": "2026-03-20T12:00:00+00:00"} for one in sold]
    bring(database, everything, returned)
    assert settle(database, everything) == (2, -2, 1)
    assert balances(database, everything) == {"C1": 0}
    assert books(database) == []


def test_settling_again_posts_nothing(database: Database, everything: Scope) -> None:
    spring(database, everything)
    bring(database, everything, [row()])
    assert settle(database, everything) == (1, 1, 1)
    assert settle(database, everything) == (0, 0, 0)


@pytest.mark.parametrize(
    "values",
    [
        {"currency": "USD"},
        {"sold_at": "2026-02-28T12:00:00+00:00"},
        {"sold_at": "2026-06-01T12:00:00+00:00"},
        {"unit_price": "9.99"},
        {"unit_price": "0"},
    ],
)
def test_a_line_that_earns_nothing_is_kept_and_opens_no_account(
    database: Database, everything: Scope, values: dict[str, Any]
) -> None:
    spring(database, everything)
    assert bring(database, everything, [row(**values)]).counts == (1, 0, 0)
    assert settle(database, everything) == (0, 0, 0)
    assert balances(database, everything) == {}


def test_a_new_version_posts_only_the_differences_and_going_back_restores(
    database: Database, everything: Scope
) -> None:
    spring(database, everything)
    bring(database, everything, [row(unit_price="100.00"), row(company_code="C2", unit_price="30.00")])
    settle(database, everything)
    assert balances(database, everything) == {"C1": 10, "C2": 3}
    spring(database, everything, TWO_POINTS)
    assert settle(database, everything) == (2, 13, 2)
    spring(database, everything, BONUS)
    assert settle(database, everything) == (3, -8, 3)
    assert balances(database, everything) == {"C1": 15, "C2": 3}
    spring(database, everything, SPRING)
    assert settle(database, everything) == (1, -5, 1)
    assert balances(database, everything) == {"C1": 10, "C2": 3}
    with database.transaction(everything) as connection:
        of_first_line = connection.execute(
            text(
                "select a.rule_id, a.version, a.revision, a.points from award a join company c"
                " on c.id = a.company_id where c.code = 'C1' order by a.id"
            )
        )
        assert [tuple(one) for one in of_first_line] == [
            *(("base", 1, 1, 10), ("base", 2, 2, 10), ("base", 3, 3, -10)),
            *(("bonus", 3, 1, 5), ("bonus", 4, 2, -5)),
        ]
    assert books(database) == []


def test_a_version_that_ends_earlier_takes_back_what_no_longer_counts(
    database: Database, everything: Scope
) -> None:
    spring(database, everything)
    may = row(invoice_no="I2", sold_at="2026-05-20T12:00:00+00:00", unit_price="50.00")
    bring(database, everything, [row(), may])
    settle(database, everything)
    spring(database, everything, SPRING.replace("2026-05-31", "2026-04-30"))
    assert settle(database, everything) == (1, -5, 1)
    assert balances(database, everything) == {"C1": 1}
    assert books(database) == []


def test_lines_that_came_before_the_programme_was_applied_earn_too(
    database: Database, everything: Scope
) -> None:
    bring(database, everything, [row()])
    spring(database, everything)
    assert settle(database, everything) == (1, 1, 1)


def test_a_programme_that_nobody_applied_is_refused(database: Database, everything: Scope) -> None:
    with pytest.raises(ProgrammeNotFoundError, match="no programme “spring”"):
        settle_programme(database, everything, "spring")


SALE = [
    row(unit_price="57.30", quantity="3"),
    row(unit_price="57.30", quantity="3"),
    row(company_code="C2", unit_price="19.99"),
]
RETURN = [
    row(unit_price="57.30", quantity="-2", invoice_no="R1", sold_at="2026-03-15T12:00:00+00:00"),
    row(company_code="C2", unit_price="19.99", quantity="-1", invoice_no="R2"),
]
CORRECTION = [
    row(unit_price="57.30", quantity="-3", invoice_no="I1-c", sold_at="2026-03-16T12:00:00+00:00"),
    row(unit_price="75.30", quantity="3", invoice_no="I1-c", sold_at="2026-03-16T12:00:00+00:00"),
]
RETURN_OF_WHAT_NOBODY_REPORTED = [row(company_code="C3", unit_price="44.00", quantity="-5", invoice_no="R9")]
FILES = [SALE, RETURN, CORRECTION, RETURN_OF_WHAT_NOBODY_REPORTED]


def expected(files: Sequence[Sequence[Row]]) -> dict[str, int]:
    """Score each line by itself: whole tens, toward zero."""
    sums: dict[str, int] = {}
    for file in files:
        for line in file:
            earned = int(Decimal(line["quantity"]) * Decimal(line["unit_price"]) / 10)
            sums[line["company_code"]] = sums.get(line["company_code"], 0) + earned
    return sums


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(len(FILES))),
    settled_after=st.lists(st.booleans(), min_size=len(FILES), max_size=len(FILES)),
    comes_twice=st.integers(0, len(FILES) - 1),
)
def test_sale_return_and_correction_in_any_order_of_arrival_end_in_the_same_balances(
    database: Database,
    everything: Scope,
    order: list[int],
    settled_after: list[bool],
    comes_twice: int,
) -> None:
    with undone(database, everything):
        spring(database, everything)
        for number, is_settled in zip([*order, comes_twice], [*settled_after, True], strict=True):
            bring(database, everything, FILES[number])
            if is_settled:
                settle_programme(database, everything, "spring")
        assert balances(database, everything) == expected(FILES)
        assert books(database) == []


@pytest.mark.parametrize(
    "moved",
    [
        "update settlement_mark set low_txid = '900000000'",
        "update settlement_mark set system_identifier = system_identifier - 1,"
        " low_txid = (pg_current_xact_id()::text::bigint + 9)::text::xid8",
    ],
    ids=["ids ahead", "another cluster's that ours have reached"],
)
def test_after_a_move_to_another_cluster_lines_of_before_and_after_are_scored_once_each(
    committed_database: Database, owner_url: str, everything: Scope, moved: str
) -> None:
    database = committed_database
    spring(database, everything)
    bring(database, everything, [row(invoice_no="settled"), row(invoice_no="settled too")])
    assert settle(database, everything) == (2, 2, 1)
    bring(database, everything, [row(invoice_no="brought before the move")])
    with psycopg.connect(owner_url, autocommit=True) as owner:
        # As a dump carries them over: all ids far ahead of the new cluster's.
        owner.execute("select set_config('laurel.everything', 'on', false)")
        assert owner.execute("update sales_line set txid = '899999000'").rowcount == 3
        assert owner.execute(moved.encode()).rowcount == 1
    bring(database, everything, [row(invoice_no="brought after the move")])
    with psycopg.connect(owner_url, autocommit=True) as owner:
        for _number in range(20):
            owner.execute("select pg_current_xact_id()")
    assert settle(database, everything) == (2, 2, 1)
    bring(database, everything, [row(invoice_no="later")])
    assert settle(database, everything) == (1, 1, 1)
    assert settle(database, everything) == (0, 0, 0)
    assert balances(database, everything) == {"C1": 5}
    assert books(database) == []
