"""Record what is done, chain what is committed, prove that nothing was touched since."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from loyalty_core.audit import store
from loyalty_core.audit.heads import Head, Heads
from loyalty_core.audit.policy import GENESIS, AuditRecord, chained_hash, unkeyed_hash
from loyalty_core.kernel import Database, Refusal, Scope, Settings, _, now


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


def chain_pending(database: Database, settings: Settings) -> int:
    """Link every committed record that has no link yet and return how many were linked.

    Links are keyed with the home's audit key. The head is kept in a file outside the database, sealed with the
    same key, whenever it moved: what is cut off the chain afterwards shows. Raises HeadsNotReadableError,
    HeadNotOursError.
    """
    heads = Heads(settings)
    with database.transaction(Scope.of_system("audit chain")) as connection:
        store.lock_chain(connection)
        position, head = store.chain_head(connection) or (0, GENESIS)
        # Before the first keyed link is made, so that no crash leaves keyed links that no head tells of.
        _begin_heads(connection, heads, position, head)
        # Asked for before the records are: of transactions below, all records are seen and get their links.
        below = store.settled_txid(connection)
        low = store.low_txid(connection)
        links: list[tuple[int, int, bytes]] = []
        for entry in store.unchained_records(connection, low):
            position, head = position + 1, chained_hash(heads.key, head, entry)
            links.append((position, entry.id, head))
        if links:
            store.insert_links(connection, links)
        if links or not low:
            store.move_low_txid(connection, below)
    _keep_head(database, heads, position, head)
    return len(links)


def _begin_heads(connection: Connection, heads: Heads, position: int, hash_: bytes) -> None:
    """Keep a first sealed head: of an empty chain, or of one whose links had no key until now.

    A chain that has links and no head at all lost its heads: it gets none, for `verify` to tell of.
    """
    kept = heads.read()
    if kept and kept[-1].keyed_from is not None:
        return
    if bool(kept) != bool(position) or (kept and not _holds(connection, kept[-1])):
        return
    with heads.locked():
        if heads.read() == kept:
            heads.write([*kept, Head(now(), position, hash_.hex(), keyed_from=position + 1)])


def _keep_head(database: Database, heads: Heads, position: int, hash_: bytes) -> None:
    """Keep the head in place of the day's one before, unless it did not move.

    One that the chain no longer holds stays the last, for `verify` to tell of.
    """
    if not _is_behind(heads.read(), position):
        return
    with heads.locked():
        kept = heads.read()
        if not _is_behind(kept, position):
            return
        with database.transaction(Scope.of_system("audit chain")) as connection:
            if not _holds(connection, kept[-1]):
                return
        head = Head(now(), position, hash_.hex(), kept[-1].keyed_from)
        if kept[-1].at.date() == head.at.date():
            kept.pop()
        heads.write([*kept, head])


def _is_behind(kept: list[Head], position: int) -> bool:
    return bool(kept) and kept[-1].keyed_from is not None and kept[-1].position < position


def _holds(connection: Connection, head: Head) -> bool:
    found = store.link_hash(connection, head.position) if head.position else GENESIS
    return found is not None and found.hex() == head.hash


@dataclass(frozen=True, slots=True)
class AuditProof:
    """What `verify` found. `head` is the last link's hash in hex; `faults` are sentences, empty when ok."""

    ok: bool
    records: int
    head: str
    faults: tuple[str, ...]


def verify(database: Database, settings: Settings) -> AuditProof:
    """Chain what is pending, then walk the whole chain and prove every link.

    Finds an edited record (its hash differs), a deleted one (its link points nowhere), reordered or missing
    links (positions have gaps), a cut-off tail (a head kept outside the database is not reached), links that
    were computed anew without the key, and heads that are missing, changed or sealed with another key.
    """
    heads, kept, faults = Heads(settings), list[Head](), list[str]()
    try:
        chain_pending(database, settings)
        # Before the snapshot: what was kept by now, it holds.
        kept = heads.read()
        if not kept:
            faults.append(
                _(
                    "The file of the chain's heads, {file}, is missing, so nothing shows that the chain was not "
                    "cut off. Put it back from a backup."
                ).format(file=heads.file)
            )
    except Refusal as refusal:
        faults.append(refusal.sentence)
    keyed_from = kept[-1].keyed_from if kept else None
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
            elif not _is_link(heads.key, keyed_from, position, head, entry, stored_hash):
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
                day=one.day, position=one.position
            )
            for one in kept
            if not _holds(connection, one)
        ]
    return AuditProof(not faults, expected_position, head.hex(), tuple(faults))


def _is_link(
    key: bytes, keyed_from: int | None, position: int, previous: bytes, entry: AuditRecord, found: bytes
) -> bool:
    """Whether a link is of its record. Without a head that says from where on links are keyed, either way counts."""
    if (keyed_from is None or position >= keyed_from) and chained_hash(key, previous, entry) == found:
        return True
    return (keyed_from is None or position < keyed_from) and unkeyed_hash(previous, entry) == found
