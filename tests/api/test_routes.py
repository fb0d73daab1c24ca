"""What each route answers to whom, and what every answer says to the browser."""

import hashlib
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api import create_api
from loyalty_core import access
from loyalty_core.access import Permission, Role, SignedInUser
from loyalty_core.kernel import Database, Runtime, Scope, Settings, new_id, use_runtime
from tests.access.people import sign_in, somebody
from tests.api.talk import client
from tests.api.test_identity import fresh
from tests.in_process import answered
from tests.running_web import RunningWeb

pytestmark = pytest.mark.xdist_group("web")


def test_the_first_page_health_and_readiness_answer_without_signing_in(web: RunningWeb) -> None:
    with client(web) as anonymous:
        assert anonymous.get("/").status_code == 200
        assert anonymous.get("/healthz").json() == {"status": "alive"}
        assert anonymous.get("/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/metrics",
        "//_stcore/metrics",
        "/_STCORE/metrics",
        "/_stcore/metrics/",
        "/%5fstcore/metrics",
        "/_stcore/agent/openapi.json",
        "/_stcore/script-health-check",
        "/docs",
        "/openapi.json",
    ],
)
def test_what_nobody_should_reach_is_closed_to_administrators_too(web: RunningWeb, path: str) -> None:
    _user, token = fresh(web, Role.ADMIN)
    with client(web, token) as browser:
        answer = browser.get(httpx.URL(web.address, raw_path=path.encode()))
        assert answer.status_code in (400, 404) or "<title>Streamlit</title>" in answer.text
        assert "openapi" not in answer.headers["content-type"]
        assert "# TYPE" not in answer.text


@pytest.mark.parametrize("path", ["/", "/healthz", "/files/none", "/_stcore/metrics", "/_stcore/health"])
def test_every_answer_tells_the_browser_what_it_may_do(web: RunningWeb, path: str) -> None:
    with client(web) as anonymous:
        headers = anonymous.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["object-src"] == "'none'"
    assert "unsafe" not in policy["script-src"]
    assert not any("http" in sources or "*" in sources for sources in policy.values())
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "strict-transport-security" not in headers
    assert "server" not in headers


ALLOWED = {
    "upload": {Role.ADMIN, Role.OPERATOR},
    "original": {Role.ADMIN, Role.OPERATOR},
    "standings export": {Role.ADMIN, Role.PROGRAMME_MANAGER, Role.HEAD_OF_SALES, Role.ANALYST},
}


@pytest.mark.parametrize("role", list(Role))
def test_each_route_serves_exactly_the_roles_that_it_is_for(web: RunningWeb, role: Role) -> None:
    _operator, operator_token = fresh(web, Role.OPERATOR)
    with client(web, operator_token) as operator:
        file_id = operator.put("/files?name=sales.csv", content=b"a;b\n1;2\n").json()["file"]
    user, token = fresh(web, role)
    _other, other_token = fresh(web, Role.ADMIN)
    with client(web, token) as browser, client(web) as anonymous, client(web, other_token) as other:
        for route, answer in {
            "upload": browser.put("/files?name=mine.csv", content=b"x"),
            "original": browser.get(f"/files/{file_id}"),
        }.items():
            assert (answer.status_code < 300) == (role in ALLOWED[route]), route
            assert answer.status_code in (200, 201, 403)
        if role in ALLOWED["standings export"]:
            export_id = _export(web, user)
            fetched = browser.get(f"/exports/{export_id}")
            assert (fetched.status_code, fetched.content) == (200, b"rank")
            assert fetched.headers["content-disposition"].startswith("attachment")
            assert "no-store" in fetched.headers["cache-control"]
            assert other.get(f"/exports/{export_id}").status_code == 404
            assert anonymous.get(f"/exports/{export_id}").status_code == 401
        assert anonymous.get(f"/files/{file_id}").status_code == 401


def _export(web: RunningWeb, user: SignedInUser) -> object:
    folder = Settings(home=web.home, database_url=None).exports_folder
    return access.make_export(
        web.database,
        user,
        folder,
        permission=Permission.EXPORT_STANDINGS,
        file_name="standings.xlsx",
        media_type=access.XLSX,
        write=_write_rank,
    )


def _write_rank(path: Path) -> None:
    path.write_bytes(b"rank")


def test_an_upload_lies_private_under_its_hash_and_comes_back_as_it_was(web: RunningWeb) -> None:
    _user, token = fresh(web, Role.OPERATOR)
    body = b"company_code;quantity\n" + b"C1;1\n" * 700_000
    with client(web, token) as browser:
        answer = browser.put("/files", params={"name": "C:\\reports\\Sprzedaż lipiec.csv"}, content=body)
        assert answer.status_code == 201
        back = browser.get(f"/files/{answer.json()['file']}")
    assert back.content == body
    assert "Sprzeda%C5%BC%20lipiec.csv" in back.headers["content-disposition"]
    sha256 = hashlib.sha256(body).hexdigest()
    stored = web.home / "files" / sha256[:2] / sha256
    assert stored.stat().st_mode & 0o777 == 0o600
    assert list((web.home / "files" / "incoming").iterdir()) == []


@pytest.mark.parametrize("name", ["", "..", "a/", "x" * 256, "line\nbreak"])
def test_what_can_be_no_file_name_is_refused(web: RunningWeb, name: str) -> None:
    _user, token = fresh(web, Role.OPERATOR)
    with client(web, token) as browser:
        answer = browser.put("/files", params={"name": name}, content=b"x")
    assert answer.status_code == 422
    assert "error" in answer.json()


def test_more_than_two_gigabytes_are_refused_before_they_are_sent(web: RunningWeb) -> None:
    _user, token = fresh(web, Role.OPERATOR)
    answer = _raw(web, token, content_length=3 * 1024**3, body=b"x")
    assert answer.startswith(b"HTTP/1.1 413")


def test_an_upload_that_breaks_off_leaves_nothing(web: RunningWeb) -> None:
    _user, token = fresh(web, Role.OPERATOR)
    _raw(web, token, content_length=5_000_000, body=b"x" * 3_000_000, hang_up=True)
    for _attempt in range(50):
        with client(web) as anonymous:
            assert anonymous.get("/healthz").status_code == 200
        if not list((web.home / "files" / "incoming").iterdir()):
            break
    assert list((web.home / "files" / "incoming").iterdir()) == []


def _raw(web: RunningWeb, token: str, *, content_length: int, body: bytes, hang_up: bool = False) -> bytes:
    host = web.address.removeprefix("http://")
    head = (
        f"PUT /files?name=big.csv HTTP/1.1\r\nhost: {host}\r\norigin: {web.address}\r\n"
        f"cookie: laurel_session={token}\r\ncontent-length: {content_length}\r\n\r\n"
    )
    with socket.create_connection((host.split(":")[0], int(host.split(":")[1])), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        return b"" if hang_up else connection.recv(4096)


class Here:
    """The routes in this process, asked by a page of the server with somebody's cookie."""

    def __init__(self, token: str) -> None:
        self._app = create_api(lambda: str(1 // 0))
        self._headers = {"origin": "http://here", "cookie": f"laurel_session={token}"}

    def ask(
        self, method: str, path: str, *, content: bytes | None = None, json: object = None
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as made:
                return await made.request(method, path, content=content, json=json, headers=self._headers)

        return answered(send)


@pytest.fixture
def here(database: Database, tmp_path: Path) -> Iterator[Here]:
    """The routes for an operator who is signed in."""
    use_runtime(Runtime(database, Settings(home=tmp_path, database_url=None)))
    somebody(database, Role.OPERATOR)
    yield Here(sign_in(database))
    use_runtime(None)


def test_a_full_disk_is_told_and_leaves_nothing(here: Here, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * 1024**2, hard))
    try:
        answer = here.ask("PUT", "/files?name=large.csv", content=b"x" * 3 * 1024**2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert answer.status_code == 507
    assert "large.csv" in answer.json()["error"]
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


def test_a_failure_answers_with_an_id_and_no_trace(here: Here) -> None:
    answer = here.ask("GET", "/readyz")
    assert answer.status_code == 500
    assert set(answer.json()) == {"error", "error_id"}
    assert "division" not in answer.text


def test_unknown_fields_are_refused(here: Here) -> None:
    answer = here.ask("POST", "/auth/session", json={"ticket": "x" * 43, "user": "admin"})
    assert answer.status_code == 422


def test_everything_that_leaves_is_on_record(web: RunningWeb) -> None:
    user, token = fresh(web, Role.ADMIN)
    with client(web, token) as browser:
        file_id = browser.put("/files?name=a.csv", content=str(new_id()).encode()).json()["file"]
        browser.get(f"/files/{file_id}")
        browser.get(f"/exports/{_export(web, user)}")
    with web.database.transaction(Scope.of_system("test")) as connection:
        actions = set(
            connection.exec_driver_sql(
                "select action from audit_record where actor_name = %s", (user.name,)
            ).scalars()
        )
    assert {"intake.original_fetched", "access.export_made", "access.export_fetched"} <= actions
