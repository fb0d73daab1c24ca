"""An order's money: held, then spent or given back, once each."""

from datetime import date

import pytest
from sqlalchemy import text

from loyalty_core.budgets import (
    BudgetExhaustedError,
    MovementKind,
    NothingReservedError,
    ReservationEndedError,
    ReservedOtherwiseError,
    UnknownBudgetError,
    budget_for,
    movements,
    release,
    reserve,
    spend,
)
from loyalty_core.kernel import Database, Scope, new_id
from tests.budgets.money import QUARTER, SPRING_DAY, a_budget, broken, figures, make_field


def test_an_order_holds_its_money_and_then_spends_it_once(database: Database, everything: Scope) -> None:
    field = make_field(database, everything)
    with database.transaction(everything) as connection:
        budget = a_budget(connection, field.programme_id, field.area, 10_000)
        order = new_id()
        for _time in range(2):
            reserve(connection, everything, budget_id=budget, order_id=order, amount_minor=4_000)
            assert figures(connection, budget) == (10_000, 4_000, 0)
        for _time in range(2):
            spend(connection, everything, budget_id=budget, order_id=order)
            assert figures(connection, budget) == (10_000, 0, 4_000)
        with pytest.raises(ReservationEndedError, match="spent already"):
            release(connection, everything, budget_id=budget, order_id=order)
        with pytest.raises(ReservationEndedError):
            reserve(connection, everything, budget_id=budget, order_id=order, amount_minor=4_000)
        assert [one.kind for one in movements(connection, budget, limit=9)] == [
            MovementKind.SPEND,
            MovementKind.RESERVE,
            MovementKind.SET,
        ]
        assert broken(connection) == {}


def test_what_is_given_back_can_be_reserved_by_another_order(database: Database, everything: Scope) -> None:
    field = make_field(database, everything)
    with database.transaction(everything) as connection:
        budget = a_budget(connection, field.programme_id, field.area, 5_000)
        first, second = new_id(), new_id()
        reserve(connection, everything, budget_id=budget, order_id=first, amount_minor=5_000)
        with pytest.raises(BudgetExhaustedError) as refused:
            reserve(connection, everything, budget_id=budget, order_id=second, amount_minor=1)
        assert (refused.value.available.minor, refused.value.wanted.minor) == (0, 1)
        assert "0" not in refused.value.sentence
        for _time in range(2):
            release(connection, everything, budget_id=budget, order_id=first)
        assert figures(connection, budget) == (5_000, 0, 0)
        reserve(connection, everything, budget_id=budget, order_id=second, amount_minor=5_000)
        with pytest.raises(ReservationEndedError, match="given back"):
            spend(connection, everything, budget_id=budget, order_id=first)
        assert broken(connection) == {}


def test_an_order_has_its_money_from_one_budget_and_of_one_amount(
    database: Database, everything: Scope
) -> None:
    field = make_field(database, everything)
    with database.transaction(everything) as connection:
        budget = a_budget(connection, field.programme_id, field.area, 5_000)
        other = a_budget(connection, field.programme_id, field.abroad, 5_000)
        order = new_id()
        reserve(connection, everything, budget_id=budget, order_id=order, amount_minor=700)
        for budget_id, amount in ((budget, 800), (other, 700)):
            with pytest.raises(ReservedOtherwiseError):
                reserve(connection, everything, budget_id=budget_id, order_id=order, amount_minor=amount)
        for end in (spend, release):
            with pytest.raises(NothingReservedError):
                end(connection, everything, budget_id=other, order_id=order)
            with pytest.raises(NothingReservedError):
                end(connection, everything, budget_id=budget, order_id=new_id())
        assert figures(connection, other) == (5_000, 0, 0)


def test_who_does_not_see_the_region_moves_nothing(database: Database, everything: Scope) -> None:
    field = make_field(database, everything)
    abroad = Scope(everything.actor_kind, "abroad", region_ids=frozenset({field.abroad}))
    with database.transaction(everything) as connection:
        budget = a_budget(connection, field.programme_id, field.area, 5_000)
    with database.transaction(abroad) as connection, pytest.raises(UnknownBudgetError):
        reserve(connection, abroad, budget_id=budget, order_id=new_id(), amount_minor=1)


def test_the_nearest_budget_upward_pays(database: Database, everything: Scope) -> None:
    field = make_field(database, everything)

    def payer(region: object, on: date = SPRING_DAY, programme: object = field.programme_id) -> object:
        with database.transaction(everything) as connection:
            found = budget_for(connection, programme_id=programme, region_id=region, on=on)  # type: ignore[arg-type]
        return found.id if found else None

    assert payer(field.town) is None
    with database.transaction(everything) as connection:
        of_country = a_budget(connection, field.programme_id, field.country, 100)
    assert [payer(one) for one in (field.country, field.area, field.town)] == [of_country] * 3
    with database.transaction(everything) as connection:
        of_area = a_budget(connection, field.programme_id, field.area, 100)
    assert [payer(one) for one in (field.country, field.area, field.town)] == [of_country, of_area, of_area]
    assert payer(field.abroad) is None
    assert payer(field.town, programme=field.other_programme_id) is None
    first, last = QUARTER
    assert [payer(field.town, on=day) for day in (first, last)] == [of_area, of_area]
    assert payer(field.town, on=date(2026, 3, 31)) is None
    assert payer(field.town, on=date(2026, 7, 1)) is None


def test_a_movement_is_a_fact(database: Database, everything: Scope) -> None:
    field = make_field(database, everything)
    with database.transaction(everything) as connection:
        a_budget(connection, field.programme_id, field.area, 100)
        for statement in ("update budget_movement set amount_minor = 1", "delete from budget_movement"):
            with pytest.raises(Exception, match="permission denied"), connection.begin_nested():
                connection.execute(text(statement))
