"""Real processes that are killed in the middle of an import, and what stands in the database afterwards."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.phase_log import PhaseLog
from laurel.embedded import embedded_server
from loyalty_core.kernel import PROJECT_FOLDER
from tests.server.homes import fast_server, fresh_home

LAUREL = Path(sys.executable).with_name("laurel")
PROGRAMME = """\
code: faults
name: Faults
starts: 2024-01-01
ends: 2024-12-31
currency: GBP
collects: company
rules:
  - id: base
    per: line
    award: {points: 1, per_amount: 10.00}
"""
_PATIENCE = 240.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in an import: `seconds` after a phase was seen to start or end."""

    phase: str
    at: str = "start"
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.phase}-{self.at}-{self.seconds:g}"


@dataclass(slots=True)
class Home:
    """A LAUREL_HOME with commands run against it."""

    folder: Path

    @property
    def phase_log(self) -> Path:
        """Where this home's imports tell of their phases."""
        return self.folder / "phases.jsonl"

    def environment(self) -> dict[str, str]:
        """Return the environment of every process of this home."""
        return {
            **{name: value for name, value in os.environ.items() if name != "LAUREL_DATABASE_URL"},
            "LAUREL_HOME": str(self.folder),
            "LAUREL_PHASE_LOG": str(self.phase_log),
        }

    def start(self, *arguments: str | Path) -> "subprocess.Popen[str]":
        """Start `laurel` with these arguments."""
        return subprocess.Popen(
            [str(LAUREL), *(str(one) for one in arguments)],
            cwd=PROJECT_FOLDER,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start_worker(self, app_url: str) -> "subprocess.Popen[str]":
        """Start a worker on the home's database; its log goes to a file beside."""
        with (self.folder / "worker.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "laurel.worker"],
                cwd=PROJECT_FOLDER,
                env={**self.environment(), "LAUREL_APP_URL": app_url},
                stdout=log,
                stderr=log,
                text=True,
            )

    def laurel(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run `laurel` with these arguments to its end."""
        process = self.start(*arguments)
        answer, complaint = process.communicate(timeout=_PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, answer, complaint)

    def answer(self, *arguments: str | Path) -> dict[str, Any]:
        """Run `laurel … --json`, which must succeed, and return its object."""
        done = self.laurel(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@contextmanager
def running_home() -> Iterator[Home]:
    """A home whose server runs and has the programme."""
    with fresh_home() as folder:
        server = fast_server(folder)
        server.hold()
        try:
            made = Home(folder)
            document = folder / "faults.yaml"
            document.write_text(PROGRAMME)
            made.answer("programme", "apply", document)
            yield made
        finally:
            server.release()


def settled(home: Home) -> dict[str, object]:
    """Settle, see that the books are right, and return the settlement without its time."""
    answer = home.answer("settle", "--programme", "faults")
    books = home.answer("check-books")
    assert books["ok"], books
    del answer["seconds"]
    return answer


def import_of(path: Path) -> tuple[str | Path, ...]:
    """Return the arguments that import a generated file."""
    return ("import", path, "--dataset", "sales", "--mapping", "online-retail", "--create-missing")


def wait_for(moment: Moment, log: PhaseLog, process: "subprocess.Popen[str]") -> None:
    """Return when the import has come to the moment; fail when it ended or stood still before."""
    deadline = time.monotonic() + _PATIENCE
    while not any((event.phase, event.at) == (moment.phase, moment.at) for event in log.events):
        assert process.poll() is None, f"ended before {moment}: {process.communicate()}"
        assert time.monotonic() < deadline, f"never came to {moment}"
        time.sleep(0.001)
    time.sleep(moment.seconds)


def was_killed_in(moment: Moment, log: PhaseLog) -> bool:
    """Whether the last phase that the log tells of is the moment's, and as far as the moment says."""
    return (log.events[-1].phase, log.events[-1].at) == (moment.phase, moment.at)


@dataclass(frozen=True, slots=True)
class Books:
    """What an import left: counts, sums and whether anything stands twice."""

    lines: int
    net_minor: int
    quarantined: int
    imports: dict[str, int]
    staging_tables: int

    @classmethod
    def of(cls, home: Home) -> "Books":
        """Read them from the home's database, past row security."""
        with embedded_server(home.folder) as url, psycopg.connect(url) as connection:

            def one(statement: str) -> Any:
                row = connection.execute(statement).fetchone()
                assert row is not None
                return row[0]

            return cls(
                lines=one("select count(*) from sales_line"),
                net_minor=int(one("select coalesce(sum(amount_minor), 0) from sales_line")),
                quarantined=one("select count(*) from quarantined_row"),
                imports=dict(
                    connection.execute("select state, count(*) from file_import group by state").fetchall()
                ),
                staging_tables=one(
                    "select count(*) from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
                    " where nspname = 'staging' and relkind = 'r'"
                ),
            )
