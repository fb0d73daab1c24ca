"""The suite for files of companies: is this list, what the row rules left of it, plausible as a whole?"""

from collections.abc import Iterator

from data_checks.checks import Check, Limits, Thresholds
from data_checks.records import COMMON, common_checks, fixed_source, share_check
from data_checks.results import N_, ImportFacts, Limit

DEFAULTS = Thresholds(
    limits={
        **COMMON,
        "same_name_share": Limits(warn=Limit(at_most=0.02), stop=Limit(at_most=0.50)),
        "name_is_code_share": Limits(warn=Limit(at_most=0.05)),
        "distributors_share": Limits(warn=Limit(at_most=0.50)),
        "unserved_share": Limits(warn=Limit(at_most=0.20)),
        "without_distributor_share": Limits(warn=Limit(at_most=0.90)),
    }
)


source = fixed_source(
    {
        "same_name": "(select coalesce(sum(n), 0) from (select count(distinct code) as n from {left}"
        " group by lower(name), region_code having count(distinct code) > 1) as same)",
        "name_is_code": "count(*) filter (where name = code)",
        "distributors": "count(*) filter (where lower(kind) = 'distributor')",
        "unserved": "count(*) filter (where coalesce(salesperson, '-') = '-')",
        "without_distributor": "count(*) filter (where coalesce(distributor_code, '-') = '-')",
    },
    unknown=("unknown_region", "unknown_distributor", "not_a_distributor", "unknown_salesperson"),
)


def checks(facts: ImportFacts, thresholds: Thresholds) -> list[Check]:
    """Return the checks that apply to this file."""
    return [*common_checks(facts, thresholds), *_what_companies_are_like(facts, thresholds)]


def _what_companies_are_like(facts: ImportFacts, thresholds: Thresholds) -> Iterator[Check]:
    yield from share_check(
        facts,
        thresholds,
        "same_name_share",
        N_("Part of the companies that share name and region with another code"),
        N_("The same company may stand in the list twice, under two codes. Ask the sender which one holds."),
        part="same_name",
    )
    yield from share_check(
        facts,
        thresholds,
        "name_is_code_share",
        N_("Part of the companies whose name is nothing but their code"),
        N_("Compare the name column with the file: code and name may be mapped to the same column."),
        part="name_is_code",
    )
    yield from share_check(
        facts,
        thresholds,
        "distributors_share",
        N_("Part of the companies that are distributors"),
        N_("Few companies are distributors. Compare the kinds with the file before you accept."),
        part="distributors",
        needs="kind",
    )
    yield from share_check(
        facts,
        thresholds,
        "unserved_share",
        N_("Part of the companies for which no salesperson is named"),
        N_("Ask sales who is responsible; without a name nobody is told of what these companies do."),
        part="unserved",
        needs="salesperson",
    )
    yield from share_check(
        facts,
        thresholds,
        "without_distributor_share",
        N_("Part of the companies for which no distributor is named"),
        N_("Look whether the distributor's column is mapped; else ask the sender to fill it in."),
        part="without_distributor",
        needs="distributor_code",
    )
