"""Areas and sales staff side by side: sales, growth, and what is used of their budgets."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from loyalty_core.kernel import Money, Scope, _
from loyalty_core.organisation import Region
from ui import explored, wording
from ui.performance import Asked, Dimension, Measure, Part, parts
from ui.spans import Span
from ui.standings import region_ids_below


class RankedBy(StrEnum):
    """What areas and people are ranked by."""

    SALES = "sales"
    GROWTH = "growth"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """What is set aside, and what of it is reserved or spent, in minor units."""

    set_minor: int = 0
    used_minor: int = 0

    @property
    def share(self) -> float | None:
        """The part that is used; None where nothing is set aside."""
        return self.used_minor / self.set_minor if self.set_minor else None

    def __add__(self, other: "BudgetUse") -> "BudgetUse":
        return BudgetUse(self.set_minor + other.set_minor, self.used_minor + other.used_minor)


@dataclass(frozen=True, slots=True)
class Ranked:
    """An area with all below it, or a person with the companies that they are responsible for."""

    key: str
    label: str
    value: int
    before: int
    year_before: int
    budget: BudgetUse
    reward_cost_minor: int = 0

    @property
    def growth(self) -> float | None:
        """The change against the days before, None where there was nothing then."""
        return (self.value - self.before) / self.before if self.before > 0 else None


def areas_below(regions: Sequence[Region], parent: UUID | None) -> list[Region]:
    """Return the areas right below a region; for None the topmost that the reader sees.

    Where there is one topmost area alone, those below it: a head of sales has no use for a list of one.
    """
    if parent is not None:
        return [one for one in regions if one.parent_id == parent]
    seen = {one.id for one in regions}
    top = [one for one in regions if one.parent_id not in seen]
    if len(top) == 1:
        return areas_below(regions, top[0].id) or top
    return top


def lowest_areas(regions: Sequence[Region], parent: UUID | None) -> list[Region]:
    """Return the areas at or below a region that have none below them; for None all such that the reader sees."""
    parents = {one.parent_id for one in regions}
    within = None if parent is None else set(region_ids_below(regions, parent))
    return [one for one in regions if one.id not in parents and (within is None or one.id in within)]


def rolled_up(
    regions: Sequence[Region],
    tops: Sequence[Region],
    found: Sequence[Part],
    budgets: Mapping[UUID, BudgetUse],
) -> list[Ranked]:
    """Return each of the areas with what it and all areas below it sold and used."""
    by_region = {UUID(part.key): part for part in found if part.key}
    ranked = []
    for top in tops:
        below = region_ids_below(regions, top.id)
        sold = [by_region[one] for one in below if one in by_region]
        ranked.append(
            Ranked(
                str(top.id),
                top.name,
                sum(one.value for one in sold),
                sum(one.before for one in sold),
                sum(one.year_before or 0 for one in sold),
                sum((budgets[one] for one in below if one in budgets), BudgetUse()),
            )
        )
    return ranked


def staff(scope: Scope, asked: Asked, span: Span) -> list[Ranked]:
    """Return the salespeople with the sales of their companies and the rewards that these ordered."""
    sold = parts(scope, Measure.SALES, Dimension.SALESPERSON, asked, span)
    ordered = {one.key: one for one in parts(scope, Measure.REWARDS, Dimension.SALESPERSON, asked, span)}
    found = {one.key: one for one in [*ordered.values(), *sold]}
    return [
        Ranked(
            key,
            one.label,
            one.value if one in sold else 0,
            one.before if one in sold else 0,
            one.year_before or 0,
            BudgetUse(),
            ordered[key].value if key in ordered else 0,
        )
        for key, one in found.items()
    ]


def ranked(rows: Sequence[Ranked], by: RankedBy) -> list[Ranked]:
    """Return the rows, the most first; what has no growth or no budget comes last."""

    def order(one: Ranked) -> tuple[bool, float, int]:
        if by is RankedBy.SALES:
            return (False, -one.value, 0)
        share = one.growth if by is RankedBy.GROWTH else one.budget.share
        return (share is None, -(share or 0.0), -one.value)

    return sorted(rows, key=order)


def budgets_on(scope: Scope, asked: Asked, day: date) -> dict[UUID, BudgetUse]:
    """Return the programme's budgets of a day by region."""
    rows = explored.ask(scope, "budgets_by_region", {"programme_id": asked.programme.id, "on_day": day})
    return {
        UUID(row["region_id"]): BudgetUse(row["set_minor"], row["reserved_minor"] + row["spent_minor"])
        for row in rows
    }


def own_regions(regions: Collection[Region], chosen: UUID | None) -> tuple[UUID, ...] | None:
    """Return the regions to narrow to, None for all that the reader sees."""
    return region_ids_below(list(regions), chosen) if chosen else None


def bar_text(one: Ranked, currency: str, *, of_areas: bool) -> str:
    """Return what stands at the end of a bar: sales, growth, and how far the budget is used."""
    words = [wording.short_money(Money(one.value, currency)), wording.change(one.value, one.before)]
    if of_areas and one.budget.share is not None:
        words.append(_("{share} of budget").format(share=wording.percent(round(one.budget.share, 2))))
    return " · ".join(filter(None, words))


def bar_value(one: Ranked, by: RankedBy, currency: str) -> float:
    """Return how long a bar is: sales in major units, or percent."""
    if by is RankedBy.SALES:
        return float(Money(one.value, currency).decimal)
    share = one.growth if by is RankedBy.GROWTH else one.budget.share
    return 100 * (share or 0.0)


def ranked_table(rows: Sequence[Ranked], currency: str, *, of_areas: bool) -> dict[str, list[Any]]:
    """Return areas or people as columns."""
    table: dict[str, list[Any]] = {
        _("Area") if of_areas else _("Salesperson"): [one.label for one in rows],
        _("Net sales"): [wording.money(Money(one.value, currency)) for one in rows],
        _("Growth"): [wording.change(one.value, one.before) or "" for one in rows],
        _("On last year"): [wording.change(one.value, one.year_before) or "" for one in rows],
    }
    if of_areas:
        table[_("Budget")] = [
            wording.money(Money(one.budget.set_minor, currency)) if one.budget.set_minor else ""
            for one in rows
        ]
        table[_("Used")] = [
            wording.percent(one.budget.share) if one.budget.share is not None else "" for one in rows
        ]
    else:
        table[_("Rewards")] = [wording.money(Money(one.reward_cost_minor, currency)) for one in rows]
    return table
