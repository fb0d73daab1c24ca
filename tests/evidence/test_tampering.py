"""What the owner of the database, or of the files, changes behind the commands' back, the check of the books finds."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from PIL import Image
from sqlalchemy import text

from laurel.books import books_of
from loyalty_core import access, ledger, organisation, verification
from loyalty_core.kernel import Database, Scope, Settings, now
from loyalty_core.sales.evidence import RECORDED
from loyalty_core.settlement import check_books, settle_programme
from tests.corrections.undoing import undo
from tests.databases import TestServer, database_of
from tests.intake.field import imported, lines, settings_in, write
from tests.settlement.programmes import spring

EVERYTHING = Scope.of_system("test")


def _photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(out, "JPEG")
    return out.getvalue()


PHOTO = _photo()
PASSWORD = "a long enough word for anna"

LINES = "the sales lines of an import are those that the audit recorded"
CAME = "every sales line came with a record of the audit"
SOURCE = "every posting is of a known source"
ROLE = "every role was given on record"
SCOPE = "every scope was given on record"
LET_IN = "everybody who may sign in was let in on record"
ORIGINAL = "every original file is what was received"
DOCUMENT = "every document of a claim is what was added"

ONE_LINE = "where id = (select min(id) from sales_line)"
OF_ANNA = "where user_id = (select id from app_user where name = 'anna')"
TAMPERING = [
    *(
        (LINES, f"update sales_line set {change} {ONE_LINE}")
        for change in (
            "amount_minor = amount_minor + 1",
            "quantity = quantity + 1, amount_minor = amount_minor * 2",
            "quantity = 2.00",
            "unit_price = null",
            "currency = 'PLN'",
            "sold_on = sold_on + 1",
            "sold_at = sold_at + interval '1 microsecond'",
            "invoice_no = 'another'",
            "row_no = row_no + 100",
            "import_id = gen_random_uuid()",
            "company_id = (select company_id from sales_line order by id desc limit 1)",
        )
    ),
    (LINES, f"delete from sales_line {ONE_LINE}"),
    (LINES, "delete from sales_line where reverses_id is not null"),
    (LINES, f"update sales_line set txid = '1' {ONE_LINE}"),
    (CAME, f"update sales_line set txid = '1' {ONE_LINE.replace('min', 'max')}"),
    (
        CAME,
        "insert into sales_line (line_key, occurrence, import_id, row_no, company_id, region_id, product_id, quantity,"
        " amount_minor, currency, sold_at, sold_on, recorded_at, invoice_no) select gen_random_uuid(), 1, import_id,"
        " 99, company_id, region_id, product_id, 9, 9000, currency, sold_at, sold_on, recorded_at, 'by hand'"
        f" from sales_line {ONE_LINE}",
    ),
    (SOURCE, "update posting set kind = 'adjust'"),
    (SOURCE, "update posting set source = 'orders'"),
    (ROLE, "insert into user_role (user_id, role, granted_at) select id, 'admin', now() from app_user"),
    (ROLE, "delete from user_role"),
    (ROLE, "update user_role set role = 'admin_finance' where role = 'operator'"),
    (
        ROLE,
        "insert into app_user (id, name, display_name, password_hash, state, created_at, password_changed_at)"
        " values (gen_random_uuid(), 'eve', 'Eve', 'x', 'active', now(), now())",
    ),
    (SCOPE, f"update user_scope set kind = 'everything', target_id = null {OF_ANNA}"),
    (SCOPE, f"update user_scope set target_id = gen_random_uuid() {OF_ANNA}"),
    (LET_IN, "update app_user set state = 'active' where state = 'disabled'"),
    (ORIGINAL, "update received_file set sha256 = repeat('0', 64)"),
    (ORIGINAL, "update received_file set sha256 = (select max(sha256) from received_file)"),
    (DOCUMENT, "update claim_document set sha256 = repeat('0', 64)"),
]


@dataclass(frozen=True)
class Books:
    """A database to be copied, with the home of its files."""

    name: str
    settings: Settings


def _people(database: Database, region: str) -> None:
    with database.transaction(EVERYTHING) as connection:
        region_id = organisation.region_by_code(connection, region).id
    anna = access.create_user(
        database,
        EVERYTHING,
        name="anna",
        display_name="Anna",
        password=PASSWORD,
        roles={access.Role.OPERATOR},
        grants=[access.ScopeGrant(access.ScopeKind.REGION, region_id)],
    )
    access.set_roles(database, EVERYTHING, anna, {access.Role.OPERATOR, access.Role.ANALYST})
    jan = access.create_user(
        database,
        EVERYTHING,
        name="jan",
        display_name="Jan",
        password=PASSWORD.replace("anna", "jan"),
        roles={access.Role.ANALYST},
        grants=[],
    )
    access.disable_user(database, EVERYTHING, jan)


@pytest.fixture(scope="module")
def books(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """Books over two files of sales, one of which was undone, with points, people and a photo."""
    folder = tmp_path_factory.mktemp("books")
    settings, url = settings_in(folder / "home"), server.new_database()
    settings.home.mkdir()
    database = database_of(url)
    spring(database, EVERYTHING)
    for invoice in ("I", "J"):
        path = write(folder / f"{invoice}.csv", lines(8, invoice=invoice))
        found = imported(database, settings, EVERYTHING, path)
        settle_programme(database, EVERYTHING, "spring")
    undo(database, EVERYTHING, found.id)
    _people(database, "North")
    with database.transaction(EVERYTHING) as connection:
        company_id = connection.execute(text("select id from company where code = 'C1'")).scalar_one()
    verification.add_document(database, settings, EVERYTHING, company_id=company_id, data=PHOTO)
    database.close()
    yield Books(server.name_of(url), settings)
    server.drop_database(url)


@contextmanager
def copy_of(server: TestServer, books: Books) -> Iterator[tuple[Database, str]]:
    url = server.new_database(books.name)
    database = database_of(url)
    try:
        yield database, url
    finally:
        database.close()
        server.drop_database(url)


def broken(database: Database, settings: Settings) -> list[str]:
    return [check.name for check in check_books(database, *books_of(settings)) if not check.ok]


def test_untouched_books_hold_and_every_check_has_a_case_here(server: TestServer, books: Books) -> None:
    with copy_of(server, books) as (database, _url):
        checks = check_books(database, *books_of(books.settings))
        assert [check.name for check in checks if not check.ok] == []
        assert {name for name, _tampering in TAMPERING} <= {check.name for check in checks}


@pytest.mark.parametrize(("name", "tampering"), TAMPERING)
def test_tampering_is_found(server: TestServer, books: Books, name: str, tampering: str) -> None:
    with copy_of(server, books) as (database, url):
        with psycopg.connect(url) as owner:
            owner.execute("set laurel.everything = 'on'")
            assert owner.execute(tampering.encode()).rowcount > 0
        assert name in broken(database, books.settings)


def test_points_given_by_hand_are_found_though_all_else_in_the_books_agrees(
    server: TestServer, books: Books
) -> None:
    with copy_of(server, books) as (database, _url):
        with database.transaction(EVERYTHING) as connection:
            account = connection.execute(
                text(
                    "select id, company_id, programme_id from account where kind = 'company' order by id limit 1"
                )
            ).one()
            draft = ledger.PostingDraft(
                key="gift",
                account_id=account.id,
                company_id=account.company_id,
                kind=ledger.PostingKind.EARN,
                points=500,
                happened_at=now(),
            )
            ledger.post(connection, programme_id=account.programme_id, source="gift", drafts=[draft])
        assert broken(database, books.settings) == [SOURCE]


def _stored(books: Books) -> list[tuple[str, Path]]:
    folders = (
        (ORIGINAL, books.settings.files_folder),
        (DOCUMENT, books.settings.private_folder("documents")),
    )
    return [(name, path) for name, folder in folders for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("change", ["one byte", "gone", "emptied"])
def test_an_altered_file_is_found_whichever_it_is(server: TestServer, books: Books, change: str) -> None:
    with copy_of(server, books) as (database, _url):
        assert {name for name, _path in _stored(books)} == {ORIGINAL, DOCUMENT}
        for name, path in _stored(books):
            honest = path.read_bytes()
            if change == "gone":
                path.unlink()
            else:
                path.write_bytes(b"" if change == "emptied" else honest[:-1] + bytes([honest[-1] ^ 1]))
            try:
                assert broken(database, books.settings) == [name]
            finally:
                path.write_bytes(honest)


def test_lines_from_before_digests_were_recorded_are_no_fault(server: TestServer, books: Books) -> None:
    with copy_of(server, books) as (database, url):
        with psycopg.connect(url) as owner:
            owner.execute(
                "update audit_record set detail = detail - %s where id = (select min(id) from audit_record"
                " where action = 'intake.import_accepted')",
                [RECORDED],
            )
        assert broken(database, books.settings) == []
