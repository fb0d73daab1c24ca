"""What imports and repairs share: who works on one, and what to do where two meet in the database."""

from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from loyalty_core.kernel import Database, Scope, get_logger

MOST_RUNS = 5
"""So often one is begun before it is given up."""
SECONDS_BETWEEN_LOOKS = 0.2

_MOST_COLLISIONS = 5
_COLLISIONS = (psycopg.errors.DeadlockDetected, psycopg.errors.UniqueViolation)

_Result = TypeVar("_Result")

_log = get_logger(__name__)


def again_on_collision(action: Callable[[], _Result], *, event: str, **about: str) -> _Result:
    """Return what the action does, done again from its start while it meets another at an index or in a deadlock.

    At the fifth time the database's error goes on. `event` and `about` are what the log says of it.
    """
    for attempt in range(1, _MOST_COLLISIONS):
        try:
            return action()
        except DBAPIError as error:
            if not isinstance(error.orig, _COLLISIONS):
                raise
            _log.warning(event, attempt=attempt, **about)
    return action()


def queue_unclaimed(
    database: Database,
    scope: Scope,
    ids: Iterable[UUID],
    *,
    lock_name: Callable[[UUID], str],
    defer: Callable[[Connection, UUID], object],
) -> int:
    """Defer a job for each of the ids whose lock nobody holds, and return how many those are."""
    count = 0
    for one in ids:
        with database.exclusively(lock_name(one)) as is_unclaimed:
            if is_unclaimed:
                with database.transaction(scope) as connection:
                    defer(connection, one)
                count += 1
    return count
