"""Jobs on our own PostgreSQL: deferred in the transaction that causes them, run by the worker.

The queue is procrastinate's; its tables lie in `public`. A job is tied to the worker that took it, and a
worker to one database session: while that lives, it holds an advisory lock on the worker's number. So a job
whose worker's lock is free has lost its worker, whatever killed it, and is known at once. Heartbeats, which
procrastinate's own `get_stalled_jobs` goes by, miss one for half a minute and hold a sleeping laptop dead.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Any

import psycopg

from loyalty_core.kernel import get_logger

# The advisory lock's first key: tells workers' locks from any other use.
WORKER_LOCK_CLASS = 0x4C61_7572
_MOST_ATTEMPTS = 10

_log = get_logger(__name__)


def procrastinate_schema_sql() -> str:
    """Return the statements that create the queue's tables, functions and triggers; for the owner to run."""
    return (resources.files("procrastinate.sql") / "schema.sql").read_text(encoding="utf-8")


def procrastinate_grants_sql(role: str = "laurel_app") -> str:
    """Return the statements that let `role` defer and run jobs. The functions are everybody's to execute."""
    return (
        "grant select, insert, update, delete on procrastinate_jobs, procrastinate_events,"
        f" procrastinate_workers, procrastinate_periodic_defers to {role};\n"
        "grant usage, select on sequence procrastinate_jobs_id_seq, procrastinate_events_id_seq,"
        f" procrastinate_workers_id_seq, procrastinate_periodic_defers_id_seq to {role};\n"
    )


@dataclass(frozen=True, slots=True)
class Recovered:
    """What `retry_orphaned_jobs` did: numbers of jobs put back, and of those given up or left to another."""

    retried: tuple[int, ...]
    ended: tuple[int, ...]


_ALIVE = """
    select w.id from procrastinate_workers w
     where exists (select from pg_locks l join pg_database d on d.oid = l.database
                    where d.datname = current_database() and l.locktype = 'advisory' and l.granted
                      and l.classid = %(class)s and l.objid = w.id and l.objsubid = 2)
"""
_ORPHANS = f"""
    select j.id, j.attempts, j.task_name from procrastinate_jobs j
     where j.status = 'doing' and (j.worker_id is null or j.worker_id not in ({_ALIVE}))
     order by j.id for update of j skip locked
"""  # noqa: S608 put together from constants
_FORGET_DEAD_WORKERS = f"""
    delete from procrastinate_workers
     where last_heartbeat < now() - interval '1 minute' and id not in ({_ALIVE})
"""  # noqa: S608 put together from constants


def retry_orphaned_jobs(connection: "psycopg.Connection[Any]") -> Recovered:
    """Put the jobs of dead workers back in the queue; give up one that was tried ten times.

    The connection is in autocommit mode and may be anybody's who has the grants above. A job whose like waits
    already (same queueing lock) ends, as the waiting one does its work.
    """
    retried, ended = [], []
    with connection.transaction():
        for job_id, attempts, task_name in connection.execute(
            _ORPHANS, {"class": WORKER_LOCK_CLASS}
        ).fetchall():
            if attempts + 1 >= _MOST_ATTEMPTS:
                _log.error("job.given_up", job=job_id, task=task_name, attempts=attempts + 1)
                _finish(connection, job_id, "failed")
                ended.append(job_id)
                continue
            try:
                with connection.transaction():
                    connection.execute(
                        "select procrastinate_retry_job_v2(%s, now(), null, null, null)", [job_id]
                    )
                _log.warning("job.retried_after_its_worker_died", job=job_id, task=task_name)
                retried.append(job_id)
            except psycopg.errors.UniqueViolation:
                _log.info("job.left_to_one_that_waits", job=job_id, task=task_name)
                _finish(connection, job_id, "aborted")
                ended.append(job_id)
        connection.execute(_FORGET_DEAD_WORKERS, {"class": WORKER_LOCK_CLASS})
    return Recovered(tuple(retried), tuple(ended))


def _finish(connection: "psycopg.Connection[Any]", job_id: int, status: str) -> None:
    connection.execute(
        "select procrastinate_finish_job_v1(%s, %s::procrastinate_job_status, false)", [job_id, status]
    )
