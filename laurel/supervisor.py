"""`laurel run`: the database, the worker and the web server, started, watched, and stopped as one."""

import ctypes
import errno
import fcntl
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import psycopg

from laurel.embedded import OWNER_KEY, EmbeddedServer, app_url
from laurel.secrets import app_password
from loyalty_core.kernel import PROJECT_FOLDER, Refusal, Settings, _, get_logger, libpq_url

# Together below the ten seconds in which everything is down.
CHILDREN_STOP_SECONDS = 5.5
DATABASE_STOP_SECONDS = 2.5

FIRST_RESTART_SECONDS = 0.5
LONGEST_RESTART_SECONDS = 30.0
CHILD_IS_WELL_AFTER_SECONDS = 60.0
FAILURES_BEFORE_READY = 4

_LOOK_SECONDS = 0.1
_PR_SET_PDEATHSIG = 1

_log = get_logger(__name__)


class AlreadyRunningError(Refusal):
    """Another `laurel run` uses the same home."""

    def __init__(self, home: Path) -> None:
        super().__init__(
            _(
                "Laurel is already running on {home}. Stop that one first, or set LAUREL_HOME to another "
                "folder."
            ).format(home=home)
        )
        self.home = home


class PortInUseError(Refusal):
    """Something else listens on the port, or it may not be had."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            _(
                "Laurel can't listen on {host}, port {port}: {reason}. Choose another with `--port`, or stop "
                "what uses it."
            ).format(host=host, port=port, reason=reason)
        )
        self.host = host
        self.port = port


class DatabaseNotReachableError(Refusal):
    """The outside PostgreSQL does not answer, or does not let us in."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            _("The database of LAUREL_DATABASE_URL can't be reached: {reason}").format(reason=reason)
        )
        self.reason = reason


class ChildKeepsFailingError(Refusal):
    """A process of Laurel's ends again and again before the start is complete."""

    def __init__(self, name: str, times: int) -> None:
        super().__init__(
            _(
                "Laurel did not start: its {name} process ended {times} times before it was ready. What it "
                "wrote above says why."
            ).format(name=name, times=times)
        )
        self.name = name
        self.times = times


class CertificateNotUsableError(Refusal):
    """The certificate and the key can't be read, or don't belong together."""

    def __init__(self, certificate: Path, key: Path, reason: str) -> None:
        super().__init__(
            _(
                "Laurel can't use the certificate {certificate} with the key {key}: {reason}. Both are PEM files; "
                "the key has no passphrase, and this user may read it."
            ).format(certificate=certificate, key=key, reason=reason)
        )
        self.certificate = certificate
        self.key = key


@dataclass(frozen=True, slots=True)
class Tls:
    """The PEM files of a certificate, with its chain, and of its key."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Raise CertificateNotUsableError where no server could use them."""
        try:
            # An empty passphrase: without any, it would be asked for on the terminal.
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                self.certificate, self.key, password=""
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise CertificateNotUsableError(self.certificate, self.key, reason) from error


class _StopRequested(BaseException):
    """A signal came while something long was under way."""


@dataclass(frozen=True, slots=True)
class Program:
    """A child to keep alive: what it is called in messages, and its command."""

    name: str
    command: Sequence[str]


@dataclass(slots=True)
class _Child:
    program: Program
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    start_again_at: float = 0.0
    failures: int = 0


def programs(host: str, port: int, tls: Tls | None = None) -> list[Program]:
    """Return Laurel's own children: the worker and the web server."""
    web = [sys.executable, "-m", "laurel.web", "--host", host, "--port", str(port)]
    if tls is not None:
        # Whole paths: the children work in another folder.
        web += ["--tls-certificate", str(tls.certificate.resolve()), "--tls-key", str(tls.key.resolve())]
    return [
        Program("worker", [sys.executable, "-m", "laurel.worker", "--give-way"]),
        Program("web", web),
    ]


def run(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8501,
    prepare: Callable[[str], None],
    children: Sequence[Program] | None = None,
    tls: Tls | None = None,
) -> int:
    """Run Laurel until SIGINT, SIGTERM or SIGHUP, and return the exit status 0.

    Starts PostgreSQL (or uses the outside one), calls `prepare` with the owner's URL (migrations, demo),
    starts the children with LAUREL_APP_URL and LAUREL_HOME in their environment, and prints one line on
    stdout when `/readyz` answers 200. A child or a database that dies is started again. Everything is down
    within 10 seconds of the signal. To be called from the main thread. Raises CertificateNotUsableError,
    AlreadyRunningError, PortInUseError, DatabaseNotReachableError, ChildKeepsFailingError, and what the
    embedded server and the keys raise.
    """
    if tls is not None:
        tls.check()
    with _alone(settings.home):
        _check_port(host, port)
        supervisor = _Supervisor(
            settings, host, port, prepare, children or programs(host, port, tls), is_tls=tls is not None
        )
        with supervisor.signals():
            return supervisor.run()


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(home / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError(home) from error
        yield
    finally:
        os.close(lock)


def _check_port(host: str, port: int) -> None:
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the server does it: a port whose last connections are still fading is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        raise PortInUseError(
            host, port, _("it is in use") if in_use else (error.strerror or str(error))
        ) from error


@dataclass
class _Supervisor:
    settings: Settings
    host: str
    port: int
    prepare: Callable[[str], None]
    programs: Sequence[Program]
    is_tls: bool = False
    server: EmbeddedServer | None = None
    environment: dict[str, str] = field(default_factory=dict)
    stop_requests: int = 0
    interruptible: bool = False
    is_ready: bool = False

    def __post_init__(self) -> None:
        self.children = [_Child(program) for program in self.programs]

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Answer the signals that mean “stop” ourselves, as long as the block lasts."""
        wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._on_signal) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.stop_requests += 1
        if self.interruptible:
            self.interruptible = False
            raise _StopRequested(signal.Signals(number).name)

    @contextmanager
    def _may_be_interrupted(self) -> Iterator[None]:
        """Let a signal break off what takes long; elsewhere it waits until the next look."""
        if self.stop_requests:
            raise _StopRequested
        self.interruptible = True
        try:
            yield
        finally:
            self.interruptible = False

    def run(self) -> int:
        try:
            owner_url = self._open_database()
            with self._may_be_interrupted():
                self.prepare(owner_url)
            self.environment = self._environment(owner_url)
            self._supervise()
        except _StopRequested:
            _log.info("laurel.stopping")
        finally:
            self._stop_all()
        return 0

    def _open_database(self) -> str:
        if self.settings.database_url is not None:
            owner_url = libpq_url(self.settings.database_url)
            try:
                with self._may_be_interrupted(), psycopg.connect(owner_url, connect_timeout=10) as connection:
                    connection.execute("select 1")
            except psycopg.OperationalError as error:
                raise DatabaseNotReachableError(str(error).strip()) from error
            return owner_url
        self.server = EmbeddedServer(self.settings.home, stop_patience=DATABASE_STOP_SECONDS)
        with self._may_be_interrupted():
            return self.server.hold()

    def _environment(self, owner_url: str) -> dict[str, str]:
        """What children get: the application's way into the database, and not the owner's."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in ("LAUREL_DATABASE_URL", "LAUREL_APP_PASSWORD", f"LAUREL_{OWNER_KEY.upper()}")
        }
        return kept | {
            "LAUREL_APP_URL": app_url(owner_url, app_password(self.settings, owner_url)),
            "LAUREL_HOME": str(self.settings.home),
        }

    def _supervise(self) -> None:
        ready = threading.Event()
        threading.Thread(target=self._wait_for_readiness, args=[ready], daemon=True).start()
        while not self.stop_requests:
            if self.server is not None and not self.server.is_running():
                _log.error("postgresql.died")
                with self._may_be_interrupted():
                    self.server.ensure_running()
                _log.info("postgresql.started_again")
            for child in self.children:
                self._look_after(child)
            if ready.is_set() and not self.is_ready:
                self.is_ready = True
                print(_("Laurel is ready at {address}").format(address=self._address()), flush=True)  # noqa: T201 the answer of the command
            time.sleep(_LOOK_SECONDS)

    def _look_after(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            status = child.process.poll()
            if status is None:
                return
            _end_group(child.process.pid)
            child.process = None
            if now - child.started > CHILD_IS_WELL_AFTER_SECONDS:
                child.failures = 0
            child.failures += 1
            if not self.is_ready and child.failures >= FAILURES_BEFORE_READY:
                raise ChildKeepsFailingError(child.program.name, child.failures)
            wait = min(LONGEST_RESTART_SECONDS, FIRST_RESTART_SECONDS * 2 ** (child.failures - 1))
            child.start_again_at = now + wait
            _log.error("child.ended", child=child.program.name, status=status, start_again_in=wait)
        if now >= child.start_again_at:
            child.process = self._start(child.program)
            child.started = now
            _log.info("child.started", child=child.program.name, pid=child.process.pid)

    def _start(self, program: Program) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 our own programs, no shell
            program.command,
            cwd=PROJECT_FOLDER,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            # stdout holds what the command answers, and nothing else.
            stdout=sys.stderr.fileno(),
            # A session of its own: Ctrl-C in the terminal reaches us alone, and we reach its children by it.
            start_new_session=True,
            preexec_fn=_die_with(os.getpid()),
        )

    def _address(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104 no binding here
        scheme = "https" if self.is_tls else "http"
        return f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"

    def _wait_for_readiness(self, ready: threading.Event) -> None:
        # Our own port is asked under an address that the certificate need not name.
        unchecked = ssl.create_default_context()
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unchecked)
        )
        while not self.stop_requests:
            try:
                with opener.open(f"{self._address()}/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        ready.set()
                        return
            except (OSError, urllib.error.URLError):
                pass  # Not there yet, or not ready yet: both mean to ask again.
            time.sleep(_LOOK_SECONDS)

    def _stop_all(self) -> None:
        """Stop web and worker, then the database; the second signal cuts every wait short."""
        self.interruptible = False
        asked = self.stop_requests
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            with suppress(ProcessLookupError):
                process.terminate()
        if self.server is not None:
            # Meanwhile: so that the database's own stop has little left to write.
            threading.Thread(target=_settle_to_disk, args=[self.server], daemon=True).start()
        deadline = time.monotonic() + CHILDREN_STOP_SECONDS
        while any(process.poll() is None for process in running):
            if time.monotonic() > deadline or self.stop_requests > max(asked, 1):
                _log.warning("children.killed", after=CHILDREN_STOP_SECONDS)
                break
            time.sleep(0.02)
        for process in running:
            _end_group(process.pid)
            process.wait()
        if self.server is not None:
            self.server.release()
        _log.info("laurel.stopped")


def _settle_to_disk(server: EmbeddedServer) -> None:
    try:
        server.settle_to_disk()
    except psycopg.Error as error:
        _log.info("postgresql.not_settled", reason=str(error).strip())


def _end_group(leader: int) -> None:
    """Kill what is left of a child's process group: its own children, and itself if it would not end."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _die_with(parent: int) -> Callable[[], None] | None:
    """Return what a new child does first so that it is killed when we are, however we end (Linux only)."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask_for_it() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask_for_it
