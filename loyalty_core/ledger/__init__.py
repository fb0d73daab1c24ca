"""Points, by double entry: they exist only here."""

from loyalty_core.ledger.commands import post
from loyalty_core.ledger.policy import (
    AccountKind,
    NotEnoughPointsError,
    PostingDraft,
    PostingKind,
    SystemAccount,
)
from loyalty_core.ledger.store import (
    CompanyBalance,
    KeyUsedOtherwiseError,
    StatementLine,
    broken_books,
    company_balances,
    count_statement,
    open_accounts,
    statement,
)

__all__ = [
    "AccountKind",
    "CompanyBalance",
    "KeyUsedOtherwiseError",
    "NotEnoughPointsError",
    "PostingDraft",
    "PostingKind",
    "StatementLine",
    "SystemAccount",
    "broken_books",
    "company_balances",
    "count_statement",
    "open_accounts",
    "post",
    "statement",
]
