"""What one person or address can make the process hold, at a server of the test's own."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from api import Guard, SocketLimits, UploadRefused
from laurel.patient_http import PatientProtocol
from laurel.socket_messages import read_message
from laurel.upload_space import UploadSpace
from laurel.web import INDEX_PAGE
from loyalty_core.access import SignedInUser
from loyalty_core.kernel import Scope as PersonsScope
from loyalty_core.kernel import new_id
from tests.running_web import free_port

PATIENCE = 0.5

T = TypeVar("T")


def person() -> SignedInUser:
    return SignedInUser(
        id=new_id(),
        name="vera",
        display_name="Vera",
        locale="en",
        session_id=new_id(),
        roles=frozenset(),
        permissions=frozenset(),
        scope=PersonsScope.of_command_line(),
    )


VERA = person()


async def small_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the length of the body; on a socket, with every message."""
    if scope["type"] == "http":
        await PlainTextResponse(str(len(await Request(scope, receive).body())))(scope, receive, send)
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "bytes": message["bytes"]})


class ImpatientProtocol(PatientProtocol):
    """Waits for headers no longer than a test may."""

    header_seconds = PATIENCE
    waiting_per_address = 5


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server with the guard before a small application, at which little is allowed."""
    guard = Guard(
        small_app,
        index_page=INDEX_PAGE,
        find_session=lambda token: VERA if token == "vera" else None,
        read_message=read_message,
        uploads=UploadSpace(),
        on_cleaned=lambda _user: None,
        limits=SocketLimits(per_user=2, per_address=4, anonymous_per_address=3),
        body_seconds=PATIENCE,
    )
    number = free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            guard, port=number, http=ImpatientProtocol, lifespan="off", log_config=None, log_level="error"
        )
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield number
    server.should_exit = True
    thread.join()


@contextmanager
def line_to(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        yield line


def all_that_comes(line: socket.socket) -> bytes:
    """What the server sends until it closes the connection."""
    came = b""
    with contextlib.suppress(ConnectionResetError):
        while data := line.recv(65536):
            came += data
    return came


def head(port: int, method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{port}", f"origin: http://127.0.0.1:{port}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode()


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nx: "])
def test_a_connection_whose_headers_never_end_is_closed(port: int, begun: bytes) -> None:
    with line_to(port) as line:
        line.sendall(begun)
        assert all_that_comes(line) == b""


def test_headers_that_drip_do_not_keep_a_connection_open(port: int) -> None:
    with line_to(port) as line:
        line.settimeout(0.1)
        began = time.monotonic()
        is_open = True
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while is_open and time.monotonic() < began + 10:
                line.sendall(b"G")
                with contextlib.suppress(TimeoutError):
                    is_open = line.recv(1) != b""
        assert time.monotonic() - began < 5


def test_a_second_request_that_never_ends_is_closed_as_the_first_is(port: int) -> None:
    with line_to(port) as line:
        line.sendall(head(port, "GET", "/"))
        assert line.recv(65536).startswith(b"HTTP/1.1 200")
        line.sendall(b"GET / HTTP/1.1\r\nhost:")
        all_that_comes(line)


def test_an_address_has_a_number_of_connections_that_may_wait(port: int) -> None:
    with contextlib.ExitStack() as lines:
        waiting = [lines.enter_context(line_to(port)) for _ in range(5)]
        for line in waiting:
            line.sendall(b"GET")
        began = time.monotonic()
        with line_to(port) as another:
            assert all_that_comes(another) == b""
        assert time.monotonic() - began < PATIENCE / 2


@pytest.mark.parametrize("path", ["/files?name=a.csv", "/auth/session"])
def test_a_body_that_never_comes_is_answered_and_the_connection_closed(port: int, path: str) -> None:
    with line_to(port) as line:
        line.sendall(head(port, "PUT", path, "content-length: 100") + b"begun")
        assert all_that_comes(line).startswith(b"HTTP/1.1 408")


def test_a_body_that_drips_is_given_up_too(port: int) -> None:
    with line_to(port) as line:
        line.sendall(head(port, "PUT", "/files?name=a.csv", "content-length: 100000"))
        line.settimeout(PATIENCE / 4)
        answer = b""
        for _ in range(100):
            with contextlib.suppress(TimeoutError):
                answer = line.recv(65536)
                break
            line.sendall(b"x")
        assert answer.startswith(b"HTTP/1.1 408")


def test_a_body_that_keeps_coming_may_take_longer_than_one_that_does_not(port: int) -> None:
    with line_to(port) as line:
        line.sendall(head(port, "PUT", "/files?name=a.csv", "content-length: 60000"))
        for _ in range(6):
            time.sleep(PATIENCE / 3)
            line.sendall(b"x" * 10_000)
        assert line.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_document_has_a_largest_size_whatever_its_header_says(port: int) -> None:
    with line_to(port) as line:
        line.sendall(head(port, "POST", "/auth/session", "transfer-encoding: chunked"))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(20):
                line.sendall(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
        assert line.recv(65536).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    ("path", "kind", "content", "status"),
    [
        ("/auth/session", "application/json", b'{"ticket": "a\\u0000"}', 400),
        ("/auth/session", "application/json", b'{"ticket": "a\x00"}', 400),
        ("/auth/session", "application/json", b'{"ticket": "\\u202e"}', 400),
        ("/auth/session", "application/json", b'{"ticket": "\\ud800"}', 400),
        ("/auth/session", "application/json", b'{"ticket": "\\ud83d\\ude00 100%00"}', 200),
        ("/any/form", "application/x-www-form-urlencoded", b"name=a%00", 400),
        ("/any/form", "application/x-www-form-urlencoded", b"name=a%0Ab", 200),
        ("/any/form", "application/x-www-form-urlencoded", b"name=\xff", 400),
        ("/any/form?words=a%00", "application/json", b"{}", 400),
        ("/any%00form", "application/json", b"{}", 400),
    ],
)
def test_control_characters_come_in_by_no_address_form_or_document(
    port: int, path: str, kind: str, content: bytes, status: int
) -> None:
    with line_to(port) as line:
        line.sendall(
            head(port, "POST", path, f"content-type: {kind}", f"content-length: {len(content)}") + content
        )
        assert line.recv(65536).startswith(f"HTTP/1.1 {status}".encode())


@contextmanager
def opened(port: int, token: str | None) -> Iterator[ClientConnection]:
    headers = {"cookie": f"laurel_session={token}"} if token else {}
    with connect(
        f"ws://127.0.0.1:{port}/_stcore/stream", additional_headers=headers, open_timeout=10, proxy=None
    ) as line:
        yield line


def opens(port: int, token: str | None) -> bool:
    try:
        with opened(port, token):
            return True
    except InvalidStatus:
        return False


def opens_soon(port: int, token: str | None) -> bool:
    """Whether a socket opens within five seconds: a place becomes free a moment after its socket closed."""
    deadline = time.monotonic() + 5
    while not (found := opens(port, token)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def test_a_person_has_a_number_of_sockets_and_gets_a_place_back_for_one_that_closes(port: int) -> None:
    with opened(port, "vera") as first, opened(port, "vera"):
        assert not opens(port, "vera")
        first.close()
        assert opens_soon(port, "vera")


def test_an_address_has_a_number_of_sockets_and_fewer_without_a_session(port: int) -> None:
    assert opens_soon(port, "vera")
    with contextlib.ExitStack() as sockets:
        for _ in range(3):
            sockets.enter_context(opened(port, None))
        assert not opens(port, None)
        sockets.enter_context(opened(port, "vera"))
        assert not opens(port, "vera")


def test_a_text_on_a_socket_closes_it(port: int) -> None:
    with opened(port, "vera") as line:
        line.send("not binary")
        with pytest.raises(ConnectionClosed):
            line.recv(timeout=10)


@dataclass
class FakeSession:
    """A page's session that knows whose it is."""

    owner: UUID

    def matches_user_info(self, info: dict[str, str]) -> bool:
        return info == {"session": str(self.owner)}


@dataclass
class FakeRuntime:
    """Streamlit's runtime, as far as uploads need it."""

    sessions: dict[str, FakeSession] = field(default_factory=dict)
    uploaded_file_mgr: MemoryUploadedFileManager = field(
        default_factory=lambda: MemoryUploadedFileManager("/upload")
    )

    def get_app_session(self, session_id: str) -> FakeSession | None:
        return self.sessions.get(session_id)

    def is_active_session(self, session_id: str) -> bool:
        return session_id in self.sessions


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    made = FakeRuntime({"one": FakeSession(VERA.session_id), "two": FakeSession(VERA.session_id)})
    monkeypatch.setattr(runtime, "get_instance", lambda: made)
    monkeypatch.setattr(runtime, "exists", lambda: True)
    return made


def put(space: UploadSpace, pages: FakeRuntime, page: str, size: int, name: str = "a.jpg") -> None:
    space.check(page, VERA)
    with space.room(page, VERA, size):
        file = UploadedFileRec(file_id=str(new_id()), name=name, type="", data=b"x" * size)
        pages.uploaded_file_mgr.add_file(page, file)


def test_a_page_a_person_and_the_process_each_hold_so_much(pages: FakeRuntime) -> None:
    space = UploadSpace(page_bytes=20, user_bytes=30, process_bytes=35)
    put(space, pages, "one", 12)
    with pytest.raises(UploadRefused) as page_is_full:
        put(space, pages, "one", 9)
    assert page_is_full.value.status == 413
    put(space, pages, "two", 12)
    with pytest.raises(UploadRefused) as person_is_full:
        put(space, pages, "two", 7)
    assert person_is_full.value.status == 413
    other = person()
    pages.sessions["theirs"] = FakeSession(other.session_id)
    space.check("theirs", other)
    with pytest.raises(UploadRefused) as process_is_full, space.room("theirs", other, 12):
        pass
    assert process_is_full.value.status == 503


def test_files_on_their_way_in_count_before_they_are_there(pages: FakeRuntime) -> None:
    space = UploadSpace(page_bytes=20)
    space.check("one", VERA)
    with space.room("one", VERA, 12), pytest.raises(UploadRefused), space.room("one", VERA, 12):
        pass
    with space.room("one", VERA, 12):
        assert space.held_bytes() == 12
    assert space.held_bytes() == 0


def test_nobody_gives_files_to_a_page_of_somebody_else(pages: FakeRuntime) -> None:
    for page in ("one", "nowhere"):
        with pytest.raises(UploadRefused):
            UploadSpace().check(page, person())


def test_the_name_of_a_file_holds_no_control_character(pages: FakeRuntime) -> None:
    put(UploadSpace(), pages, "one", 1, "photo\x00\u202egpj.exe")
    assert [file.name for file in pages.uploaded_file_mgr.file_storage["one"].values()] == ["photogpj.exe"]


def in_a_loop_of_its_own(what: Coroutine[Any, Any, T]) -> T:
    """Run it in another thread: in this one a browser of other tests may have a loop that runs."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, what).result()


def test_a_closed_page_lets_go_of_its_files_and_an_open_one_keeps_them(pages: FakeRuntime) -> None:
    space = UploadSpace(seconds_after_closing=0.05)
    put(space, pages, "one", 5)
    put(space, pages, "two", 7)

    async def close_one() -> list[int]:
        del pages.sessions["one"]
        space.socket_closed()
        held = [space.held_bytes()]
        await asyncio.sleep(0.3)
        return [*held, space.held_bytes()]

    assert in_a_loop_of_its_own(close_one()) == [12, 7]


def test_a_page_that_comes_back_in_time_finds_its_files(pages: FakeRuntime) -> None:
    space = UploadSpace(seconds_after_closing=0.05)
    put(space, pages, "one", 5)

    async def come_back() -> int:
        session = pages.sessions.pop("one")
        space.socket_closed()
        pages.sessions["one"] = session
        await asyncio.sleep(0.3)
        return space.held_bytes()

    assert in_a_loop_of_its_own(come_back()) == 5
