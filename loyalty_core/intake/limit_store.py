"""Queries of sources: what their checks allow, and how their files were."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core.intake.states import ImportState
from loyalty_core.kernel import Scope


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """What a source's checks allow where it is not what the suite ships with, as it was set once.

    `changes` has the form that `data_checks.Thresholds.with_changes` takes.
    """

    source: str
    version: int
    changes: Mapping[str, Any]
    reason: str
    set_by_name: str
    set_at: datetime


def limits_by_version(connection: Connection, source: str) -> list[SourceLimits]:
    """Return every version of a source's own limits, the last one first."""
    rows = connection.execute(
        text(
            "select source, version, changes, reason, set_by_name, set_at from source_thresholds"
            " where source = :source order by version desc"
        ),
        {"source": source},
    )
    return [SourceLimits(*row) for row in rows]


def lock_limits(connection: Connection, source: str) -> None:
    """Let one transaction at a time set a source's limits."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('laurel.limits:' || :source, 0))"),
        {"source": source},
    )


def insert_limits(connection: Connection, scope: Scope, *, id: UUID, made: SourceLimits) -> None:
    """Add a version of a source's limits."""
    connection.execute(
        text(
            "insert into source_thresholds (id, source, version, changes, reason, set_by, set_by_name, set_at)"
            " values (:id, :source, :version, cast(:changes as jsonb), :reason, :by, :by_name, :set_at)"
        ),
        {
            "id": id,
            "source": made.source,
            "version": made.version,
            "changes": json.dumps(made.changes),
            "reason": made.reason,
            "by": scope.user_id,
            "by_name": made.set_by_name,
            "set_at": made.set_at,
        },
    )


@dataclass(frozen=True, slots=True)
class Source:
    """A source of files, with how its files were: all of them, those that were taken in, and its last file's end."""

    name: str
    dataset: str
    files: int
    accepted: int
    rows: int
    quarantined: int
    last_finished_at: datetime | None


def sources(connection: Connection) -> list[Source]:
    """Return every source that ever sent a file, the one heard of last first."""
    rows = connection.execute(
        text(
            "select source, min(dataset), count(*), count(*) filter (where state in ('accepted', 'undone')),"
            " coalesce(sum(rows), 0)::bigint, coalesce(sum(quarantined), 0)::bigint, max(finished_at)"
            " from file_import group by source order by max(requested_at) desc, source"
        )
    )
    return [Source(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class FileQuality:
    """How one file of a source was when it came.

    `quarantined` counts the rows that were rejected then, `left_out` those that are so still. `reasons` are theirs.
    `checks` is what the suite answered, as `data_checks.SuiteResult.to_json`.
    """

    import_id: UUID
    number: int
    file_name: str
    state: ImportState
    judged_at: datetime
    rows: int
    quarantined: int
    left_out: int
    duplicates: int
    reasons: Mapping[str, int]
    checks: Mapping[str, Any] | None


def quality_over_time(connection: Connection, source: str, *, limit: int) -> list[FileQuality]:
    """Return how the last files of a source were that could be read, the earliest of them first."""
    rows = connection.execute(
        text(
            "select * from (select i.id as import_id, i.number, f.file_name, i.state,"
            " coalesce(i.finished_at, i.started_at, i.requested_at) as judged_at, i.rows,"
            " greatest(coalesce(i.quarantined, 0),"
            " (select count(*) from quarantined_row q where q.import_id = i.id)) as quarantined,"
            " coalesce(i.quarantined, 0) as left_out, coalesce(i.duplicates, 0) as duplicates,"
            " coalesce(i.reasons, '{}') as reasons, i.checks"
            " from file_import i join received_file f on f.id = i.file_id"
            " where i.source = :source and i.rows is not null and i.state not in ('queued', 'running')"
            " order by i.number desc limit :limit) last order by number"
        ),
        {"source": source, "limit": limit},
    )
    return [FileQuality(**{**row._asdict(), "state": ImportState(row.state)}) for row in rows]
