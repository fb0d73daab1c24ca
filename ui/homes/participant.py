"""The home of a participant, on a phone: the balance, how far the next reward is, and two large buttons."""

from collections.abc import Sequence

import streamlit as st

from loyalty_core import rewards, settlement, verification
from loyalty_core.access import SignedInUser
from loyalty_core.kernel import _, current_database, ngettext, now
from loyalty_core.participants import Participant
from loyalty_core.rewards import Offer, Wallet
from loyalty_core.standings import Place
from ui import cached, elements, registry, shop, wording
from ui import claims as claim_blocks
from ui import orders as order_blocks
from ui import rewards as reward_blocks


def show(user: SignedInUser, participant: Participant | None) -> None:
    """Draw the whole page; the first screen of a phone holds all that a participant opens it for."""
    if participant is None:
        elements.page_header(_("Welcome"))
        shop.say_nobody()
        return
    database = current_database()
    _show_questions(user, participant)
    today = now().astimezone(wording.reader_time_zone()).date()
    with database.snapshot(user.scope) as connection:
        wallets = rewards.wallets(connection, user.scope, participant)
        offers = rewards.offers(connection, user.scope, participant, wallets[0], today) if wallets else []
    if wallets:
        _show_balance(user, participant, wallets[0], offers)
    else:
        elements.page_header(_("No points yet"))
        st.markdown(
            _("Points begin with a programme that {company} takes part in.").format(
                company=wording.plain(participant.company_name)
            )
        )
    if st.button(_("Claim a sale"), type="primary", icon=":material/receipt_long:", width="stretch"):
        registry.open_page("my-claims", new="yes")
    if st.button(_("Order a reward"), icon=":material/redeem:", width="stretch"):
        registry.open_page("rewards")
    _show_last_claim(user, participant)
    _show_last_order(user, participant)
    for wallet in wallets[1:]:
        _show_other_wallet(wallet)


def _show_questions(user: SignedInUser, participant: Participant) -> None:
    """Draw the question that waits longest for the participant's answer, and the way to answer it."""
    with current_database().snapshot(user.scope) as connection:
        asked = verification.claims_asked(connection, participant.id)
        claims = verification.claims_asked_of(connection, participant.id, limit=1)
        questions = verification.open_questions(connection, [claim.number for claim in claims])
    if not claims:
        return
    with st.container(border=True, gap="small"):
        st.markdown(
            ":material/help: **"
            + ngettext(
                "{count} claim waits for your answer.", "{count} claims wait for your answer.", asked
            ).format(count=wording.number(asked))
            + "**  \n"
            + _("{number}: {question}").format(
                number=wording.plain(claims[0].claim_no),
                question=wording.plain_lines(questions[claims[0].number].words),
            )
        )
        if st.button(_("Answer"), type="primary", icon=":material/reply:", width="stretch"):
            registry.open_page("my-claims")


def _show_balance(
    user: SignedInUser, participant: Participant, wallet: Wallet, offers: Sequence[Offer]
) -> None:
    with st.container(border=True, gap="small"):
        st.caption(
            _("{company} · as of {moment}").format(
                company=wording.plain(participant.company_name), moment=wording.moment(now())
            )
        )
        st.title(reward_blocks.points_in_words(wallet.balance), anchor=False)
        parts = [_("{points} on hold").format(points=wording.number(wallet.on_hold))]
        place = (
            cached.place_of_account(cached.facts_version(), user.scope, wallet.account_id)
            if wallet.account_id is not None
            else None
        )
        if place is not None:
            parts.append(place_in_words(place))
        st.markdown(" · ".join(parts))
        _show_next_reward(wallet, offers)


def place_in_words(place: Place) -> str:
    """Return the rank, ready for Markdown: “rank **3** of 48 in Java”."""
    words = (
        _("rank **{rank}** of {among}")
        if place.region_name is None
        else _("rank **{rank}** of {among} in {region}")
    )
    return words.format(
        rank=wording.number(place.rank),
        among=wording.number(place.among),
        region=wording.plain(place.region_name or ""),
    )


def _show_next_reward(wallet: Wallet, offers: Sequence[Offer]) -> None:
    if not wallet.may_spend and wallet.why_not:
        st.caption(wording.plain_lines(wallet.why_not))
        return
    following = shop.nearest(offers)
    if following is not None:
        shop.progress_to(following, wallet)
    elif offers and not any(offer.missing_points for offer in offers):
        st.markdown(_("Your points buy every reward of the catalogue."))


def _show_last_claim(user: SignedInUser, participant: Participant) -> None:
    with current_database().snapshot(user.scope) as connection:
        claims = verification.claims_of_participant(connection, participant.id, limit=1)
        points = settlement.claim_points(connection, [claim.number for claim in claims])
    if not claims:
        return
    claim = claims[0]
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(
                _("**Last claim** {number}").format(number=wording.plain(claim.claim_no)), width="content"
            )
            claim_blocks.state_badge(claim.state)
        st.markdown(claim_blocks.points_in_words(claim, points.get(claim.number)))


def _show_last_order(user: SignedInUser, participant: Participant) -> None:
    with current_database().snapshot(user.scope) as connection:
        orders = rewards.orders_of_participant(connection, participant.id, limit=1)
    if not orders:
        return
    order = orders[0]
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(
                _("**Last order** {reward}").format(reward=wording.plain(order.reward_name)), width="content"
            )
            order_blocks.state_badge(order)
        st.markdown(order_blocks.what_it_means(order))
        shop.link_to_orders(user)


def _show_other_wallet(wallet: Wallet) -> None:
    with st.container(border=True, gap="small"):
        st.caption(wording.plain(wallet.programme.name))
        st.markdown(
            _("**{points}** · {on_hold} on hold").format(
                points=reward_blocks.points_in_words(wallet.balance),
                on_hold=wording.number(wallet.on_hold),
            )
        )
