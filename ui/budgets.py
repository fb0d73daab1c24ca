"""What the page of budgets shows: figures in words, the tree of regions, the burn-down, changes and movements."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import streamlit as st

from loyalty_core import analytics, budgets
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.budgets import Budget, BudgetChange, ChangeState, Figures, Movement, MovementKind
from loyalty_core.kernel import Cell, Money, Refusal, _, current_database, ngettext, to_minor
from loyalty_core.organisation import Region
from loyalty_core.programmes import Programme
from ui import charts, list_export, wording
from ui.elements import (
    Colour,
    Figure,
    badge,
    card,
    chart,
    figure_row,
    form_done,
    form_key,
    mode,
    say_after_rerun,
    separators,
)
from ui.keys import page_key

# From here on a budget that is still in its quarter is nearly used up.
NEARLY_ALL = 0.95
QUARTERS_AHEAD = 3


def quarter_title(first: date) -> str:
    """Return “Q2 2026” for the quarter that begins on the day."""
    return _("Q{quarter} {year}").format(quarter=(first.month - 1) // 3 + 1, year=first.year)


def quarters_to_choose(known: Collection[tuple[date, date]], day: date) -> list[tuple[date, date]]:
    """Return the quarter of the day, the next ones, and those with a budget: the day's first, then newest first."""
    current = budgets.quarter_of(day)
    ahead = [current]
    for _place in range(QUARTERS_AHEAD):
        ahead.append(budgets.quarter_of(ahead[-1][1] + timedelta(days=1)))
    others = (set(known) | set(ahead)) - {current}
    return [current, *sorted(others, reverse=True)]


def money(minor: int, currency: str) -> str:
    """Return the amount with its currency, in the reader's way."""
    return wording.money(Money(minor, currency))


def share_used(figures: Figures) -> float:
    """Return which part of the budget is reserved or spent, from 0 to 1; 1 where nothing is set."""
    return min(1.0, figures.used_minor / figures.set_minor) if figures.set_minor else 1.0


@dataclass(frozen=True, slots=True)
class Health:
    """How a budget stands, in words: a short state with its colour, and a sentence."""

    label: str
    colour: Colour
    icon: str
    sentence: str


def health(figures: Figures, starts_on: date, ends_on: date, currency: str, day: date) -> Health:
    """Return how a budget stands on a day: what stays at its pace, or until when the money lasts."""
    left = money(figures.available_minor, currency)
    if day > ends_on:
        return Health(
            _("over"), "gray", "event_available", _("The quarter is over; {left} stayed.").format(left=left)
        )
    if day < starts_on:
        return Health(
            _("not begun"),
            "blue",
            "schedule",
            _("Begins on {day}; {left} to use.").format(day=wording.day(starts_on), left=left),
        )
    if not figures.available_minor:
        return Health(
            _("used up"),
            "red",
            "block",
            _("Nothing is left: orders wait until there is money again, or {day}.").format(
                day=wording.day(ends_on + timedelta(days=1))
            ),
        )
    if not figures.used_minor:
        return Health(
            _("idle"), "gray", "bedtime", _("Nothing is used yet; {left} is left.").format(left=left)
        )
    outlook = budgets.outlook(figures, starts_on, ends_on, day)
    if outlook.lasts_until is None:
        sentence = _("Forecast spend by {day}: {spent} of {set}, which leaves {left}.").format(
            day=wording.day(ends_on),
            spent=money(outlook.used_at_end_minor, currency),
            set=money(figures.set_minor, currency),
            left=money(outlook.left_at_end_minor, currency),
        )
        return Health(_("as planned"), "green", "check", sentence)
    sentence = _("Forecast spend by {day}: {spent} of {set}. The money lasts until {until}.").format(
        day=wording.day(ends_on),
        spent=money(outlook.used_at_end_minor, currency),
        set=money(figures.set_minor, currency),
        until=wording.day(outlook.lasts_until),
    )
    if share_used(figures) >= NEARLY_ALL:
        return Health(_("nearly used up"), "red", "warning", sentence)
    return Health(_("runs out early"), "orange", "trending_down", sentence)


def health_of(budget: Budget, day: date) -> Health:
    """Return how the budget stands on a day."""
    return health(budget.figures, budget.starts_on, budget.ends_on, budget.currency, day)


def sum_of(found: Collection[Budget]) -> Figures:
    """Return the figures of budgets of one currency together."""
    return Figures(
        sum(one.set_minor for one in found),
        sum(one.reserved_minor for one in found),
        sum(one.spent_minor for one in found),
    )


def show_figures(figures: Figures, currency: str, *, detail: str | None = None) -> None:
    """Draw what is set, reserved, spent and available; `detail` stands under what is available."""

    def short(minor: int) -> str:
        return wording.short_money(Money(minor, currency))

    def part(minor: int) -> str | None:
        return wording.percent(minor / figures.set_minor) if figures.set_minor else None

    figure_row(
        [
            Figure(_("Budget"), short(figures.set_minor), help=_("Approved by a second person.")),
            Figure(
                _("Reserved"),
                short(figures.reserved_minor),
                part(figures.reserved_minor),
                help=_("Held by orders that wait for finance."),
                delta_color="off",
            ),
            Figure(
                _("Spent"),
                short(figures.spent_minor),
                part(figures.spent_minor),
                help=_("By orders that finance approved."),
                delta_color="off",
            ),
            Figure(
                _("Available"),
                short(figures.available_minor),
                detail or part(figures.available_minor),
                help=_("What new orders can still reserve."),
                delta_color="off",
            ),
        ]
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A region in the tree: the names above it, its own budget if it has one, and all budgets from it down."""

    region: Region
    above: tuple[str, ...]
    budget: Budget | None
    with_below: tuple[Budget, ...]


def tree(regions: Sequence[Region], found: Sequence[Budget], top: UUID | None = None) -> list[Place]:
    """Return the regions that have a budget, or one below, each above those below it, by name.

    Regions without a budget of their own stay only where two or more budgets lie below. With `top`, that region
    and those below it.
    """
    below: dict[UUID | None, list[Region]] = {}
    ids = {region.id for region in regions}
    for region in regions:
        # A region whose parent is out of sight is a root of what is seen.
        below.setdefault(region.parent_id if region.parent_id in ids else None, []).append(region)
    of_region = {one.region_id: one for one in found}
    places: list[Place] = []

    def walk(region: Region, above: tuple[str, ...], inside: bool) -> tuple[Budget, ...]:
        inside = inside or region.id == top
        at = len(places)
        own = of_region.get(region.id)
        lower = [
            budget
            for child in below.get(region.id, ())
            for budget in walk(child, (*above, region.name), inside)
        ]
        every = (*([own] if own else ()), *lower)
        if inside and (own is not None or len(lower) > 1):
            places.insert(at, Place(region, above, own, every))
        return every

    for root in below.get(None, ()):
        walk(root, (), top is None)
    return places


def show_place(place: Place, day: date) -> bool:
    """Draw a region's budget with its bar; return whether the reader wants to look closer."""
    with st.container(border=True):
        names, bar, more = st.columns([4, 6, 2], vertical_alignment="center")
        with names, st.container(horizontal=True, vertical_alignment="center"):
            path = "".join(f":small[:gray[{wording.plain(name)} ›]] " for name in place.above)
            st.markdown(f"{path}**{wording.plain(place.region.name)}**", width="content")
            if place.budget is not None:
                state = health_of(place.budget, day)
                badge(state.label, state.colour, state.icon)
        with bar:
            if place.budget is not None:
                figures, currency = place.budget.figures, place.budget.currency
                st.progress(
                    share_used(figures),
                    text=_("{used} of {set} used").format(
                        used=wording.plain(money(figures.used_minor, currency)),
                        set=wording.plain(money(figures.set_minor, currency)),
                    ),
                )
                st.caption(wording.plain(health_of(place.budget, day).sentence))
            lower = len(place.with_below) - (1 if place.budget else 0)
            if lower:
                together = sum_of(place.with_below)
                currency = place.with_below[0].currency
                st.caption(
                    ngettext(
                        "With {count} budget below: {available} of {set} available.",
                        "With {count} budgets below: {available} of {set} available.",
                        lower,
                    ).format(
                        count=wording.number(lower),
                        available=wording.plain(money(together.available_minor, currency)),
                        set=wording.plain(money(together.set_minor, currency)),
                    )
                )
        if place.budget is None:
            return False
        return more.button(
            _("Details"),
            key=page_key(f"open_{place.budget.id}"),
            icon=":material/zoom_in:",
            width="stretch",
        )


def show_burn_down(user: SignedInUser, budget: Budget, *, time_zone: str | None, day: date) -> None:
    """Draw what the budget had left day by day, and where its pace leads; from the replica."""
    try:
        rows = analytics.run_query(
            user.scope, "budget_burn_down", {"budget_id": budget.id, "time_zone": time_zone or "UTC"}
        )
    except analytics.ReplicaNotReadyError:
        st.caption(_("The chart is being made ready. Reload the page in a moment."))
        return
    left: dict[date, int] = {}
    for moved_on, available in rows.select("moved_on", "available_minor").iter_rows():
        # What moved it before its quarter is where it begins.
        left[max(moved_on, budget.starts_on)] = available
    until = min(max(day, budget.starts_on), budget.ends_on)
    # The store knows the last movements before the replica does.
    left[max([until, *left])] = budget.available_minor
    digits = Money(1, budget.currency).decimal
    state = health_of(budget, day)
    pace: list[tuple[date, float, str]] = []
    outlook = budgets.outlook(budget.figures, budget.starts_on, budget.ends_on, day)
    if budget.starts_on <= day < budget.ends_on and budget.figures.used_minor and budget.available_minor:
        at = outlook.lasts_until or budget.ends_on
        pace = [
            (day, float(budget.available_minor * digits), money(budget.available_minor, budget.currency)),
            (at, float(outlook.left_at_end_minor * digits), state.sentence),
        ]
    days = sorted(left)
    with card(_("Money left")):
        chart(
            charts.burn_down(
                days,
                [float(left[one] * digits) for one in days],
                texts=[f"{wording.day(one)}: {money(left[one], budget.currency)}" for one in days],
                name=_("Available"),
                pace=pace,
                pace_name=_("At this pace"),
                first=budget.starts_on,
                last=budget.ends_on,
                ticks=_ticks(budget.starts_on, budget.ends_on),
                mode=mode(),
                separators=separators(),
            ),
            key=page_key("burn_down"),
            alt=_("{region}, {quarter}: {left} left. {outlook}").format(
                region=budget.region_name,
                quarter=quarter_title(budget.starts_on),
                left=money(budget.available_minor, budget.currency),
                outlook=state.sentence,
            ),
        )
        st.markdown(wording.plain(state.sentence))


def _ticks(first: date, last: date) -> list[tuple[date, str]]:
    months = [first.replace(month=first.month + place) for place in range(3)]
    return [(one, wording.day(one)) for one in [*months, last]]


def change_title(state: ChangeState) -> str:
    """Return a change's state in plain words."""
    return {
        ChangeState.WAITING: _("waits"),
        ChangeState.APPROVED: _("approved"),
        ChangeState.REJECTED: _("rejected"),
        ChangeState.WITHDRAWN: _("withdrawn"),
    }[state]


_LOOKS: Mapping[ChangeState, tuple[Colour, str]] = {
    ChangeState.APPROVED: ("green", "check"),
    ChangeState.REJECTED: ("red", "block"),
    ChangeState.WITHDRAWN: ("gray", "undo"),
}


def amounts_in_words(change: BudgetChange) -> str:
    """Return “from €5,000.00 to €6,000.00”, or “€5,000.00 to begin with”."""
    after = money(change.after_minor, change.currency)
    if change.before_minor is None:
        return _("{after} to begin with").format(after=after)
    return _("from {before} to {after}").format(
        before=money(change.before_minor, change.currency), after=after
    )


def show_change(change: BudgetChange) -> None:
    """Draw a change: what, who asked and why, who decided and why."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if change.state is not ChangeState.WAITING:
            colour, icon = _LOOKS[change.state]
            badge(change_title(change.state), colour, icon)
        st.markdown(
            f"**{wording.plain(change.region_name)}** · {wording.plain(change.programme_name)} ·"
            f" {quarter_title(change.starts_on)} · **{wording.plain(amounts_in_words(change))}**",
            width="content",
        )
    asked = _("{name} asked {ago}: “{reason}”").format(
        name=wording.plain(change.asked_by_name),
        ago=wording.plain(wording.ago(change.asked_at)),
        reason=wording.plain(change.reason),
    )
    if change.decided_at is None:
        st.markdown(asked)
        return
    decided = {
        ChangeState.APPROVED: _("{name} approved it on {moment}"),
        ChangeState.REJECTED: _("{name} rejected it on {moment}"),
        ChangeState.WITHDRAWN: _("{name} withdrew it on {moment}"),
    }[change.state].format(
        name=wording.plain(change.decided_by_name or ""),
        moment=wording.plain(wording.moment(change.decided_at)),
    )
    reason = f": “{wording.plain(change.decision_reason)}”" if change.decision_reason else "."
    st.caption(f"{asked}  \n{decided}{reason}")


def show_history(history: Sequence[BudgetChange]) -> None:
    """Draw decided changes below one another."""
    with card(_("History of changes")):
        if not history:
            st.caption(_("Nothing was decided yet."))
        for change in history:
            show_change(change)


def show_waiting(user: SignedInUser, waiting: Sequence[BudgetChange]) -> None:
    """Draw the changes that wait, with what the reader may do about each."""
    if not waiting:
        return
    with card(
        ngettext("{count} change waits", "{count} changes wait", len(waiting)).format(
            count=wording.number(len(waiting))
        )
    ):
        for change in waiting:
            show_change(change)
            is_own = change.asked_by == user.id
            with st.container(horizontal=True):
                if user.may(Permission.DECIDE_BUDGETS) and not is_own:
                    if st.button(
                        _("Approve…"),
                        key=page_key(f"approve_{change.id}"),
                        type="primary",
                        icon=":material/check:",
                    ):
                        decide_dialog(user, change, approve=True)
                    if st.button(_("Reject…"), key=page_key(f"reject_{change.id}"), icon=":material/close:"):
                        decide_dialog(user, change, approve=False)
                if is_own and user.may(Permission.ASK_FOR_BUDGETS):
                    st.caption(_("You asked for this, so somebody else decides it."), width="content")
                    if st.button(
                        _("Withdraw"), key=page_key(f"withdraw_{change.id}"), icon=":material/undo:"
                    ):
                        _withdraw(user, change)


def _withdraw(user: SignedInUser, change: BudgetChange) -> None:
    try:
        budgets.withdraw_change(current_database(), user.scope, change.id)
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    say_after_rerun(_("The change is withdrawn; the budget stays as it is."))
    st.rerun()


@st.dialog(_("Decide a change"))
def decide_dialog(user: SignedInUser, change: BudgetChange, *, approve: bool) -> None:
    """Show once more what would be set, take a reason, and approve or reject it."""
    show_change(change)
    st.markdown(
        _("Approved, it works at once: orders can reserve the money.")
        if approve
        else _("Rejected, the budget stays as it is, and {name} reads your reason.").format(
            name=wording.plain(change.asked_by_name)
        )
    )
    with st.form(f"decide_{change.id}", border=False):
        reason = st.text_input(
            _("Reason") if not approve else _("Remark, if there is one"), max_chars=1000, autocomplete="off"
        )
        label = _("Approve") if approve else _("Reject")
        if not st.form_submit_button(
            label, type="primary", icon=":material/check:" if approve else ":material/close:"
        ):
            return
    try:
        budgets.decide_change(
            current_database(),
            user.scope,
            change.id,
            payload_hash=change.payload_hash,
            approve=approve,
            reason=reason,
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    region, amount = (
        wording.plain(change.region_name),
        wording.plain(money(change.after_minor, change.currency)),
    )
    say_after_rerun(
        _("The budget of {region} is {amount} now.").format(region=region, amount=amount)
        if approve
        else _("The change for {region} is rejected.").format(region=region)
    )
    st.rerun()


@st.dialog(_("Ask for a budget"))
def ask_dialog(
    user: SignedInUser,
    programme: Programme,
    labels: Mapping[UUID, str],
    quarters: Sequence[tuple[date, date]],
    *,
    region_id: UUID | None,
    quarter: tuple[date, date],
    set_minor: int | None,
) -> None:
    """Take region, quarter, amount and reason, and ask; a second person decides."""
    form = "ask_for_budget"
    key = form_key(form)
    with st.form(form, border=False):
        st.caption(wording.plain(programme.name))
        regions = list(labels)
        at_first = regions.index(region_id) if region_id is not None and region_id in labels else 0
        region: UUID = st.selectbox(_("Region"), regions, index=at_first, format_func=lambda one: labels[one])
        chosen = st.selectbox(
            _("Quarter"),
            list(quarters),
            index=list(quarters).index(quarter),
            format_func=lambda one: quarter_title(one[0]),
        )
        amount = st.number_input(
            _("Set it to ({currency})").format(currency=programme.currency),
            min_value=0,
            max_value=10**12,
            value=int(Money(set_minor, programme.currency).decimal) if set_minor is not None else 0,
            step=100,
            help=_("The whole amount for the quarter, what is reserved and spent included."),
        )
        reason = st.text_area(_("Reason"), max_chars=1000, height=90)
        st.caption(_("A second person decides. Until then the budget stays as it is."))
        if not st.form_submit_button(_("Ask"), type="primary", icon=":material/send:"):
            return
    try:
        budgets.ask_for_budget(
            current_database(),
            user.scope,
            programme_id=programme.id,
            region_id=region,
            starts_on=chosen[0],
            amount_minor=to_minor(Decimal(amount), programme.currency),
            reason=reason or "",
            request_key=key,
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    form_done(form)
    say_after_rerun(_("Asked. It waits for a second person's decision."))
    st.rerun()


def movement_title(kind: MovementKind) -> str:
    """Return what moved a budget, in plain words."""
    return {
        MovementKind.SET: _("set"),
        MovementKind.RESERVE: _("reserved"),
        MovementKind.SPEND: _("spent"),
        MovementKind.RELEASE: _("given back"),
    }[kind]


def exported_movements(currency: str) -> list_export.Columns[Movement]:
    """Return the columns of exported movements: what came is positive, what only changed its name has no sign."""
    signs = {MovementKind.RESERVE: -1}

    def in_money(minor: int) -> Cell:
        return Money(minor, currency).decimal

    return [
        (_("No."), lambda row: row.id),
        (_("When"), lambda row: row.recorded_at),
        (_("What"), lambda row: movement_title(row.kind)),
        (_("Amount"), lambda row: in_money(signs.get(row.kind, 1) * row.amount_minor)),
        (_("Set"), lambda row: in_money(row.after.set_minor)),
        (_("Reserved"), lambda row: in_money(row.after.reserved_minor)),
        (_("Spent"), lambda row: in_money(row.after.spent_minor)),
        (_("Available after"), lambda row: in_money(row.after.available_minor)),
        (_("Currency"), lambda _row: currency),
        (_("By"), lambda row: row.moved_by_name),
    ]


def movement_table(rows: Sequence[Movement], currency: str) -> dict[str, list[Any]]:
    """Return movements as columns; what came has a plus, what went a minus, what only changed its name neither."""
    signs = {MovementKind.RESERVE: "−", MovementKind.RELEASE: "+", MovementKind.SPEND: ""}

    def amount(row: Movement) -> str:
        if row.kind is MovementKind.SET:
            sign = "+" if row.amount_minor >= 0 else "−"
            return f"{sign}{money(abs(row.amount_minor), currency)}"
        return f"{signs[row.kind]}{money(row.amount_minor, currency)}"

    return {
        _("When"): [wording.moment(row.recorded_at) for row in rows],
        _("What"): [movement_title(row.kind) for row in rows],
        _("Amount"): [amount(row) for row in rows],
        _("Available after"): [money(row.after.available_minor, currency) for row in rows],
        _("By"): [row.moved_by_name for row in rows],
    }
