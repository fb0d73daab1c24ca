"""The suite for files of outlets: is this list, what the row rules left of it, plausible as a whole?"""

from collections.abc import Iterator

from data_checks.checks import Check, Limits, Thresholds
from data_checks.records import COMMON, common_checks, count_check, fixed_source, share_check
from data_checks.results import N_, ImportFacts, Limit

DEFAULTS = Thresholds(
    limits={
        **COMMON,
        "same_name_share": Limits(warn=Limit(at_most=0.05)),
        "name_is_code_share": Limits(warn=Limit(at_most=0.20)),
        "most_outlets": Limits(warn=Limit(at_most=2_000)),
    }
)


source = fixed_source(
    {
        "same_name": "(select coalesce(sum(n), 0) from (select count(distinct code) as n from {left}"
        " group by company_code, lower(name) having count(distinct code) > 1) as same)",
        "name_is_code": "count(*) filter (where name = code)",
        "most_of_one": "(select coalesce(max(n), 0) from (select count(*) as n from {left}"
        " group by company_code) as company)",
    },
    unknown=("unknown_company",),
)


def checks(facts: ImportFacts, thresholds: Thresholds) -> list[Check]:
    """Return the checks that apply to this file."""
    return [*common_checks(facts, thresholds), *_what_outlets_are_like(facts, thresholds)]


def _what_outlets_are_like(facts: ImportFacts, thresholds: Thresholds) -> Iterator[Check]:
    yield from share_check(
        facts,
        thresholds,
        "same_name_share",
        N_("Part of the outlets that share their name with another of the same company"),
        N_("The same outlet may stand in the list twice, under two codes. Ask the sender which one holds."),
        part="same_name",
    )
    yield from share_check(
        facts,
        thresholds,
        "name_is_code_share",
        N_("Part of the outlets whose name is nothing but their code"),
        N_("Compare the name column with the file: code and name may be mapped to the same column."),
        part="name_is_code",
    )
    yield from count_check(
        thresholds,
        "most_outlets",
        N_("Outlets of the company that has most of them"),
        N_("Look at that company: the company's column may be mapped wrongly, and hold one code throughout."),
        figure="most_of_one",
    )
