"""The suite for files of products: is this list, what the row rules left of it, plausible as a whole?"""

from collections.abc import Iterator

from data_checks.checks import Check, Limits, Thresholds
from data_checks.records import COMMON, common_checks, count_check, fixed_source, share_check
from data_checks.results import N_, ImportFacts, Limit

DEFAULTS = Thresholds(
    limits={
        **{name: limits for name, limits in COMMON.items() if name != "unknown_share"},
        "same_name_share": Limits(warn=Limit(at_most=0.05)),
        "name_is_code_share": Limits(warn=Limit(at_most=0.02), stop=Limit(at_most=0.50)),
        "brandless_share": Limits(warn=Limit(at_most=0.05)),
        "groupless_share": Limits(warn=Limit(at_most=0.05)),
        "brand_spellings": Limits(warn=Limit(at_most=0)),
        "brands": Limits(warn=Limit(at_most=500)),
    }
)


source = fixed_source(
    {
        "same_name": "(select coalesce(sum(n), 0) from (select count(distinct code) as n from {left}"
        " group by lower(name) having count(distinct code) > 1) as same)",
        "name_is_code": "count(*) filter (where name = code)",
        "brandless": "count(*) filter (where coalesce(brand, '-') = '-')",
        "groupless": "count(*) filter (where coalesce(product_group, '-') = '-')",
        "spellings": "count(distinct brand) - count(distinct lower(brand))",
        "brand_count": "count(distinct lower(brand))",
    },
)


def checks(facts: ImportFacts, thresholds: Thresholds) -> list[Check]:
    """Return the checks that apply to this file."""
    return [*common_checks(facts, thresholds), *_what_products_are_like(facts, thresholds)]


def _what_products_are_like(facts: ImportFacts, thresholds: Thresholds) -> Iterator[Check]:
    yield from share_check(
        facts,
        thresholds,
        "same_name_share",
        N_("Part of the products that share their name with another code"),
        N_("Sizes or colours may be missing from the names; else a product stands in the list twice."),
        part="same_name",
    )
    yield from share_check(
        facts,
        thresholds,
        "name_is_code_share",
        N_("Part of the products whose name is nothing but their code"),
        N_("Compare the name column with the file: code and name may be mapped to the same column."),
        part="name_is_code",
    )
    yield from share_check(
        facts,
        thresholds,
        "brandless_share",
        N_("Part of the products without a brand"),
        N_("A programme that gives points for a brand passes these by. Ask the sender to fill the brand in."),
        part="brandless",
        needs="brand",
    )
    yield from share_check(
        facts,
        thresholds,
        "groupless_share",
        N_("Part of the products without a group"),
        N_("A programme that gives points for a group passes these by. Ask the sender to fill the group in."),
        part="groupless",
        needs="product_group",
    )
    if facts.mapped is None or "brand" in facts.mapped:
        yield from count_check(
            thresholds,
            "brand_spellings",
            N_("Brands that are written in more than one way, like Acme and ACME"),
            N_("Rules take them for different brands. Have each brand written in one way."),
            figure="spellings",
        )
        yield from count_check(
            thresholds,
            "brands",
            N_("Different brands in the file"),
            N_("Look whether the brand's column really holds brands, and not names or groups."),
            figure="brand_count",
        )
