"""Undoing an import of master data puts back what nobody has touched since, and says what it leaves."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from loyalty_core import corrections, settlement
from loyalty_core.access import Permission, Role
from loyalty_core.corrections import Outcome
from loyalty_core.intake import ImportMode, ImportState, RecordsDataset, import_by_id
from loyalty_core.kernel import Database, NotAllowedError, Refusal, Scope, new_id
from loyalty_core.organisation import add_region
from loyalty_core.participants import (
    CompaniesDataset,
    OutletsDataset,
    ParticipantsDataset,
    assign_salesperson,
)
from loyalty_core.products import PricesDataset, ProductsDataset
from tests.access.people import somebody
from tests.corrections.undoing import broken, look, undo
from tests.participants.deciding import decide_as_shown
from tests.records.staged import bring as bring_records
from tests.records.staged import one
from tests.sales.files import bring as bring_sales
from tests.sales.files import row

COMPANIES, OUTLETS, PARTICIPANTS = CompaniesDataset(), OutletsDataset(), ParticipantsDataset()
PRODUCTS, PRICES = ProductsDataset(), PricesDataset()


@pytest.fixture(autouse=True)
def _two_regions(database: Database, everything: Scope) -> None:
    for name in ("North", "South"):
        add_region(database, everything, code=name, name=name, parent_id=None)


def company(code: str, name: str = "Hotel", **more: str) -> dict[str, str]:
    return {"code": code, "name": name, "region_code": "North", **more}


def person(code: str, **more: str) -> dict[str, str]:
    return {"code": code, "company_code": "C1", "display_name": "Anna", "group": "wholesaler", **more}


def price(amount: str, first: str, last: str = "") -> dict[str, Any]:
    return {
        "price_list": "PL",
        "product_code": "A",
        "currency": "EUR",
        "unit_price": amount,
        "valid_from": f"{first} 12:00+00",
        "valid_to": f"{last} 12:00+00" if last else None,
    }


def taken(
    database: Database,
    scope: Scope,
    dataset: RecordsDataset,
    rows: Sequence[Mapping[str, Any]],
    mode: ImportMode = ImportMode.ADD,
) -> UUID:
    """Bring a file in to its end, as a run of its import does, and return the import's id."""
    brought = bring_records(database, scope, dataset, rows, mode=mode)
    assert not brought.reasons
    with database.transaction(scope) as connection:
        connection.execute(
            text(
                "update file_import set state = 'accepted', accepted = :accepted, duplicates = :duplicates,"
                " started_at = requested_at, finished_at = now() where id = :id"
            ),
            {
                "id": brought.import_id,
                "accepted": brought.accepted.accepted,
                "duplicates": brought.accepted.duplicates,
            },
        )
    return brought.import_id


def update(database: Database, scope: Scope, dataset: RecordsDataset, *rows: Mapping[str, Any]) -> UUID:
    return taken(database, scope, dataset, rows, ImportMode.UPDATE)


def counts(database: Database, scope: Scope, import_id: UUID) -> dict[str, int]:
    """Return what the preview says becomes of the import's additions and changes."""
    records = look(database, scope, import_id).records
    assert records is not None
    return dict(records.counts)


def left(database: Database, scope: Scope, import_id: UUID) -> list[tuple[Any, ...]]:
    records = look(database, scope, import_id).records
    assert records is not None
    assert records.left_count == len(records.left)
    return [(each.record, each.field, each.outcome) for each in records.left]


def stored(database: Database, scope: Scope, query: str) -> list[tuple[Any, ...]]:
    with database.transaction(scope) as connection:
        return [tuple(found) for found in connection.execute(text(query))]


COMPANY = (
    "select c.code, c.name, r.code, c.kind, d.code, u.name from company c join region r on r.id = c.region_id"
    " left join company d on d.id = c.distributor_id left join app_user u on u.id = c.salesperson_id order by c.code"
)


def test_companies_that_a_file_added_go_away_and_those_it_changed_are_as_before(
    database: Database, everything: Scope
) -> None:
    somebody(database, Role.SALES, name="sela")
    taken(
        database,
        everything,
        COMPANIES,
        [company("D1", kind="distributor"), company("C1", salesperson="sela")],
    )
    before = stored(database, everything, COMPANY)
    wrong = update(
        database,
        everything,
        COMPANIES,
        {**company("C1", "Inn"), "region_code": "South", "kind": "service_provider", "distributor_code": "D2"}
        | {"salesperson": "-"},
        company("D2", kind="distributor"),
        company("C3", distributor_code="D2"),
    )
    assert stored(database, everything, COMPANY) != before
    assert counts(database, everything, wrong) == {"put_back": 5, "removed": 2}
    report = undo(database, everything, wrong)
    assert report.undone.outcomes == {"put_back": 5, "removed": 2}
    assert stored(database, everything, COMPANY) == before
    with database.transaction(everything) as connection:
        assert import_by_id(connection, wrong).state is ImportState.UNDONE
        found = corrections.undone_import(connection, wrong)
    assert found is not None
    assert found.outcomes == {"put_back": 5, "removed": 2}
    audited = one(
        database,
        everything,
        "select detail from audit_record where action = 'corrections.import_undone' and subject_id = :id",
        id=str(wrong),
    )[0]
    assert audited["outcomes"] == {"put_back": 5, "removed": 2}
    assert broken(database) == []


def test_the_same_file_may_come_again_after_it_was_undone(database: Database, everything: Scope) -> None:
    for _time in range(2):
        wrong = taken(database, everything, COMPANIES, [company("C1"), company("C2")])
        people = taken(database, everything, PARTICIPANTS, [person("P1")])
        undo(database, everything, people)
        undo(database, everything, wrong)
        assert stored(database, everything, COMPANY) == []
    assert broken(database) == []


def test_the_same_form_sent_again_undoes_once(database: Database, everything: Scope) -> None:
    wrong = taken(database, everything, COMPANIES, [company("C1")])
    values: dict[str, Any] = {
        "reason": "The file was of another year.",
        "payload_hash": look(database, everything, wrong).payload_hash,
        "request_key": new_id(),
    }
    first = corrections.undo_import(database, everything, wrong, **values)
    again = corrections.undo_import(database, everything, wrong, **values)
    assert (first.number, dict(first.undone.outcomes)) == (again.number, dict(again.undone.outcomes))
    assert one(database, everything, "select count(*) from removed_record") == (1,)
    with pytest.raises(corrections.NotAcceptedError):
        look(database, everything, wrong)


def test_a_company_that_something_leans_on_stays(database: Database, everything: Scope) -> None:
    wrong = taken(
        database,
        everything,
        COMPANIES,
        [
            company("C1"),
            company("C2"),
            company("C3"),
            company("C4", distributor_code="D1"),
            company("D1", kind="distributor"),
            company("D2", kind="distributor"),
            company("C5", distributor_code="D2"),
        ],
    )
    bring_sales(database, everything, [row(company_code="C1"), row(company_code="C4", invoice_no="I2")])
    taken(database, everything, OUTLETS, [{"company_code": "C2", "code": "O", "name": "Bar"}])
    records = look(database, everything, wrong).records
    assert records is not None
    assert {each.record: each.leaning for each in records.left} == {
        "C1": ("sales",),
        "C2": ("outlets",),
        "C4": ("sales",),
        # It goes with none of those that buy through it and stay.
        "D1": ("buyers",),
    }
    assert records.counts == {"removed": 3, "leaned_on": 4}
    undo(database, everything, wrong)
    assert [each[0] for each in stored(database, everything, COMPANY)] == ["C1", "C2", "C4", "D1"]
    assert broken(database) == []


def test_what_a_later_file_or_a_person_changed_stays_and_the_later_file_can_be_undone_first(
    database: Database, everything: Scope
) -> None:
    sela = somebody(database, Role.SALES, name="sela")
    taken(database, everything, COMPANIES, [company("C1"), company("C2"), company("C3")])
    first = update(
        database,
        everything,
        COMPANIES,
        company("C1", "Inn"),
        company("C2", "Inn"),
        company("C3", "Inn", kind="distributor"),
        company("C4"),
        company("C5"),
    )
    later = update(database, everything, COMPANIES, company("C1", "Bar"), company("C4", "Bar"))
    assign_salesperson(database, everything, company_code="C5", user_id=sela.scope.user_id)
    records = look(database, everything, first).records
    assert records is not None
    number = one(database, everything, "select number from file_import where id = :id", id=later)[0]
    assert [(each.record, each.field, each.outcome, each.later_import) for each in records.left] == [
        ("C1", "name", Outcome.CHANGED_SINCE, number),
        ("C4", None, Outcome.CHANGED_SINCE, number),
        ("C5", None, Outcome.CHANGED_SINCE, None),
    ]
    undo(database, everything, later)
    assert left(database, everything, first) == [("C5", None, Outcome.CHANGED_SINCE)]
    undo(database, everything, first)
    names = {each[0]: each[1:4] for each in stored(database, everything, COMPANY)}
    as_before = ("Hotel", "North", "wholesaler")
    assert names == dict.fromkeys(("C1", "C2", "C3", "C5"), as_before)
    assert broken(database) == []


def test_a_distributor_or_salesperson_who_no_longer_fits_is_not_put_back(
    database: Database, everything: Scope
) -> None:
    somebody(database, Role.SALES, name="sela")
    taken(
        database,
        everything,
        COMPANIES,
        [company("D1", kind="distributor"), company("C1", distributor_code="D1", salesperson="sela")],
    )
    wrong = update(
        database, everything, COMPANIES, company("C1", "Inn", distributor_code="-", salesperson="-")
    )
    update(database, everything, COMPANIES, company("D1", kind="wholesaler"))
    with database.transaction(everything) as connection:
        connection.execute(text("update app_user set state = 'disabled' where name = 'sela'"))
    assert sorted(left(database, everything, wrong)) == [
        ("C1", "distributor_code", Outcome.UNUSABLE),
        ("C1", "salesperson", Outcome.UNUSABLE),
    ]
    undo(database, everything, wrong)
    assert stored(database, everything, COMPANY)[0] == ("C1", "Hotel", "North", "wholesaler", None, None)


def test_a_salesperson_is_put_back_only_where_a_file_could_name_them(
    database: Database, everything: Scope
) -> None:
    for name in ("sela", "sami", "sue"):
        somebody(database, Role.SALES, name=name)
    names = {"C1": "sela", "C2": "sami", "C3": "sue"}
    taken(database, everything, COMPANIES, [company(code, salesperson=names[code]) for code in names])
    wrong = update(database, everything, COMPANIES, *(company(code, salesperson="-") for code in names))
    with database.transaction(everything) as connection:
        # One has another work since, the other sees another region only.
        for statement in (
            "delete from user_role where user_id = (select id from app_user where name = 'sela')",
            "insert into user_role (user_id, role, granted_at) select id, 'operator', now() from app_user"
            " where name = 'sela'",
            "delete from user_scope where user_id = (select id from app_user where name = 'sami')",
            "insert into user_scope (id, user_id, kind, target_id, granted_at) select gen_random_uuid(), u.id,"
            " 'region', r.id, now() from app_user u, region r where u.name = 'sami' and r.code = 'South'",
        ):
            connection.execute(text(statement))
    assert left(database, everything, wrong) == [
        ("C1", "salesperson", Outcome.UNUSABLE),
        ("C2", "salesperson", Outcome.UNUSABLE),
    ]
    undo(database, everything, wrong)
    assert [each[5] for each in stored(database, everything, COMPANY)] == [None, None, "sue"]


def test_a_company_with_a_photo_that_belongs_to_no_claim_yet_stays(
    database: Database, everything: Scope
) -> None:
    wrong = taken(database, everything, COMPANIES, [company("C1"), company("C2")])
    with database.transaction(everything) as connection:
        connection.execute(
            text(
                "insert into claim_document (id, company_id, sha256, media_type, size_bytes, added_by_name,"
                " recorded_at) select gen_random_uuid(), id, repeat('0', 64), 'image/png', 1, 'ana', now()"
                " from company where code = 'C1'"
            )
        )
    records = look(database, everything, wrong).records
    assert records is not None
    assert [(each.record, each.leaning) for each in records.left] == [("C1", ("documents",))]
    undo(database, everything, wrong)
    assert [each[0] for each in stored(database, everything, COMPANY)] == ["C1"]


def test_a_company_stays_distributor_while_others_buy_through_it(
    database: Database, everything: Scope
) -> None:
    taken(database, everything, COMPANIES, [company("C1"), company("C2")])
    wrong = update(database, everything, COMPANIES, company("C1", "Depot", kind="distributor"))
    update(database, everything, COMPANIES, company("C2", distributor_code="C1"))
    assert left(database, everything, wrong) == [("C1", "kind", Outcome.LEANED_ON)]
    undo(database, everything, wrong)
    assert stored(database, everything, COMPANY)[0][1:4] == ("Hotel", "North", "distributor")


def test_outlets_and_products_go_away_and_are_renamed_back_unless_lines_name_them(
    database: Database, everything: Scope
) -> None:
    taken(database, everything, COMPANIES, [company("C1")])
    taken(database, everything, OUTLETS, [{"company_code": "C1", "code": "O1", "name": "Bar"}])
    taken(database, everything, PRODUCTS, [{"code": "A", "name": "Cup", "brand": "Northfield"}])
    outlets = update(
        database,
        everything,
        OUTLETS,
        *({"company_code": "C1", "code": code, "name": "Inn"} for code in ("O1", "O2", "O3")),
    )
    products = update(
        database,
        everything,
        PRODUCTS,
        {"code": "A", "name": "Mug", "brand": "-", "product_group": "Kitchen"},
        {"code": "B", "name": "Plate"},
        {"code": "C", "name": "Pot"},
        {"code": "D", "name": "Pan"},
    )
    bring_sales(database, everything, [row(product_code="B", outlet_code="O2")])
    taken(database, everything, PRICES, [{**price("2", "2026-01-01"), "product_code": "C"}])
    assert left(database, everything, outlets) == [("C1 / O2", None, Outcome.LEANED_ON)]
    assert left(database, everything, products) == [
        ("B", None, Outcome.LEANED_ON),
        ("C", None, Outcome.LEANED_ON),
    ]
    undo(database, everything, outlets)
    undo(database, everything, products)
    assert stored(database, everything, "select code, name from outlet order by code") == [
        ("O1", "Bar"),
        ("O2", "Inn"),
    ]
    assert stored(
        database, everything, "select code, name, brand, product_group from product order by code"
    ) == [("A", "Cup", "Northfield", None), ("B", "Plate", None, None), ("C", "Pot", None, None)]
    assert broken(database) == []


PERIODS = "select trim_scale(unit_price)::text, valid_from::text, valid_to::text from product_price order by valid_from"


def test_a_price_goes_away_and_the_one_that_it_ended_has_no_end_again(
    database: Database, everything: Scope
) -> None:
    taken(database, everything, PRODUCTS, [{"code": "A", "name": "Cup"}])
    taken(database, everything, PRICES, [price("2", "2026-01-01")])
    wrong = taken(database, everything, PRICES, [price("3", "2026-03-01"), price("4", "2026-05-01")])
    assert stored(database, everything, PERIODS) == [
        ("2", "2026-01-01", "2026-02-28"),
        ("3", "2026-03-01", "2026-04-30"),
        ("4", "2026-05-01", None),
    ]
    assert counts(database, everything, wrong) == {"removed": 2, "put_back": 1}
    undo(database, everything, wrong)
    assert stored(database, everything, PERIODS) == [("2", "2026-01-01", None)]


def test_prices_that_a_later_file_leans_on_stay_and_no_period_reaches_into_another(
    database: Database, everything: Scope
) -> None:
    taken(database, everything, PRODUCTS, [{"code": "A", "name": "Cup"}])
    taken(database, everything, PRICES, [price("2", "2026-01-01"), price("5", "2027-01-01")])
    wrong = update(
        database, everything, PRICES, price("3", "2026-01-01", "2026-06-30"), price("6", "2027-01-01")
    )
    update(database, everything, PRICES, price("4", "2026-07-01", "2026-12-31"))
    assert left(database, everything, wrong) == [("PL / A / 2026-01-01", "valid_to", Outcome.OVERLAPS)]
    undo(database, everything, wrong)
    assert stored(database, everything, PERIODS) == [
        ("2", "2026-01-01", "2026-06-30"),
        ("4", "2026-07-01", "2026-12-31"),
        ("5", "2027-01-01", None),
    ]


def test_no_price_is_put_back_under_a_currency_that_a_later_file_gave_it(
    database: Database, everything: Scope
) -> None:
    amounts = "select currency::text, trim_scale(unit_price)::text from product_price order by valid_from"
    taken(database, everything, PRODUCTS, [{"code": "A", "name": "Cup"}])
    taken(database, everything, PRICES, [price("10", "2026-01-01", "2026-06-30"), price("20", "2026-07-01")])
    wrong = update(
        database,
        everything,
        PRICES,
        price("12", "2026-01-01", "2026-06-30"),
        {**price("22", "2026-07-01"), "currency": "USD"},
        price("30", "2025-01-01", "2025-06-30"),
    )
    # The same amounts, of another currency.
    later = update(
        database,
        everything,
        PRICES,
        {**price("12", "2026-01-01", "2026-06-30"), "currency": "USD"},
        price("22", "2026-07-01"),
    )
    number = one(database, everything, "select number from file_import where id = :id", id=later)[0]
    records = look(database, everything, wrong).records
    assert records is not None
    assert [(each.record, each.field, each.outcome, each.later_import) for each in records.left] == [
        ("PL / A / 2026-01-01", "unit_price", Outcome.CHANGED_SINCE, number),
        ("PL / A / 2026-07-01", "unit_price", Outcome.CHANGED_SINCE, number),
    ]
    undo(database, everything, wrong)
    assert stored(database, everything, amounts) == [("USD", "12"), ("EUR", "22")]


def test_people_who_wait_go_away_and_those_somebody_decided_about_stay(
    database: Database, everything: Scope
) -> None:
    taken(database, everything, COMPANIES, [company("C1")])
    wrong = taken(database, everything, PARTICIPANTS, [person("P1"), person("P2"), person("P3")])
    [approved] = stored(database, everything, "select id from participant where code = 'P2'")
    decider = somebody(database, Role.OPERATOR, name="dora")
    decide_as_shown(database, decider.scope, participant_ids=approved, approve=True, reason=None)
    assert left(database, everything, wrong) == [("P2", None, Outcome.DECIDED_SINCE)]
    undo(database, everything, wrong)
    assert stored(database, everything, "select code, state from participant") == [("P2", "active")]
    assert one(database, everything, "select count(*) from participant_person") == (1,)
    assert broken(database) == []


def test_what_says_who_a_person_is_stays_as_the_file_wrote_it(database: Database, everything: Scope) -> None:
    taken(database, everything, COMPANIES, [company("C1")])
    taken(database, everything, PARTICIPANTS, [person("P1", phone="+48 601 234 567")])
    wrong = update(
        database,
        everything,
        PARTICIPANTS,
        person("P1", display_name="Jana", phone="+48 600 000 000", group="distributor", is_owner="yes"),
    )
    assert left(database, everything, wrong) == [
        ("P1", "display_name", Outcome.PERSONAL),
        ("P1", "phone", Outcome.PERSONAL),
    ]
    undo(database, everything, wrong)
    assert stored(
        database,
        everything,
        "select p.participant_group, p.is_owner, m.display_name from participant p"
        " join participant_person m on m.participant_id = p.id",
    ) == [("wholesaler", False, "Jana")]


def test_where_nothing_can_be_put_back_any_longer_the_undo_says_so(
    database: Database, everything: Scope
) -> None:
    wrong = taken(database, everything, COMPANIES, [company("C1")])
    bring_sales(database, everything, [row(company_code="C1")])
    with pytest.raises(corrections.NothingToPutBackError, match="used since"):
        look(database, everything, wrong)


def test_an_import_from_before_changes_were_listed_is_not_undone(
    database: Database, everything: Scope
) -> None:
    wrong = taken(database, everything, COMPANIES, [company("C1")])
    with database.transaction(everything) as connection:
        connection.execute(text("delete from import_change where import_id = :id"), {"id": wrong})
    with pytest.raises(corrections.NothingListedError, match="kept a list"):
        look(database, everything, wrong)


def test_what_changed_since_the_look_is_looked_at_again(database: Database, everything: Scope) -> None:
    wrong = taken(database, everything, COMPANIES, [company("C1"), company("C2")])
    shown = look(database, everything, wrong).payload_hash
    bring_sales(database, everything, [row(company_code="C1")])
    with pytest.raises(corrections.PreviewOutdatedError):
        corrections.undo_import(
            database, everything, wrong, reason="Wrong file.", payload_hash=shown, request_key=new_id()
        )
    assert len(stored(database, everything, COMPANY)) == 2


def test_no_points_are_settled_for_master_data(
    database: Database, everything: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = taken(database, everything, COMPANIES, [company("C1")])

    def refuses(_database: Database) -> int:
        raise Refusal("The programme can't be settled.")

    monkeypatch.setattr(settlement, "settle_due", refuses)
    report = undo(database, everything, wrong)
    assert (report.programmes_settled, report.unsettled) == (0, None)


def test_the_books_tell_what_is_there_though_it_is_said_to_be_gone(
    database: Database, everything: Scope
) -> None:
    taken(database, everything, COMPANIES, [company("C1")])
    outlets = taken(database, everything, OUTLETS, [{"company_code": "C1", "code": "O1", "name": "Bar"}])
    products = taken(database, everything, PRODUCTS, [{"code": "A", "name": "Cup"}])
    taken(database, everything, PRICES, [price("2", "2026-01-01")])
    bring_sales(database, everything, [row(company_code="C1", outlet_code="O1", product_code="P9")])
    for table, import_id, said in (
        ("outlet", outlets, ["what an undone", "nothing stands on"]),
        ("product_price", products, ["what an undone"]),
    ):
        with database.transaction(everything) as connection:
            nested = connection.begin_nested()
            connection.execute(
                text(
                    "insert into removed_record (record_id, table_name, import_id, recorded_at)"
                    f" select id, :table, :import_id, now() from {table}"
                ),
                {"table": table, "import_id": import_id},
            )
            told = [name for name, count in corrections.broken_undos(connection).items() if count]
            nested.rollback()
        assert [name.startswith(words) for name, words in zip(told, said, strict=True)] == [True] * len(said)


def test_only_who_may_undo_imports_undoes_them(database: Database, everything: Scope) -> None:
    wrong = taken(database, everything, COMPANIES, [company("C1")])
    operator = somebody(database, Role.OPERATOR, name="olga")
    assert Permission.UNDO_IMPORTS not in operator.permissions
    with pytest.raises(NotAllowedError):
        look(database, operator.scope, wrong)


def test_the_application_can_delete_nothing_that_no_undone_import_added(
    database: Database, everything: Scope
) -> None:
    taken(database, everything, COMPANIES, [company("C1")])
    for table in ("company", "outlet", "product", "product_price", "participant", "participant_person"):
        assert one(
            database, everything, "select has_table_privilege('laurel_app', :table, 'delete')", table=table
        ) == (True,)
    with pytest.raises(DBAPIError) as refused, database.transaction(everything) as connection:
        connection.execute(text("delete from company where code = 'C1'"))
    assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)


def test_whatever_names_a_record_that_may_go_is_found_by_an_index(
    database: Database, everything: Scope
) -> None:
    # The database looks for each deleted row in each of these columns: without an index all rows, each time.
    unindexed = stored(
        database,
        everything,
        "select c.conrelid::regclass::text, a.attname from pg_constraint c"
        " join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]"
        " where c.contype = 'f' and c.confrelid::regclass::text in"
        " ('company', 'outlet', 'product', 'product_price', 'participant') and not exists (select from pg_index i"
        "   where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1] and i.indpred is null) order by 1, 2",
    )
    assert unindexed == []
