"""How a record becomes bytes, and bytes a chain."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

GENESIS = bytes(32)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One thing that was done: who, what, to what, when, with its details."""

    id: int
    recorded_at: datetime
    actor_kind: str
    actor_name: str
    actor_id: UUID | None
    action: str
    subject_kind: str
    subject_id: str
    detail: Mapping[str, Any]


def canonical_bytes(record: AuditRecord) -> bytes:
    """Return the record as UTF-8 JSON with sorted keys, no spaces, and the time as epoch microseconds."""
    delta = record.recorded_at - datetime(1970, 1, 1, tzinfo=record.recorded_at.tzinfo)
    # Whole integers: a float of seconds would lose microseconds.
    microseconds = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    offset = record.recorded_at.utcoffset()
    assert offset is not None
    microseconds -= (offset.days * 86_400 + offset.seconds) * 1_000_000
    body = {
        "id": record.id,
        "at": microseconds,
        "actor_kind": record.actor_kind,
        "actor_name": record.actor_name,
        "actor_id": str(record.actor_id) if record.actor_id else None,
        "action": record.action,
        "subject_kind": record.subject_kind,
        "subject_id": record.subject_id,
        "detail": record.detail,
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def chained_hash(key: bytes, previous: bytes, record: AuditRecord) -> bytes:
    """Return HMAC-SHA256(key, previous || canonical bytes), the record's place in the chain."""
    return hmac.digest(key, previous + canonical_bytes(record), "sha256")


def unkeyed_hash(previous: bytes, record: AuditRecord) -> bytes:
    """Return sha256(previous || canonical bytes), as links were made before they had a key."""
    return hashlib.sha256(previous + canonical_bytes(record)).digest()
