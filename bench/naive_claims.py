"""The peer of judging claims: one claim after the other, with a few queries for each, and rules in plain Python.

It knows what the verdicts mean, but nothing of how Laurel comes to them: three days of tolerance, the units and days
of one company's lines under an invoice and product, one slip of the pen, the lowest claim number first.
"""

from collections import defaultdict
from decimal import Decimal
from typing import Any

import psycopg

_DAYS = 3
_AROUND = 31
_COLUMNS = "invoice_no, sum(quantity) filter (where quantity > 0) as units, min(sold_on), max(sold_on)"


def judge_sample(connection: "psycopg.Connection[Any]", sample: int) -> dict[int, str]:
    """Return the verdict of each of the first `sample` claims by number, those before it taking their units first."""
    taken: dict[tuple[Any, str, str], Decimal] = defaultdict(Decimal)
    seen: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    found: dict[int, str] = {}
    for number in range(1, sample + 1):
        claim = connection.execute(
            "select c.number, c.company_id, c.invoice_no, c.product_code, p.id, c.quantity, c.sold_on"
            " from claim c left join product p on p.code = c.product_code where c.number = %s",
            [number],
        ).fetchone()
        if claim is None:
            break
        found[number] = _judge(connection, claim, taken, seen)
    return found


def _judge(
    connection: "psycopg.Connection[Any]",
    claim: tuple[Any, ...],
    taken: dict[tuple[Any, str, str], Decimal],
    seen: dict[tuple[Any, ...], list[Any]],
) -> str:
    _number, company, invoice, code, product, quantity, day = claim
    repeated = seen[company, invoice, code, quantity]
    is_repeated = any(abs((other - day).days) <= _DAYS for other in repeated)
    repeated.append(day)
    row = connection.execute(
        "select sum(quantity) filter (where quantity > 0), array_agg(sold_on) from sales_line"
        " where company_id = %s and invoice_no = %s and product_id = %s having count(*) > 0",
        [company, invoice, product],
    ).fetchone()
    key = (company, invoice, code)
    if row is not None:
        units, days = row
        left = units - taken[key]
        if quantity > units:
            verdict = "inflated_quantity"
        elif left <= 0:
            verdict = "duplicate_claim"
        elif quantity > left:
            verdict = "inflated_quantity"
        elif min(abs((one - day).days) for one in days) > _DAYS:
            verdict = "wrong_date"
        else:
            verdict = "match" if quantity == units else "match_partial"
        if is_repeated:
            return "duplicate_claim"
        if verdict in ("match", "match_partial"):
            taken[key] += quantity
        return verdict
    if is_repeated:
        return "duplicate_claim"
    return _search(connection, claim, taken)


def _search(
    connection: "psycopg.Connection[Any]",
    claim: tuple[Any, ...],
    taken: dict[tuple[Any, str, str], Decimal],
) -> str:
    _number, company, invoice, code, product, quantity, day = claim
    near = connection.execute(
        f"select {_COLUMNS} from sales_line where company_id = %s and product_id = %s and quantity > 0"
        " and sold_on between %s - %s and %s + %s group by invoice_no",
        [company, product, day, _DAYS, day, _DAYS],
    ).fetchall()
    typed = [sale for sale in near if sale[1] >= quantity and _one_slip(invoice, sale[0])]
    others = connection.execute(
        "select sum(quantity), min(abs(sold_on - %s)) from sales_line where invoice_no = %s and product_id = %s"
        " and company_id <> %s and quantity > 0 and sold_on between %s - %s and %s + %s group by company_id",
        [day, invoice, product, company, day, _AROUND, day, _AROUND],
    ).fetchall()
    is_others = any(units == quantity and days <= _DAYS for units, days in others)
    exact = [sale for sale in typed if sale[1] == quantity]
    if typed and (exact or not is_others):
        best = (exact or typed)[0]
        return "duplicate_claim" if best[1] <= taken[company, best[0], code] else "typo_in_invoice"
    if others:
        return "claimed_by_another_customer"
    has_invoice = connection.execute(
        "select 1 from sales_line where company_id = %s and invoice_no = %s limit 1", [company, invoice]
    ).fetchone()
    return "unknown_product" if has_invoice else "unknown_invoice"


def _one_slip(written: str, meant: str) -> bool:
    if len(written) == len(meant):
        wrong = [place for place in range(len(meant)) if written[place] != meant[place]]
        if len(wrong) == 2:
            one, two = wrong
            return written[one] == meant[two] and written[two] == meant[one]
        return len(wrong) <= 1
    longer, shorter = sorted((written, meant), key=len, reverse=True)
    return len(longer) == len(shorter) + 1 and any(
        longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer))
    )
