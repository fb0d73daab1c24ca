"""What a command works with: a running, migrated database and the settings, started if nobody has."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from laurel.embedded import app_url, embedded_server
from laurel.migrate import migrate
from laurel.secrets import app_password
from loyalty_core.kernel import Database, Settings, libpq_url


@dataclass(frozen=True, slots=True)
class Workplace:
    """An open database with its settings."""

    database: Database
    settings: Settings
    owner_url: str


@contextmanager
def open_workplace(settings: Settings) -> Iterator[Workplace]:
    """Open the database of the settings, at the newest schema; the embedded server stops with its last user."""
    settings.home.mkdir(parents=True, exist_ok=True)
    server = (
        nullcontext(libpq_url(settings.database_url))
        if settings.database_url is not None
        else embedded_server(settings.home)
    )
    with server as owner_url:
        password = app_password(settings, owner_url)
        migrate(owner_url, app_password=password)
        database = Database(app_url(owner_url, password))
        try:
            yield Workplace(database, settings, owner_url)
        finally:
            database.close()
