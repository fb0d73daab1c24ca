"""What moves a budget, as values, and what its pace comes to."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

REASON_LENGTHS = (3, 1000)
# Far beyond any budget, and far below where a bigint ends.
MOST_MINOR = 10**15


class MovementKind(StrEnum):
    """Why a budget's figures move."""

    SET = "set"
    RESERVE = "reserve"
    SPEND = "spend"
    RELEASE = "release"


def quarter_of(day: date) -> tuple[date, date]:
    """Return the first and the last day, inclusive, of the calendar quarter that the day lies in."""
    month = day.month - (day.month - 1) % 3
    first = date(day.year, month, 1)
    after = date(day.year + 1, 1, 1) if month == 10 else date(day.year, month + 3, 1)
    return first, after - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a budget holds, in minor units; `available_minor` is what an order can still reserve."""

    set_minor: int
    reserved_minor: int
    spent_minor: int

    @property
    def used_minor(self) -> int:
        """What is reserved or spent."""
        return self.reserved_minor + self.spent_minor

    @property
    def available_minor(self) -> int:
        """What is left."""
        return self.set_minor - self.used_minor


def moved(before: Figures, kind: MovementKind, amount_minor: int) -> Figures:
    """Return the figures after a movement.

    The amount is signed for a set (what came or went), and what the order costs for the others.
    """
    now, reserved, spent = before.set_minor, before.reserved_minor, before.spent_minor
    if kind is MovementKind.SET:
        return Figures(now + amount_minor, reserved, spent)
    if kind is MovementKind.RESERVE:
        return Figures(now, reserved + amount_minor, spent)
    if kind is MovementKind.SPEND:
        return Figures(now, reserved - amount_minor, spent + amount_minor)
    return Figures(now, reserved - amount_minor, spent)


def project(spent_minor: int, starts_on: date, ends_on: date, today: date) -> int:
    """Return what will be spent by the period's end if every day costs what the days so far did.

    Both dates are inclusive, and today counts as a whole day. Before the period, and from its last day on, that
    is what is spent already.
    """
    if today < starts_on or today >= ends_on:
        return spent_minor
    days = (ends_on - starts_on).days + 1
    gone = (today - starts_on).days + 1
    return (spent_minor * days * 2 + gone) // (gone * 2)


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where a budget is heading at its pace.

    `used_at_end_minor` may exceed what is set; then `lasts_until` is the last day on which there is still money.
    `left_at_end_minor` is what stays otherwise, 0 when the money runs out. Both days of the period inclusive.
    """

    used_at_end_minor: int
    left_at_end_minor: int
    lasts_until: date | None


def outlook(figures: Figures, starts_on: date, ends_on: date, today: date) -> Outlook:
    """Return where the budget is heading: what is reserved counts as used.

    A budget that is used up lasts until today at most; one whose period is over keeps what it has.
    """
    at_end = project(figures.used_minor, starts_on, ends_on, today)
    left = max(0, figures.set_minor - at_end)
    if figures.available_minor == 0 and figures.used_minor and starts_on <= today < ends_on:
        return Outlook(at_end, 0, today)
    if at_end <= figures.set_minor:
        return Outlook(at_end, left, None)
    gone = (today - starts_on).days + 1
    # Whole days that the money covers at this pace, counted from the period's first one.
    covered = figures.set_minor * gone // figures.used_minor
    return Outlook(at_end, 0, max(today, starts_on + timedelta(days=covered - 1)))
