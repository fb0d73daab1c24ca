"""Catalogue: the rewards that points buy, what each costs, how many are left and who may order them."""

import streamlit as st

from loyalty_core import programmes, rewards
from loyalty_core.access import Permission
from loyalty_core.kernel import Refusal, _, current_database, folded, ngettext
from loyalty_core.rewards import Reward, RewardState
from ui import elements, list_export, registry, wording
from ui import programmes as programme_blocks
from ui import rewards as blocks
from ui.identity import require
from ui.keys import page_key

user = require(Permission.SEE_REWARDS)
database = current_database()
may_change = user.may(Permission.MANAGE_REWARDS)

with database.snapshot(user.scope) as connection:
    known = programmes.list_programmes(connection, user.scope)
    everything = rewards.catalogue(connection, user.scope)
by_id = {programme.id: programme for programme in known}
categories = sorted({reward.category for reward in everything})

elements.page_header(
    _("Reward catalogue"), _("What points buy: what each reward costs, how many are left, who may order it.")
)
elements.show_said()


@st.dialog(_("Add a reward"), width="large")
def add_reward() -> None:
    """Ask for a new reward and store it as a draft."""
    with st.form("add_reward", border=False):
        draft = blocks.reward_fields(known, categories, None, key=page_key("new"))
        picture = blocks.picture_field(key=page_key("new"))
        if not st.form_submit_button(_("Add as a draft"), type="primary", icon=":material/add:"):
            return
    if draft is None:
        st.error(_("Name, code, category, points, cost and both days are needed."), icon=":material/block:")
        return
    try:
        draft = blocks.with_picture(user, draft, picture)
        rewards.save_reward(database, user.scope, draft, id=elements.form_key("add_reward"))
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.form_done("add_reward")
    elements.say_after_rerun(
        _("{name} is in the catalogue as a draft. Nobody can order it until you offer it.").format(
            name=wording.plain(draft.name)
        )
    )
    st.rerun()


@st.dialog(_("Change a reward"), width="large")
def change_reward(reward: Reward) -> None:
    """Ask what changes about a reward and store it; orders that are placed keep what they cost."""
    with st.form(f"change_{reward.id}", border=False):
        draft = blocks.reward_fields(known, categories, reward, key=page_key(str(reward.id)))
        picture = blocks.picture_field(key=page_key(str(reward.id)))
        st.caption(_("Orders that are placed already keep the points and the cost that they were placed at."))
        if not st.form_submit_button(_("Save"), type="primary", icon=":material/check:"):
            return
    if draft is None:
        st.error(_("Name, category, points, cost and both days are needed."), icon=":material/block:")
        return
    try:
        rewards.save_reward(
            database, user.scope, blocks.with_picture(user, draft, picture), reward_id=reward.id
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.say_after_rerun(_("{name} is changed.").format(name=wording.plain(draft.name)))
    st.rerun()


@st.dialog(_("Set the stock"))
def set_stock(reward: Reward) -> None:
    """Ask how many pieces there are and store it."""
    st.markdown(
        _("**{name}** · now {left}").format(
            name=wording.plain(reward.name), left=wording.plain(blocks.stock_in_words(reward.stock))
        )
    )
    with st.form(f"stock_{reward.id}", border=False):
        is_limited = st.toggle(_("Only so many pieces"), value=reward.stock is not None)
        pieces = st.number_input(
            _("Pieces that can still be ordered"), min_value=0, value=reward.stock or 0, step=1
        )
        st.caption(_("Pieces that orders hold are not among them; they come back when an order is rejected."))
        if not st.form_submit_button(_("Set"), type="primary", icon=":material/inventory:"):
            return
    try:
        rewards.set_stock(database, user.scope, reward.id, pieces if is_limited else None)
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.say_after_rerun(
        _("{name}: {left}.").format(
            name=wording.plain(reward.name),
            left=wording.plain(blocks.stock_in_words(pieces if is_limited else None)),
        )
    )
    st.rerun()


def move(reward: Reward, state: RewardState) -> None:
    """Offer the reward or take it from the catalogue of participants, and say so."""
    try:
        rewards.move_reward(database, user.scope, reward.id, state)
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.say_after_rerun(
        (
            _("{name} can be ordered now.")
            if state is RewardState.OFFERED
            else _("{name} can't be ordered any more. Orders that are placed go on.")
        ).format(name=wording.plain(reward.name))
    )
    st.rerun()


def draw(reward: Reward) -> None:
    """Draw one reward with what can be done about it."""
    with blocks.reward_card(reward.picture_id, reward.name, reward.kind):
        blocks.reward_state_badge(reward.state)
        st.markdown("  \n".join(blocks.catalogue_facts(reward)))
        if len(known) > 1:
            st.caption(wording.plain(programme_blocks.programme_label(by_id[reward.programme_id], known)))
        if not may_change:
            return
        with st.container(horizontal=True, gap="xsmall"):
            if st.button(_("Change…"), key=page_key(f"change_button_{reward.id}")):
                change_reward(reward)
            if st.button(_("Stock…"), key=page_key(f"stock_button_{reward.id}")):
                set_stock(reward)
            if reward.state is RewardState.OFFERED:
                if st.button(_("Withdraw"), key=page_key(f"move_{reward.id}")):
                    move(reward, RewardState.WITHDRAWN)
            elif st.button(_("Offer"), key=page_key(f"move_{reward.id}"), type="primary"):
                move(reward, RewardState.OFFERED)


if not known:
    elements.empty_state(
        "workspace_premium",
        _("No programme yet"),
        _("A reward belongs to a programme: its points buy it. The first programme comes before it."),
        lambda: registry.link(user, "programmes", _("To the programmes"), icon="workspace_premium"),
    )
    st.stop()
if may_change and st.button(_("Add a reward…"), type="primary", icon=":material/add:"):
    add_reward()
if not everything:
    elements.empty_state(
        "redeem",
        _("No reward yet"),
        _("Add the first one with its picture, points and cost; offer it when it is ready to be ordered.")
        if may_change
        else _("Marketing adds the rewards that points can buy."),
    )
    st.stop()

programme_at, category_at, state_at, words_at = st.columns(4, vertical_alignment="bottom")
programme = elements.choose_travelling(
    _("Programme"),
    [None, *known],
    format_func=lambda one: (
        programme_blocks.programme_label(one, known) if one is not None else _("All programmes")
    ),
    name="programme",
    at=programme_at,
)
category = category_at.selectbox(
    _("Category"),
    ["", *categories],
    format_func=lambda one: one or _("All categories"),
    key=page_key("category"),
    bind="query-params",
)
state = state_at.selectbox(
    _("State"),
    ["", *(one.value for one in RewardState)],
    format_func=lambda one: blocks.reward_state_title(RewardState(one)) if one else _("All states"),
    key=page_key("state"),
    bind="query-params",
)
words = folded(
    words_at.text_input(
        _("Find"), key=page_key("words"), bind="query-params", placeholder=_("name or code"), type="search"
    )
    or ""
)
found = [
    reward
    for reward in everything
    if (programme is None or reward.programme_id == programme.id)
    and (not category or reward.category == category)
    and (not state or reward.state == state)
    and words in folded(f"{reward.code} {reward.name}")
]
if not found:
    elements.empty_state("search_off", _("No reward matches"), _("Take a filter away to see more."))
    st.stop()
running_out = sum(
    reward.stock is not None and reward.stock <= blocks.RUNS_OUT_AT and reward.state is RewardState.OFFERED
    for reward in found
)
st.caption(
    " · ".join(
        [
            ngettext("{count} reward", "{count} rewards", len(found)).format(
                count=wording.number(len(found))
            ),
            *(
                [
                    ngettext("{count} runs out", "{count} run out", running_out).format(
                        count=wording.number(running_out)
                    )
                ]
                if running_out
                else []
            ),
        ]
    )
)
sort = elements.choose_sort(blocks.sort_titles(), default=_("Offered first"))
found = blocks.in_order(found, sort)
body, offset = elements.paged(len(found), key=page_key("page"), size=blocks.CARDS_A_PAGE, is_grid=False)
with body:
    blocks.in_cards(found[offset : offset + blocks.CARDS_A_PAGE], draw)
list_export.offer(user, "rewards", len(found), blocks.exported(), list_export.from_memory(found))
