"""Part files, written by as many threads as there are parts."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import polars as pl

from .orders import FileRefused


class PartWriter:
    """Turns pieces of a file into canonical rows and appends them to `part-0.csv`, `part-1.csv`, …

    Each thread owns a part. Only as many pieces as there are threads, and one more, are in memory at a time.
    """

    def __init__(self, folder: Path, part_count: int, max_rows: int) -> None:
        self.paths = [folder / f"part-{number}.csv" for number in range(part_count)]
        self.rows = 0
        self._max_rows = max_rows
        self._pool = ThreadPoolExecutor(part_count)
        self._free: list[BinaryIO] = [path.open("wb") for path in self.paths]
        self._files = list(self._free)
        self._running: set[Future[tuple[int, BinaryIO]]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._pool.shutdown(wait=True, cancel_futures=True)
        finally:
            for file in self._files:
                file.close()

    def submit(self, make: Callable[[], pl.DataFrame]) -> None:
        """Make a frame in a thread and append it to a part; waits while every part is busy."""
        if not self._free:
            self._collect()
        file = self._free.pop()
        self._running.add(self._pool.submit(self._write, make, file))

    def finish(self) -> None:
        """Wait until everything is written."""
        while self._running:
            self._collect()

    def _collect(self) -> None:
        done, self._running = wait(self._running, return_when=FIRST_COMPLETED)
        for future in done:
            rows, file = future.result()
            self.rows += rows
            self._free.append(file)
        if self.rows > self._max_rows:
            raise FileRefused("too_many_rows", most=self._max_rows)

    @staticmethod
    def _write(make: Callable[[], pl.DataFrame], file: BinaryIO) -> tuple[int, BinaryIO]:
        frame = make()
        frame.write_csv(file, include_header=False, null_value="", quote_style="necessary")
        return frame.height, file
