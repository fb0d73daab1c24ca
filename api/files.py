"""Files in and out: uploads streamed to disk, originals and exports handed back."""

import errno
import hashlib
import os
from pathlib import Path
from typing import Annotated
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse, JSONResponse
from starlette.requests import ClientDisconnect

from api.errors import NoSpaceLeftError, UploadCutShortError, UploadNameRefused, UploadTooLargeError
from api.identity import from_own_page, permitted, signed_in_user
from loyalty_core import access, audit, intake
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.intake import UnknownFileError
from loyalty_core.kernel import current_runtime, new_id

UPLOAD_LIMIT_BYTES = 2 * 1024**3
_WRITE_BYTES = 1024**2
_OUT_OF_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

router = APIRouter()


def clean_file_name(name: str) -> str:
    """Return the last part of the path that a browser may send. Raises UploadNameRefused."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1].strip()
    if not last or last in (".", "..") or len(last) > 255 or not last.isprintable():
        raise UploadNameRefused(name)
    return last


class _Incoming:
    """A file that is arriving: hashed while it is written, gone unless it was taken over."""

    def __init__(self, folder: Path, file_name: str) -> None:
        self.file_name = file_name
        self.path = folder / f"{new_id().hex}.part"
        self.size = 0
        self._digest = hashlib.sha256()
        self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", 0)

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]
        self._digest.update(data)
        self.size += len(data)

    def finish(self) -> str:
        os.fsync(self._file.fileno())
        self._file.close()
        return self._digest.hexdigest()

    def discard(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


async def _receive(request: Request, incoming: _Incoming) -> None:
    buffered = bytearray()
    async for piece in request.stream():
        buffered += piece
        if incoming.size + len(buffered) > UPLOAD_LIMIT_BYTES:
            raise UploadTooLargeError(UPLOAD_LIMIT_BYTES)
        if len(buffered) >= _WRITE_BYTES:
            await to_thread.run_sync(incoming.write, bytes(buffered))
            buffered.clear()
    if buffered:
        await to_thread.run_sync(incoming.write, bytes(buffered))


@router.put("/files", status_code=201, dependencies=[Depends(from_own_page)])
async def upload(
    request: Request,
    name: Annotated[str, Query(max_length=1000)],
    user: Annotated[SignedInUser, Depends(permitted(Permission.UPLOAD_FILES))],
) -> JSONResponse:
    """Take a file of up to 2 GB as the request's body and answer with its id."""
    file_name = clean_file_name(name)
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > UPLOAD_LIMIT_BYTES:
        raise UploadTooLargeError(UPLOAD_LIMIT_BYTES)
    runtime = current_runtime()
    folder = runtime.settings.private_folder("files/incoming")
    try:
        incoming = _Incoming(folder, file_name)
        try:
            await _receive(request, incoming)
            sha256 = await to_thread.run_sync(incoming.finish)
            file_id = await to_thread.run_sync(
                lambda: intake.receive_upload(
                    runtime.database,
                    runtime.settings,
                    user.scope,
                    file_name=file_name,
                    stored=incoming.path,
                    sha256=sha256,
                    size_bytes=incoming.size,
                )
            )
        finally:
            incoming.discard()
    except ClientDisconnect as error:
        raise UploadCutShortError(file_name) from error
    except OSError as error:
        if error.errno in _OUT_OF_SPACE:
            raise NoSpaceLeftError(file_name) from error
        raise
    return JSONResponse({"file": str(file_id)}, status_code=201)


def attachment(path: Path, file_name: str, media_type: str = "application/octet-stream") -> FileResponse:
    """Answer with a file that the browser saves and never shows."""
    return FileResponse(
        path, media_type=media_type, filename=file_name, headers={"cache-control": "private, no-store"}
    )


@router.get("/files/{file_id}")
def original(
    file_id: UUID, user: Annotated[SignedInUser, Depends(permitted(Permission.DOWNLOAD_ORIGINALS))]
) -> FileResponse:
    """Hand back a file as it was uploaded, and put that on record."""
    runtime = current_runtime()
    with runtime.database.transaction(user.scope) as connection:
        found = intake.file_by_id(connection, file_id)
        path = intake.stored_path(runtime.settings, found.sha256)
        if not path.exists():
            raise UnknownFileError(file_id)
        audit.record(
            connection,
            user.scope,
            "intake.original_fetched",
            "file",
            file_id,
            {"file_name": found.file_name},
        )
    return attachment(path, found.file_name)


@router.get("/exports/{export_id}")
def export(export_id: UUID, user: Annotated[SignedInUser, Depends(signed_in_user)]) -> FileResponse:
    """Hand out a file that was made for this user; the permission that it needs is asked again."""
    runtime = current_runtime()
    found = access.fetch_export(runtime.database, user, runtime.settings.exports_folder, export_id)
    return attachment(found.path, found.file_name, found.media_type)
