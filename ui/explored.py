"""What pages ask the analytics replica, kept by scope, question, values and the replica's version."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import streamlit as st

from loyalty_core import analytics
from loyalty_core.analytics import ReplicaNotReadyError
from loyalty_core.kernel import Scope, Sort, _
from ui.cached import scope_key

Value = object
Rows = list[dict[str, Any]]


def stop_until_ready() -> None:
    """End the run with a calm sentence while the replica is not there yet; to be called below the title."""
    try:
        analytics.replica_version()
    except ReplicaNotReadyError:
        _say_not_ready()


def is_ready() -> bool:
    """Whether there are figures to show already."""
    try:
        analytics.replica_version()
    except ReplicaNotReadyError:
        return False
    return True


def _say_not_ready() -> None:
    st.info(
        _("The figures are being brought together. They are here in a moment: look again then."),
        icon=":material/hourglass_top:",
    )
    st.stop()


def ask(scope: Scope, query: str, values: Mapping[str, Value], *, sort: Sort | None = None) -> Rows:
    """Return the rows of a query of `queries/`. Lists among the values are given as tuples.

    `sort` names one of the sorts of its header. Ends the run with a sentence while there is no replica.
    """
    try:
        return _asked(analytics.replica_version(), scope, query, tuple(sorted(values.items())), sort)
    except ReplicaNotReadyError:
        _say_not_ready()
        return []


@st.cache_data(max_entries=2000, ttl=3600, show_spinner=False, hash_funcs={Scope: scope_key, UUID: str})
def _asked(
    version: tuple[object, ...],  # noqa: ARG001 part of the key
    scope: Scope,
    query: str,
    values: tuple[tuple[str, Value], ...],
    sort: Sort | None,
) -> Rows:
    return analytics.run_query(scope, query, dict(values), sort=sort).to_dicts()
