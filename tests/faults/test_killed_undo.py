"""`laurel undo-import` is killed with -9 in the middle; the next run, or the worker, brings it to its end."""

import threading
import time
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from bench.generate import write_csv
from laurel import tasks
from laurel.embedded import app_url
from loyalty_core.kernel import Database
from tests.faults.killing import Books, Home, import_of, running_home, settled
from tests.server.homes import fast_server

pytestmark = pytest.mark.slow

UNDO = ("undo-import", "1", "--reason", "Of another year.")


def killed_at(home: Home, url: str, table: str) -> None:
    """Kill the undo when it comes to writing into the table, which is held against it."""
    with psycopg.connect(url) as owner:
        owner.execute(sql.SQL("lock table {} in share row exclusive mode").format(sql.Identifier(table)))
        process = home.start(*UNDO)
        with psycopg.connect(url, autocommit=True) as watcher:
            deadline = time.monotonic() + 120
            while not watcher.execute(
                "select 1 from pg_locks where not granted and relation = %s::regclass", [table]
            ).fetchall():
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline, f"never came to {table}"
                threading.Event().wait(0.01)
        process.kill()
        process.communicate()
        assert process.returncode == -9
        owner.rollback()


def points_of(url: str) -> int:
    with psycopg.connect(url) as owner:
        row = owner.execute("select coalesce(sum(balance), 0) from account where kind <> 'system'").fetchone()
    assert row is not None
    return int(row[0])


def test_an_undo_that_is_killed_while_it_writes_leaves_nothing_and_the_next_run_does_it(
    tmp_path: Path,
) -> None:
    with running_home() as home:
        url = fast_server(home.folder).url
        home.answer(*import_of(write_csv(tmp_path / "sales.csv", 2_000, bad_share=0)))
        settled(home)
        before, points = Books.of(home), points_of(url)
        assert points > 0
        # Its lines are taken back by then, in its transaction, and who did it is to be written down.
        killed_at(home, url, "import_undo")
        assert Books.of(home) == before
        assert points_of(url) == points
        assert home.answer("check-books")["ok"]

        # In the second run its own transaction ends, and it dies over the points.
        killed_at(home, url, "award")
        books = Books.of(home)
        assert (books.lines, books.net_minor, books.imports) == (2 * before.lines, 0, {"undone": 1})
        assert points_of(url) == points
        again = home.laurel(*UNDO)
        assert (again.returncode, again.stderr) == (1, "Import 1 is undone already.\n")

        # The points are due, and the worker takes them, once.
        database = Database(app_url(url))
        try:
            tasks.settle_due(database)
            assert points_of(url) == 0
            tasks.settle_due(database)
        finally:
            database.close()
        assert points_of(url) == 0
        assert Books.of(home) == books
        assert home.answer("check-books")["ok"]
        assert settled(home)["points"] == 0
