from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from loyalty_core.kernel import Database, Scope, new_id
from loyalty_core.ledger import (
    AccountKind,
    KeyUsedOtherwiseError,
    NotEnoughPointsError,
    PostingDraft,
    PostingKind,
    account_of,
    broken_books,
    company_balances,
    post,
    statement,
    uses_of_posting,
)
from tests.ledger.accounts import MOMENT, accounts, balances, draft

EARN, TAKE_BACK, SPEND = PostingKind.EARN, PostingKind.TAKE_BACK, PostingKind.SPEND


def test_a_return_takes_points_that_are_spent_already_and_the_next_award_pays_the_debt(
    database: Database, everything: Scope
) -> None:
    programme = new_id()
    with database.transaction(everything) as connection:
        (cafe,) = accounts(connection, programme, 1)
        moves = [(EARN, 10), (SPEND, -8), (TAKE_BACK, -10)]
        post(
            connection,
            programme_id=programme,
            source="test",
            drafts=[draft(cafe, kind, points) for kind, points in moves],
        )
        (account,) = company_balances(connection, cafe[1])
        assert (account.balance, account.open_lot_points) == (-8, 0)
        post(connection, programme_id=programme, source="test", drafts=[draft(cafe, EARN, 20)])
        (account,) = company_balances(connection, cafe[1])
        assert (account.balance, account.open_lot_points) == (12, 12)
        assert [line.balance_after for line in statement(connection, account.account_id, limit=9)] == [
            *(12, -8, 2, 10)
        ]


def test_points_that_expire_soonest_are_spent_first_and_those_without_an_expiry_last(
    database: Database, everything: Scope
) -> None:
    programme = new_id()
    with database.transaction(everything) as connection:
        (cafe,) = accounts(connection, programme, 1)
        lots = [(5, None), (5, date(2026, 12, 31)), (5, date(2026, 6, 30))]
        earned = [draft(cafe, EARN, points, expires_on=expiry) for points, expiry in lots]
        post(connection, programme_id=programme, source="test", drafts=earned)
        post(connection, programme_id=programme, source="test", drafts=[draft(cafe, SPEND, -7)])
        left = connection.execute(
            text("select expires_on, remaining from lot order by expires_on nulls last")
        )
        assert [tuple(lot) for lot in left] == [(date(2026, 6, 30), 0), (date(2026, 12, 31), 3), (None, 5)]
        (account,) = company_balances(connection, cafe[1])
        assert account.next_expiry_on == date(2026, 12, 31)


def test_a_posting_names_the_expiries_of_the_points_that_it_used(
    database: Database, everything: Scope
) -> None:
    programme, summer, winter = new_id(), date(2026, 6, 30), date(2026, 12, 31)
    with database.transaction(everything) as connection:
        (cafe,) = accounts(connection, programme, 1)
        lots = [(5, None), (3, winter), (2, summer), (4, summer)]
        earned = [draft(cafe, EARN, points, expires_on=expiry) for points, expiry in lots]
        post(connection, programme_id=programme, source="test", drafts=earned)
        posted = post(
            connection, programme_id=programme, source="test", drafts=[draft(cafe, SPEND, -10, key="spend")]
        )
        assert uses_of_posting(connection, posted["spend"]) == [(summer, 6), (winter, 3), (None, 1)]


def test_an_owners_account_tells_its_balance_and_when_points_last_moved(
    database: Database, everything: Scope
) -> None:
    programme = new_id()
    with database.transaction(everything) as connection:
        (cafe,) = accounts(connection, programme, 1)
        account = account_of(connection, programme, AccountKind.COMPANY, cafe[1])
        assert account is not None
        assert (account.id, account.balance, account.moved_at) == (cafe[0], 0, None)
        post(connection, programme_id=programme, source="test", drafts=[draft(cafe, EARN, 5)])
        account = account_of(connection, programme, AccountKind.COMPANY, cafe[1])
        assert account is not None
        (line,) = statement(connection, cafe[0], limit=9)
        assert (account.balance, account.moved_at) == (5, line.recorded_at)
        assert account_of(connection, programme, AccountKind.PARTICIPANT, cafe[1]) is None
        assert account_of(connection, new_id(), AccountKind.COMPANY, cafe[1]) is None


def test_a_refused_batch_leaves_nothing_behind(database: Database, everything: Scope) -> None:
    programme = new_id()
    with database.transaction(everything) as connection:
        rich, poor = accounts(connection, programme, 2)
        post(connection, programme_id=programme, source="test", drafts=[draft(rich, EARN, 10)])
        with pytest.raises(NotEnoughPointsError, match="balance of 0 points does not cover 1"):
            post(
                connection,
                programme_id=programme,
                source="test",
                drafts=[draft(rich, SPEND, -3), draft(rich, EARN, 2), draft(poor, SPEND, -1)],
            )
        assert balances(connection, [rich, poor]) == [10, 0]
        assert not any(broken_books(connection).values())
        assert connection.execute(text("select count(*) from posting")).scalar_one() == 1


def test_a_key_that_stands_twice_in_one_batch_moves_points_once(
    database: Database, everything: Scope
) -> None:
    programme = new_id()
    with database.transaction(everything) as connection:
        (cafe,) = accounts(connection, programme, 1)
        once = draft(cafe, EARN, 10, key="receipt 7")
        posted = post(connection, programme_id=programme, source="till", drafts=[once, once])
        assert list(posted) == ["receipt 7"]
        assert balances(connection, [cafe]) == [10]
        with pytest.raises(KeyUsedOtherwiseError, match="receipt 8 of till exists already"):
            post(
                connection,
                programme_id=programme,
                source="till",
                drafts=[draft(cafe, EARN, points, key="receipt 8") for points in (1, 2)],
            )
        assert balances(connection, [cafe]) == [10]


def test_two_sources_may_use_the_same_key(database: Database, everything: Scope) -> None:
    programme = new_id()
    with database.transaction(everything) as connection:
        (cafe,) = accounts(connection, programme, 1)
        for source in ("till", "partner", "till"):
            post(connection, programme_id=programme, source=source, drafts=[draft(cafe, EARN, 10, key="7")])
        assert balances(connection, [cafe]) == [20]


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        *((EARN, 0), (EARN, -5), (SPEND, 5), (TAKE_BACK, 5)),
        *((PostingKind.EXPIRE, 1), (PostingKind.GIVE_BACK, -1)),
    ],
)
def test_points_never_move_against_the_sense_of_their_kind(kind: PostingKind, points: int) -> None:
    with pytest.raises(ValueError, match="point"):
        PostingDraft("key", new_id(), new_id(), kind, points, MOMENT)


@pytest.mark.parametrize(
    "attack",
    [
        "update ledger_entry set points = points + 1",
        "update posting set points = points + 1",
        "update lot set points = points + 1",
        "update account set owner_id = null",
        "update lot_use set points = 1",
        "delete from ledger_entry",
        "delete from posting",
        "delete from lot",
        "delete from lot_use",
        "delete from account",
        "truncate ledger_entry",
    ],
)
def test_the_application_cannot_rewrite_the_ledger(
    database: Database, everything: Scope, attack: str
) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        database.transaction(everything) as connection,
    ):
        connection.execute(text(attack))


def test_an_entry_says_when_it_was_recorded_and_its_posting_when_it_happened(
    database: Database, everything: Scope
) -> None:
    programme, begun = new_id(), datetime.now(UTC)
    with database.transaction(everything) as connection:
        (cafe,) = accounts(connection, programme, 1)
        post(connection, programme_id=programme, source="test", drafts=[draft(cafe, EARN, 1)])
        (line,) = statement(connection, cafe[0], limit=1)
    assert line.happened_at == MOMENT
    assert begun <= line.recorded_at <= datetime.now(UTC)
