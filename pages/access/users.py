"""Users: who may sign in, what each may do and see. A change works at once."""

import streamlit as st

from loyalty_core import access
from loyalty_core.access import Permission, UserState
from loyalty_core.kernel import Refusal, _, current_database
from ui import elements, wording
from ui import users as blocks
from ui.identity import require
from ui.keys import page_key

user = require(Permission.MANAGE_USERS)
database = current_database()

elements.page_header(
    _("Users"), _("Who may sign in, what each may do and see. What you change here works at once.")
)
elements.show_said()
people = access.list_users(database, user.scope)
with database.snapshot(user.scope) as connection:
    grantable = blocks.read_grantable(connection, user.scope, people)


def tell_password(name: str, password: str) -> None:
    """Keep a new password for the next run, which shows it this one time."""
    st.session_state["password_to_tell"] = (name, password)


@st.dialog(_("Add a person"))
def add_person() -> None:
    """Ask for a person's name, roles and sight, and add the user."""
    with st.form("add_person", border=False):
        name = st.text_input(_("Sign-in name"), placeholder="anna.nowak", autocomplete="off")
        display_name = st.text_input(_("Full name"), autocomplete="off")
        roles = blocks.role_field((), key=page_key("new"))
        sight = blocks.sight_fields((), grantable, key=page_key("new"))
        st.caption(
            _(
                "The person gets a password from you once and replaces it after the first sign-in. Where a role"
                " decides as a second person, what they decide counts a day later."
            )
        )
        if not st.form_submit_button(_("Add"), type="primary", icon=":material/person_add:"):
            return
    password = blocks.new_temporary_password()
    try:
        with database.snapshot(user.scope) as connection:
            grants = sight.grants(connection)
        access.create_user(
            database,
            user.scope,
            name=name or "",
            display_name=display_name or "",
            password=password,
            roles=roles,
            grants=grants,
            password_is_temporary=True,
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    tell_password(display_name or name or "", password)
    st.rerun()


@st.dialog(_("Give a new password"))
def renew_password(person: access.User) -> None:
    """Ask once more, then replace the person's password and end the sessions."""
    st.markdown(
        _(
            "{name} is signed out everywhere, gets a password from you once and replaces it after the next"
            " sign-in. Whoever decides as a second person does so again a day later."
        ).format(name=wording.plain(person.display_name))
    )
    if st.button(_("Give a new password"), type="primary", icon=":material/key:"):
        password = blocks.new_temporary_password()
        try:
            access.reset_password(database, user.scope, person.id, password)
        except Refusal as refusal:
            st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
            return
        tell_password(person.display_name, password)
        st.rerun()


def change_state(person: access.User, state: UserState) -> None:
    """Disable or enable the person and say so."""
    try:
        if state is UserState.DISABLED:
            access.disable_user(database, user.scope, person.id)
            said = _("{name} is signed out and can't sign in any more.")
        else:
            access.enable_user(database, user.scope, person.id)
            said = _("{name} can sign in again.")
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.say_after_rerun(said.format(name=wording.plain(person.display_name)))
    st.rerun()


def edit(person: access.User) -> None:
    """Draw the person's roles and sight, and what can be done about signing in."""
    with elements.card(wording.plain(person.display_name)):
        if person.state is UserState.DISABLED:
            elements.badge(_("disabled"), "red", "block")
        with st.form(f"edit_{person.id}", border=False):
            roles = blocks.role_field(person.roles, key=page_key(str(person.id)))
            sight = blocks.sight_fields(person.grants, grantable, key=page_key(str(person.id)))
            saved = st.form_submit_button(_("Save"), type="primary", icon=":material/check:")
        with st.container(horizontal=True):
            if st.button(_("Give a new password…"), icon=":material/key:"):
                renew_password(person)
            if person.state is UserState.ACTIVE:
                if st.button(_("Disable"), icon=":material/person_off:"):
                    change_state(person, UserState.DISABLED)
            elif st.button(_("Enable"), icon=":material/person_check:"):
                change_state(person, UserState.ACTIVE)
        if saved:
            try:
                with database.snapshot(user.scope) as connection:
                    grants = sight.grants(connection)
                access.set_rights(database, user.scope, person.id, roles=roles, grants=grants)
            except Refusal as refusal:
                st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
                return
            elements.say_after_rerun(
                _("{name}: {roles}.").format(
                    name=wording.plain(person.display_name),
                    roles=wording.plain(blocks.roles_in_words(roles)),
                )
            )
            st.rerun()


told = st.session_state.pop("password_to_tell", None)
if told is not None:
    with st.container(border=True):
        st.markdown(
            _("The password of **{name}**, shown this one time. Pass it on in person.").format(
                name=wording.plain(told[0])
            )
        )
        st.code(told[1], language=None)
if st.button(_("Add a person…"), type="primary", icon=":material/person_add:"):
    add_person()
chosen = elements.choose_row(
    {
        _("Name"): [one.display_name for one in people],
        _("Roles"): [blocks.roles_in_words(one.roles) for one in people],
        _("Sees"): [blocks.sight_in_words(one.grants, grantable) for one in people],
        _("State"): [blocks.state_of(one) for one in people],
        _("Last seen"): [wording.ago(one.last_seen_at) if one.last_seen_at else _("never") for one in people],
        _("Sign-in name"): [one.name for one in people],
    },
    key=page_key("people"),
    alt=_("People who may sign in"),
)
if chosen is None:
    st.caption(_("Choose a person to change roles and access, to disable, or to give a new password."))
elif chosen < len(people):
    edit(people[chosen])
