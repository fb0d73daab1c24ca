"""The gate in front of everything: who a request is from is decided here and nowhere else.

Plain ASGI, because Starlette's BaseHTTPMiddleware never sees a socket, and Streamlit's pages live on one.
"""

import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.cookies import VISIT, cookies_of, is_tls, session_token, set_cookie, visit_token
from api.headers import HSTS, security_headers
from loyalty_core.access import SignedInUser

USER_HEADER = b"x-laurel-user"

_CLOSED = ("/_stcore/metrics", "/_stcore/script-health-check", "/_stcore/agent")
_NEEDS_SESSION = ("/_stcore/upload_file",)
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def is_same_origin(scope: Scope) -> bool | None:
    """Whether the request comes from a page of this very host; None when the browser didn't say.

    A page that came over TLS is never followed by a request without it from the same host, so the scheme is
    compared only where this side is sure of its own.
    """
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    origin = headers.get(b"origin")
    if origin is None:
        site = headers.get(b"sec-fetch-site")
        return None if site is None else site == "same-origin"
    parts = urlsplit(origin)
    if is_tls(scope) and parts.scheme != "https":
        return False
    return parts.scheme in ("http", "https") and parts.netloc == headers.get(b"host")


class Guard:
    """Takes identity from the session cookie alone, closes what nobody should reach, and sets the headers."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        index_page: Path,
        find_session: Callable[[str], SignedInUser | None],
        for_whole_page: Callable[[bytes], bytes],
    ) -> None:
        """`for_whole_page` makes a browser's message that reruns a fragment one that reruns everything."""
        self.app = app
        self._find_session = find_session
        self._for_whole_page = for_whole_page
        self._headers = security_headers(index_page)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        scope = dict(scope)
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name.lower() != USER_HEADER]
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _user(self, scope: Scope) -> SignedInUser | None:
        token = session_token(scope)
        return await to_thread.run_sync(self._find_session, token) if token else None

    def _identified(self, scope: Scope, user: SignedInUser) -> None:
        scope["headers"].append((USER_HEADER, str(user.session_id).encode()))

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_same_origin(scope) is False:
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "another origin"})
            return
        token = session_token(scope)
        user = await self._user(scope)
        if token is None or user is None:
            await self.app(scope, receive, send)
            return
        self._identified(scope, user)
        find_user = partial(to_thread.run_sync, self._find_session, token)
        watched = _WatchedSocket(user, receive, find_user, self._for_whole_page)
        await self.app(scope, watched.receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = "/" + scope["path"].replace("\\", "/").lstrip("/").lower()
        send = self._with_headers(scope, send)
        refusal: Response | None = None
        if path.startswith(_CLOSED):
            refusal = PlainTextResponse("Not found", status_code=404)
        elif scope["method"] not in _SAFE_METHODS and is_same_origin(scope) is not True:
            refusal = PlainTextResponse("This request came from another site.", status_code=403)
        elif path.startswith(_NEEDS_SESSION):
            user = await self._user(scope)
            if user is None:
                refusal = PlainTextResponse("Please sign in.", status_code=401)
            else:
                self._identified(scope, user)
        await (refusal or self.app)(scope, receive, send)

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        tls = is_tls(scope)
        is_new_visit = scope["method"] == "GET" and visit_token(cookies_of(scope), tls=tls) is None

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in [*self._headers, *([HSTS] if tls else [])]:
                    headers[name.decode()] = value.decode()
                if is_new_visit and headers.get("content-type", "").startswith("text/html"):
                    cookie = Response()
                    set_cookie(cookie, VISIT, secrets.token_urlsafe(32), tls=tls)
                    headers.append("set-cookie", cookie.headers["set-cookie"])
                    headers["cache-control"] = "no-store"
            await send(message)

        return send_with_headers


class _WatchedSocket:
    """A signed-in socket on which the whole page runs again once the session ended or the rights changed.

    A rerun of one fragment runs neither app.py nor a page's first statement, so what they check would go on
    holding there: such a message is made one that runs everything.
    """

    def __init__(
        self,
        user: SignedInUser,
        receive: Receive,
        find_user: Callable[[], Awaitable[SignedInUser | None]],
        for_whole_page: Callable[[bytes], bytes],
    ) -> None:
        self._user: SignedInUser | None = user
        self._receive = receive
        self._find_user = find_user
        self._for_whole_page = for_whole_page

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.receive" and message.get("bytes"):
            now = await self._find_user()
            if now is None or now != self._user:
                message = {**message, "bytes": self._for_whole_page(message["bytes"])}
            self._user = now
        return message
