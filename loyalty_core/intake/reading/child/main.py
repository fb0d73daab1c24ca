"""Where the child begins: limits first, then the order from stdin."""

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

from .orders import FileRefused, LookOrder, ReadLimits, ReadOrder, Reporter

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, linux/prctl.h


def run() -> None:
    """Take one order, carry it out, tell how it went. Exit status 0 also when the file was refused."""
    order = json.loads(sys.stdin.buffer.read())
    values: dict[str, Any] = order["order"]
    _bound(ReadLimits(**values["limits"]), order["parent"])
    reporter = Reporter()
    try:
        if order["task"] == "read":
            result = _read(ReadOrder.from_json(values), reporter)
        elif order["task"] == "preview":
            from .look import preview

            result = preview(LookOrder.from_json(values))
        else:
            from .look import tell_rows

            result = tell_rows(LookOrder.from_json(values), reporter)
    except FileRefused as refused:
        reporter.tell("refused", kind=refused.kind, facts=refused.facts)
    except MemoryError:
        reporter.tell("refused", kind="over_memory", facts={})
    else:
        reporter.tell("done", **result)


def _read(order: ReadOrder, reporter: Reporter) -> dict[str, Any]:
    from .kinds import FileFormat, format_of

    reporter.progress("looking", 0, 0.0)
    file_format = format_of(Path(order.path), order.file_name)
    if file_format is FileFormat.CSV:
        from .csv_reader import read_csv

        return read_csv(order, reporter)
    from .workbook_reader import read_workbook

    return read_workbook(order, file_format, reporter)


def _come_after_as_the_parent_does() -> None:
    """Give this session the niceness that the process has inherited, for where Linux counts that of sessions first."""
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    if niceness <= 0:
        return
    for _try in range(5):
        try:
            Path("/proc/self/autogroup").write_text(str(niceness))
        except BlockingIOError:
            # Ten are allowed in a second, to all who are not root.
            time.sleep(0.1)
        except OSError:
            # There is no such file, or it may not be written to: the niceness of the process is all there is.
            return
        else:
            return


def _bound(limits: ReadLimits, parent: int) -> None:
    """Take the limits on, before anything of the file is touched."""
    os.umask(0o077)
    _come_after_as_the_parent_does()
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.written, limits.written))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.processor, limits.processor + 5))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        # The parent died before it could take the child along.
        sys.exit(1)
