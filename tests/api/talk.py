"""How tests talk to a running web process: as a browser's requests and as its socket."""

from collections.abc import Iterable

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.running_web import RunningWeb


def client(web: RunningWeb, token: str | None = None, **headers: str) -> httpx.Client:
    """A client that sends the session's cookie, and the origin as a page of the server would."""
    cookies = {"laurel_session": token} if token else {}
    return httpx.Client(
        base_url=web.address, cookies=cookies, headers={"origin": web.address, **headers}, timeout=30
    )


def seen_on_socket(web: RunningWeb, headers: Iterable[tuple[str, str]] = ()) -> set[str]:
    """Run app.py over a socket of its own and return the titles of the menu and the labels of text fields."""
    seen: set[str] = set()
    for message in drawn_on_socket(web, headers):
        kind = message.WhichOneof("type")
        if kind == "navigation" and message.navigation.position != message.navigation.HIDDEN:
            seen |= {page.page_name for page in message.navigation.app_pages}
        if kind == "delta":
            element = message.delta.new_element
            if element.WhichOneof("type") == "text_input":
                seen.add(element.text_input.label)
    return seen


def page_on_socket(web: RunningWeb, headers: Iterable[tuple[str, str]], page: str) -> tuple[str, list[str]]:
    """Open a page by its address and return the title of the tab and what its messages in boxes say."""
    title, boxes = "", []
    for message in drawn_on_socket(web, headers, page):
        if message.WhichOneof("type") == "page_config_changed":
            title = message.page_config_changed.title or title
        if message.delta.new_element.WhichOneof("type") == "alert":
            boxes.append(message.delta.new_element.alert.body)
    return title, boxes


def drawn_on_socket(
    web: RunningWeb, headers: Iterable[tuple[str, str]] = (), page: str = ""
) -> list[ForwardMsg]:
    """Run app.py over a socket of its own, at a page's address, and return all that it sends."""
    drawn = []
    with connect(
        f"ws{web.address[4:]}/_stcore/stream",
        origin=None,
        subprotocols=[Subprotocol("streamlit")],
        additional_headers=list(headers),
        max_size=None,
        open_timeout=20,
    ) as socket:
        run = BackMsg()
        run.rerun_script.query_string = ""
        run.rerun_script.page_name = page
        socket.send(run.SerializeToString())
        while True:
            message = ForwardMsg.FromString(socket.recv(timeout=30, decode=False))
            drawn.append(message)
            if message.WhichOneof("type") == "script_finished":
                return drawn
