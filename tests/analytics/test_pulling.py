"""The thread that keeps a process's replica fresh, and the files that replicas lie in."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from laurel.web import replica_kept_fresh
from loyalty_core.analytics import (
    Puller,
    Replica,
    ReplicaNotReadyError,
    current_replica,
    replica_path,
    replica_version,
    run_query,
)
from loyalty_core.kernel import Database, Runtime, Scope, Settings
from queries import QueryParametersError, UnknownQueryError, query_names
from tests.analytics.test_late_commits import SYSTEM, kept, write
from tests.databases import TestServer


def wait_for(holds: Callable[[], bool], *, seconds: float = 20) -> None:
    """Wait until it holds; fail when it doesn't in time."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds
        time.sleep(0.005)


def test_the_web_process_keeps_a_replica_while_it_lives_and_leaves_no_file(
    committed_database: Database, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, database_url=None)
    folder = settings.private_folder("replica")
    with committed_database.transaction(SYSTEM) as connection:
        write(connection, 3)
    with replica_kept_fresh(Runtime(committed_database, settings)):
        replica = current_replica()
        wait_for(lambda: replica.is_ready)
        assert kept(replica) == (1, 3)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert any(path.name.startswith(f"replica-{os.getpid()}-") for path in folder.iterdir())
        with committed_database.transaction(SYSTEM) as connection:
            write(connection, 4)
        # A cycle of a quarter of a second and what a pull takes; a busy machine takes longer.
        wait_for(lambda: kept(replica) == (2, 7))
    with pytest.raises(ReplicaNotReadyError):
        current_replica()
    assert list(folder.iterdir()) == []


def test_a_database_that_goes_away_and_comes_back_is_followed_again(
    server: TestServer, committed_database: Database, owner_url: str
) -> None:
    replica = Replica(committed_database)
    puller = Puller(replica, cycle_seconds=0.02)
    text = owner_url.partition("?")[0].rpartition("/")[2]
    name = sql.Identifier(text)
    puller.start()
    try:
        wait_for(lambda: replica.is_ready)
        with psycopg.connect(server.url_of("postgres"), autocommit=True) as owner:
            owner.execute(sql.SQL("alter database {} allow_connections false").format(name))
            owner.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [text])
            stale = replica.fresh_at
            time.sleep(0.2)
            assert replica.fresh_at == stale
            # What it has, it goes on telling.
            assert kept(replica) == (0, 0)
            owner.execute(sql.SQL("alter database {} allow_connections true").format(name))
        with committed_database.transaction(SYSTEM) as connection:
            write(connection, 9)
        wait_for(lambda: kept(replica) == (1, 9))
    finally:
        puller.stop()
        replica.close()


def test_what_dead_processes_left_is_removed_and_what_lives_is_not(tmp_path: Path) -> None:
    mine = replica_path(tmp_path)
    mine.touch()
    # No process has this pid; one has the next, but began at another time; the last is none of ours.
    for name in (
        "replica-4194999-1.duckdb",
        "replica-4194999-1.duckdb.wal",
        f"replica-{os.getpid()}-1.duckdb",
    ):
        (tmp_path / name).touch()
    (tmp_path / "replica-4194999-1.duckdb.tmp").mkdir()
    (tmp_path / "replica-4194999-1.duckdb.tmp" / "spilled").touch()
    (tmp_path / "notes.txt").touch()
    assert replica_path(tmp_path) == mine
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([mine.name, "notes.txt"])


def test_before_there_is_a_replica_a_question_is_refused_with_a_sentence() -> None:
    with pytest.raises(ReplicaNotReadyError) as refused:
        replica_version()
    assert refused.value.sentence.endswith(".")


def test_a_replica_that_was_never_filled_answers_nothing(committed_database: Database) -> None:
    empty = Replica(committed_database)
    with pytest.raises(ReplicaNotReadyError):
        _ = empty.version
    empty.close()
    with pytest.raises(ReplicaNotReadyError):
        kept(empty)


def test_unknown_queries_and_wrong_parameters_are_refused(replica: Replica, everything: Scope) -> None:
    with pytest.raises(UnknownQueryError):
        run_query(everything, "../loader")
    with pytest.raises(QueryParametersError, match="needs"):
        run_query(everything, "budget_burn_down")
    with pytest.raises(QueryParametersError, match="no parameter"):
        run_query(everything, "budget_burn_down", {"budget_id": None, "time_zone": "UTC", "more": 1})
    with pytest.raises(QueryParametersError, match="is uuid"):
        run_query(everything, "budget_burn_down", {"budget_id": "1", "time_zone": "UTC"})
    assert "budget_burn_down" in query_names()
