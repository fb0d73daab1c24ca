"""What the pages of orders show: an order in plain words, finance's queue, one order with all behind it."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import streamlit as st

from loyalty_core import rewards
from loyalty_core.access import SignedInUser
from loyalty_core.kernel import Cell, Money, _, current_database, ngettext
from loyalty_core.programmes import Programme
from loyalty_core.rewards import LineBehind, Order, OrderEvent, OrderOutcome, OrderState, WaitingOrder
from ui import list_export, registry, source_row, wording
from ui.elements import Colour, Figure, badge, card, choose_row, facts, figure_row
from ui.keys import page_key
from ui.programmes import programme_label
from ui.rewards import points_in_words

LINES_SHOWN = 20
# So many rejections of one person, and a share of them, make the next wish worth a second look.
FEW_REJECTED = 2


def order_no(order: Order) -> str:
    """Return how people call the order: R-1042."""
    return f"R-{order.number}"


def state_title(order: Order) -> str:
    """Return where the order stands, in a word or two."""
    if order.is_waiting and not order.is_funded:
        return _("waits for money")
    return {
        OrderState.AWAITING_CODE: _("waits for finance"),
        OrderState.AWAITING_FINANCE: _("waits for finance"),
        OrderState.APPROVED: _("approved"),
        OrderState.REJECTED: _("rejected"),
        OrderState.CANCELLED: _("cancelled"),
    }[order.state]


def state_badge(order: Order) -> None:
    """Draw where the order stands with its colour."""
    looks: dict[OrderState, tuple[Colour, str]] = {
        OrderState.AWAITING_CODE: ("blue", "hourglass_empty"),
        OrderState.AWAITING_FINANCE: ("blue", "hourglass_empty"),
        OrderState.APPROVED: ("green", "check"),
        OrderState.REJECTED: ("red", "block"),
        OrderState.CANCELLED: ("gray", "undo"),
    }
    colour, icon = looks[order.state]
    if order.is_waiting and not order.is_funded:
        colour = "orange"
    badge(state_title(order), colour, icon)


def what_it_means(order: Order) -> str:
    """Return what became of the order and what comes next, in plain words; ready for Markdown."""
    points = points_in_words(order.points)
    if order.is_waiting:
        sentence = (
            _("Finance looks at it next. {points} are held for it; you can still cancel it.")
            if order.is_funded
            else _(
                "The budget for rewards was used up when it was ordered: it waits until there is money, then"
                " finance decides. {points} are held for it; you can still cancel it."
            )
        )
        return sentence.format(points=points)
    day = _day(order)
    if order.state is OrderState.APPROVED:
        return _("Approved on {day}. {points} are spent, and the reward is yours.").format(
            day=day, points=points
        )
    if order.state is OrderState.REJECTED:
        return _("Rejected on {day}: “{reason}” All {points} came back.").format(
            day=day, reason=wording.plain(order.decision_reason or ""), points=points
        )
    return _("Cancelled on {day}. All {points} came back.").format(day=day, points=points)


def _day(order: Order) -> str:
    moment = order.decided_at or order.ordered_at
    return wording.day(moment.astimezone(wording.reader_time_zone()).date())


def event_title(event: OrderEvent) -> str:
    """Return what happened to an order."""
    if event.state is OrderState.AWAITING_FINANCE:
        return _("Waits for finance") if event.is_funded else _("Waits for money")
    return {
        OrderState.AWAITING_CODE: _("Ordered"),
        OrderState.APPROVED: _("Approved"),
        OrderState.REJECTED: _("Rejected"),
        OrderState.CANCELLED: _("Cancelled"),
    }[event.state]


def events_in_words(events: Sequence[OrderEvent], *, names_finance: bool) -> str:
    """Return what happened, a line each, ready for Markdown.

    Unless `names_finance`, whoever decided is told as finance: a participant need not know who sits there.
    """
    lines = []
    for event in events:
        is_decision = event.state in (OrderState.APPROVED, OrderState.REJECTED)
        by = event.caused_by_name if names_finance or not is_decision else _("finance")
        line = f"{event_title(event)} · {wording.moment(event.recorded_at)} · {by}"
        lines.append(f"- {wording.plain(line)}")
        if event.reason:
            lines[-1] += f"  \n  “{wording.plain(event.reason)}”"
    return "\n".join(lines)


def checks(order: WaitingOrder, user: SignedInUser) -> list[tuple[str, Colour]]:
    """Return what finance should know before deciding, the gravest first, each with its colour."""
    found: list[tuple[str, Colour]] = []
    if order.is_own(user):
        found.append((_("your own"), "red"))
    if order.is_over_budget:
        found.append((_("over budget"), "red"))
    elif not order.is_funded:
        found.append((_("money is there again"), "orange"))
    if order.computed_hash != order.payload_hash:
        found.append((_("altered since it was placed"), "red"))
    if order.participant_is_suspended:
        found.append((_("suspended since ordering"), "red"))
    if order.claims_rejected >= FEW_REJECTED:
        found.append(
            (
                _("{count} of {all} claims rejected").format(
                    count=wording.number(order.claims_rejected), all=wording.number(order.claims_decided)
                ),
                "orange",
            )
        )
    if order.participant_rejected:
        found.append(
            (
                ngettext(
                    "{count} order rejected before",
                    "{count} orders rejected before",
                    order.participant_rejected,
                ).format(count=wording.number(order.participant_rejected)),
                "orange",
            )
        )
    if not order.participant_orders:
        found.append((_("first order"), "gray"))
    return found


def checks_in_words(order: WaitingOrder, user: SignedInUser) -> str:
    """Return in one line what finance should know before deciding, the same on every page."""
    return ", ".join(words for words, _colour in checks(order, user))


def fundable(orders: Sequence[WaitingOrder]) -> list[WaitingOrder]:
    """Return the orders that can be approved together as money stands, looked at in their order.

    Orders without held money that one budget would pay take from what those before them left.
    """
    left: dict[UUID, int] = {}
    found = []
    for order in orders:
        if order.is_funded:
            found.append(order)
            continue
        if order.paying_budget_id is None or order.budget_before_minor is None:
            continue
        available = left.get(order.paying_budget_id, order.budget_before_minor)
        if order.cost_minor <= available:
            left[order.paying_budget_id] = available - order.cost_minor
            found.append(order)
    return found


def show_lacking_money(
    user: SignedInUser, orders: Sequence[WaitingOrder], known: Sequence[Programme]
) -> None:
    """Say which orders can't be approved for want of money, each with the way to the budget that would pay it."""
    by_budget: dict[tuple[UUID | None, UUID, str], list[WaitingOrder]] = {}
    for order in orders:
        at = (order.paying_budget_id, order.programme_id, order.region_name)
        by_budget.setdefault(at, []).append(order)
    for (budget_id, programme_id, region), lacking in by_budget.items():
        sentence = (
            ngettext(
                "{numbers} can't be approved: no budget of this quarter is for {region}.",
                "{numbers} can't be approved: no budget of this quarter is for {region}.",
                len(lacking),
            )
            if budget_id is None
            else ngettext(
                "{numbers} can't be approved: the budget for {region} does not hold the money.",
                "{numbers} can't be approved: the budget for {region} does not hold the money for all of them.",
                len(lacking),
            )
        )
        st.warning(
            sentence.format(
                numbers=wording.plain(", ".join(map(order_no, lacking))), region=wording.plain(region)
            ),
            icon=":material/account_balance_wallet:",
        )
        if not registry.allows(user, "budgets"):
            continue
        programme = next((one for one in known if one.id == programme_id), None)
        query = {"budget": str(budget_id)} if budget_id is not None else {}
        if budget_id is None and programme is not None and len(known) > 1:
            query["programme"] = programme_label(programme, known)
        registry.link(
            user,
            "budgets",
            _("Open the budget") if budget_id is not None else _("Open budgets"),
            icon="savings",
            **query,
        )


def cost_of(order: Order) -> Money:
    """Return what the order costs in money."""
    return Money(order.cost_minor, order.currency)


def _budget_money(order: WaitingOrder, minor: int | None) -> str:
    return _("no budget") if minor is None else wording.money(Money(minor, order.currency))


def queue_table(orders: Sequence[WaitingOrder], user: SignedInUser) -> dict[str, list[Any]]:
    """Return waiting orders as columns."""
    return {
        _("Order"): [order_no(order) for order in orders],
        _("Waiting"): [wording.age(order.ordered_at) for order in orders],
        _("Check"): [checks_in_words(order, user) for order in orders],
        _("Requester"): [order.requested_by_name for order in orders],
        _("Company"): [order.company_name for order in orders],
        _("Reward"): [order.reward_name for order in orders],
        _("Points"): [wording.number(order.points) for order in orders],
        _("Cost"): [wording.money(cost_of(order)) for order in orders],
        _("Budget after"): [_budget_money(order, order.budget_after_minor) for order in orders],
    }


def sort_titles() -> dict[str, str]:
    """Return the columns that waiting orders can be sorted by."""
    return {
        "number": _("Order"),
        "since": _("Waiting"),
        "requester": _("Requester"),
        "company": _("Company"),
        "reward": _("Reward"),
        "points": _("Points"),
        "cost": _("Cost"),
    }


def exported(user: SignedInUser) -> list_export.Columns[WaitingOrder]:
    """Return the columns of the exported queue."""
    return [
        (_("Order"), order_no),
        (_("Ordered"), lambda order: order.ordered_at),
        (_("Check"), lambda order: checks_in_words(order, user)),
        (_("Requester"), lambda order: order.requested_by_name),
        (_("Participant"), lambda order: order.participant_name),
        (_("Participant code"), lambda order: order.participant_code),
        (_("Company"), lambda order: order.company_name),
        (_("Company code"), lambda order: order.company_code),
        (_("Region"), lambda order: order.region_name),
        (_("Programme"), lambda order: order.programme_name),
        (_("Reward"), lambda order: order.reward_name),
        (_("Reward code"), lambda order: order.reward_code),
        (_("Points"), lambda order: order.points),
        (_("Cost"), lambda order: cost_of(order).decimal),
        (
            _("Budget after"),
            lambda order: (
                Money(order.budget_after_minor, order.currency).decimal
                if order.budget_after_minor is not None
                else None
            ),
        ),
        (_("Currency"), lambda order: order.currency),
    ]


def queue_numbers() -> list[str]:
    """Return the columns of the queue that hold figures."""
    return [_("Points"), _("Cost"), _("Budget after")]


def money_of(orders: Sequence[Order]) -> str:
    """Return what orders cost together, by currency: “€486.00”, “€486.00 + £20.00”."""
    sums: dict[str, int] = {}
    for order in orders:
        sums[order.currency] = sums.get(order.currency, 0) + order.cost_minor
    return (
        " + ".join(wording.money(Money(minor, currency)) for currency, minor in sorted(sums.items())) or "0"
    )


def selection_in_words(orders: Sequence[WaitingOrder], user: SignedInUser) -> str:
    """Return what is selected and its consequence, ready for Markdown."""
    ours = [order for order in orders if not order.is_own(user)]
    parts = [
        _("**{count} selected**").format(count=wording.number(len(orders))),
        points_in_words(sum(order.points for order in ours)),
        f"**{wording.plain(money_of(ours))}**",
    ]
    lacking = len(ours) - len(fundable(ours))
    if ours:
        parts.append(
            _("there is money for all")
            if not lacking
            else _("there is money for {count} of {all}").format(
                count=wording.number(len(ours) - lacking), all=wording.number(len(ours))
            )
        )
    own = len(orders) - len(ours)
    if own:
        parts.append(
            ngettext(
                "{count} is your own: somebody else decides it",
                "{count} are your own: somebody else decides them",
                own,
            ).format(count=wording.number(own))
        )
    return " · ".join(parts)


def outcomes_shown(outcomes: Sequence[OrderOutcome], *, approved: bool) -> None:
    """Draw what became of each order of one decision."""
    done = [one for one in outcomes if one.refusal is None]
    refused = [one for one in outcomes if one.refusal is not None]
    if done:
        st.success(
            (
                ngettext(
                    "{count} order approved: {numbers}.", "{count} orders approved: {numbers}.", len(done)
                )
                if approved
                else ngettext(
                    "{count} order rejected, its points are back: {numbers}.",
                    "{count} orders rejected, their points are back: {numbers}.",
                    len(done),
                )
            ).format(
                count=wording.number(len(done)),
                numbers=wording.plain(", ".join(f"R-{one.number}" for one in done)),
            ),
            icon=":material/check_circle:",
        )
    for one in refused:
        st.warning(wording.plain(one.refusal or ""), icon=":material/block:")


def place_in_file(line: LineBehind) -> str:
    """Return file, sheet and row in one line: “july.xlsx › Sheet1 › row 812”."""
    parts = [line.file_name or _("a file that you don't see")]
    if line.sheet:
        parts.append(line.sheet)
    parts.append(_("row {row}").format(row=line.row_no))
    return " › ".join(parts)


def lines_table(lines: Sequence[LineBehind]) -> dict[str, list[Any]]:
    """Return the sales behind an order's points as columns."""
    found: dict[str, list[Any]] = {
        _("Points"): [wording.signed(line.points) for line in lines],
        _("Invoice"): [
            f"{line.invoice_no} · {line.line_no}" if line.line_no else line.invoice_no for line in lines
        ],
        _("File"): [place_in_file(line) for line in lines],
        _("Sold"): [wording.day(line.sold_on) for line in lines],
        _("Product"): [line.product_name for line in lines],
        _("Amount"): [wording.money(Money(line.amount_minor, line.currency)) for line in lines],
        _("Rule"): [line.rule_id for line in lines],
    }
    if any(line.claim_number is not None for line in lines):
        found[_("Claim")] = ["" if line.claim_number is None else str(line.claim_number) for line in lines]
    return found


def _history_in_words(orders: int, rejected: int) -> str:
    if not orders:
        return _("no order before this one")
    return ngettext(
        "{count} order before, {rejected} rejected", "{count} orders before, {rejected} rejected", orders
    ).format(count=wording.number(orders), rejected=wording.number(rejected))


def show_record(user: SignedInUser, order: Order | WaitingOrder) -> None:
    """Draw one order: who, what, which money; what happened to it; and the sales behind its points."""
    database = current_database()
    with database.snapshot(user.scope) as connection:
        lines = rewards.lines_behind(connection, order.id, limit=LINES_SHOWN)
        happened = rewards.events(connection, order.id)
    left, right = st.columns(2)
    with left, card(f"{order_no(order)} · {wording.plain(order.reward_name)}", fills=True):
        with st.container(horizontal=True, gap="small"):
            state_badge(order)
            if isinstance(order, WaitingOrder):
                for words, colour in checks(order, user):
                    badge(words, colour)
        figure_row(
            [
                Figure(_("Points"), wording.short_number(order.points)),
                Figure(_("Cost"), wording.short_money(cost_of(order))),
            ]
        )
        if isinstance(order, WaitingOrder) and order.budget_after_minor is not None:
            after, before = (
                wording.short_money(Money(minor or 0, order.currency))
                for minor in (order.budget_after_minor, order.budget_before_minor)
            )
            is_short = order.budget_after_minor < 0
            figure_row(
                [
                    Figure(
                        _("Budget after"),
                        after,
                        _("{sign}from {before}").format(sign="- " if is_short else "", before=before),
                        delta_color="normal" if is_short else "off",
                        help=_(
                            "What the budget still holds when this order is approved, and what without it."
                        ),
                    )
                ]
            )
        if isinstance(order, WaitingOrder) and order.is_own(user):
            st.info(
                _("You ordered this, or it is for you: somebody else of finance decides it."),
                icon=":material/block:",
            )
        facts(_who_and_what(order))
        registry.link(
            user,
            "company",
            _("Open {company}").format(company=wording.plain(order.company_name)),
            icon="storefront",
            company=order.company_code,
        )
    with right, card(_("Where the points came from"), fills=True):
        if lines:
            chosen = choose_row(
                lines_table(lines),
                key=page_key(f"lines_behind_{order.id}"),
                alt=_("Awards behind the points of the order, the largest first"),
                numbers=[_("Points"), _("Amount")],
            )
            if chosen is not None and chosen < len(lines):
                source_row.line_button(user, lines[chosen].sales_line_id, key=page_key(f"behind_{order.id}"))
            else:
                st.caption(_("Choose one to see the row of the file it came from."))
            if len(lines) == LINES_SHOWN:
                st.caption(
                    _("The {count} largest awards are shown.").format(count=wording.number(LINES_SHOWN))
                )
        else:
            st.caption(_("No sale stands behind these points: they were given by hand."))
        st.markdown(f"**{_('What happened')}**")
        st.markdown(events_in_words(happened, names_finance=True))


def _who_and_what(order: Order | WaitingOrder) -> list[tuple[str, str]]:
    pairs = [(_("Requester"), order.requested_by_name)]
    if isinstance(order, WaitingOrder):
        pairs.append(
            (
                _("Their orders"),
                _history_in_words(order.requester_orders, order.requester_rejected),
            )
        )
    pairs.append(
        (
            _("Entitled person") if order.spends_companys_points else _("Participant"),
            f"{order.participant_name} · {order.participant_code}",
        )
    )
    if isinstance(order, WaitingOrder):
        pairs.append(
            (
                _("Their claims"),
                _("{decided} decided, {rejected} rejected").format(
                    decided=wording.number(order.claims_decided),
                    rejected=wording.number(order.claims_rejected),
                ),
            )
        )
    pairs += [
        (
            _("Points of"),
            order.company_name if order.spends_companys_points else order.participant_name,
        ),
        (_("Company"), f"{order.company_name} · {order.region_name}"),
        (_("Programme"), order.programme_name),
        (_("Ordered"), wording.moment(order.ordered_at)),
    ]
    if order.decided_at is not None:
        pairs.append((_("Decided"), f"{wording.moment(order.decided_at)} · {order.decided_by_name}"))
    if order.decision_reason:
        pairs.append((_("Reason"), order.decision_reason))
    return [(name, wording.plain(value)) for name, value in pairs]


def decided_table(orders: Sequence[Order]) -> dict[str, list[Any]]:
    """Return decided orders as columns."""
    return {
        _("Order"): [order_no(order) for order in orders],
        _("Decision"): [state_title(order) for order in orders],
        _("Decided"): [wording.moment(order.decided_at) if order.decided_at else "" for order in orders],
        _("By"): [order.decided_by_name or "" for order in orders],
        _("Requester"): [order.requested_by_name for order in orders],
        _("Company"): [order.company_name for order in orders],
        _("Reward"): [order.reward_name for order in orders],
        _("Points"): [wording.number(order.points) for order in orders],
        _("Cost"): [wording.money(cost_of(order)) for order in orders],
        _("Reason"): [order.decision_reason or "" for order in orders],
    }


def workbook_header() -> list[str]:
    """Return the columns of the workbook of decisions."""
    return [
        *(_("Order"), _("Decision"), _("Decided"), _("By"), _("Reason"), _("Requester"), _("Participant")),
        *(_("Participant code"), _("Company"), _("Company code"), _("Region"), _("Programme"), _("Reward")),
        *(_("Reward code"), _("Points"), _("Cost"), _("Currency")),
    ]


def workbook_rows(orders: Sequence[Order]) -> Iterator[list[Cell]]:
    """Yield the workbook's rows."""
    for order in orders:
        yield [
            order_no(order),
            state_title(order),
            wording.moment(order.decided_at) if order.decided_at else None,
            order.decided_by_name,
            order.decision_reason,
            order.requested_by_name,
            order.participant_name,
            order.participant_code,
            order.company_name,
            order.company_code,
            order.region_name,
            order.programme_name,
            order.reward_name,
            order.reward_code,
            order.points,
            cost_of(order).decimal,
            order.currency,
        ]


def decisions_file_name(day: date) -> str:
    """Return the name of the workbook of a day's decisions."""
    return f"reward-decisions-{day}.xlsx"


def order_asked_for(user: SignedInUser, order_id: UUID) -> Order | WaitingOrder:
    """Return the order with this id; one that waits with all that finance should know.

    Raises UnknownOrderError.
    """
    with current_database().snapshot(user.scope) as connection:
        order = rewards.order_by_id(connection, user.scope, order_id)
        if not order.is_waiting:
            return order
        found = rewards.waiting_orders(connection, user.scope, limit=1, order_id=order_id)
    return found[0] if found else order
