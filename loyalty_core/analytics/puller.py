"""The thread that keeps the replica fresh, and the file that it lies in."""

import os
import re
import threading
from contextlib import suppress
from pathlib import Path

import psutil

from loyalty_core.analytics.replica import Replica
from loyalty_core.analytics.source import SourceError
from loyalty_core.kernel import get_logger

CYCLE_SECONDS = 0.25
# After PostgreSQL did not answer, and after anything that nobody thought of.
AWAY_SECONDS = 1.0
FAULT_SECONDS = 5.0

_NAME = re.compile(r"replica-(?P<pid>\d+)-(?P<begun>\d+)\.duckdb")

_log = get_logger(__name__)


def replica_path(folder: Path) -> Path:
    """Return where this process's replica lies in the folder, having removed what dead processes left there."""
    for path in folder.iterdir():
        found = _NAME.match(path.name)
        if found is not None and not _lives(int(found["pid"]), int(found["begun"])):
            _remove(path)
    # A process gone on with another program, or a pid given out again, has another beginning.
    return folder / f"replica-{os.getpid()}-{_begun(os.getpid())}.duckdb"


def remove_replica(path: Path) -> None:
    """Remove the file of a replica that is closed, and what DuckDB keeps beside it."""
    for beside in path.parent.glob(f"{path.name}*"):
        _remove(beside)


def _begun(pid: int) -> int:
    return int(psutil.Process(pid).create_time() * 1000)


def _lives(pid: int, begun: int) -> bool:
    try:
        return _begun(pid) == begun
    except psutil.NoSuchProcess:
        return False


def _remove(path: Path) -> None:
    if path.is_dir():
        for child in path.iterdir():
            _remove(child)
        # Another process that starts at the same moment clears the same folder.
        with suppress(FileNotFoundError):
            path.rmdir()
    else:
        path.unlink(missing_ok=True)


class Puller:
    """Pulls every quarter of a second, in a thread of its own, until it is stopped.

    While PostgreSQL is away the replica stays as it is, and the puller asks once a second.
    """

    def __init__(self, replica: Replica, *, cycle_seconds: float = CYCLE_SECONDS) -> None:
        self._replica = replica
        self._cycle_seconds = cycle_seconds
        self._stopped = threading.Event()
        self._is_away = False
        self._thread = threading.Thread(target=self._run, name="replica-puller", daemon=True)

    def start(self) -> None:
        """Begin to pull, with the first load."""
        self._thread.start()

    def stop(self) -> None:
        """Break off the pull that is under way, then return; what it had brought is not in."""
        self._stopped.set()
        while self._thread.is_alive():
            # Again and again, for it may just have been between two statements.
            self._replica.interrupt()
            self._thread.join(0.05)

    def _run(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            pause = self._once()

    def _once(self) -> float:
        """Pull once and return how long to wait before the next time."""
        try:
            self._replica.refresh()
        except SourceError as error:
            if not self._is_away:
                _log.warning("replica_source_away", error=str(error))
            self._is_away = True
            return AWAY_SECONDS
        except Exception:
            if self._stopped.is_set():
                return 0.0
            # The charts go on with what there is; the log says why it no longer moves.
            _log.exception("replica_not_refreshed")
            return FAULT_SECONDS
        if self._is_away:
            _log.info("replica_source_back")
            self._is_away = False
        return self._cycle_seconds
