"""A running web process on a database of its own, as a fixture: import `web` into a conftest."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from loyalty_core.kernel import PROJECT_FOLDER, Database
from tests.databases import TestServer, database_of


@dataclass(frozen=True)
class RunningWeb:
    """A web process: where it answers, and the database and files behind it."""

    address: str
    database: Database
    home: Path
    log: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def web(server: TestServer) -> Iterator[RunningWeb]:
    """`python -m laurel.web` on a fresh migrated database, for the tests of one module."""
    owner_url = server.new_database()
    home = Path(tempfile.mkdtemp(prefix="l-", dir="/tmp"))
    database = database_of(owner_url)
    try:
        with web_over(database, home) as running:
            yield running
    finally:
        database.close()
        server.drop_database(owner_url)
        shutil.rmtree(home)


@contextmanager
def web_over(database: Database, home: Path) -> Iterator[RunningWeb]:
    """Run `python -m laurel.web` on the database and the files of `home` inside the block."""
    port = free_port()
    log = home / "web.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "laurel.web", "--port", str(port)],
            cwd=PROJECT_FOLDER,
            env={**os.environ, "LAUREL_APP_URL": database.app_url, "LAUREL_HOME": str(home)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(process, address, log)
        yield RunningWeb(address, database, home, log)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    """Wait until the web process serves; raises AssertionError with the end of its log when it does not."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{address}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"the web process did not become ready:\n{log.read_text()[-4000:]}")
