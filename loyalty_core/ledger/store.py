"""Every query of the ledger."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from loyalty_core.kernel import Refusal, _, new_id
from loyalty_core.ledger.policy import (
    AccountKind,
    AccountState,
    Batch,
    OpenLot,
    PostingDraft,
    PostingKind,
    SystemAccount,
)


class KeyUsedOtherwiseError(Refusal):
    """A posting's key was used before for another account, kind or number of points."""

    def __init__(self, source: str, key: str) -> None:
        super().__init__(
            _("The posting {key} of {source} exists already with other contents; nothing was posted.").format(
                key=key, source=source
            )
        )
        self.source = source
        self.key = key


def open_accounts(
    connection: Connection,
    programme_id: UUID,
    kind: AccountKind,
    owners: Sequence[tuple[UUID, UUID]],
    opened_at: datetime,
) -> dict[UUID, UUID]:
    """Return the account id of each owner (owner id, company id), opening those that have none yet."""
    connection.execute(
        text(
            "insert into account (id, programme_id, kind, owner_id, company_id, opened_at)"
            " select n.id, :programme_id, :kind, n.owner_id, n.company_id, :opened_at"
            " from unnest(cast(:ids as uuid[]), cast(:owners as uuid[]), cast(:companies as uuid[]))"
            " as n (id, owner_id, company_id) on conflict (programme_id, kind, owner_id) do nothing"
        ),
        {
            "ids": [new_id() for _owner in owners],
            "owners": [owner for owner, _company in owners],
            "companies": [company for _owner, company in owners],
            "programme_id": programme_id,
            "kind": kind.value,
            "opened_at": opened_at,
        },
    )
    rows = connection.execute(
        text(
            "select owner_id, id from account where programme_id = :programme_id and kind = :kind"
            " and owner_id = any(:owners)"
        ),
        {
            "programme_id": programme_id,
            "kind": kind.value,
            "owners": [owner for owner, _company in owners],
        },
    )
    return {row.owner_id: row.id for row in rows}


def open_system_accounts(
    connection: Connection, programme_id: UUID, opened_at: datetime
) -> dict[SystemAccount, UUID]:
    """Return the ids of the programme's own accounts, opening those that it does not have yet."""
    connection.execute(
        text(
            "insert into account (id, programme_id, kind, system_name, opened_at)"
            " select n.id, :programme_id, 'system', n.name, :opened_at"
            " from unnest(cast(:ids as uuid[]), cast(:names as text[])) as n (id, name)"
            " on conflict (programme_id, system_name) where system_name is not null do nothing"
        ),
        {
            "ids": [new_id() for _name in SystemAccount],
            "names": [name.value for name in SystemAccount],
            "programme_id": programme_id,
            "opened_at": opened_at,
        },
    )
    rows = connection.execute(
        text("select system_name, id from account where programme_id = :programme_id and kind = 'system'"),
        {"programme_id": programme_id},
    )
    return {SystemAccount(row.system_name): row.id for row in rows}


def lock_accounts(connection: Connection, account_ids: Collection[UUID]) -> dict[UUID, AccountState]:
    """Lock the accounts in the order of their ids, so that no two batches wait for each other."""
    rows = connection.execute(
        text("select id, balance, version from account where id = any(:ids) order by id for no key update"),
        {"ids": list(account_ids)},
    )
    return {row.id: AccountState(row.id, row.balance, row.version) for row in rows}


def load_open_lots(connection: Connection, states: dict[UUID, AccountState]) -> None:
    """Put the open lots of locked accounts into their states, soonest expiry first."""
    rows = connection.execute(
        text(
            "select id, account_id, points, remaining, expires_on from lot"
            " where account_id = any(:ids) and remaining > 0 order by account_id, expires_on nulls last, id"
        ),
        {"ids": list(states)},
    )
    for row in rows:
        states[row.account_id].lots.append(OpenLot(row.id, None, row.points, row.remaining, row.expires_on))


def posted_keys(connection: Connection, source: str, drafts: Sequence[PostingDraft]) -> dict[str, int]:
    """Return the posting ids of those drafts that were posted before.

    Raises KeyUsedOtherwiseError where the same key stands for something else.
    """
    rows = connection.execute(
        text(
            "select p.idempotency_key, p.id, p.kind, p.points, e.account_id from posting p"
            " join ledger_entry e on e.posting_id = p.id and e.points = p.points"
            " join account a on a.id = e.account_id and a.kind <> 'system'"
            " where p.source = :source and p.idempotency_key = any(:keys)"
        ),
        {"source": source, "keys": [draft.key for draft in drafts]},
    )
    asked = {draft.key: draft for draft in drafts}
    found = {}
    for row in rows:
        draft = asked[row.idempotency_key]
        if (row.kind, row.points, row.account_id) != (draft.kind, draft.points, draft.account_id):
            raise KeyUsedOtherwiseError(source, draft.key)
        found[row.idempotency_key] = row.id
    return found


def insert_postings(
    connection: Connection,
    programme_id: UUID,
    source: str,
    drafts: Sequence[PostingDraft],
    recorded_at: datetime,
) -> list[int]:
    """Insert postings and return their ids in the drafts' order."""
    rows = connection.execute(
        text(
            "insert into posting (programme_id, company_id, kind, source, idempotency_key, points, happened_at,"
            " recorded_at) select :programme_id, n.company_id, n.kind, :source, n.key, n.points, n.happened_at,"
            " :recorded_at from unnest(cast(:companies as uuid[]), cast(:kinds as text[]),"
            " cast(:keys as text[]), cast(:points as bigint[]), cast(:happened as timestamptz[]))"
            " as n (company_id, kind, key, points, happened_at) returning idempotency_key, id"
        ),
        {
            "programme_id": programme_id,
            "source": source,
            "companies": [draft.company_id for draft in drafts],
            "kinds": [draft.kind.value for draft in drafts],
            "keys": [draft.key for draft in drafts],
            "points": [draft.points for draft in drafts],
            "happened": [draft.happened_at for draft in drafts],
            "recorded_at": recorded_at,
        },
    )
    ids = {row.idempotency_key: row.id for row in rows}
    return [ids[draft.key] for draft in drafts]


def write_batch(
    connection: Connection, batch: Batch, posting_ids: Sequence[int], recorded_at: datetime
) -> None:
    """Insert a batch's entries, lots and uses, and take what was used from lots that stood before."""
    connection.execute(
        text(
            "insert into ledger_entry (posting_id, account_id, company_id, points, balance_after,"
            " account_version, recorded_at) select n.*, :recorded_at"
            " from unnest(cast(:postings as bigint[]), cast(:accounts as uuid[]), cast(:companies as uuid[]),"
            " cast(:points as bigint[]), cast(:balances as bigint[]), cast(:versions as bigint[]))"
            " as n (posting_id, account_id, company_id, points, balance_after, account_version)"
        ),
        {
            "postings": [posting_ids[leg.posting_index] for leg in batch.legs],
            "accounts": [leg.account_id for leg in batch.legs],
            "companies": [leg.company_id for leg in batch.legs],
            "points": [leg.points for leg in batch.legs],
            "balances": [leg.balance_after for leg in batch.legs],
            "versions": [leg.account_version for leg in batch.legs],
            "recorded_at": recorded_at,
        },
    )
    _insert_lots(connection, batch, posting_ids)
    if batch.uses:
        connection.execute(
            text(
                "insert into lot_use (lot_id, posting_id, company_id, points)"
                " select n.* from unnest(cast(:lots as bigint[]), cast(:postings as bigint[]),"
                " cast(:companies as uuid[]), cast(:points as bigint[])) as n (a, b, c, d)"
            ),
            {
                "lots": [use.lot.ref for use in batch.uses],
                "postings": [posting_ids[use.posting_index] for use in batch.uses],
                "companies": [use.company_id for use in batch.uses],
                "points": [use.points for use in batch.uses],
            },
        )
    standing = {use.lot.ref: use.lot.remaining for use in batch.uses if use.lot.posting_index is None}
    if standing:
        connection.execute(
            text(
                "update lot set remaining = n.remaining"
                " from unnest(cast(:ids as bigint[]), cast(:remaining as bigint[])) as n (id, remaining)"
                " where lot.id = n.id"
            ),
            {"ids": list(standing), "remaining": list(standing.values())},
        )


def _insert_lots(connection: Connection, batch: Batch, posting_ids: Sequence[int]) -> None:
    """Insert the batch's new lots, as they are after the whole batch, and give them their ids."""
    if not batch.new_lots:
        return
    rows = connection.execute(
        text(
            "insert into lot (account_id, company_id, posting_id, points, remaining, available_from, expires_on)"
            " select n.* from unnest(cast(:accounts as uuid[]), cast(:companies as uuid[]),"
            " cast(:postings as bigint[]), cast(:points as bigint[]), cast(:remaining as bigint[]),"
            " cast(:available as timestamptz[]), cast(:expires as date[])) as n (a, b, c, d, e, f, g)"
            " returning posting_id, id"
        ),
        {
            "accounts": [draft.account_id for draft, _lot in batch.new_lots],
            "companies": [draft.company_id for draft, _lot in batch.new_lots],
            "postings": [
                posting_ids[lot.posting_index]
                for _draft, lot in batch.new_lots
                if lot.posting_index is not None
            ],
            "points": [lot.points for _draft, lot in batch.new_lots],
            "remaining": [lot.remaining for _draft, lot in batch.new_lots],
            "available": [draft.happened_at for draft, _lot in batch.new_lots],
            "expires": [draft.expires_on for draft, _lot in batch.new_lots],
        },
    )
    ids = {row.posting_id: row.id for row in rows}
    for _draft, lot in batch.new_lots:
        assert lot.posting_index is not None
        lot.ref = ids[posting_ids[lot.posting_index]]


def write_balances(connection: Connection, states: Collection[AccountState]) -> None:
    """Write the balances and versions of locked accounts."""
    connection.execute(
        text(
            "update account set balance = n.balance, version = n.version"
            " from unnest(cast(:ids as uuid[]), cast(:balances as bigint[]), cast(:versions as bigint[]))"
            " as n (id, balance, version) where account.id = n.id"
        ),
        {
            "ids": [state.account_id for state in states],
            "balances": [state.balance for state in states],
            "versions": [state.version for state in states],
        },
    )


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One posting on an account's statement: what moved and what the account held after it."""

    posting_id: int
    kind: PostingKind
    source: str
    points: int
    balance_after: int
    happened_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class CompanyBalance:
    """A company's account in one programme. `opened_lots` sum to the balance, or to nothing under a debt."""

    account_id: UUID
    programme_id: UUID
    balance: int
    open_lot_points: int
    next_expiry_on: date | None


def company_balances(connection: Connection, company_id: UUID) -> list[CompanyBalance]:
    """Return the company's own accounts of the scope, one per programme."""
    rows = connection.execute(
        text(
            "select a.id, a.programme_id, a.balance, coalesce(sum(l.remaining), 0)::bigint,"
            " min(l.expires_on) from account a left join lot l on l.account_id = a.id and l.remaining > 0"
            " where a.kind = 'company' and a.owner_id = :company_id"
            " group by a.id, a.programme_id, a.balance order by a.opened_at"
        ),
        {"company_id": company_id},
    )
    return [CompanyBalance(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Account:
    """An owner's account in one programme; `moved_at` is when points last moved, None while none ever did."""

    id: UUID
    programme_id: UUID
    kind: AccountKind
    owner_id: UUID
    company_id: UUID
    balance: int
    opened_at: datetime
    moved_at: datetime | None


_ACCOUNT = (
    "select a.id, a.programme_id, a.kind, a.owner_id, a.company_id, a.balance, a.opened_at,"
    " (select e.recorded_at from ledger_entry e where e.account_id = a.id and e.account_version = a.version)"
    " as moved_at from account a where a.kind = :kind and a.owner_id = :owner_id"
)


def _account(row: Row[Any]) -> Account:
    values = row._asdict()
    return Account(**{**values, "kind": AccountKind(values["kind"])})


def account_of(
    connection: Connection, programme_id: UUID, kind: AccountKind, owner_id: UUID
) -> Account | None:
    """Return the owner's account in the programme, of the scope; None while it has none."""
    row = connection.execute(
        text(_ACCOUNT + " and a.programme_id = :programme_id"),
        {"programme_id": programme_id, "kind": kind.value, "owner_id": owner_id},
    ).first()
    return _account(row) if row else None


def uses_of_posting(connection: Connection, posting_id: int) -> list[tuple[date | None, int]]:
    """Return (expiry, points) of the lots that a posting used, once per expiry, the soonest first."""
    rows = connection.execute(
        text(
            "select l.expires_on, sum(u.points)::bigint from lot_use u join lot l on l.id = u.lot_id"
            " where u.posting_id = :posting_id group by l.expires_on order by l.expires_on nulls last"
        ),
        {"posting_id": posting_id},
    )
    return [(row[0], row[1]) for row in rows]


def statement(
    connection: Connection, account_id: UUID, *, limit: int, offset: int = 0
) -> list[StatementLine]:
    """Return an account's postings, newest first."""
    rows = connection.execute(
        text(
            "select p.id, p.kind, p.source, e.points, e.balance_after, p.happened_at, e.recorded_at"
            " from ledger_entry e join posting p on p.id = e.posting_id where e.account_id = :account_id"
            " order by e.account_version desc limit :limit offset :offset"
        ),
        {"account_id": account_id, "limit": limit, "offset": offset},
    )
    return [
        StatementLine(row[0], PostingKind(row[1]), row[2], row[3], row[4], row[5], row[6]) for row in rows
    ]


def count_statement(connection: Connection, account_id: UUID) -> int:
    """Return how many postings the account's statement holds."""
    return int(
        connection.execute(
            text("select count(*) from ledger_entry where account_id = :account_id"),
            {"account_id": account_id},
        ).scalar_one()
    )


# What must hold of the books at any moment: each finds how many things break it, none when all is well.
BOOK_CHECKS: dict[str, str] = {
    "every posting sums to zero": (
        "select count(*) from (select posting_id from ledger_entry group by posting_id"
        " having sum(points) <> 0 or count(*) <> 2) broken"
    ),
    "every posting has its entries and every entry its posting": (
        "select count(*) from posting p full join (select posting_id, count(*) as legs, max(abs(points)) as points"
        " from ledger_entry group by posting_id) e on e.posting_id = p.id"
        " where p.id is null or e.posting_id is null or e.points <> abs(p.points)"
    ),
    "every balance is the sum of its entries": (
        "select count(*) from account a left join (select account_id, sum(points) as points from ledger_entry"
        " group by account_id) e on e.account_id = a.id where a.balance <> coalesce(e.points, 0)"
    ),
    "every balance follows from the one before": (
        "select count(*) from (select account_version, balance_after - points as before, row_number() over w as n,"
        " coalesce(lag(balance_after) over w, 0) as previous from ledger_entry"
        " window w as (partition by account_id order by account_version)) e"
        " where e.before <> e.previous or e.account_version <> e.n"
    ),
    "every account's version counts its entries": (
        "select count(*) from account a left join (select account_id, count(*) as entries from ledger_entry"
        " group by account_id) e on e.account_id = a.id where a.version <> coalesce(e.entries, 0)"
    ),
    "open lots equal the balance, or nothing under a debt": (
        "select count(*) from account a left join (select account_id, sum(remaining) as points from lot"
        " group by account_id) l on l.account_id = a.id"
        " where a.kind <> 'system' and coalesce(l.points, 0) <> greatest(a.balance, 0)"
    ),
    "every lot holds what its uses left of it": (
        "select count(*) from lot l left join (select lot_id, sum(points) as points from lot_use group by lot_id) u"
        " on u.lot_id = l.id where l.remaining <> l.points - coalesce(u.points, 0)"
    ),
    "every debit is covered by lots or is a debt": (
        "select count(*) from (select e.account_id, -sum(e.points) as debits from ledger_entry e"
        " join account a on a.id = e.account_id where a.kind <> 'system' and e.points < 0 group by e.account_id) d"
        " join account a on a.id = d.account_id left join (select l.account_id, sum(u.points) as used"
        " from lot_use u join lot l on l.id = u.lot_id group by l.account_id) u on u.account_id = d.account_id"
        " where d.debits <> coalesce(u.used, 0) + greatest(-a.balance, 0)"
    ),
    "every entry belongs to an account of its posting's programme": (
        "select count(*) from ledger_entry e left join account a on a.id = e.account_id"
        " left join posting p on p.id = e.posting_id"
        " where a.id is null or a.programme_id <> p.programme_id or a.company_id <> e.company_id"
    ),
    "every lot belongs to an account and a posting of its company": (
        "select count(*) from lot l left join account a on a.id = l.account_id"
        " left join posting p on p.id = l.posting_id where a.id is null or a.company_id is distinct from l.company_id"
        " or p.id is null or p.company_id <> l.company_id"
    ),
    "every use belongs to a lot and a posting of its company": (
        "select count(*) from lot_use u left join lot l on l.id = u.lot_id"
        " left join posting p on p.id = u.posting_id where l.id is null or l.company_id <> u.company_id"
        " or p.id is null or p.company_id <> u.company_id"
    ),
}


def postings_of_others(connection: Connection, known: Mapping[str, Collection[PostingKind]]) -> int:
    """Return how many postings are not of a known source, or of a kind that their source does not post."""
    pairs = [(source, kind.value) for source, kinds in known.items() for kind in kinds]
    return int(
        connection.execute(
            text(
                "select count(*) from posting p where not exists (select from"
                " unnest(cast(:sources as text[]), cast(:kinds as text[])) k (source, kind)"
                " where k.source = p.source and k.kind = p.kind)"
            ),
            {"sources": [source for source, _kind in pairs], "kinds": [kind for _source, kind in pairs]},
        ).scalar_one()
    )


def broken_books(connection: Connection) -> dict[str, int]:
    """Return, for each of BOOK_CHECKS, how many things break it."""
    return {name: int(connection.execute(text(query)).scalar_one()) for name, query in BOOK_CHECKS.items()}
