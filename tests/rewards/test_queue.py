"""What finance sees: waiting orders, what stands behind their points, and what was decided."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from loyalty_core import ledger, rewards
from loyalty_core.kernel import Database, Sort, new_id, now
from loyalty_core.kernel.clock import fixed
from loyalty_core.ledger import AccountKind, account_of
from loyalty_core.organisation import company_by_code
from loyalty_core.programmes import programme_by_code
from loyalty_core.rewards import OrderState, OrderToDecide, ReasonMissingError
from loyalty_core.settlement import settle_programme
from tests.rewards.shop import MONEY, SYSTEM, Shop, raise_budget
from tests.sales.files import bring, row
from tests.settlement.programmes import SPRING, spring


def test_the_queue_holds_all_that_finance_should_know(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    shop.earn(anna, 1_000)
    first, second, third = (shop.place(anna, mug) for _number in range(3))
    assert shop.decide(first, approve=False).refusal is None
    by_sara = rewards.place_order(
        shop.database, shop.salesperson, participant_id=anna.id, reward_id=mug, request_key=new_id()
    )
    with shop.database.transaction(SYSTEM) as connection:
        connection.execute(
            text(
                "insert into claim (claim_no, company_id, participant_id, source, invoice_no, product_code, quantity,"
                " sold_on, state, revision, entered_by_name, recorded_at, decided_at)"
                " select 'C' || n, :company, :anna, 'phone', 'I', 'P', 1, now(), s,"
                " case when s = 'waiting' then 0 else 1 end, 'test', now(), now()"
                " from unnest(array['rejected', 'rejected', 'waiting']) with ordinality as x (s, n)"
            ),
            {"company": shop.company, "anna": anna.id},
        )
    with shop.database.transaction(shop.finance) as connection:
        waiting = rewards.waiting_orders(connection, shop.finance, limit=9)
        (alone,) = rewards.waiting_orders(connection, shop.finance, limit=9, order_id=third.id)
    assert [one.id for one in waiting] == [second.id, third.id, by_sara.id]
    assert alone == waiting[1]
    one, last = waiting[0], waiting[-1]
    assert (one.company_code, one.region_name, one.participant_name) == ("C1", "North", "Anna")
    assert (one.requested_by_name, last.requested_by_name) == ("Anna", "Sara")
    # Two more orders hold money of the same budget.
    assert (one.budget_before_minor, one.budget_after_minor) == (MONEY - 4_000, MONEY - 6_000)
    assert not one.is_over_budget
    assert (one.requester_orders, one.requester_rejected) == (2, 1)
    assert (last.requester_orders, last.requester_rejected) == (0, 0)
    assert (last.participant_orders, last.participant_rejected) == (3, 1)
    assert (one.claims_decided, one.claims_rejected) == (2, 2)
    assert one.payload_hash == one.computed_hash


def test_the_queue_can_be_narrowed_sorted_and_paged(shop: Shop) -> None:
    anna, olga = shop.participant("anna"), shop.participant("olga", company=shop.other_company)
    mug, car = shop.reward("mug"), shop.reward("car", cost_minor=50_000)
    yacht = shop.reward("yacht", cost_minor=MONEY)
    shop.earn(anna, 1_000)
    shop.earn(olga, 1_000)
    orders = [
        shop.place(anna, mug),
        shop.place(anna, car),
        shop.place(olga, mug),
        shop.place(olga, yacht, waits_for_budget=True),
    ]
    numbers = [order.number for order in orders]

    def found(**wanted: object) -> list[int]:
        with shop.database.transaction(shop.finance) as connection:
            page = rewards.waiting_orders(connection, shop.finance, **{"limit": 9, **wanted})  # type: ignore[arg-type]
            counted = {name: wanted[name] for name in wanted if name in ("words", "unfunded", "programme_id")}
            count = rewards.count_waiting_orders(connection, shop.finance, **counted)  # type: ignore[arg-type]
        assert count == len(page) or "limit" in wanted
        return [numbers.index(one.number) for one in page]

    assert found() == [0, 1, 2, 3]
    assert found(sort=Sort("cost", descending=True)) == [3, 1, 0, 2]
    assert found(limit=2, offset=1) == [1, 2]
    assert found(unfunded=True) == [3]
    assert found(unfunded=False) == [0, 1, 2]
    assert found(words="OLGA") == [2, 3]
    assert found(words="c2") == [2, 3]
    assert found(words=str(numbers[1])) == [1]
    assert found(words="yach") == [3]
    assert found(programme_id=shop.firm) == []
    with shop.database.transaction(shop.finance) as connection:
        summary = rewards.orders_summary(connection, shop.finance)
    assert (summary.count, summary.unfunded, summary.points) == (4, 1, 400)
    assert summary.cost_minor == {"EUR": 2_000 + 50_000 + 2_000 + MONEY}
    assert summary.oldest_at == orders[0].ordered_at


def test_an_empty_queue_has_a_summary_too(shop: Shop) -> None:
    with shop.database.transaction(shop.finance) as connection:
        assert rewards.waiting_orders(connection, shop.finance, limit=9) == []
        summary = rewards.orders_summary(connection, shop.finance)
    assert (summary.count, summary.oldest_at, summary.cost_minor, summary.unfunded) == (0, None, {}, 0)


def test_many_are_decided_at_once_with_a_result_for_each(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    shop.earn(anna, 1_000)
    good, gone, changed = (shop.place(anna, mug) for _number in range(3))
    rewards.cancel_order(shop.database, anna.scope, gone.id)
    asked = [
        OrderToDecide(good.id, good.payload_hash),
        OrderToDecide(gone.id, gone.payload_hash),
        OrderToDecide(changed.id, "0" * 64),
        OrderToDecide(new_id(), good.payload_hash),
        OrderToDecide(good.id, good.payload_hash),
    ]
    outcomes = rewards.decide_orders(shop.database, shop.finance, asked, approve=True)
    assert [one.order_id for one in outcomes] == [one.order_id for one in asked]
    assert [one.number for one in outcomes] == [good.number, gone.number, changed.number, None, good.number]
    told = [one.refusal or "" for one in outcomes]
    assert told[0] == ""
    assert "was cancelled already by Anna" in told[1]
    assert "not what it was" in told[2]
    assert "no such order" in told[3]
    assert "was approved already by Fiona" in told[4]
    assert shop.money() == (MONEY, 2_000, 2_000)
    assert shop.broken() == {}


@pytest.mark.parametrize("reason", [None, "", "  no  ", "x" * 1001])
def test_a_rejection_says_why(shop: Shop, reason: str | None) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    shop.earn(anna, 100)
    order = shop.place(anna, mug)
    with pytest.raises(ReasonMissingError):
        rewards.decide_orders(
            shop.database,
            shop.finance,
            [OrderToDecide(order.id, order.payload_hash)],
            approve=False,
            reason=reason,
        )
    assert shop.again(order).is_waiting


def test_what_finance_decided_in_a_time_is_listed_without_cancellations(shop: Shop) -> None:
    anna, mug = shop.participant("anna"), shop.reward()
    shop.earn(anna, 1_000)
    yes, no, gone, open_still = (shop.place(anna, mug) for _number in range(4))
    moment = now()
    with fixed(moment):
        shop.decide(yes)
        rewards.cancel_order(shop.database, anna.scope, gone.id)
    with fixed(moment + timedelta(minutes=1)):
        shop.decide(no, approve=False, reason="Not for this group")

    def decided(since: int, until: int) -> list[tuple[int, OrderState, str | None]]:
        with shop.database.transaction(shop.finance) as connection:
            found = rewards.decided_orders(
                connection,
                shop.finance,
                since=moment + timedelta(seconds=since),
                until=moment + timedelta(seconds=until),
            )
        return [(one.number, one.state, one.decision_reason) for one in found]

    approved = (yes.number, OrderState.APPROVED, None)
    rejected = (no.number, OrderState.REJECTED, "Not for this group")
    assert decided(0, 61) == [approved, rejected]
    assert decided(0, 60) == [approved]
    assert decided(1, 3600) == [rejected]
    with shop.database.transaction(anna.scope) as connection:
        mine = rewards.orders_of_participant(connection, anna.id)
    assert [one.number for one in mine] == [open_still.number, gone.number, no.number, yes.number]


def test_money_of_an_order_that_waits_comes_from_the_quarter_of_its_approval(shop: Shop) -> None:
    anna, yacht = shop.participant("anna"), shop.reward("yacht", cost_minor=MONEY + 1)
    shop.earn(anna, 100)
    order = shop.place(anna, yacht, waits_for_budget=True)
    with fixed(now() + timedelta(days=100)):
        with shop.database.transaction(shop.finance) as connection:
            (waiting,) = rewards.waiting_orders(connection, shop.finance, limit=9)
        assert (waiting.budget_before_minor, waiting.is_over_budget) == (None, True)
        refusal = shop.decide(order).refusal
        assert refusal is not None
        assert "no budget is set for North in this quarter" in refusal
        shop.earn(anna, 100)
        with pytest.raises(rewards.NoBudgetError):
            shop.place(anna, yacht)
    raise_budget(shop, MONEY + 1)
    assert shop.decide(order).refusal is None
    assert shop.broken() == {}


def test_a_reward_that_costs_no_money_needs_no_budget(shop: Shop) -> None:
    anna, hug = shop.participant("anna"), shop.reward("hug", cost_minor=0, stock=None)
    shop.earn(anna, 200)
    with fixed(now() + timedelta(days=100)):
        first, second = (shop.place(anna, hug) for _number in range(2))
        assert (first.budget_id, first.is_funded) == (None, True)
        assert shop.decide(first).refusal is None
        assert shop.decide(second, approve=False).refusal is None
    assert (shop.balance(anna), shop.stock(hug), shop.money()) == (100, None, (MONEY, 0, 0))
    assert shop.broken() == {}


def test_points_lead_to_the_sales_behind_them_also_after_they_came_back_once(
    database: Database, shop: Shop
) -> None:
    spring(database, SYSTEM, SPRING.replace("2026-05-31", "2036-12-31"))
    lines = [
        row(company_code="C1", invoice_no="big", unit_price="900.00"),
        row(company_code="C1", invoice_no="small", unit_price="300.00"),
        row(company_code="C2", invoice_no="other", unit_price="900.00"),
    ]
    bring(database, SYSTEM, lines)
    settle_programme(database, SYSTEM, "spring")
    anna = shop.participant("anna")
    with database.transaction(SYSTEM) as connection:
        programme = programme_by_code(connection, SYSTEM, "spring").id
        company = company_by_code(connection, "C1")
        account = account_of(connection, programme, AccountKind.COMPANY, company.id)
    assert account is not None
    assert account.balance == 120
    rewards.entitle(database, shop.salesperson, company_id=company.id, participant_id=anna.id)
    mug = shop.reward(programme_id=programme, cost_minor=0)
    first = shop.place(anna, mug)
    assert shop.decide(first, approve=False).refusal is None
    for order in (first, shop.place(anna, mug)):
        with database.transaction(shop.finance) as connection:
            found = rewards.lines_behind(connection, order.id)
        assert [(one.invoice_no, one.points) for one in found] == [("big", 90), ("small", 30)]
    with database.transaction(shop.finance) as connection:
        (line,) = rewards.lines_behind(connection, first.id, limit=1)
        # And from the account to the orders: what the first spent and gave back, and what was earned.
        movements = [
            (one.kind.value, rewards.order_of_posting(connection, one.posting_id))
            for one in ledger.statement(connection, account.id, limit=9)
        ]
    assert movements == [
        ("spend", order.id),
        ("give_back", first.id),
        ("spend", first.id),
        ("earn", None),
    ]
    assert (line.product_code, line.amount_minor, line.currency) == ("P1", 90_000, "EUR")
    assert (line.file_name, line.row_no, line.claim_number) == ("tills.csv", 2, None)
