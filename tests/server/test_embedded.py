import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from laurel.embedded import (
    EmbeddedServer,
    ForeignDataFolderError,
    ServerNotStartedError,
    SocketPathTooLongError,
    app_url,
    create_database,
    drop_database,
    embedded_server,
    process_began,
)
from loyalty_core.kernel import PROJECT_FOLDER
from tests.server.homes import FAST, fast_server, fresh_home, kill_postmaster, postgres_processes, postmasters


@pytest.fixture
def home() -> Iterator[Path]:
    with fresh_home() as folder:
        yield folder


def start_holder(home: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.server.holder", str(home)],
        cwd=PROJECT_FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql://")
    return process


def leave(process: "subprocess.Popen[str]") -> None:
    process.communicate(timeout=60)
    assert process.returncode == 0


def kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


def answer(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_the_server_answers_keeps_its_data_and_stops_with_its_only_holder(home: Path) -> None:
    with embedded_server(home, extra=FAST) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept as select 7 as figure")
    assert postgres_processes(home) == []
    with embedded_server(home, extra=FAST) as url:
        assert answer(url, "select figure from kept") == 7


def test_no_value_of_a_failed_statement_reaches_the_servers_log(home: Path) -> None:
    with (
        embedded_server(home, extra={**FAST, "log_min_duration_statement": "0"}) as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        connection.execute("create table person (mail text primary key)")
        for _ in range(2):
            with suppress(psycopg.errors.UniqueViolation):
                connection.execute("insert into person values (%s)", ["anna@example.com"])
    written = "".join(path.read_text() for path in (home / "pg" / "log").iterdir())
    assert "duplicate key" in written
    assert "insert into person" in written
    assert "anna@example.com" not in written


def test_the_last_of_several_processes_stops_the_server(home: Path) -> None:
    first, second = start_holder(home), start_holder(home)
    leave(first)
    assert postgres_processes(home)
    leave(second)
    assert postgres_processes(home) == []


def test_a_killed_holder_does_not_keep_the_server_up(home: Path) -> None:
    kill(start_holder(home))
    assert postgres_processes(home)
    with embedded_server(home, extra=FAST):
        pass
    assert postgres_processes(home) == []


def test_another_process_under_a_dead_holders_pid_is_no_holder(home: Path) -> None:
    with embedded_server(home, extra=FAST):
        holders = home / "server" / "holders.json"
        entries = json.loads(holders.read_text())
        # This test's parent lives, under a pid that an earlier holder may have had.
        entries.append({"holder": "earlier", "pid": os.getppid(), "began": "another boot:1"})
        holders.write_text(json.dumps(entries))
    assert postgres_processes(home) == []


def test_a_process_is_told_from_a_later_one_with_its_pid() -> None:
    assert process_began(os.getpid()) == process_began(os.getpid())
    assert process_began(os.getpid()) != process_began(1)
    child = subprocess.Popen([sys.executable, "-c", ""])
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert process_began(child.pid) is None
    child.wait()
    assert process_began(child.pid) is None


def test_what_was_committed_survives_a_kill_of_the_server_and_an_open_transaction_does_not(
    home: Path,
) -> None:
    server = EmbeddedServer(home)
    url = server.hold()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table fact (figure int)")
        connection.execute("insert into fact values (1)")
    half = psycopg.connect(url)
    half.execute("insert into fact values (2)")
    kill_postmaster(home)
    assert not server.is_running()
    server.ensure_running()
    half.close()
    assert answer(url, "select array_agg(figure) from fact") == [1]
    server.release()
    assert postgres_processes(home) == []


def test_a_start_recovers_after_everything_was_killed_at_once(home: Path) -> None:
    holders = [start_holder(home), start_holder(home)]
    url = EmbeddedServer(home).url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table fact as select generate_series(1, 1000) as figure")
        connection.execute("checkpoint")
    for process in postgres_processes(home):
        process.kill()
    for holder in holders:
        kill(holder)
    assert (home / "pg" / "postmaster.pid").exists()
    with embedded_server(home, extra=FAST) as again:
        assert answer(again, "select count(*) from fact") == 1000
    assert postgres_processes(home) == []


def test_a_pid_file_that_names_a_living_stranger_is_not_believed(home: Path) -> None:
    server = fast_server(home)
    server.hold()
    kill_postmaster(home)
    pid_file = home / "pg" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert not server.is_running()
    server.ensure_running()
    assert answer(server.url, "select 1") == 1
    server.release()


def test_an_empty_pid_file_of_a_full_disk_does_not_stop_the_start(home: Path) -> None:
    with embedded_server(home, extra=FAST):
        pass
    (home / "pg" / "postmaster.pid").touch()
    with embedded_server(home, extra=FAST) as url:
        assert answer(url, "select 1") == 1


def test_a_worker_that_outlives_the_killed_server_does_not_stop_the_next_start(home: Path) -> None:
    server = fast_server(home)
    url = server.hold()
    busy = psycopg.connect(url)
    backend = psutil.Process(busy.info.backend_pid)
    backend.suspend()
    kill_postmaster(home)
    assert backend.is_running()
    server.ensure_running()
    assert not backend.is_running()
    assert answer(url, "select 1") == 1
    busy.close()
    server.release()


def test_a_killed_initdb_is_done_again(home: Path) -> None:
    unfinished = home / "pg.new"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    with embedded_server(home, extra=FAST) as url:
        assert answer(url, "select 1") == 1
    assert not unfinished.exists()


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    with embedded_server(home, extra=FAST):
        pass
    with pytest.raises(ServerNotStartedError, match="no_such_setting"):
        EmbeddedServer(home, extra={"no_such_setting": "1"}).hold()
    assert json.loads((home / "server" / "holders.json").read_text()) == []


def test_both_carried_versions_start_and_the_folder_keeps_its_own(home: Path) -> None:
    with embedded_server(home, postgres_version=16, extra=FAST) as url:
        assert str(answer(url, "show server_version")).startswith("16.")
    with embedded_server(home, postgres_version=18, extra=FAST) as url:
        assert str(answer(url, "show server_version")).startswith("16.")


def test_a_data_folder_of_an_unknown_version_is_refused(home: Path) -> None:
    (home / "pg").mkdir()
    (home / "pg" / "PG_VERSION").write_text("12\n")
    with pytest.raises(ForeignDataFolderError, match=r"PostgreSQL 12, and this Laurel carries 16, 18"):
        EmbeddedServer(home).hold()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_data_folder_of_another_user_is_refused(home: Path) -> None:
    with embedded_server(home, extra=FAST):
        pass
    os.chown(home / "pg", 4242, 4242)
    with pytest.raises(ForeignDataFolderError, match="4242"):
        EmbeddedServer(home).hold()


def test_a_home_with_too_long_a_path_is_refused_before_anything_is_made(home: Path) -> None:
    deep = home / ("d" * 90)
    with pytest.raises(SocketPathTooLongError, match="Set LAUREL_HOME to a shorter path"):
        EmbeddedServer(deep)
    assert not deep.exists()


def test_nobody_else_can_read_the_data_or_reach_the_socket(home: Path) -> None:
    with embedded_server(home, extra=FAST):
        assert stat.S_ISSOCK((home / "pg" / ".s.PGSQL.5432").stat().st_mode)
        assert stat.S_IMODE((home / "pg").stat().st_mode) == 0o700
        assert stat.S_IMODE((home / "server").stat().st_mode) == 0o700
        # Others may pass through the home, as the server's own user must, and not list it.
        assert stat.S_IMODE(home.stat().st_mode) & 0o066 == 0
        opened = [
            path
            for path in home.rglob("*")
            if path.is_file() and not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077
        ]
        assert opened == []
        listening = {
            connection.laddr.port
            for process in postgres_processes(home)
            for connection in process.net_connections(kind="inet")
        }
        assert listening == set()


def test_secret_folders_stay_closed_when_the_server_opens_its_way(home: Path) -> None:
    secrets = home / "secrets"
    secrets.mkdir(mode=0o700)
    with embedded_server(home, extra=FAST):
        assert stat.S_IMODE(secrets.stat().st_mode) == 0o700


def test_commits_are_durable_and_the_server_is_tuned(home: Path) -> None:
    with embedded_server(home) as url:
        assert answer(url, "show fsync") == "on"
        assert answer(url, "show synchronous_commit") == "on"
        assert answer(url, "show jit") == "off"
        assert answer(url, "show max_wal_size") == "4GB"
        assert answer(url, "show timezone") == "UTC"


def test_the_applications_url_keeps_the_place_and_not_the_owners_password() -> None:
    assert app_url("postgresql://postgres@/laurel?host=%2Ftmp%2Fpg") == (
        "postgresql://laurel_app@/laurel?host=%2Ftmp%2Fpg"
    )
    assert app_url("postgresql://owner:open@db.example:5433/x?sslmode=require", "p:w") == (
        "postgresql://laurel_app:p%3Aw@db.example:5433/x?sslmode=require"
    )
    assert "open" not in app_url("postgresql://owner:open@db.example/x")


def test_more_databases_are_made_from_a_template_and_dropped(home: Path) -> None:
    with embedded_server(home, extra=FAST) as url:
        template = create_database(url, "pattern")
        with psycopg.connect(template, autocommit=True) as connection:
            connection.execute("create table one as select 1 as figure")
        copy = create_database(url, "copy", template="pattern")
        assert answer(copy, "select figure from one") == 1
        drop_database(url, "copy")
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(copy)


def test_two_processes_that_start_at_the_same_moment_share_one_server(home: Path) -> None:
    script = [sys.executable, "-W", "error", "-m", "tests.server.holder", str(home)]
    both = [
        subprocess.Popen(script, cwd=PROJECT_FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        for process in both:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("postgresql://")
        assert len(postmasters(home)) == 1
    finally:
        for process in both:
            leave(process)
    assert postgres_processes(home) == []


def test_the_socket_is_where_the_url_says(home: Path) -> None:
    with (
        embedded_server(home, extra=FAST),
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client,
    ):
        client.connect(str(home / "pg" / ".s.PGSQL.5432"))
