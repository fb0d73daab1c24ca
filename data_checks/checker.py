"""A suite in a process of its own, which imports great-expectations while the import is still parsing."""

import json
import subprocess
import sys
from types import TracebackType
from typing import Self

from sqlalchemy.exc import OperationalError

from data_checks.checks import Thresholds
from data_checks.results import ImportFacts, SuiteResult
from data_checks.runner import SuiteError, default_thresholds

# The child's exit code that says so.
DATABASE_WENT_AWAY = 3


class Checker:
    """A child process that gets ready to judge an import; start it first, ask it last.

    Importing great-expectations computes for seconds and keeps 250 MB; here that happens beside parsing and
    copying, on another core, and the memory is given back. The child ends when its answer is given, when it
    is closed, and when its parent dies.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-m", "data_checks"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_suite(
        self,
        dataset: str,
        *,
        database_url: str,
        staging_table: str,
        facts: ImportFacts,
        thresholds: Thresholds | None = None,
    ) -> SuiteResult:
        """Do as `data_checks.run_suite`, in the child. One answer per Checker.

        Raises ValueError for an unknown dataset, SuiteError when the suite could not be run, sqlalchemy's
        OperationalError when the database went away.
        """
        request = {
            "dataset": dataset,
            "database_url": database_url,
            "staging_table": staging_table,
            "facts": facts.to_json(),
            "thresholds": (thresholds or default_thresholds(dataset)).to_json(),
        }
        answer, complaint = self._child.communicate(json.dumps(request))
        if self._child.returncode == DATABASE_WENT_AWAY:
            raise OperationalError("suite", None, ConnectionError(complaint.strip()))
        if self._child.returncode != 0:
            raise SuiteError(complaint.strip() or f"the checks ended with {self._child.returncode}")
        return SuiteResult.from_json(json.loads(answer))

    def close(self) -> None:
        """End the child, whatever it is doing."""
        if self._child.poll() is None:
            self._child.kill()
        self._child.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
