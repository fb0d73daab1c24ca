"""The keys of widgets, made of page and name, and what travels from one page to the next.

Streamlit keeps the value of a filter in the address under the filter's key, also while another page is shown: two
pages with the same key would read each other's values.
"""

from collections.abc import Mapping
from typing import Final

import streamlit as st

# What a reader chose on one page holds on the next one that offers the same choice.
TRAVELLING: Final = ("programme", "region", "period")

_PAGE: Final = "laurel.page"
_SHOWN: Final = "laurel.shown"
_NAMED: Final = "laurel.named"
_TRAVELS: Final = "laurel.travels"


def page_key(name: str) -> str:
    """Return the key of a widget on the page that is shown; a filter's stands in the address as well."""
    return key_on(st.session_state.get(_PAGE, "laurel"), name)


def shared_key(name: str) -> str:
    """Return the key of a widget that stands on every page or before them all."""
    return key_on("laurel", name)


def key_on(page: str, name: str) -> str:
    """Return the key of a widget on a page named by its key in the registry."""
    return f"{page}.{name}"


def enter(page: str, query: Mapping[str, str]) -> bool:
    """Note which page is shown, with the values in its address, and return whether it was another one before.

    A page that is opened with filters in its address shows what they say: those that were left there earlier and
    are not named are forgotten.
    """
    if st.session_state.get(_PAGE) == page:
        return False
    st.session_state[_PAGE] = page
    st.session_state[_SHOWN] = {}
    st.session_state[_NAMED] = frozenset(query)
    if names_filter(page, query):
        for key in [str(key) for key in st.session_state]:
            if key.startswith(key_on(page, "")) and key not in query:
                del st.session_state[key]
    return True


def names_filter(page: str, query: Mapping[str, str]) -> bool:
    """Whether values in an address name a filter of the page."""
    return any(name.startswith(key_on(page, "")) for name in query)


def remember(name: str, title: str) -> None:
    """Let a choice travel once the reader made it: by changing it on this page or by an address that names it.

    What an earlier visit left on the page is neither, though Streamlit writes it into the address.
    """
    shown: dict[str, str] = st.session_state.setdefault(_SHOWN, {})
    before = shown.get(name)
    shown[name] = title
    was_named = page_key(name) in st.session_state.get(_NAMED, ())
    if before != title if before is not None else was_named:
        st.session_state[_TRAVELS] = {**travelling(), name: title}


def travelling() -> dict[str, str]:
    """Return the titles of what travels, by name."""
    found: dict[str, str] = st.session_state.get(_TRAVELS, {})
    return found


def forget(*names: str) -> None:
    """Let these choices travel no further, and take back what was left of them on other pages."""
    st.session_state[_TRAVELS] = {name: title for name, title in travelling().items() if name not in names}
    for key in [str(key) for key in st.session_state]:
        if key.rpartition(".")[2] in names:
            del st.session_state[key]
