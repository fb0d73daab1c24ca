"""Deciding about claims in tests: on what is there at that moment, as if just shown."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from loyalty_core import verification
from loyalty_core.kernel import Database, NotFoundError, Scope
from loyalty_core.verification import Claim, ClaimOutcome
from tests.access.people import COMMAND_LINE


def shown(database: Database, numbers: Sequence[int]) -> dict[int, str]:
    """Return the hash of each claim as it is; of an unknown one, that of nothing."""
    found = dict.fromkeys(numbers, "")
    with database.snapshot(COMMAND_LINE) as connection:
        for number in found:
            try:
                found[number] = verification.claim_by_number(connection, number).payload_hash
            except NotFoundError:
                continue
    return found


def approve_as_shown(
    database: Database, scope: Scope, numbers: Sequence[int], *, request_key: UUID | None = None
) -> list[ClaimOutcome]:
    """Approve claims as they are now."""
    return verification.approve_claims(database, scope, shown(database, numbers), request_key=request_key)


def reject_as_shown(
    database: Database,
    scope: Scope,
    numbers: Sequence[int],
    *,
    reason: str,
    reason_code: str | None = None,
    request_key: UUID | None = None,
) -> list[ClaimOutcome]:
    """Reject claims as they are now."""
    return verification.reject_claims(
        database,
        scope,
        shown(database, numbers),
        reason=reason,
        reason_code=reason_code,
        request_key=request_key,
    )


def correct_as_shown(
    database: Database,
    scope: Scope,
    number: int,
    *,
    sales_line_id: int | None,
    quantity: Decimal,
    reason: str,
    request_key: UUID | None = None,
) -> Claim:
    """Correct a claim as it is now."""
    return verification.correct_claim(
        database,
        scope,
        number,
        payload_hash=shown(database, [number])[number],
        sales_line_id=sales_line_id,
        quantity=quantity,
        reason=reason,
        request_key=request_key,
    )
