"""Jobs are deferred in the transaction that causes them; who runs them is not the domain's business.

The queue is procrastinate's, and a job goes in by its SQL function, over the caller's connection.
"""

import itertools
import json
from collections.abc import Mapping
from uuid import UUID

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

QUEUE = "default"

RUN_IMPORT = "run_import"
RUN_REPAIR = "run_repair"
SETTLE_PROGRAMME = "settle_programme"

_DEFER = text(
    "select (procrastinate_defer_jobs_v1(array[row(:queue, :task, 0, :lock, :queueing_lock,"
    " cast(:args as jsonb), null)::procrastinate_job_to_defer_v1]))[1]"
)
_HOLD_WAITING_JOB = text(
    "select id from procrastinate_jobs where queueing_lock = :queueing_lock and status = 'todo' for key share"
)


def defer(
    connection: Connection,
    task_name: str,
    *,
    lock: str | None = None,
    queueing_lock: str | None = None,
    args: Mapping[str, str | int | UUID] | None = None,
) -> int:
    """Put a job in the queue inside the caller's transaction, and return its number.

    No two jobs with the same `lock` run at once. With a `queueing_lock` that a waiting job has already, that
    job is returned: it can't start before the caller's transaction ends, so it sees what the caller wrote.
    The transaction is READ COMMITTED, as a stricter one can't see the job it collides with.
    """
    values = {name: str(value) if isinstance(value, UUID) else value for name, value in (args or {}).items()}
    parameters = {
        "queue": QUEUE,
        "task": task_name,
        "lock": lock,
        "queueing_lock": queueing_lock,
        "args": json.dumps(values),
    }
    for attempt in itertools.count(1):
        try:
            with connection.begin_nested():
                return int(connection.execute(_DEFER, parameters).scalar_one())
        except IntegrityError as error:
            # Between the collision and the look below a worker may take the waiting job; then ours goes in.
            if attempt == 100 or not isinstance(error.orig, psycopg.errors.UniqueViolation):
                raise
        waiting = connection.execute(_HOLD_WAITING_JOB, {"queueing_lock": queueing_lock}).scalar_one_or_none()
        if waiting is not None:
            return int(waiting)
    raise AssertionError("itertools.count never ends")


def defer_import(connection: Connection, import_id: UUID) -> int:
    """Have the worker run the import; asked twice, it runs once at a time."""
    name = f"import:{import_id}"
    return defer(connection, RUN_IMPORT, lock=name, queueing_lock=name, args={"import_id": import_id})


def defer_repair(connection: Connection, repair_id: UUID) -> int:
    """Have the worker bring corrected rows back into their import; asked twice, it runs once at a time."""
    name = f"repair:{repair_id}"
    return defer(connection, RUN_REPAIR, lock=name, queueing_lock=name, args={"repair_id": repair_id})


def defer_settlement(connection: Connection, request_id: UUID) -> int:
    """Have the worker carry out a requested settlement."""
    name = f"settlement:{request_id}"
    return defer(connection, SETTLE_PROGRAMME, lock=name, queueing_lock=name, args={"request_id": request_id})
