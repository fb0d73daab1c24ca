"""The routes beside Streamlit as one application, and the dispatch between the two."""

from collections.abc import Callable

from fastapi import FastAPI
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from api import documents, files, pictures, sessions
from api.errors import add_error_handlers
from api.health import health_router


def create_api(fault: Callable[[], str | None]) -> FastAPI:
    """Return the application of every route that is not Streamlit's; `fault` is what /readyz asks."""
    app = FastAPI(title="Laurel", docs_url=None, redoc_url=None, openapi_url=None)
    add_error_handlers(app)
    app.include_router(health_router(fault))
    app.include_router(sessions.router)
    app.include_router(files.router)
    app.include_router(pictures.router)
    app.include_router(documents.router)
    return app


class Beside:
    """Sends requests for the API's own routes there, everything else and every socket to Streamlit.

    A page may share its first word with a route: /imports is a page, /imports/<id>/rejected a download.
    """

    def __init__(self, streamlit: ASGIApp, api: FastAPI) -> None:
        self._streamlit = streamlit
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = scope["type"] == "http" and any(
            route.matches(scope)[0] is not Match.NONE for route in self._api.routes
        )
        await (self._api if is_ours else self._streamlit)(scope, receive, send)
