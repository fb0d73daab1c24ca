"""Many at once over the last of everything, with real commits; first that the races are real."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from loyalty_core import ledger, rewards
from loyalty_core.budgets import Figures
from loyalty_core.budgets import store as budget_store
from loyalty_core.kernel import Database, Refusal, Scope, new_id
from loyalty_core.ledger import PostingDraft
from loyalty_core.ledger import store as ledger_store
from loyalty_core.ledger.policy import AccountState
from loyalty_core.rewards import Order, OrderState, order_store, store
from tests.rewards.shop import MONEY, SYSTEM, Person, Shop, add_participant, earn, open_shop

PEOPLE = 64
FEW = 4


@pytest.fixture
def shop(committed_database: Database) -> Shop:
    """A shop whose transactions really commit."""
    return open_shop(committed_database)


def at_once(count: int, do: Callable[[int], str]) -> Counter[str]:
    """Run `do` in as many threads, all begun together, and count the answers."""
    together = threading.Barrier(count)

    def begin(place: int) -> str:
        together.wait(timeout=60)
        return do(place)

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(begin, range(count)))


def crowd(shop: Shop, count: int, points: int, *, programme: UUID | None = None) -> list[Person]:
    """Add participants with points of their own, or, in a company's programme, the right to the company's."""
    with shop.database.transaction(SYSTEM) as connection:
        people = [add_participant(connection, f"p{number}", shop.company) for number in range(count)]
        if programme is None:
            for person in people:
                earn(connection, shop, person, points)
        else:
            earn(connection, shop, people[0], points, programme=programme)
    if programme is not None:
        for person in people:
            rewards.entitle(
                shop.database, shop.salesperson, company_id=shop.company, participant_id=person.id
            )
    return people


def order_all_at_once(shop: Shop, people: list[Person], reward: UUID) -> Counter[str]:
    def order(place: int) -> str:
        try:
            shop.place(people[place], reward)
        except Refusal as refusal:
            return type(refusal).__name__
        return "won"

    return at_once(len(people), order)


def left(shop: Shop, reward: UUID) -> tuple[int | None, int]:
    """Return the reward's stock, and how many orders there are."""
    return shop.stock(reward), shop.rows()["reward_order"]


def test_of_64_people_who_order_the_last_piece_one_wins_and_the_others_are_refused(shop: Shop) -> None:
    mug, people = shop.reward(stock=1), crowd(shop, PEOPLE, 100)
    assert order_all_at_once(shop, people, mug) == {"won": 1, "OutOfStockError": PEOPLE - 1}
    assert left(shop, mug) == (0, 1)
    assert sorted(shop.balance(person) for person in people) == [0] + [100] * (PEOPLE - 1)
    assert shop.money() == (MONEY, 2_000, 0)
    assert shop.broken() == {}


def without_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the ledger out of orders: at the programme's own account they queue before they reach anything else."""

    def posted(_connection: Connection, *, drafts: list[PostingDraft], **_other: object) -> dict[str, int]:
        return {draft.key: 0 for draft in drafts}

    monkeypatch.setattr(ledger, "post", posted)


def test_without_the_lock_on_stock_all_would_have_the_last_piece(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug, people = shop.reward(stock=1), crowd(shop, FEW, 100)
    without_the_ledger(monkeypatch)
    all_have_read, reads, read = threading.Barrier(FEW), threading.local(), store.reward_by_id

    def no_lock(_connection: Connection, _reward_id: UUID) -> None:
        reads.unlocked = True

    def read_together(connection: Connection, scope: Scope, reward_id: UUID) -> store.Reward:
        found = read(connection, scope, reward_id)
        if getattr(reads, "unlocked", False):
            reads.unlocked = False
            all_have_read.wait(timeout=20)
        return found

    monkeypatch.setattr(store, "lock_reward", no_lock)
    monkeypatch.setattr(store, "reward_by_id", read_together)
    assert order_all_at_once(shop, people, mug) == {"won": FEW}
    assert left(shop, mug) == (0, FEW)
    assert "every movement of stock follows from the one before" in shop.broken()


def test_of_64_people_who_order_with_the_last_money_one_wins_and_the_others_are_refused(shop: Shop) -> None:
    yacht, people = shop.reward(stock=None, cost_minor=MONEY // 2 + 1), crowd(shop, PEOPLE, 100)
    assert order_all_at_once(shop, people, yacht) == {"won": 1, "BudgetExhaustedError": PEOPLE - 1}
    assert left(shop, yacht) == (None, 1)
    assert sorted(shop.balance(person) for person in people) == [0] + [100] * (PEOPLE - 1)
    assert shop.money() == (MONEY, MONEY // 2 + 1, 0)
    assert shop.broken() == {}


def test_without_the_lock_on_budgets_all_would_have_the_last_money(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a reward of each own, so that they don't queue at the stock.
    yachts = [shop.reward(f"yacht{number}", cost_minor=MONEY) for number in range(FEW)]
    people = crowd(shop, FEW, 100)
    without_the_ledger(monkeypatch)
    all_have_read = threading.Barrier(FEW)

    def read_only(connection: Connection, budget_id: UUID) -> budget_store.LockedBudget:
        row = connection.execute(text("select * from budget where id = :id"), {"id": budget_id}).one()
        all_have_read.wait(timeout=20)
        held = Figures(row.set_minor, row.reserved_minor, row.spent_minor)
        return budget_store.LockedBudget(row.id, row.region_id, row.currency, held)

    monkeypatch.setattr(budget_store, "lock_budget", read_only)

    def order(place: int) -> str:
        return shop.place(people[place], yachts[place]).state.value

    assert at_once(FEW, order) == {"awaiting_finance": FEW}
    assert "every budget's figures are the sum of its movements" in shop.broken()


def test_of_64_people_who_spend_a_companys_last_points_one_wins_and_the_others_are_refused(
    shop: Shop,
) -> None:
    mug = shop.reward(programme_id=shop.firm, stock=None)
    people = crowd(shop, PEOPLE, 199, programme=shop.firm)
    assert order_all_at_once(shop, people, mug) == {"won": 1, "NotEnoughPointsError": PEOPLE - 1}
    assert (shop.balance(people[0], shop.firm), left(shop, mug)) == (99, (None, 1))
    assert shop.money(shop.firm_budget) == (MONEY, 2_000, 0)
    assert shop.broken() == {}


def test_without_the_lock_on_accounts_all_would_spend_the_last_points(
    shop: Shop, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug = shop.reward(programme_id=shop.firm, stock=None)
    people = crowd(shop, FEW, 100, programme=shop.firm)
    # The index that numbers an account's entries is a second guard.
    with psycopg.connect(owner_url) as owner:
        owner.execute("drop index uq_ledger_entry_account_version")
    all_have_read = threading.Barrier(FEW)

    def read_only(connection: Connection, account_ids: set[UUID]) -> dict[UUID, AccountState]:
        rows = connection.execute(
            text("select id, balance, version from account where id = any(:ids)"), {"ids": list(account_ids)}
        ).all()
        all_have_read.wait(timeout=20)
        return {row.id: AccountState(row.id, row.balance, row.version) for row in rows}

    monkeypatch.setattr(ledger_store, "lock_accounts", read_only)
    assert order_all_at_once(shop, people, mug) == {"won": FEW}
    monkeypatch.undo()
    assert left(shop, mug) == (None, FEW)
    assert "every balance is the sum of its entries" in shop.broken()


def test_the_same_form_sent_50_times_at_once_orders_once(shop: Shop) -> None:
    mug, (anna,), key = shop.reward(), crowd(shop, 1, 5_000), new_id()

    def send(_time: int) -> str:
        return str(shop.place(anna, mug, request_key=key).number)

    assert len(at_once(50, send)) == 1
    assert (left(shop, mug), shop.balance(anna), shop.money()) == ((9, 1), 4_900, (MONEY, 2_000, 0))
    assert shop.broken() == {}


def a_waiting_order(shop: Shop, *, cost_minor: int = 2_000) -> tuple[Person, Order]:
    mug, (anna,) = shop.reward(stock=1, cost_minor=cost_minor), crowd(shop, 1, 100)
    return anna, shop.place(anna, mug)


def end_at_once(shop: Shop, anna: Person, order: Order, ways: list[str]) -> Counter[str]:
    """Let each way of ending the order be gone at the same time; count what was done and what was refused."""

    def cancel() -> str | None:
        try:
            rewards.cancel_order(shop.database, anna.scope, order.id)
        except Refusal as refusal:
            return refusal.sentence
        return None

    does: dict[str, Callable[[], str | None]] = {
        "cancel": cancel,
        "approve": lambda: shop.decide(order).refusal,
        "approve too": lambda: shop.decide(order, scope=shop.finance_too).refusal,
        "reject": lambda: shop.decide(order, approve=False, scope=shop.finance_too).refusal,
    }

    def end(place: int) -> str:
        refusal = does[ways[place]]()
        assert refusal is None or " already by " in refusal, refusal
        return "done" if refusal is None else "refused"

    return at_once(len(ways), end)


@pytest.mark.parametrize(
    "ways",
    [
        ["approve", "cancel"],
        ["approve", "approve too"],
        ["approve", "reject"],
        ["reject", "cancel"],
        ["approve", "approve too", "reject", "cancel"] * 4,
    ],
    ids=" ".join,
)
def test_of_those_who_decide_or_cancel_an_order_at_once_one_does_and_the_others_are_told(
    shop: Shop, ways: list[str]
) -> None:
    anna, order = a_waiting_order(shop)
    assert end_at_once(shop, anna, order, ways) == {"done": 1, "refused": len(ways) - 1}
    state = shop.again(order).state
    is_approved = state is OrderState.APPROVED
    assert shop.balance(anna) == (0 if is_approved else 100)
    assert shop.stock(order.reward_id) == (0 if is_approved else 1)
    assert shop.money() == (MONEY, 0, 2_000 if is_approved else 0)
    assert shop.broken() == {}


@pytest.mark.parametrize("ways", [["approve", "cancel"], ["approve", "approve too"]], ids=" ".join)
def test_without_the_lock_on_the_order_both_would_be_done(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, ways: list[str]
) -> None:
    # Without money, so that the budget's own guard does not step in.
    anna, order = a_waiting_order(shop, cost_minor=0)
    both_have_read = threading.Barrier(2)

    def read_only(connection: Connection, scope: Scope, order_id: UUID) -> Order:
        found = order_store.order_by_id(connection, scope, order_id)
        both_have_read.wait(timeout=20)
        return found

    monkeypatch.setattr(order_store, "lock_order", read_only)
    assert end_at_once(shop, anna, order, ways) == {"done": 2}
    assert "every order's events lead to where it stands" in shop.broken()


def test_the_right_to_spend_taken_back_while_orders_are_placed_holds_for_each_or_not_at_all(
    shop: Shop,
) -> None:
    mug = shop.reward(programme_id=shop.firm, stock=None)
    people = crowd(shop, 8, 10_000, programme=shop.firm)
    with shop.database.transaction(SYSTEM) as connection:
        given = {one.participant_id: one.id for one in rewards.entitled_people(connection, shop.company)}

    def go(place: int) -> str:
        person = people[place % 8]
        if place >= 8:
            rewards.end_entitlement(shop.database, shop.salesperson, given[person.id])
            return "ended"
        try:
            shop.place(person, mug)
        except rewards.NotEntitledError:
            return "refused"
        return "ordered"

    outcome = at_once(16, go)
    assert outcome["ended"] == 8
    assert outcome["ordered"] + outcome["refused"] == 8
    assert shop.balance(people[0], shop.firm) == 10_000 - 100 * outcome["ordered"]
    assert shop.broken() == {}


def test_orders_for_the_same_things_in_any_mixture_never_wait_for_each_other_for_good(shop: Shop) -> None:
    goods = [shop.reward(f"good{number}", stock=None, cost_minor=100) for number in range(3)]
    people = crowd(shop, 6, 100_000)

    def trade(place: int) -> str:
        for turn in range(6):
            order = shop.place(people[place], goods[(place + turn) % 3])
            if turn % 3 == 0:
                rewards.cancel_order(shop.database, people[place].scope, order.id)
            elif turn % 3 == 1:
                assert shop.decide(order, approve=False).refusal is None
            else:
                assert shop.decide(order).refusal is None
        return "done"

    assert at_once(6, trade) == {"done": 6}
    assert shop.money() == (MONEY, 0, 6 * 2 * 100)
    assert shop.broken() == {}


def test_an_order_whose_connection_is_cut_leaves_nothing_and_the_same_form_orders_once(
    shop: Shop, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug, (anna,), key = shop.reward(), crowd(shop, 1, 500), new_id()
    before, insert = shop.rows(), order_store.insert_order

    def cut_off(connection: Connection, scope: Scope, new: order_store.NewOrder) -> Order:
        placed = insert(connection, scope, new)
        with psycopg.connect(owner_url) as owner:
            owner.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = 'laurel_app' and datname = current_database()"
            )
        return placed

    monkeypatch.setattr(order_store, "insert_order", cut_off)
    with pytest.raises(OperationalError):
        shop.place(anna, mug, request_key=key)
    monkeypatch.undo()
    assert shop.rows() == before
    for _time in range(2):
        shop.place(anna, mug, request_key=key)
    assert (left(shop, mug), shop.balance(anna), shop.money()) == ((9, 1), 400, (MONEY, 2_000, 0))
    assert shop.broken() == {}
