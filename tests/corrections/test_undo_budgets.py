"""Undoing an import of budgets: what waits is withdrawn, what was approved is asked back and takes two people."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from loyalty_core import budgets, corrections
from loyalty_core.access import Role
from loyalty_core.budgets import BudgetChange, BudgetsDataset, ChangeState, OnlyPeopleError, OwnChangeError
from loyalty_core.corrections import Outcome
from loyalty_core.intake import ImportMode
from loyalty_core.kernel import Database, Scope
from loyalty_core.kernel.clock import fixed
from tests.access.people import somebody
from tests.budgets.money import Field, a_budget, make_field
from tests.corrections.test_undo_records import left, taken
from tests.corrections.undoing import look, undo

BUDGETS = BudgetsDataset()


@pytest.fixture(autouse=True)
def _in_spring() -> Iterator[None]:
    with fixed(datetime(2026, 5, 10, 9, tzinfo=UTC)):
        yield


@pytest.fixture
def field(database: Database, everything: Scope) -> Field:
    return make_field(database, everything)


@pytest.fixture
def maker(database: Database, field: Field) -> Scope:
    return somebody(database, Role.ADMIN, name="maker").scope


@pytest.fixture
def checker(database: Database, field: Field) -> Scope:
    return somebody(database, Role.ADMIN, name="checker").scope


def asked(amount: str, region: str) -> dict[str, Any]:
    return {
        "programme_code": "year",
        "region_code": region,
        "starts_on": "2026-04-01T00:00:00+02:00",
        "amount": amount,
        "reason": "second quarter",
    }


def waiting(database: Database, scope: Scope) -> list[BudgetChange]:
    with database.transaction(scope) as connection:
        found = budgets.changes(connection, scope, limit=100)
    return [change for change in found if change.state is ChangeState.WAITING]


def approve(database: Database, scope: Scope, after_minor: int) -> None:
    [change] = [one for one in waiting(database, scope) if one.after_minor == after_minor]
    budgets.decide_change(database, scope, change.id, payload_hash=change.payload_hash, approve=True)


def set_to(database: Database, scope: Scope) -> list[tuple[str, int]]:
    with database.transaction(scope) as connection:
        rows = connection.execute(
            text(
                "select r.code, b.set_minor from budget b join region r on r.id = b.region_id order by r.code"
            )
        )
        return [tuple(row) for row in rows]


def test_what_waits_is_withdrawn_and_what_was_approved_is_asked_back_and_takes_two_people(
    database: Database, everything: Scope, field: Field, maker: Scope, checker: Scope
) -> None:
    with database.transaction(everything) as connection:
        a_budget(connection, field.programme_id, field.area, 1_000_00)
    rows = [asked("1500", "PL-N"), asked("700", "PL"), asked("800", "RS")]
    wrong = taken(database, maker, BUDGETS, rows, ImportMode.UPDATE)
    approve(database, checker, 1_500_00)
    approve(database, checker, 800_00)
    records = look(database, checker, wrong).records
    assert records is not None
    assert records.counts == {"asked_back": 2, "withdrawn": 1}
    # Whoever did not ask for the change may undo the import that did.
    undo(database, checker, wrong)
    assert set_to(database, everything) == [("PL-N", 1_500_00), ("RS", 800_00)], (
        "not before a second person agrees"
    )
    back = waiting(database, maker)
    assert sorted((one.before_minor, one.after_minor, one.reason) for one in back) == [
        (800_00, 0, "The file was of another year."),
        (1_500_00, 1_000_00, "The file was of another year."),
    ]
    for one in back:
        with pytest.raises(OwnChangeError):
            budgets.decide_change(database, checker, one.id, payload_hash=one.payload_hash, approve=True)
        approve(database, maker, one.after_minor)
    assert set_to(database, everything) == [("PL-N", 1_000_00), ("RS", 0)]


def test_a_budget_that_is_used_changed_or_waits_otherwise_is_left(
    database: Database, everything: Scope, field: Field, maker: Scope, checker: Scope
) -> None:
    wrong = taken(database, maker, BUDGETS, [asked("1500", "PL-N"), asked("700", "PL"), asked("800", "RS")])
    for amount in (1_500_00, 700_00, 800_00):
        approve(database, checker, amount)
    with database.transaction(everything) as connection:
        connection.execute(
            text(
                "update budget set reserved_minor = 1 where region_id = (select id from region where code = 'PL-N')"
            )
        )
    taken(database, maker, BUDGETS, [asked("900", "PL")], ImportMode.UPDATE)
    approve(database, checker, 900_00)
    later = taken(database, maker, BUDGETS, [asked("850", "RS")], ImportMode.UPDATE)
    with pytest.raises(corrections.NothingToPutBackError):
        look(database, maker, wrong)
    undo(database, maker, later)
    assert left(database, maker, wrong) == [
        ("year / PL-N / 2026-04-01", None, Outcome.USED),
        ("year / PL / 2026-04-01", None, Outcome.CHANGED_SINCE),
    ]


def test_budgets_are_undone_by_people_only(
    database: Database, field: Field, maker: Scope, everything: Scope
) -> None:
    wrong = taken(database, maker, BUDGETS, [asked("1500", "PL-N")])
    with pytest.raises(OnlyPeopleError):
        undo(database, everything, wrong)
    assert len(waiting(database, maker)) == 1
