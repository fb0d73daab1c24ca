"""Whoever changes a budget behind Laurel's back is found by the check of the books."""

import psycopg
import pytest

from laurel.books import BOOKS
from loyalty_core.budgets import broken_budgets, release, reserve, spend
from loyalty_core.kernel import Database, Scope, new_id
from loyalty_core.settlement import check_books
from tests.budgets.money import a_budget, make_field

TAMPERING = [
    (
        "every budget's figures are the sum of its movements",
        "update budget set set_minor = set_minor + 1",
    ),
    (
        "every budget's figures are the sum of its movements",
        "update budget set spent_minor = spent_minor - 1, reserved_minor = reserved_minor + 1",
    ),
    (
        "every movement of a budget follows from the one before",
        "update budget_movement set reserved_after_minor = reserved_after_minor + 1 where kind = 'reserve'",
    ),
    (
        "every movement of a budget follows from the one before",
        "delete from budget_movement where kind = 'reserve'",
    ),
    ("no budget was ever below zero", "update budget_movement set set_after_minor = 10 where kind = 'spend'"),
    (
        "money is spent or given back once, as it was reserved",
        "update budget_movement set amount_minor = amount_minor + 1 where kind = 'spend'",
    ),
    (
        "money is spent or given back once, as it was reserved",
        "update budget_movement set order_id = gen_random_uuid() where kind = 'release'",
    ),
    (
        "every budget is set by changes that a second person approved",
        "update budget_change set after_minor = after_minor + 1",
    ),
    (
        "every budget is set by changes that a second person approved",
        "update budget_change set state = 'withdrawn'",
    ),
    (
        "every movement belongs to a budget of its region",
        "update budget_movement set region_id = gen_random_uuid()",
    ),
    (
        "every movement belongs to a budget of its region",
        "update budget_movement set budget_id = gen_random_uuid()",
    ),
]


@pytest.fixture
def used(committed_database: Database, everything: Scope) -> Database:
    """A budget from which one order is spent, one is given back, and one waits."""
    field = make_field(committed_database, everything)
    with committed_database.transaction(everything) as connection:
        budget = a_budget(connection, field.programme_id, field.area, 10_000)
        for end in (spend, release, None):
            order = new_id()
            reserve(connection, everything, budget_id=budget, order_id=order, amount_minor=1_000)
            if end is not None:
                end(connection, everything, budget_id=budget, order_id=order)
    return committed_database


def test_untouched_budgets_hold_and_every_check_has_a_case_here(used: Database) -> None:
    checks = {check.name: check for check in check_books(used, *BOOKS)}
    names = {name for name, _tampering in TAMPERING}
    with used.snapshot(Scope.of_system("test")) as connection:
        assert set(broken_budgets(connection)) == names
    assert names <= checks.keys()
    assert all(checks[name].ok for name in names)


@pytest.mark.parametrize(("name", "tampering"), TAMPERING)
def test_tampering_is_found(used: Database, owner_url: str, name: str, tampering: str) -> None:
    with psycopg.connect(owner_url) as owner:
        owner.execute("set laurel.everything = 'on'")
        assert owner.execute(tampering.encode()).rowcount > 0
    assert not {check.name: check for check in check_books(used, *BOOKS)}[name].ok
