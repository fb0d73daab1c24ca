"""What someone with the owner's rights changes by hand, the check of the books finds."""

from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest

from loyalty_core.kernel import Scope
from loyalty_core.settlement import BookCheck, check_books, settle_programme
from tests.databases import TestServer, database_of
from tests.sales.files import bring, row
from tests.settlement.programmes import spring
from tests.verification.claims import claim, club, person
from tests.verification.deciding import approve_as_shown

OWN = "(select id from account where kind = 'company' order by id limit 1)"

TAMPERING = [
    ("every posting sums to zero", f"update ledger_entry set points = points + 1 where account_id = {OWN}"),
    (
        "every posting sums to zero",
        "insert into ledger_entry (posting_id, account_id, company_id, points, balance_after, account_version,"
        " recorded_at) select posting_id, account_id, company_id, points, balance_after, 99, recorded_at"
        " from ledger_entry limit 1",
    ),
    (
        "every posting has its entries and every entry its posting",
        "delete from ledger_entry where posting_id = (select min(id) from posting)",
    ),
    (
        "every posting has its entries and every entry its posting",
        "delete from posting where id = (select min(id) from posting)",
    ),
    (
        "every posting has its entries and every entry its posting",
        "update posting set points = points + 1 where id = (select min(id) from posting)",
    ),
    ("every balance is the sum of its entries", f"update account set balance = balance + 1 where id = {OWN}"),
    (
        "every balance follows from the one before",
        f"update ledger_entry set balance_after = 7 where account_id = {OWN}",
    ),
    ("every account's version counts its entries", f"update account set version = 9 where id = {OWN}"),
    (
        "open lots equal the balance, or nothing under a debt",
        f"update lot set remaining = 0 where account_id = {OWN}",
    ),
    ("every lot holds what its uses left of it", f"update lot set remaining = 0 where account_id = {OWN}"),
    ("every lot holds what its uses left of it", "delete from lot_use"),
    ("every debit is covered by lots or is a debt", "delete from lot_use"),
    (
        "every entry belongs to an account of its posting's programme",
        f"update ledger_entry set account_id = gen_random_uuid() where account_id = {OWN}",
    ),
    ("every entry belongs to an account of its posting's programme", f"delete from account where id = {OWN}"),
    (
        "every entry belongs to an account of its posting's programme",
        f"update account set programme_id = gen_random_uuid() where id = {OWN}",
    ),
    (
        "every lot belongs to an account and a posting of its company",
        "update lot set account_id = gen_random_uuid() where id = (select min(id) from lot)",
    ),
    (
        "every lot belongs to an account and a posting of its company",
        "update lot set posting_id = 0 where id = (select min(id) from lot)",
    ),
    (
        "every lot belongs to an account and a posting of its company",
        "update lot set company_id = gen_random_uuid() where id = (select min(id) from lot)",
    ),
    ("every use belongs to a lot and a posting of its company", "delete from lot"),
    ("every use belongs to a lot and a posting of its company", "update lot_use set lot_id = 0"),
    ("every use belongs to a lot and a posting of its company", "update lot_use set posting_id = 0"),
    (
        "every posting from awards is the sum of its awards",
        "delete from award where id = (select min(id) from award)",
    ),
    ("every posting from awards is the sum of its awards", "update award set points = points + 1"),
    (
        "every award belongs to a sales line of its company",
        "delete from sales_line where id = (select min(sales_line_id) from award)",
    ),
    (
        "every award belongs to a sales line of its company",
        "update sales_line set company_id = (select id from company where code = 'C2') where company_id ="
        " (select id from company where code = 'C1')",
    ),
    ("every award belongs to a posting of its company", "update award set posting_id = 0"),
    ("every award belongs to a posting of its company", "update award set programme_id = gen_random_uuid()"),
    ("awards of a line under a rule are numbered without gaps", "update award set revision = revision + 1"),
    (
        "every accepted or undone import has exactly its lines",
        "delete from sales_line where id = (select max(id) from sales_line)",
    ),
    (
        "every accepted or undone import has exactly its lines",
        "update file_import set accepted = accepted + 1",
    ),
    ("every accepted or undone import has exactly its lines", "update file_import set state = 'declined'"),
    (
        "every accepted or undone import has exactly its lines",
        "update sales_line set import_id = gen_random_uuid() where id = (select max(id) from sales_line)",
    ),
    (
        "no points stand on lines that were taken back",
        "update sales_line set edition = -1, reverses_id = (select min(sales_line_id) from award)"
        " where id = (select max(sales_line_id) from award)",
    ),
    (
        "no points were ever given to a line that takes another back",
        "update sales_line set edition = -1, reverses_id = (select min(sales_line_id) from award)"
        " where id = (select max(sales_line_id) from award)",
    ),
    (
        "every sales line names a known company, region and product",
        "update sales_line set product_id = gen_random_uuid()",
    ),
    (
        "every sales line names a known company, region and product",
        "update sales_line set region_id = gen_random_uuid()",
    ),
    (
        "every sales line names a known company, region and product",
        "update sales_line set company_id = gen_random_uuid()",
    ),
]

CLAIM_TAMPERING = [
    (
        "a decision waits for a second person exactly where the claim says so",
        "insert into claim_proposal (id, claim_number, programme_id, company_id, kind, amount_minor, payload_hash,"
        " proposed_by, proposed_by_name, proposed_at) select gen_random_uuid(), 0, programme_id, company_id, 'reject',"
        " 0, 'by hand', gen_random_uuid(), 'owner', now() from claim",
    ),
    (
        "a decision waits for a second person exactly where the claim says so",
        "update claim set state = 'proposed', sales_line_id = null, approved_quantity = null",
    ),
    ("every claim repeats its last verdict", "update claim set verdict = 'match'"),
    ("every claim repeats its last verdict", "delete from claim_verdict"),
    (
        "every claim repeats its last decision",
        "update claim set decided_at = decided_at + interval '1 second' where state = 'approved'",
    ),
    ("every claim repeats its last decision", "delete from claim_decision"),
    ("decisions of a claim are numbered without gaps", "update claim_decision set revision = 5"),
    (
        "every decision belongs to a claim of its company, participant and programme",
        "update claim_decision set participant_id = null",
    ),
    (
        "every approved amount is the claimed share of its line",
        "update claim_decision set amount_minor = amount_minor + 1 where sales_line_id is not null",
    ),
    ("claimed units of a line are those of its approved claims", "update claimed_line set units_claimed = 0"),
    ("claimed units of a line are those of its approved claims", "delete from claimed_line"),
    (
        "no line has more units claimed than were sold",
        "update sales_line set quantity = 1 where quantity = 2",
    ),
    ("no line has more units claimed than were sold", "update claimed_line set sales_line_id = 0"),
    (
        "every accepted import of claims has exactly its claims",
        "update claim set import_id = gen_random_uuid() where number = (select min(number) from claim)",
    ),
    (
        "awards of a claim under a rule are numbered without gaps",
        "update award set revision = revision + 1 where claim_number is not null",
    ),
    ("every award of a claim rests on a decision for its line", "delete from claim_decision"),
    (
        "points of a claim lie on the line of its last decision",
        "insert into claim_decision (claim_number, revision, programme_id, company_id, participant_id, kind,"
        " amount_minor, sold_on, reason, decided_by_name, decided_at, txid) select claim_number, 2, programme_id,"
        " company_id, participant_id, 'correct', 0, sold_on, 'by hand', 'owner', now(), txid from claim_decision",
    ),
    (
        "every award is posted to the account of who earned it",
        "update account set owner_id = gen_random_uuid() where kind = 'participant'",
    ),
    (
        "every award is posted to the account of who earned it",
        "update account set owner_id = gen_random_uuid() where kind = 'company'",
    ),
    (
        "every award is posted to the account of who earned it",
        "update award set claim_number = null where claim_number is not null",
    ),
]


@pytest.fixture(scope="module")
def books(server: TestServer) -> Iterator[str]:
    """The name of a database of two companies with points, one of which sent some goods back: to be copied."""
    url, everything = server.new_database(), Scope.of_system("test")
    database = database_of(url)
    spring(database, everything)
    bring(
        database,
        everything,
        [row(unit_price="100.00"), row(company_code="C2", unit_price="50.00")],
    )
    settle_programme(database, everything, "spring")
    bring(database, everything, [row(unit_price="30.00", quantity="-1", invoice_no="R1")])
    settle_programme(database, everything, "spring")
    database.close()
    yield server.name_of(url)
    server.drop_database(url)


@pytest.fixture(scope="module")
def books_of_claims(server: TestServer, books: str) -> Iterator[str]:
    """The name of a copy of these books in which a claim gave points too: to be copied."""
    url, everything = server.new_database(books), Scope.of_system("test")
    database = database_of(url)
    club(database)
    bring(database, everything, [row(invoice_no="K1", quantity="2", unit_price="40.00")])
    number = claim(database, everything, person(database), invoice_no="K1", quantity=Decimal(2)).number
    approve_as_shown(database, everything, [number])
    settle_programme(database, everything, "club")
    assert all(check.ok for check in check_books(database))
    database.close()
    yield server.name_of(url)
    server.drop_database(url)


def findings(server: TestServer, books: str, tampering: str | None = None) -> dict[str, BookCheck]:
    """Return what the check of the books finds in a copy of them, tampered with where asked."""
    url = server.new_database(books)
    database = database_of(url)
    try:
        if tampering is not None:
            with psycopg.connect(url) as owner:
                assert owner.execute(tampering.encode()).rowcount > 0
        return {check.name: check for check in check_books(database)}
    finally:
        database.close()
        server.drop_database(url)


def test_untouched_books_hold_and_every_check_has_a_case_here(server: TestServer, books: str) -> None:
    checks = findings(server, books)
    assert all(check.ok and check.detail == "holds" for check in checks.values())
    assert set(checks) == {name for name, _tampering in TAMPERING + CLAIM_TAMPERING}


@pytest.mark.parametrize(("name", "tampering"), TAMPERING)
def test_tampering_is_found(server: TestServer, books: str, name: str, tampering: str) -> None:
    found = findings(server, books, tampering)[name]
    assert not found.ok
    assert "break it" in found.detail


@pytest.mark.parametrize(("name", "tampering"), CLAIM_TAMPERING)
def test_tampering_with_claims_is_found(
    server: TestServer, books_of_claims: str, name: str, tampering: str
) -> None:
    assert not findings(server, books_of_claims, tampering)[name].ok
