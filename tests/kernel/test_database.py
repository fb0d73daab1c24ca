"""Transactions, snapshots and exclusive blocks of the one way to PostgreSQL."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from loyalty_core.kernel import Database, Scope, libpq_url, new_id, sqlalchemy_url
from loyalty_core.organisation import add_region


def regions(database: Database, scope: Scope) -> int:
    with database.transaction(scope) as connection:
        return int(connection.execute(text("select count(*) from region")).scalar_one())


def test_an_exception_takes_back_all_that_its_transaction_wrote(
    committed_database: Database, everything: Scope
) -> None:
    def write_and_fail() -> None:
        with committed_database.transaction(everything) as connection:
            connection.execute(
                text("insert into region (id, code, name, recorded_at) values (:id, 'X', 'X', now())"),
                {"id": new_id()},
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert regions(committed_database, everything) == 0


def test_a_snapshot_sees_one_moment_and_writes_nothing(
    committed_database: Database, everything: Scope
) -> None:
    with committed_database.snapshot(everything) as connection:
        assert connection.execute(text("select count(*) from region")).scalar_one() == 0
        add_region(committed_database, everything, code="PL", name="Poland", parent_id=None)
        assert connection.execute(text("select count(*) from region")).scalar_one() == 0
        with pytest.raises(DBAPIError, match="read-only transaction"):
            connection.execute(text("update region set name = 'x'"))
    assert regions(committed_database, everything) == 1
    add_region(committed_database, everything, code="RS", name="Serbia", parent_id=None)
    assert regions(committed_database, everything) == 2


def test_of_all_who_ask_at_once_one_is_alone_in_a_block_of_its_key(committed_database: Database) -> None:
    people = 6
    together, all_asked = threading.Barrier(people), threading.Barrier(people)

    def ask(_person: int) -> bool:
        together.wait()
        with committed_database.exclusively("job 7") as is_mine, committed_database.exclusively(str(_person)):
            all_asked.wait()
            return is_mine

    with ThreadPoolExecutor(people) as pool:
        assert sorted(pool.map(ask, range(people))) == [False] * (people - 1) + [True]
    with committed_database.exclusively("job 7") as is_mine:
        assert is_mine


def test_who_dies_inside_a_block_leaves_it_to_the_next(committed_database: Database, owner_url: str) -> None:
    def die_inside() -> None:
        with committed_database.exclusively("job 7") as is_mine, psycopg.connect(owner_url) as owner:
            assert is_mine
            owner.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'laurel_app'"
            )
            raise ZeroDivisionError

    with pytest.raises((ZeroDivisionError, DBAPIError)):
        die_inside()
    with committed_database.exclusively("job 7") as is_mine:
        assert is_mine


@pytest.mark.parametrize(
    "url", ["postgresql://u:p%40w@h:5/db?host=%2Ftmp", "postgresql+psycopg://u:p%40w@h:5/db?host=%2Ftmp"]
)
def test_a_url_keeps_its_password_under_either_driver_name(url: str) -> None:
    assert sqlalchemy_url(url) == "postgresql+psycopg://u:p%40w@h:5/db?host=%2Ftmp"
    assert libpq_url(url) == "postgresql://u:p%40w@h:5/db?host=%2Ftmp"
