"""What reading does to this process: its memory while it goes on, and whether a reader is left over."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

from loyalty_core.intake.reading import FileRefusal


@contextmanager
def peak_above_rest() -> Iterator[Callable[[], int]]:
    """Watch this process; what is yielded says how many bytes it held at most above what it held before."""
    process = psutil.Process()
    rest = most = process.memory_info().rss
    is_over = threading.Event()

    def watch() -> None:
        nonlocal most
        while not is_over.wait(0.01):
            most = max(most, process.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield lambda: most - rest
    finally:
        is_over.set()
        watcher.join()
        most = max(most, process.memory_info().rss)


def children() -> list[psutil.Process]:
    """Return the readers that still run; other tests of this process may keep children of their own."""
    found = []
    for child in psutil.Process(os.getpid()).children():
        try:
            if child.status() != psutil.STATUS_ZOMBIE and any(
                "child.main" in word for word in child.cmdline()
            ):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def refusal_of(action: Callable[[], object]) -> FileRefusal | None:
    """Do it, and return the refusal that it ended in, None where it went well."""
    try:
        action()
    except FileRefusal as refusal:
        return refusal
    return None
