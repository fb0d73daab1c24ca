"""The rows behind a bar: companies, then their lines, then the row of the file."""

from typing import Any
from uuid import UUID

import streamlit as st

from loyalty_core import intake
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.kernel import Money, Refusal, _, current_database, ngettext
from ui import elements, list_export, performance, registry, source_row, wording
from ui.imports import import_query
from ui.keys import page_key
from ui.performance import Asked, Measure
from ui.spans import Days

ROWS = 50


def show_rows(user: SignedInUser, measure: Measure, asked: Asked, days: Days, *, what: str) -> None:
    """Draw what is behind a bar: orders for rewards, else companies, or the lines where it is one company's."""
    title = f"{wording.day(days[0])} – {wording.day(days[1])}" if days[0] != days[1] else wording.day(days[0])
    with elements.card(" · ".join(filter(None, [wording.plain(what), title]))):
        if measure is Measure.REWARDS:
            show_orders(user, asked, days)
        elif asked.company_id is None:
            show_companies(user, measure, asked, days)
        else:
            show_lines(user, measure, asked, days)


def show_orders(user: SignedInUser, asked: Asked, days: Days, *, participant_id: UUID | None = None) -> None:
    """Draw the orders of rewards behind the figures, those of one person where it is asked."""
    rows = performance.orders(user.scope, asked, days, participant_id=participant_id, limit=ROWS)
    if not rows:
        st.caption(_("No order in these days."))
        return
    elements.table(
        performance.orders_table(rows),
        alt=_("Orders, the newest first"),
        numbers=[_("Points"), _("Cost")],
    )
    if len(rows) == ROWS:
        st.caption(_("The newest {count}.").format(count=ROWS))


def show_companies(user: SignedInUser, measure: Measure, asked: Asked, days: Days) -> None:
    """Draw the companies behind the figures, and the lines of the chosen one."""
    total = performance.count_companies(user.scope, asked, days)
    if not total:
        st.caption(_("No company sold or earned anything here."))
        return
    sort = elements.choose_sort(
        performance.company_sort_titles(),
        default=_("Most sales first"),
        name="companies_sort",
        pager="companies_page",
    )
    rows_at, offset = elements.paged(total, key=page_key("companies_page"), size=ROWS)
    rows = performance.companies(user.scope, asked, days, None, sort=sort, limit=ROWS, offset=offset)
    with rows_at:
        chosen = elements.choose_row(
            performance.companies_table(rows, asked.programme.currency, has_before=False),
            key=elements.key_of_rows(
                f"companies_{measure}_{days[0]}_{days[1]}", [row["company_id"] for row in rows]
            ),
            alt=_("Companies"),
            numbers=[_("Net sales"), _("Returns"), _("Points")],
        )
    list_export.offer(
        user,
        f"companies-{asked.programme.code}-{days[0]}-{days[1]}",
        total,
        performance.exported_companies(asked.programme.currency, has_before=False),
        list_export.from_replica(user, "companies", performance.companies_values(asked, days, None), sort),
    )
    if chosen is None or chosen >= len(rows):
        st.caption(_("Choose a company to see its lines."))
        return
    company = rows[chosen]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(wording.plain(company["name"]), anchor=False)
        registry.link(user, "company", _("Its points and record"), icon="storefront", company=company["code"])
    show_lines(user, measure, asked.narrowed_to(performance.Dimension.COMPANY, company["company_id"]), days)


def show_lines(user: SignedInUser, measure: Measure, asked: Asked, days: Days) -> None:
    """Draw the sales lines behind the figures, and where in a file the chosen one stands."""
    only_returns = measure is Measure.RETURNS
    total = performance.count_sales_lines(user.scope, asked, days, only_returns=only_returns)
    if not total:
        st.caption(_("No line in these days."))
        return
    sort = elements.choose_sort(
        performance.line_sort_titles(), default=_("Sold last first"), name="lines_sort", pager="lines_page"
    )
    rows_at, offset = elements.paged(total, key=page_key("lines_page"), size=ROWS)
    rows = performance.sales_lines(
        user.scope, asked, days, only_returns=only_returns, sort=sort, limit=ROWS, offset=offset
    )
    list_export.offer(
        user,
        f"sales-lines-{asked.programme.code}-{days[0]}-{days[1]}",
        total,
        performance.exported_lines(),
        list_export.from_replica(
            user, "sales_lines", performance.lines_values(asked, days, only_returns=only_returns), sort
        ),
    )
    with rows_at:
        chosen = elements.choose_row(
            performance.lines_table(rows),
            key=elements.key_of_rows(f"drilled_lines_{days[0]}_{days[1]}", [row["id"] for row in rows]),
            alt=_("Sales lines"),
            numbers=[_("Quantity"), _("Amount"), _("Points")],
        )
        if chosen is None or chosen >= len(rows):
            st.caption(
                ngettext(
                    "{count} line. Choose it to see the row of the file it came from.",
                    "{count} lines. Choose one to see the row of the file it came from.",
                    total,
                ).format(count=wording.number(total))
            )
            return
    show_line(user, rows[chosen])


def show_line(user: SignedInUser, line: dict[str, Any]) -> None:
    """Draw one line with its file, sheet and row, and the ways to its import and its company."""
    pairs = [
        (_("Sold"), wording.plain(wording.day(line["sold_on"]))),
        (_("Invoice"), wording.plain(line["invoice_no"])),
        (_("Product"), wording.plain(f"{line['product_code']} · {line['product_name']}")),
        (_("Amount"), wording.plain(wording.money(Money(line["amount_minor"], line["currency"])))),
        (_("Points"), wording.plain(wording.number(line["points"]))),
    ]
    found = None
    if line["import_id"]:
        try:
            with current_database().snapshot(user.scope) as connection:
                found = intake.import_by_id(connection, UUID(line["import_id"]))
        except Refusal:
            found = None
    pairs.append((_("File"), wording.plain(found.file_name if found else _("a file that you don't see"))))
    if line["sheet"]:
        pairs.append((_("Sheet"), wording.plain(line["sheet"])))
    pairs.append((_("Row"), wording.plain(str(line["row_no"]))))
    elements.facts(pairs)
    with st.container(horizontal=True):
        if found is not None and user.may(Permission.SEE_IMPORTS):
            registry.link(
                user,
                "imports",
                _("Import {number}").format(number=found.number),
                icon="inventory_2",
                **import_query(found.id),
            )
        registry.link(
            user,
            "company",
            wording.plain(line["company_name"]),
            icon="storefront",
            company=line["company_code"],
        )
        source_row.line_button(user, line["id"], key=page_key(f"drilled_{line['id']}"))
