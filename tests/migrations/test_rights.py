"""Who may do what, read from the catalogue and tried as the application's role."""

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from laurel.embedded import app_url
from laurel.tables import metadata
from loyalty_core.kernel import ActorKind, Database, Scope, new_id, rights_of
from loyalty_core.settlement import settle_programme
from tests.databases import database_of
from tests.migrations.daily_work import fill_daily_work
from tests.sales.files import bring, row
from tests.settlement.programmes import spring

pytestmark = pytest.mark.xdist_group("migrations")

PROTECTED_BY_WHO_ASKED = {
    *("received_file", "file_import", "quarantined_row"),
    *("import_change", "import_repair", "row_correction"),
}
BELONGING = sorted(
    table.name
    for table in metadata.tables.values()
    if table.name in ("region", "company") or {"region_id", "company_id"} & set(table.columns.keys())
)
PROTECTED = sorted({*BELONGING, *PROTECTED_BY_WHO_ASKED})


@pytest.fixture
def owner(any_owner_url: str) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(any_owner_url, autocommit=True) as connection:
        yield connection


def test_the_application_may_do_to_each_table_what_its_model_says_and_no_more(
    owner: "psycopg.Connection[Any]",
) -> None:
    for table in metadata.tables.values():
        rights = rights_of(table)

        def may(right: str, name: str = table.name) -> bool:
            found: bool = owner.execute(
                "select has_table_privilege('laurel_app', %s, %s)", [name, right]
            ).fetchall()[0][0]
            return found

        assert may("select"), table.name
        assert may("insert") == rights.insert, table.name
        assert may("delete") == rights.delete, table.name
        for never in ("update", "truncate", "references", "trigger"):
            assert not may(never), (table.name, never)
        updatable = {
            column
            for (column,) in owner.execute(
                "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
                " and not attisdropped and has_column_privilege('laurel_app', attrelid, attnum, 'update')",
                [table.name],
            )
        }
        assert updatable == set(rights.updates), table.name


def test_every_table_is_in_a_model(owner: "psycopg.Connection[Any]") -> None:
    found = owner.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')"
        " and relname not like 'procrastinate%' and relname <> 'alembic_version'"
    )
    assert {name for (name,) in found} == set(metadata.tables)


def test_facts_are_only_ever_added() -> None:
    facts = {
        *("sales_line", "award", "posting", "ledger_entry", "lot_use", "audit_record", "audit_link"),
        *("programme_version", "settlement", "received_file"),
        *("claim_decision", "claim_document", "budget_movement", "stock_movement", "order_event"),
    }
    for name in facts:
        rights = rights_of(metadata.tables[name])
        assert (rights.updates, rights.delete) == ((), False), name


def test_the_roles_of_the_application_are_nobodys_superiors(owner: "psycopg.Connection[Any]") -> None:
    roles = owner.execute(
        "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles"
        " where rolname like 'laurel\\_%' order by 1"
    ).fetchall()
    assert roles == [
        (name, False, False, False, False) for name in ("laurel_app", "laurel_backup", "laurel_replica")
    ]
    schemas = owner.execute(
        "select has_schema_privilege('laurel_app', 'public', 'create'),"
        " has_schema_privilege('laurel_app', 'staging', 'create'),"
        " pg_has_role('laurel_app', current_user, 'member')"
    ).fetchall()
    assert schemas == [(False, True, False)]


def test_copies_are_taken_by_roles_that_can_read_all_and_write_nothing(
    owner: "psycopg.Connection[Any]",
) -> None:
    for table in metadata.tables:
        for role in ("laurel_replica", "laurel_backup"):
            rights = owner.execute(
                "select has_table_privilege(%(role)s, %(table)s, 'select'),"
                " has_table_privilege(%(role)s, %(table)s, 'insert, update, delete, truncate'),"
                " has_any_column_privilege(%(role)s, %(table)s, 'insert, update')",
                {"role": role, "table": table},
            ).fetchall()
            assert rights == [(True, False, False)], (table, role)


def test_every_table_with_a_region_or_a_company_is_under_row_security(
    owner: "psycopg.Connection[Any]",
) -> None:
    in_database = {
        name
        for (name,) in owner.execute(
            "select distinct c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid"
            " where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and not a.attisdropped"
            " and (a.attname in ('region_id', 'company_id') or c.relname in ('region', 'company'))"
        )
    }
    assert in_database == set(BELONGING)
    secured = owner.execute(
        "select c.relname, array_agg(p.polname::text order by p.polname) from pg_class c"
        " join pg_policy p on p.polrelid = c.oid where c.relnamespace = 'public'::regnamespace"
        " and c.relrowsecurity and c.relforcerowsecurity group by 1 order by 1"
    ).fetchall()
    assert secured == [(name, ["copies", "scope"]) for name in PROTECTED]


def test_every_row_that_may_change_and_is_followed_is_marked_with_the_transaction_that_changed_it(
    owner: "psycopg.Connection[Any]",
) -> None:
    followed = {
        table.name
        for table in metadata.tables.values()
        if "txid" in table.columns and rights_of(table).updates
    }
    marked = owner.execute(
        "select c.relname from pg_trigger t join pg_class c on c.oid = t.tgrelid"
        " where t.tgname = 'touch_txid' and t.tgenabled = 'O' order by 1"
    ).fetchall()
    assert [name for (name,) in marked] == sorted(followed)
    owner.execute(
        "insert into region (id, code, name, recorded_at) values (gen_random_uuid(), 'R', 'R', now())"
    )
    read = "select txid::text from region where code = 'R'"
    before = owner.execute(read).fetchall()
    owner.execute("update region set name = 'Renamed'")
    assert owner.execute(read).fetchall() != before


def test_no_policy_walks_the_scope_row_by_row(owner: "psycopg.Connection[Any]") -> None:
    policies = owner.execute(
        "select tablename, qual, with_check from pg_policies where policyname = 'scope'"
    ).fetchall()
    for table, visible, writable in policies:
        assert visible == writable, table
        assert "ANY (string_to_array" not in visible, table


@pytest.fixture
def filled(any_owner_url: str, everything: Scope) -> Iterator[Database]:
    """Two regions with a company each, with something in every protected table."""
    database = database_of(any_owner_url)
    spring(database, everything)
    bring(
        database,
        everything,
        [
            row(outlet_code="O1"),
            row(company_code="C2", region="South", outlet_code="O2"),
            row(quantity="0"),
        ],
    )
    settle_programme(database, everything, "spring")
    bring(database, everything, [row(quantity="-1"), row(quantity="-1", company_code="C2", region="South")])
    settle_programme(database, everything, "spring")
    with psycopg.connect(any_owner_url, autocommit=True) as owner:
        fill_daily_work(owner)
    yield database
    database.close()


def count(connection: "psycopg.Connection[Any]", table: str) -> int:
    found: int = connection.execute(
        sql.SQL("select count(*) from {}").format(sql.Identifier(table))
    ).fetchall()[0][0]
    return found


def test_without_a_context_no_protected_row_exists(filled: Database) -> None:
    # The programme's own accounts belong to no company.
    everybodys = {"account": 4}
    with psycopg.connect(filled.app_url) as connection:
        for table in PROTECTED:
            assert count(connection, table) == everybodys.get(table, 0), table
        connection.execute("select set_config('laurel.everything', 'on', true)")
        for table in PROTECTED:
            assert count(connection, table) > everybodys.get(table, 0), table
        connection.commit()
        for table in PROTECTED:
            assert count(connection, table) == everybodys.get(table, 0), table
        setting = connection.execute("select current_setting('laurel.everything', true)").fetchall()
        assert setting == [("",)]


def test_a_pooled_connection_forgets_the_scope_of_the_one_before(filled: Database, everything: Scope) -> None:
    nobody = Scope(ActorKind.USER, "nobody", user_id=new_id())
    for scope, seen in ((everything, 2), (nobody, 0), (everything, 2), (nobody, 0)):
        with filled.transaction(scope) as connection:
            assert len(connection.exec_driver_sql("select id from company").all()) == seen
        with filled.snapshot(scope) as connection:
            assert len(connection.exec_driver_sql("select id from company").all()) == seen


ATTACKS = [
    "alter table sales_line disable row level security",
    "drop policy scope on sales_line",
    "create policy mine on sales_line using (true)",
    "set role laurel_backup",
    "create table public.mine (id int)",
    "alter role laurel_app bypassrls",
    "set session authorization laurel_backup",
    "copy sales_line to program 'cat'",
    "drop table sales_line",
    "update sales_line set quantity = 2",
    "delete from award",
    "truncate posting",
]


def test_the_application_can_neither_lift_row_security_nor_rewrite_facts(any_owner_url: str) -> None:
    for attack in ATTACKS:
        with (
            psycopg.connect(app_url(any_owner_url)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(attack.encode())


def test_rows_cannot_be_written_outside_the_scope(filled: Database) -> None:
    with psycopg.connect(filled.app_url) as connection:
        connection.execute("select set_config('laurel.everything', 'on', true)")
        south, north = (
            connection.execute("select id from region where code = %s", [code]).fetchall()[0][0]
            for code in ("South", "North")
        )
        connection.execute("select set_config('laurel.everything', '', true)")
        connection.execute("select set_config('laurel.regions', %s, true)", [str(north)])
        assert connection.execute("select code from company").fetchall() == [("C1",)]
        assert connection.execute("update company set name = 'taken'").rowcount == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute("update company set region_id = %s", [south])


@pytest.mark.slow
def test_a_scope_of_5000_companies_reads_a_table_of_200000_lines_in_less_than_a_second(
    any_owner_url: str,
) -> None:
    with psycopg.connect(any_owner_url) as owner:
        owner.execute("select set_config('laurel.everything', 'on', true)")
        owner.execute(
            "insert into region (id, code, name, recorded_at) values (gen_random_uuid(), 'R', 'R', now())"
        )
        owner.execute(
            "insert into company (id, code, name, region_id, recorded_at)"
            " select gen_random_uuid(), n::text, n::text, r.id, now() from region r, generate_series(1, 10000) n"
        )
        owner.execute(
            "insert into sales_line (line_key, occurrence, import_id, row_no, company_id, region_id, product_id,"
            " quantity, amount_minor, currency, sold_at, sold_on, recorded_at, invoice_no)"
            " select gen_random_uuid(), 1, c.id, n, c.id, c.region_id, c.id, 1, 1000, 'EUR', now(), current_date,"
            " now(), 'I' from company c, generate_series(1, 20) n"
        )
        owner.execute("analyze company, sales_line")
        chosen = ",".join(
            str(one) for (one,) in owner.execute("select id from company order by id limit 5000")
        )
    best = 60.0
    with psycopg.connect(app_url(any_owner_url)) as connection:
        connection.execute("select set_config('laurel.companies', %s, true)", [chosen])
        for _time in range(3):
            begun = time.monotonic()
            assert count(connection, "sales_line") == 100_000
            best = min(best, time.monotonic() - begun)
    assert best < 1
