"""The suite for price lists: is this list, what the row rules left of it, plausible as a whole?"""

from collections.abc import Iterator
from datetime import timedelta

from data_checks.checks import Check, Limits, Thresholds
from data_checks.common import left_check
from data_checks.records import COMMON, common_checks, count_check, share_check, source_of
from data_checks.results import N_, ImportFacts, Limit, Unit

DEFAULTS = Thresholds(
    limits={
        **COMMON,
        "free_share": Limits(warn=Limit(at_most=0.01), stop=Limit(at_most=0.50)),
        "highest_price": Limits(warn=Limit(at_most=1_000_000)),
        "spread": Limits(warn=Limit(at_most=10_000), stop=Limit(at_most=10_000_000)),
        "currencies_of_a_list": Limits(warn=Limit(at_most=1)),
        "old_share": Limits(warn=Limit(at_most=0.20), stop=Limit(at_most=0.90)),
        "far_share": Limits(warn=Limit(at_most=0.05), stop=Limit(at_most=0.50)),
    },
    oldest_years=2,
    future_days=730,
)


def source(staging_table: str, facts: ImportFacts, thresholds: Thresholds) -> str:
    """Return the FROM clause that the figures are computed over: one row, over the prices that are left."""
    oldest = facts.now - timedelta(days=365.25 * thresholds.oldest_years)
    latest = facts.now + timedelta(days=thresholds.future_days)
    return source_of(
        staging_table,
        {
            "free": "count(*) filter (where unit_price = 0)",
            "highest": "coalesce(max(cast(unit_price as double precision)), 0)",
            "usual": "percentile_cont(0.5) within group (order by cast(unit_price as double precision))"
            " filter (where unit_price > 0)",
            "most_currencies": "(select coalesce(max(n), 0) from (select count(distinct currency) as n from {left}"
            " group by price_list) as list)",
            "too_old": "count(*) filter (where coalesce(valid_to, valid_from)"
            f" < to_timestamp({oldest.timestamp():.6f}))",
            "far_ahead": f"count(*) filter (where valid_from > to_timestamp({latest.timestamp():.6f}))",
        },
        unknown=("unknown_product", "unknown_currency"),
    )


def checks(facts: ImportFacts, thresholds: Thresholds) -> list[Check]:
    """Return the checks that apply to this file."""
    return [*common_checks(facts, thresholds), *_what_prices_are_like(facts, thresholds)]


def _what_prices_are_like(facts: ImportFacts, thresholds: Thresholds) -> Iterator[Check]:
    yield from share_check(
        facts,
        thresholds,
        "free_share",
        N_("Part of the prices that are zero"),
        N_("Look whether the price stands in another column, or is missing for these products."),
        part="free",
    )
    yield from count_check(
        thresholds,
        "highest_price",
        N_("The highest price in the file"),
        N_("Look at that row: a decimal sign may be lost, or the amount of a whole pallet was meant."),
        figure="highest",
    )
    yield from left_check(
        facts,
        thresholds,
        "spread",
        N_("The highest price, beside the one in the middle"),
        N_(
            "Look at the highest prices: a decimal sign may be read wrongly in some rows. Then change the mapping "
            "and upload the file again."
        ),
        figure="coalesce(max(highest) / nullif(max(usual), 0), 1)",
        unit=Unit.RATIO,
    )
    yield from count_check(
        thresholds,
        "currencies_of_a_list",
        N_("Currencies in the price list that has most of them"),
        N_("A list is usually in one currency. Compare the currency's column with the file."),
        figure="most_currencies",
    )
    yield from share_check(
        facts,
        thresholds,
        "old_share",
        N_("Part of the prices that ended, or began without an end, long ago"),
        N_(
            "Compare some dates with the file: the year may have two digits, or day and month may be swapped."
        ),
        part="too_old",
    )
    yield from share_check(
        facts,
        thresholds,
        "far_share",
        N_("Part of the prices that begin years from now"),
        N_("Compare some dates with the file: day, month or year may be misread. Then change the mapping."),
        part="far_ahead",
    )
