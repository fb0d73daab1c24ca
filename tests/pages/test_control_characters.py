"""No control character that a browser sends reaches a page: asked over the socket, as a browser asks."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from loyalty_core.access import PERMISSIONS_OF_ROLE, Role
from tests.access.people import sign_in
from tests.pages.world import World
from tests.running_web import RunningWeb, web_over
from ui.keys import key_on
from ui.registry import IN_ADDRESS, PageEntry, pages

SEARCH = "\x00Acme\x1b\u202e"
FAILED = "Something went wrong on our side"
LEADS_ON = ForwardMsg.FINISHED_EARLY_FOR_RERUN


@pytest.fixture(scope="module")
def served(world: World) -> Iterator[RunningWeb]:
    """A web process over the module's world, with a home of its own: one process has the replica's file."""
    home = world.settings.home / "served"
    home.mkdir()
    shutil.copytree(world.settings.home / "files", home / "files")
    with web_over(world.database, home) as running:
        yield running


@contextmanager
def socket_of(served: RunningWeb, role: Role) -> Iterator[ClientConnection]:
    token = sign_in(served.database, role.value)
    with connect(
        f"ws{served.address[4:]}/_stcore/stream",
        subprotocols=[Subprotocol("streamlit")],
        additional_headers=[("cookie", f"laurel_session={token}"), ("origin", served.address)],
        max_size=None,
        open_timeout=30,
        proxy=None,
    ) as line:
        yield line


def drawn(line: ClientConnection, message: BackMsg) -> list[ForwardMsg]:
    """What the server sends until the page stands: a run that leads on to another page is not the last."""
    line.send(message.SerializeToString())
    came = []
    while True:
        came.append(ForwardMsg.FromString(line.recv(timeout=60, decode=False)))
        if came[-1].WhichOneof("type") == "script_finished" and came[-1].script_finished != LEADS_ON:
            return came


def text_fields(came: list[ForwardMsg]) -> set[str]:
    """The ids of the fields that take text."""
    return {
        getattr(message.delta.new_element, kind).id
        for message in came
        for kind in ("text_input", "text_area")
        if message.delta.new_element.HasField(kind)
    }


def everything(came: list[ForwardMsg]) -> str:
    return "\n".join(str(message) for message in came)


def pages_by_role() -> dict[Role, list[PageEntry]]:
    """Every page once, under a role that may see it."""
    found: dict[Role, list[PageEntry]] = {}
    for page in pages():
        role = next(role for role in Role if page.permission in PERMISSIONS_OF_ROLE[role])
        found.setdefault(role, []).append(page)
    return found


def test_a_nul_in_the_fields_of_any_page_fails_nothing(served: RunningWeb) -> None:
    filled = []
    for role, its_pages in pages_by_role().items():
        with socket_of(served, role) as line:
            for page in its_pages:
                message = BackMsg()
                message.rerun_script.page_name = page.url_path
                fields = text_fields(drawn(line, message))
                # Whatever a page reads from its address, under the names that pages bind.
                filters = ("words", "search", "q", "programme", "company", "region", "view", "page")
                names = [key_on(page.key, name) for name in filters]
                names += IN_ADDRESS.get(page.key, ())
                message.rerun_script.query_string = "&".join(f"{name}=%00a%1b" for name in names)
                for field in fields:
                    message.rerun_script.widget_states.widgets.add(id=field, string_value=SEARCH)
                told = everything(drawn(line, message))
                assert FAILED not in told, page.key
                assert "were removed from your text" in told, page.key
                filled += [page.key] if fields else []
    assert "page_failed" not in served.log.read_text()
    assert len(filled) >= 5, filled
