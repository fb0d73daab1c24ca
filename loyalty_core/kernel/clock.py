"""The one place that asks what time it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_fixed: ContextVar[datetime | None] = ContextVar("laurel_fixed_time", default=None)


def now() -> datetime:
    """Return the current time, timezone-aware, in UTC."""
    return _fixed.get() or datetime.now(UTC)


@contextmanager
def fixed(moment: datetime) -> Iterator[None]:
    """Let `now` answer `moment` inside the block; for tests. Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError("a fixed time needs a time zone")
    token = _fixed.set(moment)
    try:
        yield
    finally:
        _fixed.reset(token)
