"""The analytics replica, and the one function that queries it."""

from loyalty_core.analytics.facts import FactTable, register_fact_tables, registered_fact_tables
from loyalty_core.analytics.puller import Puller, remove_replica, replica_path
from loyalty_core.analytics.reading import current_replica, replica_version, run_query, use_replica
from loyalty_core.analytics.replica import Replica, ReplicaNotReadyError
from loyalty_core.analytics.source import SourceError

__all__ = [
    "FactTable",
    "Puller",
    "Replica",
    "ReplicaNotReadyError",
    "SourceError",
    "current_replica",
    "register_fact_tables",
    "registered_fact_tables",
    "remove_replica",
    "replica_path",
    "replica_version",
    "run_query",
    "use_replica",
]
