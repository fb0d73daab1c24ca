"""Accounts to post to, without companies behind them: the ledger knows only ids."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core.kernel import new_id
from loyalty_core.ledger import AccountKind, PostingDraft, PostingKind, open_accounts

MOMENT = datetime(2026, 3, 10, 12, tzinfo=UTC)


def accounts(connection: Connection, programme_id: UUID, count: int) -> list[tuple[UUID, UUID]]:
    """Open accounts of as many new companies and return (account id, company id) of each."""
    companies = [new_id() for _number in range(count)]
    opened = open_accounts(
        connection, programme_id, AccountKind.COMPANY, [(one, one) for one in companies], MOMENT
    )
    return [(opened[company], company) for company in companies]


def draft(
    account: tuple[UUID, UUID],
    kind: PostingKind,
    points: int,
    *,
    key: str | None = None,
    expires_on: date | None = None,
) -> PostingDraft:
    """Return a posting of the points, which carry their sign."""
    return PostingDraft(
        key=key or new_id().hex,
        account_id=account[0],
        company_id=account[1],
        kind=kind,
        points=points,
        happened_at=MOMENT,
        expires_on=expires_on,
    )


def balances(connection: Connection, of: Iterable[tuple[UUID, UUID]]) -> list[int]:
    """Return what the accounts hold, in their order."""
    held = {row.id: row.balance for row in connection.execute(text("select id, balance from account"))}
    return [held[account_id] for account_id, _company in of]
