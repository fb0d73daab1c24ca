"""What alembic runs: the migrations, over the connection that `laurel.migrate` hands in."""

from typing import Any

from alembic import context

from laurel.tables import metadata


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave the job queue's own tables to the job queue."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_name=include_name,
    compare_server_default=True,
)
context.run_migrations()
