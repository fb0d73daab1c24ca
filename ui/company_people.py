"""The people of a company on its page: who takes part, who may not for now, and who is responsible for it."""

from uuid import UUID

import streamlit as st

from loyalty_core import access, participants
from loyalty_core.access import Permission, Role, SignedInUser, UserState
from loyalty_core.kernel import Refusal, _, current_database
from loyalty_core.organisation import Company
from loyalty_core.participants import Participant, ParticipantState
from ui import elements, registry, wording
from ui.keys import page_key
from ui.registrations import contact_control, group_title, participant_state_badge


def show_people(user: SignedInUser, company: Company) -> None:
    """Draw a card for each person of the company, with what the reader may do about them."""
    with current_database().snapshot(user.scope) as connection:
        people = participants.participants_of_company(connection, company.id)
    if not people:
        elements.empty_state(
            "group",
            _("Nobody of this company takes part yet"),
            _("People are registered, and take part once somebody else has approved them."),
            (lambda: registry.link(user, "registrations", _("Register a person"), icon="person_add"))
            if registry.allows(user, "registrations")
            else None,
        )
        return
    may_order = user.may(Permission.ORDER_FOR_OTHERS) and company.salesperson_id == user.id
    for person in people:
        _show_person(user, person, may_order=may_order)


def _show_person(user: SignedInUser, person: Participant, *, may_order: bool) -> None:
    label, colour, icon = participant_state_badge(person.state)
    with elements.card():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{wording.plain(person.display_name)}**", width="content")
            elements.badge(label, colour, icon)
            if person.is_owner:
                elements.badge(_("owner"), "blue", "key")
        st.caption(
            wording.plain(
                " · ".join(
                    [
                        person.code,
                        group_title(person.group),
                        _("signs in") if person.user_id else _("does not sign in"),
                    ]
                )
            )
        )
        if person.decision_reason:
            st.markdown(wording.plain(person.decision_reason))
        with st.container(horizontal=True):
            contact_control(user, person)
            if may_order and person.state is ParticipantState.ACTIVE:
                registry.link(
                    user, "order-for", _("Order for them"), icon="shopping_bag", participant=person.code
                )
            if user.may(Permission.DECIDE_REGISTRATIONS):
                _state_controls(user, person)
            if (
                user.may(Permission.MANAGE_USERS)
                and person.user_id is None
                and person.state is not ParticipantState.REJECTED
                and st.button(
                    _("Let them sign in…"), key=page_key(f"link_{person.id}"), icon=":material/login:"
                )
            ):
                link_dialog(user, person)


def _state_controls(user: SignedInUser, person: Participant) -> None:
    if person.state is ParticipantState.ACTIVE and st.button(
        _("Suspend…"), key=page_key(f"suspend_{person.id}"), icon=":material/pause:"
    ):
        state_dialog(user, person)
    if person.state is ParticipantState.SUSPENDED and st.button(
        _("Lift the suspension…"), key=page_key(f"reinstate_{person.id}"), icon=":material/play_arrow:"
    ):
        state_dialog(user, person)
    if person.state is ParticipantState.WAITING:
        registry.link(user, "registrations", _("Approve or reject"), icon="how_to_reg")


@st.dialog(_("Suspend or let take part"))
def state_dialog(user: SignedInUser, person: Participant) -> None:
    """Ask for a reason, then suspend the person or lift the suspension."""
    suspends = person.state is ParticipantState.ACTIVE
    st.markdown(
        (
            _("{name} can neither claim nor order until this is lifted. Points stay.")
            if suspends
            else _("{name} can claim and order again.")
        ).format(name=wording.plain(person.display_name))
    )
    with st.form("participant_state", border=False):
        reason = st.text_area(
            _("Reason") if suspends else _("Note (may stay empty)"),
            max_chars=participants.MAX_REASON_LENGTH,
            height=100,
        )
        sent = st.form_submit_button(_("Suspend") if suspends else _("Lift the suspension"), type="primary")
    if not sent:
        return
    try:
        if suspends:
            participants.suspend(
                current_database(),
                user.scope,
                person.id,
                payload_hash=person.payload_hash,
                reason=reason or "",
            )
        else:
            participants.reinstate(
                current_database(), user.scope, person.id, payload_hash=person.payload_hash, reason=reason
            )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.say_after_rerun(
        (_("{name} is suspended.") if suspends else _("{name} takes part again.")).format(
            name=wording.plain(person.display_name)
        )
    )
    st.rerun()


@st.dialog(_("Let a participant sign in"))
def link_dialog(user: SignedInUser, person: Participant) -> None:
    """Ask which user signs in as the person, and link them."""
    try:
        users = {
            one.id: f"{one.display_name} ({one.name})"
            for one in access.list_users(current_database(), user.scope)
            if Role.PARTICIPANT in one.roles and one.state is UserState.ACTIVE and one.id != user.id
        }
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    if not users:
        st.info(
            _("No user has the role of a participant yet. Add one on the page of users first."),
            icon=":material/group:",
        )
        return
    with st.form("link_user", border=False):
        chosen: UUID | None = st.selectbox(
            _("User"), list(users), index=None, format_func=users.__getitem__, placeholder=_("Choose one")
        )
        st.caption(
            _("Whoever signs in as {name} claims, and spends the points, in that name.").format(
                name=wording.plain(person.display_name)
            )
        )
        sent = st.form_submit_button(_("Let them sign in"), type="primary", icon=":material/login:")
    if not sent or chosen is None:
        return
    try:
        participants.link_user(current_database(), user.scope, person.id, chosen)
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.say_after_rerun(
        _("{user} signs in as {name}.").format(
            user=wording.plain(users[chosen]), name=wording.plain(person.display_name)
        )
    )
    st.rerun()


@st.dialog(_("Who is responsible"))
def salesperson_dialog(user: SignedInUser, company: Company) -> None:
    """Ask which of the sales staff is responsible for the company, and write it down."""
    try:
        staff = participants.salespeople_for(current_database(), user.scope, company_code=company.code)
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    names = {one.id: one.display_name for one in staff}
    choices: list[UUID | None] = [None, *names]
    with st.form("salesperson", border=False):
        chosen = st.selectbox(
            _("Responsible for {company}").format(company=wording.plain(company.name)),
            choices,
            index=choices.index(company.salesperson_id) if company.salesperson_id in names else 0,
            format_func=lambda one: names[one] if one is not None else _("Nobody"),
            help=_("Sales staff that see this company."),
        )
        sent = st.form_submit_button(_("Save"), type="primary", icon=":material/check:")
    if not sent:
        return
    try:
        participants.assign_salesperson(
            current_database(), user.scope, company_code=company.code, user_id=chosen
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.say_after_rerun(
        _("{name} is responsible for {company} now.").format(
            name=wording.plain(names[chosen]), company=wording.plain(company.name)
        )
        if chosen is not None
        else _("Nobody is responsible for {company} now.").format(company=wording.plain(company.name))
    )
    st.rerun()
