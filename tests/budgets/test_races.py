"""Many at once over the last money of a budget, with real commits."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from loyalty_core.access import Role
from loyalty_core.budgets import (
    BudgetExhaustedError,
    BudgetTooSmallError,
    ChangeDecidedError,
    ChangeWaitsError,
    ask_for_budget,
    change_by_id,
    changes,
    decide_change,
    quarter_of,
    release,
    reserve,
    spend,
    store,
)
from loyalty_core.budgets.policy import Figures
from loyalty_core.kernel import Database, Refusal, Scope, new_id, now
from tests.budgets.money import a_budget, a_person, broken, figures, make_field

PEOPLE = 64
COST = 1_000


def at_once(count: int, do: Callable[[int], str]) -> Counter[str]:
    """Run `do` in as many threads, all begun together, and count the answers."""
    together = threading.Barrier(count)

    def begin(place: int) -> str:
        together.wait()
        return do(place)

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(begin, range(count)))


def order_at_once(database: Database, scope: Scope, budget: UUID, people: int) -> Counter[str]:
    def order(_person: int) -> str:
        try:
            with database.transaction(scope) as connection:
                reserve(connection, scope, budget_id=budget, order_id=new_id(), amount_minor=COST)
        except BudgetExhaustedError:
            return "refused"
        return "won"

    return at_once(people, order)


def last_money(database: Database, scope: Scope, set_minor: int = COST) -> UUID:
    field = make_field(database, scope)
    with database.transaction(scope) as connection:
        return a_budget(connection, field.programme_id, field.area, set_minor)


def test_of_64_orders_for_a_budgets_last_money_one_wins_and_the_others_are_refused(
    committed_database: Database, everything: Scope
) -> None:
    budget = last_money(committed_database, everything, COST + COST - 1)
    assert order_at_once(committed_database, everything, budget, PEOPLE) == {"won": 1, "refused": PEOPLE - 1}
    with committed_database.transaction(everything) as connection:
        assert figures(connection, budget) == (COST + COST - 1, COST, 0)
        assert broken(connection) == {}


def test_without_the_lock_both_of_two_orders_would_win(
    committed_database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget, people = last_money(committed_database, everything), 2
    # The table's CHECK doesn't help: both write the same figures.
    both_have_read = threading.Barrier(people)

    def read_only(connection: Connection, budget_id: UUID) -> store.LockedBudget:
        row = connection.execute(text("select * from budget where id = :id"), {"id": budget_id}).one()
        both_have_read.wait(timeout=20)
        held = Figures(row.set_minor, row.reserved_minor, row.spent_minor)
        return store.LockedBudget(row.id, row.region_id, row.currency, held)

    monkeypatch.setattr(store, "lock_budget", read_only)
    assert order_at_once(committed_database, everything, budget, people) == {"won": people}
    with committed_database.transaction(everything) as connection:
        assert set(broken(connection)) == {
            "every budget's figures are the sum of its movements",
            "every movement of a budget follows from the one before",
        }


def test_one_order_handed_in_50_times_at_once_reserves_once(
    committed_database: Database, everything: Scope
) -> None:
    budget, order = last_money(committed_database, everything, 10 * COST), new_id()

    def hand_in(_time: int) -> str:
        with committed_database.transaction(everything) as connection:
            reserve(connection, everything, budget_id=budget, order_id=order, amount_minor=COST)
        return "reserved"

    assert at_once(50, hand_in) == {"reserved": 50}
    with committed_database.transaction(everything) as connection:
        assert figures(connection, budget) == (10 * COST, COST, 0)
        assert broken(connection) == {}


def test_an_order_spent_and_given_back_at_once_ends_one_way(
    committed_database: Database, everything: Scope
) -> None:
    budget, order = last_money(committed_database, everything), new_id()
    with committed_database.transaction(everything) as connection:
        reserve(connection, everything, budget_id=budget, order_id=order, amount_minor=COST)

    def end(place: int) -> str:
        kind = (spend, release)[place % 2]
        try:
            with committed_database.transaction(everything) as connection:
                kind(connection, everything, budget_id=budget, order_id=order)
        except Refusal:
            return "refused"
        return kind.__name__

    outcome = at_once(16, end)
    assert outcome["refused"] == 8
    assert len(outcome) == 2
    with committed_database.transaction(everything) as connection:
        spent = COST if outcome["spend"] else 0
        assert figures(connection, budget) == (COST, 0, spent)
        assert broken(connection) == {}


def _ask(database: Database, scope: Scope, field: Any, amount_minor: int) -> UUID:
    return ask_for_budget(
        database,
        scope,
        programme_id=field.programme_id,
        region_id=field.area,
        starts_on=now().date(),
        amount_minor=amount_minor,
        reason="for the race",
        request_key=new_id(),
    )


def test_a_change_decided_by_many_at_once_is_decided_once(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    field = make_field(database, everything)
    maker = a_person(database, Role.ADMIN_FINANCE, name="maker")
    checkers = [a_person(database, Role.ADMIN_FINANCE, name=f"checker{place}") for place in range(4)]

    def ask(_time: int) -> str:
        try:
            _ask(database, maker, field, COST)
        except ChangeWaitsError:
            return "waits"
        return "asked"

    assert at_once(8, ask) == {"asked": 1, "waits": 7}
    with database.transaction(everything) as connection:
        (change,) = changes(connection, everything, waiting_only=True)

    def decide(place: int) -> str:
        try:
            decide_change(
                database,
                checkers[place],
                change.id,
                payload_hash=change.payload_hash,
                approve=place % 2 == 0,
                reason="raced",
            )
        except ChangeDecidedError:
            return "late"
        return "decided"

    assert at_once(len(checkers), decide) == {"decided": 1, "late": 3}
    with database.transaction(everything) as connection:
        assert change_by_id(connection, everything, change.id).decided_by is not None
        assert broken(connection) == {}


def test_money_taken_from_a_budget_while_orders_reserve_it_is_never_reserved_twice(
    committed_database: Database, everything: Scope
) -> None:
    database = committed_database
    field = make_field(database, everything)
    maker, checker = (a_person(database, Role.ADMIN_FINANCE, name=name) for name in ("maker", "checker"))
    today = now().date()
    with database.transaction(everything) as connection:
        starts_on = quarter_of(today)[0]
        budget = a_budget(connection, field.programme_id, field.area, 10 * COST, starts_on=starts_on)
    change_id = _ask(database, maker, field, 5 * COST)
    with database.transaction(everything) as connection:
        shown = change_by_id(connection, everything, change_id).payload_hash

    def go(place: int) -> str:
        try:
            if place == 0:
                decide_change(database, checker, change_id, payload_hash=shown, approve=True)
                return "lowered"
            with database.transaction(everything) as connection:
                reserve(connection, everything, budget_id=budget, order_id=new_id(), amount_minor=COST)
        except (BudgetExhaustedError, BudgetTooSmallError) as refused:
            return type(refused).__name__
        return "reserved"

    outcome = at_once(16, go)
    lowered = outcome["lowered"] == 1
    assert outcome["reserved"] == (5 if lowered else 10)
    with database.transaction(everything) as connection:
        assert figures(connection, budget) == ((5 if lowered else 10) * COST, outcome["reserved"] * COST, 0)
        assert broken(connection) == {}
