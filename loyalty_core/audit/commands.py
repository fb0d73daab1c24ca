"""Record what is done, chain what is committed, prove that nothing was touched since."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from loyalty_core.audit import store
from loyalty_core.audit.policy import GENESIS, chained_hash
from loyalty_core.kernel import Database, Scope, _, now

_HEADS_FILE = "audit-heads.jsonl"


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
    `home`, the head of the chain is also written to a file outside the database, once a day.
    """
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
        _write_head_once_a_day(home, position, head)
    return len(links)


def _heads(home: Path) -> list[dict[str, Any]]:
    path = home / _HEADS_FILE
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def _write_head_once_a_day(home: Path, position: int, head: bytes) -> None:
    today = now().date().isoformat()
    heads = _heads(home)
    if heads and heads[-1]["day"] == today:
        return
    descriptor = os.open(home / _HEADS_FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a") as file:
        file.write(json.dumps({"day": today, "position": position, "hash": head.hex()}) + "\n")


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
    chain_pending(database, home)
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
        for kept in _heads(home) if home else []:
            found = store.link_hash(connection, kept["position"])
            if found is None or found.hex() != kept["hash"]:
                faults.append(
                    _("The chain no longer holds what its head was on {day}, at position {position}.").format(
                        day=kept["day"], position=kept["position"]
                    )
                )
    return AuditProof(not faults, expected_position, head.hex(), tuple(faults))
