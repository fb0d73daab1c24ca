"""Checks of a file against what its sender said of it: the days that it holds, and what its amounts come to."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from data_checks.checks import Check, Limits, Thresholds
from data_checks.results import N_, ImportFacts, Limit, Unit

PERIOD_LIMITS = Limits(warn=Limit(at_most=0), stop=Limit(at_most=0.05))
# Amounts of unit prices with three places round otherwise line by line than in a sum.
CONTROL_LIMITS = Limits(warn=Limit(at_most=0.00005), stop=Limit(at_most=0.005))


def outside_period(column: str, facts: ImportFacts) -> str:
    """Return the SQL condition that a time lies outside the days that the file is said to hold.

    `column` names a timestamptz. Without a period it is false.
    """
    zone = ZoneInfo(facts.time_zone)
    conditions = []
    if facts.period_from is not None:
        begins = datetime.combine(facts.period_from, time(), zone)
        conditions.append(f"{column} < to_timestamp({begins.timestamp():.6f})")
    if facts.period_to is not None:
        ends = datetime.combine(facts.period_to + timedelta(days=1), time(), zone)
        conditions.append(f"{column} >= to_timestamp({ends.timestamp():.6f})")
    return f"({' or '.join(conditions)})" if conditions else "false"


def period_checks(facts: ImportFacts, thresholds: Thresholds, *, part: str, whole: str) -> Iterator[Check]:
    """Yield the check of dates against the period, where one was said.

    `part` and `whole` name columns of the suite's query: the rows outside the period, and all rows left.
    """
    if facts.period_from is None and facts.period_to is None:
        return
    yield Check(
        name="outside_period_share",
        meaning=N_("Part of the rows with a date outside the period that the file is said to hold"),
        what_to_do=N_(
            "Ask the sender which period the file holds. If the dates are right and the period was mistyped, import "
            "the file again with the right one."
        ),
        unit=Unit.SHARE,
        figure=f"coalesce(sum({part}) / nullif(sum({whole}), 0), 0)",
        limits=thresholds.limits["outside_period_share"],
    )


def control_checks(facts: ImportFacts, thresholds: Thresholds, *, total: str) -> Iterator[Check]:
    """Yield the check of the file's amounts against the control total, where one was said.

    `total` is an SQL expression over the suite's query: the sum of the file's amounts, rejected rows included. The
    figure is the difference as a part of the control total, or of one where that is zero.
    """
    if facts.control_total is None:
        return
    expected = facts.control_total
    yield Check(
        name="control_total_difference",
        meaning=N_("Difference between the file's amounts and the control total, as a part of that total"),
        what_to_do=N_(
            "Compare the file's total with the sender's: rows may be missing or doubled, an amount mistyped, or the "
            "file cut short. If the total was mistyped, import the file again with the right one."
        ),
        unit=Unit.SHARE,
        figure=(
            f"abs(coalesce({total}, 0) - cast({str(expected)!r} as numeric))"
            f" / cast({str(abs(expected) or Decimal(1))!r} as numeric)"
        ),
        limits=thresholds.limits["control_total_difference"],
    )
