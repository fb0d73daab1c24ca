"""The database and settings of this process, for code that nobody hands them to: pages and routes."""

from dataclasses import dataclass

from loyalty_core.kernel.database import Database
from loyalty_core.kernel.settings import Settings


@dataclass(frozen=True, slots=True)
class Runtime:
    """What one process works with."""

    database: Database
    settings: Settings


_current: Runtime | None = None


def use_runtime(runtime: Runtime | None) -> None:
    """Make this the process's runtime. Called once at start, and by tests; None takes it away."""
    global _current
    _current = runtime


def current_runtime() -> Runtime:
    """Return the process's runtime. Raises RuntimeError before `use_runtime`."""
    if _current is None:
        raise RuntimeError("no database yet: call use_runtime at the start of the process")
    return _current


def current_database() -> Database:
    """Return the process's database. Raises RuntimeError before `use_runtime`."""
    return current_runtime().database
