"""Replicas over test databases."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from laurel import registers as _registers  # noqa: F401 it registers the facts
from loyalty_core.analytics import Replica, ReplicaNotReadyError, current_replica, use_replica
from loyalty_core.kernel import Database, Scope


@contextmanager
def replica_over(database: Database, path: Path | None = None) -> Iterator[Replica]:
    """Make a replica of a database with real commits, filled, and the process's own inside the block."""
    try:
        before = current_replica()
    except ReplicaNotReadyError:
        before = None
    made = Replica(database, path)
    try:
        catch_up(made, database)
        use_replica(made)
        yield made
    finally:
        use_replica(before)
        made.close()


def catch_up(replica: Replica, database: Database, *, seconds: float = 20) -> None:
    """Pull until everything is in that had been committed when this was called.

    Once is enough unless something else of the same server, an autovacuum say, holds a transaction open.
    """
    with database.snapshot(Scope.of_system("test")) as connection:
        next_txid = int(
            connection.execute(text("select pg_snapshot_xmax(pg_current_snapshot())::text")).scalar_one()
        )
    given_up_at = time.monotonic() + seconds
    replica.refresh()
    while (replica.settled_below or 0) < next_txid:
        assert time.monotonic() < given_up_at, "a transaction of the same server has not ended"
        time.sleep(0.01)
        replica.refresh()
