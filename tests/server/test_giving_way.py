"""What the worker has computed comes after everything else: by readers, and by PostgreSQL's processes."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from bench.generate import write_csv
from laurel.embedded import app_url
from laurel.giving_way import APPLICATION_NAME, NICENESS, DatabaseGivesWay, give_way
from laurel.registers import DATASETS
from laurel.supervisor import programs
from loyalty_core.intake import load_shipped_mapping, receive_local_file, start_import
from loyalty_core.kernel import PROJECT_FOLDER, Database, Scope, Settings, new_id
from tests.server.homes import fresh_home

_PATIENCE = 240.0
_BY_SESSION = pytest.mark.skipif(
    not Path("/proc/self/autogroup").exists(), reason="this system does not share processors out by session"
)


def session_niceness(pid: int) -> int:
    return int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1])


def niceness(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)


def is_held_back(pid: int) -> bool:
    try:
        return niceness(pid) >= NICENESS and session_niceness(pid) >= NICENESS
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_until(what: Callable[[], bool]) -> None:
    ends = time.monotonic() + _PATIENCE
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.02)


@contextmanager
def a_process(*command: str, leads_session: bool) -> Iterator[int]:
    process = subprocess.Popen(command, start_new_session=leads_session)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@contextmanager
def giving_way(url: str) -> Iterator[None]:
    """Have the database of this URL give way, in a thread, inside the block."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(DatabaseGivesWay(url).run())

    def go_on() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            return

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()


@_BY_SESSION
def test_a_process_that_leads_a_session_gives_way_with_its_session() -> None:
    with a_process("sleep", "600", leads_session=True) as pid:
        wait_until(lambda: os.getsid(pid) == pid)
        wait_until(lambda: give_way(pid))
        assert niceness(pid) == NICENESS
        assert session_niceness(pid) == NICENESS


@_BY_SESSION
def test_a_session_that_others_lead_is_left_as_it_is() -> None:
    # A session of our own making: the one that the tests run in has no niceness where it is the system's first.
    with a_process("sh", "-c", "sleep 600 & wait", leads_session=True) as leader:
        wait_until(lambda: os.getsid(leader) == leader)
        wait_until(lambda: bool(psutil.Process(leader).children()))
        (member,) = psutil.Process(leader).children()
        try:
            assert give_way(member.pid)
            assert niceness(member.pid) == NICENESS
            assert session_niceness(member.pid) == 0
        finally:
            member.kill()


@_BY_SESSION
def test_only_what_computes_for_the_worker_gives_way_parallel_processes_included(owner_url: str) -> None:
    url = app_url(owner_url)
    with (
        psycopg.connect(url, autocommit=True, application_name=APPLICATION_NAME) as workers,
        psycopg.connect(url, autocommit=True) as peoples,
        giving_way(url),
    ):
        ours = workers.info.backend_pid
        wait_until(lambda: is_held_back(ours))
        workers.execute("set debug_parallel_query = on")
        query = threading.Thread(target=workers.execute, args=["select count(*), pg_sleep(2) from pg_class"])
        query.start()
        seen: set[int] = set()
        while query.is_alive() and not seen:
            seen |= {
                pid
                for (pid,) in peoples.execute(
                    "select pid from pg_stat_activity where leader_pid = %s", [ours]
                ).fetchall()
                if is_held_back(pid)
            }
        query.join()
        assert seen
        assert not is_held_back(peoples.info.backend_pid)


def test_laurel_starts_its_worker_so_that_it_gives_way() -> None:
    (worker,) = [one for one in programs("127.0.0.1", 8501) if one.name == "worker"]
    assert "--give-way" in worker.command


@pytest.mark.slow
@_BY_SESSION
def test_reader_and_backends_give_way_while_a_file_comes_in_and_the_worker_does_not(
    owner_url: str, everything: Scope
) -> None:
    url = app_url(owner_url)
    database = Database(url)
    with fresh_home() as home:
        file = write_csv(home / "sales.csv", 50_000)
        worker = subprocess.Popen(
            [sys.executable, "-m", "laurel.worker", "--give-way"],
            cwd=PROJECT_FOLDER,
            env={**os.environ, "LAUREL_APP_URL": url, "LAUREL_HOME": str(home)},
            start_new_session=True,
        )
        try:
            start_import(
                database,
                everything,
                file_id=receive_local_file(
                    database, Settings(home=home, database_url=None), everything, file
                ),
                mapping=load_shipped_mapping("online-retail"),
                datasets=DATASETS,
                creates_missing=True,
                request_key=new_id(),
            )
            wait_until(
                lambda: any(
                    is_held_back(child.pid)
                    for child in psutil.Process(worker.pid).children()
                    if os.getsid(child.pid) == child.pid
                )
            )
            with psycopg.connect(url, autocommit=True) as peoples:
                wait_until(
                    lambda: any(
                        is_held_back(pid)
                        for (pid,) in peoples.execute(
                            "select pid from pg_stat_activity where application_name = %s", [APPLICATION_NAME]
                        ).fetchall()
                    )
                )
            # Busy or not, it has to tell in time that it lives.
            assert niceness(worker.pid) == niceness(os.getpid())
            assert session_niceness(worker.pid) < NICENESS
        finally:
            worker.kill()
            worker.wait()
            database.close()
