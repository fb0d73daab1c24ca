"""Where points are spent: the balance, the rewards that it buys, the dialog that orders one.

The participant sees it on a phone; a salesperson sees the same when ordering for one.
"""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

import streamlit as st

from loyalty_core import participants, rewards
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.kernel import NotFoundError, Refusal, _, current_database, now
from loyalty_core.participants import Participant, ParticipantState
from loyalty_core.rewards import Offer, Wallet
from ui import elements, registry, wording
from ui import programmes as programme_blocks
from ui import rewards as reward_blocks
from ui.keys import page_key


def choose_wallet(wallets: Sequence[Wallet]) -> Wallet:
    """Return the wallet to look at; with several, the reader chooses by programme."""
    if len(wallets) == 1:
        return wallets[0]
    known = [wallet.programme for wallet in wallets]
    chosen = elements.choose_travelling(
        _("Programme"),
        known,
        format_func=lambda one: programme_blocks.programme_label(one, known),
        name="programme",
    )
    return wallets[known.index(chosen)]


def progress_to(offer: Offer, wallet: Wallet) -> None:
    """Draw how far the balance goes towards a reward: a line in words and a bar."""
    st.markdown(
        _("**{missing} to go** for *{reward}*").format(
            missing=wording.number(offer.missing_points), reward=wording.plain(offer.reward.name)
        )
    )
    st.progress(min(max(wallet.balance, 0) / offer.reward.points, 1.0))


def nearest(offers: Sequence[Offer]) -> Offer | None:
    """Return the reward in stock that the least points are missing for; None where none is missing any."""
    missing = [offer for offer in offers if offer.missing_points > 0 and offer.reward.stock != 0]
    return min(missing, key=lambda offer: (offer.missing_points, offer.reward.name), default=None)


def draw_balance(participant: Participant, wallet: Wallet) -> None:
    """Draw what can be spent, what is held by orders, and whose it is."""
    with st.container(border=True, gap="small"):
        whose = (
            _("Points of {company}").format(company=wording.plain(participant.company_name))
            if wallet.is_companys
            else _("Points of {name}").format(name=wording.plain(participant.display_name))
        )
        st.metric(
            f"{whose} · {wording.plain(wallet.programme.name)}",
            reward_blocks.points_in_words(wallet.balance),
        )
        if wallet.on_hold:
            st.markdown(
                _("{points} on hold for orders that are not decided yet").format(
                    points=wording.number(wallet.on_hold)
                )
            )
        if not wallet.may_spend and wallet.why_not:
            st.info(wording.plain_lines(wallet.why_not), icon=":material/info:")


def _form(participant: Participant, reward_id: UUID) -> str:
    return f"order_{participant.id}_{reward_id}"


def _no_money(form: str) -> str:
    """Return the name under which the page keeps why there was no money for an order."""
    return f"no_money_{form}"


def order_dialog(user: SignedInUser, participant: Participant, wallet: Wallet, offer: Offer) -> None:
    """Open the dialog that says what the order costs and what happens next, and places it."""
    form = _form(participant, offer.reward.id)
    open_it = st.dialog(_("Order a reward"), on_dismiss=partial(_forget_refusal, form))
    open_it(_ask_and_order)(user, participant, wallet, offer, form)


def _ask_and_order(
    user: SignedInUser, participant: Participant, wallet: Wallet, offer: Offer, form: str
) -> None:
    reward = offer.reward
    st.markdown(f"**{wording.plain(reward.name)}**")
    if reward.description:
        st.markdown(wording.plain_lines(reward.description))
    lines = [
        _("It costs **{points}**; {left} are left after it.").format(
            points=reward_blocks.points_in_words(reward.points),
            left=wording.number(wallet.balance - reward.points),
        )
    ]
    if participant.user_id != user.id:
        lines.append(
            _("You order for **{name}** of {company}.").format(
                name=wording.plain(participant.display_name),
                company=wording.plain(participant.company_name),
            )
        )
    elif wallet.is_companys:
        lines.append(
            _("These are the points of {company}.").format(company=wording.plain(participant.company_name))
        )
    st.markdown("  \n".join(lines))
    st.markdown(
        _(
            "**What happens next:** the points are held at once, and finance looks at the order. If it is"
            " rejected, all points come back. Until it is decided, it can be cancelled."
        )
    )
    actions = st.empty()
    refused = st.session_state.get(_no_money(form))
    with actions.container():
        is_pressed = _draw_actions(offer, form=form, refused=refused)
    if not is_pressed:
        return
    refused = _place(user, participant, offer, form=form, waits=refused is not None)
    if refused is not None:
        # There is no money: the choice to wait for it takes the place of the button.
        st.session_state[_no_money(form)] = refused
        with actions.container():
            _draw_actions(offer, form=form, refused=refused)


def _draw_actions(offer: Offer, *, form: str, refused: str | None) -> bool:
    """Draw the button that orders, after a refusal for want of money the one that waits for it instead."""
    if refused is not None:
        st.warning(wording.plain_lines(refused), icon=":material/hourglass_empty:")
        st.markdown(
            _(
                "Nothing is ordered yet. You can leave the order waiting for money: points and piece are held,"
                " and finance decides once there is money again."
            )
        )
    label = (
        _("Leave it waiting for money")
        if refused is not None
        else _("Order for {points}").format(points=reward_blocks.points_in_words(offer.reward.points))
    )
    with st.container(horizontal=True):
        is_pressed = st.button(
            label,
            type="primary",
            icon=":material/redeem:",
            key=page_key(f"place_{form}_{refused is not None}"),
        )
        if st.button(_("Not now"), key=page_key(f"leave_{form}_{refused is not None}")):
            _forget_refusal(form)
            st.rerun()
    return is_pressed


def _forget_refusal(form: str) -> None:
    st.session_state.pop(_no_money(form), None)


def _place(
    user: SignedInUser, participant: Participant, offer: Offer, *, form: str, waits: bool
) -> str | None:
    """Place the order and leave the dialog; return why there is no money for it, where there is none."""
    try:
        placed = rewards.place_order(
            current_database(),
            user.scope,
            participant_id=participant.id,
            reward_id=offer.reward.id,
            request_key=elements.form_key(form),
            waits_for_budget=waits,
            expected_points=offer.reward.points,
        )
    except rewards.NO_MONEY as refusal:
        return refusal.sentence
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return None
    _forget_refusal(form)
    elements.form_done(form)
    elements.say_after_rerun(
        _("Order {number} is placed: {reward}. {points} are held until finance decides.").format(
            number=wording.plain(f"R-{placed.number}"),
            reward=wording.plain(offer.reward.name),
            points=reward_blocks.points_in_words(offer.reward.points),
        )
    )
    return st.rerun()


def draw_offers(
    user: SignedInUser, participant: Participant, wallet: Wallet, offers: Sequence[Offer]
) -> None:
    """Draw the rewards as cards, those that can be ordered first, then by what is missing."""
    if not offers:
        elements.empty_state(
            "redeem",
            _("No reward to order now"),
            _("Rewards appear here as soon as they are offered. Your points stay where they are."),
        )
        return

    def draw(offer: Offer) -> None:
        reward = offer.reward
        with reward_blocks.reward_card(reward.picture_id, reward.name, reward.kind):
            st.markdown(f"**{reward_blocks.points_in_words(reward.points)}**")
            if reward.stock is not None and reward.stock <= reward_blocks.RUNS_OUT_AT:
                elements.badge(reward_blocks.stock_in_words(reward.stock), "orange", "inventory_2")
            if offer.missing_points > 0:
                st.progress(
                    min(max(wallet.balance, 0) / reward.points, 1.0),
                    text=_("{missing} to go").format(missing=wording.number(offer.missing_points)),
                )
            elif offer.why_not:
                st.caption(wording.plain_lines(offer.why_not))
            if (
                offer.is_affordable
                and wallet.may_spend
                and not offer.why_not
                and st.button(
                    _("Order…"),
                    key=page_key(f"order_button_{reward.id}"),
                    type="primary",
                    icon=":material/redeem:",
                    width="stretch",
                )
            ):
                order_dialog(user, participant, wallet, offer)

    ordered = sorted(offers, key=lambda one: (one.missing_points, one.reward.points, one.reward.name))
    body, offset = elements.paged(
        len(ordered), key=page_key("page"), size=reward_blocks.CARDS_A_PAGE, is_grid=False
    )
    with body:
        reward_blocks.in_cards(ordered[offset : offset + reward_blocks.CARDS_A_PAGE], draw)


def draw_shop(user: SignedInUser, participant: Participant) -> None:
    """Draw everything: whose points, how many, what they buy, and who may spend a company's."""
    database, today = current_database(), now().astimezone(wording.reader_time_zone()).date()
    with database.snapshot(user.scope) as connection:
        wallets = rewards.wallets(connection, user.scope, participant)
    if not wallets:
        elements.empty_state(
            "workspace_premium",
            _("No programme yet"),
            _("Points and rewards begin with a programme that {company} takes part in.").format(
                company=wording.plain(participant.company_name)
            ),
        )
        return
    wallet = choose_wallet(wallets)
    with database.snapshot(user.scope) as connection:
        offers = rewards.offers(connection, user.scope, participant, wallet, today)
    draw_balance(participant, wallet)
    if wallet.is_companys:
        draw_entitled_people(user, participant)
    draw_offers(user, participant, wallet, offers)


def draw_entitled_people(user: SignedInUser, participant: Participant) -> None:
    """Draw who may spend the company's points; who may change that can do it here."""
    database = current_database()
    with database.snapshot(user.scope) as connection:
        entitled = rewards.entitled_people(connection, participant.company_id)
        people = participants.participants_of_company(connection, participant.company_id)
        may_change = user.may(Permission.ENTITLE_PEOPLE) and rewards.may_entitle(
            connection, user.scope, participant.company_id
        )
    with st.expander(_("Who may spend these points"), icon=":material/group:", expanded=not entitled):
        if not entitled:
            st.markdown(
                _("Nobody yet. The owner of {company} or its salesperson entitles people.").format(
                    company=wording.plain(participant.company_name)
                )
            )
        for one in entitled:
            with st.container(
                horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
            ):
                st.markdown(
                    _("**{name}** · since {day}, by {by}").format(
                        name=wording.plain(one.display_name),
                        day=wording.day(one.granted_at.astimezone(wording.reader_time_zone()).date()),
                        by=wording.plain(one.granted_by_name),
                    ),
                    width="content",
                )
                if may_change and st.button(
                    _("End"), key=page_key(f"end_{one.id}"), icon=":material/person_remove:"
                ):
                    _end(user, one.id, one.display_name)
        if not may_change:
            return
        held = {one.participant_id for one in entitled}
        others = [one for one in people if one.state is ParticipantState.ACTIVE and one.id not in held]
        if not others:
            return
        by_id = {one.id: one for one in others}
        chosen = st.selectbox(
            _("Entitle somebody"),
            list(by_id),
            format_func=lambda one: by_id[one].display_name,
            index=None,
            placeholder=_("Choose a person"),
            key=page_key("entitle"),
        )
        if (
            st.button(_("Entitle"), icon=":material/person_add:", disabled=chosen is None)
            and chosen is not None
        ):
            _entitle(user, by_id[chosen])


def _end(user: SignedInUser, entitlement_id: UUID, name: str) -> None:
    try:
        rewards.end_entitlement(current_database(), user.scope, entitlement_id)
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.say_after_rerun(_("{name} can't spend these points any more.").format(name=wording.plain(name)))
    st.rerun()


def _entitle(user: SignedInUser, person: Participant) -> None:
    try:
        rewards.entitle(
            current_database(), user.scope, company_id=person.company_id, participant_id=person.id
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.say_after_rerun(
        _("{name} may spend these points now.").format(name=wording.plain(person.display_name))
    )
    st.rerun()


def own_participant(user: SignedInUser) -> Participant | None:
    """Return who the reader is as a participant, None where the sign-in belongs to none."""
    with current_database().snapshot(user.scope) as connection:
        return participants.participant_of_user(connection, user.id)


def say_nobody() -> None:
    """Say that the reader's sign-in belongs to no participant, and what to do."""
    elements.empty_state(
        "person_off",
        _("You don't take part with this sign-in"),
        _("Points belong to participants. Ask your salesperson to tie your sign-in to you as a participant."),
    )


def participant_asked_for(user: SignedInUser, code: str) -> Participant | None:
    """Return the participant with this code among those whom the reader sees, None where there is none."""
    try:
        with current_database().snapshot(user.scope) as connection:
            return participants.participant_by_code(connection, code)
    except NotFoundError:
        return None


def link_to_orders(user: SignedInUser) -> None:
    """Draw the way to the reader's own orders."""
    registry.link(user, "my-orders", _("My orders"), icon="local_shipping")
