"""The word to people out of whose text characters were taken before a page saw it."""

import threading
from uuid import UUID

import streamlit as st

from loyalty_core.access import SignedInUser
from loyalty_core.kernel import _

_lock = threading.Lock()
_to_tell: set[UUID] = set()


def note_cleaned_text(user: SignedInUser) -> None:
    """Remember that this person's text was cleaned, for the next run of a page in the same session."""
    with _lock:
        _to_tell.add(user.session_id)


def tell_of_cleaned_text(user: SignedInUser) -> None:
    """Tell it once, if there is something to tell."""
    with _lock:
        has_to = user.session_id in _to_tell
        _to_tell.discard(user.session_id)
    if has_to:
        st.toast(
            _("Characters that can't be shown were removed from your text."), icon=":material/backspace:"
        )
