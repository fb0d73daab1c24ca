"""Follows the phase log that a running import writes."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

_SECONDS_BETWEEN_LOOKS = 0.002


@dataclass(frozen=True, slots=True)
class PhaseEvent:
    """A phase began or ended (`at` is "start" or "end"); `seen` is this machine's monotonic clock, seconds."""

    phase: str
    at: str
    import_id: str
    seen: float


class PhaseLog:
    """The events of a log, as they are written, each with the moment it was seen (2 ms late at most)."""

    def __init__(self, path: Path) -> None:
        self.events: list[PhaseEvent] = []
        self._path = path
        path.touch()
        self._follows = True
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._follows = False
        self._thread.join()

    def seconds(self) -> dict[str, float]:
        """Return how long each phase that ended took, in order."""
        began: dict[str, float] = {}
        took: dict[str, float] = {}
        for event in self.events:
            if event.at == "start":
                began[event.phase] = event.seen
            else:
                took[event.phase] = took.get(event.phase, 0.0) + event.seen - began[event.phase]
        return took

    def _follow(self) -> None:
        with self._path.open(encoding="utf-8") as file:
            for line in self._lines(file):
                document = json.loads(line)
                self.events.append(
                    PhaseEvent(document["phase"], document["at"], document["import"], time.monotonic())
                )

    def _lines(self, file: TextIO) -> Iterator[str]:
        rest = ""
        while True:
            is_last_look = not self._follows
            # A line may be read while it is still being written.
            for part in iter(file.readline, ""):
                rest += part
                if rest.endswith("\n"):
                    yield rest
                    rest = ""
            if is_last_look:
                return
            time.sleep(_SECONDS_BETWEEN_LOOKS)
