"""The suite for files of budgets: is this plan, what the row rules left of it, plausible as a whole?"""

from collections.abc import Iterator
from statistics import median

from data_checks.checks import Check, Limits, Thresholds
from data_checks.common import left_check
from data_checks.records import COMMON, common_checks, count_check, fixed_source, share_check
from data_checks.results import N_, ImportFacts, Limit, Unit

DEFAULTS = Thresholds(
    limits={
        **COMMON,
        "nothing_share": Limits(warn=Limit(at_most=0.20)),
        "largest_share": Limits(warn=Limit(at_most=0.60)),
        "quarters": Limits(warn=Limit(at_most=4)),
        "amount_against_earlier": Limits(
            warn=Limit(at_least=0.3, at_most=3), stop=Limit(at_least=0.01, at_most=50)
        ),
    }
)


source = fixed_source(
    {
        "nothing": "count(*) filter (where amount = 0)",
        "total": "coalesce(sum(cast(amount as double precision)), 0)",
        "largest": "coalesce(max(cast(amount as double precision)), 0)",
        "quarter_count": "count(distinct date_trunc('quarter', starts_on))",
    },
    unknown=("unknown_programme", "unknown_region"),
)


def checks(facts: ImportFacts, thresholds: Thresholds) -> list[Check]:
    """Return the checks that apply to this file."""
    return [*common_checks(facts, thresholds), *_what_budgets_are_like(facts, thresholds)]


def _what_budgets_are_like(facts: ImportFacts, thresholds: Thresholds) -> Iterator[Check]:
    yield from share_check(
        facts,
        thresholds,
        "nothing_share",
        N_("Part of the budgets that are zero"),
        N_("Look whether the amounts stand in another column; a budget of zero lets nobody order anything."),
        part="nothing",
    )
    yield from left_check(
        facts,
        thresholds,
        "largest_share",
        N_("Part of the whole plan that is one budget"),
        N_("Look at the largest amount: a decimal sign may be lost, or a total may stand among the rows."),
        figure="coalesce(max(largest) / nullif(max(total), 0), 0)",
    )
    yield from count_check(
        thresholds,
        "quarters",
        N_("Quarters that the file plans for"),
        N_("Compare the quarters with the file: day and month may be swapped. Then change the mapping."),
        figure="quarter_count",
    )
    named = [file.net_amount for file in facts.earlier]
    if len(named) >= max(thresholds.earlier_files_needed, 1) and median(named) > 0:
        yield Check(
            name="amount_against_earlier",
            meaning=N_("The whole plan, beside what this source usually plans"),
            what_to_do=N_(
                "Compare the file's total with the sender's: the currency or the decimal sign may differ."
            ),
            unit=Unit.RATIO,
            figure=f"coalesce(sum(total), 0) / {float(median(named))!r}",
            limits=thresholds.limits["amount_against_earlier"],
        )
