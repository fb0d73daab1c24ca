"""Bring a database to the newest schema, and tell whether it is there."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import create_engine, text

from loyalty_core.kernel import PROJECT_FOLDER, get_logger, sqlalchemy_url

APP_ROLE = "laurel_app"

_log = get_logger(__name__)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(PROJECT_FOLDER / "migrations"))
    return config


def head_revision() -> str:
    """Return the newest revision that this code knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def migrate(owner_url: str, *, app_password: str | None = None) -> str:
    """Migrate the owner's database to the newest revision and return that.

    One at a time, by an advisory lock; all of it in one transaction. The roles are made by the first
    migration; `app_password` is set on `laurel_app` where the server asks for passwords.
    """
    engine = create_engine(sqlalchemy_url(owner_url))
    try:
        with engine.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(hashtextextended('laurel.migrate', 0))"))
            # Under FORCE the owner is bound by row security too: a migration of data must see it all.
            connection.execute(text("select set_config('laurel.everything', 'on', true)"))
            before = MigrationContext.configure(connection).get_current_revision()
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if app_password is not None:
                statement = sql.SQL("alter role {} password {}").format(
                    sql.Identifier(APP_ROLE), sql.Literal(app_password)
                )
                connection.exec_driver_sql(statement.as_string())
        head = head_revision()
        if before != head:
            _log.info("migrated", before=before, after=head)
        return head
    finally:
        engine.dispose()


def current_revision(app_url: str) -> str | None:
    """Return the revision that the database is at, as the application's role sees it."""
    engine = create_engine(sqlalchemy_url(app_url))
    try:
        with engine.connect() as connection:
            revision: str | None = connection.execute(
                text("select version_num from alembic_version")
            ).scalar()
            return revision
    finally:
        engine.dispose()
