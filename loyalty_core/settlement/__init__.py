"""From lines to awards to postings."""

from loyalty_core.settlement.commands import BookCheck, check_books, settle_programme
from loyalty_core.settlement.store import (
    AwardOfPosting,
    Settlement,
    awards_of_posting,
    count_awards_of_posting,
    count_lines_since,
    mark_of,
    settlements,
)

__all__ = [
    "AwardOfPosting",
    "BookCheck",
    "Settlement",
    "awards_of_posting",
    "check_books",
    "count_awards_of_posting",
    "count_lines_since",
    "mark_of",
    "settle_programme",
    "settlements",
]
