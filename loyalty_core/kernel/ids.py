"""Identifiers: UUIDv7, made here because PostgreSQL makes them from version 18 only."""

import os
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last_ms = 0
_counter = 0


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562, section 5.7) greater than every earlier one of this process.

    The 12 bits after the version count within one millisecond (section 6.2, method 1); when they run out the
    time stamp moves ahead by one.
    """
    global _last_ms, _counter
    with _lock:
        now_ms = time.time_ns() // 1_000_000
        if now_ms > _last_ms:
            _last_ms, _counter = now_ms, 0
        else:
            _counter += 1
            if _counter > 0xFFF:
                _last_ms, _counter = _last_ms + 1, 0
        stamp, count = _last_ms, _counter
    tail = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return UUID(int=(stamp << 80) | (0x7 << 76) | (count << 64) | (0b10 << 62) | tail)
