"""The queue of claims: which wait, in which order, each beside the sold line that comes nearest.

What comparing a claim with the sales said stands in the claim itself, so that filters, order and page are one
query over an index, however many claims wait.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core.kernel import Sort, Sorts, share_minor
from loyalty_core.verification.coming_back import came_back
from loyalty_core.verification.deadlines import OVERDUE, deadlines
from loyalty_core.verification.matching import UNITS_OWN, candidates
from loyalty_core.verification.policy import (
    Claim,
    Difference,
    LineBeside,
    QueueOrder,
    Verdict,
    differences,
    is_approvable,
)
from loyalty_core.verification.states import ClaimState
from loyalty_core.verification.store import claim_by_number, claims_by_number


class Assigned(StrEnum):
    """Whose claims to show, beside those of one person."""

    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which claims to show. None, False and '' find all; `words` are looked for in numbers, codes and names.

    Without a `state`: what waits for an operator, second decisions among it; with `every_state`, all there is.
    `assigned_to` is a person, or Assigned.NOBODY. `needs_second`: a decision waits for a second person. `came_back`:
    approved, and units of the sale came back afterwards, as `coming_back.came_back` finds them, or found them before:
    then `known_back` are their numbers.
    """

    verdict: Verdict | None = None
    programme_id: UUID | None = None
    participant_id: UUID | None = None
    company_id: UUID | None = None
    import_id: UUID | None = None
    words: str = ""
    state: ClaimState | None = None
    every_state: bool = False
    assigned_to: UUID | Assigned | None = None
    is_overdue: bool = False
    needs_second: bool = False
    came_back: bool = False
    known_back: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class QueuedClaim:
    """A claim with the sold line that comes nearest to it.

    `best` is the decided line of an approved claim. None: nothing comes near, or what does is out of sight.
    `at_stake_minor` is what the claimed units come to at that line's price, in minor units of `currency`; both
    None where no line of the product was found. `claims_decided` and `claims_wrong` count this claimant's: wrong is
    what was rejected or had to be corrected. `duplicate_of` is the number, as people say it, of the claim that this
    one repeats; `proposed_invoice_no` the invoice that it seems to mean.
    """

    claim: Claim
    best: LineBeside | None
    differences: tuple[Difference, ...]
    is_approvable: bool
    at_stake_minor: int | None
    currency: str | None
    claims_decided: int
    claims_wrong: int
    duplicate_of: str | None
    proposed_invoice_no: str | None
    needs_second: bool


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """What waits: how many claims, since when, what they come to by currency (minor units), and why they wait.

    `count` takes in what waits for a second person; `by_verdict` has None for what was not compared yet.
    """

    count: int
    oldest_at: datetime | None
    at_stake: Mapping[str, int]
    by_verdict: Mapping[Verdict | None, int]
    overdue: int
    asked: int
    needs_second: int


_SECOND = "exists (select from claim_proposal q where q.claim_number = c.number and q.outcome is null)"
_TO_DECIDE = f"(c.state in ('waiting', 'proposed') or (c.state in ('approved', 'rejected') and {_SECOND}))"

_FROM = (
    " from claim c left join company k on k.id = c.company_id"
    " left join participant p on p.id = c.participant_id"
    " left join participant_person pp on pp.participant_id = c.participant_id"
)

_ORDERS = {
    QueueOrder.EXPECTED_LOSS: "c.expected_loss_minor desc nulls last, c.at_stake_minor desc nulls last, c.recorded_at",
    QueueOrder.AGE: "c.recorded_at",
    QueueOrder.VALUE: "c.at_stake_minor desc nulls last, c.recorded_at",
    QueueOrder.CLAIMANT: "coalesce(pp.display_name, k.name, c.company_code_said), c.recorded_at",
}
_SORTS = {
    order: Sorts(
        {
            "since": "c.recorded_at",
            "claim": "c.claim_no",
            "value": "c.at_stake_minor",
            "loss": "c.expected_loss_minor",
            "claimant": "folded(coalesce(pp.display_name, k.name, c.company_code_said))",
            "quantity": "c.quantity",
            "invoice": "c.invoice_no",
            "sold": "c.sold_on",
        },
        default=f"{first}, c.number",
    )
    for order, first in _ORDERS.items()
}


def _where(connection: Connection, found: QueueFilter) -> tuple[str, dict[str, object]]:
    """Return the condition over `_FROM`, and its values: only what is asked, so that an index can serve it."""
    conditions: list[str] = []
    values: dict[str, object] = {}
    if found.state is not None:
        conditions.append("c.state = :state")
        values["state"] = found.state.value
    elif found.came_back:
        conditions.append("c.state = 'approved'")
    elif not found.every_state:
        conditions.append(_TO_DECIDE)
    if found.verdict is not None:
        conditions.append("c.verdict = :verdict")
        values["verdict"] = found.verdict.value
    for name in ("programme_id", "participant_id", "company_id", "import_id"):
        value = getattr(found, name)
        if value is not None:
            conditions.append(f"c.{name} = :{name}")
            values[name] = value
    if found.assigned_to is Assigned.NOBODY:
        conditions.append("c.assigned_to is null")
    elif found.assigned_to is not None:
        conditions.append("c.assigned_to = :assigned_to")
        values["assigned_to"] = found.assigned_to
    if found.is_overdue:
        conditions.append(OVERDUE)
        values |= deadlines(connection).parameters()
    if found.needs_second:
        conditions.append(_SECOND)
    if found.came_back:
        conditions.append("c.number in (select unnest(cast(:came_back as bigint[])))")
        values["came_back"] = list(came_back(connection) if found.known_back is None else found.known_back)
    if found.words.strip():
        conditions.append(
            "position(folded(:words) in folded(concat_ws(' ', c.claim_no, c.invoice_no, c.product_code, k.code,"
            " k.name, c.company_code_said, p.code, pp.display_name))) > 0"
        )
        values["words"] = found.words.strip()
    return " and ".join(conditions) or "true", values


def claims_queue(
    connection: Connection,
    found: QueueFilter,
    order: QueueOrder,
    *,
    sort: Sort | None = None,
    limit: int,
    offset: int = 0,
) -> list[QueuedClaim]:
    """Return claims of the scope, each beside its best line.

    EXPECTED_LOSS, VALUE: the greatest first, whatever the currency; AGE: the oldest first; CLAIMANT: by name, then
    age. `sort` comes before these: by since, claim, value, loss, claimant, quantity, invoice or sold.
    """
    where, values = _where(connection, found)
    order_by = _SORTS[order].order_by(sort)
    rows = connection.execute(
        text(
            f"select c.number {_FROM} where {where}{order_by} limit :limit offset :offset"  # from constants
        ),
        {**values, "limit": limit, "offset": offset},
    )
    return queued_claims(connection, [row.number for row in rows])


def count_queue(connection: Connection, found: QueueFilter) -> int:
    """Return how many claims `claims_queue` would return in all."""
    where, values = _where(connection, found)
    return int(
        connection.execute(
            text(f"select count(*) {_FROM} where {where}"),
            values,
        ).scalar_one()
    )


_BESIDE = (
    "select c.number, l.id as sales_line_id, l.company_id, k.code as company_code, k.name as company_name,"  # noqa: S608 put together from constants
    " l.invoice_no, p.code as product_code, p.name as product_name, l.quantity,"
    " l.quantity - coalesce(n.units_claimed, 0) + own.units as units_left, own.units as units_own,"
    " l.sold_on, l.sold_at, l.unit_price,"
    " l.amount_minor, l.currency, l.import_id, i.number as import_number, f.file_name, l.sheet, l.row_no"
    " from claim c join sales_line l on l.id = coalesce(c.sales_line_id, c.best_line_id)"
    " join company k on k.id = l.company_id join product p on p.id = l.product_id"
    " left join claimed_line n on n.sales_line_id = l.id and n.programme_id is not distinct from c.programme_id"
    f" cross join lateral (select {UNITS_OWN} as units) own"
    " left join file_import i on i.id = l.import_id left join received_file f on f.id = i.file_id"
    " where c.number = any(:numbers)"
)
_UNITS_LEFT = (
    "select c.number, sum(greatest(o.quantity - coalesce(n.units_claimed, 0), 0)) as units_left"
    " from claim c join sales_line l on l.id = coalesce(c.sales_line_id, c.best_line_id)"
    " join sales_line o on o.company_id = l.company_id and o.invoice_no = l.invoice_no"
    " and o.product_id = l.product_id and o.currency = l.currency and o.quantity > 0"
    " left join claimed_line n on n.sales_line_id = o.id and n.programme_id is not distinct from c.programme_id"
    " where c.number = any(:numbers) and c.state in ('waiting', 'asked', 'proposed') group by c.number"
)


def _lines(connection: Connection, claims: Mapping[int, Claim]) -> dict[int, LineBeside]:
    """Return the best line of each claim; of one that was not judged yet, what comes nearest now."""
    found: dict[int, LineBeside] = {}
    for row in connection.execute(text(_BESIDE), {"numbers": list(claims)}):
        values = row._asdict()
        number = values.pop("number")
        found[number] = LineBeside(**values)
    for number, claim in claims.items():
        if claim.verdict is None and number not in found:
            nearest = candidates(connection, number, limit=1)
            if nearest:
                found[number] = nearest[0]
    return found


def queued_claims(connection: Connection, numbers: Sequence[int]) -> list[QueuedClaim]:
    """Return those of the claims that lie in the scope, in the order asked for, each beside its best line."""
    claims = claims_by_number(connection, numbers)
    lines = _lines(connection, claims)
    records = _records(connection, list(claims.values()))
    hints = _hints(connection, list(claims))
    left = {
        row.number: row.units_left for row in connection.execute(text(_UNITS_LEFT), {"numbers": list(claims)})
    }
    queued = []
    for number in numbers:
        if number not in claims:
            continue
        claim, best = claims[number], lines.get(number)
        at_stake, currency = claim.at_stake_minor, claim.stake_currency
        if at_stake is None and best is not None and best.product_code == claim.product_code:
            at_stake = share_minor(best.amount_minor, claim.quantity, best.quantity)
            currency = best.currency
        decided, wrong = records.get((claim.participant_id, claim.company_id), (0, 0))
        duplicate_of, invoice_no, needs_second = hints.get(number, (None, None, False))
        queued.append(
            QueuedClaim(
                claim=claim,
                best=best,
                differences=differences(claim, best),
                is_approvable=is_approvable(claim.verdict, claim, best, left.get(number)),
                at_stake_minor=at_stake,
                currency=currency if at_stake is not None else None,
                claims_decided=decided,
                claims_wrong=wrong,
                duplicate_of=duplicate_of,
                proposed_invoice_no=invoice_no,
                needs_second=needs_second,
            )
        )
    return queued


def _hints(connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[str | None, str | None, bool]]:
    """Return, for each claim: the claim it repeats, the invoice it seems to mean, whether a second is needed."""
    rows = connection.execute(
        text(
            "select c.number, d.claim_no as duplicate_of, v.proposed_invoice_no,"  # noqa: S608 put together from constants
            f" {_SECOND} as needs_second from claim c left join lateral ("
            "select v.duplicate_of, v.proposed_invoice_no from claim_verdict v where v.claim_number = c.number"
            " order by v.id desc limit 1) v on true left join claim d on d.number = v.duplicate_of"
            " where c.number = any(:numbers)"
        ),
        {"numbers": list(numbers)},
    )
    return {row.number: (row.duplicate_of, row.proposed_invoice_no, row.needs_second) for row in rows}


def queued_claim(connection: Connection, number: int) -> QueuedClaim:
    """Return a claim of the scope, waiting or not, beside its best line. Raises UnknownClaimError."""
    claim_by_number(connection, number)
    return queued_claims(connection, [number])[0]


def _records(
    connection: Connection, claims: Sequence[Claim]
) -> dict[tuple[UUID | None, UUID | None], tuple[int, int]]:
    """Return how many claims of each claimant were decided, and how many of them were wrong."""
    rows = connection.execute(
        text(
            "select c.participant_id, c.company_id, count(*), count(*) filter (where c.state = 'rejected'"
            " or d.kind = 'correct') from claim c join claim_decision d on d.claim_number = c.number"
            " and d.revision = c.revision where c.state in ('approved', 'rejected')"
            " and c.company_id in (select unnest(cast(:companies as uuid[]))) group by c.participant_id, c.company_id"
        ),
        {"companies": list({claim.company_id for claim in claims})},
    )
    return {(row[0], row[1]): (int(row[2]), int(row[3])) for row in rows}


def queue_summary(connection: Connection) -> QueueSummary:
    """Return what waits in the scope."""
    rows = connection.execute(
        text(
            "select c.verdict, c.stake_currency, count(*) as n, min(c.recorded_at) as oldest_at,"  # noqa: S608 constants
            " coalesce(sum(c.at_stake_minor), 0)::bigint as at_stake,"
            f" count(*) filter (where {OVERDUE}) as overdue, count(*) filter (where {_SECOND}) as needs_second"
            f" from claim c where {_TO_DECIDE} group by c.verdict, c.stake_currency"
        ),
        deadlines(connection).parameters(),
    ).all()
    asked = connection.execute(text("select count(*) from claim where state = 'asked'")).scalar_one()
    at_stake: dict[str, int] = {}
    by_verdict: dict[Verdict | None, int] = {}
    for row in rows:
        verdict = Verdict(row.verdict) if row.verdict else None
        by_verdict[verdict] = by_verdict.get(verdict, 0) + row.n
        if row.stake_currency is not None and row.at_stake:
            at_stake[row.stake_currency] = at_stake.get(row.stake_currency, 0) + row.at_stake
    return QueueSummary(
        count=sum(row.n for row in rows),
        oldest_at=min((row.oldest_at for row in rows), default=None),
        at_stake=at_stake,
        by_verdict=by_verdict,
        overdue=sum(row.overdue for row in rows),
        asked=int(asked),
        needs_second=sum(row.needs_second for row in rows),
    )
