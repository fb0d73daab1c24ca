"""A small Laurel for the supervisor's tests: its real worker with tasks that only sleep, and a bare web server.

python -m tests.server.small run PORT [CHILD…]      the supervisor, as `laurel run` calls it
python -m tests.server.small web|stubborn PORT      answers /readyz, /pid and a web socket; or ignores SIGTERM
python -m tests.server.small worker                 the worker
"""

import asyncio
import os
import signal
import sys
import time
import types
from typing import Any
from uuid import UUID

import psycopg
import uvicorn
from psycopg import sql

from laurel import supervisor, worker
from laurel.jobs import procrastinate_grants_sql, procrastinate_schema_sql
from laurel.secrets import app_password
from loyalty_core.kernel import Database, Refusal, Scope, Settings, configure_logs

TABLES = """
    create role laurel_app login;
    create table run (id bigint generated always as identity, import_id uuid, state text, pid int);
    grant select, insert on run to laurel_app;
    grant usage on all sequences in schema public to laurel_app;
"""


def prepare(owner_url: str) -> None:
    """Make what migrations make in the real one, once."""
    with psycopg.connect(owner_url) as connection:
        found = connection.execute("select to_regclass('run')").fetchone()
        if found == (None,):
            connection.execute(procrastinate_schema_sql().encode())
            connection.execute(TABLES)
            connection.execute(
                sql.SQL("alter role laurel_app password {}").format(
                    sql.Literal(app_password(Settings.from_environment(), owner_url))
                )
            )
            connection.execute(procrastinate_grants_sql().encode())
    print("preparing", file=sys.stderr, flush=True)
    time.sleep(float(os.environ.get("SMALL_PREPARES_SECONDS", "0")))


def note(database: Database, import_id: UUID, state: str) -> None:
    """Write into the table `run` that an import got this far."""
    with database.transaction(Scope.of_system()) as connection:
        connection.exec_driver_sql(
            "insert into run (import_id, state, pid) values (%s, %s, %s)", (import_id, state, os.getpid())
        )


def run_import(database: Database, settings: Settings, import_id: UUID) -> None:
    """Sleep as many seconds as the file in the home says: long for the first try, not at all later."""
    note(database, import_id, "began")
    seconds = settings.home / "sleep"
    if seconds.exists():
        time.sleep(float(seconds.read_text()))
    note(database, import_id, "ended")


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An ASGI app that is ready when the database answers, and keeps a web socket open for good."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    status, body = 200, str(os.getpid())
    if scope["path"] == "/readyz":
        try:
            connection = await psycopg.AsyncConnection.connect(
                os.environ["LAUREL_APP_URL"], connect_timeout=2
            )
            await connection.execute("select count(*) from run")
            await connection.close()
        except psycopg.Error as error:
            status, body = 503, str(error)
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body.encode()})


def main(arguments: list[str]) -> int:
    """Do what the module's docstring says."""
    configure_logs()
    what, port = arguments[0], arguments[1] if len(arguments) > 1 else "0"
    me = [sys.executable, "-m", "tests.server.small"]
    if what == "run":
        names = arguments[2:] or ["worker", "web"]
        children = [supervisor.Program(name, [*me, name, port]) for name in names]
        try:
            return supervisor.run(
                Settings.from_environment(), port=int(port), prepare=prepare, children=children
            )
        except Refusal as refusal:
            print(refusal.sentence, file=sys.stderr)
            return 1
    if what == "worker":
        tasks = types.ModuleType("laurel.tasks")
        vars(tasks).update(run_import=run_import, chain_audit=lambda *_: None, clean_up=lambda *_: None)
        sys.modules["laurel.tasks"] = tasks
        return worker.main([])
    if what == "web":
        uvicorn.run(application, port=int(port), log_level="warning", timeout_graceful_shutdown=3)
        return 0
    if what == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        asyncio.run(uvicorn.Server(uvicorn.Config(application, port=int(port))).serve())
        return 0
    return 7


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
