"""Signing in with a ticket, and out."""

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.cookies import (
    DEVICE,
    SESSION,
    VISIT,
    clear_cookie,
    cookies_of,
    device_token,
    is_tls,
    session_token,
    set_cookie,
    visit_token,
)
from api.identity import from_own_page
from loyalty_core import access
from loyalty_core.kernel import current_database

router = APIRouter(prefix="/auth", dependencies=[Depends(from_own_page)])


class TicketBody(BaseModel):
    """What the sign-in page hands on."""

    model_config = ConfigDict(extra="forbid")

    ticket: str = Field(min_length=20, max_length=200)


@router.post("/session", status_code=204)
def begin_session(body: TicketBody, request: Request) -> Response:
    """Redeem a sign-in ticket for a session, and know the browser. The visit that got the ticket ends with it."""
    tls = is_tls(request.scope)
    visit = visit_token(cookies_of(request.scope), tls=tls)
    if visit is None:
        raise access.TicketRefused
    database = current_database()
    token = access.redeem_ticket(database, body.ticket, visit=visit)
    earlier = session_token(request.scope)
    if earlier and (user := access.find_session(database, earlier)):
        access.end_session(database, user)
    response = Response(status_code=204, headers={"cache-control": "no-store"})
    set_cookie(response, SESSION, token, tls=tls, max_age=int(access.SESSION_LIFE.total_seconds()))
    device = access.remember_device(database, token, earlier=device_token(request.scope))
    if device is not None:
        set_cookie(response, DEVICE, device, tls=tls, max_age=int(access.DEVICE_LIFE.total_seconds()))
    clear_cookie(response, VISIT, tls=tls)
    return response


@router.post("/sign-out", status_code=204)
def sign_out(request: Request) -> Response:
    """End the session, if there is one, and take its cookie away."""
    token = session_token(request.scope)
    database = current_database()
    if token and (user := access.find_session(database, token)):
        access.end_session(database, user)
    response = Response(status_code=204, headers={"cache-control": "no-store"})
    clear_cookie(response, SESSION, tls=is_tls(request.scope))
    return response
