"""Who is active, newly inactive or never was, and what each bought, earned and chose."""

from datetime import date

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
    reward,
    sold,
)
from tests.queries.tables import Row, name_id, rows_of, table_of

TODAY = day(6, 30)
ASKED = {"programme_id": SPRING, "currency": "EUR", "today": TODAY, "days": 30, "words": ""}
ROWS = {"since": day(1, 1), "time_zone": "UTC", "limit": 10, "offset": 0}

COMPANY_TABLES: dict[str, list[Row]] = {
    **MARKET,
    "participant": [
        participant("w1", "c1", is_owner=True),
        participant("w2", "c2"),
        participant("w3", "c3"),
        participant("w4", "c4"),
        participant("w5", "c1", state="waiting"),
    ],
    "participant_person": [person("w1", "c1", "Jan Kowalski")],
    "sales_day": [
        sold(day(6, 1), "c1", "paint", 9960),  # 29 days ago: active
        sold(day(5, 31), "c2", "paint", 500),  # 30 days ago: newly inactive
        sold(day(4, 30), "c3", "paint", 700),  # 61 days ago: for longer
        sold(day(7, 1), "c4", "paint", 100),  # tomorrow says nothing
        sold(day(6, 1), "c3", "paint", 700, currency="PLN"),
    ],
    "award_day": [given(day(6, 1), "c1", "paint", 9, 1)],
    "account": [
        {
            "id": name_id("a"),
            "programme_id": SPRING,
            "kind": "company",
            "owner_id": name_id("c1"),
            "balance": 5,
        }
    ],
    "reward": [reward("phone", "Phone credit", "Vouchers"), reward("drill", "Drill set", "Tools")],
    "reward_order": [
        ordered(1, noon(day(6, 2)), "c1", "w1", "drill", 9900),
        ordered(2, noon(day(6, 3)), "c1", "w1", "phone", 2500),
        ordered(3, noon(day(6, 4)), "c1", "w1", "drill", 9900, state="rejected"),
    ],
}


def test_a_person_of_a_company_that_collects_is_as_active_as_the_company() -> None:
    rows = rows_of("participants", COMPANY_TABLES, collects="company", **ASKED, **ROWS)
    assert table_of(
        rows,
        "display_name",
        "activity",
        "last_on",
        "bought_minor",
        "points",
        "balance",
        "orders",
        "last_reward",
    ) == [
        ("Jan Kowalski", "active", day(6, 1), 9960, 8, 5, 2, "Phone credit"),
        ("w3", "inactive", day(4, 30), 700, 0, 0, 0, ""),
        ("w2", "newly_inactive", day(5, 31), 500, 0, 0, 0, ""),
        ("w4", "never", None, 0, 0, 0, 0, ""),
    ]
    rows = rows_of("participants_by_activity", COMPANY_TABLES, collects="company", **ASKED)
    assert table_of(rows, "activity", "participants") == [
        ("active", 1),
        ("inactive", 1),
        ("never", 1),
        ("newly_inactive", 1),
    ]


def test_points_alone_keep_a_person_active() -> None:
    tables = {**COMPANY_TABLES, "award_day": [given(day(6, 20), "c2", "paint", 4)]}
    rows = rows_of("participants", tables, collects="company", **ASKED, **ROWS, participant_id=name_id("w2"))
    assert table_of(rows, "activity", "last_on", "points") == [("active", day(6, 20), 4)]


def test_people_are_narrowed_by_region_group_activity_and_words() -> None:
    def codes(**filters: object) -> list[str]:
        asked = {**ASKED, **ROWS, "collects": "company", **filters}
        return [row["code"] for row in rows_of("participants", COMPANY_TABLES, **asked)]

    assert codes(region_ids=[name_id("serbia")]) == ["w3", "w4"]
    assert codes(activity="never") == ["w4"]
    assert codes(words="kowal") == ["w1"]
    assert codes(participant_group="distributor") == []


def claim(number: int, person_code: str, on: date, state: str, line_id: int | None, units: int | None) -> Row:
    return {
        "number": number,
        "programme_id": SPRING,
        "participant_id": name_id(person_code),
        "state": state,
        "sold_on": on,
        "sales_line_id": line_id,
        "approved_quantity": units,
    }


def test_where_people_collect_their_own_claims_count_and_nobody_elses() -> None:
    tables: dict[str, list[Row]] = {
        **MARKET,
        "participant": [participant("s1", "c1"), participant("s2", "c1"), participant("s3", "c1")],
        "sales_day": [sold(day(6, 29), "c1", "paint", 100000)],
        "sales_line": [line(7, day(6, 20), "c1", "paint", "INV-1", 10000, quantity=4)],
        "claim": [
            claim(1, "s1", day(6, 20), "approved", 7, 3),
            claim(2, "s1", day(6, 21), "rejected", None, None),
            claim(3, "s2", day(5, 20), "waiting", None, None),
            claim(4, "s3", day(6, 20), "rejected", None, None),
        ],
        "award": [
            {"id": 1, "programme_id": SPRING, "claim_number": 1, "points": 75, "happened_on": day(6, 20)},
            {"id": 2, "programme_id": SPRING, "claim_number": 1, "points": -5, "happened_on": day(6, 20)},
        ],
        "account": [
            {
                "id": name_id("a"),
                "programme_id": SPRING,
                "kind": "participant",
                "owner_id": name_id("s1"),
                "balance": 70,
            }
        ],
    }
    rows = rows_of("participants", tables, collects="participant", **ASKED, **ROWS)
    assert table_of(rows, "code", "activity", "last_on", "bought_minor", "points", "balance") == [
        ("s1", "active", day(6, 20), 7500, 70, 70),
        ("s2", "newly_inactive", day(5, 20), 0, 0, 0),
        ("s3", "never", None, 0, 0, 0),
    ]
