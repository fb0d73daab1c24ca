"""Files of companies and outlets: what they add, what they change, and what is not let in."""

import pytest

from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.intake import ImportMode, UnseenChangesError
from loyalty_core.kernel import Database, NotAllowedError, Scope, new_id
from loyalty_core.organisation import CompanyKind, add_region, company_by_code
from loyalty_core.participants import CompaniesDataset, OutletsDataset, register_company
from tests.access.people import somebody
from tests.records.staged import bring, one

COMPANIES, OUTLETS = CompaniesDataset(), OutletsDataset()


@pytest.fixture(autouse=True)
def _two_regions(database: Database, everything: Scope) -> None:
    for name in ("North", "South"):
        add_region(database, everything, code=name, name=name, parent_id=None)


def company(code: str, name: str = "Hotel", region: str = "North", **more: str) -> dict[str, str]:
    return {"code": code, "name": name, "region_code": region, **more}


def northern(database: Database, everything: Scope, *roles: Role, name: str = "olga") -> Scope:
    region = one(database, everything, "select id from region where code = 'North'")[0]
    return somebody(
        database, *roles, name=name, grants=frozenset({ScopeGrant(ScopeKind.REGION, region)})
    ).scope


def test_companies_come_with_their_region_kind_distributor_and_salesperson(
    database: Database, everything: Scope
) -> None:
    sela = somebody(database, Role.SALES, name="sela")
    done = bring(
        database,
        everything,
        COMPANIES,
        [
            company("C1", distributor_code="D1", salesperson="Sela"),
            company("D1", "Depot", kind="Distributor"),
            company("S1", "Fixers", "South", kind="service provider"),
        ],
    )
    assert done.counts == (3, 0, 0, 0)
    with database.transaction(everything) as connection:
        hotel, depot, fixers = (company_by_code(connection, code) for code in ("C1", "D1", "S1"))
    assert (hotel.distributor_id, hotel.salesperson_id, hotel.kind) == (
        depot.id,
        sela.scope.user_id,
        CompanyKind.WHOLESALER,
    )
    assert (depot.kind, fixers.kind, fixers.region_name) == (
        CompanyKind.DISTRIBUTOR,
        CompanyKind.SERVICE_PROVIDER,
        "South",
    )
    audited = one(
        database, everything, "select action, detail from audit_record where action like 'intake.companies%'"
    )
    assert audited == ("intake.companies_imported", {"added": 3, "changed": 0})


def test_the_same_file_again_adds_nothing_and_another_name_needs_an_update(
    database: Database, everything: Scope
) -> None:
    bring(database, everything, COMPANIES, [company("C1"), company("C2")])
    again = bring(
        database, everything, COMPANIES, [company("C1"), company("C2", "Inn"), company("C3"), company("C3")]
    )
    assert again.counts == (1, 0, 2, 1)
    assert again.reasons == {3: {"differs_from_known"}}


def test_every_reason_of_every_bad_row_is_told_at_once(database: Database, everything: Scope) -> None:
    done = bring(
        database,
        everything,
        COMPANIES,
        [
            {},
            company("C1", region="West", kind="shop"),
            company("C2", distributor_code="C2"),
            company("C3", distributor_code="D9", salesperson="nobody"),
            company("C4", name="x" * 301),
            company("C5", name="a\x07b"),
            {**company("C6"), "unreadable": {"beyond_last_column": "x"}},
            company("C7", distributor_code="C8"),
            company("C8"),
        ],
    )
    assert done.reasons == {
        2: {"missing_code", "missing_name", "missing_region"},
        3: {"unknown_region", "unknown_kind"},
        4: {"own_distributor"},
        5: {"unknown_salesperson"},
        6: {"text_too_long"},
        7: {"control_character"},
        8: {"beyond_last_column"},
        9: {"not_a_distributor"},
    }


def test_who_buys_through_a_bad_row_is_a_bad_row(database: Database, everything: Scope) -> None:
    done = bring(
        database,
        everything,
        COMPANIES,
        [
            company("C1", distributor_code="D1"),
            company("D1", kind="distributor", distributor_code="D2"),
            company("D2", region="West", kind="distributor"),
        ],
    )
    assert done.reasons == {
        2: {"unknown_distributor"},
        3: {"unknown_distributor"},
        4: {"unknown_region"},
    }


def test_a_code_with_two_meanings_in_one_file_is_taken_in_neither(
    database: Database, everything: Scope
) -> None:
    done = bring(database, everything, COMPANIES, [company("C1"), company("C1", "Inn"), company("C2")])
    assert done.counts == (1, 0, 0, 2)
    assert done.reasons == {2: {"repeated_otherwise"}, 3: {"repeated_otherwise"}}


def test_an_update_lists_before_and_after_and_changes_exactly_that(
    database: Database, everything: Scope
) -> None:
    somebody(database, Role.SALES, name="sela")
    bring(
        database,
        everything,
        COMPANIES,
        [company("D1", kind="distributor"), company("C1", distributor_code="D1", salesperson="sela")],
    )
    rows = [
        company("C1", "Grand Hotel", "South", distributor_code="-"),
        company("D1", kind="distributor"),
        company("C2"),
    ]
    looked = bring(database, everything, COMPANIES, rows, mode=ImportMode.UPDATE, accepts=False)
    assert looked.changes == [
        (2, "C1", "name", "Hotel", "Grand Hotel"),
        (2, "C1", "region_code", "North", "South"),
        (2, "C1", "distributor_code", "D1", ""),
        (4, "C2", None, None, "Hotel"),
    ]
    done = bring(database, everything, COMPANIES, rows, mode=ImportMode.UPDATE)
    assert done.counts == (1, 1, 1, 0)
    with database.transaction(everything) as connection:
        hotel = company_by_code(connection, "C1")
    assert (hotel.name, hotel.region_name, hotel.distributor_id) == ("Grand Hotel", "South", None)
    assert hotel.salesperson_id is not None, "a blank cell leaves what is there"


def test_a_change_that_nobody_was_shown_is_not_made(database: Database, everything: Scope) -> None:
    bring(database, everything, COMPANIES, [company("C1")])

    class Meanwhile(CompaniesDataset):
        """Somebody else renames the company between the showing and the accepting."""

        def lock(self, rows):  # type: ignore[no-untyped-def]  # as the method that it stands before
            rows.execute("update company set name = 'Elsewhere' where code = 'C1'")
            super().lock(rows)

    with pytest.raises(UnseenChangesError):
        bring(database, everything, Meanwhile(), [company("C1", "Inn")], mode=ImportMode.UPDATE)
    assert one(database, everything, "select name from company where code = 'C1'") == ("Hotel",)


def test_what_the_actor_does_not_see_counts_as_unknown_and_its_code_as_taken(
    database: Database, everything: Scope
) -> None:
    bring(
        database,
        everything,
        COMPANIES,
        [company("N1"), company("S1", region="South"), company("SD", region="South", kind="distributor")],
    )
    olga = northern(database, everything, Role.OPERATOR)
    done = bring(
        database,
        olga,
        COMPANIES,
        [
            company("S1"),
            company("N2", region="South"),
            company("N3", distributor_code="SD"),
            company("N4"),
        ],
        mode=ImportMode.UPDATE,
    )
    assert done.reasons == {2: {"code_taken"}, 3: {"unknown_region"}, 4: {"unknown_distributor"}}
    assert done.counts == (1, 0, 0, 3)
    outlets = bring(
        database,
        olga,
        OUTLETS,
        [
            {"company_code": "N1", "code": "O", "name": "Bar"},
            {"company_code": "S1", "code": "O", "name": "Bar"},
        ],
    )
    assert outlets.reasons == {3: {"unknown_company"}}


def test_a_salesperson_has_to_see_the_companys_region(database: Database, everything: Scope) -> None:
    northern(database, everything, Role.SALES, name="nora")
    somebody(database, Role.OPERATOR, name="oona")
    done = bring(
        database,
        everything,
        COMPANIES,
        [
            company("C1", salesperson="nora"),
            company("C2", region="South", salesperson="nora"),
            company("C3", salesperson="oona"),
        ],
    )
    assert done.reasons == {3: {"salesperson_sees_not"}, 4: {"unknown_salesperson"}}


def test_a_distributor_that_others_buy_through_stays_one(database: Database, everything: Scope) -> None:
    bring(
        database,
        everything,
        COMPANIES,
        [company("D1", kind="distributor"), company("C1", distributor_code="D1")],
    )
    done = bring(database, everything, COMPANIES, [company("D1", kind="wholesaler")], mode=ImportMode.UPDATE)
    assert done.reasons == {2: {"has_buyers"}}


def test_a_company_that_waits_for_approval_is_not_brought_in_past_it(
    database: Database, everything: Scope
) -> None:
    region = one(database, everything, "select id from region where code = 'North'")[0]
    register_company(
        database,
        everything,
        code="C1",
        name="Hotel",
        kind=CompanyKind.WHOLESALER,
        region_id=region,
        request_key=new_id(),
    )
    assert bring(database, everything, COMPANIES, [company("C1")]).reasons == {2: {"registration_waits"}}


def test_outlets_are_added_and_renamed(database: Database, everything: Scope) -> None:
    bring(database, everything, COMPANIES, [company("C1"), company("C2")])
    rows = [
        {"company_code": "C1", "code": "1", "name": "Bar"},
        {"company_code": "C2", "code": "1", "name": "Bar"},
        {"company_code": "C1", "code": "2"},
        {"code": "3", "name": "Nowhere"},
    ]
    first = bring(database, everything, OUTLETS, rows)
    assert first.counts == (2, 0, 0, 2)
    assert first.reasons == {4: {"missing_name"}, 5: {"missing_company"}}
    rows = [{"company_code": "C1", "code": "1", "name": "Lobby bar"}, *rows[1:2]]
    assert bring(database, everything, OUTLETS, rows).reasons == {2: {"differs_from_known"}}
    second = bring(database, everything, OUTLETS, rows, mode=ImportMode.UPDATE)
    assert second.changes == [(2, "C1 / 1", "name", "Bar", "Lobby bar")]
    assert second.counts == (0, 1, 1, 0)
    with database.transaction(everything) as connection:
        names = connection.exec_driver_sql("select name from outlet order by name").scalars().all()
    assert names == ["Bar", "Lobby bar"]


def test_only_who_may_import_master_data_does(database: Database) -> None:
    for role in (Role.ANALYST, Role.SALES, Role.ADMIN_FINANCE):
        scope = somebody(database, role, name=role.value).scope
        for dataset, row in ((COMPANIES, company("C1")), (OUTLETS, {"company_code": "C1"})):
            with pytest.raises(NotAllowedError):
                bring(database, scope, dataset, [row])
