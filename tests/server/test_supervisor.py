import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import httpx
import psutil
import psycopg
import pytest
from sqlalchemy import make_url
from websockets.sync.client import connect

from laurel.embedded import EmbeddedServer, embedded_server
from loyalty_core.kernel import PROJECT_FOLDER, Database, Scope, new_id
from loyalty_core.kernel.jobs import defer_import
from tests.server.homes import FAST, fresh_home, kill_postmaster, postgres_processes


@pytest.fixture
def home() -> Iterator[Path]:
    with fresh_home() as folder:
        yield folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(fact: Callable[[], object], seconds: float = 180) -> None:
    """Wait until the fact holds; fail when it doesn't in time."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


class Running:
    """A started small Laurel and everything it started."""

    def __init__(self, home: Path, *children: str, port: int | None = None, **variables: str) -> None:
        self.home = home
        self.port = port or free_port()
        self.log = home / "out.log"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LAUREL_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.server.small", "run", str(self.port), *children],
                cwd=PROJECT_FOLDER,
                env=environment | {"LAUREL_HOME": str(home)} | variables,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.seen: set[psutil.Process] = set()

    def wait_until_ready(self) -> "Running":
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == f"Laurel is ready at http://127.0.0.1:{self.port}\n", self.log.read_text()
        self.remember()
        return self

    def remember(self) -> None:
        self.seen.update(psutil.Process(self.process.pid).children(recursive=True))

    def child(self, name: str) -> psutil.Process:
        self.remember()
        return next(child for child in self.seen if child.is_running() and name in child.cmdline())

    def left_over(self) -> list[psutil.Process]:
        return [child for child in self.seen if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send the signal; return how many seconds passed until it had ended."""
        self.remember()
        began = time.monotonic()
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=30)
        assert rest == ""
        return time.monotonic() - began

    def kill(self) -> None:
        with suppress(psutil.NoSuchProcess):
            self.remember()
        self.process.kill()
        self.process.communicate(timeout=30)

    def answers(self, path: str) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def execute(self, statement: str) -> None:
        with psycopg.connect(EmbeddedServer(self.home).url) as connection:
            connection.execute(statement.encode())

    def query(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(EmbeddedServer(self.home).url) as connection:
            return connection.execute(statement.encode()).fetchall()


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(*children: str, port: int | None = None, **variables: str) -> Running:
        started.append(Running(home, *children, port=port, **variables))
        return started[-1]

    yield begin
    for running in started:
        running.kill()


def defer_sleep(running: Running, seconds: float) -> UUID:
    (running.home / "sleep").write_text(str(seconds))
    import_id = new_id()
    database = Database(EmbeddedServer(running.home).url)
    with database.transaction(Scope.of_system()) as connection:
        defer_import(connection, import_id)
    database.close()
    return import_id


def test_it_starts_says_where_and_stops_on_either_signal(start: Callable[..., Running], home: Path) -> None:
    first = start().wait_until_ready()
    assert first.answers("/readyz")
    assert first.stop(signal.SIGTERM) < 10
    assert first.process.returncode == 0
    assert first.left_over() == []
    assert postgres_processes(home) == []

    again = start().wait_until_ready()
    assert again.stop(signal.SIGINT) < 10
    assert again.process.returncode == 0
    assert again.left_over() == []


@pytest.mark.slow
def test_it_is_down_in_time_with_an_open_tab_and_a_running_job_which_the_next_start_ends(
    start: Callable[..., Running], home: Path
) -> None:
    running = start().wait_until_ready()
    import_id = defer_sleep(running, 3600)
    until(lambda: running.query("select 1 from run where state = 'began'"))
    with connect(f"ws://127.0.0.1:{running.port}/stream"):
        assert running.stop() < 10
    assert running.left_over() == []
    assert postgres_processes(home) == []

    (home / "sleep").unlink()
    again = start().wait_until_ready()
    until(lambda: again.query("select 1 from run where state = 'ended'"), 15)
    until(lambda: again.query("select 1 from procrastinate_jobs where status = 'succeeded'"), 15)
    assert again.query("select import_id, state from run order by id") == [
        (import_id, "began"),
        (import_id, "began"),
        (import_id, "ended"),
    ]


@pytest.mark.slow
def test_a_child_that_ignores_the_signal_is_killed_in_time(start: Callable[..., Running]) -> None:
    running = start("stubborn").wait_until_ready()
    assert running.stop() < 10
    assert running.left_over() == []


@pytest.mark.slow
def test_dead_children_are_started_again_and_their_job_is_done(start: Callable[..., Running]) -> None:
    running = start().wait_until_ready()
    defer_sleep(running, 3600)
    until(lambda: running.query("select 1 from run where state = 'began'"))
    web, worker = running.child("web"), running.child("worker")
    (running.home / "sleep").unlink()
    web.kill()
    worker.kill()
    until(lambda: not web.is_running() and running.answers("/readyz"))
    until(lambda: running.query("select 1 from run where state = 'ended'"), 20)
    assert running.stop() < 10


@pytest.mark.slow
def test_a_job_whose_end_could_not_be_written_down_is_done_again(start: Callable[..., Running]) -> None:
    running = start().wait_until_ready()
    running.execute("alter function procrastinate_finish_job_v1 rename to hidden")
    defer_sleep(running, 0)
    until(lambda: len(running.query("select 1 from run where state = 'ended'")) == 2)
    running.execute("alter function hidden rename to procrastinate_finish_job_v1")
    until(
        lambda: running.query(
            "select 1 from procrastinate_jobs where task_name = 'run_import' and status = 'succeeded'"
        )
    )


@pytest.mark.slow
def test_a_killed_database_comes_back_and_the_work_goes_on(start: Callable[..., Running], home: Path) -> None:
    running = start().wait_until_ready()
    defer_sleep(running, 3600)
    until(lambda: running.query("select 1 from run where state = 'began'"))
    (home / "sleep").unlink()
    kill_postmaster(home)
    until(lambda: running.answers("/readyz"))
    until(lambda: running.query("select 1 from run where state = 'ended'"), 30)
    assert running.stop() < 10
    assert postgres_processes(home) == []


@pytest.mark.slow
def test_children_die_with_a_killed_supervisor_and_the_next_start_recovers(
    start: Callable[..., Running], home: Path
) -> None:
    port = free_port()
    running = start(port=port).wait_until_ready()
    defer_sleep(running, 3600)
    until(lambda: running.query("select 1 from run where state = 'began'"))
    running.kill()
    until(lambda: running.left_over() == [], 10)
    (home / "sleep").unlink()
    again = start(port=port).wait_until_ready()
    until(lambda: again.query("select 1 from run where state = 'ended'"), 15)
    assert again.stop() < 10
    assert postgres_processes(home) == []


@pytest.mark.slow
def test_a_second_run_on_the_same_home_is_refused(start: Callable[..., Running]) -> None:
    first = start().wait_until_ready()
    second = start()
    second.process.communicate(timeout=30)
    assert second.process.returncode == 1
    assert "already running" in second.log.read_text()
    assert first.answers("/readyz")


def test_a_port_in_use_is_refused_before_anything_starts(start: Callable[..., Running], home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = start(port=port)
        refused.process.communicate(timeout=30)
    assert refused.process.returncode == 1
    assert refused.log.read_text().splitlines()[-1] == (
        f"Laurel can't listen on 127.0.0.1, port {port}: it is in use. "
        "Choose another with `--port`, or stop what uses it."
    )
    assert not (home / "pg").exists()


@pytest.mark.slow
def test_a_child_that_never_gets_up_ends_the_start(start: Callable[..., Running], home: Path) -> None:
    refused = start("broken")
    refused.process.communicate(timeout=60)
    assert refused.process.returncode == 1
    assert "its broken process ended 4 times" in refused.log.read_text()
    assert postgres_processes(home) == []


def test_children_get_the_applications_way_into_the_database_and_not_the_owners(
    start: Callable[..., Running],
) -> None:
    running = start().wait_until_ready()
    owner = make_url(EmbeddedServer(running.home).url)
    for name in ("worker", "web"):
        child = running.child(name)
        environment = child.environ()
        assert make_url(environment["LAUREL_APP_URL"]).username == "laurel_app"
        assert "LAUREL_DATABASE_URL" not in environment
        assert str(owner.password) not in " ".join(environment.values())
        passwords = [str(owner.password), str(make_url(environment["LAUREL_APP_URL"]).password)]
        assert not any(password in " ".join(child.cmdline()) for password in passwords)
        assert not any(password in running.log.read_text() for password in passwords)


@pytest.mark.slow
def test_an_outside_database_is_used_with_a_password_of_its_own_and_left_running(
    start: Callable[..., Running], home: Path
) -> None:
    with fresh_home() as elsewhere, embedded_server(elsewhere, extra=FAST) as url:
        running = start(LAUREL_DATABASE_URL=url).wait_until_ready()
        environment = running.child("web").environ()
        password = (home / "secrets" / "app_password").read_text()
        assert make_url(environment["LAUREL_APP_URL"]).password == password
        assert "LAUREL_DATABASE_URL" not in environment
        assert not (home / "pg").exists()
        assert running.stop() < 10
        with psycopg.connect(url) as connection:
            connection.execute("select 1")


@pytest.mark.slow
def test_an_outside_database_that_does_not_answer_is_refused(start: Callable[..., Running]) -> None:
    refused = start(LAUREL_DATABASE_URL=f"postgresql://owner:hidden@127.0.0.1:{free_port()}/laurel")
    refused.process.communicate(timeout=30)
    assert refused.process.returncode == 1
    said = refused.log.read_text()
    assert "The database of LAUREL_DATABASE_URL can't be reached" in said
    assert "Traceback" not in said
    assert "hidden" not in said


@pytest.mark.slow
def test_a_signal_during_a_long_preparation_ends_it_in_time(
    start: Callable[..., Running], home: Path
) -> None:
    running = start(SMALL_PREPARES_SECONDS="3600")
    until(lambda: "preparing" in running.log.read_text())
    assert running.stop() < 10
    assert running.process.returncode == 0
    assert postgres_processes(home) == []
