"""Orders beside a plain model of points, stock and money, over the real database, step by step."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, text

from loyalty_core import ledger, rewards
from loyalty_core.budgets import BudgetExhaustedError, BudgetTooSmallError, SameAmountError
from loyalty_core.kernel import Database, Refusal, Scope, new_id, now
from loyalty_core.ledger import NotEnoughPointsError, PostingDraft, PostingKind
from loyalty_core.participants import participant_by_id
from loyalty_core.rewards import Order, OrderState, OrderStateError, OutOfStockError
from tests.rewards.shop import SYSTEM, Person, Shop, open_shop, raise_budget

TODAY = now().date()
expiries = st.none() | st.sampled_from([TODAY + timedelta(days=days) for days in (30, 60)])
places = st.integers(0, 1)

POINTS, COSTS = (10, 25), (400, 0)
"""What the two rewards cost."""


@dataclass
class ModelAccount:
    """A balance, and the parcels of points in it in the order in which they are spent."""

    balance: int = 0
    parcels: list[tuple[date, int, int]] = field(default_factory=list)
    """(expiry, the number of the parcel, points left)"""

    def earn(self, points: int, expires_on: date, number: int) -> None:
        left = points - min(points, max(0, -self.balance))
        self.balance += points
        if left:
            self.parcels = sorted([*self.parcels, (expires_on, number, left)])

    def lose(self, points: int) -> Counter[date]:
        used: Counter[date] = Counter()
        wanted = points
        while wanted and self.parcels:
            expiry, number, left = self.parcels.pop(0)
            taken = min(left, wanted)
            wanted -= taken
            used[expiry] += taken
            if left > taken:
                self.parcels.insert(0, (expiry, number, left - taken))
        self.balance -= points
        return used


@dataclass
class ModelOrder:
    """An order as the model sees it: whose, what, what it used, and whether money is held for it."""

    order: Order
    key: UUID
    person: int
    reward: int
    used: Counter[date]
    has_money: bool
    state: OrderState = OrderState.AWAITING_FINANCE


class OrdersBesideModel(RuleBasedStateMachine):
    """Two participants, a reward that costs money and one that costs none, one budget."""

    database: Database
    connection: Connection
    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.example = self.connection.begin_nested()
        self.parcel = 0
        self.accounts = [ModelAccount(), ModelAccount()]
        self.stock: list[int | None] = [2, None]
        self.set, self.reserved, self.spent = 1_000, 0, 0
        self.placed: list[ModelOrder] = []

    @initialize()
    def open(self) -> None:
        self.shop: Shop = open_shop(self.database)
        self.people: list[Person] = [self.shop.participant("anna"), self.shop.participant("olga")]
        self.rewards = [
            self.shop.reward(
                f"r{place}", points=POINTS[place], cost_minor=COSTS[place], stock=self.stock[place]
            )
            for place in (0, 1)
        ]
        raise_budget(self.shop, self.set)
        # Something to spend from the first step on, of every expiry.
        for person in (0, 1):
            for expires_on in (TODAY + timedelta(days=30), None, TODAY + timedelta(days=60)):
                self.earn(person, 12, expires_on)

    def teardown(self) -> None:
        self.example.rollback()

    def _number(self) -> int:
        self.parcel += 1
        return self.parcel

    @property
    def available(self) -> int:
        return self.set - self.reserved - self.spent

    def _refused(self, refusal: type[Refusal], do: Callable[[], object]) -> None:
        with pytest.raises(refusal) as refused:
            do()
        assert type(refused.value) is refusal

    @rule(place=places, points=st.integers(1, 60), expires_on=expiries)
    def some_are_earned(self, place: int, points: int, expires_on: date | None) -> None:
        self.earn(place, points, expires_on)

    def earn(self, place: int, points: int, expires_on: date | None) -> None:
        self.shop.earn(self.people[place], points, expires_on=expires_on)
        self.accounts[place].earn(points, expires_on or date.max, self._number())

    @rule(place=places, points=st.integers(1, 40))
    def goods_come_back(self, place: int, points: int) -> None:
        kind, owner = self.shop.owner(self.people[place], self.shop.own)
        with self.database.transaction(SYSTEM) as connection:
            opened = ledger.open_accounts(
                connection, self.shop.own, kind, [(owner, self.shop.company)], now()
            )
            draft = PostingDraft(
                new_id().hex, opened[owner], self.shop.company, PostingKind.TAKE_BACK, -points, now()
            )
            ledger.post(connection, programme_id=self.shop.own, source="test", drafts=[draft])
        self.accounts[place].lose(points)

    @rule(target=orders, person=places, reward=places, waits=st.booleans())
    def place(self, person: int, reward: int, waits: bool) -> Any:
        key, cost = new_id(), COSTS[reward]

        def order() -> Order:
            return self.shop.place(
                self.people[person], self.rewards[reward], request_key=key, waits_for_budget=waits
            )

        has_money = self.available >= cost
        if self.stock[reward] == 0:
            self._refused(OutOfStockError, order)
        elif self.accounts[person].balance < POINTS[reward]:
            self._refused(NotEnoughPointsError, order)
        elif not has_money and not waits:
            self._refused(BudgetExhaustedError, order)
        else:
            placed = order()
            used = self.accounts[person].lose(POINTS[reward])
            if self.stock[reward] is not None:
                self.stock[reward] -= 1  # type: ignore[operator]
            if has_money:
                self.reserved += cost
            one = ModelOrder(placed, key, person, reward, used, has_money)
            self.placed.append(one)
            return one
        return multiple()

    @rule(one=orders)
    def the_same_form_again(self, one: ModelOrder) -> None:
        again = self.shop.place(self.people[one.person], self.rewards[one.reward], request_key=one.key)
        assert (again.id, again.state) == (one.order.id, one.state)
        self._refused(
            rewards.OrderKeyUsedError,
            lambda: self.shop.place(
                self.people[one.person], self.rewards[1 - one.reward], request_key=one.key
            ),
        )

    @rule(one=orders)
    def approve(self, one: ModelOrder) -> None:
        cost = COSTS[one.reward]
        refusal = self.shop.decide(one.order).refusal
        if one.state is not OrderState.AWAITING_FINANCE:
            assert refusal is not None
            assert " already by " in refusal
            return
        if not one.has_money:
            if self.available < cost:
                assert refusal is not None
                assert "Raise the budget first" in refusal
                return
            self.reserved += cost
        assert refusal is None
        self.reserved -= cost
        self.spent += cost
        one.has_money, one.state = True, OrderState.APPROVED

    @rule(one=orders)
    def reject(self, one: ModelOrder) -> None:
        refusal = self.shop.decide(one.order, approve=False).refusal
        if one.state is not OrderState.AWAITING_FINANCE:
            assert refusal is not None
            assert " already by " in refusal
            return
        assert refusal is None
        self._give_back(one, OrderState.REJECTED)

    @rule(one=orders)
    def cancel(self, one: ModelOrder) -> None:
        def cancel() -> None:
            rewards.cancel_order(self.database, self.people[one.person].scope, one.order.id)

        if one.state is not OrderState.AWAITING_FINANCE:
            self._refused(OrderStateError, cancel)
            return
        cancel()
        self._give_back(one, OrderState.CANCELLED)

    def _give_back(self, one: ModelOrder, state: OrderState) -> None:
        one.state = state
        for expiry in sorted(one.used):
            self.accounts[one.person].earn(one.used[expiry], expiry, self._number())
        if self.stock[one.reward] is not None:
            self.stock[one.reward] += 1  # type: ignore[operator]
        if one.has_money:
            self.reserved -= COSTS[one.reward]

    @rule(reward=places, pieces=st.none() | st.integers(0, 3))
    def restock(self, reward: int, pieces: int | None) -> None:
        rewards.set_stock(self.database, self.shop.marketing, self.rewards[reward], pieces)
        self.stock[reward] = pieces

    @rule(amount=st.integers(0, 2_400))
    def set_the_budget(self, amount: int) -> None:
        if amount == self.set:
            self._refused(SameAmountError, lambda: raise_budget(self.shop, amount))
        elif amount < self.reserved + self.spent:
            self._refused(BudgetTooSmallError, lambda: raise_budget(self.shop, amount))
        else:
            raise_budget(self.shop, amount)
            self.set = amount

    @invariant()
    def points_are_the_models(self) -> None:
        if not hasattr(self, "people"):
            return
        for person, model in zip(self.people, self.accounts, strict=True):
            assert self.shop.balance(person) == model.balance
            lots = self.connection.execute(
                text(
                    "select coalesce(l.expires_on, date '9999-12-31'), l.remaining from lot l"
                    " join account a on a.id = l.account_id where a.owner_id = :id and l.remaining > 0"
                    " order by l.expires_on nulls last, l.id"
                ),
                {"id": person.id},
            )
            assert [tuple(lot) for lot in lots] == [(expiry, left) for expiry, _number, left in model.parcels]

    @invariant()
    def what_is_on_hold_is_the_models(self) -> None:
        if not hasattr(self, "people"):
            return
        for place, person in enumerate(self.people):
            with self.database.transaction(person.scope) as connection:
                participant = participant_by_id(connection, person.id)
                found = [
                    wallet.on_hold
                    for wallet in rewards.wallets(connection, person.scope, participant)
                    if wallet.programme.id == self.shop.own
                ]
            waiting = [one for one in self.placed if one.state is OrderState.AWAITING_FINANCE]
            assert found == [sum(POINTS[one.reward] for one in waiting if one.person == place)]

    @invariant()
    def stock_and_money_are_the_models(self) -> None:
        if not hasattr(self, "people"):
            return
        assert [self.shop.stock(reward) for reward in self.rewards] == self.stock
        assert self.shop.money() == (self.set, self.reserved, self.spent)

    @invariant()
    def every_order_is_where_the_model_has_it(self) -> None:
        for one in self.placed:
            found = self.shop.again(one.order)
            assert (found.state, found.is_funded) == (one.state, one.has_money or not COSTS[one.reward])

    @invariant()
    def the_books_hold(self) -> None:
        if hasattr(self, "people"):
            assert self.shop.broken() == {}


@pytest.mark.slow
def test_orders_do_what_a_plain_model_of_them_does(database: Database, everything: Scope) -> None:
    class Here(OrdersBesideModel):
        pass

    Here.database = database
    with database.transaction(everything) as Here.connection:
        run_state_machine_as_test(
            Here,
            settings=settings(
                max_examples=12,
                stateful_step_count=18,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
