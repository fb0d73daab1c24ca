"""What one person or address can make this process hold: sockets, bodies that come slowly, bodies at all."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.types import Message, Receive, Scope

# A body must begin, and go on, within so many seconds, and come at so many bytes a second on average.
BODY_SECONDS = 20.0
BODY_BYTES_A_SECOND = 4 * 1024
# Bodies of routes that don't stream to disk are small documents.
LARGEST_DOCUMENT = 64 * 1024


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """How many sockets may be open at once; a tab of a browser is one."""

    per_user: int = 40
    per_address: int = 1_000
    anonymous_per_address: int = 200


class Places:
    """Counts what is held under each key. Used from the event loop's thread alone."""

    def __init__(self) -> None:
        self._taken: Counter[object] = Counter()

    @contextmanager
    def take(self, wanted: Iterable[tuple[object, int]]) -> Iterator[bool]:
        """Take a place under every key for the block, or under none; yield whether all had one left.

        `wanted` pairs each key with how many places it has.
        """
        pairs = list(wanted)
        free = all(self._taken[key] < places for key, places in pairs)
        if free:
            self._taken.update(key for key, _places in pairs)
        try:
            yield free
        finally:
            if free:
                for key, _places in pairs:
                    self._taken[key] -= 1
                    if not self._taken[key]:
                        del self._taken[key]


def address_of(scope: Scope) -> str:
    """Return the address the request came from; behind a proxy that isn't trusted, the proxy's."""
    client = scope.get("client")
    return client[0] if client else ""


class BodyTooSlowError(Exception):
    """The body of a request stopped coming."""


class BodyTooLargeError(Exception):
    """The body of a request is larger than any document may be."""


class PatientBody:
    """Receives a request's body for as long as it keeps coming; afterwards the browser seems gone."""

    def __init__(
        self, receive: Receive, *, seconds: float = BODY_SECONDS, bytes_a_second: float = BODY_BYTES_A_SECOND
    ) -> None:
        self._receive = receive
        self._seconds = seconds
        self._bytes_a_second = bytes_a_second
        # Only waiting counts: how long the application takes over what came is not the browser's doing.
        self._waited = 0.0
        self._received = 0
        self._is_whole = False
        self.gave_up = False

    async def receive(self) -> Message:
        """Return the next message; `http.disconnect` once the body came too slowly."""
        if self.gave_up:
            return {"type": "http.disconnect"}
        if self._is_whole:
            return await self._receive()
        allowed = self._seconds + self._received / self._bytes_a_second - self._waited
        began = time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.01, min(self._seconds, allowed)))
        except TimeoutError:
            self.gave_up = True
            return {"type": "http.disconnect"}
        self._waited += time.monotonic() - began
        self._received += len(message.get("body", b""))
        self._is_whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def document(self, limit: int = LARGEST_DOCUMENT) -> bytes | None:
        """Return the whole body, or None where the browser left. Raises BodyTooSlowError, BodyTooLargeError."""
        parts = bytearray()
        while True:
            message = await self.receive()
            if self.gave_up:
                raise BodyTooSlowError
            if message["type"] != "http.request":
                return None
            parts += message.get("body", b"")
            if len(parts) > limit:
                raise BodyTooLargeError
            if not message.get("more_body", False):
                return bytes(parts)


def announced_length(scope: Scope) -> float:
    """Return the body's bytes as its header says; infinity where it is sent in chunks, 0 where there is none."""
    headers = {name.lower(): value for name, value in scope["headers"]}
    if b"transfer-encoding" in headers:
        return math.inf
    length = headers.get(b"content-length", b"")
    return int(length) if length.isdigit() else 0
