"""The suite for files of participants: is this list, what the row rules left of it, plausible as a whole?"""

from collections.abc import Iterator

from data_checks.checks import Check, Limits, Thresholds
from data_checks.records import COMMON, common_checks, fixed_source, share_check
from data_checks.results import N_, ImportFacts, Limit

DEFAULTS = Thresholds(
    limits={
        **COMMON,
        "same_person_share": Limits(warn=Limit(at_most=0.02), stop=Limit(at_most=0.50)),
        "shared_contact_share": Limits(warn=Limit(at_most=0.05), stop=Limit(at_most=0.80)),
        "unreachable_share": Limits(warn=Limit(at_most=0.20)),
        "owners_share": Limits(warn=Limit(at_most=0.60)),
        "largest_group_share": Limits(warn=Limit(at_most=0.99)),
    }
)


source = fixed_source(
    {
        "same_person": "(select coalesce(sum(n), 0) from (select count(distinct code) as n from {left}"
        " group by company_code, lower(display_name) having count(distinct code) > 1) as same)",
        "shared_contact": "(select coalesce(sum(n), 0) from (select count(distinct code) as n from {left}"
        " where coalesce(phone, email, '-') <> '-' group by coalesce(nullif(phone, '-'), lower(email))"
        " having count(distinct code) > 1) as same)",
        "unreachable": "count(*) filter (where coalesce(phone, '-') = '-' and coalesce(email, '-') = '-')",
        "owners": "count(*) filter (where lower(is_owner) in"
        " ('yes', 'y', 'true', '1', 'x', 'tak', 'da', 'ya'))",
        "largest_group": "(select coalesce(max(n), 0) from (select count(*) as n from {left}"
        ' group by lower("group")) as kind)',
    },
    unknown=("unknown_company",),
)


def checks(facts: ImportFacts, thresholds: Thresholds) -> list[Check]:
    """Return the checks that apply to this file."""
    return [*common_checks(facts, thresholds), *_what_people_are_like(facts, thresholds)]


def _what_people_are_like(facts: ImportFacts, thresholds: Thresholds) -> Iterator[Check]:
    yield from share_check(
        facts,
        thresholds,
        "same_person_share",
        N_("Part of the people who share their name with another of the same company"),
        N_(
            "The same person may stand in the list twice, under two codes. Ask the company before you accept."
        ),
        part="same_person",
    )
    yield from share_check(
        facts,
        thresholds,
        "shared_contact_share",
        N_("Part of the people who share their telephone or e-mail with another"),
        N_(
            "Codes and messages would reach somebody else. Ask the company for each person's own telephone or e-mail."
        ),
        part="shared_contact",
    )
    if facts.mapped is None or facts.mapped & {"phone", "email"}:
        yield from share_check(
            facts,
            thresholds,
            "unreachable_share",
            N_("Part of the people with neither telephone nor e-mail"),
            N_("Ask the company to fill them in: who can't be reached gets no messages and no codes."),
            part="unreachable",
        )
    yield from share_check(
        facts,
        thresholds,
        "owners_share",
        N_("Part of the people who own their company"),
        N_("Owners say who spends a company's points. Compare that column with the file before you accept."),
        part="owners",
        needs="is_owner",
    )
    yield from share_check(
        facts,
        thresholds,
        "largest_group_share",
        N_("Part of the people who are in the group that most are in"),
        N_("Everybody is in one group: look whether the group's column says more than one word in the file."),
        part="largest_group",
    )
