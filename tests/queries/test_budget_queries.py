"""What the queries of budgets make of small tables, row by row."""

from datetime import UTC, date, datetime

import pytest

from tests.queries.tables import Row, name_id, rows_of, table_of


def moved(number: int, at: datetime, after: tuple[int, int, int], *, budget: str = "north") -> Row:
    """A movement that left (set, reserved, spent)."""
    return {
        "id": number,
        "budget_id": name_id(budget),
        "recorded_at": at,
        "set_after_minor": after[0],
        "reserved_after_minor": after[1],
        "spent_after_minor": after[2],
    }


def at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


TABLES = {
    "budget_movement": [
        moved(1, at(4, 1), (1000, 0, 0)),
        moved(2, at(4, 9), (1000, 300, 0)),
        moved(3, at(4, 9), (1000, 300, 0), budget="south"),
        # The clock of one machine lags: the order of the movements counts, not their times.
        moved(5, at(4, 20, 9), (1000, 100, 300)),
        moved(4, at(4, 20, 10), (1000, 400, 0)),
        moved(6, at(4, 30, 23), (2000, 0, 300)),
    ]
}


@pytest.mark.parametrize(
    ("time_zone", "expected"),
    [
        (
            "UTC",
            [
                (date(2026, 4, 1), 1000),
                (date(2026, 4, 9), 700),
                (date(2026, 4, 20), 600),
                (date(2026, 4, 30), 1700),
            ],
        ),
        (
            "Europe/Warsaw",
            [
                (date(2026, 4, 1), 1000),
                (date(2026, 4, 9), 700),
                (date(2026, 4, 20), 600),
                (date(2026, 5, 1), 1700),
            ],
        ),
    ],
)
def test_a_budget_burns_down_by_the_days_of_a_zone(time_zone: str, expected: list[tuple[date, int]]) -> None:
    rows = rows_of("budget_burn_down", TABLES, budget_id=name_id("north"), time_zone=time_zone)
    assert table_of(rows, "moved_on", "available_minor") == expected


def test_a_budget_that_never_moved_has_no_days() -> None:
    assert rows_of("budget_burn_down", TABLES, budget_id=name_id("east"), time_zone="UTC") == []
