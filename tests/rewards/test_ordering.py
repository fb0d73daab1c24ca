"""What an order takes, what it needs, and what comes back."""

from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import text

from loyalty_core import audit, budgets, ledger, rewards
from loyalty_core.budgets import BudgetExhaustedError
from loyalty_core.kernel import Refusal, new_id, now
from loyalty_core.ledger import NotEnoughPointsError
from loyalty_core.participants import ParticipantGroup
from loyalty_core.rewards import OrderState, RewardState, order_store, store
from tests.rewards.shop import MONEY, SYSTEM, Shop, raise_budget


def test_an_order_takes_points_a_piece_and_money_at_once_and_waits_for_finance(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    shop.earn(anna, 150)
    order = shop.place(anna, mug)
    assert (order.state, order.points, order.cost_minor) == (OrderState.AWAITING_FINANCE, 100, 2_000)
    assert (order.participant_name, order.reward_name, order.company_code) == ("Anna", "Mug", "C1")
    assert order.budget_id == shop.budget
    assert order.payload_hash == order.computed_hash
    assert (shop.balance(anna), shop.stock(mug), shop.money()) == (50, 9, (MONEY, 2_000, 0))
    with shop.database.transaction(anna.scope) as connection:
        passed = rewards.events(connection, order.id)
    assert [one.state for one in passed] == [OrderState.AWAITING_CODE, OrderState.AWAITING_FINANCE]
    assert all(one.is_funded and one.caused_by == anna.user_id for one in passed)
    assert shop.broken() == {}


def test_approving_spends_the_money_and_keeps_points_and_piece(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    shop.earn(anna, 100)
    order = shop.place(anna, mug)
    outcome = shop.decide(order)
    assert (outcome.refusal, outcome.number) == (None, order.number)
    after = shop.again(order)
    assert (after.state, after.decided_by) == (OrderState.APPROVED, shop.finance.user_id)
    assert (shop.balance(anna), shop.stock(mug), shop.money()) == (0, 9, (MONEY, 0, 2_000))
    assert shop.broken() == {}


@pytest.mark.parametrize("ends", ["rejected", "cancelled"])
def test_an_order_that_comes_to_nothing_gives_everything_back_points_with_their_expiry(
    shop: Shop, ends: str
) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    soon, later = now().date() + timedelta(days=30), now().date() + timedelta(days=90)
    for points, expires_on in ((40, None), (30, later), (50, soon)):
        shop.earn(anna, points, expires_on=expires_on)
    order = shop.place(anna, mug)
    if ends == "rejected":
        assert shop.decide(order, approve=False, reason="The picture does not fit.").refusal is None
    else:
        rewards.cancel_order(shop.database, anna.scope, order.id)
    after = shop.again(order)
    assert after.state == ends
    assert after.decision_reason == ("The picture does not fit." if ends == "rejected" else None)
    assert (shop.balance(anna), shop.stock(mug), shop.money()) == (120, 10, (MONEY, 0, 0))
    with shop.database.transaction(SYSTEM) as connection:
        lots = connection.execute(
            text(
                "select expires_on, sum(remaining) from lot where remaining > 0"
                " group by expires_on order by expires_on nulls last"
            )
        )
        assert [tuple(lot) for lot in lots] == [(soon, 50), (later, 30), (None, 40)]
    assert shop.broken() == {}


def test_points_that_came_back_can_be_spent_again(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward(stock=1)
    shop.earn(anna, 100)
    for _time in range(3):
        assert shop.decide(shop.place(anna, mug), approve=False).refusal is None
    assert shop.decide(shop.place(anna, mug)).refusal is None
    assert (shop.balance(anna), shop.stock(mug), shop.money()) == (0, 0, (MONEY, 0, 2_000))
    assert shop.broken() == {}


def test_the_same_request_orders_once_and_another_order_under_its_key_is_refused(shop: Shop) -> None:
    anna, mug, hat = shop.participant("anna"), shop.reward("mug", stock=1), shop.reward("hat")
    shop.earn(anna, 500)
    key = new_id()
    first = shop.place(anna, mug, request_key=key)
    assert shop.place(anna, mug, request_key=key) == first
    assert shop.place(anna, mug, request_key=key, waits_for_budget=True) == first
    with pytest.raises(rewards.OrderKeyUsedError, match=f"made order {first.number} for something else"):
        shop.place(anna, hat, request_key=key)
    shop.decide(first, approve=False)
    assert shop.place(anna, mug, request_key=key).state is OrderState.REJECTED
    assert (shop.balance(anna), shop.stock(mug), shop.stock(hat)) == (500, 1, 10)


def test_each_refusal_says_why_and_leaves_nothing(shop: Shop) -> None:
    today = now().date()
    anna, other = shop.participant("anna"), shop.participant("olga", company=shop.other_company)
    idle = shop.participant("ivan", state="suspended")
    new = shop.participant("nina", state="waiting")
    for person in (anna, other, idle, new):
        shop.earn(person, 500)
    day = timedelta(days=1)
    plain = shop.reward("plain")
    cases = {
        "draft": (anna, shop.reward("draft", state=RewardState.DRAFT), "is not offered at the moment"),
        "gone": (anna, shop.reward("gone", state=RewardState.WITHDRAWN), "is not offered at the moment"),
        "early": (anna, shop.reward("early", starts_on=today + day), "can be ordered from"),
        "late": (anna, shop.reward("late", ends_on=today - day), "could be ordered until"),
        "group": (
            anna,
            shop.reward("group", for_groups=frozenset({ParticipantGroup.DISTRIBUTOR})),
            "other groups",
        ),
        "sold out": (anna, shop.reward("sold-out", stock=0), "out of stock"),
        "dear": (anna, shop.reward("dear", points=501), "balance of 500 points does not cover 501"),
        "costly": (anna, shop.reward("costly", cost_minor=MONEY + 1), "not enough money left"),
        "firm": (anna, shop.reward("firm", programme_id=shop.firm), "belong to the company"),
        "suspended": (idle, plain, "suspended at the moment"),
        "waiting": (new, plain, "still waits for approval"),
    }
    before = shop.rows()
    for name, (person, reward, sentence) in cases.items():
        with pytest.raises(Refusal, match=sentence):
            shop.place(person, reward)
        assert shop.rows() == before, name
    with pytest.raises(rewards.PriceChangedError, match="costs 100 points now"):
        shop.place(anna, plain, expected_points=90)
    assert shop.rows() == before
    assert shop.stock(plain) == 10
    assert shop.broken() == {}


def test_without_any_points_ever_there_is_a_refusal_and_no_account(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    before = shop.rows()
    with pytest.raises(NotEnoughPointsError, match="balance of 0 points does not cover 100"):
        shop.place(anna, mug)
    assert shop.rows() == before


def test_without_money_one_may_leave_the_order_waiting_with_points_and_stock_held(shop: Shop) -> None:
    anna, yacht = shop.participant("anna"), shop.reward("yacht", cost_minor=MONEY + 1)
    shop.earn(anna, 100)
    with pytest.raises(BudgetExhaustedError):
        shop.place(anna, yacht)
    order = shop.place(anna, yacht, waits_for_budget=True)
    assert (order.budget_id, order.is_funded) == (None, False)
    assert (shop.balance(anna), shop.stock(yacht), shop.money()) == (0, 9, (MONEY, 0, 0))
    with shop.database.transaction(shop.finance) as connection:
        (waiting,) = rewards.waiting_orders(connection, shop.finance, limit=9)
        assert rewards.orders_summary(connection, shop.finance).unfunded == 1
    assert (waiting.budget_before_minor, waiting.budget_after_minor) == (MONEY, -1)
    assert waiting.is_over_budget
    refusal = shop.decide(order).refusal
    assert refusal is not None
    assert "costs 1000.01 EUR, and its budget has 1000.00 EUR left" in refusal
    assert shop.again(order).state is OrderState.AWAITING_FINANCE
    raise_budget(shop, MONEY + 500)
    assert shop.decide(order).refusal is None
    after = shop.again(order)
    assert (after.state, after.budget_id) == (OrderState.APPROVED, shop.budget)
    assert shop.money() == (MONEY + 500, 0, MONEY + 1)
    assert shop.broken() == {}


@pytest.mark.parametrize(
    "last_step",
    [
        *((ledger, "post"), (store, "move_stock"), (budgets, "reserve"), (order_store, "insert_order")),
        *((order_store, "move_order"), (audit, "record")),
    ],
    ids=lambda step: step[1],
)
def test_an_order_that_breaks_off_at_any_step_leaves_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, last_step: tuple[ModuleType, str]
) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    shop.earn(anna, 100)
    before, step = shop.rows(), getattr(*last_step)

    def break_off(*arguments: Any, **named: Any) -> Any:
        step(*arguments, **named)
        raise ConnectionResetError

    key = new_id()
    monkeypatch.setattr(*last_step, break_off)
    with pytest.raises(ConnectionResetError):
        shop.place(anna, mug, request_key=key)
    monkeypatch.undo()
    assert shop.rows() == before
    assert (shop.balance(anna), shop.stock(mug), shop.money()) == (100, 10, (MONEY, 0, 0))
    shop.place(anna, mug, request_key=key)
    assert (shop.balance(anna), shop.stock(mug), shop.money()) == (0, 9, (MONEY, 2_000, 0))
    assert shop.broken() == {}


@pytest.mark.parametrize("approve", [True, False])
def test_a_decision_that_breaks_off_leaves_the_order_waiting(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, approve: bool
) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    shop.earn(anna, 100)
    order = shop.place(anna, mug)
    before = shop.rows()

    def break_off(*_arguments: Any, **_named: Any) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(audit, "record", break_off)
    with pytest.raises(ConnectionResetError):
        shop.decide(order, approve=approve)
    monkeypatch.undo()
    assert shop.rows() == before
    assert shop.again(order).is_waiting
    assert shop.money() == (MONEY, 2_000, 0)
    assert shop.decide(order, approve=approve).refusal is None


def test_the_audit_names_who_ordered_and_who_decided(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    shop.earn(anna, 200)
    first, second = shop.place(anna, mug), shop.place(anna, mug)
    shop.decide(first)
    rewards.cancel_order(shop.database, anna.scope, second.id)
    with shop.database.transaction(SYSTEM) as connection:
        rows = connection.execute(
            text(
                "select actor_name, action, subject_id, detail->>'number' from audit_record"
                " where action like 'rewards.order%' order by id"
            )
        )
        found = [tuple(row) for row in rows]
    assert found == [
        ("anna", "rewards.order_placed", str(first.id), str(first.number)),
        ("anna", "rewards.order_placed", str(second.id), str(second.number)),
        ("fiona", "rewards.order_approved", str(first.id), str(first.number)),
        ("anna", "rewards.order_cancelled", str(second.id), str(second.number)),
    ]
