"""Budgets: what is set aside, held and spent per programme, region and quarter, and how long it lasts."""

import streamlit as st

from loyalty_core import budgets, programmes
from loyalty_core.access import Permission
from loyalty_core.kernel import Refusal, _, current_database, ngettext
from loyalty_core.organisation import all_regions
from ui import budgets as blocks
from ui import elements, list_export, registry, wording
from ui import programmes as programme_blocks
from ui import standings as standings_blocks
from ui.identity import require
from ui.keys import page_key

user = require(Permission.SEE_BUDGETS)
database = current_database()
may_ask = user.may(Permission.ASK_FOR_BUDGETS)
today = wording.today()
MOST_CHANGES = 50
LATEST_CHANGES = 10
MOVEMENTS_A_PAGE = 20

with database.snapshot(user.scope) as connection:
    known = programmes.list_programmes(connection, user.scope)
    regions = all_regions(connection)
    quarters = blocks.quarters_to_choose(budgets.quarters(connection, user.scope), today)
    with_budgets = {one.programme_id for one in budgets.budgets_of_period(connection, user.scope, on=today)}
# The one shown at first has something to show.
known.sort(key=lambda one: one.id not in with_budgets)
region_labels = standings_blocks.region_labels(regions)
labels = {region.id: region_labels[region.code] for region in regions}
elements.show_said()


def show_budget(budget: budgets.Budget) -> None:
    """Draw one budget: figures, burn-down, what waits, movements down to the order, history."""
    (programme,) = (one for one in known if one.id == budget.programme_id)
    quarter = (budget.starts_on, budget.ends_on)
    with database.snapshot(user.scope) as connection:
        changes = budgets.changes(
            connection,
            user.scope,
            programme_id=budget.programme_id,
            region_ids=[budget.region_id],
            starts_on=budget.starts_on,
            limit=MOST_CHANGES,
        )
        moved = budgets.count_movements(connection, budget.id)
    elements.page_header(
        f"{wording.plain(budget.region_name)} · {blocks.quarter_title(budget.starts_on)}",
        f"{wording.plain(budget.programme_name)} · {wording.day(budget.starts_on)} –"
        f" {wording.day(budget.ends_on)}",
    )
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        registry.link(
            user,
            "budgets",
            _("All budgets"),
            icon="arrow_back",
            programme=programme_blocks.programme_label(programme, known) if len(known) > 1 else "",
            quarter=blocks.quarter_title(budget.starts_on),
        )
        if may_ask and st.button(_("Ask for another amount…"), icon=":material/edit:"):
            blocks.ask_dialog(
                user,
                programme,
                labels,
                [quarter],
                region_id=budget.region_id,
                quarter=quarter,
                set_minor=budget.set_minor,
            )
    blocks.show_figures(budget.figures, budget.currency)
    blocks.show_waiting(user, [one for one in changes if one.decided_at is None])
    blocks.show_burn_down(user, budget, time_zone=programme.time_zone, day=today)
    with elements.card(_("Movements")):
        rows_at, offset = elements.paged(moved, key=page_key("page"), size=MOVEMENTS_A_PAGE)
        with database.snapshot(user.scope) as connection:
            rows = budgets.movements(connection, budget.id, limit=MOVEMENTS_A_PAGE, offset=offset)
        with rows_at:
            chosen = elements.choose_row(
                blocks.movement_table(rows, budget.currency),
                key=page_key("movements"),
                alt=_("What moved the budget, the last first"),
                numbers=[_("Amount"), _("Available after")],
            )
            st.caption(_("Choose a movement to see the order or the change behind it."))
        list_export.offer(
            user,
            f"budget-{programme.code}-{budget.starts_on}",
            moved,
            blocks.exported_movements(budget.currency),
            list_export.from_database(
                user,
                lambda connection, limit, offset: budgets.movements(
                    connection, budget.id, limit=limit, offset=offset
                ),
            ),
        )
    if chosen is not None and chosen < len(rows):
        row = rows[chosen]
        if row.order_id is None:
            behind = [one for one in changes if one.id == row.change_id]
            for change in behind:
                with elements.card(_("The change behind this")):
                    blocks.show_change(change)
        elif any(page.key == "orders" for page in registry.pages()):
            registry.link(user, "orders", _("To the order"), icon="redeem", order=str(row.order_id))
    blocks.show_history([one for one in changes if one.decided_at is not None])


def show_all() -> None:
    """Draw the budgets of a programme and quarter as a tree, what waits, and what was decided."""
    header = st.container()
    programme_at, quarter_at, region_at = st.columns(3, vertical_alignment="bottom")
    programme = known[0]
    if len(known) > 1:
        programme = elements.choose_travelling(
            _("Programme"),
            known,
            format_func=lambda one: programme_blocks.programme_label(one, known),
            name="programme",
            at=programme_at,
        )
    quarter = quarter_at.selectbox(
        _("Quarter"),
        quarters,
        format_func=lambda one: blocks.quarter_title(one[0]),
        key=page_key("quarter"),
        bind="query-params",
    )
    by_code = {region.code: region for region in regions}
    code = elements.choose_travelling(
        _("Region"),
        ["", *by_code],
        format_func=lambda one: region_labels.get(one, _("All regions")),
        name="region",
        at=region_at,
    )
    top = by_code[code].id if code else None
    inside = standings_blocks.region_ids_below(regions, top) if top else None
    with database.snapshot(user.scope) as connection:
        found = budgets.budgets_of_period(connection, user.scope, on=quarter[0], programme_id=programme.id)
        waiting = budgets.changes(
            connection, user.scope, waiting_only=True, region_ids=inside, limit=MOST_CHANGES
        )
        history = [
            one
            for one in budgets.changes(
                connection,
                user.scope,
                programme_id=programme.id,
                region_ids=inside,
                starts_on=quarter[0],
                limit=MOST_CHANGES,
            )
            if one.decided_at is not None
        ]
    if inside is not None:
        found = [one for one in found if one.region_id in inside]
    days_left = (quarter[1] - today).days
    with header:
        context = f"{wording.plain(programme.name)} · {wording.day(quarter[0])} – {wording.day(quarter[1])}"
        if quarter[0] <= today <= quarter[1]:
            context += " · " + ngettext("{count} day to go", "{count} days to go", days_left).format(
                count=wording.number(days_left)
            )
        elements.page_header(_("Budgets"), context)

    blocks.show_waiting(user, waiting)
    if found:
        blocks.show_figures(blocks.sum_of(found), programme.currency)

    def ask() -> None:
        if may_ask and st.button(_("Ask for a budget…"), type="primary", icon=":material/add:"):
            held = next((one for one in found if one.region_id == top), None)
            blocks.ask_dialog(
                user,
                programme,
                labels,
                [one for one in quarters if one[1] >= today],
                region_id=top,
                quarter=quarter if quarter[1] >= today else budgets.quarter_of(today),
                set_minor=held.set_minor if held else None,
            )

    if not found:
        elements.empty_state(
            "savings",
            _("No budget in this quarter"),
            _("Ask for the first one; it holds as soon as a second person has approved it.")
            if may_ask
            else _("Budgets appear here as soon as they are asked for and approved."),
            ask if labels else None,
        )
    else:
        ask()
        for place in blocks.tree(regions, found, top):
            if blocks.show_place(place, today) and place.budget is not None:
                registry.open_page("budgets", budget=str(place.budget.id))
    if history:
        blocks.show_history(history[:LATEST_CHANGES])


if not known:
    elements.page_header(_("Budgets"), _("Money set aside for rewards, and how long it lasts."))
    elements.empty_state(
        "savings",
        _("No programme yet"),
        _("Budgets belong to a programme. They begin when one is applied."),
        lambda: registry.link(user, "programmes", _("To the programmes"), icon="workspace_premium"),
    )
    st.stop()

budget_id = elements.query_id("budget")
if budget_id is None:
    show_all()
else:
    try:
        with database.snapshot(user.scope) as connection:
            chosen_budget = budgets.budget_by_id(connection, user.scope, budget_id)
    except Refusal as refusal:
        elements.page_header(_("Budgets"))
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        registry.link(user, "budgets", _("All budgets"), icon="arrow_back")
        st.stop()
    show_budget(chosen_budget)
