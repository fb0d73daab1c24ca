"""Streamlit's own scripts and styles, compressed: it serves them as they are, eleven megabytes where three suffice.

Each file is compressed when it is first asked for and kept, some six megabytes in all. Their names carry a hash of
what they hold, so browsers keep them for a year.
"""

import gzip
from pathlib import Path

from anyio import to_thread
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

_PREFIX = "/static/"
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_WORTH_IT_BYTES = 1024
_KEPT = "public, max-age=31536000, immutable"


class CompressedAssets:
    """Answers for the files of one folder to browsers that take gzip, and hands on everything else."""

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        """`folder` holds `static/` as it is served."""
        self._app = app
        self._files = {
            f"{_PREFIX}{path.relative_to(folder / 'static').as_posix()}": path
            for path in (folder / "static").rglob("*")
            if path.suffix in _MEDIA_TYPES and path.stat().st_size >= _WORTH_IT_BYTES
        }
        self._compressed: dict[str, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an ASGI scope."""
        if scope["type"] == "http" and scope["method"] == "GET" and _takes_gzip(scope):
            path = self._files.get(scope["path"])
            if path is not None:
                await (await self._answer(scope["path"], path))(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _answer(self, name: str, path: Path) -> Response:
        if name not in self._compressed:
            self._compressed[name] = await to_thread.run_sync(
                lambda: gzip.compress(path.read_bytes(), mtime=0)
            )
        return Response(
            self._compressed[name],
            media_type=_MEDIA_TYPES[path.suffix],
            headers={"content-encoding": "gzip", "vary": "accept-encoding", "cache-control": _KEPT},
        )


def _takes_gzip(scope: Scope) -> bool:
    """Whether the browser says so, and asks for the whole file."""
    headers = {name.lower(): value for name, value in scope["headers"]}
    return b"gzip" in headers.get(b"accept-encoding", b"") and b"range" not in headers
