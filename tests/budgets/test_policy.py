"""Quarters, and where a budget is heading at its pace."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty_core.budgets import Figures, outlook, project, quarter_of

FIRST, LAST = date(2026, 4, 1), date(2026, 6, 30)


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        (date(2026, 1, 1), date(2026, 1, 1), date(2026, 3, 31)),
        (date(2026, 6, 30), date(2026, 4, 1), date(2026, 6, 30)),
        (date(2026, 8, 15), date(2026, 7, 1), date(2026, 9, 30)),
        (date(2027, 12, 31), date(2027, 10, 1), date(2027, 12, 31)),
        (date(2028, 2, 29), date(2028, 1, 1), date(2028, 3, 31)),
    ],
)
def test_a_quarter_has_three_whole_months(day: date, first: date, last: date) -> None:
    assert quarter_of(day) == (first, last)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_quarters_follow_one_another(day: date) -> None:
    first, last = quarter_of(day)
    assert first <= day <= last
    assert quarter_of(last + timedelta(days=1))[0] == last + timedelta(days=1)
    assert 90 <= (last - first).days + 1 <= 92


def test_what_is_spent_is_carried_on_at_its_pace() -> None:
    assert project(3_000, FIRST, LAST, date(2026, 4, 30)) == 9_100  # 30 of 91 days
    assert project(1, FIRST, LAST, FIRST) == 91
    assert project(5, FIRST, LAST, date(2026, 4, 2)) == 228  # 227.5, rounded half up


def test_outside_the_quarter_nothing_is_carried_on() -> None:
    for day in (FIRST - timedelta(days=1), LAST, LAST + timedelta(days=40)):
        assert project(700, FIRST, LAST, day) == 700


def test_a_budget_that_is_used_slowly_keeps_something() -> None:
    seen = outlook(Figures(10_000, 1_000, 2_000), FIRST, LAST, date(2026, 4, 30))
    assert (seen.used_at_end_minor, seen.left_at_end_minor, seen.lasts_until) == (9_100, 900, None)


def test_a_budget_that_is_used_fast_says_until_when_it_lasts() -> None:
    seen = outlook(Figures(5_000, 0, 3_000), FIRST, LAST, date(2026, 4, 30))
    assert seen.left_at_end_minor == 0
    # 100 a day: 5,000 cover 50 days, the 50th being 20 May.
    assert seen.lasts_until == date(2026, 5, 20)


def test_a_budget_without_use_keeps_all_and_one_used_up_lasts_no_longer() -> None:
    today = date(2026, 5, 1)
    idle = outlook(Figures(5_000, 0, 0), FIRST, LAST, today)
    assert (idle.left_at_end_minor, idle.lasts_until) == (5_000, None)
    empty = outlook(Figures(5_000, 1_000, 4_000), FIRST, LAST, today)
    assert (empty.left_at_end_minor, empty.lasts_until) == (0, today)
    over = outlook(Figures(5_000, 0, 3_000), FIRST, LAST, LAST + timedelta(days=1))
    assert (over.left_at_end_minor, over.lasts_until) == (2_000, None)


@given(
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(-10, 100),
)
def test_a_budget_either_keeps_something_or_says_when_it_ends(
    available: int, reserved: int, spent: int, day: int
) -> None:
    today = FIRST + timedelta(days=day)
    figures = Figures(available + reserved + spent, reserved, spent)
    seen = outlook(figures, FIRST, LAST, today)
    assert 0 <= seen.left_at_end_minor <= figures.available_minor
    if seen.lasts_until is not None:
        assert seen.left_at_end_minor == 0
        assert today <= seen.lasts_until <= LAST
    else:
        assert seen.left_at_end_minor == figures.set_minor - seen.used_at_end_minor
