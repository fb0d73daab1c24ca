"""What the benchmarks share: a home of their own, its server, child processes, and the way figures are printed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from laurel.embedded import EmbeddedServer, create_database, derived_app_password
from laurel.migrate import migrate
from loyalty_core.kernel import PROJECT_FOLDER

LAUREL = Path(sys.executable).with_name("laurel")


class DifferentAnswersError(AssertionError):
    """Laurel and its peer did not come to the same result, so their times mean nothing."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """A scratch folder that is also LAUREL_HOME, with a migrated server that keeps its usual durability.

    `owner_url` leads to Laurel's database, `peer_url` to an empty one on the same server.
    """

    folder: Path
    owner_url: str
    peer_url: str

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of a child: this home, and compiled modules kept, as on a user's machine."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("PYTHONDONTWRITEBYTECODE", "LAUREL_DATABASE_URL")
        }
        return {
            **environment,
            "LAUREL_HOME": str(self.folder),
            "PYTHONPYCACHEPREFIX": str(self.folder / "compiled"),
            **(more or {}),
        }

    def run(
        self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None
    ) -> tuple[dict[str, Any], float]:
        """Run a command that prints one JSON object; return that and the seconds from start to exit."""
        begun = time.perf_counter()
        done = subprocess.run(
            [str(part) for part in command],
            cwd=PROJECT_FOLDER,
            env=self.environment(environment),
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - begun
        if done.returncode != 0:
            raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer, seconds


@contextmanager
def workshop() -> Iterator[Workshop]:
    """Make a workshop and take it down again, also when the benchmark is told to end."""
    folder = Path(tempfile.mkdtemp(prefix="l-", dir="/tmp"))
    server = EmbeddedServer(folder)
    # Else SIGTERM would end this process alone, and leave a server and what a benchmark started running.
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    try:
        owner_url = server.hold()
        migrate(owner_url, app_password=derived_app_password(owner_url))
        yield Workshop(folder, owner_url, create_database(owner_url, "peer"))
    finally:
        server.release()
        shutil.rmtree(folder)
        signal.signal(signal.SIGTERM, before)


def same(what: str, ours: Sequence[object], theirs: Sequence[object]) -> None:
    """Raise DifferentAnswersError, with the first difference, unless both came to the same."""
    for our, their in zip_longest(ours, theirs):
        if our != their:
            raise DifferentAnswersError(f"{what}: Laurel has {our}, its peer {their}")


def tell(job: str, ours: float, theirs: float, *, unit: str = "s", goal: float | None = None) -> None:
    """Print Laurel's figure, its peer's, and how many times as good Laurel's is: less seconds, more lines/s."""
    ratio = theirs / ours if unit == "s" else ours / theirs
    wanted = "" if goal is None else f", goal {goal:g}× {'met' if ratio >= goal else 'missed'}"
    digits = 2 if unit == "s" else 0
    print(
        f"{job}: {ours:,.{digits}f} {unit}, peer {theirs:,.{digits}f} {unit}: {ratio:.1f}×{wanted}",
        flush=True,
    )
