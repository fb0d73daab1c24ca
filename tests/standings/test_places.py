from uuid import UUID

import pytest

from loyalty_core import ledger
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.kernel import Database, Scope
from loyalty_core.organisation import company_by_code
from loyalty_core.settlement import settle_programme
from loyalty_core.standings import Place, place_of_account
from tests.access.people import somebody
from tests.sales.files import bring, row
from tests.settlement.programmes import spring


def account_of(database: Database, scope: Scope, code: str) -> UUID:
    with database.transaction(scope) as connection:
        (balance,) = ledger.company_balances(connection, company_by_code(connection, code).id)
        return balance.account_id


@pytest.fixture
def settled(database: Database, everything: Scope) -> Database:
    """Four companies of the North and one of the South, A and B alike."""
    spring(database, everything)
    sold = {"A": "50.00", "B": "50.00", "C": "20.00", "D": "90.00"}
    bring(
        database,
        everything,
        [
            *(row(company_code=code, unit_price=price, invoice_no=code) for code, price in sold.items()),
            row(company_code="E", unit_price="70.00", invoice_no="E", region="South"),
        ],
    )
    settle_programme(database, everything, "spring")
    return database


def test_an_account_has_its_place_in_the_region_in_which_enough_collect(
    settled: Database, everything: Scope
) -> None:
    def place(code: str) -> Place | None:
        return place_of_account(settled, everything, account_of(settled, everything, code))

    assert place("D") == Place(1, 4, "North")
    assert place("A") == place("B") == Place(2, 4, "North")
    assert place("C") == Place(4, 4, "North")
    assert place("E") == Place(2, 5, None)


def test_a_company_learns_its_own_place_among_all_and_nobody_elses(
    settled: Database, everything: Scope
) -> None:
    own, foreign = account_of(settled, everything, "A"), account_of(settled, everything, "D")
    with settled.transaction(everything) as connection:
        company = company_by_code(connection, "A").id
    person = somebody(settled, Role.PARTICIPANT, grants=frozenset({ScopeGrant(ScopeKind.COMPANY, company)}))
    assert place_of_account(settled, person.scope, own) == Place(2, 4, "North")
    assert place_of_account(settled, person.scope, foreign) is None
