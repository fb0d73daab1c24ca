"""What `check-books` checks beside sales, awards and the ledger: what each subdomain says must hold of its own."""

from collections.abc import Callable, Mapping
from functools import partial

from sqlalchemy import Connection

from loyalty_core import (
    access,
    budgets,
    corrections,
    intake,
    ledger,
    rewards,
    sales,
    settlement,
    verification,
)
from loyalty_core.kernel import Settings
from loyalty_core.ledger import PostingKind

BOOKS = (budgets.broken_budgets, rewards.broken_orders, sales.broken_lines, corrections.broken_undos)

POSTING_SOURCES: Mapping[str, frozenset[PostingKind]] = {
    settlement.SOURCE: frozenset({PostingKind.EARN, PostingKind.TAKE_BACK}),
    rewards.SOURCE: frozenset({PostingKind.SPEND, PostingKind.GIVE_BACK}),
}
"""Everything that posts points, with the kinds of its postings."""


def broken_sources(connection: Connection) -> dict[str, int]:
    """Return how many postings are of nobody who posts points."""
    return {
        "every posting is of a known source": ledger.postings_of_others(connection, POSTING_SOURCES),
    }


def books_of(settings: Settings) -> tuple[Callable[[Connection], Mapping[str, int]], ...]:
    """Return all checks of a home: of the books, of who posted, of people's rights and of the files they rest on."""
    return (
        *BOOKS,
        broken_sources,
        access.broken_rights,
        partial(intake.broken_originals, settings=settings),
        partial(verification.broken_documents, settings=settings),
    )
