"""Who asks a route, and whether they may."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, Request

from api.cookies import session_token
from api.errors import NotSignedInError, OtherOriginError
from api.guard import is_same_origin
from loyalty_core import access
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.kernel import NotAllowedError, _, current_database, current_locale


async def signed_in_user(request: Request) -> SignedInUser:
    """Return who holds the request's living session. Raises NotSignedInError."""
    token = session_token(request.scope)
    user = await to_thread.run_sync(access.find_session, current_database(), token) if token else None
    if user is None:
        raise NotSignedInError
    current_locale.set(user.locale)
    return user


def permitted(permission: Permission) -> Callable[..., Awaitable[SignedInUser]]:
    """Return a dependency that gives the signed-in user who may, and refuses everybody else."""

    async def user_who_may(user: Annotated[SignedInUser, Depends(signed_in_user)]) -> SignedInUser:
        if user.password_is_temporary or not user.may(permission):
            raise NotAllowedError(_("Your roles don't allow this. Ask an administrator."))
        return user

    return user_who_may


async def from_own_page(request: Request) -> None:
    """Refuse what changes something unless a page of this host asks for it. Raises OtherOriginError."""
    if is_same_origin(request.scope) is not True:
        raise OtherOriginError
