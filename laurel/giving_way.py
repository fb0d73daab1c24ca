"""What the worker has computed comes after people: the readers of files, and PostgreSQL's processes that work for it.

Niceness alone does not do that. Where `kernel.sched_autogroup_enabled` is set, as Linux has it, processors are shared
out among sessions first, and niceness counts only inside one; each reader and each of PostgreSQL's processes is a
session of its own, so that a single import had five shares where the web server had one. A session's own niceness
lies in `/proc/PID/autogroup`, which exists on Linux only. On a machine where nothing else wants to run none of this
costs an import anything.

The worker's own process stays as it is: it computes little, and on a busy machine it has to tell in time that it lives.
"""

import asyncio
import os
import socket
import struct
import threading
from pathlib import Path
from typing import Any

import psutil
import psycopg

from loyalty_core.kernel import get_logger

NICENESS = 10
"""How far behind, from 0 to 19. At 10 a process weighs a ninth of one at 0."""

# What libpq calls each connection of this process and its children, unless they say otherwise.
APPLICATION_NAME = "laurel worker"
_LOOK_SECONDS = 0.1
_IDLE_LOOK_SECONDS = 0.5

# Processes that compute for another one's query carry its name too.
_OURS = (
    "select pid, state <> 'idle' from pg_stat_activity"
    " where application_name = %s and datname = current_database()"
)
# struct ucred: pid, uid, gid.
_PEER = struct.Struct("3i")

_log = get_logger(__name__)


def have_this_thread_give_way() -> None:
    """Let the calling thread come after others of its session; the children that it starts take over how far."""
    thread = threading.get_native_id()
    if os.getpriority(os.PRIO_PROCESS, thread) < NICENESS:
        os.setpriority(os.PRIO_PROCESS, thread, NICENESS)


def give_way(pid: int) -> bool:
    """Let a process have only what others leave, and its session too where it leads one; false: try again.

    A session's niceness may be set ten times a second on the whole machine, by whoever is not root.
    Raises ProcessLookupError when the process has ended, PermissionError when it is another user's.
    """
    if os.getpriority(os.PRIO_PROCESS, pid) < NICENESS:
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
    if os.getsid(pid) != pid:
        # The session holds others' processes, the web server's perhaps.
        return True
    try:
        Path(f"/proc/{pid}/autogroup").write_text(str(NICENESS))
    except BlockingIOError:
        return False
    except ProcessLookupError:
        raise
    except OSError:
        # There is no such file, or it may not be written to: niceness alone then.
        return True
    return True


def postmaster_here(connection: "psycopg.AsyncConnection[Any]") -> int | None:
    """Return the pid of the server at the other end, or None where it runs elsewhere or under other pids."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    with socket.socket(fileno=os.dup(connection.fileno())) as end:
        if end.family != socket.AF_UNIX:
            return None
        pid: int = _PEER.unpack(end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))[0]
    try:
        is_parent = psutil.Process(connection.info.backend_pid).ppid() == pid
    except psutil.NoSuchProcess:
        return None
    return pid if is_parent else None


class DatabaseGivesWay:
    """Looks for the server's processes that work for this one, ten times a second while there are any.

    A server that is not on this machine, or is another user's, is left as it is.
    """

    def __init__(self, app_url: str) -> None:
        self._app_url = app_url
        self._held: set[int] = set()

    async def run(self) -> None:
        """Go on until cancelled. Raises psycopg.OperationalError when the connection breaks."""
        connection = await psycopg.AsyncConnection.connect(
            self._app_url, autocommit=True, application_name=f"{APPLICATION_NAME} giving way"
        )
        async with connection:
            if (postmaster := postmaster_here(connection)) is None:
                reason = "it is not on this machine"
            else:
                reason = await self._look_as_long_as_allowed(connection, postmaster)
        _log.info("worker.database_does_not_give_way", reason=reason)
        await asyncio.Event().wait()

    async def _look_as_long_as_allowed(
        self, connection: "psycopg.AsyncConnection[Any]", postmaster: int
    ) -> str:
        while True:
            try:
                is_busy = await self._look(connection, postmaster)
            except PermissionError as error:
                return str(error)
            await asyncio.sleep(_LOOK_SECONDS if is_busy else _IDLE_LOOK_SECONDS)

    async def _look(self, connection: "psycopg.AsyncConnection[Any]", postmaster: int) -> bool:
        """Hold back what has come since the last look, and return whether anything works for us now."""
        cursor = await connection.execute(_OURS, [APPLICATION_NAME])
        found: dict[int, bool] = dict(await cursor.fetchall())
        self._held &= found.keys()
        for pid in found.keys() - self._held:
            try:
                if psutil.Process(pid).ppid() == postmaster and give_way(pid):
                    self._held.add(pid)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue  # It ended since it was named.
        return any(found.values())
