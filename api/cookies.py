"""The three cookies: of the visit, which every browser gets, of the session, which signing in makes, and of the
browser that somebody signed in with, which outlives it."""

from collections.abc import Mapping

from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import Scope

from loyalty_core import access

VISIT = access.VISIT_COOKIE
SESSION = "laurel_session"
DEVICE = access.DEVICE_COOKIE


def is_tls(scope: Scope) -> bool:
    """Whether the browser came over TLS: to this process, or to a proxy whose word it takes."""
    return scope.get("scheme") in ("https", "wss")


def cookie_name(plain: str, *, tls: bool) -> str:
    """Return the cookie's name. Under TLS the prefix keeps other hosts and plain HTTP from setting it."""
    return f"__Host-{plain}" if tls else plain


def cookies_of(scope: Scope) -> dict[str, str]:
    """Return the cookies of a request or a socket's handshake; of a name sent twice, none."""
    found: dict[str, str] = {}
    doubled: set[str] = set()
    for name, value in scope["headers"]:
        if name.lower() != b"cookie":
            continue
        for pair in value.decode("latin-1").split(";"):
            for key, content in cookie_parser(pair).items():
                if key in found:
                    doubled.add(key)
                found[key] = content
    return {key: content for key, content in found.items() if key not in doubled}


def session_token(scope: Scope) -> str | None:
    """Return the session's token as the browser sent it, unverified."""
    return cookies_of(scope).get(cookie_name(SESSION, tls=is_tls(scope))) or None


def visit_token(cookies: Mapping[str, str], *, tls: bool) -> str | None:
    """Return the visit's token."""
    return cookies.get(cookie_name(VISIT, tls=tls)) or None


def device_token(scope: Scope) -> str | None:
    """Return what the browser says it is known as, unverified."""
    return cookies_of(scope).get(cookie_name(DEVICE, tls=is_tls(scope))) or None


def set_cookie(response: Response, plain: str, value: str, *, tls: bool, max_age: int | None = None) -> None:
    """Set one of the three: HttpOnly, SameSite=Lax, for this host only, Secure under TLS."""
    response.set_cookie(
        cookie_name(plain, tls=tls),
        value,
        max_age=max_age,
        path="/",
        secure=tls,
        httponly=True,
        samesite="lax",
    )


def clear_cookie(response: Response, plain: str, *, tls: bool) -> None:
    """Take it away from the browser."""
    response.delete_cookie(cookie_name(plain, tls=tls), path="/", secure=tls, httponly=True, samesite="lax")
