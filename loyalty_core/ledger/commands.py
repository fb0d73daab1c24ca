"""The one way points move."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection

from loyalty_core.kernel import now
from loyalty_core.ledger import store
from loyalty_core.ledger.policy import COUNTER_ACCOUNT, PostingDraft, run_batch


def post(
    connection: Connection, *, programme_id: UUID, source: str, drafts: Sequence[PostingDraft]
) -> dict[str, int]:
    """Post drafts in their order inside the caller's transaction and return each key's posting id.

    All accounts are of one programme and locked in the order of their ids. A key that was posted before, or
    stands twice among the drafts, moves nothing again. Raises NotEnoughPointsError, KeyUsedOtherwiseError; then
    nothing was posted.
    """
    if not drafts:
        return {}
    drafts = _once_each(source, drafts)
    moment = now()
    system = store.open_system_accounts(connection, programme_id, moment)
    counters = {COUNTER_ACCOUNT[draft.kind] for draft in drafts}
    owner_ids = {draft.account_id for draft in drafts}
    states = store.lock_accounts(connection, owner_ids | {system[name] for name in counters})
    # Looked up under the locks: whoever posts the same key for the same account waits above.
    posted = store.posted_keys(connection, source, drafts)
    new = [draft for draft in drafts if draft.key not in posted]
    if not new:
        return posted
    owners = {account_id: states[account_id] for account_id in owner_ids}
    store.load_open_lots(connection, owners)
    batch = run_batch(new, owners, {name: states[system[name]] for name in counters})
    posting_ids = store.insert_postings(connection, programme_id, source, new, moment)
    store.write_batch(connection, batch, posting_ids, moment)
    store.write_balances(connection, list(states.values()))
    return {**posted, **dict(zip((draft.key for draft in new), posting_ids, strict=True))}


def _once_each(source: str, drafts: Sequence[PostingDraft]) -> list[PostingDraft]:
    asked: dict[str, PostingDraft] = {}
    for draft in drafts:
        if asked.setdefault(draft.key, draft) != draft:
            raise store.KeyUsedOtherwiseError(source, draft.key)
    return list(asked.values())
