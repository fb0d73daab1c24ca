"""The queue of claims: which wait, in which order, each beside the sold line that comes nearest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core.verification.matching import judged, nearest_lines
from loyalty_core.verification.policy import (
    Agreement,
    Claim,
    Difference,
    LineBeside,
    QueueOrder,
    agreement_of,
    differences,
)
from loyalty_core.verification.states import ClaimState
from loyalty_core.verification.store import claim_by_number, claims_by_number


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which claims to show. None and '' find all; `words` are looked for in numbers, codes and names."""

    agreement: Agreement | None = None
    programme_id: UUID | None = None
    participant_id: UUID | None = None
    words: str = ""
    state: ClaimState | None = ClaimState.WAITING


@dataclass(frozen=True, slots=True)
class QueuedClaim:
    """A claim with the sold line that comes nearest to it.

    `at_stake_minor` is what the claimed units came to at that line's price, in minor units of `currency`; both
    None where no line of the product was found. `claims_decided` and `claims_rejected` count this claimant's.
    """

    claim: Claim
    best: LineBeside | None
    differences: tuple[Difference, ...]
    agreement: Agreement
    at_stake_minor: int | None
    currency: str | None
    claims_decided: int
    claims_rejected: int


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """What waits: how many claims, since when, what they come to by currency (minor units), how they agree."""

    count: int
    oldest_at: datetime | None
    at_stake: Mapping[str, int]
    by_agreement: Mapping[Agreement, int]


_FOUND = (
    "select c.number, c.recorded_at, coalesce(pp.display_name, k.name) as claimant from claim c"
    " join company k on k.id = c.company_id"
    " left join participant p on p.id = c.participant_id"
    " left join participant_person pp on pp.participant_id = c.participant_id"
    " where (cast(:state as text) is null or c.state = :state)"
    " and (cast(:programme_id as uuid) is null or c.programme_id = :programme_id)"
    " and (cast(:participant_id as uuid) is null or c.participant_id = :participant_id)"
    " and (:words = '' or position(lower(:words) in lower(concat_ws(' ', c.claim_no, c.invoice_no,"
    " c.product_code, k.code, k.name, p.code, pp.display_name))) > 0)"
)


def _parameters(found: QueueFilter) -> dict[str, object]:
    return {
        "state": found.state.value if found.state else None,
        "programme_id": found.programme_id,
        "participant_id": found.participant_id,
        "words": found.words.strip(),
    }


def claims_queue(
    connection: Connection, found: QueueFilter, order: QueueOrder, *, limit: int, offset: int = 0
) -> list[QueuedClaim]:
    """Return claims of the scope, each beside its best line.

    AGE: the oldest first; VALUE: what is worth most first, whatever the currency; CLAIMANT: by name, then age.
    """
    numbers = _numbers(connection, found, order, limit=limit, offset=offset)
    return queued_claims(connection, numbers)


def _numbers(
    connection: Connection, found: QueueFilter, order: QueueOrder, *, limit: int, offset: int
) -> list[int]:
    by = "claimant, recorded_at, number" if order is QueueOrder.CLAIMANT else "recorded_at, number"
    if found.agreement is None and order is not QueueOrder.VALUE:
        rows = connection.execute(
            text(f"{_FOUND} order by {by} limit :limit offset :offset"),
            {**_parameters(found), "limit": limit, "offset": offset},
        )
        return [row.number for row in rows]
    numbers = [row.number for row in connection.execute(text(f"{_FOUND} order by {by}"), _parameters(found))]
    agreements = judged(connection, numbers)
    if found.agreement is not None:
        numbers = [number for number in numbers if agreements[number].agreement is found.agreement]
    if order is QueueOrder.VALUE:
        # Sorting is stable: of equal value, the older first.
        numbers.sort(key=lambda number: -(agreements[number].at_stake_minor or 0))
    return numbers[offset : offset + limit]


def count_queue(connection: Connection, found: QueueFilter) -> int:
    """Return how many claims `claims_queue` would return in all."""
    if found.agreement is None:
        return int(
            connection.execute(
                text(f"select count(*) from ({_FOUND}) c"),  # noqa: S608 put together from constants
                _parameters(found),
            ).scalar_one()
        )
    numbers = [row.number for row in connection.execute(text(_FOUND), _parameters(found))]
    return sum(one.agreement is found.agreement for one in judged(connection, numbers).values())


def queued_claims(connection: Connection, numbers: Sequence[int]) -> list[QueuedClaim]:
    """Return those of the claims that lie in the scope, in the order asked for, each beside its best line."""
    claims = claims_by_number(connection, numbers)
    lines = nearest_lines(connection, list(claims), places=1, is_wide=False)
    records = _records(connection, list(claims.values()))
    queued = []
    for number in numbers:
        if number not in claims:
            continue
        claim = claims[number]
        best, at_stake = next(iter(lines[number]), (None, None))
        found = differences(claim, best)
        decided, rejected = records.get((claim.participant_id, claim.company_id), (0, 0))
        queued.append(
            QueuedClaim(
                claim=claim,
                best=best,
                differences=found,
                agreement=agreement_of(found),
                at_stake_minor=at_stake,
                currency=best.currency if best is not None and at_stake is not None else None,
                claims_decided=decided,
                claims_rejected=rejected,
            )
        )
    return queued


def queued_claim(connection: Connection, number: int) -> QueuedClaim:
    """Return a claim of the scope, waiting or not, beside its best line. Raises UnknownClaimError."""
    claim_by_number(connection, number)
    return queued_claims(connection, [number])[0]


def _records(
    connection: Connection, claims: Sequence[Claim]
) -> dict[tuple[UUID | None, UUID], tuple[int, int]]:
    """Return how many claims of each claimant were decided, and how many of them are rejected."""
    rows = connection.execute(
        text(
            "select participant_id, company_id, count(*), count(*) filter (where state = 'rejected')"
            " from claim where state <> 'waiting'"
            " and company_id in (select unnest(cast(:companies as uuid[]))) group by participant_id, company_id"
        ),
        {"companies": list({claim.company_id for claim in claims})},
    )
    return {(row[0], row[1]): (int(row[2]), int(row[3])) for row in rows}


def queue_summary(connection: Connection) -> QueueSummary:
    """Return what waits in the scope."""
    waiting = connection.execute(text(_FOUND), _parameters(QueueFilter())).all()
    at_stake: dict[str, int] = {}
    by_agreement = dict.fromkeys(Agreement, 0)
    for one in judged(connection, [row.number for row in waiting]).values():
        by_agreement[one.agreement] += 1
        if one.at_stake_minor is not None and one.currency is not None:
            at_stake[one.currency] = at_stake.get(one.currency, 0) + one.at_stake_minor
    return QueueSummary(
        count=len(waiting),
        oldest_at=min((row.recorded_at for row in waiting), default=None),
        at_stake=at_stake,
        by_agreement=by_agreement,
    )
