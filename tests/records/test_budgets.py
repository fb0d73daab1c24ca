"""Files of budgets: every row asks, a second person approves."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from loyalty_core.access import Role
from loyalty_core.budgets import BudgetsDataset, OnlyPeopleError, OwnChangeError, changes, decide_change
from loyalty_core.intake import ImportMode
from loyalty_core.kernel import Database, NotAllowedError, Scope
from loyalty_core.kernel.clock import fixed
from tests.access.people import somebody
from tests.budgets.money import LAST_YEAR, Field, a_budget, make_field
from tests.records.staged import bring, one

BUDGETS = BudgetsDataset()


@pytest.fixture(autouse=True)
def _in_spring() -> Iterator[None]:
    with fixed(datetime(2026, 5, 10, 9, tzinfo=UTC)):
        yield


@pytest.fixture
def field(database: Database, everything: Scope) -> Field:
    return make_field(database, everything)


def asked(amount: str, region: str = "PL-N", *, day: str = "2026-04-01", **more: Any) -> dict[str, Any]:
    return {
        "programme_code": "year",
        "region_code": region,
        "starts_on": day and f"{day}T00:00:00+02:00",
        "amount": amount,
        "reason": "second quarter",
        **more,
    }


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_a_row_asks_and_somebody_else_approves(database: Database, field: Field, role: Role) -> None:
    maker = somebody(database, role, name="maker").scope
    checker = somebody(database, Role.ADMIN_FINANCE, name="checker").scope
    rows = [asked("25000.00"), asked("1200.5", "RS", day="2026-07-15")]
    assert bring(database, maker, BUDGETS, rows).counts == (2, 0, 0, 0)
    with database.transaction(maker) as connection:
        waiting = changes(connection, maker, limit=10)
    assert sorted((one.after_minor, one.starts_on.isoformat(), one.state.value) for one in waiting) == [
        (120_050, "2026-07-01", "waiting"),
        (2_500_000, "2026-04-01", "waiting"),
    ]
    change = next(one for one in waiting if one.after_minor == 2_500_000)
    # An operator decides none; who may, decides none of their own.
    with pytest.raises(OwnChangeError if role is Role.ADMIN else NotAllowedError):
        decide_change(database, maker, change.id, payload_hash=change.payload_hash, approve=True)
    decide_change(database, checker, change.id, payload_hash=change.payload_hash, approve=True)
    assert one(database, maker, "select set_minor from budget") == (2_500_000,)
    assert bring(database, maker, BUDGETS, rows).counts == (0, 0, 2, 0), "set, or asked for already"


def test_an_existing_budget_is_changed_by_an_update_only(
    database: Database, field: Field, everything: Scope
) -> None:
    maker = somebody(database, Role.ADMIN, name="maker").scope
    with database.transaction(everything) as connection:
        a_budget(connection, field.programme_id, field.area, 1_000_00)
    assert bring(database, maker, BUDGETS, [asked("1500")]).reasons == {2: {"differs_from_known"}}
    done = bring(database, maker, BUDGETS, [asked("1500"), asked("700", "PL")], mode=ImportMode.UPDATE)
    assert done.changes == [
        (2, "year / PL-N / 2026-04-01", "amount", "1000", "1500"),
        (3, "year / PL / 2026-04-01", None, None, "700 EUR"),
    ]
    assert done.counts == (1, 1, 0, 0)
    assert one(database, maker, "select set_minor from budget") == (100_000,), "not before it is approved"
    again = bring(database, maker, BUDGETS, [asked("1600")], mode=ImportMode.UPDATE)
    assert again.reasons == {2: {"change_waits"}}


def test_every_reason_of_every_bad_row_is_told_at_once(
    database: Database, field: Field, everything: Scope
) -> None:
    maker = somebody(database, Role.ADMIN, name="maker").scope
    with database.transaction(everything) as connection:
        budget = a_budget(connection, field.programme_id, field.area, 1_000_00)
        connection.exec_driver_sql(
            "update budget set reserved_minor = 30000 where id = %(id)s", {"id": budget}
        )
    done = bring(
        database,
        maker,
        BUDGETS,
        [
            {},
            asked("-1", "XX", programme_code="none", reason="x"),
            asked("1.005", "PL"),
            asked("10", "PL", day=f"{LAST_YEAR + 1}-04-01"),
            asked("10", "PL", day="2026-01-02"),
            asked("299"),
            {**asked("", day=""), "unreadable": {"amount": "x", "starts_on": "y"}},
        ],
        mode=ImportMode.UPDATE,
    )
    assert done.reasons == {
        2: {"missing_programme", "missing_region", "missing_date", "missing_amount", "missing_reason"},
        3: {"unknown_programme", "unknown_region", "amount_not_usable", "missing_reason"},
        4: {"amount_not_usable"},
        5: {"outside_programme"},
        6: {"quarter_over"},
        7: {"less_than_used"},
        8: {"unreadable_amount", "unreadable_starts_on"},
    }


def test_budgets_take_people_who_may_ask_for_them(
    database: Database, field: Field, everything: Scope
) -> None:
    with pytest.raises(OnlyPeopleError):
        bring(database, everything, BUDGETS, [asked("1")])
    with pytest.raises(NotAllowedError):
        bring(database, somebody(database, Role.ADMIN_MARKETING).scope, BUDGETS, [asked("1")])
