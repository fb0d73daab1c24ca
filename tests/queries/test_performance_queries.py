"""What the queries of the performance explorer make of small tables, row by row."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from tests.queries.market import (
    MARKET,
    SPRING,
    day,
    given,
    line,
    noon,
    ordered,
    participant,
    person,
    receipts,
    reward,
    sold,
)
from tests.queries.tables import Row, name_id, rows_of, table_of

SOLD = [
    sold(day(3, 2), "c1", "paint", 9960, lines=2),
    sold(day(3, 3), "c1", "tape", 370),
    sold(day(3, 9), "c1", "paint", -2490, returned_minor=2490, return_lines=1),
    sold(day(3, 9), "c3", "paint", 24500),
    sold(day(3, 9), "c3", "brush", 1000),
    sold(day(4, 1), "c2", "tape", 5000, lines=3),
    sold(day(4, 1), "c2", "tape", 7000, currency="PLN"),
    sold(day(3, 3, 2025), "c1", "paint", 5000),
    sold(day(2, 27), "c1", "paint", 4000, returned_minor=100, return_lines=1, lines=3),
]
TABLES: dict[str, list[Row]] = {**MARKET, "sales_day": SOLD}
MARCH = {"since": day(3, 1), "until": day(3, 31), "currency": "EUR"}
SPRING_DAYS = {"since": day(3, 1), "until": day(4, 30), "currency": "EUR"}


@pytest.mark.parametrize(
    ("bucket", "expected"),
    [
        (
            "day",
            [
                (day(3, 2), 9960, 0, 2, 0),
                (day(3, 3), 370, 0, 1, 0),
                (day(3, 9), 23010, 2490, 3, 1),
                (day(4, 1), 5000, 0, 3, 0),
            ],
        ),
        (
            "week",
            [
                (day(3, 2), 10330, 0, 3, 0),
                (day(3, 9), 23010, 2490, 3, 1),
                (day(3, 30), 5000, 0, 3, 0),
            ],
        ),
        ("month", [(day(3, 1), 33340, 2490, 6, 1), (day(4, 1), 5000, 0, 3, 0)]),
    ],
)
def test_sales_come_by_day_week_or_month_in_one_currency(
    bucket: str, expected: list[tuple[object, ...]]
) -> None:
    rows = rows_of("sales_over_time", TABLES, bucket=bucket, **SPRING_DAYS)
    assert table_of(rows, "bucket", "amount_minor", "returned_minor", "lines", "return_lines") == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"region_ids": [name_id("gdansk"), name_id("poland")]}, 7840),
        ({"region_ids": []}, None),
        ({"kind": "wholesaler"}, 33340),
        ({"company_id": name_id("c3")}, 25500),
        ({"salesperson_id": name_id("anna")}, 7840),
        ({"product_group": "Paints"}, 32970),
        ({"brand": "Aster"}, 31970),
        ({"brand": ""}, 1000),
        ({"product_id": name_id("tape")}, 370),
        ({"salesperson_id": UUID(int=0)}, None),
        ({"brand": "Aster", "company_id": name_id("c1")}, 7470),
    ],
)
def test_sales_are_narrowed_by_every_filter(filters: dict[str, object], expected: int | None) -> None:
    rows = rows_of("sales_over_time", TABLES, bucket="month", **MARCH, **filters)
    assert [row["amount_minor"] for row in rows] == ([] if expected is None else [expected])


def test_sales_by_company_stand_beside_those_before_and_a_year_before() -> None:
    rows = rows_of(
        "sales_by",
        TABLES,
        dimension="company",
        **MARCH,
        before_since=day(2, 1),
        before_until=day(2, 28),
        year_since=day(3, 1, 2025),
        year_until=day(3, 31, 2025),
        limit=10,
    )
    assert table_of(
        rows,
        "key",
        "label",
        "amount_minor",
        "returned_minor",
        "lines",
        "before_minor",
        "before_returned_minor",
        "year_minor",
    ) == [
        (str(name_id("c3")), "Sava", 25500, 0, 2, 0, 0, 0),
        (str(name_id("c1")), "Bursztyn", 7840, 2490, 4, 4000, 100, 5000),
    ]


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        ("region", [("Serbia", 25500), ("Gdańsk", 7840), ("Poland", 5000)]),
        ("salesperson", [("Milica Petrović", 25500), ("Anna Nowak", 12840)]),
        ("group", [("wholesaler", 33340), ("distributor", 5000)]),
        ("product_group", [("Paints", 32970), ("Tapes", 5370)]),
        ("brand", [("Aster", 31970), ("Borea", 5370), ("", 1000)]),
        ("product", [("Paint", 31970), ("Tape", 5370), ("Brush", 1000)]),
    ],
)
def test_sales_come_by_every_dimension(dimension: str, expected: list[tuple[str, int]]) -> None:
    rows = rows_of("sales_by", TABLES, dimension=dimension, **SPRING_DAYS, limit=10)
    assert table_of(rows, "label", "amount_minor") == expected


def test_the_first_rows_only_where_there_is_a_limit() -> None:
    rows = rows_of("sales_by", TABLES, dimension="brand", **SPRING_DAYS, limit=1)
    assert table_of(rows, "label") == [("Aster",)]


RECEIPTS: dict[str, list[Row]] = {
    **MARKET,
    "receipt_day": [
        receipts(day(3, 2), "c1", 2),
        receipts(day(3, 9), "c3", 4),
        receipts(day(3, 9), "c3", 9, currency="PLN"),
        receipts(day(2, 9), "c1", 5),
    ],
}


def test_receipts_come_over_time_and_by_region() -> None:
    rows = rows_of("receipts_over_time", RECEIPTS, bucket="week", **MARCH)
    assert table_of(rows, "bucket", "receipts") == [(day(3, 2), 2), (day(3, 9), 4)]
    rows = rows_of(
        "receipts_by",
        RECEIPTS,
        dimension="region",
        **MARCH,
        before_since=day(2, 1),
        before_until=day(2, 28),
        limit=10,
    )
    assert table_of(rows, "label", "receipts", "before_receipts") == [("Serbia", 4, 0), ("Gdańsk", 2, 5)]


LINES: dict[str, list[Row]] = {
    **MARKET,
    "sales_line": [
        line(1, day(3, 2), "c1", "paint", "INV-1", 9960),
        line(2, day(3, 2), "c1", "paint", "INV-1", 2490),
        line(3, day(3, 2), "c1", "tape", "INV-1", 370),
        line(4, day(3, 3), "c1", "paint", "INV-2", -2490, quantity=-1),
        line(5, day(3, 9), "c3", "paint", "INV-1", 24500, sheet="March"),
        line(6, day(2, 9), "c3", "brush", "INV-0", 1000),
        line(7, day(3, 9), "c3", "paint", "INV-9", 24500, currency="PLN"),
    ],
    "award": [
        {"id": 1, "sales_line_id": 1, "programme_id": SPRING, "points": 9},
        {"id": 2, "sales_line_id": 1, "programme_id": SPRING, "points": -2},
        {"id": 3, "sales_line_id": 1, "programme_id": name_id("autumn"), "points": 50},
    ],
}


@pytest.mark.parametrize("suffix", ["", "_roughly"])
def test_receipts_with_a_product_are_counted_once_a_company_and_invoice(suffix: str) -> None:
    rows = rows_of(f"receipts_of_products_over_time{suffix}", LINES, bucket="month", brand="Aster", **MARCH)
    assert table_of(rows, "bucket", "receipts") == [(day(3, 1), 3)]
    rows = rows_of(
        f"receipts_of_products_by{suffix}",
        LINES,
        dimension="brand",
        **MARCH,
        before_since=day(2, 1),
        before_until=day(2, 28),
        limit=10,
    )
    assert table_of(rows, "label", "receipts", "before_receipts") == [
        ("Aster", 3, 0),
        ("Borea", 1, 0),
        ("", 0, 1),
    ]


@pytest.mark.parametrize("suffix", ["", "_roughly"])
def test_what_was_taken_back_with_its_import_is_no_receipt(suffix: str) -> None:
    undone = line(8, day(3, 10), "c1", "paint", "INV-8", 2490)
    against = {**line(18, day(3, 10), "c1", "paint", "INV-8", -2490, quantity=-1), "reverses_id": 8}
    world = {**LINES, "sales_line": [*LINES["sales_line"], undone, against]}
    name = f"receipts_of_products_over_time{suffix}"
    rows = rows_of(name, world, bucket="month", brand="Aster", **MARCH)
    assert table_of(rows, "bucket", "receipts") == [(day(3, 1), 3)]
    rows = rows_of(
        f"receipts_of_products_by{suffix}", world, dimension="brand", brand="Aster", **MARCH, limit=10
    )
    assert table_of(rows, "label", "receipts") == [("Aster", 3)]


def test_lines_show_the_programmes_points_and_their_row_in_the_file() -> None:
    rows = rows_of("sales_lines", LINES, programme_id=SPRING, only_returns=False, limit=2, offset=2, **MARCH)
    assert table_of(rows, "id", "invoice_no", "company_code", "product_code", "points", "row_no") == [
        (3, "INV-1", "C1", "P-22", 0, 3),
        (2, "INV-1", "C1", "P-10", 0, 2),
    ]
    rows = rows_of("sales_lines", LINES, programme_id=SPRING, only_returns=False, limit=9, offset=0, **MARCH)
    assert table_of(rows, "id", "amount_minor", "points", "sheet") == [
        (5, 24500, 0, "March"),
        (4, -2490, 0, None),
        (3, 370, 0, None),
        (2, 2490, 0, None),
        (1, 9960, 7, None),
    ]
    rows = rows_of("sales_lines", LINES, programme_id=SPRING, only_returns=True, limit=9, offset=0, **MARCH)
    assert table_of(rows, "id") == [(4,)]


POINTS: dict[str, list[Row]] = {
    **MARKET,
    "award_day": [
        given(day(3, 2), "c1", "paint", 9),
        given(day(3, 9), "c1", "paint", 0, 2),
        given(day(3, 9), "c3", "brush", 24),
        given(day(3, 9), "c3", "brush", 500, programme="autumn"),
        given(day(2, 9), "c3", "paint", 5),
    ],
}


def test_points_are_those_of_the_programme_less_what_was_taken_back() -> None:
    days = {"since": day(3, 1), "until": day(3, 31), "programme_id": SPRING}
    rows = rows_of("points_over_time", POINTS, bucket="week", **days)
    assert table_of(rows, "bucket", "points", "points_earned", "points_taken") == [
        (day(3, 2), 9, 9, 0),
        (day(3, 9), 22, 24, 2),
    ]
    rows = rows_of(
        "points_by",
        POINTS,
        dimension="product_group",
        **days,
        before_since=day(2, 1),
        before_until=day(2, 28),
        limit=5,
    )
    assert table_of(rows, "label", "points", "before_points") == [("Paints", 31, 5)]
    rows = rows_of("points_by", POINTS, dimension="brand", kind="wholesaler", **days, limit=5)
    assert table_of(rows, "label", "points", "before_points") == [("", 24, 0), ("Aster", 7, 0)]


ORDERS: dict[str, list[Row]] = {
    **MARKET,
    "reward": [
        reward("phone", "Phone credit", "Vouchers"),
        reward("drill", "Drill set", "Tools"),
    ],
    "participant": [participant("w1", "c1"), participant("s1", "c3", "service_provider")],
    "participant_person": [person("w1", "c1", "Jan Kowalski")],
    "reward_order": [
        # Half past eleven in the evening of the first of March by UTC is the second in Warsaw.
        ordered(1, datetime(2026, 3, 1, 23, 30, tzinfo=UTC), "c1", "w1", "phone", 2500),
        ordered(2, noon(day(3, 9)), "c3", "s1", "drill", 9900, state="awaiting_finance", points=800),
        ordered(3, noon(day(3, 9)), "c3", "s1", "phone", 2500, state="rejected"),
        ordered(4, noon(day(3, 9)), "c1", "w1", "phone", 2500, state="cancelled"),
        ordered(5, noon(day(2, 9)), "c1", "w1", "phone", 1500),
    ],
}
ORDER_DAYS = {
    "since": day(3, 1),
    "until": day(3, 31),
    "programme_id": SPRING,
    "time_zone": "Europe/Warsaw",
}


def test_rewards_are_the_orders_that_cost_by_the_day_of_their_zone() -> None:
    rows = rows_of("rewards_over_time", ORDERS, bucket="day", **ORDER_DAYS)
    assert table_of(rows, "bucket", "orders", "points", "cost_minor") == [
        (day(3, 2), 1, 100, 2500),
        (day(3, 9), 1, 800, 9900),
    ]


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        ("category", [("Tools", 1, 9900, 0), ("Vouchers", 1, 2500, 1500)]),
        ("reward", [("Drill set", 1, 9900, 0), ("Phone credit", 1, 2500, 1500)]),
        ("group", [("service_provider", 1, 9900, 0), ("wholesaler", 1, 2500, 1500)]),
        ("salesperson", [("Milica Petrović", 1, 9900, 0), ("Anna Nowak", 1, 2500, 1500)]),
        ("region", [("Serbia", 1, 9900, 0), ("Gdańsk", 1, 2500, 1500)]),
    ],
)
def test_rewards_come_by_every_dimension(dimension: str, expected: list[tuple[object, ...]]) -> None:
    rows = rows_of(
        "rewards_by",
        ORDERS,
        dimension=dimension,
        **ORDER_DAYS,
        before_since=day(2, 1),
        before_until=day(2, 28),
        limit=10,
    )
    assert table_of(rows, "label", "orders", "cost_minor", "before_cost_minor") == expected


def test_orders_name_who_they_are_for() -> None:
    rows = rows_of("reward_orders", ORDERS, **ORDER_DAYS, limit=10, offset=0)
    assert table_of(rows, "number", "participant_name", "reward_name", "state", "cost_minor") == [
        (2, "s1", "Drill set", "awaiting_finance", 9900),
        (1, "Jan Kowalski", "Phone credit", "approved", 2500),
    ]
    rows = rows_of(
        "reward_orders",
        ORDERS,
        **ORDER_DAYS,
        participant_id=name_id("w1"),
        category="Tools",
        limit=10,
        offset=0,
    )
    assert rows == []


def test_companies_come_with_their_salesperson_also_those_without_a_sale() -> None:
    tables = {**TABLES, "award_day": POINTS["award_day"]}
    counted = {**MARCH, "programme_id": SPRING, "words": ""}
    days = {**MARCH, "before_since": day(2, 1), "before_until": day(2, 28), "programme_id": SPRING}
    rows = rows_of("companies", tables, **days, words="", only_sold=False, limit=10, offset=0)
    columns = ("code", "region_name", "salesperson_name", "amount_minor", "before_minor", "points")
    assert table_of(rows, *columns) == [
        ("C3", "Serbia", "Milica Petrović", 25500, 0, 24),
        ("C1", "Gdańsk", "Anna Nowak", 7840, 4000, 7),
        ("C2", "Poland", "Anna Nowak", 0, 0, 0),
        ("C4", "Serbia", "", 0, 0, 0),
    ]
    assert rows_of("companies_count", tables, **counted, only_sold=False) == [{"companies": 4}]
    assert rows_of("companies_count", tables, **counted, only_sold=True) == [{"companies": 2}]
    rows = rows_of("companies", tables, **days, words="hurt", only_sold=False, limit=10, offset=0)
    assert table_of(rows, "code") == [("C2",)]
    nobody = {"words": "", "only_sold": False, "salesperson_id": UUID(int=0), "limit": 10, "offset": 0}
    assert table_of(rows_of("companies", tables, **days, **nobody), "code") == [("C4",)]
    rows = rows_of("companies", tables, **days, words="", only_sold=True, brand="", limit=10, offset=0)
    assert table_of(rows, "code", "amount_minor", "points") == [("C3", 1000, 24)]


def test_the_days_with_sales_and_the_products_to_choose_from() -> None:
    assert rows_of("sold_days", TABLES, currency="EUR") == [
        {"first_sold_on": day(3, 3, 2025), "last_sold_on": day(4, 1)}
    ]
    assert rows_of("sold_days", TABLES, currency="USD") == [{"first_sold_on": None, "last_sold_on": None}]
    rows = rows_of("product_choices", TABLES, currency="EUR")
    assert table_of(rows, "product_group", "brand") == [
        ("Paints", ""),
        ("Paints", "Aster"),
        ("Tapes", "Borea"),
    ]


def test_the_budgets_of_a_day_are_those_whose_quarter_covers_it() -> None:
    def budget(region: str, first: int, spent_minor: int) -> Row:
        return {
            "id": name_id(f"{region}{first}"),
            "programme_id": SPRING,
            "region_id": name_id(region),
            "starts_on": day(first, 1),
            "ends_on": day(first + 2, 30),
            "currency": "EUR",
            "set_minor": 100000,
            "reserved_minor": 500,
            "spent_minor": spent_minor,
        }

    tables = {**MARKET, "budget": [budget("serbia", 1, 1), budget("serbia", 4, 2), budget("poland", 4, 3)]}
    rows = rows_of("budgets_by_region", tables, programme_id=SPRING, on_day=day(4, 1))
    assert table_of(rows, "region_name", "set_minor", "reserved_minor", "spent_minor") == [
        ("Poland", 100000, 500, 3),
        ("Serbia", 100000, 500, 2),
    ]


def test_points_held_leave_out_the_programmes_own_accounts_and_tell_debts_apart() -> None:
    def account(name: str, kind: str, balance: int, programme: str = "spring") -> Row:
        return {"id": name_id(name), "programme_id": name_id(programme), "kind": kind, "balance": balance}

    tables = {
        "account": [
            account("issued", "system", -430),
            account("a", "company", 300),
            account("b", "participant", 150),
            account("c", "company", -20),
            account("d", "company", 999, "autumn"),
        ]
    }
    assert rows_of("points_held", tables, programme_id=SPRING) == [{"held": 450, "owed": 20, "accounts": 2}]
    assert rows_of("points_held", {}, programme_id=SPRING) == [{"held": 0, "owed": 0, "accounts": 0}]


def test_stock_that_is_gone_soonest_stands_first() -> None:
    tables: dict[str, list[Row]] = {
        "reward": [
            reward("kettle", "Kettle", "Home", stock=30),
            reward("drill", "Drill set", "Tools", stock=2),
            reward("mug", "Mug", "Home", stock=5),
            reward("phone", "Phone credit", "Vouchers"),
            reward("old", "Old", "Home", stock=1, state="withdrawn"),
        ],
        "reward_order": [
            ordered(1, noon(day(3, 2)), "c1", "w1", "kettle", 1),
            ordered(2, noon(day(3, 2)), "c1", "w1", "drill", 1),
            ordered(3, noon(day(3, 3)), "c1", "w1", "drill", 1),
            ordered(4, noon(day(3, 3)), "c1", "w1", "mug", 1, state="rejected"),
        ],
    }
    days = {"since": day(3, 1), "until": day(3, 31), "time_zone": "UTC"}
    rows = rows_of("reward_stock", tables, programme_id=SPRING, **days, limit=10)
    assert table_of(rows, "name", "stock", "orders") == [
        ("Drill set", 2, 2),
        ("Kettle", 30, 1),
        ("Mug", 5, 0),
    ]
