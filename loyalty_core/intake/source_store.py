"""Every query of saved mappings."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from loyalty_core.intake.mapping import ColumnMapping
from loyalty_core.kernel import Scope

_MOST_MAPPINGS = 1000


@dataclass(frozen=True, slots=True)
class SavedMapping:
    """One version of a source's mapping, with the headers that its file had, those that mean nothing included.

    A version that `is_retired` ends the mapping; a later one begins it again.
    """

    id: UUID
    dataset: str
    name: str
    version: int
    body: ColumnMapping
    header: tuple[str, ...]
    saved_by_name: str
    saved_at: datetime
    is_retired: bool


_COLUMNS = "id, dataset, name, version, body, header, saved_by_name, saved_at, is_retired"


def _saved(row: Row[Any]) -> SavedMapping:
    values = dict(row._mapping)
    return SavedMapping(
        **{
            **values,
            "body": ColumnMapping.model_validate(values["body"]),
            "header": tuple(values["header"]),
        }
    )


def latest_mappings(
    connection: Connection, dataset: str | None, *, with_retired: bool = False
) -> list[SavedMapping]:
    """Return the last version of every mapping, by name; those that are retired only if asked for."""
    rows = connection.execute(
        text(
            f"select {_COLUMNS} from (select distinct on (dataset, name) {_COLUMNS} from source_mapping"  # noqa: S608 names of columns
            " where cast(:dataset as text) is null or dataset = :dataset"
            " order by dataset, name, version desc) latest"
            " where :with_retired or not is_retired order by name, dataset limit :most"
        ),
        {"dataset": dataset, "with_retired": with_retired, "most": _MOST_MAPPINGS},
    )
    return [_saved(row) for row in rows]


def versions_of(connection: Connection, dataset: str, name: str) -> list[SavedMapping]:
    """Return every version of a mapping, the last one first."""
    rows = connection.execute(
        text(
            f"select {_COLUMNS} from source_mapping where dataset = :dataset and name = :name"  # noqa: S608 names of columns
            " order by version desc limit :most"
        ),
        {"dataset": dataset, "name": name, "most": _MOST_MAPPINGS},
    )
    return [_saved(row) for row in rows]


def lock_mapping(connection: Connection, dataset: str, name: str) -> None:
    """Let one at a time write a version of a mapping."""
    connection.execute(
        text(
            "select pg_advisory_xact_lock(hashtextextended('laurel.mapping:' || :dataset || ':' || :name, 0))"
        ),
        {"dataset": dataset, "name": name},
    )


def insert_version(
    connection: Connection,
    scope: Scope,
    *,
    id: UUID,
    version: int,
    body: ColumnMapping,
    header: Sequence[str],
    is_retired: bool,
    saved_at: datetime,
) -> None:
    """Write a version of the mapping that `body` names."""
    connection.execute(
        text(
            "insert into source_mapping (id, dataset, name, version, body, header, is_retired, saved_by,"
            " saved_by_name, saved_at) values (:id, :dataset, :name, :version, cast(:body as jsonb), :header,"
            " :is_retired, :by, :by_name, :saved_at)"
        ),
        {
            "id": id,
            "dataset": body.dataset,
            "name": body.name,
            "version": version,
            "body": json.dumps(body.model_dump(mode="json")),
            "header": list(header),
            "is_retired": is_retired,
            "by": scope.user_id,
            "by_name": scope.actor_name,
            "saved_at": saved_at,
        },
    )
