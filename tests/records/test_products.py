"""Files of products and price lists: what they add and change, and which periods go together."""

from typing import Any

import pytest
from sqlalchemy import text

from loyalty_core.access import Role
from loyalty_core.intake import ImportMode
from loyalty_core.kernel import Database, NotAllowedError, Scope
from loyalty_core.products import PricesDataset, ProductsDataset
from tests.access.people import somebody
from tests.records.staged import bring, one

PRODUCTS, PRICES = ProductsDataset(), PricesDataset()


def product(code: str, name: str = "Cup", **more: str) -> dict[str, str]:
    return {"code": code, "name": name, **more}


def price(amount: str, first: str, last: str = "", *, of: str = "A", **more: Any) -> dict[str, Any]:
    return {
        "price_list": "RETAIL",
        "product_code": of,
        "currency": "EUR",
        "unit_price": amount,
        "valid_from": first and f"{first}T00:00:00+01:00",
        "valid_to": last and f"{last}T00:00:00+01:00",
        **more,
    }


def periods(database: Database, scope: Scope) -> list[tuple[str, str, str]]:
    with database.transaction(scope) as connection:
        rows = connection.execute(
            text(
                "select unit_price::text as amount, valid_from::text as first, coalesce(valid_to::text, '') as last"
                " from product_price order by price_list, product_id, valid_from"
            )
        )
        return [(row.amount, row.first, row.last) for row in rows]


def test_products_are_added_then_changed_only_by_an_update(database: Database, everything: Scope) -> None:
    rows = [product("A", brand="Acme", product_group="Cups"), product("B"), product(""), {"code": "D"}]
    first = bring(database, everything, PRODUCTS, rows)
    assert first.counts == (2, 0, 0, 2)
    assert first.reasons == {4: {"missing_code"}, 5: {"missing_name"}}
    rows = [product("A", "Mug", brand="-"), product("B")]
    assert bring(database, everything, PRODUCTS, rows).counts == (0, 0, 1, 1)
    done = bring(database, everything, PRODUCTS, rows, mode=ImportMode.UPDATE)
    assert done.changes == [(2, "A", "name", "Cup", "Mug"), (2, "A", "brand", "Acme", "")]
    assert one(database, everything, "select name, brand, product_group from product where code = 'A'") == (
        "Mug",
        None,
        "Cups",
    )


def test_a_later_price_ends_an_earlier_one_that_had_no_end(database: Database, everything: Scope) -> None:
    bring(database, everything, PRODUCTS, [product("A")])
    rows = [price("10.50", "2026-01-01"), price("11", "2026-04-01")]
    assert bring(database, everything, PRICES, rows).counts == (2, 0, 0, 0)
    assert periods(database, everything) == [("10.50", "2026-01-01", "2026-03-31"), ("11", "2026-04-01", "")]
    assert bring(database, everything, PRICES, rows).counts == (0, 0, 2, 0), "the same file again"
    later = bring(database, everything, PRICES, [price("12", "2026-07-01")], mode=ImportMode.UPDATE)
    assert later.changes == [
        (2, "RETAIL / A / 2026-07-01", None, None, "12 EUR"),
        (2, "RETAIL / A / 2026-04-01", "valid_to", "", "2026-06-30"),
    ]
    assert periods(database, everything)[1:] == [
        ("11", "2026-04-01", "2026-06-30"),
        ("12", "2026-07-01", ""),
    ]


def test_a_price_that_comes_late_ends_where_the_next_one_begins(
    database: Database, everything: Scope
) -> None:
    bring(database, everything, PRODUCTS, [product("A")])
    bring(database, everything, PRICES, [price("11", "2026-04-01")])
    bring(database, everything, PRICES, [price("10", "2026-01-01")])
    assert periods(database, everything) == [("10", "2026-01-01", "2026-03-31"), ("11", "2026-04-01", "")]


def test_periods_that_overlap_are_told_of_both_in_the_file_and_with_what_is_there(
    database: Database, everything: Scope
) -> None:
    bring(database, everything, PRODUCTS, [product("A"), product("B")])
    bring(database, everything, PRICES, [price("10", "2026-01-01", "2026-12-31")])
    done = bring(
        database,
        everything,
        PRICES,
        [
            price("11", "2026-06-01"),
            price("9", "2025-06-01", "2026-01-31"),
            price("5", "2026-01-01", "2026-03-31", of="B"),
            price("6", "2026-03-31", of="B"),
            price("7", "2026-06-01", "2026-06-30", of="B"),
            price("7", "2026-01-01", "2026-06-30", of="B", price_list="OTHER"),
        ],
    )
    overlapping = {"overlapping_period"}
    assert done.reasons == {2: overlapping, 3: overlapping, 4: overlapping, 5: overlapping}
    assert done.counts == (2, 0, 0, 4)


def test_an_update_may_end_a_price_and_bring_the_next_in_one_file(
    database: Database, everything: Scope
) -> None:
    bring(database, everything, PRODUCTS, [product("A")])
    bring(database, everything, PRICES, [price("10", "2026-01-01", "2026-12-31")])
    rows = [price("10", "2026-01-01", "2026-05-31"), price("11", "2026-06-01")]
    done = bring(database, everything, PRICES, rows, mode=ImportMode.UPDATE)
    assert done.changes == [
        (2, "RETAIL / A / 2026-01-01", "valid_to", "2026-12-31", "2026-05-31"),
        (3, "RETAIL / A / 2026-06-01", None, None, "11 EUR"),
    ]
    assert done.counts == (1, 1, 0, 0)
    assert periods(database, everything) == [("10", "2026-01-01", "2026-05-31"), ("11", "2026-06-01", "")]


def test_every_reason_of_every_bad_price_is_told_at_once(database: Database, everything: Scope) -> None:
    bring(database, everything, PRODUCTS, [product("A")])
    done = bring(
        database,
        everything,
        PRICES,
        [
            {},
            price("-1", "2026-02-01", "2026-01-01", of="Z", currency="EURO"),
            price("1.0000001", "1989-12-31"),
            {
                **price("", "", price_list="x" * 301),
                "unreadable": {"unit_price": "a", "valid_from": "b", "valid_to": "c"},
            },
        ],
    )
    assert done.reasons == {
        2: {"missing_price_list", "missing_product", "missing_currency", "missing_price", "missing_date"},
        3: {"price_not_usable", "dates_out_of_order", "unknown_product", "unknown_currency"},
        4: {"price_not_usable", "date_out_of_range"},
        5: {"text_too_long", "unreadable_price", "unreadable_valid_from", "unreadable_valid_to"},
    }


def test_only_who_may_import_master_data_does(database: Database) -> None:
    scope = somebody(database, Role.PROGRAMME_MANAGER).scope
    for dataset, row in ((PRODUCTS, product("A")), (PRICES, price("1", "2026-01-01"))):
        with pytest.raises(NotAllowedError):
            bring(database, scope, dataset, [row])
