"""Identity comes from the verified cookie and from nothing else, on requests and on sockets."""

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from loyalty_core import access
from loyalty_core.access import Role
from loyalty_core.kernel import new_id
from tests.access.people import COMMAND_LINE, PASSWORD, sign_in, somebody
from tests.api.talk import client, page_on_socket, seen_on_socket
from tests.running_web import RunningWeb

pytestmark = pytest.mark.xdist_group("web")


def fresh(web: RunningWeb, role: Role) -> tuple[access.SignedInUser, str]:
    """A new user with a session, and the session's token."""
    name = f"user-{new_id().hex[:20]}"
    somebody(web.database, role, name=name)
    token = sign_in(web.database, name)
    user = access.find_session(web.database, token)
    assert user is not None
    return user, token


def cookie(token: str) -> tuple[str, str]:
    return ("cookie", f"laurel_session={token}")


def test_a_socket_with_an_administrators_cookie_sees_the_administrators_menu(web: RunningWeb) -> None:
    _user, token = fresh(web, Role.ADMIN)
    seen = seen_on_socket(web, [cookie(token)])
    assert {"Users", "Audit"} <= seen
    assert "Sign-in name" not in seen


def test_the_tab_names_the_page_and_one_that_roles_do_not_include_says_so(web: RunningWeb) -> None:
    _analyst, token = fresh(web, Role.ANALYST)
    assert page_on_socket(web, [cookie(token)], "standings")[0] == "Standings · Laurel"
    title, boxes = page_on_socket(web, [cookie(token)], "users")
    assert title == "No access · Laurel"
    assert boxes == ["Your roles don't include this page. An administrator can give them to you."]


@pytest.mark.parametrize("name", ["x-laurel-user", "X-Laurel-User", "X-LAUREL-USER"])
def test_a_forged_header_on_a_socket_signs_nobody_in(web: RunningWeb, name: str) -> None:
    admin, _token = fresh(web, Role.ADMIN)
    seen = seen_on_socket(web, [(name, str(admin.session_id)), (name.lower(), str(admin.session_id))])
    assert seen == {"Sign-in name", "Password"}


def test_a_forged_header_beside_ones_own_cookie_changes_nothing(web: RunningWeb) -> None:
    admin, _token = fresh(web, Role.ADMIN)
    _analyst, token = fresh(web, Role.ANALYST)
    seen = seen_on_socket(web, [("x-laurel-user", str(admin.session_id)), cookie(token)])
    assert "Standings" in seen
    assert "Users" not in seen


def test_a_forged_header_on_a_request_signs_nobody_in(web: RunningWeb) -> None:
    admin, _token = fresh(web, Role.ADMIN)
    forged = {"x-laurel-user": str(admin.session_id)}
    with client(web, **forged) as anonymous:
        assert anonymous.put("/files?name=a.csv", content=b"a").status_code == 401
        assert anonymous.get(f"/files/{new_id()}").status_code == 401
        assert anonymous.put("/_stcore/upload_file/a/b", content=b"a").status_code == 401


def test_a_sessions_id_is_no_cookie(web: RunningWeb) -> None:
    admin, _token = fresh(web, Role.ADMIN)
    assert seen_on_socket(web, [cookie(str(admin.session_id))]) == {"Sign-in name", "Password"}


@pytest.mark.parametrize("end", ["signing out", "disabling", "a new password"])
def test_a_cookie_replayed_after_the_session_ended_is_refused(web: RunningWeb, end: str) -> None:
    user, token = fresh(web, Role.ADMIN)
    keeper, _token = fresh(web, Role.ADMIN)
    with client(web, token) as browser:
        assert browser.get(f"/files/{new_id()}").status_code == 404
        if end == "signing out":
            assert browser.post("/auth/sign-out").status_code == 204
        elif end == "disabling":
            access.disable_user(web.database, keeper.scope, user.id)
        else:
            access.change_password(web.database, user, current=PASSWORD, new="violet gravel 7 harbour")
    with client(web, token) as replay:
        assert replay.get(f"/files/{new_id()}").status_code == 401
    assert seen_on_socket(web, [cookie(token)]) == {"Sign-in name", "Password"}


def test_a_ticket_becomes_a_cookie_that_scripts_cannot_read(web: RunningWeb) -> None:
    user, _token = fresh(web, Role.ANALYST)
    attempt = access.begin_sign_in(web.database, name=user.name, address="192.0.2.1")
    with client(web) as browser:
        first = browser.get("/")
        visit = browser.cookies["laurel_visit"]
        assert "httponly" in first.headers["set-cookie"].lower()
        ticket = access.issue_ticket(web.database, attempt, visit=visit)
        with client(web) as other:
            assert other.get("/").status_code == 200
            assert other.post("/auth/session", json={"ticket": ticket}).status_code == 403
        answer = browser.post("/auth/session", json={"ticket": ticket})
        assert answer.status_code == 204
        made = next(
            line for line in answer.headers.get_list("set-cookie") if line.startswith("laurel_session=")
        )
        assert {"httponly", "samesite=lax", "path=/"} <= set(made.lower().split("; "))
        assert browser.post("/auth/session", json={"ticket": ticket}).status_code == 403
        assert access.find_session(web.database, browser.cookies["laurel_session"]) is not None


def test_a_sign_in_makes_the_browser_known_by_a_cookie_that_outlives_it_and_signs_nobody_in(
    web: RunningWeb,
) -> None:
    user, _token = fresh(web, Role.ANALYST)

    def signed_in_again(device: str | None) -> str:
        attempt = access.begin_sign_in(web.database, name=user.name, address="192.0.2.1", device=device)
        browser.get("/")
        ticket = access.issue_ticket(web.database, attempt, visit=browser.cookies["laurel_visit"])
        answer = browser.post("/auth/session", json={"ticket": ticket})
        made = next(
            line for line in answer.headers.get_list("set-cookie") if line.startswith("laurel_device=")
        )
        assert {"httponly", "samesite=lax", "path=/", "max-age=15552000"} <= set(made.lower().split("; "))
        return browser.cookies["laurel_device"]

    with client(web) as browser:
        first = signed_in_again(None)
        assert browser.post("/auth/sign-out").status_code == 204
        assert browser.cookies["laurel_device"] == first
        assert browser.get(f"/files/{new_id()}").status_code == 401
        for _number in range(5):
            access.begin_sign_in(web.database, name=user.name, address="198.51.100.7")
        second = signed_in_again(first)
        assert second != first
        for stale in (first, None):
            with pytest.raises(access.WaitBeforeSignInError):
                access.begin_sign_in(web.database, name=user.name, address="192.0.2.1", device=stale)


def test_a_sign_in_ends_the_session_that_the_browser_had(web: RunningWeb) -> None:
    _user, earlier = fresh(web, Role.ANALYST)
    user, _token = fresh(web, Role.ANALYST)
    attempt = access.begin_sign_in(web.database, name=user.name, address="192.0.2.1")
    with client(web, earlier) as browser:
        browser.get("/")
        ticket = access.issue_ticket(web.database, attempt, visit=browser.cookies["laurel_visit"])
        assert browser.post("/auth/session", json={"ticket": ticket}).status_code == 204
    assert access.find_session(web.database, earlier) is None


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}, {}],
    ids=str,
)
def test_what_changes_something_is_refused_from_another_site(
    web: RunningWeb, headers: dict[str, str]
) -> None:
    user, token = fresh(web, Role.ADMIN)
    with httpx.Client(base_url=web.address, cookies={"laurel_session": token}, headers=headers) as browser:
        assert browser.put("/files?name=a.csv", content=b"a").status_code == 403
        assert browser.post("/auth/sign-out").status_code == 403
        assert browser.post("/auth/session", json={"ticket": "x" * 43}).status_code == 403
    assert access.find_session_by_id(web.database, user.session_id) is not None


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:1", "null"])
def test_a_socket_from_another_site_is_not_opened(web: RunningWeb, origin: str) -> None:
    _user, token = fresh(web, Role.ADMIN)
    with pytest.raises(InvalidStatus) as refused:
        connect(
            f"ws{web.address[4:]}/_stcore/stream",
            additional_headers=[("origin", origin), cookie(token)],
        )
    assert refused.value.response.status_code == 403


def test_a_role_change_works_at_the_next_request(web: RunningWeb) -> None:
    user, token = fresh(web, Role.ANALYST)
    with client(web, token) as browser:
        assert browser.get(f"/files/{new_id()}").status_code == 403
        access.set_roles(web.database, COMMAND_LINE, user.id, [Role.OPERATOR])
        assert browser.get(f"/files/{new_id()}").status_code == 404
