import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from laurel.embedded import app_url
from laurel.jobs import WORKER_LOCK_CLASS, Recovered, retry_orphaned_jobs
from loyalty_core.kernel import Database, Scope, new_id
from loyalty_core.kernel.jobs import defer, defer_import, defer_settlement

SPRING, AUTUMN = new_id(), new_id()


def rows(owner_url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(owner_url) as connection:
        return connection.execute(statement.encode()).fetchall()


def recover(owner_url: str) -> Recovered:
    with psycopg.connect(app_url(owner_url), autocommit=True) as connection:
        return retry_orphaned_jobs(connection)


@contextmanager
def living_worker(owner_url: str) -> Iterator[int]:
    """Yield the number of a worker that lives as long as the block: its session holds the lock."""
    with psycopg.connect(app_url(owner_url), autocommit=True) as lifeline:
        found = lifeline.execute("select worker_id from procrastinate_register_worker_v1()").fetchone()
        assert found is not None
        lifeline.execute("select pg_advisory_lock(%s, %s)", [WORKER_LOCK_CLASS, found[0]])
        yield found[0]
    # Closing only says goodbye: the server lets go of the lock when its own process has ended.
    with psycopg.connect(owner_url, autocommit=True) as watcher:
        watcher.execute("set statement_timeout = '30s'")
        watcher.execute("select pg_advisory_lock(%s, %s)", [WORKER_LOCK_CLASS, found[0]])


def fetch(owner_url: str, worker: int) -> int | None:
    """Take the next job for the worker, as procrastinate does, and return its number."""
    with psycopg.connect(app_url(owner_url), autocommit=True) as connection:
        found = connection.execute("select id from procrastinate_fetch_job_v2(null, %s)", [worker]).fetchone()
    assert found is not None
    number: int | None = found[0]
    return number


def test_a_job_exists_only_when_what_caused_it_was_committed(
    committed_database: Database, owner_url: str, everything: Scope
) -> None:
    def defer_and_fail() -> None:
        with committed_database.transaction(everything) as connection:
            defer_import(connection, new_id())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        defer_and_fail()
    assert rows(owner_url, "select id from procrastinate_jobs") == []
    import_id = new_id()
    with committed_database.transaction(everything) as connection:
        number = defer_import(connection, import_id)
    assert rows(owner_url, "select id, task_name, args, lock from procrastinate_jobs") == [
        (number, "run_import", {"import_id": str(import_id)}, f"import:{import_id}")
    ]


def test_a_request_waits_once_however_often_it_is_deferred(
    committed_database: Database, owner_url: str, everything: Scope
) -> None:
    with committed_database.transaction(everything) as connection:
        first = defer_settlement(connection, SPRING)
        assert defer_settlement(connection, SPRING) == first
        other = defer_settlement(connection, AUTUMN)
    with committed_database.transaction(everything) as connection:
        assert defer_settlement(connection, SPRING) == first
    assert rows(owner_url, "select id from procrastinate_jobs order by id") == [(first,), (other,)]


def test_a_request_deferred_while_it_runs_waits_behind_itself(
    committed_database: Database, owner_url: str, everything: Scope
) -> None:
    with living_worker(owner_url) as worker:
        with committed_database.transaction(everything) as connection:
            first = defer_settlement(connection, SPRING)
        assert fetch(owner_url, worker) == first
        with committed_database.transaction(everything) as connection:
            second = defer_settlement(connection, SPRING)
        assert second != first
        assert fetch(owner_url, worker) is None


def test_a_waiting_job_does_not_start_before_a_later_asker_has_committed(
    committed_database: Database, owner_url: str, everything: Scope
) -> None:
    with committed_database.transaction(everything) as connection:
        number = defer_settlement(connection, SPRING)
    with living_worker(owner_url) as worker:
        with committed_database.transaction(everything) as connection:
            assert defer_settlement(connection, SPRING) == number
            assert fetch(owner_url, worker) is None
        assert fetch(owner_url, worker) == number


def test_many_askers_at_once_get_one_job(
    committed_database: Database, owner_url: str, everything: Scope
) -> None:
    numbers: list[int] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        with committed_database.transaction(everything) as connection:
            numbers.append(defer_settlement(connection, SPRING))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(numbers) == 8
    assert len(set(numbers)) == 1
    assert rows(owner_url, "select count(*) from procrastinate_jobs") == [(1,)]


def test_the_caller_keeps_what_it_wrote_when_its_job_waits_already(
    committed_database: Database, owner_url: str, everything: Scope
) -> None:
    for _ in range(2):
        with committed_database.transaction(everything) as connection:
            defer(connection, "beside")
            defer_settlement(connection, SPRING)
    assert rows(owner_url, "select count(*) from procrastinate_jobs where task_name = 'beside'") == [(2,)]


def test_the_job_of_a_dead_worker_is_taken_back_at_once_and_a_living_workers_is_left(
    committed_database: Database, owner_url: str, everything: Scope
) -> None:
    with committed_database.transaction(everything) as connection:
        lost, kept = defer(connection, "one"), defer(connection, "two")
    with living_worker(owner_url) as alive:
        with living_worker(owner_url) as dying:
            assert fetch(owner_url, dying) == lost
            assert recover(owner_url) == Recovered((), ())
        assert fetch(owner_url, alive) == kept
        # However old its heartbeat: a machine that slept is not dead.
        with psycopg.connect(owner_url) as connection_of_owner:
            connection_of_owner.execute(
                "update procrastinate_workers set last_heartbeat = now() - interval '1 day'"
            )
        assert recover(owner_url) == Recovered((lost,), ())
        assert rows(owner_url, "select id, status::text, attempts from procrastinate_jobs order by id") == [
            (lost, "todo", 1),
            (kept, "doing", 0),
        ]
        assert rows(owner_url, "select id from procrastinate_workers") == [(alive,)]


def test_a_lost_job_ends_where_one_like_it_waits(
    committed_database: Database, owner_url: str, everything: Scope
) -> None:
    with committed_database.transaction(everything) as connection:
        lost = defer_settlement(connection, SPRING)
    with living_worker(owner_url) as dying:
        assert fetch(owner_url, dying) == lost
        with committed_database.transaction(everything) as connection:
            waiting = defer_settlement(connection, SPRING)
    assert recover(owner_url) == Recovered((), (lost,))
    assert rows(owner_url, "select id, status::text from procrastinate_jobs order by id") == [
        (lost, "aborted"),
        (waiting, "todo"),
    ]
    with living_worker(owner_url) as worker:
        assert fetch(owner_url, worker) == waiting


def test_a_job_that_kills_every_worker_is_given_up(
    committed_database: Database, owner_url: str, everything: Scope
) -> None:
    with committed_database.transaction(everything) as connection:
        number = defer(connection, "poison")
    for _ in range(9):
        with living_worker(owner_url) as worker:
            assert fetch(owner_url, worker) == number
        assert recover(owner_url) == Recovered((number,), ())
    with living_worker(owner_url) as worker:
        assert fetch(owner_url, worker) == number
    assert recover(owner_url) == Recovered((), (number,))
    assert rows(owner_url, "select status::text, attempts from procrastinate_jobs") == [("failed", 10)]
