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
        socket.send(run.SerializeToString())
        while True:
            message = ForwardMsg.FromString(socket.recv(timeout=30, decode=False))
            kind = message.WhichOneof("type")
            if kind == "navigation" and message.navigation.position != message.navigation.HIDDEN:
                seen |= {page.page_name for page in message.navigation.app_pages}
            if kind == "delta":
                element = message.delta.new_element
                if element.WhichOneof("type") == "text_input":
                    seen.add(element.text_input.label)
            if kind == "script_finished":
                return seen
