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
    Account,
    CompanyBalance,
    KeyUsedOtherwiseError,
    StatementLine,
    account_of,
    broken_books,
    company_balances,
    count_statement,
    open_accounts,
    postings_of_others,
    statement,
    uses_of_posting,
)

__all__ = [
    "Account",
    "AccountKind",
    "CompanyBalance",
    "KeyUsedOtherwiseError",
    "NotEnoughPointsError",
    "PostingDraft",
    "PostingKind",
    "StatementLine",
    "SystemAccount",
    "account_of",
    "broken_books",
    "company_balances",
    "count_statement",
    "open_accounts",
    "post",
    "postings_of_others",
    "statement",
    "uses_of_posting",
]
