"""Nothing is missed and nothing counted twice, whatever order transactions end in."""

import os
import random
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import duckdb
import psycopg
import pytest
from sqlalchemy import Connection, text

from loyalty_core.analytics import Replica, SourceError
from loyalty_core.kernel import PROJECT_FOLDER, Database, Scope
from queries.loader import parse_query
from tests.replicas import catch_up, replica_over

SYSTEM = Scope.of_system("test")

KEPT = parse_query(
    "kept",
    "-- What is there.\n-- grain: one row\n"
    "select count(*) as n, count(distinct id) as ids, coalesce(sum(amount_minor), 0) as amount from sales_line",
)
ROLLED_UP = parse_query(
    "rolled_up",
    "-- What the roll-ups hold.\n-- grain: one row\n"
    "select (select coalesce(sum(lines), 0) from sales_day) as n,"
    " (select coalesce(sum(amount_minor), 0) from sales_day) as amount,"
    " (select coalesce(sum(receipts), 0) from receipt_day) as receipts",
)
_INSERT = text(
    "insert into sales_line (line_key, occurrence, import_id, row_no, company_id, region_id, product_id, quantity,"
    " amount_minor, currency, sold_at, sold_on, recorded_at, invoice_no)"
    " select gen_random_uuid(), 1, :nobody, i, :nobody, :nobody, :nobody, 1, :amount, 'EUR',"
    " '2026-03-01 12:00+00', '2026-03-01', clock_timestamp(), 'I-' || :amount"
    " from generate_series(1, :lines) as i"
)


def write(connection: Connection, amount: int, *, lines: int = 1) -> None:
    connection.execute(
        _INSERT, {"nobody": "00000000-0000-0000-0000-000000000001", "amount": amount, "lines": lines}
    )


def kept(replica: Replica) -> tuple[int, int]:
    """Return how many lines the replica has and what they come to; none is there twice."""
    [(n, ids, amount)] = replica.read(SYSTEM, KEPT, {}).rows()
    assert n == ids
    return n, amount


def there(database: Database) -> tuple[int, int]:
    with database.snapshot(SYSTEM) as connection:
        n, amount = connection.execute(text("select count(*), sum(amount_minor) from sales_line")).one()
        return int(n), int(amount or 0)


class NaiveCopy:
    """What a replica by a rising column would hold: pull what is above the highest seen."""

    def __init__(self, column: str, kind: str) -> None:
        self._pull = text(
            f"select {column}, amount_minor from sales_line where {column} > cast(:high as {kind})"
        )
        self._high: object = "0" if kind == "bigint" else "-infinity"
        self.amounts: list[int] = []

    def pull(self, database: Database) -> None:
        with database.snapshot(SYSTEM) as connection:
            rows = connection.execute(self._pull, {"high": self._high}).all()
        self.amounts += [amount for _, amount in rows]
        if rows:
            self._high = str(max(high for high, _ in rows))


def test_a_transaction_that_commits_late_is_missed_by_id_and_by_time_but_not_by_the_replica(
    committed_database: Database, replica: Replica
) -> None:
    database = committed_database
    by_id, by_time = NaiveCopy("id", "bigint"), NaiveCopy("recorded_at", "timestamptz")
    with database.transaction(SYSTEM) as long:
        write(long, 1)
        with database.transaction(SYSTEM) as short:
            write(short, 2)
        for copy in (by_id, by_time):
            copy.pull(database)
            assert copy.amounts == [2]
        # The short one waits behind the long one.
        replica.refresh()
        assert kept(replica) == (0, 0)
    for copy in (by_id, by_time):
        copy.pull(database)
        # The race is real: the line of the long transaction never comes.
        assert copy.amounts == [2]
    catch_up(replica, database)
    assert kept(replica) == there(database) == (2, 3)


def test_long_short_and_rolled_back_writers_end_in_the_same_counts_and_sums(
    committed_database: Database, replica: Replica
) -> None:
    database = committed_database
    ends = time.monotonic() + 3
    seen: list[tuple[int, int]] = []

    class Changed(Exception):
        pass

    def writer(seed: int, longest: float, rolls_back: float) -> None:
        chance = random.Random(seed)
        while time.monotonic() < ends:
            try:
                with database.transaction(SYSTEM) as connection:
                    for _part in range(chance.randint(1, 3)):
                        write(connection, chance.randint(1, 10**6), lines=chance.randint(1, 20))
                        time.sleep(chance.random() * longest / 3)
                    if chance.random() < rolls_back:
                        raise Changed
            except Changed:
                pass

    writers = [
        threading.Thread(target=writer, args=(1, 0.8, 0.2)),
        threading.Thread(target=writer, args=(2, 0.02, 0.3)),
        threading.Thread(target=writer, args=(3, 0.0, 0.1)),
    ]
    for thread in writers:
        thread.start()
    while any(thread.is_alive() for thread in writers):
        replica.refresh()
        before = seen[-1] if seen else (0, 0)
        seen.append(kept(replica))
        # It only ever grows, by whole transactions.
        assert seen[-1] >= before
        time.sleep(0.01)
    catch_up(replica, database)
    assert kept(replica) == there(database)
    assert len(set(seen)) > 3
    with database.snapshot(SYSTEM) as connection:
        receipts = connection.execute(text("select count(distinct invoice_no) from sales_line")).scalar_one()
    assert replica.read(SYSTEM, ROLLED_UP, {}).rows() == [(*there(database), receipts)]


def test_changed_rows_replace_the_old_and_rolled_back_changes_do_not(
    committed_database: Database, replica: Replica
) -> None:
    database = committed_database
    products = parse_query(
        "p", "-- Products.\n-- grain: one each\nselect code, name from product order by code"
    )
    with database.transaction(SYSTEM) as connection:
        connection.execute(
            text(
                "insert into product (id, code, name, recorded_at)"
                " select gen_random_uuid(), 'P-' || i, 'old', now() from generate_series(1, 3) as i"
            )
        )
    catch_up(replica, database)
    assert replica.read(SYSTEM, products, {}).rows() == [("P-1", "old"), ("P-2", "old"), ("P-3", "old")]
    with database.transaction(SYSTEM) as connection:
        connection.execute(text("update product set name = 'new' where code = 'P-2'"))
    with suppress(ZeroDivisionError), database.transaction(SYSTEM) as connection:
        connection.execute(text("update product set name = 'never' where code = 'P-3'"))
        raise ZeroDivisionError
    catch_up(replica, database)
    assert replica.read(SYSTEM, products, {}).rows() == [("P-1", "old"), ("P-2", "new"), ("P-3", "old")]


def test_transactions_that_touch_nothing_of_it_cost_no_new_version(
    committed_database: Database, replica: Replica
) -> None:
    version, low = replica.version, replica.settled_below
    with committed_database.transaction(SYSTEM) as connection:
        connection.execute(text("select pg_current_xact_id()"))
    catch_up(replica, committed_database)
    assert replica.version == version
    assert (replica.settled_below or 0) > (low or 0)


def test_a_pull_that_breaks_before_its_commit_changes_nothing_and_the_next_brings_it_all(
    committed_database: Database, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    with committed_database.transaction(SYSTEM) as connection:
        write(connection, 7, lines=5)
    low, version = replica.settled_below, replica.version
    with monkeypatch.context() as broken:
        broken.setattr(Replica, "_store_mark", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            catch_up(replica, committed_database)
    assert (kept(replica), replica.settled_below, replica.version) == ((0, 0), low, version)
    catch_up(replica, committed_database)
    assert kept(replica) == (5, 35)


_DIES = """
import os, sys
from pathlib import Path
from laurel import registers
from loyalty_core.analytics import Replica
from loyalty_core.kernel import Database
replica = Replica(Database(os.environ["LAUREL_APP_URL"]), Path(sys.argv[1]))
Replica._store_mark = lambda *_: os._exit(9)
while True:
    replica.refresh()
"""


def test_a_process_that_dies_between_pull_and_commit_leaves_a_file_to_go_on_with(
    committed_database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "replica.duckdb"
    with committed_database.transaction(SYSTEM) as connection:
        write(connection, 1, lines=3)
    with replica_over(committed_database, path) as first:
        assert kept(first) == (3, 3)
        generation = first.version[1]
    with committed_database.transaction(SYSTEM) as connection:
        write(connection, 10, lines=4)
    died = subprocess.run(
        [sys.executable, "-c", _DIES, str(path)],
        cwd=PROJECT_FOLDER,
        env={**os.environ, "LAUREL_APP_URL": committed_database.app_url},
        check=False,
    )
    assert died.returncode == 9
    again = Replica(committed_database, path)
    # It goes on with what it had, ready at once.
    assert again.version[1] == generation
    assert kept(again) == (3, 3)
    catch_up(again, committed_database)
    assert kept(again) == there(committed_database) == (7, 43)
    again.close()


def test_another_database_behind_the_same_address_reloads_all(
    committed_database: Database, tmp_path: Path, other_database: Database
) -> None:
    path = tmp_path / "replica.duckdb"
    for database, amount in ((committed_database, 1), (other_database, 2)):
        with database.transaction(SYSTEM) as connection:
            write(connection, amount)
    with replica_over(committed_database, path) as first:
        assert kept(first) == (1, 1)
    with replica_over(other_database, path) as second:
        assert kept(second) == (1, 2)
        assert second.read(SYSTEM, ROLLED_UP, {}).rows() == [(1, 2, 1)]


def test_a_server_that_was_set_back_reloads_all(committed_database: Database, tmp_path: Path) -> None:
    path = tmp_path / "replica.duckdb"
    with committed_database.transaction(SYSTEM) as connection:
        write(connection, 1)
    with replica_over(committed_database, path) as first:
        assert kept(first) == (1, 1)
    with duckdb.connect(str(path)) as file:
        # As if the replica had followed the server further than it now is.
        file.execute("update raw.mark set low = low + 1000000").complete()
        file.execute("insert into raw.sales_line (id, amount_minor) values (-1, 999)").complete()
    with replica_over(committed_database, path) as again:
        assert kept(again) == (1, 1)


def test_rows_that_a_dump_brought_with_ids_from_ahead_come_once(
    committed_database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "replica.duckdb"
    with committed_database.transaction(SYSTEM) as connection:
        write(connection, 5)
        connection.execute(
            text(
                "insert into sales_line (line_key, occurrence, import_id, row_no, company_id, region_id, product_id,"
                " quantity, amount_minor, currency, sold_at, sold_on, recorded_at, invoice_no, txid)"
                " select gen_random_uuid(), 1, import_id, 1, company_id, region_id, product_id, 1, 30, 'EUR', sold_at,"
                " sold_on, recorded_at, 'I-30', (pg_current_xact_id()::text::bigint + 20)::text::xid8 from sales_line"
            )
        )
    with replica_over(committed_database, path) as replica:
        assert kept(replica) == (2, 35)
        for _transaction in range(40):
            with committed_database.transaction(SYSTEM) as connection:
                write(connection, 1)
            catch_up(replica, committed_database)
        assert kept(replica) == there(committed_database) == (42, 75)
        assert replica.read(SYSTEM, ROLLED_UP, {}).rows() == [(42, 75, 3)]


def test_the_source_is_asked_again_after_the_connection_broke(
    committed_database: Database, replica: Replica, owner_url: str
) -> None:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    with pytest.raises(SourceError):
        replica.refresh()
    with committed_database.transaction(SYSTEM) as connection:
        write(connection, 4)
    catch_up(replica, committed_database)
    assert kept(replica) == (1, 4)
