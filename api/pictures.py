"""The catalogue's pictures, for everybody who is signed in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from api.identity import signed_in_user
from loyalty_core import rewards
from loyalty_core.access import SignedInUser
from loyalty_core.kernel import current_database

router = APIRouter()

# A picture never changes under its id; the browser keeps it for its user alone.
_KEPT = {"cache-control": "private, max-age=31536000, immutable"}


@router.get("/pictures/{picture_id}")
def picture(picture_id: UUID, user: Annotated[SignedInUser, Depends(signed_in_user)]) -> Response:
    """Show a reward's picture."""
    with current_database().snapshot(user.scope) as connection:
        media_type, image = rewards.picture_of(connection, picture_id)
    return Response(image, media_type=media_type, headers=_KEPT)
