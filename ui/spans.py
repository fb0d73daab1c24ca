"""Stretches of days to look at: their steps, and the days that they are told against. Both ends inclusive."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from loyalty_core.kernel import _
from ui import wording

MOST_DAYS_BY_DAY = 45
MOST_DAYS_BY_WEEK = 200
YEAR_OF_WEEKS = timedelta(days=364)
LONG_WEEKEND = timedelta(days=3)

Days = tuple[date, date]


class Step(StrEnum):
    """How wide a bar over time is; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Span:
    """Days to look at, with the days before them and those of the year before to compare them with, None: nothing."""

    label: str
    since: date
    until: date
    before: Days | None
    year_before: Days | None
    # The days before, where there is no data for all of them: nothing is told against these.
    uncovered: Days | None = None
    is_whole_programme: bool = False

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.until - self.since).days + 1

    @property
    def step(self) -> Step:
        """How wide its bars are."""
        if self.days <= MOST_DAYS_BY_DAY:
            return Step.DAY
        return Step.WEEK if self.days <= MOST_DAYS_BY_WEEK else Step.MONTH


def compared(span: Span, is_covered: Callable[[Days], bool]) -> Span:
    """Return the span compared only with days that data covers: a change against missing data is no change."""
    before, year = span.before, span.year_before
    lacks = before if before is not None and not is_covered(before) else None
    return replace(
        span,
        before=None if lacks else before,
        year_before=year if year is not None and is_covered(year) else None,
        uncovered=lacks,
    )


def covers(first: date, days: Days, months: Collection[date] | None = None) -> bool:
    """Whether data that begins on `first` covers the days.

    It may begin a long weekend late. `months` are the first days of the months that have data: one that lies in the
    days whole and is not among them is a hole; None: holes are nothing missing.
    """
    if first > days[0] + LONG_WEEKEND:
        return False
    if months is None:
        return True
    whole = [
        month for month in steps(*days, Step.MONTH) if month >= days[0] and last_of_month(month) <= days[1]
    ]
    return all(month in months for month in whole)


def months_back(day: date, months: int) -> date:
    """Return the same day so many months earlier, the last of the month where it has no such day."""
    place = day.year * 12 + day.month - 1 - months
    first = date(place // 12, place % 12 + 1, 1)
    return min(first.replace(day=1) + timedelta(days=day.day - 1), last_of_month(first))


def last_of_month(day: date) -> date:
    """Return the last day of the month that the day lies in."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def steps(since: date, until: date, step: Step) -> list[date]:
    """Return the first day of every step that the days touch."""
    if step is Step.MONTH:
        found, day = [], since.replace(day=1)
        while day <= until:
            found.append(day)
            day = months_back(day, -1)
        return found
    width = timedelta(days=1 if step is Step.DAY else 7)
    day = since if step is Step.DAY else since - timedelta(days=since.weekday())
    return [day + place * width for place in range((until - day) // width + 1)]


def days_of_step(first: date, step: Step, since: date, until: date) -> Days:
    """Return the days of the step that begins on `first`, as far as they lie within the days looked at."""
    last = {
        Step.DAY: first,
        Step.WEEK: first + timedelta(days=6),
        Step.MONTH: last_of_month(first),
    }[step]
    return max(first, since), min(last, until)


def spans(starts: date, ends: date, sold: Days | None) -> list[Span]:
    """Return what can be looked at, the last thirteen weeks first; [] where nothing was sold.

    `starts` and `ends` are the programme's days, `sold` the first and the last day with a sale: no span reaches
    beyond the last, so that an unfinished one is told against as many days.
    """
    if sold is None:
        return []
    first, last = sold
    monday = last - timedelta(days=last.weekday())
    year_start = months_back(last.replace(day=1), 11)
    found = [
        _rolling(_("Last 13 weeks"), monday - timedelta(weeks=12), last, timedelta(weeks=13)),
        _rolling(_("Last 30 days"), last - timedelta(days=29), last, timedelta(days=30)),
        Span(
            _("Last 12 months"),
            year_start,
            last,
            _year_before(year_start, last),
            _year_before(year_start, last),
        ),
    ]
    if starts <= last and ends >= first:
        until = min(ends, last)
        found.append(
            Span(
                _("Whole programme"),
                starts,
                until,
                None,
                _year_before(starts, until),
                is_whole_programme=True,
            )
        )
    for months, label in ((3, _quarter), (1, _month)):
        begin = months_back(last.replace(day=1), (last.month - 1) % months)
        while begin >= months_back(first.replace(day=1), months - 1):
            found.append(_calendar(label, begin, months, last))
            begin = months_back(begin, months)
    return found


def _rolling(label: str, since: date, until: date, width: timedelta) -> Span:
    return Span(
        label,
        since,
        until,
        (since - width, until - width),
        (since - YEAR_OF_WEEKS, until - YEAR_OF_WEEKS),
    )


def _calendar(label: Callable[[date], str], begin: date, months: int, last: date) -> Span:
    end = months_back(begin, -months) - timedelta(days=1)
    until = min(end, last)
    ahead = months_back(begin, months)
    before_ends = begin - timedelta(days=1)
    if until < end:
        before_ends = min(before_ends, ahead + (until - begin))
    return Span(label(begin), begin, until, (ahead, before_ends), _year_before(begin, until))


def _year_before(since: date, until: date) -> Days:
    ends = months_back(until, 12)
    return months_back(since, 12), last_of_month(ends) if until == last_of_month(until) else ends


def _quarter(first: date) -> str:
    return _("Q{quarter} {year}").format(quarter=(first.month - 1) // 3 + 1, year=first.year)


def _month(first: date) -> str:
    return wording.month(first)


def goal_of_days(goal_minor: int, starts: date, ends: date, since: date, until: date) -> int:
    """Return the part of a goal for the days `starts` to `ends` that falls on other days, evenly by day."""
    shared = (min(ends, until) - max(starts, since)).days + 1
    return round(goal_minor * max(0, shared) / ((ends - starts).days + 1))
