"""Tells where a running import is: to its row for people, to a log for whoever must know exactly."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from loyalty_core.intake import store
from loyalty_core.intake.states import Phase
from loyalty_core.kernel import Database, Scope, get_logger, now

PHASE_LOG_VARIABLE = "LAUREL_PHASE_LOG"
_SECONDS_BETWEEN_UPDATES = 0.5

_log = get_logger(__name__)


class CancelAskedError(Exception):
    """Somebody asked to cancel the import while it ran."""


class Phases:
    """The phases of one run of an import; whoever enters or shows one learns there that it is to be cancelled.

    Each start and end is logged, and written as a JSON line to the file that LAUREL_PHASE_LOG names, if any.
    """

    def __init__(self, database: Database, import_id: UUID) -> None:
        self._database = database
        self._import_id = import_id
        self._updated = 0.0
        path = os.environ.get(PHASE_LOG_VARIABLE)
        self._path = Path(path) if path else None

    def start(self, phase: Phase) -> None:
        """Enter a phase, and show it. Raises CancelAskedError, with the phase not entered."""
        self._check()
        self._tell(phase, "start")
        self._show(phase, 0, phase_started_at=now())

    def end(self, phase: Phase) -> None:
        """Leave a phase."""
        self._tell(phase, "end")

    @contextmanager
    def during(self, phase: Phase) -> Iterator[None]:
        """Enter the phase, and leave it at the end of the block; after an exception it has no end."""
        self.start(phase)
        yield
        self.end(phase)

    def tell_commit(self, at: str) -> None:
        """Tell of the commit, which no other transaction may wait beside."""
        self._tell(Phase.COMMIT, at)

    def show_rows(self, phase: Phase, rows: int, *, expected: int | None = None) -> None:
        """Show how many rows the phase has done, of how many if that is known, twice a second at most.

        Raises CancelAskedError.
        """
        if time.monotonic() - self._updated >= _SECONDS_BETWEEN_UPDATES:
            self._check()
            self._show(phase, rows, **({} if expected is None else {"rows_expected": expected}))

    def show_expected(self, rows: int) -> None:
        """Show how many rows the file has, now that it is known."""
        with self._database.transaction(Scope.of_system("import progress")) as connection:
            store.update_import(connection, self._import_id, rows_expected=rows)

    def _check(self) -> None:
        with self._database.transaction(Scope.of_system("import progress")) as connection:
            if store.import_by_id(connection, self._import_id).cancel_asked_at is not None:
                raise CancelAskedError

    def _show(self, phase: Phase, rows: int, **changes: Any) -> None:
        self._updated = time.monotonic()
        with self._database.transaction(Scope.of_system("import progress")) as connection:
            store.update_import(connection, self._import_id, phase=phase.value, phase_rows=rows, **changes)

    def _tell(self, phase: Phase, at: str) -> None:
        _log.info("import_phase", phase=phase.value, at=at, import_id=str(self._import_id))
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(
                    json.dumps({"phase": phase.value, "at": at, "import": str(self._import_id)}) + "\n"
                )
