"""The suite for files of claims: is this file, what the row rules left of it, plausible as a whole?

What a claim says is judged claim by claim, by people; here only what a wrong file or mapping would show.
"""

from collections.abc import Iterator
from datetime import timedelta

from data_checks.checks import Check, Limits, Thresholds
from data_checks.common import left_check, quarantine_check, rows_left_check, share, usual_rows_check
from data_checks.results import N_, ImportFacts, Limit
from data_checks.said import PERIOD_LIMITS, outside_period, period_checks

DEFAULTS = Thresholds(
    limits={
        "claims_left": Limits(stop=Limit(at_least=1)),
        "quarantine_share": Limits(warn=Limit(at_most=0.20), stop=Limit(at_most=0.50)),
        "old_share": Limits(warn=Limit(at_most=0.10), stop=Limit(at_most=0.50)),
        "unknown_products_share": Limits(warn=Limit(at_most=0.05), stop=Limit(at_most=0.50)),
        "repeated_share": Limits(warn=Limit(at_most=0.10), stop=Limit(at_most=0.50)),
        "outside_period_share": PERIOD_LIMITS,
        "rows_against_earlier": Limits(warn=Limit(at_most=3), stop=Limit(at_most=20)),
    },
    # As for sales: history is brought in, too.
    oldest_years=30,
)


def source(staging_table: str, facts: ImportFacts, thresholds: Thresholds) -> str:
    """Return the FROM clause that the figures are computed over: one row, over the claims that are left."""
    oldest = facts.now - timedelta(days=365.25 * thresholds.oldest_years)
    return f"""
        (
            select
                count(*) as claims,
                count(*) filter (where sold_on < to_timestamp({oldest.timestamp():.6f})) as too_old,
                count(*) filter (where {outside_period("sold_on", facts)}) as outside_period,
                count(*) filter (where product.code is null) as unknown_products,
                count(*) - count(distinct (company_code, participant_code, invoice_no, product_code, quantity))
                    as repeated
            from {staging_table} as claim left join product on product.code = claim.product_code
            where not exists (
                select 1 from {staging_table}_bad as bad
                where bad.row_no = claim.row_no and bad.sheet is not distinct from claim.sheet
            )
        ) as file"""  # noqa: S608 (the table's name is checked by the runner, the rest are numbers)


def checks(facts: ImportFacts, thresholds: Thresholds) -> list[Check]:
    """Return the checks that apply to this file: not every one does to a small or a first one."""
    return [
        *_what_is_left(facts, thresholds),
        *period_checks(facts, thresholds, part="outside_period", whole="claims"),
        *usual_rows_check(
            facts,
            thresholds,
            N_("Ask the sender whether the file holds the period that you expect, and only once."),
        ),
    ]


def _what_is_left(facts: ImportFacts, thresholds: Thresholds) -> Iterator[Check]:
    yield from rows_left_check(
        thresholds,
        "claims_left",
        N_("Claims that passed the row rules"),
        N_(
            "Nothing in this file can be used. Look at the reasons in the rejected rows: usually the mapping is "
            "another file's, or companies and participants are not registered yet."
        ),
        rows="claims",
    )
    yield from quarantine_check(facts, thresholds)
    yield from left_check(
        facts,
        thresholds,
        "old_share",
        N_("Part of the claims with a date so old that it was probably misread"),
        N_(
            "Compare some dates with the file: the year may have two digits, or day and month may be swapped. "
            "Then change the mapping's date format and upload it again."
        ),
        figure=share("too_old", "claims"),
    )
    yield from left_check(
        facts,
        thresholds,
        "unknown_products_share",
        N_("Part of the claims for a product that Laurel doesn't know"),
        N_(
            "Look at some of the codes: another column may have taken the product's place, or leading zeros "
            "may be lost. Such claims find no sale and wait for a person."
        ),
        figure=share("unknown_products", "claims"),
    )
    yield from left_check(
        facts,
        thresholds,
        "repeated_share",
        N_("Part of the claims that say what another claim of the file says, under another number"),
        N_(
            "Ask the sender whether the same forms were keyed in twice. A sold piece earns once: the others wait "
            "as duplicates."
        ),
        figure=share("repeated", "claims"),
    )
