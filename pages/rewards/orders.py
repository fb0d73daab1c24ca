"""Reward approvals: the orders that wait for finance, each with its money, its people and its sales."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

import streamlit as st

from loyalty_core import programmes, rewards
from loyalty_core.access import Permission
from loyalty_core.kernel import (
    Money,
    Refusal,
    _,
    current_database,
    ngettext,
    now,
    write_xlsx,
)
from loyalty_core.rewards import OrderState, OrderToDecide, WaitingOrder
from ui import downloads, elements, list_export, registry, wording
from ui import orders as blocks
from ui import programmes as programme_blocks
from ui import rewards as reward_blocks
from ui.identity import require
from ui.keys import page_key

user = require(Permission.SEE_ORDERS)
database = current_database()
may_decide = user.may(Permission.DECIDE_ORDERS)
ORDERS_A_PAGE = 50

with database.snapshot(user.scope) as connection:
    summary = rewards.orders_summary(connection, user.scope)
    known = programmes.list_programmes(connection, user.scope)

elements.page_header(
    _("Reward approvals"),
    _("Orders hold points, stock and budget until they are decided. Nobody decides their own."),
)


@st.dialog(_("Decide orders"), width="medium")
def decide(orders: Sequence[WaitingOrder], *, approve: bool) -> None:
    """Say what the decision comes to, ask a reason for a rejection, and decide each order."""
    st.markdown(
        " · ".join(
            [
                ngettext("**{count} order**", "**{count} orders**", len(orders)).format(
                    count=wording.number(len(orders))
                ),
                reward_blocks.points_in_words(sum(order.points for order in orders)),
                f"**{wording.plain(blocks.money_of(orders))}**",
            ]
        )
    )
    st.markdown(
        _("The points are spent for good, and the money that was held counts as spent.")
        if approve
        else _("All points, pieces and money come back. The person reads your reason beside the order.")
    )
    with st.form("decide_orders", border=False):
        reason = (
            None
            if approve
            else st.text_area(_("Reason"), max_chars=1000, height=100, key=page_key("reject_reason"))
        )
        label = (
            ngettext("Approve {count}", "Approve {count}", len(orders)) if approve else _("Reject {count}")
        )
        sent = st.form_submit_button(
            label.format(count=wording.number(len(orders))),
            type="primary",
            icon=":material/check:" if approve else ":material/block:",
        )
    if not sent:
        return
    try:
        outcomes = rewards.decide_orders(
            database,
            user.scope,
            [OrderToDecide(order.id, order.payload_hash) for order in orders],
            approve=approve,
            reason=reason,
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    st.session_state["decided_orders"] = (outcomes, approve)
    st.session_state["orders_drawn"] = st.session_state.get("orders_drawn", 0) + 1
    st.rerun()


def show_waiting() -> None:
    """Draw the queue, the bar of what is selected, and the record of the order selected last."""
    result = st.session_state.pop("decided_orders", None)
    if result is not None:
        blocks.outcomes_shown(result[0], approved=result[1])
    if not summary.count:
        elements.empty_state(
            "task_alt",
            _("No order waits"),
            _("Orders of participants and salespeople appear here as soon as they are placed."),
        )
        return
    programme_at, money_at, sort_at, words_at = st.columns(4, vertical_alignment="bottom")
    programme = elements.choose_travelling(
        _("Programme"),
        [None, *known],
        format_func=lambda one: (
            programme_blocks.programme_label(one, known) if one is not None else _("All programmes")
        ),
        name="programme",
        at=programme_at,
    )
    by_money = {"": _("All"), "funded": _("Money is held"), "unfunded": _("Waits for money")}
    money = money_at.selectbox(
        _("Money"),
        list(by_money),
        format_func=by_money.__getitem__,
        key=page_key("money"),
        bind="query-params",
    )
    sort = elements.choose_sort(blocks.sort_titles(), default=_("Oldest first"), at=sort_at)
    words = (
        words_at.text_input(
            _("Find"),
            key=page_key("words"),
            bind="query-params",
            placeholder=_("company, person, number"),
            type="search",
        )
        or ""
    )
    programme_id = programme.id if programme is not None else None
    unfunded = {"": None, "funded": False, "unfunded": True}[money]
    with database.snapshot(user.scope) as connection:
        total = rewards.count_waiting_orders(
            connection, user.scope, programme_id=programme_id, unfunded=unfunded, words=words
        )
    if not total:
        elements.empty_state("search_off", _("No order matches"), _("Take a filter away to see more."))
        return
    body, offset = elements.paged(total, key=page_key("page"), size=ORDERS_A_PAGE)
    with database.snapshot(user.scope) as connection:
        orders = rewards.waiting_orders(
            connection,
            user.scope,
            limit=ORDERS_A_PAGE,
            offset=offset,
            programme_id=programme_id,
            unfunded=unfunded,
            words=words,
            sort=sort,
        )
    with body:
        places = elements.choose_rows(
            blocks.queue_table(orders, user),
            # Another table after each decision too: what was selected in the last one is gone.
            key=elements.key_of_rows(
                f"orders_{st.session_state.get('orders_drawn', 0)}", [one.id for one in orders]
            ),
            alt=_("Orders that wait for finance"),
            numbers=blocks.queue_numbers(),
        )
    list_export.offer(
        user,
        "reward-orders",
        total,
        blocks.exported(user),
        list_export.from_database(
            user,
            lambda connection, limit, offset: rewards.waiting_orders(
                connection,
                user.scope,
                limit=limit,
                offset=offset,
                programme_id=programme_id,
                unfunded=unfunded,
                words=words,
                sort=sort,
            ),
        ),
    )
    selected = [orders[place] for place in places if place < len(orders)]
    if not selected:
        st.caption(
            _("Select orders to decide them together; the last one is shown with all that stands behind it.")
            if may_decide
            else _("Select an order to see all that stands behind it.")
        )
        return
    if may_decide:
        ours = [order for order in selected if not order.is_own(user)]
        with elements.queue_bar(blocks.selection_in_words(selected, user)):
            if st.button(_("Reject…"), disabled=not ours):
                decide(ours, approve=False)
            approvable = blocks.fundable(ours)
            if st.button(
                _("Approve {count}…").format(count=wording.number(len(approvable))),
                type="primary",
                icon=":material/check:",
                disabled=not approvable,
                help=None if approvable or not ours else _("The budget has no money for these."),
            ):
                decide(approvable, approve=True)
        blocks.show_lacking_money(user, [order for order in ours if order not in approvable], known)
    blocks.show_record(user, selected[-1])


def show_decided() -> None:
    """Draw a day's decisions with their sums, and the workbook of them."""
    zone = wording.reader_time_zone()
    today = now().astimezone(zone).date()
    day = st.date_input(
        _("Day"),
        value=today,
        max_value=today,
        key=page_key("day"),
        bind="query-params",
        width=200,
        format=wording.date_format(),
    )
    since = datetime.combine(day, time(), zone)
    with database.snapshot(user.scope) as connection:
        decided = rewards.decided_orders(
            connection,
            user.scope,
            since=since,
            until=datetime.combine(day + timedelta(days=1), time(), zone),
        )
    if not decided:
        elements.empty_state(
            "event_busy", _("Nothing was decided on this day"), _("Choose another day, or see what waits.")
        )
        return
    approved = [order for order in decided if order.state is OrderState.APPROVED]
    rejected = [order for order in decided if order.state is OrderState.REJECTED]
    elements.figure_row(
        [
            elements.Figure(_("Approved"), wording.number(len(approved))),
            elements.Figure(
                _("Money spent"),
                wording.plain(blocks.money_of(approved))
                if len({one.currency for one in approved}) < 2
                else "…",
            ),
            elements.Figure(_("Points spent"), wording.short_number(sum(order.points for order in approved))),
            elements.Figure(_("Rejected"), wording.number(len(rejected))),
        ]
    )
    chosen = elements.choose_row(
        blocks.decided_table(decided),
        key=page_key(f"decided_{day}"),
        alt=_("Orders decided on the day, in the order of their decisions"),
        numbers=[_("Points"), _("Cost")],
    )
    with elements.queue_bar(
        ngettext(
            "**{count}** decision as a workbook", "**{count}** decisions as a workbook", len(decided)
        ).format(count=wording.number(len(decided)))
    ):
        if st.button(_("Make the workbook"), icon=":material/table_view:"):
            downloads.offer(
                user,
                Permission.SEE_ORDERS,
                blocks.decisions_file_name(day),
                lambda path: write_xlsx(
                    path, blocks.workbook_header(), blocks.workbook_rows(decided), sheet=_("Decisions")
                ),
            )
    if chosen is not None and chosen < len(decided):
        blocks.show_record(user, decided[chosen])


asked_for = elements.query_id("order")
if asked_for is not None:
    registry.link(user, "orders", _("All orders"), icon="arrow_back")
    try:
        order = blocks.order_asked_for(user, asked_for)
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        st.stop()
    result = st.session_state.pop("decided_orders", None)
    if result is not None:
        blocks.outcomes_shown(result[0], approved=result[1])
    blocks.show_record(user, order)
    if may_decide and isinstance(order, WaitingOrder) and not order.is_own(user):
        approvable = blocks.fundable([order])
        with elements.queue_bar(blocks.selection_in_words([order], user)):
            if st.button(_("Reject…")):
                decide([order], approve=False)
            if st.button(
                _("Approve…"),
                type="primary",
                icon=":material/check:",
                disabled=not approvable,
                help=None if approvable else _("The budget has no money for it."),
            ):
                decide(approvable, approve=True)
        blocks.show_lacking_money(user, [] if approvable else [order], known)
    st.stop()

if summary.count:
    waiting_line = [
        ngettext("**{count}** order waits", "**{count}** orders wait", summary.count).format(
            count=wording.number(summary.count)
        ),
        reward_blocks.points_in_words(summary.points),
        *(
            wording.plain(wording.money(Money(minor, currency)))
            for currency, minor in summary.cost_minor.items()
        ),
    ]
    if summary.oldest_at is not None:
        waiting_line.append(_("the oldest for {age}").format(age=wording.age(summary.oldest_at)))
    if summary.unfunded:
        waiting_line.append(
            f":orange[{_('{count} without money').format(count=wording.number(summary.unfunded))}]"
        )
    st.markdown(" · ".join(waiting_line))
VIEWS = {"waiting": _("To do"), "decided": _("Decided")}
if elements.choose_view(VIEWS, key=page_key("view")) == "decided":
    show_decided()
else:
    show_waiting()
