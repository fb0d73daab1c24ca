import os
import shutil
import subprocess
import sys

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, create_engine, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.engine import make_url

from laurel.embedded import app_url
from laurel.migrate import current_revision, head_revision, migrate
from laurel.tables import metadata
from loyalty_core.audit import Xid8
from loyalty_core.kernel import PROJECT_FOLDER, Database, Scope, sqlalchemy_url
from tests.databases import TestServer, database_of, home_of_a_server
from tests.sales.files import bring, row, stored

pytestmark = pytest.mark.xdist_group("migrations")


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


def test_the_migrated_schema_is_what_the_models_say(
    any_owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without it SQLAlchemy warns of a type that it does not know and does not compare it.
    monkeypatch.setitem(ischema_names, "xid8", Xid8)
    engine = create_engine(sqlalchemy_url(any_owner_url))
    with engine.connect() as connection:
        version = connection.execute(text("show server_version_num")).scalar_one()
        context = MigrationContext.configure(
            connection, opts={"include_name": is_ours, "compare_server_default": True, "compare_type": True}
        )
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []
    assert int(version) // 10_000 in (16, 18)


def test_the_checks_in_the_database_are_those_of_the_models(any_owner_url: str) -> None:
    in_models = {
        (table.name, str(constraint.name))
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    with psycopg.connect(any_owner_url) as owner:
        in_database = owner.execute(
            "select c.relname, k.conname from pg_constraint k join pg_class c on c.oid = k.conrelid"
            " where c.relnamespace = 'public'::regnamespace and k.contype = 'c'"
            " and c.relname not like 'procrastinate%'"
        ).fetchall()
    short_names = {(table, name.removeprefix(f"ck_{table}_")) for table, name in in_database}
    assert short_names == {(table, name.removeprefix(f"ck_{table}_")) for table, name in in_models}


def test_migrating_twice_changes_nothing(any_server: TestServer) -> None:
    url = any_server.empty_database()
    assert migrate(url) == migrate(url) == head_revision()
    database = database_of(url)
    assert current_revision(database) == head_revision()
    database.close()
    any_server.drop_database(url)


def test_processes_that_migrate_at_once_take_turns(any_server: TestServer) -> None:
    url = any_server.empty_database()
    script = "import os; from laurel.migrate import migrate; print(migrate(os.environ['OWNER_URL']))"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=PROJECT_FOLDER,
            env={**os.environ, "OWNER_URL": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _number in range(2)
    ]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert out.splitlines()[-1] == head_revision()
    any_server.drop_database(url)


@pytest.mark.parametrize("version", [18, pytest.param(16, marks=pytest.mark.slow)])
def test_an_owner_who_may_create_roles_and_nothing_more_can_migrate_and_the_application_works(
    version: int, everything: Scope
) -> None:
    home = home_of_a_server()
    # A server of its own: on one where the roles are there already, somebody else made them.
    server = TestServer(home, postgres_version=version)
    try:
        superuser_url = server.empty_database()
        with psycopg.connect(superuser_url, autocommit=True) as superuser:
            superuser.execute(
                "create role manager login createrole nosuperuser nocreatedb nobypassrls password 'told'"
            )
            superuser.execute("create database partners owner manager")
        owner_url = (
            make_url(superuser_url)
            .set(database="partners", username="manager", password="told")
            .render_as_string(hide_password=False)
        )
        password = "7 rivers meet under Belgrade's bridge"
        for _time in range(2):
            assert migrate(owner_url, app_password=password) == head_revision()
        database = Database(app_url(owner_url, password))
        assert bring(database, everything, [row(), row(invoice_no="I2")]).counts == (2, 0, 0)
        with database.transaction(everything) as connection:
            assert len(stored(connection)) == 2
        database.close()
        with psycopg.connect(owner_url) as owner:
            # Under FORCE the owner too sees only what a context shows.
            assert owner.execute("select count(*) from sales_line").fetchall() == [(0,)]
    finally:
        server.release()
        shutil.rmtree(home)
