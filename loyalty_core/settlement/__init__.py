"""From lines to awards to postings."""

from loyalty_core.settlement.claims import ClaimPoints, claim_points, explain_claim
from loyalty_core.settlement.commands import (
    BookCheck,
    check_books,
    queue_unfinished_requests,
    request_settlement,
    run_requested_settlement,
    settle_due,
    settle_programme,
)
from loyalty_core.settlement.sources import (
    NoSourceRowError,
    NotFromAFileError,
    SourceRow,
    row_behind_claim,
    row_behind_line,
)
from loyalty_core.settlement.states import RequestState
from loyalty_core.settlement.store import (
    AwardOfPosting,
    LineOfCompany,
    Settlement,
    SettlementRequest,
    awards_of_claim,
    awards_of_posting,
    count_awards_of_posting,
    count_lines_of_company,
    count_lines_since,
    latest_request,
    lines_of_company,
    mark_of,
    request_by_id,
    settlements,
)

__all__ = [
    "AwardOfPosting",
    "BookCheck",
    "ClaimPoints",
    "LineOfCompany",
    "NoSourceRowError",
    "NotFromAFileError",
    "RequestState",
    "Settlement",
    "SettlementRequest",
    "SourceRow",
    "awards_of_claim",
    "awards_of_posting",
    "check_books",
    "claim_points",
    "count_awards_of_posting",
    "count_lines_of_company",
    "count_lines_since",
    "explain_claim",
    "latest_request",
    "lines_of_company",
    "mark_of",
    "queue_unfinished_requests",
    "request_by_id",
    "request_settlement",
    "row_behind_claim",
    "row_behind_line",
    "run_requested_settlement",
    "settle_due",
    "settle_programme",
    "settlements",
]
