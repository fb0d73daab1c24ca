"""Who is looking at the page, and whether they may.

The guard before Streamlit hands over the id of a verified session; whose it is, whether it still lives and
what it may do are read from the database for every run. Nothing of it is kept in st.session_state.
"""

from uuid import UUID

import streamlit as st

from loyalty_core import access
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.kernel import _, current_database, current_locale


def current_user() -> SignedInUser | None:
    """Return who is signed in, read anew, or None. The texts of this run are in the person's language."""
    session = st.user.to_dict().get("session")
    if not isinstance(session, str):
        return None
    user = access.find_session_by_id(current_database(), UUID(session))
    if user is not None:
        current_locale.set(user.locale)
    return user


def require(permission: Permission) -> SignedInUser:
    """Return the signed-in user who may; else say why not and end the run. A page's first statement."""
    user = current_user()
    if user is None:
        st.warning(_("You are signed out. Reload this page to sign in."), icon=":material/lock:")
        st.stop()
    if user.password_is_temporary:
        st.warning(_("Choose a password of your own first."), icon=":material/key:")
        st.stop()
    if not user.may(permission):
        draw_no_access()
        st.stop()
    return user


def draw_no_access() -> None:
    """Say that the user's roles don't include the page, and what to do."""
    st.error(
        _("Your roles don't include this page. An administrator can give them to you."),
        icon=":material/block:",
    )
