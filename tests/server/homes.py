"""Homes of their own for tests of real processes: a short path, and nothing left running."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from laurel.embedded import EmbeddedServer


@contextmanager
def fresh_home() -> Iterator[Path]:
    """Yield an empty LAUREL_HOME below the temporary folder; end what runs in it, then remove it."""
    home = Path(tempfile.mkdtemp(prefix="l-", dir="/tmp"))
    try:
        yield home
    finally:
        for process in postgres_processes(home):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        shutil.rmtree(home, ignore_errors=True)


def postgres_processes(home: Path) -> list[psutil.Process]:
    """Every PostgreSQL process that works in the home's data folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            if process.name().startswith("postgres") and process.cwd() == str(home / "pg"):
                found.append(process)
    return found


def postmasters(home: Path) -> list[psutil.Process]:
    """Those of the home's PostgreSQL processes that no other one of them started."""
    found = postgres_processes(home)
    pids = {process.pid for process in found}
    first = []
    for process in found:
        # One that has ended since, as a connection's process does, says so when asked for its parent.
        with suppress(psutil.NoSuchProcess):
            if process.ppid() not in pids:
                first.append(process)
    return first


def kill_postmaster(home: Path) -> None:
    """Kill -9 the server's main process and wait until it is gone."""
    pid = int((home / "pg" / "postmaster.pid").read_text().split()[0])
    process = psutil.Process(pid)
    process.send_signal(signal.SIGKILL)
    psutil.wait_procs([process], timeout=10)


FAST = {"fsync": "off"}


def fast_server(home: Path) -> EmbeddedServer:
    """Return a grip on the home's server, without waiting for the disk."""
    return EmbeddedServer(home, extra=FAST)
