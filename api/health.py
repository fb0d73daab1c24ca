"""Whether the process lives, and whether it can serve."""

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import JSONResponse


def health_router(fault: Callable[[], str | None]) -> APIRouter:
    """Return the two routes; `fault` says what is missing, or None when requests can be served."""
    router = APIRouter()

    @router.get("/healthz")
    async def alive() -> JSONResponse:
        return JSONResponse({"status": "alive"}, headers={"cache-control": "no-store"})

    @router.get("/readyz")
    def ready() -> JSONResponse:
        found = fault()
        return JSONResponse(
            {"status": "ready"} if found is None else {"status": "not ready", "reason": found},
            status_code=200 if found is None else 503,
            headers={"cache-control": "no-store"},
        )

    return router
