"""The gate in front of everything: who a request is from is decided here and nowhere else.

Plain ASGI, because Starlette's BaseHTTPMiddleware never sees a socket, and Streamlit's pages live on one.
"""

import math
import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote_plus, urlsplit

from anyio import to_thread
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.cookies import VISIT, cookies_of, is_tls, session_token, set_cookie, visit_token
from api.headers import HSTS, security_headers
from api.limits import (
    BODY_SECONDS,
    BodyTooLargeError,
    BodyTooSlowError,
    PatientBody,
    Places,
    SocketLimits,
    address_of,
    announced_length,
)
from loyalty_core.access import SignedInUser
from loyalty_core.kernel import get_logger, is_clean

USER_HEADER = b"x-laurel-user"

_CLOSED = ("/_stcore/metrics", "/_stcore/script-health-check", "/_stcore/agent")
_UPLOADS = "/_stcore/upload_file"
_FILES = "/files"
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_CLOSE = {"connection": "close"}
_JSON_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_SURROGATE_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")

_log = get_logger(__name__)


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


@dataclass(frozen=True, slots=True)
class BrowserMessage:
    """A browser's message on a socket, as the application may have it."""

    content: bytes
    was_cleaned: bool


class ReadMessage(Protocol):
    """Reads what a browser says on a socket; None is what must not reach the application."""

    def __call__(self, raw: bytes, *, is_signed_in: bool, whole_page: bool) -> BrowserMessage | None:
        """`whole_page` makes a message that reruns a fragment one that reruns everything."""
        ...


class UploadRefused(Exception):
    """A page's upload that this process has no room for, or that goes into somebody else's page."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


class Uploads(Protocol):
    """What keeps the files that pages hold in memory within bounds."""

    def check(self, page_session: str, user: SignedInUser) -> None:
        """Raise UploadRefused unless the page's session is this user's."""
        ...

    def room(self, page_session: str, user: SignedInUser, size: int) -> AbstractContextManager[None]:
        """Keep room for `size` more bytes inside the block. Raises UploadRefused."""
        ...

    def socket_closed(self) -> None:
        """Let go, soon, of what closed pages still hold."""
        ...


class Guard:
    """Takes identity from the session cookie alone, closes what nobody should reach, and sets the headers.

    It also bounds what one person or address can make the process hold, and lets no control character in.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        index_page: Path,
        find_session: Callable[[str], SignedInUser | None],
        read_message: ReadMessage,
        uploads: Uploads,
        on_cleaned: Callable[[SignedInUser], None],
        limits: SocketLimits,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        """`on_cleaned` hears of a person out of whose text characters were taken."""
        self.app = app
        self._find_session = find_session
        self._read_message = read_message
        self._uploads = uploads
        self._on_cleaned = on_cleaned
        self._limits = limits
        self._body_seconds = body_seconds
        self._sockets = Places()
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
            await _refuse_socket(receive, send, "another origin")
            return
        token = session_token(scope)
        address = address_of(scope)
        # The places of the address come first: asking who it is costs a query.
        with self._sockets.take([(("address", address), self._limits.per_address)]) as is_free:
            user = await self._user(scope) if is_free else None
            own = (
                (("anonymous", address), self._limits.anonymous_per_address)
                if user is None
                else (("user", user.id), self._limits.per_user)
            )
            with self._sockets.take([own] if is_free else []) as has_own_place:
                if not (is_free and has_own_place):
                    _log.warning("socket_refused", address=address, user=user and str(user.id))
                    await _refuse_socket(receive, send, "too many sockets")
                    return
                if token is not None and user is not None:
                    self._identified(scope, user)
                find_user = partial(to_thread.run_sync, self._find_session, token or "")
                watched = _WatchedSocket(user, receive, send, find_user, self._read_message, self._on_cleaned)
                try:
                    await self.app(scope, watched.receive, send)
                finally:
                    self._uploads.socket_closed()

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = "/" + scope["path"].replace("\\", "/").lstrip("/").lower()
        send = self._with_headers(scope, send)
        refusal: Response | None = None
        if path.startswith(_CLOSED):
            refusal = PlainTextResponse("Not found", status_code=404)
        elif not _is_clean_address(scope):
            refusal = PlainTextResponse("This address holds characters that can't be used.", status_code=400)
        elif scope["method"] not in _SAFE_METHODS and is_same_origin(scope) is not True:
            refusal = PlainTextResponse("This request came from another site.", status_code=403)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        body = PatientBody(receive, seconds=self._body_seconds)
        if path.startswith(_UPLOADS):
            await self._page_upload(scope, body, send)
        elif path == _FILES:
            await _stream(self.app, scope, body, send)
        else:
            await self._document(scope, body, send)

    async def _page_upload(self, scope: Scope, body: PatientBody, send: Send) -> None:
        """Let a page's file in, if the page is the user's own and there is room for it."""
        user = await self._user(scope)
        if user is None:
            await PlainTextResponse("Please sign in.", status_code=401)(scope, body.receive, send)
            return
        self._identified(scope, user)
        length = announced_length(scope)
        page_session = scope["path"].strip("/").split("/")[2:3]
        try:
            if scope["method"] not in _SAFE_METHODS:
                self._uploads.check(page_session[0] if page_session else "", user)
            if scope["method"] != "PUT":
                await self._document(scope, body, send)
            elif length == math.inf:
                raise UploadRefused("The length of the file has to be told before it.", 411)
            else:
                with self._uploads.room(page_session[0], user, int(length)):
                    await _stream(self.app, scope, body, send)
        except UploadRefused as refused:
            _log.warning("upload_refused", user=str(user.id), reason=refused.sentence)
            answer = PlainTextResponse(refused.sentence, status_code=refused.status, headers=_CLOSE)
            await answer(scope, body.receive, send)

    async def _document(self, scope: Scope, body: PatientBody, send: Send) -> None:
        """Read the whole of a small body before anything sees it."""
        if announced_length(scope) == 0:
            await self.app(scope, body.receive, send)
            return
        refusal = PlainTextResponse("The request holds characters that can't be used.", status_code=400)
        try:
            content = await body.document()
        except BodyTooLargeError:
            refusal = PlainTextResponse("The request is too large.", status_code=413, headers=_CLOSE)
        except BodyTooSlowError:
            refusal = PlainTextResponse("The request came too slowly.", status_code=408, headers=_CLOSE)
        else:
            if content is None:
                return
            if _is_clean_document(content, is_form=_is_form(scope)):
                await self.app(scope, _replayed(content, body.receive), send)
                return
        await refusal(scope, body.receive, send)

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


async def _refuse_socket(receive: Receive, send: Send, reason: str) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": reason})


def _is_clean_address(scope: Scope) -> bool:
    query = unquote_plus(scope["query_string"].decode("latin-1"), errors="replace")
    return is_clean(scope["path"]) and is_clean(query)


def _is_form(scope: Scope) -> bool:
    return any(
        name.lower() == b"content-type" and value.lower().startswith(b"application/x-www-form-urlencoded")
        for name, value in scope["headers"]
    )


def _is_clean_document(content: bytes, *, is_form: bool) -> bool:
    """Whether neither the text nor what it escapes, as JSON or as a form, holds an unwanted character."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    if not is_clean(unquote_plus(text) if is_form else text):
        return False
    # An escaped backslash before it makes no escape; a document that holds such a pair is refused as well.
    return all(is_clean(chr(int(code, 16))) for code in _JSON_ESCAPE.findall(_SURROGATE_PAIR.sub("", text)))


def _replayed(content: bytes, receive: Receive) -> Receive:
    """Return a receive that gives the body that was read, and then what comes after it."""
    waiting = [content]

    async def replay() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replay


async def _stream(app: ASGIApp, scope: Scope, body: PatientBody, send: Send) -> None:
    """Let the application read a body for as long as it comes; the answer to one that stopped is 408."""
    has_begun = False

    async def send_unless_given_up(message: Message) -> None:
        nonlocal has_begun
        if not body.gave_up or has_begun:
            has_begun = True
            await send(message)

    try:
        await app(scope, body.receive, send_unless_given_up)
    except ClientDisconnect:
        if not body.gave_up:
            raise
    if body.gave_up and not has_begun:
        await PlainTextResponse("The request came too slowly.", status_code=408, headers=_CLOSE)(
            scope, body.receive, send
        )


class _WatchedSocket:
    """A socket on which only what may be said is heard.

    Where somebody is signed in, the whole page runs again once the session ended or the rights changed: a
    rerun of one fragment runs neither app.py nor a page's first statement, so what they check would go on
    holding there.
    """

    def __init__(
        self,
        user: SignedInUser | None,
        receive: Receive,
        send: Send,
        find_user: Callable[[], Awaitable[SignedInUser | None]],
        read_message: ReadMessage,
        on_cleaned: Callable[[SignedInUser], None],
    ) -> None:
        self._began_signed_in = user is not None
        self._user = user
        self._receive = receive
        self._send = send
        self._find_user = find_user
        self._read_message = read_message
        self._on_cleaned = on_cleaned

    async def receive(self) -> Message:
        """Return the next message that the application may have."""
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                return message
            if not message.get("bytes"):
                await self._send({"type": "websocket.close", "code": 1003})
                return {"type": "websocket.disconnect", "code": 1003}
            before = self._user
            if self._began_signed_in:
                self._user = await self._find_user()
            heard = self._read_message(
                message["bytes"], is_signed_in=self._user is not None, whole_page=self._user != before
            )
            if heard is None:
                _log.warning("socket_message_refused", user=self._user and str(self._user.id))
                continue
            if heard.was_cleaned and self._user is not None:
                self._on_cleaned(self._user)
            return {**message, "bytes": heard.content}
