"""Bring a database to the newest schema, and tell whether it is there."""

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, Engine, create_engine, text

from laurel.embedded import app_url
from laurel.tables import metadata
from loyalty_core.kernel import (
    PROJECT_FOLDER,
    Database,
    Refusal,
    Scope,
    _,
    driver_connection,
    get_logger,
    sqlalchemy_url,
)

APP_ROLE = "laurel_app"

_log = get_logger(__name__)


class AppPasswordError(Refusal):
    """The database does not let the owner set the password of `laurel_app`. It carries why, never the password."""

    def __init__(self, owner: str, reason: str) -> None:
        super().__init__(
            _(
                "The database does not know the password that Laurel has for the role {role}, and {owner} may not "
                "set it ({reason}). Put the role's password in LAUREL_APP_PASSWORD, or let a superuser run "
                "`grant {role} to {owner} with admin option`."
            ).format(role=APP_ROLE, owner=owner, reason=reason)
        )
        self.owner = owner
        self.reason = reason


class PowerfulRoleError(Refusal):
    """The role of the application could go round row security. It carries the attributes that let it."""

    def __init__(self, attributes: tuple[str, ...]) -> None:
        super().__init__(
            _(
                "The database role {role} has {attributes}, so that nothing would keep people from rows outside "
                "their scope. Let a superuser run `alter role {role} nosuperuser nobypassrls nocreaterole` and "
                "start again; nothing was migrated."
            ).format(role=APP_ROLE, attributes=", ".join(attributes))
        )
        self.attributes = attributes


def migrations_config() -> Config:
    """Return alembic's configuration, with our migrations."""
    config = Config()
    config.set_main_option("script_location", str(PROJECT_FOLDER / "migrations"))
    return config


def head_revision() -> str:
    """Return the newest revision that this code knows."""
    head = ScriptDirectory.from_config(migrations_config()).get_current_head()
    assert head is not None
    return head


def migrate(owner_url: str, *, app_password: str | None = None, revision: str = "head") -> str:
    """Migrate the owner's database to the revision, the newest unless told, and return the newest.

    One at a time, by an advisory lock; all of it in one transaction. The roles are made by the first
    migration; `app_password` is then set on `laurel_app` where the server does not take it already.
    Raises PowerfulRoleError, AppPasswordError.
    """
    engine = create_engine(sqlalchemy_url(owner_url), hide_parameters=True)
    try:
        with engine.begin() as connection:
            _lock(connection)
            # Under FORCE the owner is bound by row security too: a migration of data must see it all.
            connection.execute(text("select set_config('laurel.everything', 'on', true)"))
            before = MigrationContext.configure(connection).get_current_revision()
            config = migrations_config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            _refuse_a_powerful_role(connection)
        if app_password is not None:
            _set_password(engine, owner_url, app_password)
        head = head_revision()
        if before != head:
            _log.info("migrated", before=before, after=head)
        return head
    finally:
        engine.dispose()


def _lock(connection: Connection) -> None:
    connection.execute(text("select pg_advisory_xact_lock(hashtextextended('laurel.migrate', 0))"))


def _refuse_a_powerful_role(connection: Connection) -> None:
    row = connection.execute(
        text("select rolsuper, rolbypassrls, rolcreaterole from pg_roles where rolname = :role"),
        {"role": APP_ROLE},
    ).one()
    names = ("superuser", "bypassrls", "createrole")
    attributes = tuple(name for name, has in zip(names, row, strict=True) if has)
    if attributes:
        raise PowerfulRoleError(attributes)


def _set_password(engine: Engine, owner_url: str, password: str) -> None:
    """Make the server take the password of `laurel_app`, which others may have made and set already."""
    with engine.begin() as connection:
        _lock(connection)
        if _is_taken(owner_url, password):
            return
        driver = driver_connection(connection)
        # Hashed here: the server's log and an error's text show the statement.
        verifier = driver.pgconn.encrypt_password(password.encode(), APP_ROLE.encode(), b"scram-sha-256")
        statement = sql.SQL("alter role {} password {}").format(
            sql.Identifier(APP_ROLE), sql.Literal(verifier.decode())
        )
        try:
            driver.execute(statement)
        except psycopg.Error as error:
            raise AppPasswordError(driver.info.user, error.diag.message_primary or "") from None


def _is_taken(owner_url: str, password: str) -> bool:
    """Whether the server lets the application in with the password."""
    try:
        psycopg.connect(app_url(owner_url), password=password).close()
    except psycopg.OperationalError:
        return False
    return True


def empty_database(owner_url: str) -> None:
    """Remove every row of every table and every job, as after the first migration; the schema and roles stay.

    For a database in which nothing but an unfinished demo lies.
    """
    engine = create_engine(sqlalchemy_url(owner_url))
    tables = [sql.Identifier(table.name) for table in metadata.sorted_tables]
    jobs = [sql.Identifier("procrastinate_jobs"), sql.Identifier("procrastinate_periodic_defers")]
    try:
        with engine.begin() as connection:
            _lock(connection)
            driver_connection(connection).execute(
                sql.SQL("truncate {} restart identity cascade").format(sql.SQL(", ").join([*tables, *jobs]))
            )
    finally:
        engine.dispose()


def current_revision(database: Database) -> str | None:
    """Return the revision that the database is at, as the application's role sees it."""
    with database.transaction(Scope.of_system("readiness")) as connection:
        revision: str | None = connection.execute(text("select version_num from alembic_version")).scalar()
        return revision
