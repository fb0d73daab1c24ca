"""The installed `laurel` command as a person runs it: a process with a home and a folder of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LAUREL = Path(sys.executable).with_name("laurel")

ONLINE_RETAIL = """\
code: online-retail
name: Online retail
starts: 2010-12-01
ends: 2011-12-31            # inclusive; optional time_zone, else the mapping's
currency: GBP
collects: company
earns_from: sales           # may be left out: sales
rules:
  - id: base
    per: line
    award: {points: 1, per_amount: 10.00}
"""


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout; anything beside it is an error."""
        decoder = json.JSONDecoder()
        values, end = decoder.raw_decode(self.out)
        assert isinstance(values, dict)
        assert self.out[end:] == "\n", self.out
        return values


@dataclass(frozen=True)
class CommandLine:
    """A shell in a folder, with LAUREL_HOME set."""

    home: Path
    folder: Path

    def __call__(self, *words: str | Path, stdin: str = "") -> Answer:
        """Run `laurel` with the words and return its answer."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("LAUREL_", "PYTEST_"))
        }
        done = subprocess.run(
            [LAUREL, *words],
            cwd=self.folder,
            env=environment | {"LAUREL_HOME": str(self.home)},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)

    def in_folder(self, folder: Path) -> "CommandLine":
        """Return the same home seen from another folder."""
        return CommandLine(self.home, folder)
