"""How a route refuses and fails: a sentence and, for failures, an id that the log knows; never a trace."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from loyalty_core.access import TicketRefused
from loyalty_core.kernel import NotAllowedError, NotFoundError, Refusal, _, get_logger, new_id

_log = get_logger(__name__)


class NotSignedInError(Refusal):
    """There is no living session behind the request."""

    def __init__(self) -> None:
        super().__init__(_("Please sign in."))


class OtherOriginError(Refusal):
    """The request does not come from a page of this host."""

    def __init__(self) -> None:
        super().__init__(_("This request came from another site."))


class UploadTooLargeError(Refusal):
    """The file is larger than Laurel takes."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            _("This file is larger than {limit} GB. Split it, or export it again as CSV.").format(
                limit=limit_bytes // 1024**3
            )
        )
        self.limit_bytes = limit_bytes


class UploadNameRefused(Refusal):
    """The file's name is missing or can't be one."""

    def __init__(self, name: str) -> None:
        super().__init__(_("“{name}” can't be a file's name.").format(name=name[:100]))
        self.name = name


class UploadCutShortError(Refusal):
    """Fewer bytes came than were announced."""

    def __init__(self, file_name: str) -> None:
        super().__init__(_("“{name}” did not arrive whole. Please upload it again.").format(name=file_name))
        self.file_name = file_name


class NoSpaceLeftError(Refusal):
    """The disk is full; nothing of the file was kept."""

    def __init__(self, file_name: str) -> None:
        super().__init__(
            _("There is no room left on the server for “{name}”. Tell an administrator.").format(
                name=file_name
            )
        )
        self.file_name = file_name


_STATUS_OF: list[tuple[type[Refusal], int]] = [
    (NotSignedInError, 401),
    (NotAllowedError, 403),
    (OtherOriginError, 403),
    (TicketRefused, 403),
    (NotFoundError, 404),
    (UploadTooLargeError, 413),
    (NoSpaceLeftError, 507),
]


def _status_of(refusal: Refusal) -> int:
    return next((status for kind, status in _STATUS_OF if isinstance(refusal, kind)), 422)


def add_error_handlers(app: FastAPI) -> None:
    """Let refusals answer with their sentence and failures with an id."""

    @app.exception_handler(Refusal)
    async def refuse(_request: Request, refusal: Refusal) -> JSONResponse:
        return JSONResponse({"error": refusal.sentence}, status_code=_status_of(refusal))

    @app.exception_handler(RequestValidationError)
    async def refuse_shape(_request: Request, error: RequestValidationError) -> JSONResponse:
        places = [{"where": list(each["loc"]), "what": each["msg"]} for each in error.errors()]
        return JSONResponse(
            {"error": _("The request is not well formed."), "detail": places}, status_code=422
        )

    @app.exception_handler(HTTPException)
    async def tell(_request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse(
            {"error": str(error.detail)}, status_code=error.status_code, headers=error.headers
        )

    @app.exception_handler(Exception)
    async def fail(request: Request, error: Exception) -> JSONResponse:
        error_id = str(new_id())
        _log.error("request_failed", error_id=error_id, path=request.url.path, exc_info=error)
        return JSONResponse(
            {"error": _("Something went wrong on our side."), "error_id": error_id}, status_code=500
        )
