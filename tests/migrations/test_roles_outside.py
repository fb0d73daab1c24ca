"""A PostgreSQL of somebody else's: the owner may create roles and is no superuser; passwords are asked for."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from laurel.embedded import app_url
from laurel.migrate import AppPasswordError, PowerfulRoleError, current_revision, head_revision, migrate
from loyalty_core.kernel import Database
from tests.databases import TestServer, home_of_a_server

pytestmark = pytest.mark.xdist_group("migrations")

PASSWORD = "7 rivers meet under Belgrade's bridge"
OTHER_PASSWORD = "9 rivers meet under Novi Sad's bridge"


class Outside:
    """A server that logs every statement, and a database on it."""

    def __init__(self, home: Path) -> None:
        self.server = TestServer(home)
        self.superuser_url = self.server.empty_database()
        self.told("create role manager login createrole nosuperuser nocreatedb nobypassrls password 'told'")
        self.told("create database partners owner manager")
        self.owner_url = (
            make_url(self.superuser_url)
            .set(database="partners", username="manager", password="told")
            .render_as_string(hide_password=False)
        )
        self.told("alter system set log_statement = 'all'")
        self.told("select pg_reload_conf()")
        # Told to all processes, but not waited for.
        for _time in range(100):
            if self.asked("show log_statement") == "all":
                break
            time.sleep(0.02)

    def asked(self, statement: str) -> str:
        with psycopg.connect(self.superuser_url, autocommit=True) as superuser:
            found: list[tuple[Any, ...]] = superuser.execute(statement.encode()).fetchall()
        return str(found[0][0])

    def told(self, statement: str) -> None:
        with psycopg.connect(self.superuser_url, autocommit=True) as superuser:
            superuser.execute(statement.encode())

    def logged(self) -> str:
        """Return what the server has written in its logs."""
        data = Path(self.asked("show data_directory"))
        files = [*data.parent.rglob("*.log"), *data.rglob("log/*"), *data.parent.glob("*log*")]
        return "".join({file: file.read_text(errors="replace") for file in files if file.is_file()}.values())


@pytest.fixture
def outside() -> Iterator[Outside]:
    home = home_of_a_server()
    made = Outside(home)
    yield made
    made.server.release()
    shutil.rmtree(home)


def test_the_password_is_set_where_it_is_not_taken_yet_and_never_written_in_a_statement(
    outside: Outside,
) -> None:
    for password in (PASSWORD, PASSWORD, OTHER_PASSWORD):
        assert migrate(outside.owner_url, app_password=password) == head_revision()
        database = Database(app_url(outside.owner_url, password))
        assert current_revision(database) == head_revision()
        database.close()
        psycopg.connect(app_url(outside.owner_url, password)).close()
    logged = outside.logged()
    assert logged.count('alter role "laurel_app" password \'SCRAM-SHA-256$') == 2
    assert "rivers meet" not in logged


def test_an_owner_who_may_not_set_the_password_is_told_and_needs_not_where_it_is_taken(
    outside: Outside, capfd: pytest.CaptureFixture[str]
) -> None:
    for role in ("laurel_app login", "laurel_replica", "laurel_backup"):
        outside.told(f"create role {role}")
    with pytest.raises(AppPasswordError, match="LAUREL_APP_PASSWORD") as refusal:
        migrate(outside.owner_url, app_password=PASSWORD)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__
    assert "manager may not set it (permission denied" in refusal.value.sentence
    told = refusal.value.sentence + "".join(capfd.readouterr()) + outside.logged()
    assert "rivers meet" not in told
    outside.told(f"alter role laurel_app password '{OTHER_PASSWORD.replace(chr(39), chr(39) * 2)}'")
    assert migrate(outside.owner_url, app_password=OTHER_PASSWORD) == head_revision()


@pytest.mark.parametrize("attribute", ["superuser", "bypassrls", "createrole"])
def test_a_role_of_the_application_that_row_security_would_not_bind_is_refused(
    outside: Outside, attribute: str
) -> None:
    outside.told(f"create role laurel_app login {attribute}")
    with pytest.raises(PowerfulRoleError, match=f"laurel_app has {attribute}") as refusal:
        migrate(outside.owner_url)
    assert refusal.value.attributes == (attribute,)
    with psycopg.connect(outside.owner_url) as owner:
        tables = owner.execute("select count(*) from pg_tables where schemaname = 'public'").fetchall()
        assert tables == [(0,)]
    outside.told(f"alter role laurel_app no{attribute}")
    assert migrate(outside.owner_url) == head_revision()
    outside.told(f"alter role laurel_app {attribute}")
    # A database that is at the newest schema already, too.
    with pytest.raises(PowerfulRoleError):
        migrate(outside.owner_url)
