"""Reads that pages repeat, kept by scope, filters and the version of the facts; never by a frame.

The version moves with every import and settlement, so nothing stale is ever shown; a scope is part of each
key, so nothing is shown to anybody who may not see it.
"""

from uuid import UUID

import streamlit as st

from loyalty_core import standings, verification
from loyalty_core.kernel import Scope, current_database
from loyalty_core.standings import Place
from loyalty_core.verification import CameBack

Version = tuple[str, int, int]


def scope_key(scope: Scope) -> str:
    """Return all that the scope lets through, as text: two scopes with the same key see the same."""
    return "|".join(
        [
            "everything" if scope.sees_everything else "some",
            ",".join(sorted(map(str, scope.region_ids))),
            ",".join(sorted(map(str, scope.company_ids))),
            "every" if scope.programme_ids is None else ",".join(sorted(map(str, scope.programme_ids))),
        ]
    )


def facts_version() -> Version:
    """Return what moves when the facts do, whoever sees them; the database's address keeps two of them apart."""
    database = current_database()
    with database.snapshot(Scope.of_system("version of the facts")) as connection:
        imports, settlements = standings.facts_version(connection)
    return database.app_url, imports, settlements


@st.cache_data(max_entries=5000, ttl=3600, show_spinner=False, hash_funcs={Scope: scope_key})
def place_of_account(
    version: Version,  # noqa: ARG001 part of the key
    scope: Scope,
    account_id: UUID,
) -> Place | None:
    """Return where an account of the scope stands by the points that it earned."""
    return standings.place_of_account(current_database(), scope, account_id)


@st.cache_data(max_entries=500, ttl=600, show_spinner=False, hash_funcs={Scope: scope_key})
def claims_come_back(
    version: Version,  # noqa: ARG001 part of the key
    scope: Scope,
) -> dict[int, CameBack]:
    """Return the approved claims of the scope whose units came back; looked for once in the lines of each version."""
    with current_database().snapshot(scope) as connection:
        return verification.came_back(connection)
