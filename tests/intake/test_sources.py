"""Mappings that are kept for a source's next file, and what changed in its columns."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from loyalty_core.access import Role
from loyalty_core.intake import (
    ColumnMapping,
    SavedMapping,
    UnknownSavedMappingError,
    carried_over,
    changed_columns,
    mapping_versions,
    retire_mapping,
    save_mapping,
    saved_mappings,
    source_like,
)
from loyalty_core.intake.sources import HeaderNotUsableError
from loyalty_core.kernel import Database, NotAllowedError, Scope, new_id, now
from tests.access.people import somebody
from tests.intake.field import HEADER, mapping_of


def saved_with(*header: str, mapping: ColumnMapping | None = None) -> SavedMapping:
    body = mapping or mapping_of().model_copy(update={"columns": {"company_code": header[0]}})
    return SavedMapping(new_id(), "sales", "tills", 1, body, header, "Ola", now(), False)


def test_what_is_saved_is_found_again_as_it_was(database: Database, everything: Scope) -> None:
    saved = save_mapping(database, everything, mapping_of(), [*HEADER, "", " Remarks "])
    with database.transaction(everything) as connection:
        assert saved_mappings(connection) == [saved]
        assert saved_mappings(connection, "claims") == []
    assert saved.body == mapping_of()
    assert (saved.version, saved.header) == (1, (*HEADER, "", "Remarks"))


def test_saving_the_same_twice_makes_one_version_and_another_makes_the_next(
    database: Database, everything: Scope
) -> None:
    first = save_mapping(database, everything, mapping_of(), HEADER)
    assert save_mapping(database, everything, mapping_of(), HEADER) == first
    changed = mapping_of().model_copy(update={"date_formats": ("%d.%m.%Y",)})
    second = save_mapping(database, everything, changed, HEADER)
    with database.transaction(everything) as connection:
        assert [one.version for one in mapping_versions(connection, "sales", "tills")] == [2, 1]
        assert saved_mappings(connection) == [second]
        actions = connection.execute(text("select action from audit_record order by id")).scalars()
        assert list(actions) == ["intake.mapping_saved"] * 2


def test_many_who_save_at_once_make_one_version_each(committed_database: Database, everything: Scope) -> None:
    bodies = [
        mapping_of().model_copy(update={"date_formats": (f"%Y-%m-%d{'x' * (place // 2)}",)})
        for place in range(8)
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda body: save_mapping(committed_database, everything, body, HEADER), bodies))
    with committed_database.transaction(everything) as connection:
        versions = mapping_versions(connection, "sales", "tills")
    assert sorted(one.version for one in versions) == list(range(1, len(versions) + 1))
    assert len(versions) >= 4


def test_a_retired_mapping_is_offered_no_more_until_it_is_saved_again(
    database: Database, everything: Scope
) -> None:
    save_mapping(database, everything, mapping_of(), HEADER)
    retire_mapping(database, everything, "sales", "tills")
    retire_mapping(database, everything, "sales", "tills")
    with database.transaction(everything) as connection:
        assert saved_mappings(connection) == []
        assert [one.is_retired for one in saved_mappings(connection, with_retired=True)] == [True]
        assert [one.version for one in mapping_versions(connection, "sales", "tills")] == [2, 1]
    assert save_mapping(database, everything, mapping_of(), HEADER).version == 3
    with pytest.raises(UnknownSavedMappingError, match="“tillz”"):
        retire_mapping(database, everything, "sales", "tillz")


def test_only_who_manages_sources_saves_and_retires(database: Database, everything: Scope) -> None:
    analyst = somebody(database, Role.ANALYST).scope
    with pytest.raises(NotAllowedError):
        save_mapping(database, analyst, mapping_of(), HEADER)
    save_mapping(database, somebody(database, Role.OPERATOR, name="otto").scope, mapping_of(), HEADER)
    with pytest.raises(NotAllowedError):
        retire_mapping(database, analyst, "sales", "tills")


def test_a_mapping_of_columns_that_the_file_lacks_is_not_kept(database: Database, everything: Scope) -> None:
    with pytest.raises(HeaderNotUsableError, match="unit_price"):
        save_mapping(database, everything, mapping_of(), HEADER[:-1])


def test_columns_that_came_went_moved_and_were_renamed_are_told_apart() -> None:
    saved = saved_with("Customer", "Invoice no", "Price", "Store", "Qty")
    changes = changed_columns(saved, ["Qty", "customer", "Invoice number", "Net price", "Colour"])
    assert changes.added == ("Colour",)
    assert changes.gone == ("Store",)
    assert changes.renamed == (("Invoice no", "Invoice number"), ("Price", "Net price"))
    assert changes.moved == ("Qty",)
    assert changes


def test_case_and_white_space_and_blank_headers_change_nothing() -> None:
    assert not changed_columns(saved_with("Customer", "", "Invoice  no"), ["CUSTOMER", "invoice no", " "])


def test_a_renamed_column_is_carried_over_under_its_new_name() -> None:
    mapping = mapping_of().model_copy(
        update={"columns": {"company_code": "Customer", "invoice_no": "Invoice no", "outlet_code": "Store"}}
    )
    saved = saved_with("Customer", "Invoice no", "Store", mapping=mapping)
    assert carried_over(saved, ["Invoice number", "Customer"]) == {
        "company_code": "Customer",
        "invoice_no": "Invoice number",
    }


def test_the_source_most_alike_is_found_and_a_strange_file_has_none() -> None:
    tills = saved_with("Customer", "Invoice", "Date", "Qty")
    shops = saved_with("Customer", "Invoice", "Date", "Qty", "Store")
    assert source_like([tills, shops], ["Customer", "Invoice", "Date", "Qty", "Shop"]) is tills
    assert source_like([tills, shops], ["Store", "Customer", "Invoice", "Date", "Qty"]) is shops
    assert source_like([tills, shops], ["Name", "Address", "Customer"]) is None
    assert source_like([], ["Customer"]) is None


_HEADERS = st.lists(st.text("abcdefgh ", min_size=1, max_size=6), max_size=8)


@given(before=_HEADERS, after=_HEADERS)
def test_every_header_is_accounted_for_once(before: list[str], after: list[str]) -> None:
    changes = changed_columns(saved_with("Customer", *before), ["Customer", *after])

    def keys(names: list[str]) -> set[str]:
        return {" ".join(name.split()) for name in names if name.strip()}

    old, new = keys(["Customer", *before]), keys(["Customer", *after])
    gone = keys([*changes.gone, *(one for one, _other in changes.renamed)])
    added = keys([*changes.added, *(other for _one, other in changes.renamed)])
    assert {one.casefold() for one in gone} == {one.casefold() for one in old - new}
    assert {one.casefold() for one in added} == {one.casefold() for one in new - old}
    assert keys(list(changes.moved)) <= old & new
    assert not changed_columns(saved_with("Customer", *before), ["Customer", *before])
