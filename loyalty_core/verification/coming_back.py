"""Approved claims whose sale came back afterwards: more is claimed than was sold and kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, text

from loyalty_core.sales import not_reversed

# `was_known`: whoever corrected the claim had all that came back before them, and left it so.
_CAME_BACK = f"""
with hit as materialized (
    select c.number, c.programme_id, c.approved_quantity, l.company_id, l.invoice_no, l.product_id,
        -sum(r.quantity) as back, max(r.sold_on) as last_day,
        coalesce(-sum(r.quantity) <= d.units_back, false) as was_known
    from claim c
    join claim_decision d on d.claim_number = c.number and d.revision = c.revision
    join sales_line l on l.id = c.sales_line_id
    join sales_line r on r.company_id = l.company_id and r.invoice_no = l.invoice_no
        and r.product_id = l.product_id and r.quantity < 0 and {not_reversed("r")}
    where c.state = 'approved' and (cast(:numbers as bigint[]) is null or c.number = any(cast(:numbers as bigint[])))
    group by c.number, c.programme_id, c.approved_quantity, l.company_id, l.invoice_no, l.product_id, d.units_back
), beside as (
    select h.number, sum(o.quantity) as sold, h.back, coalesce(sum(n.units_claimed), 0) as claimed,
        h.approved_quantity, h.last_day
    from hit h
    join sales_line o on o.company_id = h.company_id and o.invoice_no = h.invoice_no
        and o.product_id = h.product_id and o.quantity > 0 and {not_reversed("o")}
    left join claimed_line n on n.sales_line_id = o.id and n.programme_id is not distinct from h.programme_id
    where not h.was_known
    group by h.number, h.back, h.approved_quantity, h.last_day
)
select b.number, b.sold, b.back, b.claimed,
    least(b.claimed - greatest(b.sold - b.back, 0), b.approved_quantity) as too_many, b.last_day
from beside b
where b.claimed > greatest(b.sold - b.back, 0)
order by b.number
"""  # noqa: S608 put together from constants


@dataclass(frozen=True, slots=True)
class CameBack:
    """Units of an approved claim's sale: `sold`, come `back` under its invoice, `claimed` by all of its programme.

    `too_many` are those that the claim holds at most beyond what was kept; `last_day` is that of the last return.
    """

    claim_number: int
    sold: Decimal
    back: Decimal
    claimed: Decimal
    too_many: Decimal
    last_day: date


def came_back(connection: Connection, numbers: Sequence[int] | None = None) -> dict[int, CameBack]:
    """Return the approved claims of the scope (or of `numbers`) that hold more than was sold and kept, by number.

    One that a person corrected with the return before them, be it to what it was, is no longer among them. Where
    several claims share a sale, all of them are told: a person says whose units came back.
    """
    rows = connection.execute(text(_CAME_BACK), {"numbers": list(numbers) if numbers is not None else None})
    return {row.number: CameBack(*row) for row in rows}
