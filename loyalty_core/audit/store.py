"""Every query of the audit."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from loyalty_core.audit.policy import AuditRecord
from loyalty_core.kernel import Scope, Sort, Sorts

_COLUMNS = (
    "r.id, r.recorded_at, r.actor_kind, r.actor_name, r.actor_id, r.action, r.subject_kind, r.subject_id,"
    " r.detail"
)


def _record(row: Row[Any]) -> AuditRecord:
    fields: tuple[Any, ...] = tuple(row)
    return AuditRecord(*fields[:9])


def insert_record(
    connection: Connection,
    scope: Scope,
    *,
    recorded_at: datetime,
    action: str,
    subject_kind: str,
    subject_id: str,
    detail: dict[str, Any],
) -> None:
    """Add one unchained record inside the writing transaction."""
    connection.execute(
        text(
            "insert into audit_record (recorded_at, actor_kind, actor_name, actor_id, action, subject_kind,"
            " subject_id, detail) values (:recorded_at, :actor_kind, :actor_name, :actor_id, :action,"
            " :subject_kind, :subject_id, cast(:detail as jsonb))"
        ),
        {
            "recorded_at": recorded_at,
            "actor_kind": scope.actor_kind,
            "actor_name": scope.actor_name,
            "actor_id": scope.user_id,
            "action": action,
            "subject_kind": subject_kind,
            "subject_id": subject_id,
            "detail": json.dumps(detail),
        },
    )


def lock_chain(connection: Connection) -> None:
    """Let one transaction at a time add links."""
    connection.execute(text("select pg_advisory_xact_lock(hashtextextended('laurel.audit_chain', 0))"))


def settled_txid(connection: Connection) -> int:
    """Return the id below which every transaction has ended: what it wrote is all there."""
    return int(connection.execute(text("select pg_snapshot_xmin(pg_current_snapshot())::text")).scalar_one())


def low_txid(connection: Connection) -> int:
    """Return the id below which every record is chained already; 0 when this cluster gave out none yet.

    A mark that another cluster made, or that lies ahead of this one's transactions (the database was restored
    from a dump), says nothing about the ids given out here.
    """
    found = connection.execute(
        text(
            "select low_txid::text from audit_mark"
            " where system_identifier = (select system_identifier from pg_control_system())"
            " and low_txid <= pg_snapshot_xmax(pg_current_snapshot())"
        )
    ).scalar()
    return int(found) if found is not None else 0


def move_low_txid(connection: Connection, txid: int) -> None:
    """Remember that everything below `txid` is chained."""
    connection.execute(
        text(
            "insert into audit_mark (low_txid, system_identifier)"
            " select cast(cast(:txid as text) as xid8), system_identifier from pg_control_system()"
            " on conflict (only_row) do update set low_txid = excluded.low_txid,"
            " system_identifier = excluded.system_identifier"
        ),
        {"txid": str(txid)},
    )


def unchained_records(connection: Connection, low: int) -> list[AuditRecord]:
    """Return the committed records of transactions from `low` on that have no link yet, by id.

    So too what transactions of another cluster wrote whose ids lie ahead of this one's: it came with a dump.
    """
    rows = connection.execute(
        text(
            f"select {_COLUMNS} from audit_record r"  # noqa: S608 the columns are a constant above
            " where r.txid >= cast(cast(:low as text) as xid8)"
            " and not exists (select from audit_link l where l.record_id = r.id) order by r.id"
        ),
        {"low": str(low)},
    )
    return [_record(row) for row in rows]


def chain_head(connection: Connection) -> tuple[int, bytes] | None:
    """Return the last link's position and hash, or None for an empty chain."""
    row = connection.execute(
        text("select position, hash from audit_link order by position desc limit 1")
    ).first()
    return (row.position, bytes(row.hash)) if row else None


def insert_links(connection: Connection, links: list[tuple[int, int, bytes]]) -> None:
    """Add links (position, record id, hash)."""
    connection.execute(
        text("insert into audit_link (position, record_id, hash) values (:position, :record_id, :hash)"),
        [
            {"position": position, "record_id": record_id, "hash": hash_}
            for position, record_id, hash_ in links
        ],
    )


def chained_records(connection: Connection) -> Iterator[tuple[int, int, bytes, AuditRecord | None]]:
    """Yield (position, record id, hash, record or None where it is gone) in the chain's order, streamed."""
    rows = connection.execute(
        text(
            f"select {_COLUMNS}, l.position, l.record_id, l.hash from audit_link l"  # noqa: S608 constant columns
            " left join audit_record r on r.id = l.record_id order by l.position"
        ),
        # Of this statement alone: set on the connection, they would stay for all that follow.
        execution_options={"stream_results": True, "yield_per": 5_000},
    )
    for row in rows:
        yield row.position, row.record_id, bytes(row.hash), _record(row) if row.id is not None else None


def count_unlinked_below(connection: Connection, below: int) -> int:
    """Return how many records of ended transactions have no link: none, after chaining."""
    return int(
        connection.execute(
            text(
                "select count(*) from audit_record r where r.txid < cast(cast(:below as text) as xid8)"
                " and not exists (select from audit_link l where l.record_id = r.id)"
            ),
            {"below": str(below)},
        ).scalar_one()
    )


def link_hash(connection: Connection, position: int) -> bytes | None:
    """Return the hash at a position, or None where the chain does not reach it."""
    found = connection.execute(
        text("select hash from audit_link where position = :position"), {"position": position}
    ).scalar()
    return bytes(found) if found is not None else None


_RECORD_SORTS = Sorts(
    {"when": "r.recorded_at", "who": "folded(r.actor_name)", "what": "r.action", "number": "r.id"},
    default="r.id desc",
)


def search_records(
    connection: Connection,
    *,
    words: str,
    action: str,
    since: datetime | None,
    sort: Sort | None = None,
    limit: int,
    offset: int,
) -> list[AuditRecord]:
    """Return records, newest first, whose actor, subject or detail holds the words; '' finds all.

    `sort` is by when, who, what or number.
    """
    order_by = _RECORD_SORTS.order_by(sort)
    rows = connection.execute(
        text(
            f"select {_COLUMNS} from audit_record r"  # noqa: S608 the columns are a constant above
            " where (:words = '' or position(folded(:words) in folded(r.actor_name || ' ' || r.action || ' ' ||"
            " r.subject_kind || ' ' || r.subject_id || ' ' || r.detail::text)) > 0)"
            " and (:action = '' or r.action = :action)"
            " and (cast(:since as timestamptz) is null or r.recorded_at >= :since)"
            f"{order_by} limit :limit offset :offset"
        ),
        {"words": words, "action": action, "since": since, "limit": limit, "offset": offset},
    )
    return [_record(row) for row in rows]


def count_records(connection: Connection, *, words: str, action: str, since: datetime | None) -> int:
    """Return how many records `search_records` would find in all."""
    return int(
        connection.execute(
            text(
                "select count(*) from audit_record r"
                " where (:words = '' or position(folded(:words) in folded(r.actor_name || ' ' || r.action"
                " || ' ' || r.subject_kind || ' ' || r.subject_id || ' ' || r.detail::text)) > 0)"
                " and (:action = '' or r.action = :action)"
                " and (cast(:since as timestamptz) is null or r.recorded_at >= :since)"
            ),
            {"words": words, "action": action, "since": since},
        ).scalar_one()
    )


def known_actions(connection: Connection) -> list[str]:
    """Return every action that was ever recorded, by name."""
    return list(connection.execute(text("select distinct action from audit_record order by 1")).scalars())
