"""The suite for sales files: is this file, what the row rules left of it, plausible as a whole?

Its figures are aggregates over one pass of the staging table, grouped by company first: that gives the
number of companies without sorting a million of them, and lets PostgreSQL work in parallel.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from statistics import median

from data_checks.checks import Check, Limits, Thresholds
from data_checks.common import quarantine_check, rows_left_check, share, usual_rows_check
from data_checks.results import N_, EarlierFile, ImportFacts, Limit, Unit
from data_checks.said import CONTROL_LIMITS, PERIOD_LIMITS, control_checks, outside_period, period_checks

DEFAULTS = Thresholds(
    limits={
        "lines_left": Limits(stop=Limit(at_least=1)),
        "quarantine_share": Limits(warn=Limit(at_most=0.20), stop=Limit(at_most=0.50)),
        "returns_share": Limits(warn=Limit(at_most=0.15), stop=Limit(at_most=0.50)),
        "future_share": Limits(warn=Limit(at_most=0), stop=Limit(at_most=0.01)),
        "old_share": Limits(warn=Limit(at_most=0), stop=Limit(at_most=0.01)),
        "free_share": Limits(warn=Limit(at_most=0.05), stop=Limit(at_most=0.50)),
        "largest_line_share": Limits(warn=Limit(at_most=0.10), stop=Limit(at_most=0.50)),
        "nameless_share": Limits(warn=Limit(at_most=0.05)),
        "unknown_products_share": Limits(warn=Limit(at_most=0.05), stop=Limit(at_most=0.50)),
        "outside_period_share": PERIOD_LIMITS,
        "control_total_difference": CONTROL_LIMITS,
        "rows_against_earlier": Limits(
            warn=Limit(at_least=0.5, at_most=2), stop=Limit(at_least=0.1, at_most=10)
        ),
        "amount_against_earlier": Limits(
            warn=Limit(at_least=0.5, at_most=2), stop=Limit(at_least=0.05, at_most=20)
        ),
        "companies_against_earlier": Limits(warn=Limit(at_least=0.5), stop=Limit(at_least=0.1)),
        "quarantine_against_earlier": Limits(warn=Limit(at_most=0.10)),
    }
)


def source(staging_table: str, facts: ImportFacts, thresholds: Thresholds) -> str:
    """Return the FROM clause that the figures are computed over: one row per company of the lines left.

    A line is left when no row rule rejected it. One that is already there counts: the file is judged, not
    what is new in it. Amounts are only compared here, so they may be binary fractions. What is said of the whole
    file, rejected rows included, stands beside each company where a check asks for it.
    """
    latest = facts.now + timedelta(days=thresholds.future_days)
    oldest = facts.now - timedelta(days=365.25 * thresholds.oldest_years)
    return f"""
        (
            select
                count(*) as lines,
                count(*) filter (where quantity < 0) as returned,
                count(*) filter (where sold_at > to_timestamp({latest.timestamp():.6f})) as in_future,
                count(*) filter (where sold_at < to_timestamp({oldest.timestamp():.6f})) as too_old,
                count(*) filter (where {outside_period("sold_at", facts)}) as outside_period,
                count(*) filter (where unit_price = 0) as free,
                count(*) filter (where coalesce(product_name, '') = '') as nameless,
                sum(worth.amount) as net_amount,
                sum(abs(worth.amount)) as turnover,
                max(abs(worth.amount)) as largest_line
            from {staging_table} as line
            cross join lateral (
                select coalesce(
                    cast(amount as double precision),
                    cast(quantity as double precision) * cast(unit_price as double precision),
                    0
                ) as amount
            ) as worth
            where not exists (
                select 1 from {staging_table}_bad as bad
                where bad.row_no = line.row_no and bad.sheet is not distinct from line.sheet
            )
            group by company_code
        ) as company
        cross join (
            select {", ".join(_of_the_whole_file(facts)) or "0 as nothing"} from {staging_table} as line
            {"left join product on product.code = line.product_code" if _judges_products(facts) else "limit 1"}
        ) as whole"""  # noqa: S608 (the table's name is checked by the runner, the rest are numbers)


def _judges_products(facts: ImportFacts) -> bool:
    """Whether products that nobody knows say something: in a source's first file they all may be new."""
    return bool(facts.earlier) and not facts.creates_missing


def _of_the_whole_file(facts: ImportFacts) -> Iterator[str]:
    if facts.control_total is not None:
        yield "sum(coalesce(line.amount, line.quantity * line.unit_price)) as control_sum"
    if _judges_products(facts):
        yield "count(*) filter (where line.product_code is not null and product.code is null) as unknown_products"


def checks(facts: ImportFacts, thresholds: Thresholds) -> list[Check]:
    """Return the checks that apply to this file: not every one does to a small or a first one."""
    return [
        *_what_is_left(facts, thresholds),
        *_what_the_lines_are_like(facts, thresholds),
        *period_checks(facts, thresholds, part="outside_period", whole="lines"),
        *control_checks(facts, thresholds, total="max(control_sum)"),
        *_against_earlier_files(facts, thresholds),
    ]


def _what_is_left(facts: ImportFacts, thresholds: Thresholds) -> Iterator[Check]:
    yield from rows_left_check(
        thresholds,
        "lines_left",
        N_("Lines that passed the row rules"),
        N_(
            "Nothing in this file can be used. Look at the reasons in the rejected rows: usually the mapping is "
            "another file's, or companies and products are not known yet."
        ),
        rows="lines",
    )
    yield from quarantine_check(facts, thresholds)


def _what_the_lines_are_like(facts: ImportFacts, thresholds: Thresholds) -> Iterator[Check]:
    left = facts.rows - facts.quarantined
    if left >= thresholds.lines_for_shares:
        yield Check(
            name="returns_share",
            meaning=N_("Part of the lines that are returns"),
            what_to_do=N_(
                "Ask the sender whether so much came back. If sales carry a minus sign in this file, "
                "change the "
                "mapping and upload it again."
            ),
            unit=Unit.SHARE,
            figure=share("returned", "lines"),
            limits=thresholds.limits["returns_share"],
        )
        yield Check(
            name="future_share",
            meaning=N_("Part of the lines with a date in the future"),
            what_to_do=N_(
                "Compare some dates with the file: day and month may be swapped. Then change the mapping's "
                "date "
                "format and upload it again."
            ),
            unit=Unit.SHARE,
            figure=share("in_future", "lines"),
            limits=thresholds.limits["future_share"],
        )
        yield Check(
            name="old_share",
            meaning=N_("Part of the lines with a date so old that it was probably misread"),
            what_to_do=N_(
                "Compare some dates with the file: the year may have two digits, or an empty date may have "
                "become "
                "1900. Then change the mapping's date format and upload it again."
            ),
            unit=Unit.SHARE,
            figure=share("too_old", "lines"),
            limits=thresholds.limits["old_share"],
        )
        yield Check(
            name="free_share",
            meaning=N_("Part of the lines with a price of zero"),
            what_to_do=N_(
                "Ask the sender whether so much was given away. If the prices stand in another column, "
                "change the "
                "mapping and upload the file again."
            ),
            unit=Unit.SHARE,
            figure=share("free", "lines"),
            limits=thresholds.limits["free_share"],
        )
        if facts.mapped is None or "product_name" in facts.mapped:
            yield Check(
                name="nameless_share",
                meaning=N_("Part of the lines without a product name"),
                what_to_do=N_("Nothing has to be done for points; ask the sender to fill in the names."),
                unit=Unit.SHARE,
                figure=share("nameless", "lines"),
                limits=thresholds.limits["nameless_share"],
            )
    if _judges_products(facts) and facts.rows >= thresholds.lines_for_shares:
        yield Check(
            name="unknown_products_share",
            meaning=N_("Part of the rows with a product that Laurel doesn't know"),
            what_to_do=N_(
                "Look at some of the codes: another column may have taken the product's place, or leading zeros "
                "may be lost. If the products are new, bring the list of products first."
            ),
            unit=Unit.SHARE,
            figure=f"coalesce(max(unknown_products), 0) / cast({facts.rows} as double precision)",
            limits=thresholds.limits["unknown_products_share"],
        )
    if left >= thresholds.lines_for_concentration:
        yield Check(
            name="largest_line_share",
            meaning=N_("Part of the file's whole value that stands in its largest line"),
            what_to_do=N_(
                "Look at the largest line: quantity and price may have swapped, or a decimal point may be "
                "lost. If "
                "it is right, accept the import."
            ),
            unit=Unit.SHARE,
            figure="coalesce(max(largest_line) / nullif(sum(turnover), 0), 0)",
            limits=thresholds.limits["largest_line_share"],
        )


def _against_earlier_files(facts: ImportFacts, thresholds: Thresholds) -> Iterator[Check]:
    earlier = facts.earlier
    if len(earlier) < max(thresholds.earlier_files_needed, 1):
        return
    yield from usual_rows_check(
        facts,
        thresholds,
        N_("Ask the sender whether the file is complete, holds the period that you expect, and only once."),
    )
    usual_amount = _usual_amount(earlier)
    if usual_amount > 0:
        yield Check(
            name="amount_against_earlier",
            meaning=N_("Net amount, beside what this source usually sends"),
            what_to_do=N_(
                "Compare the file's total with the sender's: the currency, the decimal sign or the price "
                "column may "
                "have changed."
            ),
            unit=Unit.RATIO,
            figure=f"coalesce(sum(net_amount), 0) / {float(usual_amount)!r}",
            limits=thresholds.limits["amount_against_earlier"],
        )
    named = [file.companies for file in earlier if file.companies is not None]
    if len(named) >= thresholds.earlier_files_needed and median(named) > 0:
        yield Check(
            name="companies_against_earlier",
            meaning=N_("Companies in the file, beside how many this source usually names"),
            what_to_do=N_("Ask the sender whether a part of the file is missing."),
            unit=Unit.RATIO,
            figure=f"count(*) / cast({float(median(named))!r} as double precision)",
            limits=thresholds.limits["companies_against_earlier"],
        )
    if facts.rows >= thresholds.lines_for_shares:
        usual_share = median(file.quarantine_share for file in earlier)
        yield Check(
            name="quarantine_against_earlier",
            meaning=N_("Rejected part of the rows, above what is usual for this source"),
            what_to_do=N_(
                "Something changed since the last files: compare the reasons of the rejected rows with "
                "theirs."
            ),
            unit=Unit.SHARE,
            figure=f"{facts.quarantined / facts.rows - usual_share!r}",
            limits=thresholds.limits["quarantine_against_earlier"],
        )


def _usual_amount(earlier: Sequence[EarlierFile]) -> Decimal:
    return median(file.net_amount for file in earlier)
