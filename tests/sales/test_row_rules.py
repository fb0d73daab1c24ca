"""Each reason for which a row of a sales file goes to quarantine, by a row that has it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from loyalty_core.kernel import Database, Scope
from loyalty_core.sales import reason_text
from tests.sales.files import bring, row, stored

BAD_ROWS: list[tuple[str, dict[str, Any]]] = [
    ("missing_company", {"company_code": None}),
    ("missing_invoice", {"invoice_no": None}),
    ("missing_product", {"product_code": None}),
    ("missing_quantity", {"quantity": None}),
    ("missing_price", {"unit_price": None}),
    ("missing_date", {"sold_at": None}),
    ("missing_currency", {"currency": None}),
    ("missing_region", {"company_code": "new", "region": None}),
    ("unreadable_quantity", {"quantity": None, "unreadable": {"quantity": "one"}}),
    ("unreadable_unit_price", {"unit_price": None, "unreadable": {"unit_price": "cheap"}}),
    ("unreadable_amount", {"amount": None, "unreadable": {"amount": "much"}}),
    ("unreadable_sold_at", {"sold_at": None, "unreadable": {"sold_at": "31.02.2026"}}),
    ("beyond_last_column", {"unreadable": {"beyond_last_column": "more"}}),
    ("zero_quantity", {"quantity": "0"}),
    ("negative_price", {"unit_price": "-0.01"}),
    ("negative_price", {"unit_price": None, "amount": "-10.00"}),
    ("negative_price", {"unit_price": None, "amount": "10.00", "quantity": "-1"}),
    ("amount_differs", {"amount": "10.01"}),
    ("amount_too_large", {"unit_price": "10000000000000.01"}),
    ("amount_too_large", {"quantity": "1000000000000001", "unit_price": "0"}),
    ("text_too_long", {"product_name": "x" * 301}),
    ("control_character", {"product_name": "Cup\x1f"}),
    ("control_character", {"invoice_no": "\x1eI1"}),
    ("date_too_early", {"sold_at": "1989-12-31T23:59:59+00:00"}),
    ("date_in_the_future", {"sold_at": "2026-03-12T12:00:01+00:00"}),
    ("unknown_currency", {"currency": "ZZZ"}),
    ("unknown_currency", {"currency": "eur"}),
]
UNKNOWN: list[tuple[str, dict[str, Any]]] = [
    ("unknown_company", {"company_code": "C9"}),
    ("unknown_region", {"region": "South"}),
    ("unknown_product", {"product_code": "P9"}),
]
MOMENT = datetime(2026, 3, 11, 12, tzinfo=UTC)


@pytest.mark.parametrize(("reason", "values"), BAD_ROWS)
def test_a_row_that_is_no_sale_is_quarantined_for_that_reason_and_no_other(
    database: Database, everything: Scope, reason: str, values: dict[str, Any]
) -> None:
    brought = bring(database, everything, [row(), row(**values)], at=MOMENT)
    assert brought.reasons == {3: [reason]}
    assert brought.counts == (1, 0, 1)
    assert reason_text(reason) not in ("", reason)


@pytest.mark.parametrize(
    "values",
    [
        {"quantity": "-3"},
        {"unit_price": "0"},
        {"unit_price": None, "amount": "12.34"},
        {"unit_price": None, "amount": "-12.34", "quantity": "-2"},
        {"amount": "10.004"},
        {"amount": "9.995"},
        {"sold_at": "2026-03-12T12:00:00+00:00"},
        {"sold_at": "1990-01-01T00:00:00+00:00"},
        {"product_name": "x" * 300},
        {"unit_price": "0.000000001"},
        {"quantity": "0.5"},
    ],
)
def test_a_row_at_the_edge_of_a_rule_is_still_a_sale(
    database: Database, everything: Scope, values: dict[str, Any]
) -> None:
    brought = bring(database, everything, [row(**values)], at=MOMENT)
    assert brought.reasons == {}
    assert brought.counts == (1, 0, 0)


@pytest.mark.parametrize(("reason", "values"), UNKNOWN)
def test_what_is_not_known_is_a_reason_unless_the_import_may_make_it(
    database: Database, everything: Scope, reason: str, values: dict[str, Any]
) -> None:
    bring(database, everything, [row()])
    strange = row(**{"invoice_no": "I2", **values})
    assert bring(database, everything, [strange], creates=False).reasons == {2: [reason]}
    assert bring(database, everything, [strange], creates=True).counts == (1, 0, 0)
    assert bring(database, everything, [strange], creates=False).counts == (0, 1, 0)


def test_every_reason_of_a_row_is_kept_and_counted(database: Database, everything: Scope) -> None:
    brought = bring(
        database,
        everything,
        [
            row(company_code=None, unit_price="-1", sold_at=None, quantity="0"),
            row(company_code=None),
            row(),
        ],
    )
    assert brought.reasons == {
        2: ["missing_company", "missing_date", "negative_price", "zero_quantity"],
        3: ["missing_company"],
    }
    with database.transaction(everything) as connection:
        counted = connection.execute(
            text("select reasons from file_import where id = :id"), {"id": brought.import_id}
        ).scalar_one()
    assert counted == {"missing_company": 2, "missing_date": 1, "negative_price": 1, "zero_quantity": 1}


def test_a_quarantined_row_keeps_what_was_understood_and_what_was_not(
    database: Database, everything: Scope
) -> None:
    brought = bring(database, everything, [row(quantity=None, unreadable={"quantity": "one"})])
    with database.transaction(everything) as connection:
        body = connection.execute(
            text("select body from quarantined_row where import_id = :id"), {"id": brought.import_id}
        ).scalar_one()
    assert (body["quantity"], body["company_code"], body["unit_price"]) == ("one", "C1", 10.00)
    assert "brand" not in body


def test_a_rejected_row_makes_no_company_region_or_product(database: Database, everything: Scope) -> None:
    bring(
        database,
        everything,
        [row(company_code="C7", region="West", product_code="P7", quantity="0"), row()],
    )
    with database.transaction(everything) as connection:
        made = connection.execute(
            text(
                "select code from company union all select code from region"
                " union all select code from product order by 1"
            )
        )
        assert list(made.scalars()) == ["C1", "North", "P1"]


def test_a_company_keeps_the_region_of_its_first_line_and_a_line_its_own(
    database: Database, everything: Scope
) -> None:
    bring(database, everything, [row(region="North"), row(region="South", invoice_no="I2")])
    bring(database, everything, [row(region="West", invoice_no="I3"), row(region=None, invoice_no="I4")])
    with database.transaction(everything) as connection:
        home = connection.execute(
            text("select r.code from company c join region r on r.id = c.region_id")
        ).scalar_one()
        of_lines = connection.execute(
            text(
                "select l.invoice_no, r.code from sales_line l join region r on r.id = l.region_id order by 1"
            )
        )
        assert home == "North"
        assert [tuple(one) for one in of_lines] == [
            ("I1", "North"),
            ("I2", "South"),
            ("I3", "West"),
            ("I4", "North"),
        ]


def test_names_come_from_the_first_row_that_has_one_and_else_from_the_code(
    database: Database, everything: Scope
) -> None:
    bring(
        database,
        everything,
        [
            row(),
            row(company_name="Café Čačak", product_name="Cup", brand="Blue", invoice_no="I2"),
            row(company_name="Other", product_name="Mug", brand="Red", invoice_no="I3"),
            row(company_code="C2", product_code="P2", outlet_code="shop 1"),
        ],
    )
    with database.transaction(everything) as connection:
        names = connection.execute(
            text(
                "select code, name from company union all select code, name from product"
                " union all select code, name from outlet order by 1"
            )
        )
        assert [tuple(one) for one in names] == [
            ("C1", "Café Čačak"),
            ("C2", "C2"),
            ("P1", "Cup"),
            ("P2", "P2"),
            ("shop 1", "shop 1"),
        ]


def test_a_lines_day_is_that_of_the_files_time_zone(database: Database, everything: Scope) -> None:
    late = row(sold_at="2026-03-10T23:30:00+00:00")
    bring(database, everything, [late], time_zone="Asia/Jakarta")
    with database.transaction(everything) as connection:
        ((day,),) = stored(connection, "sold_on::text")
        assert day == "2026-03-11"
