"""The one way to ask the replica."""

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from loyalty_core.analytics.replica import Replica, ReplicaNotReadyError
from loyalty_core.kernel import Scope, Sort
from queries import load_query

_current: Replica | None = None


def use_replica(replica: Replica | None) -> None:
    """Make this the process's replica. Called once at start, and by tests; None takes it away."""
    global _current
    _current = replica


def current_replica() -> Replica:
    """Return the process's replica. Raises ReplicaNotReadyError where it has none."""
    if _current is None:
        raise ReplicaNotReadyError
    return _current


def replica_version() -> tuple[str, int]:
    """Return what moves when the figures do, for the keys of caches. Raises ReplicaNotReadyError."""
    return current_replica().version


def run_query(
    scope: Scope,
    name: str,
    parameters: Mapping[str, object] = MappingProxyType({}),
    *,
    sort: Sort | None = None,
) -> pl.DataFrame:
    """Return what the query of this name in `queries/` answers within the scope.

    Every parameter that its header names must be given, None for null. `sort` names one of the sorts of its header;
    None leaves the query's own order. Ids come as text, whole numbers as Int64. Raises UnknownQueryError,
    QueryParametersError, ReplicaNotReadyError.
    """
    query = load_query(name)
    query.check(parameters)
    return current_replica().read(scope, query, parameters, sort)
