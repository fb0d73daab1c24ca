"""Runs the child that reads a file, and believes nothing of it but its events."""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loyalty_core.intake.reading.child.orders import LookOrder, ReadLimits, ReadOrder, as_json
from loyalty_core.intake.reading.refusals import ReaderDiedError, refusal_of
from loyalty_core.intake.space import NoSpaceLeftError

_FOLDER = Path(__file__).parent
_START = "import sys; sys.path.insert(0, sys.argv[1]); from child.main import run; run()"
_MOST_EVENT_BYTES = 64 * 1024**2
# What Python, Rust and the C library say when the disk is full.
_SPACE_WORDS = (b"No space left on device", b"Disk quota exceeded", b"os error 28")
# And when the address space is used up; threads need some of it too.
_MEMORY_WORDS = (
    b"memory allocation",
    b"MemoryError",
    b"Cannot allocate memory",
    b"out of memory",
    b"capacity overflow",
    b"can't start new thread",
    b"Resource temporarily unavailable",
)


def run_child(task: str, order: ReadOrder | LookOrder) -> Iterator[dict[str, Any]]:
    """Yield the child's events, the last one `done`.

    Raises the FileRefusal that the child tells of, or the one that its death stands for: out of time, out of
    memory, or simply dead. The child is gone when the iterator ends, however it ends.
    """
    limits = order.limits
    deadline = time.monotonic() + limits.wall
    with tempfile.TemporaryFile() as errors:
        child = _started(errors.fileno())
        try:
            yield from _events(child, task, order, deadline)
        except _DiedError:
            errors.seek(max(errors.seek(0, os.SEEK_END) - 8192, 0))
            raise _refusal_of_death(child.wait(), errors.read(), order.file_name, limits) from None
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()


class _DiedError(Exception):
    """The child closed its end without a last word."""


def _started(errors: int) -> "subprocess.Popen[bytes]":
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "TMPDIR": tempfile.gettempdir(),
        "POLARS_MAX_THREADS": "2",
        # Each further arena of the C library takes 64 MB of the address space that is bounded.
        "MALLOC_ARENA_MAX": "2",
    }
    return subprocess.Popen(  # noqa: S603 - our own interpreter and our own program
        [sys.executable, "-I", "-c", _START, str(_FOLDER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=environment,
        close_fds=True,
        start_new_session=True,
    )


def _events(
    child: "subprocess.Popen[bytes]", task: str, order: ReadOrder | LookOrder, deadline: float
) -> Iterator[dict[str, Any]]:
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(json.dumps({"task": task, "order": as_json(order), "parent": os.getpid()}).encode())
        child.stdin.close()
    except BrokenPipeError:
        raise _DiedError from None
    descriptor = child.stdout.fileno()
    held = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                child.kill()
                raise refusal_of("timed_out", order.file_name, {"seconds": round(order.limits.wall)})
            piece = os.read(descriptor, 256 * 1024)
            if not piece:
                raise _DiedError
            *lines, held = (held + piece).split(b"\n")
            if len(held) > _MOST_EVENT_BYTES:
                raise ReaderDiedError(order.file_name, {"how": "too much to tell"})
            for line in lines:
                event: dict[str, Any] = json.loads(line)
                if event["event"] == "refused":
                    raise refusal_of(event["kind"], order.file_name, event["facts"])
                yield event
                if event["event"] == "done":
                    return


def _refusal_of_death(status: int, errors: bytes, file_name: str, limits: ReadLimits) -> Exception:
    facts: Mapping[str, Any] = {"how": f"status {status}"}
    if -status in (signal.SIGXCPU, signal.SIGKILL):
        # RLIMIT_CPU sends the first, and the second 5 s later; the kernel's own out-of-memory killer looks
        # like the second too, but the address space limit stands before it.
        return refusal_of("timed_out", file_name, {"seconds": limits.processor})
    if any(word in errors for word in _SPACE_WORDS):
        return NoSpaceLeftError(file_name)
    if any(word in errors for word in _MEMORY_WORDS) or -status == signal.SIGABRT:
        return refusal_of("over_memory", file_name, {})
    if -status == signal.SIGXFSZ:
        return refusal_of("too_big", file_name, {"size": limits.written})
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return refusal_of("reader_died", file_name, {**facts, "how": lines[-1][:200] if lines else facts["how"]})
