"""The web process: one ASGI application, Streamlit with the API beside it, behind one guard.

    python -m laurel.web --host 127.0.0.1 --port 8501

LAUREL_APP_URL is the application's URL of a migrated database; LAUREL_HOME where files lie.
LAUREL_TRUSTED_PROXIES names, separated by commas, the proxies whose word on address and TLS is taken.
LAUREL_SOCKETS_PER_USER, LAUREL_SOCKETS_PER_ADDRESS and LAUREL_ANONYMOUS_SOCKETS_PER_ADDRESS say how many pages
may be open at once; the address is a proxy's where that proxy isn't trusted.
"""

import argparse
import logging
import math
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import streamlit
import uvicorn
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError
from starlette.types import ASGIApp
from streamlit.runtime.pages_manager import PagesManager
from streamlit.starlette import App

from api import Beside, Guard, SocketLimits, create_api
from laurel import registers as _registers  # noqa: F401 what it imports is what counts
from laurel.compressed_assets import CompressedAssets
from laurel.migrate import current_revision, head_revision
from laurel.patient_http import PatientProtocol
from laurel.socket_messages import read_message
from laurel.upload_space import UploadSpace
from loyalty_core import access, analytics
from loyalty_core.kernel import (
    PROJECT_FOLDER,
    Database,
    Runtime,
    Settings,
    configure_logs,
    get_logger,
    use_runtime,
)
from ui import charts
from ui.cleaned_text import note_cleaned_text
from ui.errors import show_script_error

READINESS_SECONDS = 1.0
# What pages send is the state of their fields: the largest are tables that people edit.
LARGEST_MESSAGE = 4 * 1024**2
INDEX_PAGE = Path(streamlit.__file__).parent / "static" / "index.html"

_log = get_logger(__name__)


def readiness_fault(database: Database) -> str | None:
    """Return what keeps this process from serving, or None: the database must answer, at the newest schema."""
    try:
        found = current_revision(database)
    except ProgrammingError:
        found = None
    except SQLAlchemyError as error:
        _log.warning("database_does_not_answer", error=str(error.__cause__ or error))
        return "the database does not answer"
    if found != head_revision():
        return "the database is not migrated to this version"
    return None


class Readiness:
    """The answer of `readiness_fault`, asked once a second at most, whoever asks how often."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking = threading.Lock()
        self._fault: str | None = None
        self._asked_at = -math.inf

    def fault(self) -> str | None:
        """Return what keeps this process from serving, or None, as it was a second ago at most."""
        with self._asking:
            if time.monotonic() - self._asked_at >= READINESS_SECONDS:
                self._fault = readiness_fault(self._database)
                self._asked_at = time.monotonic()
            return self._fault


@contextmanager
def replica_kept_fresh(runtime: Runtime) -> Iterator[None]:
    """Keep a replica of the database inside the block: the one background thread of this process pulls it."""
    path = analytics.replica_path(runtime.settings.private_folder("replica"))
    replica = analytics.Replica(runtime.database, path)
    puller = analytics.Puller(replica)
    analytics.use_replica(replica)
    puller.start()
    try:
        yield
    finally:
        analytics.use_replica(None)
        puller.stop()
        replica.close()
        analytics.remove_replica(path)


def _hand_logs_to_the_root() -> None:
    """Undo Streamlit's own handlers, so that every line is JSON; a request is no news and is not logged."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("streamlit", "uvicorn", "websockets"):
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.propagate = name != "uvicorn.access"
            logger.setLevel(logging.WARNING)


def socket_limits() -> SocketLimits:
    """Return how many sockets people may open, from the environment where it says so."""
    usual = SocketLimits()
    return SocketLimits(
        per_user=int(os.environ.get("LAUREL_SOCKETS_PER_USER") or usual.per_user),
        per_address=int(os.environ.get("LAUREL_SOCKETS_PER_ADDRESS") or usual.per_address),
        anonymous_per_address=int(
            os.environ.get("LAUREL_ANONYMOUS_SOCKETS_PER_ADDRESS") or usual.anonymous_per_address
        ),
    )


def create_application(runtime: Runtime) -> ASGIApp:
    """Return the whole application; one a process, for Streamlit's runtime and settings are the process's."""
    use_runtime(runtime)
    charts.warm_up()

    # Before the first st.navigation call, Streamlit takes every pages/ folder for its own and serves what lies
    # flat in it without running app.py; here it never does.
    PagesManager.uses_pages_directory = False

    @asynccontextmanager
    async def lifespan(_app: App) -> AsyncIterator[None]:
        _hand_logs_to_the_root()
        with replica_kept_fresh(runtime):
            _log.info("web_started")
            yield
        _log.info("web_stopped")

    pages = App(PROJECT_FOLDER / "app.py", lifespan=lifespan, on_script_error=show_script_error)
    api = create_api(Readiness(runtime.database).fault)
    return Guard(
        CompressedAssets(Beside(pages, api), INDEX_PAGE.parent),
        index_page=INDEX_PAGE,
        find_session=partial(access.find_session, runtime.database),
        read_message=read_message,
        uploads=UploadSpace(),
        on_cleaned=note_cleaned_text,
        limits=socket_limits(),
    )


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m laurel.web", description="The web process of Laurel.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--tls-certificate", help="PEM file of the certificate chain; needs --tls-key")
    parser.add_argument("--tls-key", help="PEM file of its key")
    options = parser.parse_args()
    configure_logs()
    database = Database(os.environ["LAUREL_APP_URL"])
    proxies = os.environ.get("LAUREL_TRUSTED_PROXIES", "")
    try:
        uvicorn.run(
            create_application(Runtime(database, Settings.from_environment())),
            host=options.host,
            port=options.port,
            ssl_certfile=options.tls_certificate,
            ssl_keyfile=options.tls_key,
            lifespan="on",
            http=PatientProtocol,
            ws_max_size=LARGEST_MESSAGE,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=proxies or None,
            timeout_graceful_shutdown=5,
        )
    finally:
        database.close()


if __name__ == "__main__":
    main()
