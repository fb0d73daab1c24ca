"""Sample files with mistakes made on purpose, of companies, products and invoices that the reader knows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import streamlit as st
from sqlalchemy import Connection

from loyalty_core import organisation, participants, programmes, settlement
from loyalty_core.access import CSV, Permission, SignedInUser
from loyalty_core.kernel import Cell, Scope, _, current_database, now, write_csv
from loyalty_core.settlement import LineOfCompany
from ui import downloads, elements, wording

SALES_HEADER = (
    *("company_code", "invoice_no", "line_no", "product_code", "product_name", "sold_at", "quantity"),
    *("unit_price", "currency"),
)
CLAIMS_HEADER = (
    *("claim_no", "company_code", "participant_code", "invoice_no", "product_code", "quantity", "sold_on"),
)
MOST_COMPANIES = 6
LINES_OF_EACH = 4

Row = dict[str, Cell]


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A file to download: its name, its header and its rows."""

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class _KnownLine:
    company_code: str
    participant_code: str | None
    line: LineOfCompany


def _known_lines(connection: Connection, scope: Scope) -> list[_KnownLine]:
    """Return some lines sold last, of companies with a participant where there are any."""
    known = programmes.list_programmes(connection, scope)
    if not known:
        return []
    claimants = {
        one.company_id: one.code
        for one in participants.find_participants(connection, "", limit=MOST_COMPANIES)
        if one.state is participants.ParticipantState.ACTIVE
    }
    companies = organisation.companies_by_id(connection, list(claimants)) or organisation.find_companies(
        connection, "", limit=MOST_COMPANIES
    )
    return [
        _KnownLine(company.code, claimants.get(company.id), line)
        for company in companies
        for line in settlement.lines_of_company(connection, company.id, known[0].id, limit=LINES_OF_EACH)
        if line.quantity > 1 and line.unit_price is not None
    ]


def sample_of_sales(connection: Connection, scope: Scope, today: date) -> SampleFile | None:
    """Return a day's new invoices with six mistakes among them; None while there is nothing to make it of."""
    lines = _known_lines(connection, scope)
    if not lines:
        return None
    sold_on = today - timedelta(days=1)
    rows: list[Row] = [
        {
            "company_code": one.company_code,
            "invoice_no": f"SAMPLE-{today:%Y%m%d}-{one.company_code}",
            "line_no": place,
            "product_code": one.line.product_code,
            "product_name": one.line.product_name,
            "sold_at": f"{sold_on.isoformat()} 10:{place % 60:02}",
            "quantity": one.line.quantity,
            "unit_price": one.line.unit_price,
            "currency": one.line.currency,
        }
        for place, one in enumerate(lines, start=1)
    ]
    mistakes: tuple[Callable[[Row], Row], ...] = (
        lambda row: {**row, "company_code": ""},
        lambda row: {**row, "company_code": f"{row['company_code']}-X"},
        lambda row: {**row, "quantity": "a dozen"},
        lambda row: {**row, "product_code": "NO-SUCH-PRODUCT"},
        lambda row: {**row, "sold_at": f"{sold_on.year}-02-30 10:00"},
        lambda row: {**row, "unit_price": f"-{row['unit_price']}"},
    )
    return _with_mistakes(f"sample-sales-{today.isoformat()}.csv", SALES_HEADER, rows, mistakes, "line_no")


def sample_of_claims(connection: Connection, scope: Scope, today: date) -> SampleFile | None:
    """Return claims on the lines sold last, some of which differ from them; None while nothing was sold."""
    lines = _known_lines(connection, scope)
    if not lines:
        return None
    rows: list[Row] = [
        {
            "claim_no": f"SAMPLE-{today:%Y%m%d}-{place}",
            "company_code": one.company_code,
            "participant_code": one.participant_code,
            "invoice_no": one.line.invoice_no,
            "product_code": one.line.product_code,
            "quantity": one.line.quantity,
            "sold_on": one.line.sold_on.isoformat(),
        }
        for place, one in enumerate(lines, start=1)
    ]
    mistakes: tuple[Callable[[Row], Row], ...] = (
        lambda row: {**row, "quantity": Decimal(str(row["quantity"])) + 5},
        lambda row: {**row, "invoice_no": f"{row['invoice_no']}7"},
        lambda row: {**row, "product_code": "NO-SUCH-PRODUCT"},
        lambda row: {**row, "quantity": ""},
        lambda row: {**row, "sold_on": "31.02.2026"},
        lambda row: {**row, "company_code": "", "participant_code": ""},
    )
    return _with_mistakes(f"sample-claims-{today.isoformat()}.csv", CLAIMS_HEADER, rows, mistakes, "claim_no")


def _with_mistakes(
    name: str,
    header: Sequence[str],
    rows: Sequence[Row],
    mistakes: Sequence[Callable[[Row], Row]],
    numbered: str,
) -> SampleFile:
    """Put each mistake behind the good rows, made of one of them under a number of its own."""
    wrong = [
        mistake({**rows[place % len(rows)], numbered: _next_number(rows[-1][numbered], place + 1)})
        for place, mistake in enumerate(mistakes)
    ]
    return SampleFile(name, header, [[row[column] for column in header] for row in (*rows, *wrong)])


def _next_number(last: Cell, step: int) -> Cell:
    if isinstance(last, int):
        return last + step
    before, _dash, number = str(last).rpartition("-")
    return f"{before}-{int(number) + step}"


def show_samples(user: SignedInUser) -> None:
    """Draw a button for each sample file; a press makes it and offers the download."""
    with elements.card(_("Try it with a sample")):
        st.caption(
            _(
                "Made of companies, products and invoices that you see, with mistakes on purpose in the last rows."
            )
        )
        with st.container(horizontal=True):
            if st.button(_("Sales with mistakes"), icon=":material/receipt_long:"):
                _offer(user, sample_of_sales)
            if st.button(_("Claims with mistakes"), icon=":material/assignment:"):
                _offer(user, sample_of_claims)


def _offer(user: SignedInUser, make: Callable[[Connection, Scope, date], SampleFile | None]) -> None:
    today = now().astimezone(wording.reader_time_zone()).date()
    with current_database().snapshot(user.scope) as connection:
        sample = make(connection, user.scope, today)
    if sample is None:
        st.info(_("There are no sales yet to make a sample of. Upload a first file of your own."))
        return
    downloads.offer(
        user,
        Permission.UPLOAD_FILES,
        sample.name,
        lambda path: write_csv(path, sample.header, sample.rows),
        media_type=CSV,
    )
