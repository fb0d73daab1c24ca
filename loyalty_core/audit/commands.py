"""Record what is done, chain what is committed, prove that nothing was touched since."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from loyalty_core.audit import store
from loyalty_core.audit.policy import GENESIS, chained_hash
from loyalty_core.kernel import Database, Scope, _, now

_HEADS_FILE = "audit-heads.jsonl"
_LOCK_FILE = "audit-heads.lock"
_HEADS_APART = timedelta(minutes=1)


def record(
    connection: Connection,
    scope: Scope,
    action: str,
    subject_kind: str,
    subject_id: object,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write what the actor of `scope` did, in the transaction that does it.

    `action` reads "subdomain.verb_past"; `detail` holds JSON values only.
    """
    store.insert_record(
        connection,
        scope,
        recorded_at=now(),
        action=action,
        subject_kind=subject_kind,
        subject_id=str(subject_id),
        detail=detail or {},
    )


def chain_pending(database: Database, home: Path | None = None) -> int:
    """Link every committed record that has no link yet and return how many were linked.

    Only transactions below the snapshot's oldest running one are taken: of those, everything is there. With
    `home`, the head of the chain is also kept in a file outside the database, where it moved and at most once
    a minute.
    """
    return _chain(database, home, apart=_HEADS_APART)


def _chain(database: Database, home: Path | None, *, apart: timedelta) -> int:
    with database.transaction(Scope.of_system("audit chain")) as connection:
        store.lock_chain(connection)
        below = store.settled_txid(connection)
        low = store.low_txid(connection)
        pending = store.unchained_records(connection, low, below)
        position, head = store.chain_head(connection) or (0, GENESIS)
        links: list[tuple[int, int, bytes]] = []
        for entry in pending:
            position, head = position + 1, chained_hash(head, entry)
            links.append((position, entry.id, head))
        if links:
            store.insert_links(connection, links)
        if links or not low:
            store.move_low_txid(connection, below)
    if home is not None and position:
        _keep_head(database, home, _Head(now(), position, head.hex()), apart=apart)
    return len(links)


@dataclass(frozen=True, slots=True)
class _Head:
    """The chain's last link at some moment: its position and its hash in hex."""

    at: datetime
    position: int
    hash: str

    @property
    def line(self) -> str:
        return json.dumps({"at": self.at.isoformat(), "position": self.position, "hash": self.hash}) + "\n"


def _heads(home: Path) -> list[_Head]:
    """Return the heads that were kept, oldest first: the last of each day."""
    path = home / _HEADS_FILE
    if not path.exists():
        return []
    kept = [json.loads(line) for line in path.read_text().splitlines() if line]
    return [_Head(datetime.fromisoformat(one["at"]), one["position"], one["hash"]) for one in kept]


def _keep_head(database: Database, home: Path, head: _Head, *, apart: timedelta) -> None:
    """Keep the head in place of the day's one before, unless it did not move or that is less than `apart` old.

    One that the chain no longer holds stays the last, for `verify` to tell of.
    """
    if not _is_due(_heads(home), head, apart):
        return
    with _heads_locked(home):
        heads = _heads(home)
        if not _is_due(heads, head, apart):
            return
        if heads:
            with database.transaction(Scope.of_system("audit chain")) as connection:
                if not _holds(connection, heads[-1]):
                    return
            if heads[-1].at.date() == head.at.date():
                heads.pop()
        draft = home / f".{_HEADS_FILE}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.writelines(one.line for one in [*heads, head])
            file.flush()
            os.fsync(descriptor)
        draft.replace(home / _HEADS_FILE)


def _is_due(heads: list[_Head], head: _Head, apart: timedelta) -> bool:
    return not heads or (head.position > heads[-1].position and head.at - heads[-1].at >= apart)


def _holds(connection: Connection, head: _Head) -> bool:
    found = store.link_hash(connection, head.position)
    return found is not None and found.hex() == head.hash


@contextmanager
def _heads_locked(home: Path) -> Iterator[None]:
    """Let one process at a time write the heads."""
    descriptor = os.open(home / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class AuditProof:
    """What `verify` found. `head` is the last link's hash in hex; `faults` are sentences, empty when ok."""

    ok: bool
    records: int
    head: str
    faults: tuple[str, ...]


def verify(database: Database, home: Path | None = None) -> AuditProof:
    """Chain what is pending, then walk the whole chain and prove every link.

    Finds an edited record (its hash differs), a deleted one (its link points nowhere), reordered or missing
    links (positions have gaps) and a cut-off tail (a head kept outside the database, in `home`, is not
    reached).
    """
    _chain(database, home, apart=timedelta(0))
    # Before the snapshot: what was kept by now, it holds.
    heads = _heads(home) if home is not None else []
    faults: list[str] = []
    with database.snapshot(Scope.of_system("audit verification")) as connection:
        expected_position, head = 0, GENESIS
        for position, record_id, stored_hash, entry in store.chained_records(connection):
            expected_position += 1
            if position != expected_position:
                faults.append(
                    _("Links {first} to {last} are missing from the chain.").format(
                        first=expected_position, last=position - 1
                    )
                )
                expected_position = position
            if entry is None:
                faults.append(
                    _("Record {id} at position {position} was deleted.").format(
                        id=record_id, position=position
                    )
                )
            elif chained_hash(head, entry) != stored_hash:
                faults.append(
                    _("Record {id} at position {position} is not what was recorded.").format(
                        id=record_id, position=position
                    )
                )
            # Go on from the stored hash, so that one fault is told once and not for every record after it.
            head = stored_hash
        unlinked = store.count_unlinked_below(connection, store.low_txid(connection))
        if unlinked:
            faults.append(_("{number} records have lost their place in the chain.").format(number=unlinked))
        faults += [
            _("The chain no longer holds what its head was on {day}, at position {position}.").format(
                day=kept.at.date().isoformat(), position=kept.position
            )
            for kept in heads
            if not _holds(connection, kept)
        ]
    return AuditProof(not faults, expected_position, head.hex(), tuple(faults))
