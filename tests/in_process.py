"""Asks the routes of this process, without a server."""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import anyio
import httpx


def answered(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Return what `ask` is answered.

    In a thread of its own: while a browser is open, its driver keeps an event loop running in the test's.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(anyio.run, ask).result()
