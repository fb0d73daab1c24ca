"""Queries that lay claims beside the lines that were sold.

What is looked for, in this order: lines of the claim's company under its invoice; where there are none, lines of
the weeks around under the same invoice and product of another company, and of the same product and company under
another invoice. A return is never laid beside a claim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core.verification.policy import (
    DAYS_AROUND,
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


# Candidates for the claims in the array :numbers, each with its rank: the smaller, the nearer.
_CANDIDATES = """
with wanted as materialized (
    select c.number, c.programme_id, c.company_id, c.invoice_no, c.product_code, p.id as product_id, c.quantity,
        c.sold_on, c.sales_line_id, c.approved_quantity
    from claim c left join product p on p.code = c.product_code
    where c.number in (select unnest(cast(:numbers as bigint[])))
),
own_invoice as materialized (
    select w.number, l.id from wanted w
    join sales_line l on l.company_id = w.company_id and l.invoice_no = w.invoice_no and l.quantity > 0
),
unfound as materialized (
    select w.* from wanted w
    where :is_wide or not exists (select from own_invoice o where o.number = w.number)
),
-- Their bounds apart, so that the index over days bounds what is read.
other_company as (
    select w.number, l.id from unfound w
    join sales_line l on l.invoice_no = w.invoice_no and l.product_id = w.product_id
    where l.company_id <> w.company_id and l.quantity > 0
        and l.sold_on between w.sold_on - :days and w.sold_on + :days
        and l.sold_on between (select min(sold_on) - :days from unfound)
            and (select max(sold_on) + :days from unfound)
),
other_invoice as (
    select w.number, l.id from unfound w
    join sales_line l on l.company_id = w.company_id and l.product_id = w.product_id
    where l.invoice_no <> w.invoice_no and l.quantity > 0
        and l.sold_on between w.sold_on - :days and w.sold_on + :days
),
found as (
    select number, id from own_invoice
    union select number, id from other_company
    union select number, id from other_invoice
    union select number, sales_line_id from wanted where sales_line_id is not null
),
beside as (
    select w.number, l.id, w.quantity as wanted_quantity, l.quantity, l.amount_minor, l.currency, l.product_id,
        w.sales_line_id is not distinct from l.id as is_decided,
        l.company_id = w.company_id as same_company,
        l.invoice_no = w.invoice_no as same_invoice,
        l.product_id is not distinct from w.product_id as same_product,
        l.quantity = w.quantity as same_quantity,
        abs(l.sold_on - w.sold_on) as days_apart,
        l.quantity - coalesce(n.units_claimed, 0)
            + case when w.sales_line_id = l.id then w.approved_quantity else 0 end as units_left
    from found f join wanted w on w.number = f.number join sales_line l on l.id = f.id
    left join claimed_line n on n.sales_line_id = l.id and n.programme_id is not distinct from w.programme_id
),
ranked as (
    select b.*, row_number() over (
        partition by b.number
        order by b.is_decided desc, b.same_company and b.same_invoice and b.same_product desc,
            b.same_quantity and b.units_left >= b.wanted_quantity desc, b.same_company and b.same_invoice desc,
            b.same_invoice desc, b.same_product desc, b.same_quantity desc,
            b.units_left >= b.wanted_quantity desc, b.days_apart, b.id
    ) as place
    from beside b
)
"""

_LINES = (
    _CANDIDATES
    + """
select r.number, l.id as sales_line_id, l.company_id, k.code as company_code, k.name as company_name,
    l.invoice_no, p.code as product_code, p.name as product_name, l.quantity, r.units_left, l.sold_on, l.sold_at,
    l.unit_price, l.amount_minor, l.currency, l.import_id, i.number as import_number, f.file_name, l.sheet,
    l.row_no, case when r.same_product then round(r.amount_minor * r.wanted_quantity / r.quantity)::bigint
    end as at_stake_minor
from ranked r join sales_line l on l.id = r.id join company k on k.id = l.company_id
join product p on p.id = l.product_id
left join file_import i on i.id = l.import_id left join received_file f on f.id = i.file_id
where r.place <= :places order by r.number, r.place
"""
)

_JUDGED = (
    _CANDIDATES
    + """
select w.number, r.currency,
    case when r.same_product then round(r.amount_minor * r.wanted_quantity / r.quantity)::bigint end as at_stake_minor,
    case when r.id is null then 'no_line'
        when not (r.same_company and r.same_invoice and r.same_product and r.same_quantity) then 'differs'
        when r.units_left < r.wanted_quantity then 'units_taken'
        else 'agrees' end as agreement
from wanted w left join ranked r on r.number = w.number and r.place = 1
"""
)


@dataclass(frozen=True, slots=True)
class _Judged:
    """How a claim agrees with its best line, and what it comes to."""

    agreement: Agreement
    at_stake_minor: int | None
    currency: str | None


def _judged(connection: Connection, numbers: Sequence[int]) -> dict[int, _Judged]:
    if not numbers:
        return {}
    rows = connection.execute(
        text(_JUDGED), {"numbers": list(numbers), "days": DAYS_AROUND, "is_wide": False}
    )
    return {row.number: _Judged(Agreement(row.agreement), row.at_stake_minor, row.currency) for row in rows}


def _lines(
    connection: Connection, numbers: Sequence[int], *, places: int, is_wide: bool
) -> dict[int, list[tuple[LineBeside, int | None]]]:
    """Return the nearest lines of each claim, with what the claim comes to at each one's price."""
    found: dict[int, list[tuple[LineBeside, int | None]]] = {number: [] for number in numbers}
    if numbers:
        rows = connection.execute(
            text(_LINES),
            {"numbers": list(numbers), "days": DAYS_AROUND, "is_wide": is_wide, "places": places},
        )
        for row in rows:
            values = row._asdict()
            number, at_stake = values.pop("number"), values.pop("at_stake_minor")
            found[number].append((LineBeside(**values), at_stake))
    return found


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
    judged = _judged(connection, numbers)
    if found.agreement is not None:
        numbers = [number for number in numbers if judged[number].agreement is found.agreement]
    if order is QueueOrder.VALUE:
        # Sorting is stable: of equal value, the older first.
        numbers.sort(key=lambda number: -(judged[number].at_stake_minor or 0))
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
    return sum(one.agreement is found.agreement for one in _judged(connection, numbers).values())


def queued_claims(connection: Connection, numbers: Sequence[int]) -> list[QueuedClaim]:
    """Return those of the claims that lie in the scope, in the order asked for, each beside its best line."""
    claims = claims_by_number(connection, numbers)
    lines = _lines(connection, list(claims), places=1, is_wide=False)
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


def candidates(connection: Connection, number: int, *, limit: int = 5) -> list[LineBeside]:
    """Return the sold lines that come nearest to a claim, the best first. Raises UnknownClaimError."""
    claim_by_number(connection, number)
    found = _lines(connection, [number], places=limit, is_wide=True)
    return [line for line, _at_stake in found[number]]


def line_beside(connection: Connection, number: int, sales_line_id: int) -> LineBeside | None:
    """Return a certain sold line of the scope as it stands beside a claim, None where there is none."""
    row = connection.execute(
        text(
            "select l.id as sales_line_id, l.company_id, k.code as company_code, k.name as company_name,"
            " l.invoice_no, p.code as product_code, p.name as product_name, l.quantity,"
            " l.quantity - coalesce(n.units_claimed, 0) + case when c.sales_line_id = l.id"
            " then c.approved_quantity else 0 end as units_left, l.sold_on, l.sold_at, l.unit_price,"
            " l.amount_minor, l.currency, l.import_id, i.number as import_number, f.file_name, l.sheet, l.row_no"
            " from claim c join sales_line l on l.id = :line join company k on k.id = l.company_id"
            " join product p on p.id = l.product_id left join claimed_line n on n.sales_line_id = l.id"
            " and n.programme_id is not distinct from c.programme_id"
            " left join file_import i on i.id = l.import_id left join received_file f on f.id = i.file_id"
            " where c.number = :number"
        ),
        {"number": number, "line": sales_line_id},
    ).first()
    return LineBeside(**row._asdict()) if row else None


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
    for one in _judged(connection, [row.number for row in waiting]).values():
        by_agreement[one.agreement] += 1
        if one.at_stake_minor is not None and one.currency is not None:
            at_stake[one.currency] = at_stake.get(one.currency, 0) + one.at_stake_minor
    return QueueSummary(
        count=len(waiting),
        oldest_at=min((row.recorded_at for row in waiting), default=None),
        at_stake=at_stake,
        by_agreement=by_agreement,
    )
