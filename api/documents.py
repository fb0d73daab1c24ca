"""Photos and scans of claims, shown in the browser to those who may see them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from api.identity import permitted
from loyalty_core import verification
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.kernel import current_runtime

router = APIRouter()


_HEADERS = {"cache-control": "private, no-store", "content-disposition": "inline"}


@router.get("/documents/{document_id}")
def document(
    document_id: UUID, user: Annotated[SignedInUser, Depends(permitted(Permission.SEE_HOME))]
) -> FileResponse:
    """Show a claim's photo or scan as what its contents are, and put on record who looked.

    Whoever may see claims sees those of the own scope, others what they added themselves.
    """
    runtime = current_runtime()
    found, path = verification.fetch_document(runtime.database, runtime.settings, user.scope, document_id)
    return FileResponse(path, media_type=found.media_type, headers=_HEADERS)


@router.get("/documents/{document_id}/pages")
def pages(
    document_id: UUID, user: Annotated[SignedInUser, Depends(permitted(Permission.SEE_HOME))]
) -> FileResponse:
    """Show the first pages of a scan as a picture, to whoever may see the scan, and put on record who looked."""
    runtime = current_runtime()
    found, path = verification.fetch_drawn_document(
        runtime.database, runtime.settings, user.scope, document_id
    )
    is_scan = found.media_type == "application/pdf"
    return FileResponse(path, media_type="image/jpeg" if is_scan else found.media_type, headers=_HEADERS)
