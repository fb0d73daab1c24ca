"""What changes under TLS: the cookies' names and flags, and the promise to come by TLS again."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.responses import HTMLResponse

from api import Beside, Guard, SocketLimits, create_api
from laurel.socket_messages import read_message
from laurel.upload_space import UploadSpace
from laurel.web import INDEX_PAGE
from loyalty_core import access
from loyalty_core.access import Role
from loyalty_core.kernel import Database, Runtime, Settings, use_runtime
from tests.access.people import somebody
from tests.in_process import answered


@pytest.fixture
def guarded(database: Database, tmp_path: Path) -> Iterator[Guard]:
    """The guard before the routes and a page."""
    use_runtime(Runtime(database, Settings(home=tmp_path, database_url=None)))
    yield Guard(
        Beside(HTMLResponse("<p>a page</p>"), create_api(lambda: None)),
        index_page=INDEX_PAGE,
        find_session=lambda token: access.find_session(database, token),
        read_message=read_message,
        uploads=UploadSpace(),
        on_cleaned=lambda _user: None,
        limits=SocketLimits(),
    )
    use_runtime(None)


def ask(guarded: Guard, method: str, path: str, *, cookie: str = "", json: object = None) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=guarded)
        headers = {"origin": "https://laurel.example", **({"cookie": cookie} if cookie else {})}
        async with httpx.AsyncClient(transport=transport, base_url="https://laurel.example") as client:
            return await client.request(method, path, json=json, headers=headers)

    return answered(send)


def test_cookies_are_bound_to_the_host_and_to_tls(guarded: Guard, database: Database) -> None:
    user = somebody(database, Role.ANALYST)
    page = ask(guarded, "GET", "/")
    assert page.headers["strict-transport-security"].startswith("max-age=31536000")
    made = page.headers["set-cookie"]
    assert made.startswith("__Host-laurel_visit=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(made.split("; "))
    assert "domain" not in made.lower()

    visit = made.partition("=")[2].partition(";")[0]
    attempt = access.begin_sign_in(database, name=user.name, address="192.0.2.1")
    ticket = access.issue_ticket(database, attempt, visit=visit)
    plain = ask(guarded, "POST", "/auth/session", cookie=f"laurel_visit={visit}", json={"ticket": ticket})
    assert plain.status_code == 403
    signed_in = ask(
        guarded, "POST", "/auth/session", cookie=f"__Host-laurel_visit={visit}", json={"ticket": ticket}
    )
    assert signed_in.status_code == 204
    session = next(
        line for line in signed_in.headers.get_list("set-cookie") if line.startswith("__Host-laurel_session=")
    )
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(session.split("; "))

    device = next(
        line for line in signed_in.headers.get_list("set-cookie") if line.startswith("__Host-laurel_device=")
    )
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(device.split("; "))

    token = session.partition("=")[2].partition(";")[0]
    path = f"/exports/{user.id}"
    assert ask(guarded, "GET", path, cookie=f"__Host-laurel_session={token}").status_code == 404
    assert ask(guarded, "GET", path, cookie=f"laurel_session={token}").status_code == 401


def test_of_a_cookie_sent_twice_none_counts(guarded: Guard, database: Database) -> None:
    user = somebody(database, Role.ANALYST)
    twice = "__Host-laurel_session=a; __Host-laurel_session=b"
    assert ask(guarded, "GET", f"/exports/{user.id}", cookie=twice).status_code == 401
