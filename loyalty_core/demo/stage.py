"""What every step of the demo's making stands on: the database, who acts, and when it is meant to be."""

import contextvars
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import polars as pl

from loyalty_core import access
from loyalty_core.demo import sales
from loyalty_core.demo.market import TIME_ZONE
from loyalty_core.intake import Dataset
from loyalty_core.kernel import Database, Scope, Settings, now
from loyalty_core.kernel.clock import fixed

_KEYS = UUID("6f1d2c1e-0d5b-4f8a-9a57-3c2b1f0e7d64")
_Result = TypeVar("_Result")


@dataclass
class Stage:
    """The demo that is being made. `last_day` is the last day of sales; `present` the moment of the start."""

    database: Database
    settings: Settings
    datasets: Mapping[str, Dataset]
    folder: Path
    last_day: date
    scale: float
    pool: ThreadPoolExecutor
    present: datetime = field(default_factory=now)
    _scopes: dict[str, Scope] = field(default_factory=dict)

    @cached_property
    def lines(self) -> pl.DataFrame:
        """All sales, as `sales.eighteen_months` draws them."""
        return sales.eighteen_months(self.last_day, self.scale)

    @contextmanager
    def at(self, day: date, hour: float = 10.0) -> Iterator[None]:
        """Let it be that day and hour, local time, inside the block; never later than the present."""
        with self.when(moment_of(day, hour)):
            yield

    @contextmanager
    def when(self, moment: datetime) -> Iterator[None]:
        """Let it be that moment inside the block; never later than the present."""
        with fixed(min(moment, self.present)):
            yield

    def scope_of(self, name: str) -> Scope:
        """Return what the person with this sign-in name sees, and who they are."""
        if name not in self._scopes:
            user = access.find_user(self.database, Scope.of_system("demo"), name)
            self._scopes[name] = access.scope_of_user(self.database, user.id)
        return self._scopes[name]

    def begin(
        self, action: Callable[..., _Result], *arguments: object, pool: ThreadPoolExecutor | None = None
    ) -> "Future[_Result]":
        """Do it in another thread, at the time that it is here."""
        return (pool or self.pool).submit(contextvars.copy_context().run, action, *arguments)

    def together(self, actions: Iterable[Callable[[], object]]) -> None:
        """Do all of it in the pool's threads and wait; the first error is raised when all have ended."""
        for done in [self.begin(action) for action in actions]:
            done.result()


def moment_of(day: date, hour: float) -> datetime:
    """Return the moment of a day's hour, local time."""
    return datetime.combine(day, time(), ZoneInfo(TIME_ZONE)) + timedelta(hours=hour)


def key_of(*parts: object) -> UUID:
    """Return the request key of a step: the same whenever the step is taken again."""
    return uuid5(_KEYS, ":".join(map(str, parts)))
