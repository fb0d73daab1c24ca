import json
import os
import pwd
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from sqlalchemy.engine import make_url

from laurel.embedded import (
    EmbeddedServer,
    ForeignDataFolderError,
    ServerNotStartedError,
    SocketPathTooLongError,
    app_url,
    binaries_of_wheel,
    create_database,
    derived_app_password,
    drop_database,
    embedded_server,
    process_began,
)
from laurel.migrate import migrate
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


def is_let_in(url: str) -> bool:
    refusal = ""
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError as error:
        refusal = str(error)
    assert re.search("^$|no password supplied|password authentication failed", refusal), refusal
    return not refusal


def asks_for_passwords(home: Path, owner_url: str) -> bool:
    """Whether the right passwords, and nothing else, let either role in; the application's is set where it is not."""
    migrate(owner_url, app_password=derived_app_password(owner_url))
    right = [owner_url, app_url(owner_url)]
    passwords = [str(make_url(url).password) for url in right]
    wrong = [
        owner_url.replace(passwords[0], password) for password in ("wrong", passwords[1], passwords[0][:-1])
    ]
    wrong += [url.replace(f":{password}@", "@") for url, password in zip(right, passwords, strict=True)]
    wrong += [right[1].replace(passwords[1], passwords[0])]
    assert len({*right, *wrong}) == 8
    assert (home / "pg" / "pg_hba.conf").read_text().splitlines()[1:] == ["local all all scram-sha-256"]
    return [is_let_in(url) for url in right] == [True, True] and not any(map(is_let_in, wrong))


@pytest.fixture
def no_password_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no password come from where libpq looks for one that it was not given."""
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))


def as_made_by_an_earlier_laurel(home: Path, url: str) -> None:
    """Make the running server what earlier versions made: without passwords, and asking for none."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("alter role postgres password null")
        connection.execute("alter role laurel_app password null")
        (home / "pg" / "pg_hba.conf").write_text("local all all trust\n")
        connection.execute("select pg_reload_conf()")
    trusting = url.replace(f":{make_url(url).password}@", "@")
    for _time in range(500):
        if is_let_in(trusting):
            break
        time.sleep(0.01)
    assert is_let_in(trusting)
    (home / "secrets" / "database_owner_password").unlink()


@pytest.mark.usefixtures("no_password_elsewhere")
@pytest.mark.parametrize("version", [18, 16])
def test_without_the_right_password_no_role_is_let_in(home: Path, version: int) -> None:
    with embedded_server(home, extra=FAST, postgres_version=version) as url:
        assert asks_for_passwords(home, url)
    with embedded_server(home, extra=FAST) as again:
        assert again == url
        assert asks_for_passwords(home, url)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as the server's own user")
@pytest.mark.usefixtures("no_password_elsewhere")
def test_the_servers_own_user_is_let_in_by_no_role_and_cannot_read_the_password(home: Path) -> None:
    with embedded_server(home, extra=FAST) as url:
        place, entry = str(make_url(url).query["host"]), pwd.getpwnam("pgserver")
        key = home / "secrets" / "database_owner_password"
        psql = [str(binaries_of_wheel() / "psql"), "--no-password", "--command=select 1", "--dbname=laurel"]
        commands = [
            ([*psql, f"--host={place}", f"--username={user}"], "no password supplied")
            for user in ("postgres", "laurel_app", "pgserver")
        ]
        for command, refusal in [*commands, (["cat", str(key)], "Permission denied")]:
            done = subprocess.run(
                command,
                user=entry.pw_uid,
                group=entry.pw_gid,
                extra_groups=[],
                env={**os.environ, "LC_ALL": "C"},
                capture_output=True,
                text=True,
                check=False,
                cwd="/tmp",
            )
            assert done.returncode != 0
            assert refusal in done.stderr


def test_nobody_but_the_user_of_laurel_can_read_the_password(home: Path) -> None:
    with embedded_server(home, extra=FAST):
        file = home / "secrets" / "database_owner_password"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert file.stat().st_uid == os.geteuid()
        arguments = [part for process in psutil.process_iter() for part in argument_list(process)]
        for kept in home.rglob("*"):
            if kept.is_file() and kept != file:
                assert file.read_bytes() not in kept.read_bytes(), kept
        assert not any(file.read_text() in part for part in arguments)


def argument_list(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return list(map(str, process.cmdline()))
    return []


@pytest.mark.usefixtures("no_password_elsewhere")
@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_home_that_asked_for_no_password_asks_for_one_from_the_next_start_on(
    home: Path, is_stopped: bool
) -> None:
    server = fast_server(home)
    url = server.hold()
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept as select 7 as figure")
    as_made_by_an_earlier_laurel(home, url)
    if is_stopped:
        server.release()
        server = fast_server(home)
    else:
        # Killed with its server left running.
        (home / "server" / "holders.json").write_text("[]")
    with embedded_server(home, extra=FAST) as new:
        assert asks_for_passwords(home, new)
        assert answer(new, "select figure from kept") == 7
        assert make_url(new).password != make_url(url).password


class _Killed(BaseException):
    pass


# Files put in place and signals to read them: three to open a stopped or running server to us, two to close it.
STEPS = 5


@pytest.mark.usefixtures("no_password_elsewhere")
@pytest.mark.parametrize("is_stopped", [False, True], ids=["running", "stopped"])
def test_a_kill_at_any_step_of_closing_is_made_good_by_the_next_start(
    home: Path, monkeypatch: pytest.MonkeyPatch, is_stopped: bool
) -> None:
    server = fast_server(home)
    url = server.hold()
    migrate(url)
    for step in range(STEPS):
        as_made_by_an_earlier_laurel(home, url)
        if is_stopped:
            server.release()
            # As initdb leaves it.
            (home / "pg" / "pg_hba.conf").write_text("local all all reject\n")
        done: list[tuple[str, ...]] = []
        with monkeypatch.context() as patch:
            for name in ("_write_access", "_read_access_again"):
                honest = getattr(EmbeddedServer, name)

                def step_or_kill(self: EmbeddedServer, *given: str, honest: Any = honest) -> None:
                    if len(done) == step:  # noqa: B023 called before the next round
                        raise _Killed
                    done.append(given)  # noqa: B023
                    honest(self, *given)

                patch.setattr(EmbeddedServer, name, step_or_kill)
            # A killed process does not stop its server.
            patch.setattr(EmbeddedServer, "_leave", lambda _self: None)
            with suppress(_Killed):
                fast_server(home).hold()
        assert len(done) == min(step, STEPS if is_stopped else 2)
        (home / "server" / "holders.json").write_text("[]")
        server = fast_server(home)
        url = server.hold()
        assert asks_for_passwords(home, url), f"after {step} steps"
    server.release()


@pytest.mark.usefixtures("no_password_elsewhere")
@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_key_that_was_taken_away_is_made_anew_and_the_old_one_lets_nobody_in(
    home: Path, is_stopped: bool
) -> None:
    with embedded_server(home, extra=FAST) as url:
        file = home / "secrets" / "database_owner_password"
        if not is_stopped:
            file.unlink()
            with embedded_server(home, extra=FAST) as new:
                assert asks_for_passwords(home, new)
                assert not is_let_in(url)
    if is_stopped:
        file.unlink()
        with embedded_server(home, extra=FAST) as new:
            assert asks_for_passwords(home, new)
            assert not is_let_in(url)


@pytest.mark.usefixtures("no_password_elsewhere")
def test_a_rule_that_somebody_wrote_into_the_servers_file_does_not_stay(home: Path) -> None:
    with embedded_server(home, extra=FAST):
        pass
    with (home / "pg" / "pg_hba.conf").open("a") as file:
        file.write("local all laurel_app trust\n")
    with embedded_server(home, extra=FAST) as url:
        assert asks_for_passwords(home, url)


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
