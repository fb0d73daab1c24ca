"""Why a line earns nothing, when a programme's days begin, and how many points one award may hold."""

from datetime import UTC, date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

from loyalty_core.kernel import Refusal, _

# A bigint holds 9,000 awards of this size, so neither one award nor the sum of an account comes near its end.
LARGEST_AWARD = 10**15


class Unscored(StrEnum):
    """Why a line earned nothing under a rule; a line has the first reason that applies."""

    OTHER_CURRENCY = "other_currency"
    BEFORE_START = "before_start"
    AFTER_END = "after_end"
    ZERO_AMOUNT = "zero_amount"
    LESS_THAN_ONE_STEP = "less_than_one_step"


class PointsOverflowError(Refusal):
    """A line would give more points than an award may hold.

    `awards` names the first of them, at most 5, as (sales_line_id, rule_id).
    """

    def __init__(self, awards: list[tuple[int, str]]) -> None:
        super().__init__(
            _(
                "Nothing was scored: sales line {line} would give more than {most} points under the rule "
                "“{rule}”. Correct the line's amount or the rule."
            ).format(line=awards[0][0], most=LARGEST_AWARD, rule=awards[0][1])
        )
        self.awards = awards


def day_begins(day: date, zone: str) -> datetime:
    """Return the moment, in UTC, at which the day begins in the IANA zone.

    Where clocks show midnight twice it is the first; where they leap over it, midnight by the clock before
    the leap (PEP 495, fold 0).
    """
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
