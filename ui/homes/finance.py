"""The home of finance: orders that wait, budgets near their end, and what was decided today."""

from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from loyalty_core import budgets, rewards
from loyalty_core.access import SignedInUser
from loyalty_core.kernel import Money, Sort, _, current_database, now
from loyalty_core.rewards import Order, OrdersSummary, OrderState
from ui import elements, home, registry, wording
from ui import figures as shared
from ui import orders as order_blocks
from ui.elements import Figure
from ui.homes import head_of_sales, panels
from ui.homes.panels import Leading
from ui.keys import page_key

FIRST = 8
# From this part on a budget is shown as near its end.
NEAR_ITS_END = 0.8


def show(user: SignedInUser, waiting: Sequence[home.Waiting]) -> None:
    """Draw the whole page below the greeting."""
    midnight = now().astimezone(wording.reader_time_zone()).replace(hour=0, minute=0, second=0, microsecond=0)
    with current_database().snapshot(user.scope) as connection:
        summary = rewards.orders_summary(connection, user.scope)
        oldest = rewards.waiting_orders(connection, user.scope, limit=FIRST)
        costliest = rewards.waiting_orders(
            connection, user.scope, limit=FIRST, sort=Sort("cost", descending=True)
        )
        decided = rewards.decided_orders(
            connection, user.scope, since=midnight, until=midnight + timedelta(days=1)
        )
        every = budgets.budgets_of_period(connection, user.scope, on=wording.today())
    panels.leading_row(user, figures(summary, decided))
    with elements.card(_("Waiting orders")):
        if not oldest:
            st.caption(_("No order waits for you."))
        else:
            views = {"age": _("Oldest"), "value": _("Costliest")}
            by = elements.choose_view(views, key=page_key("orders_by"))
            show_orders(user, oldest if by == "age" else costliest)
            registry.link(user, "orders", _("Decide orders"), icon="arrow_forward")
    near = [one for one in every if is_near_its_end(one)]
    with elements.card(_("Budgets near their end")):
        if not near:
            st.caption(_("No budget of this quarter is near its end."))
        else:
            head_of_sales.show_projections(near)
        registry.link(user, "budgets", _("All budgets"), icon="savings")
    show_decided(user, decided)
    if waiting:
        panels.show_what_waits(user, waiting)


def is_near_its_end(budget: budgets.Budget) -> bool:
    """Whether most of it is used, or its pace uses it up before its last day."""
    if not budget.set_minor:
        return False
    ahead = budgets.outlook(budget.figures, budget.starts_on, budget.ends_on, wording.today())
    return budget.figures.used_minor >= NEAR_ITS_END * budget.set_minor or ahead.lasts_until is not None


def figures(summary: OrdersSummary, decided: Sequence[Order]) -> list[Leading]:
    """Return how many orders wait, for how long, what they cost, and what was decided today."""
    approved = sum(one.state is OrderState.APPROVED for one in decided)
    return [
        Leading(
            shared.orders_waiting(summary),
            "orders",
        ),
        Leading(
            Figure(
                _("Their cost"),
                home.in_each_currency(summary.cost_minor) or "0",
                _("{points} points").format(points=wording.short_number(summary.points)),
                delta_color="off",
            ),
            "orders",
            {"sort": _("Value")},
        ),
        Leading(
            shared.orders_without_money(summary),
            "orders",
            {"money": _("Waits for money")},
        ),
        Leading(
            Figure(
                _("Decided today"),
                wording.short_number(len(decided)),
                _("{count} approved").format(count=wording.number(approved)) if decided else None,
                delta_color="off",
            ),
            "orders",
            {"view": _("Decided")},
        ),
    ]


def show_orders(user: SignedInUser, orders: Sequence[rewards.WaitingOrder]) -> None:
    """Draw waiting orders as a table."""
    elements.table(
        {
            _("Order"): [f"R-{one.number}" for one in orders],
            _("Waiting"): [wording.age(one.ordered_at) for one in orders],
            _("For"): [one.participant_name for one in orders],
            _("Company"): [one.company_name for one in orders],
            _("Reward"): [one.reward_name for one in orders],
            _("Cost"): [wording.money(Money(one.cost_minor, one.currency)) for one in orders],
            _("Check"): [order_blocks.checks_in_words(one, user) for one in orders],
        },
        alt=_("Orders that wait for finance"),
        numbers=[_("Cost")],
    )


def show_decided(user: SignedInUser, decided: Sequence[Order]) -> None:
    """Draw what was decided today, the newest first."""
    with elements.card(_("Decided today")):
        if not decided:
            st.caption(_("Nothing has been decided today."))
            return
        rows = sorted(decided, key=lambda one: one.decided_at or one.ordered_at, reverse=True)
        elements.table(
            {
                _("Order"): [f"R-{one.number}" for one in rows[:FIRST]],
                _("Decision"): [
                    _("approved") if one.state is OrderState.APPROVED else _("rejected")
                    for one in rows[:FIRST]
                ],
                _("For"): [one.participant_name for one in rows[:FIRST]],
                _("Reward"): [one.reward_name for one in rows[:FIRST]],
                _("Cost"): [wording.money(Money(one.cost_minor, one.currency)) for one in rows[:FIRST]],
                _("By"): [one.decided_by_name or "" for one in rows[:FIRST]],
            },
            alt=_("Orders decided today, the newest first"),
            numbers=[_("Cost")],
        )
        registry.link(
            user, "orders", _("All of today, with the workbook"), icon="table_view", view=_("Decided")
        )
