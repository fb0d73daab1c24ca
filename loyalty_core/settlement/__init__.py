"""From lines to awards to postings."""

from loyalty_core.settlement.commands import BookCheck, check_books, settle_programme
from loyalty_core.settlement.store import (
    AwardOfPosting,
    LineOfCompany,
    Settlement,
    awards_of_posting,
    count_awards_of_posting,
    count_lines_of_company,
    count_lines_since,
    line_with_points,
    lines_of_company,
    mark_of,
    settlements,
)

__all__ = [
    "AwardOfPosting",
    "BookCheck",
    "LineOfCompany",
    "Settlement",
    "awards_of_posting",
    "check_books",
    "count_awards_of_posting",
    "count_lines_of_company",
    "count_lines_since",
    "line_with_points",
    "lines_of_company",
    "mark_of",
    "settle_programme",
    "settlements",
]
