"""Queries that lay claims beside the lines that were sold.

What is looked for, in this order: lines of the claim's company under its invoice; where there are none, lines of
the weeks around under the same invoice and product of another company, and of the same product and company under
another invoice. A return is never laid beside a claim.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, text

from loyalty_core.sales import NOT_REVERSED
from loyalty_core.verification.policy import DAYS_AROUND, Agreement, LineBeside
from loyalty_core.verification.store import claim_by_number

# A return is never laid beside a claim, nor is what was taken back with its import.
_SOLD = f"l.quantity > 0 and {NOT_REVERSED}"

# How many units of a line `l` the claim `c` holds; an approval may hold units of several lines of one invoice.
UNITS_OWN = (
    "coalesce((select f.quantity from claim_further_line f where f.claim_number = c.number and f.revision = c.revision"
    " and f.sales_line_id = l.id), case when c.sales_line_id = l.id then c.approved_quantity - coalesce((select"
    " sum(f.quantity) from claim_further_line f where f.claim_number = c.number and f.revision = c.revision), 0) end,"
    " 0)"
)

# Candidates for the claims in the array :numbers, each with its rank: the smaller, the nearer.
_CANDIDATES = f"""
with wanted as materialized (
    select c.number, c.programme_id, c.company_id, c.invoice_no, c.product_code, p.id as product_id, c.quantity,
        c.sold_on, c.sales_line_id
    from claim c left join product p on p.code = c.product_code
    where c.number in (select unnest(cast(:numbers as bigint[])))
),
own_invoice as materialized (
    select w.number, l.id from wanted w
    join sales_line l on l.company_id = w.company_id and l.invoice_no = w.invoice_no and {_SOLD}
),
unfound as materialized (
    select w.* from wanted w
    where :is_wide or not exists (select from own_invoice o where o.number = w.number)
),
-- Their bounds apart, so that the index over days bounds what is read.
other_company as (
    select w.number, l.id from unfound w
    join sales_line l on l.invoice_no = w.invoice_no and l.product_id = w.product_id
    where l.company_id <> w.company_id and {_SOLD}
        and l.sold_on between w.sold_on - :days and w.sold_on + :days
        and l.sold_on between (select min(sold_on) - :days from unfound)
            and (select max(sold_on) + :days from unfound)
),
other_invoice as (
    select w.number, l.id from unfound w
    join sales_line l on l.company_id = w.company_id and l.product_id = w.product_id
    where l.invoice_no <> w.invoice_no and {_SOLD}
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
        l.quantity - coalesce(n.units_claimed, 0) + own.units as units_left, own.units as units_own
    from found f join wanted w on w.number = f.number join sales_line l on l.id = f.id
    join claim c on c.number = w.number cross join lateral (select {UNITS_OWN} as units) own
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
"""  # noqa: S608 put together from constants

_LINES = (
    _CANDIDATES
    + """
select r.number, l.id as sales_line_id, l.company_id, k.code as company_code, k.name as company_name,
    l.invoice_no, p.code as product_code, p.name as product_name, l.quantity, r.units_left, r.units_own, l.sold_on,
    l.sold_at, l.unit_price, l.amount_minor, l.currency, l.import_id, i.number as import_number, f.file_name, l.sheet,
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
class Judged:
    """How a claim agrees with its best line, and what it comes to."""

    agreement: Agreement
    at_stake_minor: int | None
    currency: str | None


def judged(connection: Connection, numbers: Sequence[int]) -> dict[int, Judged]:
    """Return how each of the claims of the scope agrees with its best line."""
    if not numbers:
        return {}
    rows = connection.execute(
        text(_JUDGED), {"numbers": list(numbers), "days": DAYS_AROUND, "is_wide": False}
    )
    return {row.number: Judged(Agreement(row.agreement), row.at_stake_minor, row.currency) for row in rows}


def nearest_lines(
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


def candidates(connection: Connection, number: int, *, limit: int = 5) -> list[LineBeside]:
    """Return the sold lines that come nearest to a claim, the best first. Raises UnknownClaimError."""
    claim_by_number(connection, number)
    found = nearest_lines(connection, [number], places=limit, is_wide=True)
    return [line for line, _at_stake in found[number]]


def line_beside(connection: Connection, number: int, sales_line_id: int) -> LineBeside | None:
    """Return a certain sold line of the scope as it stands beside a claim, None where there is none."""
    row = connection.execute(
        text(
            "select l.id as sales_line_id, l.company_id, k.code as company_code, k.name as company_name,"  # noqa: S608 put together from constants
            " l.invoice_no, p.code as product_code, p.name as product_name, l.quantity,"
            " l.quantity - coalesce(n.units_claimed, 0) + own.units as units_left, own.units as units_own,"
            " l.sold_on, l.sold_at, l.unit_price,"
            " l.amount_minor, l.currency, l.import_id, i.number as import_number, f.file_name, l.sheet, l.row_no"
            " from claim c join sales_line l on l.id = :line join company k on k.id = l.company_id"
            f" cross join lateral (select {UNITS_OWN} as units) own"
            " join product p on p.id = l.product_id left join claimed_line n on n.sales_line_id = l.id"
            " and n.programme_id is not distinct from c.programme_id"
            " left join file_import i on i.id = l.import_id left join received_file f on f.id = i.file_id"
            " where c.number = :number"
        ),
        {"number": number, "line": sales_line_id},
    ).first()
    return LineBeside(**row._asdict()) if row else None


def units_returned(connection: Connection, line: LineBeside) -> Decimal:
    """Return how many units of the line's product came back under its own invoice."""
    found: Decimal = connection.execute(
        text(
            "select coalesce(-sum(l.quantity), 0) from sales_line l join product p on p.id = l.product_id"  # noqa: S608 put together from constants
            " where l.company_id = :company_id and l.invoice_no = :invoice_no and p.code = :product_code"
            f" and l.quantity < 0 and {NOT_REVERSED}"
        ),
        {
            "company_id": line.company_id,
            "invoice_no": line.invoice_no,
            "product_code": line.product_code,
        },
    ).scalar_one()
    return found
