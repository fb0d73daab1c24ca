"""My orders: what became of each, in plain words, and what can still be taken back."""

import streamlit as st

from loyalty_core import rewards
from loyalty_core.access import Permission
from loyalty_core.kernel import Refusal, _, current_database
from loyalty_core.rewards import Order
from ui import elements, registry, shop, wording
from ui import orders as blocks
from ui import rewards as reward_blocks
from ui.identity import require
from ui.keys import page_key

user = require(Permission.USE_PORTAL)
database = current_database()
ORDERS_A_PAGE = 20

elements.page_header(_("My orders"), _("What became of each, and what comes next."))
elements.show_said()


@st.dialog(_("Cancel an order"))
def cancel(order: Order) -> None:
    """Ask once more, then cancel the order."""
    st.markdown(
        _("**{reward}** is not ordered any more, and all {points} come back at once.").format(
            reward=wording.plain(order.reward_name), points=reward_blocks.points_in_words(order.points)
        )
    )
    with st.container(horizontal=True):
        is_sure = st.button(_("Cancel the order"), type="primary", icon=":material/undo:")
        if st.button(_("Keep it")):
            st.rerun()
    if not is_sure:
        return
    try:
        rewards.cancel_order(database, user.scope, order.id)
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.say_after_rerun(
        _("Order {number} is cancelled, and its points are back.").format(
            number=wording.plain(blocks.order_no(order))
        )
    )
    st.rerun()


def draw(order: Order) -> None:
    """Draw one order: what it is, what it means, what happened, and the way back while it waits."""
    with st.container(border=True, gap="small"):
        picture, words = st.columns([1, 3], wrap=False, vertical_alignment="center")
        with picture:
            reward_blocks.draw_picture(order.picture_id, order.reward_name, order.reward_kind)
        with words:
            st.markdown(
                f"**{wording.plain(order.reward_name)}**  \n"
                f"{reward_blocks.points_in_words(order.points)} · {wording.plain(blocks.order_no(order))}"
            )
            blocks.state_badge(order)
        st.markdown(blocks.what_it_means(order))
        if order.requested_by != user.id:
            st.caption(_("Ordered for you by {name}.").format(name=wording.plain(order.requested_by_name)))
        with st.expander(_("What happened")):
            with database.snapshot(user.scope) as connection:
                happened = rewards.events(connection, order.id)
            st.markdown(blocks.events_in_words(happened, names_finance=False))
        if order.is_waiting and st.button(
            _("Cancel…"), key=page_key(f"cancel_{order.id}"), icon=":material/undo:", width="stretch"
        ):
            cancel(order)


participant = shop.own_participant(user)
if participant is None:
    shop.say_nobody()
    st.stop()
with database.snapshot(user.scope) as connection:
    total = rewards.count_orders_of_participant(connection, participant.id)
if not total:
    elements.empty_state(
        "redeem",
        _("No order yet"),
        _("Choose a reward that your points buy; here you see what becomes of it."),
        lambda: registry.link(user, "rewards", _("To the rewards"), icon="redeem"),
    )
    st.stop()
body, offset = elements.paged(total, key=page_key("page"), size=ORDERS_A_PAGE, is_grid=False)
with database.snapshot(user.scope) as connection:
    found = rewards.orders_of_participant(connection, participant.id, limit=ORDERS_A_PAGE, offset=offset)
with body:
    for one in found:
        draw(one)
