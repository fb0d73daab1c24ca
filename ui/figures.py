"""Figures that several pages show: each is made here, so that it is the same on all of them."""

from loyalty_core.kernel import _
from loyalty_core.rewards import OrdersSummary
from loyalty_core.verification import QueueSummary
from ui import wording
from ui.elements import Figure


def claims_waiting(summary: QueueSummary) -> Figure:
    """Return how many claims wait for a decision, those that need a second person among them."""
    parts = []
    if summary.oldest_at is not None:
        parts.append(_("oldest {age}").format(age=wording.age(summary.oldest_at)))
    if summary.needs_second:
        parts.append(_("{count} need a second").format(count=wording.number(summary.needs_second)))
    return Figure(
        _("Claims waiting"),
        wording.short_number(summary.count),
        " · ".join(parts) or None,
        delta_color="off",
        help=_("Claims that wait for a decision. Some need a second person, who must agree first."),
    )


def orders_waiting(summary: OrdersSummary) -> Figure:
    """Return how many orders of rewards wait for finance."""
    return Figure(
        _("Orders waiting"),
        wording.short_number(summary.count),
        _("oldest {age}").format(age=wording.age(summary.oldest_at)) if summary.oldest_at else None,
        delta_color="off",
    )


def orders_without_money(summary: OrdersSummary) -> Figure:
    """Return how many orders wait for money: none was left when they were placed."""
    return Figure(
        _("Waiting for money"),
        wording.short_number(summary.unfunded),
        help=_("No money is held for these orders. Those over budget need a larger budget first."),
    )
