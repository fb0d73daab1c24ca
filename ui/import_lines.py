"""What came of an import: its sales lines with their points, or the way to its claims and records."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from loyalty_core import programmes, settlement
from loyalty_core.access import SignedInUser
from loyalty_core.intake import FileImport, ImportState
from loyalty_core.kernel import Money, _, current_database
from loyalty_core.settlement import LineOfImport
from ui import companies, list_export, registry, wording
from ui import programmes as programme_blocks
from ui.elements import ROWS_A_PAGE, card, choose_row, empty_state, key_of_rows, paged
from ui.keys import page_key

LINES = "lines"
_CAME_OF_IT = frozenset({ImportState.ACCEPTED, ImportState.UNDONE})
# Where the records of a file are looked at.
_PAGES = {
    "companies": "company",
    "outlets": "company",
    "participants": "participants",
    "products": "products",
    "prices": "products",
    "budgets": "budgets",
}


def has_lines(found: FileImport) -> bool:
    """Whether sales lines came of the import, taken back or not."""
    return found.dataset == "sales" and found.state in _CAME_OF_IT and bool(found.accepted)


def show_way_on(user: SignedInUser, found: FileImport) -> None:
    """Lead to the claims or the records that came of the import; nothing where the reader may not see those."""
    if found.state not in _CAME_OF_IT or not found.accepted:
        return
    if found.dataset == "claims" and registry.allows(user, "claims"):
        registry.link(
            user,
            "claims",
            _("The claims of this import"),
            icon="fact_check",
            **{"import": str(found.id), "state": _("every state")},
        )
    page = _PAGES.get(found.dataset)
    if page is not None and found.state is ImportState.ACCEPTED and registry.allows(user, page):
        entry = registry.entry(page)
        registry.link(
            user, page, _("To the page “{page}”").format(page=wording.plain(entry.title)), icon=entry.icon
        )


def lines_table(lines: Sequence[LineOfImport]) -> dict[str, list[Any]]:
    """Return the lines of an import as columns, where each stands in the file first."""
    table: dict[str, list[Any]] = {_("Row"): [line.row_no for line in lines]}
    if any(line.sheet for line in lines):
        table[_("Sheet")] = [line.sheet or "" for line in lines]
    return table | {
        _("Company"): [line.company_name for line in lines],
        _("Invoice"): [companies.invoice_of(line) for line in lines],
        _("Sold"): [wording.day(line.sold_on) for line in lines],
        _("Product"): [line.product_name for line in lines],
        _("Quantity"): [wording.decimal(line.quantity) for line in lines],
        _("Amount"): [wording.money(Money(line.amount_minor, line.currency)) for line in lines],
        _("Points"): [wording.signed(line.points) or "0" for line in lines],
    }


def show_lines(user: SignedInUser, found: FileImport) -> None:
    """Draw the sales lines of an import, what each earned, and the way from the chosen one to its company and row."""
    database = current_database()
    with database.snapshot(user.scope) as connection:
        known = programmes.list_programmes(connection, user.scope)
    words_at, programme_at = st.columns([2, 1], vertical_alignment="bottom")
    words = (
        words_at.text_input(
            _("Find"),
            key=page_key("line"),
            bind="query-params",
            placeholder=_("invoice or company"),
            type="search",
        )
        or ""
    )
    programme = known[0] if known else None
    if len(known) > 1:
        programme = programme_at.selectbox(
            _("Points in"),
            known,
            format_func=lambda one: programme_blocks.programme_label(one, known),
            key=page_key("programme"),
            bind="query-params",
        )
    with database.snapshot(user.scope) as connection:
        total = settlement.count_lines_of_import(connection, found.id, words=words)
    if not total:
        if words:
            empty_state("search_off", _("No line matches"), _("Try a part of an invoice or a company."))
        else:
            empty_state("visibility_off", _("No line of this import is yours to see"), _("Others see them."))
        return
    rows_at, offset = paged(total, key=page_key("lines_page"))
    with database.snapshot(user.scope) as connection:
        lines = settlement.lines_of_import(
            connection,
            found.id,
            programme.id if programme else None,
            words=words,
            limit=ROWS_A_PAGE,
            offset=offset,
        )
    with rows_at:
        chosen = choose_row(
            lines_table(lines),
            key=key_of_rows("import_lines", (line.sales_line_id for line in lines)),
            alt=_("Sales lines of this import, in the order of the file"),
            numbers=[_("Quantity"), _("Amount"), _("Points")],
        )
    list_export.offer(
        user,
        f"sales-lines-import-{found.number}",
        total,
        [
            (_("Company code"), lambda line: line.company_code),
            (_("Company"), lambda line: line.company_name),
            *companies.exported_lines(),
        ],
        list_export.from_database(
            user,
            lambda connection, limit, offset: settlement.lines_of_import(
                connection,
                found.id,
                programme.id if programme else None,
                words=words,
                limit=limit,
                offset=offset,
            ),
        ),
    )
    if chosen is None or chosen >= len(lines):
        st.caption(_("Choose a line to see why it earned what it did, and its row in the file."))
        return
    line = lines[chosen]
    with card(wording.plain(line.company_name)):
        if registry.allows(user, "company"):
            registry.link(user, "company", _("To the company"), icon="storefront", company=line.company_code)
        companies.show_line(user, line, leads_to_import=False)
        if programme is not None:
            companies.explain_line_of(user, programme, line)
