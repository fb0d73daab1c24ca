"""The worker: runs imports and settlements from the queue, settles decided claims, chains the audit, clears what
has expired.

Started as `python -m laurel.worker` with the application's database URL in LAUREL_APP_URL. It lives as long
as one database session of its own (see `laurel.jobs`): when that breaks, the process ends, and whoever
supervises it starts another. With `--give-way` people's pages come first (see `laurel.giving_way`).
"""

import argparse
import asyncio
import importlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import procrastinate
import psutil
import psycopg
import structlog
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import JobManager
from sqlalchemy.exc import DBAPIError

import data_checks
from laurel.giving_way import APPLICATION_NAME, DatabaseGivesWay, have_this_thread_give_way
from laurel.jobs import WORKER_LOCK_CLASS, retry_orphaned_jobs
from loyalty_core.kernel import Database, Settings, configure_logs, get_logger
from loyalty_core.kernel.jobs import QUEUE, RUN_IMPORT, RUN_REPAIR, SETTLE_PROGRAMME

# More than one import at a time on one core would only make each of them later.
CONCURRENCY = min(2, os.cpu_count() or 1)
# How long running jobs may still finish when the worker is told to stop; what remains is retried later.
GRACE_SECONDS = 4.0
LIFELINE_SECONDS = 5.0
WARM_UP_AFTER_SECONDS = 15.0
FORGET_JOBS_HOURS = 24 * 30

EXIT_LIFELINE_BROKEN = 3
EXIT_JOB_NOT_ACKNOWLEDGED = 4

_log = get_logger(__name__)


class _Manager(JobManager):  # type: ignore[misc] # untyped to us
    """Ties the worker's number to the lifeline before its first job, and ends it when it can't end a job."""

    def __init__(self, connector: Any, lifeline: "psycopg.AsyncConnection[Any]", app_url: str) -> None:
        super().__init__(connector)
        self._lifeline = lifeline
        self._app_url = app_url

    async def register_worker(self) -> int:
        worker_id: int = await super().register_worker()
        await self._lifeline.execute("select pg_advisory_lock(%s, %s)", [WORKER_LOCK_CLASS, worker_id])
        await asyncio.to_thread(_retry_orphaned_jobs, self._app_url)
        _log.info("worker.started", worker=worker_id)
        return worker_id

    async def finish_job(self, *args: Any, **kwargs: Any) -> None:
        with _or_end():
            await super().finish_job(*args, **kwargs)

    async def retry_job(self, *args: Any, **kwargs: Any) -> None:
        with _or_end():
            await super().retry_job(*args, **kwargs)


@contextmanager
def _or_end() -> Iterator[None]:
    """End the process when the queue can't be told how a job ended.

    The job would stay `doing` as long as this worker lives; the next one tries it again.
    """
    try:
        yield
    except ConnectorException as error:
        _log.error("worker.job_not_acknowledged", reason=str(error.__cause__ or error).strip())
        _end_now(EXIT_JOB_NOT_ACKNOWLEDGED)


def _retry_orphaned_jobs(app_url: str) -> None:
    with psycopg.connect(app_url, autocommit=True) as connection:
        retry_orphaned_jobs(connection)


def _laurel_task(name: str) -> Callable[..., Any]:
    # Late: the module brings great-expectations with it, five seconds that the start does not wait for.
    function: Callable[..., Any] = getattr(importlib.import_module("laurel.tasks"), name)
    return function


async def _warm_up_checks() -> None:
    """Import what judges imports, once the start is over; until then each import has a child do so."""
    await asyncio.sleep(WARM_UP_AFTER_SECONDS)
    await asyncio.to_thread(data_checks.warm_up)


class Worker:
    """One worker process. With `gives_way`, what its jobs have computed comes after people's pages."""

    def __init__(self, app_url: str, settings: Settings, *, gives_way: bool = False) -> None:
        self._app_url = app_url
        self._settings = settings
        self._gives_way = gives_way
        self._database = Database(app_url, pool_size=4)

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT, or until the lifeline breaks; then end within 8 seconds."""
        lifeline = await psycopg.AsyncConnection.connect(
            self._app_url, autocommit=True, application_name=f"{APPLICATION_NAME} lifeline"
        )
        # So that the database, when it runs elsewhere, misses a machine that vanished within a minute.
        for setting, value in (("idle", "30"), ("interval", "10"), ("count", "3")):
            await lifeline.execute("select set_config(%s, %s, false)", [f"tcp_keepalives_{setting}", value])
        connector = procrastinate.PsycopgConnector(
            conninfo=self._app_url,
            min_size=1,
            max_size=4,
            kwargs={"application_name": f"{APPLICATION_NAME} queue"},
        )
        app = procrastinate.App(connector=connector)
        app.job_manager = _Manager(connector, lifeline, self._app_url)
        self._register_tasks(app)
        async with app.open_async():
            work = asyncio.create_task(
                app.run_worker_async(
                    name="laurel",
                    concurrency=CONCURRENCY,
                    install_signal_handlers=False,
                    fetch_job_polling_interval=1.0,
                    # Lifelines tell who is dead; a row whose heartbeat is late may belong to a busy worker.
                    stalled_worker_timeout=24 * 3600.0,
                )
            )
            loop = asyncio.get_running_loop()
            for request in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(request, self._stop, work)
            beside = [
                asyncio.create_task(self._watch(lifeline)),
                asyncio.create_task(_warm_up_checks()),
                asyncio.create_task(_every(1.0, "chain_audit", self._chain_audit)),
                asyncio.create_task(_every(5.0, "retry_orphaned_jobs", self._retry_orphaned_jobs)),
                asyncio.create_task(_every(5.0, "judge_due_claims", self._judge_due_claims)),
                asyncio.create_task(_every(5.0, "settle_due", self._settle_due)),
                asyncio.create_task(_every(60.0, "escalate_overdue", self._escalate_overdue)),
            ]
            if self._gives_way:
                beside.append(
                    asyncio.create_task(_every(1.0, "give_way", DatabaseGivesWay(self._app_url).run))
                )
            try:
                await work
            except asyncio.CancelledError:
                _log.info("worker.stopped")
            finally:
                for task in beside:
                    task.cancel()
        await lifeline.close()
        self._database.close()

    def _register_tasks(self, app: Any) -> None:
        # Only a lost database is worth another try by itself: any other error would come again.
        retry = procrastinate.RetryStrategy(
            max_attempts=10,
            wait=1,
            exponential_wait=2,
            retry_exceptions=[psycopg.OperationalError, DBAPIError],
        )

        @app.task(name=RUN_IMPORT, queue=QUEUE, retry=retry, pass_context=True)  # type: ignore[untyped-decorator] # untyped to us
        def run_import(context: Any, *, import_id: str) -> None:
            with structlog.contextvars.bound_contextvars(job=context.job.id, import_id=import_id):
                self._job("run_import")(self._database, self._settings, UUID(import_id))

        @app.task(name=RUN_REPAIR, queue=QUEUE, retry=retry, pass_context=True)  # type: ignore[untyped-decorator] # untyped to us
        def run_repair(context: Any, *, repair_id: str) -> None:
            with structlog.contextvars.bound_contextvars(job=context.job.id, repair_id=repair_id):
                self._job("run_repair")(self._database, self._settings, UUID(repair_id))

        @app.task(name=SETTLE_PROGRAMME, queue=QUEUE, retry=retry, pass_context=True)  # type: ignore[untyped-decorator] # untyped to us
        def settle_programme(context: Any, *, request_id: str) -> None:
            with structlog.contextvars.bound_contextvars(job=context.job.id, settlement_request=request_id):
                self._job("settle_programme")(self._database, UUID(request_id))

        @app.periodic(cron="7 * * * *")  # type: ignore[untyped-decorator] # untyped to us
        @app.task(name="clean_up", queue=QUEUE, queueing_lock="clean_up", lock="clean_up")  # type: ignore[untyped-decorator] # untyped to us
        def clean_up(timestamp: int) -> None:
            _log.info("clean_up", due=timestamp)
            _laurel_task("clean_up")(self._database, self._settings)

        @app.periodic(cron="* * * * *")  # type: ignore[untyped-decorator] # untyped to us
        @app.task(name="queue_left_behind", queue=QUEUE, queueing_lock="left", lock="left")  # type: ignore[untyped-decorator] # untyped to us
        def queue_left_behind(timestamp: int) -> None:
            count = _laurel_task("queue_left_behind")(self._database)
            if count:
                _log.info("queued_left_behind", due=timestamp, count=count)

        @app.periodic(cron="37 3 * * *")  # type: ignore[untyped-decorator] # untyped to us
        @app.task(name="forget_old_jobs", queue=QUEUE, pass_context=True)  # type: ignore[untyped-decorator] # untyped to us
        async def forget_old_jobs(context: Any, timestamp: int) -> None:
            _log.info("forget_old_jobs", due=timestamp)
            await context.app.job_manager.delete_old_jobs(nb_hours=FORGET_JOBS_HOURS, include_aborted=True)

    def _job(self, name: str) -> Callable[..., Any]:
        """Return what does the job, in this thread."""
        if self._gives_way:
            have_this_thread_give_way()
        return _laurel_task(name)

    async def _chain_audit(self) -> None:
        await asyncio.to_thread(lambda: _laurel_task("chain_audit")(self._database, self._settings))

    async def _judge_due_claims(self) -> None:
        await asyncio.to_thread(lambda: _laurel_task("judge_due_claims")(self._database))

    async def _escalate_overdue(self) -> None:
        await asyncio.to_thread(lambda: _laurel_task("escalate_overdue")(self._database))

    async def _settle_due(self) -> None:
        await asyncio.to_thread(lambda: _laurel_task("settle_due")(self._database))

    async def _retry_orphaned_jobs(self) -> None:
        await asyncio.to_thread(_retry_orphaned_jobs, self._app_url)

    async def _watch(self, lifeline: "psycopg.AsyncConnection[Any]") -> None:
        """End the process when its database session is gone: from then on others may take its jobs."""
        while True:
            try:
                await asyncio.wait_for(lifeline.execute("select 1"), LIFELINE_SECONDS)
            except (psycopg.OperationalError, TimeoutError) as error:
                _log.error("worker.lifeline_broken", reason=str(error).strip())
                _end_now(EXIT_LIFELINE_BROKEN)
            await asyncio.sleep(1.0)

    def _stop(self, work: "asyncio.Task[None]") -> None:
        """Take no more jobs, let running ones finish for a while, then end; the rest is retried."""
        _log.info("worker.stopping")
        work.cancel()
        asyncio.get_running_loop().call_later(GRACE_SECONDS, _end_now, 0)


def _end_now(code: int) -> None:
    """End this process and its children, parsers included: a thread inside a job can't be asked to."""
    for child in psutil.Process().children(recursive=True):
        child.kill()
    sys.stderr.flush()
    os._exit(code)


async def _every(seconds: float, name: str, action: Callable[[], Awaitable[None]]) -> None:
    """Do it again and again, so many seconds after it ended; an error is told, and waited out for a while."""
    failures = 0
    while True:
        began = time.monotonic()
        try:
            await action()
            failures = 0
        except Exception:
            failures += 1
            _log.exception("worker.failed_beside_the_queue", task=name, failures=failures)
        pause = seconds if failures == 0 else min(60.0, seconds * 2**failures)
        await asyncio.sleep(max(0.0, pause - (time.monotonic() - began)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the worker of LAUREL_HOME on the database of LAUREL_APP_URL until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m laurel.worker", description="The worker of Laurel.")
    parser.add_argument(
        "--give-way", action="store_true", help="let what jobs compute come after people's pages"
    )
    options = parser.parse_args(arguments)
    configure_logs()
    app_url = os.environ["LAUREL_APP_URL"]
    os.environ["PGAPPNAME"] = APPLICATION_NAME
    asyncio.run(Worker(app_url, Settings.from_environment(), gives_way=options.give_way).run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
