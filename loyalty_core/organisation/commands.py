"""What people do to the organisation."""

from uuid import UUID

from loyalty_core import audit
from loyalty_core.kernel import Database, Scope, new_id, now
from loyalty_core.organisation import store


def add_region(database: Database, scope: Scope, *, code: str, name: str, parent_id: UUID | None) -> UUID:
    """Add a region to the tree and return its id."""
    region_id = new_id()
    with database.transaction(scope) as connection:
        store.insert_region(
            connection, id=region_id, code=code, name=name, parent_id=parent_id, recorded_at=now()
        )
        audit.record(connection, scope, "organisation.region_added", "region", region_id, {"code": code})
    return region_id
