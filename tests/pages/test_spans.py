"""Which days a figure is told against, and how bars cut a stretch of days."""

from datetime import date

from ui.spans import Step, days_of_step, goal_of_days, months_back, spans, steps

SOLD = (date(2025, 5, 20), date(2026, 6, 17))
EVERY = {span.label: span for span in spans(date(2026, 1, 1), date(2026, 12, 31), SOLD)}


def test_thirteen_weeks_begin_on_a_monday_and_stand_against_the_thirteen_before() -> None:
    weeks = EVERY["Last 13 weeks"]
    assert (weeks.since, weeks.until) == (date(2026, 3, 23), date(2026, 6, 17))
    assert weeks.before == (date(2025, 12, 22), date(2026, 3, 18))
    assert weeks.year_before == (date(2025, 3, 24), date(2025, 6, 18))
    assert weeks.step is Step.WEEK
    assert len(steps(weeks.since, weeks.until, weeks.step)) == 13


def test_an_unfinished_month_stands_against_as_many_days() -> None:
    june = EVERY["Jun 2026"]
    assert (june.since, june.until) == (date(2026, 6, 1), date(2026, 6, 17))
    assert june.before == (date(2026, 5, 1), date(2026, 5, 17))
    assert june.year_before == (date(2025, 6, 1), date(2025, 6, 17))
    assert june.step is Step.DAY


def test_a_finished_month_stands_against_the_whole_one_before() -> None:
    assert EVERY["Mar 2026"].before == (date(2026, 2, 1), date(2026, 2, 28))
    assert EVERY["Feb 2026"].before == (date(2026, 1, 1), date(2026, 1, 31))
    assert EVERY["Q1 2026"].before == (date(2025, 10, 1), date(2025, 12, 31))


def test_every_quarter_and_month_with_sales_can_be_chosen() -> None:
    assert [label for label in EVERY if label.startswith("Q")] == [
        "Q2 2026",
        "Q1 2026",
        "Q4 2025",
        "Q3 2025",
        "Q2 2025",
    ]
    assert list(EVERY)[-1] == "May 2025"
    assert spans(date(2026, 1, 1), date(2026, 12, 31), None) == []


def test_the_programme_is_looked_at_as_far_as_its_sales_reach() -> None:
    whole = EVERY["Whole programme"]
    assert (whole.since, whole.until, whole.before) == (date(2026, 1, 1), date(2026, 6, 17), None)
    assert "Whole programme" not in {span.label for span in spans(date(2027, 1, 1), date(2027, 12, 31), SOLD)}


def test_the_end_of_february_has_a_day_a_year_before() -> None:
    assert months_back(date(2024, 2, 29), 12) == date(2023, 2, 28)
    assert months_back(date(2026, 3, 31), 1) == date(2026, 2, 28)
    assert months_back(date(2026, 11, 15), -3) == date(2027, 2, 15)


def test_a_bar_holds_no_day_outside_the_span() -> None:
    since, until = date(2026, 3, 4), date(2026, 3, 17)
    assert steps(since, until, Step.WEEK) == [date(2026, 3, 2), date(2026, 3, 9), date(2026, 3, 16)]
    assert days_of_step(date(2026, 3, 2), Step.WEEK, since, until) == (since, date(2026, 3, 8))
    assert days_of_step(date(2026, 3, 16), Step.WEEK, since, until) == (date(2026, 3, 16), until)
    assert steps(date(2025, 12, 5), date(2026, 1, 2), Step.MONTH) == [date(2025, 12, 1), date(2026, 1, 1)]


def test_a_goal_falls_evenly_on_the_programmes_days() -> None:
    starts, ends = date(2026, 1, 1), date(2026, 12, 31)
    assert goal_of_days(36_500, starts, ends, date(2026, 2, 1), date(2026, 2, 28)) == 2800
    assert goal_of_days(36_500, starts, ends, date(2025, 12, 1), date(2026, 1, 2)) == 200
    assert goal_of_days(36_500, starts, ends, date(2027, 1, 1), date(2027, 1, 31)) == 0
