"""Whoever changes orders, stock or their money behind Laurel's back is found by the check of the books."""

import pytest
from sqlalchemy import create_engine, text

from laurel.books import BOOKS
from loyalty_core import rewards
from loyalty_core.kernel import Database, new_id, set_scope, sqlalchemy_url
from loyalty_core.rewards import Order
from loyalty_core.settlement import check_books
from tests.rewards.shop import SYSTEM, Shop, open_shop

ONE = "(select id from reward_order order by number limit 1)"
TAMPERING = [
    ("every order spent its points from its account", "update reward_order set points = points - 1"),
    ("every order spent its points from its account", f"delete from reward_order where id = {ONE}"),
    ("every order spent its points from its account", "update reward_order set spend_posting_id = 0"),
    (
        "orders that came to nothing gave their points back, with the expiry that they had",
        "update reward_order set state = 'cancelled' where state = 'approved'",
    ),
    (
        "orders that came to nothing gave their points back, with the expiry that they had",
        "update lot set expires_on = '2030-01-01' where posting_id in (select id from posting"
        " where kind = 'give_back')",
    ),
    (
        "orders that came to nothing gave their points back, with the expiry that they had",
        "delete from lot where posting_id in (select id from posting where kind = 'give_back')",
    ),
    (
        "every order is of its participant's own points, or of a company's by a right to them",
        "update reward_order set entitlement_id = null where entitlement_id is not null",
    ),
    (
        "every order is of its participant's own points, or of a company's by a right to them",
        "update reward_order set participant_id = (select participant_id from reward_order"
        " order by number desc limit 1)",
    ),
    ("every reward's stock is what its last movement left", "update reward set stock = stock + 1"),
    (
        "every movement of stock follows from the one before",
        "update stock_movement set left_after = left_after + 1 where kind = 'hold'",
    ),
    (
        "every movement of stock follows from the one before",
        "update stock_movement set pieces = -2 where kind = 'hold'",
    ),
    (
        "every order took one piece, and gave it back where it came to nothing",
        "delete from stock_movement where kind = 'hold'",
    ),
    (
        "every order took one piece, and gave it back where it came to nothing",
        "update stock_movement set order_id = gen_random_uuid() where kind = 'give_back'",
    ),
    (
        "every budget holds, spent or has back what its orders cost",
        "update reward_order set cost_minor = cost_minor + 1",
    ),
    (
        "every budget holds, spent or has back what its orders cost",
        "update reward_order set budget_id = null where state = 'awaiting_finance'",
    ),
    (
        "every budget holds, spent or has back what its orders cost",
        "update reward_order set state = 'approved', decided_at = now(), decided_by = (select id from app_user"
        " where name = 'fiona') where state = 'awaiting_finance'",
    ),
    (
        "every order's events lead to where it stands",
        "update order_event set state = 'cancelled' where state = 'approved'",
    ),
    (
        "every order's events lead to where it stands",
        "delete from order_event where state = 'awaiting_code'",
    ),
    ("every order is what was placed", "update reward_order set ordered_at = ordered_at - interval '1 day'"),
    ("every order is what was placed", "update reward_order set payload_hash = reverse(payload_hash)"),
]


@pytest.fixture
def used(committed_database: Database) -> Shop:
    """Of five orders one is approved, one rejected, one cancelled, and two wait, one of them for the company."""
    shop = open_shop(committed_database)
    anna, olga = shop.participant("anna"), shop.participant("olga")
    mug, cap = shop.reward(), shop.reward("cap", programme_id=shop.firm)
    shop.earn(anna, 1_000)
    shop.earn(olga, 1_000, programme=shop.firm)
    rewards.entitle(committed_database, shop.salesperson, company_id=shop.company, participant_id=olga.id)
    orders: list[Order] = [shop.place(anna, mug) for _number in range(4)]
    assert shop.decide(orders[0]).refusal is None
    assert shop.decide(orders[1], approve=False).refusal is None
    rewards.cancel_order(committed_database, anna.scope, orders[2].id)
    shop.place(olga, cap)
    return shop


def test_every_check_finds_what_it_is_for(used: Shop, owner_url: str) -> None:
    checks = {check.name: check for check in check_books(used.database, *BOOKS)}
    assert all(check.ok for check in checks.values())
    with used.database.snapshot(SYSTEM) as connection:
        names = set(rewards.broken_orders(connection))
    assert names <= checks.keys()
    assert names == {name for name, _tampering in TAMPERING}
    engine = create_engine(sqlalchemy_url(owner_url))
    for name, tampering in TAMPERING:
        with engine.connect() as owner:
            set_scope(owner, SYSTEM)
            assert owner.execute(text(tampering)).rowcount > 0, tampering
            assert rewards.broken_orders(owner)[name] > 0, tampering
            owner.rollback()
    engine.dispose()


def test_an_order_that_was_tampered_with_is_not_decided(used: Shop, owner_url: str) -> None:
    with used.database.transaction(SYSTEM) as connection:
        waiting = rewards.waiting_orders(connection, used.finance, limit=9)
    engine = create_engine(sqlalchemy_url(owner_url))
    with engine.begin() as owner:
        set_scope(owner, SYSTEM)
        owner.execute(text("update reward_order set cost_minor = 1 where id = :id"), {"id": waiting[0].id})
    engine.dispose()
    for approve in (True, False):
        refusal = used.decide(waiting[0], approve=approve).refusal
        assert refusal is not None
        assert "is not what it was when you looked at it" in refusal
    assert "not what it was" in (used.decide(waiting[1], payload_hash=new_id().hex).refusal or "")
    assert "not what it was" in (used.decide(waiting[1], payload_hash=waiting[0].payload_hash).refusal or "")
    assert used.decide(waiting[1]).refusal is None


def test_the_application_can_not_change_what_was_ordered(used: Shop) -> None:
    for table, column in (
        *(("reward_order", name) for name in ("points", "cost_minor", "participant_id", "payload_hash")),
        *(("order_event", "state"), ("stock_movement", "pieces"), ("reward_picture", "image")),
    ):
        with (
            pytest.raises(Exception, match="permission denied"),
            used.database.transaction(SYSTEM) as connection,
        ):
            connection.execute(text(f"update {table} set {column} = {column}"))
