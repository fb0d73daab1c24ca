"""A budget beside a plain model of it, over the real database, step by step."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection

from loyalty_core.access import Role
from loyalty_core.budgets import (
    BudgetExhaustedError,
    BudgetTooSmallError,
    NothingReservedError,
    ReservationEndedError,
    ReservedOtherwiseError,
    SameAmountError,
    UnknownBudgetError,
    ask_for_budget,
    budget_for,
    change_by_id,
    decide_change,
    movements,
    release,
    reserve,
    spend,
    withdraw_change,
)
from loyalty_core.kernel import Database, Scope, new_id, now
from tests.budgets.money import Field, a_person, broken, make_field

amounts = st.integers(0, 60)
places = st.integers(0, 1)


@dataclass
class ModelBudget:
    """What is set, and what each order has of it."""

    set: int | None = None
    held: dict[UUID, int] = field(default_factory=dict)
    spent: dict[UUID, int] = field(default_factory=dict)

    @property
    def used(self) -> int:
        return sum(self.held.values()) + sum(self.spent.values())


class BudgetsBesideModel(RuleBasedStateMachine):
    """The budgets of one programme in two regions that are not above one another."""

    database: Database
    connection: Connection
    field: Field
    maker: Scope
    checker: Scope
    everything: Scope
    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.example = self.connection.begin_nested()
        self.regions = (self.field.area, self.field.abroad)
        self.model = [ModelBudget(), ModelBudget()]
        self.place_of: dict[UUID, int] = {}
        self.released: set[UUID] = set()

    def teardown(self) -> None:
        self.example.rollback()

    def _id(self, place: int) -> UUID:
        found = budget_for(
            self.connection,
            programme_id=self.field.programme_id,
            region_id=self.regions[place],
            on=now().date(),
        )
        return found.id if found else new_id()

    @rule(place=places, amount=amounts, end=st.sampled_from(["approve", "reject", "withdraw"]))
    def ask_for_another_amount(self, place: int, amount: int, end: str) -> None:
        model = self.model[place]

        def ask() -> UUID:
            return ask_for_budget(
                self.database,
                self.maker,
                programme_id=self.field.programme_id,
                region_id=self.regions[place],
                starts_on=now().date(),
                amount_minor=amount,
                reason="by the model",
                request_key=new_id(),
            )

        if model.set is not None and amount < model.used:
            with pytest.raises(BudgetTooSmallError):
                ask()
            return
        if amount == model.set:
            with pytest.raises(SameAmountError):
                ask()
            return
        change = ask()
        if end == "withdraw":
            withdraw_change(self.database, self.maker, change)
            return
        shown = change_by_id(self.connection, self.everything, change).payload_hash
        decide_change(
            self.database,
            self.checker,
            change,
            payload_hash=shown,
            approve=end == "approve",
            reason="by the model",
        )
        if end == "approve":
            model.set = amount

    @rule(target=orders, place=places, amount=amounts)
    def order(self, place: int, amount: int) -> Any:
        order_id, model = new_id(), self.model[place]
        if model.set is None:
            with pytest.raises(UnknownBudgetError), self.database.transaction(self.everything) as connection:
                reserve(
                    connection,
                    self.everything,
                    budget_id=self._id(place),
                    order_id=order_id,
                    amount_minor=amount,
                )
        elif model.set - model.used < amount:
            with pytest.raises(BudgetExhaustedError) as refused:
                self._reserve(place, order_id, amount)
            assert refused.value.available.minor == model.set - model.used
        else:
            self._reserve(place, order_id, amount)
            model.held[order_id] = amount
            self.place_of[order_id] = place
        return order_id

    def _reserve(self, place: int, order_id: UUID, amount: int) -> None:
        with self.database.transaction(self.everything) as connection:
            reserve(
                connection,
                self.everything,
                budget_id=self._id(place),
                order_id=order_id,
                amount_minor=amount,
            )

    @rule(order_id=orders, more=st.integers(0, 1))
    def the_same_order_again(self, order_id: UUID, more: int) -> None:
        place = self.place_of.get(order_id)
        if place is None:
            return
        model = self.model[place]
        if order_id in model.held:
            if more:
                with pytest.raises(ReservedOtherwiseError):
                    self._reserve(place, order_id, model.held[order_id] + more)
            else:
                self._reserve(place, order_id, model.held[order_id])
        else:
            with pytest.raises(ReservationEndedError):
                self._reserve(place, order_id, 1)

    @rule(order_id=orders, spends=st.booleans())
    def end(self, order_id: UUID, spends: bool) -> None:
        do = spend if spends else release
        place = self.place_of.get(order_id)
        budget_id = self._id(place or 0)

        def end() -> None:
            with self.database.transaction(self.everything) as connection:
                do(connection, self.everything, budget_id=budget_id, order_id=order_id)

        if place is None:
            with pytest.raises((NothingReservedError, UnknownBudgetError)):
                end()
            return
        model = self.model[place]
        if order_id in model.held:
            end()
            amount = model.held.pop(order_id)
            if spends:
                model.spent[order_id] = amount
            else:
                self.released.add(order_id)
        elif spends == (order_id in model.spent):
            end()
        else:
            with pytest.raises(ReservationEndedError):
                end()

    @invariant()
    def figures_are_the_models(self) -> None:
        for region, model in zip(self.regions, self.model, strict=True):
            budget = budget_for(
                self.connection, programme_id=self.field.programme_id, region_id=region, on=now().date()
            )
            if model.set is None:
                assert budget is None
                continue
            assert budget is not None
            assert (budget.set_minor, budget.reserved_minor, budget.spent_minor) == (
                model.set,
                sum(model.held.values()),
                sum(model.spent.values()),
            )
            assert budget.available_minor == model.set - model.used >= 0
            last = movements(self.connection, budget.id, limit=1)[0]
            assert last.after == budget.figures

    @invariant()
    def the_books_hold(self) -> None:
        assert broken(self.connection) == {}


@pytest.mark.slow
def test_a_budget_does_what_a_plain_model_of_it_does(database: Database, everything: Scope) -> None:
    class Here(BudgetsBesideModel):
        pass

    Here.database, Here.everything = database, everything
    Here.field = make_field(database, everything)
    Here.maker, Here.checker = (a_person(database, Role.ADMIN_FINANCE, name=name) for name in ("ann", "bob"))
    with database.transaction(everything) as Here.connection:
        run_state_machine_as_test(
            Here,
            settings=settings(
                max_examples=30,
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
