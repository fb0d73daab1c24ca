"""How fast pages rerun, alone and while files come in.

    python -m bench.pages --rows 200000 --files 10 --people 100 --think 10 --seconds 30

A web process and a worker run as they do in production. Each of `--people` sits at a socket of their own and reruns
one page after the other, as a browser asks for them, with `--think` seconds between two, for `--seconds`: first with
nothing else going on, then while the worker takes in `--files` files at once. The peer of the second figure is the
first, of the same run. After that each page is rerun alone, `--each` seconds long.
"""

import argparse
import csv
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.generate import write_csv
from bench.workshop import LAUREL, Workshop, workshop
from laurel.embedded import app_url
from laurel.registers import DATASETS
from loyalty_core import access, intake
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.intake import ImportState
from loyalty_core.kernel import PROJECT_FOLDER, Database, Scope, Settings, new_id
from tests.running_web import free_port, wait_until_ready
from ui import registry

_COMMAND_LINE = Scope.of_command_line()
_PASSWORD = "olive tram quartz 9"
_GOAL_MS = 150
_GOAL_WHILE_FILES_COME_IN_MS = 400
_PATIENCE_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many people rerun pages at once, and how long each looks at one before the next."""

    people: int
    think_seconds: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="bench.pages")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--think", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--each", type=float, default=1.0)
    parser.add_argument("--hold-nothing-back", action="store_true", help="a worker that does not give way")
    options = parser.parse_args(arguments)
    with workshop() as place:
        first = write_csv(place.folder / "first.csv", options.rows, bad_share=0.01)
        place.run(
            [
                LAUREL,
                "import",
                first,
                *["--dataset", "sales", "--mapping", "online-retail", "--create-missing", "--json"],
            ]
        )
        database = Database(app_url(place.owner_url))
        try:
            token = _signed_in(database)
            files = [_another(first, number) for number in range(options.files)]
            with _running(place, gives_way=not options.hold_nothing_back) as address:
                crowd = Crowd(options.people, options.think)
                _measure(database, place, address, token, files, crowd, options.seconds)
                _one_by_one(address, token, options.each)
        finally:
            database.close()


def _measure(
    database: Database,
    place: Workshop,
    address: str,
    token: str,
    files: Sequence[Path],
    crowd: Crowd,
    seconds: float,
) -> None:
    keys = _keys()
    with _socket(address, token) as socket:
        for key in keys:
            _rerun(socket, key)
    print(f"{crowd.people} people who look at each page for {crowd.think_seconds:g} s")
    alone = _sit(address, token, keys, crowd, seconds)
    _tell("pages alone", alone, _GOAL_MS)
    begun = time.perf_counter()
    ids = _hand_in(database, place, files)
    still_running = threading.Event()
    waiting = threading.Thread(target=_wait_for, args=(database, ids, still_running))
    waiting.start()
    during = _sit(address, token, keys, crowd, None, until=still_running)
    waiting.join()
    lines = sum(_accepted(database, one) for one in ids)
    _tell(f"pages while {len(files)} files come in", during, _GOAL_WHILE_FILES_COME_IN_MS)
    print(
        f"    {lines:,} lines taken in within {time.perf_counter() - begun:.1f} s;"
        f" p95 is {_percentile(during, 0.95) / _percentile(alone, 0.95):.1f}× what it is alone"
    )


def _keys() -> list[str]:
    return [entry.key for entry in registry.pages() if not entry.is_record]


def _one_by_one(address: str, token: str, seconds: float) -> None:
    """Rerun each page alone, for so many seconds after a first time that doesn't count, and print how fast it is."""
    with _socket(address, token) as socket:
        for key in _keys():
            _rerun(socket, key)
            times: list[float] = []
            ends = time.perf_counter() + seconds
            while not times or time.perf_counter() < ends:
                times.append(_rerun(socket, key))
            p95 = _percentile(times, 0.95) * 1000
            print(f"    {key}: {1 / statistics.mean(times):.1f} reruns a second, p95 {p95:.0f} ms")


def _tell(what: str, times: Sequence[float], goal_ms: int) -> None:
    p50, p95 = (_percentile(times, share) * 1000 for share in (0.5, 0.95))
    verdict = "met" if p95 <= goal_ms else "missed"
    print(
        f"{what}: {len(times):,} reruns, p50 {p50:.0f} ms, p95 {p95:.0f} ms, goal {goal_ms} ms {verdict}",
        flush=True,
    )


def _percentile(times: Sequence[float], share: float) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _signed_in(database: Database) -> str:
    access.create_user(
        database,
        _COMMAND_LINE,
        name="vera",
        display_name="Vera",
        password=_PASSWORD,
        roles=[Role.ADMIN],
        grants=frozenset({ScopeGrant(ScopeKind.EVERYTHING)}),
    )
    attempt = access.begin_sign_in(database, name="vera", address="192.0.2.1")
    ticket = access.issue_ticket(database, attempt, visit="bench")
    return access.redeem_ticket(database, ticket, visit="bench")


def _another(first: Path, number: int) -> Path:
    """Write the same sales under other invoice numbers."""
    path = first.with_name(f"more-{number}.csv")
    with (
        first.open(newline="", encoding="utf-8") as source,
        path.open("w", newline="", encoding="utf-8") as target,
    ):
        rows = csv.DictReader(source)
        assert rows.fieldnames is not None
        writer = csv.DictWriter(target, rows.fieldnames)
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, "InvoiceNo": f"{row['InvoiceNo']}-{number}"})
    return path


@contextmanager
def _running(place: Workshop, *, gives_way: bool) -> Iterator[str]:
    """Run the web process and the worker, and yield the address."""
    port = free_port()
    # The crowd sits at the sockets of one user.
    sockets = {"LAUREL_SOCKETS_PER_USER": "10000", "LAUREL_SOCKETS_PER_ADDRESS": "10000"}
    environment = place.environment({"LAUREL_APP_URL": app_url(place.owner_url), **sockets})
    log = place.folder / "processes.log"
    with log.open("wb") as output:
        children = [
            subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=PROJECT_FOLDER,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                # As the supervisor starts them: the scheduler may share the processor out by session.
                start_new_session=True,
            )
            for command in (
                ["laurel.web", "--port", str(port)],
                ["laurel.worker", *(["--give-way"] if gives_way else [])],
            )
        ]
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(children[0], address, log)
        # Once ready, the replica still pulls the lines that are there.
        httpx.get(f"{address}/readyz", timeout=30)
        yield address
    finally:
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@contextmanager
def _socket(address: str, token: str) -> Iterator[ClientConnection]:
    with connect(
        f"ws{address[4:]}/_stcore/stream",
        subprotocols=[Subprotocol("streamlit")],
        additional_headers=[("cookie", f"laurel_session={token}"), ("origin", address)],
        max_size=None,
        open_timeout=60,
    ) as socket:
        yield socket


def _rerun(socket: ClientConnection, page: str) -> float:
    """Ask for a page as the browser does when it is opened, and return the seconds until it is drawn."""
    message = BackMsg()
    message.rerun_script.query_string = ""
    message.rerun_script.page_name = page
    begun = time.perf_counter()
    socket.send(message.SerializeToString())
    while True:
        answer = ForwardMsg.FromString(socket.recv(timeout=120, decode=False))
        kind = answer.WhichOneof("type")
        if kind == "delta" and answer.delta.new_element.WhichOneof("type") == "exception":
            raise RuntimeError(f"{page} ends with {answer.delta.new_element.exception.message}")
        if kind == "script_finished":
            return time.perf_counter() - begun


def _sit(
    address: str,
    token: str,
    keys: Sequence[str],
    crowd: Crowd,
    seconds: float | None,
    *,
    until: threading.Event | None = None,
) -> list[float]:
    """Let people rerun pages, each at a socket and place of their own, and return how long every rerun took."""
    times: list[float] = []
    ends = None if seconds is None else time.perf_counter() + seconds
    stops = until or threading.Event()

    def one(number: int) -> None:
        own = []
        place = number * len(keys) // crowd.people
        with _socket(address, token) as socket:
            # Not all at once: whoever thinks long comes at a moment of their own.
            stops.wait(crowd.think_seconds * number / crowd.people)
            while not stops.is_set() and (ends is None or time.perf_counter() < ends):
                own.append(_rerun(socket, keys[place % len(keys)]))
                place += 1
                stops.wait(crowd.think_seconds)
        times.extend(own)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(crowd.people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def _hand_in(database: Database, place: Workshop, files: Sequence[Path]) -> list[UUID]:
    settings = Settings(home=place.folder, database_url=None)
    ids: list[UUID] = []
    for path in files:
        file_id = intake.receive_local_file(database, settings, _COMMAND_LINE, path)
        ids.append(
            intake.start_import(
                database,
                _COMMAND_LINE,
                file_id=file_id,
                mapping=intake.load_shipped_mapping("online-retail"),
                datasets=DATASETS,
                creates_missing=True,
                request_key=new_id(),
            )
        )
    return ids


def _state(database: Database, import_id: UUID) -> intake.FileImport:
    with database.snapshot(_COMMAND_LINE) as connection:
        return intake.import_by_id(connection, import_id)


def _wait_for(database: Database, ids: Sequence[UUID], done: threading.Event) -> None:
    ends = time.monotonic() + _PATIENCE_SECONDS
    unfinished = (ImportState.QUEUED, ImportState.RUNNING)
    while time.monotonic() < ends and any(_state(database, one).state in unfinished for one in ids):
        time.sleep(0.5)
    done.set()


def _accepted(database: Database, import_id: UUID) -> int:
    found = _state(database, import_id)
    if found.state is not ImportState.ACCEPTED:
        raise RuntimeError(f"{found.file_name} ended as {found.state.value}: {found.refusal}")
    return found.accepted or 0


if __name__ == "__main__":
    main()
