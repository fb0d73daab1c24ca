"""HTTP connections that don't stay open for a request that never comes whole.

uvicorn waits for ever for the end of a request's headers. Here a connection that has not sent them in time is
closed, the first request of a connection and every later one alike.
"""

import asyncio
from collections import Counter
from typing import ClassVar

from h11 import IDLE
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 20.0
WAITING_PER_ADDRESS = 500


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP protocol with a time for headers, and a number of connections that may wait for them."""

    header_seconds: ClassVar[float] = HEADER_SECONDS
    waiting_per_address: ClassVar[int] = WAITING_PER_ADDRESS
    _waiting: ClassVar[Counter[str]] = Counter()

    _header_timer: asyncio.TimerHandle | None = None
    _waits_at: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for headers; a connection too many from one address is closed at once."""
        super().connection_made(transport)
        self._wait()
        if self._waits_at is not None and self._waiting[self._waits_at] > self.waiting_per_address:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes in, and see whether headers are still missing after them."""
        super().data_received(data)
        if self.transport.get_protocol() is not self or self.conn.their_state is not IDLE:
            self._stop_waiting()
        elif self._header_timer is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._header_timer = self.loop.call_later(self.header_seconds, self.transport.abort)
        self._waits_at = self.client[0] if self.client else ""
        self._waiting[self._waits_at] += 1

    def _stop_waiting(self) -> None:
        if self._header_timer is None or self._waits_at is None:
            return
        self._header_timer.cancel()
        self._header_timer = None
        self._waiting[self._waits_at] -= 1
        if not self._waiting[self._waits_at]:
            del self._waiting[self._waits_at]
