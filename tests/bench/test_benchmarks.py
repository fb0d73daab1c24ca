"""Benchmarks rot unless they run: each does here, small, as `make bench ARGS=--small` runs them all."""

import ast
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from bench.__main__ import BENCHMARKS
from loyalty_core.kernel import PROJECT_FOLDER


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_small_benchmark_runs_to_its_end_with_the_results_of_its_peer(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", name, "--small"],
        cwd=PROJECT_FOLDER,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_every_benchmark_is_one_of_those_that_make_bench_runs() -> None:
    # What a benchmark starts as a process of its own takes no arguments but those of the command line.
    mains = {
        f"bench.{path.stem}"
        for path in (PROJECT_FOLDER / "bench").glob("[!_]*.py")
        for one in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(one, ast.FunctionDef) and one.name == "main" and one.args.args
    }
    assert mains == {one.main.__module__ for one in BENCHMARKS.values()}


def test_a_benchmark_that_is_not_there_is_refused_by_name() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "nonsense"],
        cwd=PROJECT_FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no benchmark nonsense" in done.stderr


@pytest.mark.slow
def test_a_benchmark_that_is_told_to_end_leaves_no_process_and_no_folder() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "pages", "--small"],
        cwd=PROJECT_FOLDER,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    started: dict[int, psutil.Process] = {}
    homes: set[str] = set()
    has_worker = False
    deadline = time.monotonic() + 120
    while not has_worker:
        assert time.monotonic() < deadline
        assert process.poll() is None
        for one in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                started[one.pid] = one
                homes.add(one.environ().get("LAUREL_HOME", ""))
                has_worker |= "laurel.worker" in one.cmdline()
        time.sleep(0.1)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    homes.discard("")
    assert len(homes) == 1
    assert not Path(homes.pop()).exists()
    assert not psutil.wait_procs(list(started.values()), timeout=10)[1]
