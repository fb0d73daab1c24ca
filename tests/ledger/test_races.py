"""Many at once over the same accounts, with real commits."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from loyalty_core.kernel import Database, Scope, new_id
from loyalty_core.ledger import NotEnoughPointsError, PostingKind, broken_books, post, store
from loyalty_core.ledger.policy import AccountState
from tests.ledger.accounts import accounts, balances, draft

PEOPLE = 64
EARN, SPEND = PostingKind.EARN, PostingKind.SPEND

Account = tuple[UUID, UUID]


def earn(database: Database, scope: Scope, programme: UUID, of: Collection[Account], points: int) -> None:
    with database.transaction(scope) as connection:
        post(
            connection, programme_id=programme, source="test", drafts=[draft(one, EARN, points) for one in of]
        )


def at_once(count: int, do: Callable[[int], str]) -> Counter[str]:
    """Run `do` in as many threads, all begun together, and count the answers."""
    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(do, range(count)))


def spend_the_last(
    database: Database, scope: Scope, programme: UUID, account: Account, people: int
) -> Counter[str]:
    together = threading.Barrier(people)

    def spend(_person: int) -> str:
        together.wait()
        try:
            with database.transaction(scope) as connection:
                post(connection, programme_id=programme, source="shop", drafts=[draft(account, SPEND, -10)])
        except NotEnoughPointsError:
            return "refused"
        return "won"

    return at_once(people, spend)


def test_of_64_people_who_spend_an_accounts_last_points_one_wins_and_the_others_are_refused(
    committed_database: Database, everything: Scope
) -> None:
    programme = new_id()
    with committed_database.transaction(everything) as connection:
        (account,) = accounts(connection, programme, 1)
    earn(committed_database, everything, programme, [account], 10)
    outcome = spend_the_last(committed_database, everything, programme, account, PEOPLE)
    assert outcome == {"won": 1, "refused": PEOPLE - 1}
    with committed_database.transaction(everything) as connection:
        assert balances(connection, [account]) == [0]
        assert not any(broken_books(connection).values())


def test_without_the_lock_more_than_one_would_win(
    committed_database: Database, owner_url: str, everything: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme, people = new_id(), 4
    with committed_database.transaction(everything) as connection:
        (account,) = accounts(connection, programme, 1)
    earn(committed_database, everything, programme, [account], 10)
    # The index that numbers an account's entries is a second guard.
    with psycopg.connect(owner_url) as owner:
        owner.execute("drop index uq_ledger_entry_account_version")
    all_have_read = threading.Barrier(people)

    def read_only(connection: Connection, account_ids: Collection[UUID]) -> dict[UUID, AccountState]:
        rows = connection.execute(
            text("select id, balance, version from account where id = any(:ids)"), {"ids": list(account_ids)}
        ).all()
        all_have_read.wait(timeout=20)
        return {row.id: AccountState(row.id, row.balance, row.version) for row in rows}

    monkeypatch.setattr(store, "lock_accounts", read_only)
    outcome = spend_the_last(committed_database, everything, programme, account, people)
    assert outcome == {"won": people}
    with committed_database.transaction(everything) as connection:
        assert any(broken_books(connection).values())


def test_the_same_receipt_posted_50_times_at_once_moves_points_once(
    committed_database: Database, everything: Scope
) -> None:
    programme = new_id()
    with committed_database.transaction(everything) as connection:
        (account,) = accounts(connection, programme, 1)
    receipt = draft(account, EARN, 10, key="receipt 7")

    def hand_in(_time: int) -> str:
        with committed_database.transaction(everything) as connection:
            return str(post(connection, programme_id=programme, source="till", drafts=[receipt]))

    assert len(at_once(50, hand_in)) == 1
    with committed_database.transaction(everything) as connection:
        assert balances(connection, [account]) == [10]
        assert not any(broken_books(connection).values())


def _trade(database: Database, scope: Scope, programme: UUID, of: list[Account], seed: int) -> str:
    order = random.Random(seed)
    for _round in range(8):
        chosen = order.sample(of, len(of))
        try:
            with database.transaction(scope) as connection:
                drafts = [draft(one, order.choice((EARN, PostingKind.ADJUST)), 5) for one in chosen]
                post(connection, programme_id=programme, source="test", drafts=drafts)
        except OperationalError as error:
            return type(error.orig).__name__
    return "done"


def test_batches_that_name_the_accounts_in_any_order_never_wait_for_each_other_for_good(
    committed_database: Database, everything: Scope
) -> None:
    programme = new_id()
    with committed_database.transaction(everything) as connection:
        some = accounts(connection, programme, 5)
    outcome = at_once(8, lambda seed: _trade(committed_database, everything, programme, some, seed))
    assert outcome == {"done": 8}
    with committed_database.transaction(everything) as connection:
        assert balances(connection, some) == [8 * 8 * 5] * 5
        assert not any(broken_books(connection).values())


def test_locked_in_the_order_of_their_naming_they_would(
    committed_database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme = new_id()
    with committed_database.transaction(everything) as connection:
        some = accounts(connection, programme, 2)
    earn(committed_database, everything, programme, some, 1)
    in_order = iter([some, some[::-1]])
    both_hold_one = threading.Barrier(2)

    def one_by_one(connection: Connection, _account_ids: Collection[UUID]) -> dict[UUID, AccountState]:
        first, second = next(in_order)
        lock = text("select id from account where id = :id for no key update")
        connection.execute(lock, {"id": first[0]})
        both_hold_one.wait(timeout=20)
        connection.execute(lock, {"id": second[0]})
        raise AssertionError("no deadlock: this one came through")

    monkeypatch.setattr(store, "lock_accounts", one_by_one)

    def go(_number: int) -> str:
        try:
            earn(committed_database, everything, programme, some, 1)
        except OperationalError as error:
            return type(error.orig).__name__
        except AssertionError:
            return "came through"
        return "posted"

    assert at_once(2, go) == {"DeadlockDetected": 1, "came through": 1}
