"""A small market that tests of queries share: three regions, four companies, three products, one programme."""

from datetime import UTC, date, datetime
from typing import Any

from tests.queries.tables import Row, name_id

SPRING = name_id("spring")


def day(month: int, number: int, year: int = 2026) -> date:
    return date(year, month, number)


REGIONS: list[Row] = [
    {"id": name_id("poland"), "code": "PL", "name": "Poland", "parent_id": None},
    {"id": name_id("gdansk"), "code": "PL-G", "name": "Gdańsk", "parent_id": name_id("poland")},
    {"id": name_id("serbia"), "code": "RS", "name": "Serbia", "parent_id": None},
]

PEOPLE: list[Row] = [
    {"id": name_id("anna"), "display_name": "Anna Nowak"},
    {"id": name_id("milica"), "display_name": "Milica Petrović"},
]

COMPANIES: list[Row] = [
    {
        "id": name_id("c1"),
        "code": "C1",
        "name": "Bursztyn",
        "kind": "wholesaler",
        "region_id": name_id("gdansk"),
        "salesperson_id": name_id("anna"),
    },
    {
        "id": name_id("c2"),
        "code": "C2",
        "name": "Hurt-Pol",
        "kind": "distributor",
        "region_id": name_id("poland"),
        "salesperson_id": name_id("anna"),
    },
    {
        "id": name_id("c3"),
        "code": "C3",
        "name": "Sava",
        "kind": "wholesaler",
        "region_id": name_id("serbia"),
        "salesperson_id": name_id("milica"),
    },
    {"id": name_id("c4"), "code": "C4", "name": "Idle", "kind": "wholesaler", "region_id": name_id("serbia")},
]

PRODUCTS: list[Row] = [
    {"id": name_id("paint"), "code": "P-10", "name": "Paint", "brand": "Aster", "product_group": "Paints"},
    {"id": name_id("tape"), "code": "P-22", "name": "Tape", "brand": "Borea", "product_group": "Tapes"},
    {"id": name_id("brush"), "code": "P-30", "name": "Brush", "brand": None, "product_group": "Paints"},
]

MARKET: dict[str, list[Row]] = {
    "region": REGIONS,
    "app_user": PEOPLE,
    "company": COMPANIES,
    "product": PRODUCTS,
}


def sold(
    on: date,
    company: str,
    product: str,
    amount_minor: int,
    *,
    returned_minor: int = 0,
    lines: int = 1,
    return_lines: int = 0,
    currency: str = "EUR",
) -> Row:
    """A row of the sales of a day; `amount_minor` is net, `returned_minor` what came back, above zero."""
    return {
        "sold_on": on,
        "company_id": name_id(company),
        "product_id": name_id(product),
        "currency": currency,
        "lines": lines,
        "return_lines": return_lines,
        "quantity": lines,
        "amount_minor": amount_minor,
        "returned_minor": returned_minor,
    }


def given(
    on: date, company: str, product: str, earned: int, taken: int = 0, programme: str = "spring"
) -> Row:
    """A row of the points of a day."""
    return {
        "happened_on": on,
        "company_id": name_id(company),
        "product_id": name_id(product),
        "programme_id": name_id(programme),
        "points_earned": earned,
        "points_taken": taken,
    }


def receipts(on: date, company: str, count: int, currency: str = "EUR") -> Row:
    """A row of the receipts of a day."""
    return {"sold_on": on, "company_id": name_id(company), "currency": currency, "receipts": count}


def line(
    number: int, on: date, company: str, product: str, invoice_no: str, amount_minor: int, **more: Any
) -> Row:
    """A sales line of one piece, from row `number` of a file."""
    return {
        "id": number,
        "company_id": name_id(company),
        "product_id": name_id(product),
        "invoice_no": invoice_no,
        "quantity": 1,
        "amount_minor": amount_minor,
        "currency": "EUR",
        "sold_on": on,
        "import_id": name_id("file"),
        "row_no": number,
        **more,
    }


def reward(code: str, name: str, category: str, *, stock: int | None = None, state: str = "offered") -> Row:
    """A reward of the programme."""
    return {
        "id": name_id(code),
        "programme_id": SPRING,
        "code": code,
        "name": name,
        "category": category,
        "stock": stock,
        "state": state,
    }


def ordered(
    number: int,
    at: datetime,
    company: str,
    participant: str,
    reward_code: str,
    cost_minor: int,
    *,
    state: str = "approved",
    points: int = 100,
) -> Row:
    """An order of the programme."""
    return {
        "id": name_id(f"order{number}"),
        "number": number,
        "programme_id": SPRING,
        "company_id": name_id(company),
        "participant_id": name_id(participant),
        "reward_id": name_id(reward_code),
        "points": points,
        "cost_minor": cost_minor,
        "currency": "EUR",
        "state": state,
        "ordered_at": at,
    }


def noon(on: date) -> datetime:
    """Noon of the day, UTC."""
    return datetime(on.year, on.month, on.day, 12, tzinfo=UTC)


def participant(
    code: str, company: str, group: str = "wholesaler", *, is_owner: bool = False, state: str = "active"
) -> Row:
    """A person who takes part."""
    return {
        "id": name_id(code),
        "code": code,
        "company_id": name_id(company),
        "participant_group": group,
        "is_owner": is_owner,
        "state": state,
    }


def person(code: str, company: str, name: str) -> Row:
    """The person's name."""
    return {"participant_id": name_id(code), "company_id": name_id(company), "display_name": name}
