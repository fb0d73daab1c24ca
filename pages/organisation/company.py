"""Company: who they are, and where each of their points came from, down to the cell of a file."""

import streamlit as st

from loyalty_core import access, ledger, organisation, programmes, rewards, settlement
from loyalty_core.access import Permission
from loyalty_core.kernel import Refusal, _, current_database
from ui import companies as blocks
from ui import company_people as people_blocks
from ui import elements, explored, list_export, ranked, registry, wording
from ui import programmes as programme_blocks
from ui.identity import require
from ui.keys import page_key

user = require(Permission.SEE_COMPANIES)
database = current_database()
code = st.query_params.get("company", "")


def find_company() -> None:
    """Let the reader search for a company."""
    elements.page_header(
        _("Companies"), _("Choose one to see who they are and where their points come from.")
    )
    words = (
        st.text_input(
            _("Find"),
            key=page_key("words"),
            bind="query-params",
            placeholder=_("name or code"),
            type="search",
        )
        or ""
    )
    with database.snapshot(user.scope) as connection:
        total = organisation.count_companies(connection, words)
    if not total:
        if words:
            elements.empty_state("search_off", _("No company matches"), _("Try a part of its name or code."))
        else:
            elements.empty_state(
                "storefront",
                _("No company yet"),
                _("Companies come with the first sales file that may create them."),
                (lambda: registry.link(user, "uploads", _("Upload file"), icon="upload_file"))
                if registry.allows(user, "uploads")
                else None,
            )
        return
    sort = elements.choose_sort(
        {"name": _("Name"), "code": _("Code"), "region": _("Region")}, default=_("By name")
    )
    rows_at, offset = elements.paged(total, key=page_key("page"))
    with database.snapshot(user.scope) as connection:
        found = organisation.find_companies(
            connection, words, sort=sort, limit=elements.ROWS_A_PAGE, offset=offset
        )
    with rows_at:
        chosen = elements.choose_row(
            {
                _("Name"): [one.name for one in found],
                _("Code"): [one.code for one in found],
                _("Region"): [one.region_name for one in found],
            },
            key=elements.key_of_rows("companies", [one.id for one in found]),
            alt=_("Companies"),
        )
    list_export.offer(
        user,
        "companies",
        total,
        [
            (_("Code"), lambda one: one.code),
            (_("Name"), lambda one: one.name),
            (_("Region"), lambda one: one.region_name),
            (_("Id"), lambda one: str(one.id)),
        ],
        list_export.from_database(
            user,
            lambda connection, limit, offset: organisation.find_companies(
                connection, words, sort=sort, limit=limit, offset=offset
            ),
        ),
    )
    if chosen is not None and chosen < len(found):
        registry.open_page("company", company=found[chosen].code)


def show_statement(company: organisation.Company, balance: ledger.CompanyBalance) -> None:
    """Draw the account's postings, the awards behind the chosen one, and the line behind the chosen award."""
    with database.snapshot(user.scope) as connection:
        total = ledger.count_statement(connection, balance.account_id)
    rows_at, offset = elements.paged(total, key=page_key("statement_page"))
    with database.snapshot(user.scope) as connection:
        lines = ledger.statement(connection, balance.account_id, limit=elements.ROWS_A_PAGE, offset=offset)
    with rows_at:
        chosen = elements.choose_row(
            blocks.statement_table(lines),
            key=page_key(f"statement_{company.code}"),
            alt=_("Points statement, the newest first"),
            numbers=[_("Points"), _("Balance")],
        )
    list_export.offer(
        user,
        f"statement-{company.code}",
        total,
        blocks.exported_statement(),
        list_export.from_database(
            user,
            lambda connection, limit, offset: ledger.statement(
                connection, balance.account_id, limit=limit, offset=offset
            ),
        ),
    )
    if chosen is None or chosen >= len(lines):
        st.caption(_("Choose a posting to see the awards that it is the sum of."))
        return
    posting = lines[chosen]
    with database.snapshot(user.scope) as connection:
        award_count = settlement.count_awards_of_posting(connection, posting.posting_id)
        order_id = rewards.order_of_posting(connection, posting.posting_id)
    if not award_count:
        blocks.show_movement(user, posting, order_id)
        return
    with elements.card(
        _("{points} points are the sum of {count} awards").format(
            points=wording.plain(wording.signed(posting.points)), count=wording.number(award_count)
        )
    ):
        awards_at, award_offset = elements.paged(award_count, key=page_key("awards_page"))
        with database.snapshot(user.scope) as connection:
            awards = settlement.awards_of_posting(
                connection, posting.posting_id, limit=elements.ROWS_A_PAGE, offset=award_offset
            )
        with awards_at:
            which = elements.choose_row(
                blocks.awards_table(awards),
                key=page_key(f"awards_{posting.posting_id}"),
                alt=_("Awards of the posting, the largest first"),
                numbers=[_("Points"), _("Amount")],
            )
        list_export.offer(
            user,
            f"awards-{posting.posting_id}",
            award_count,
            blocks.exported_awards(),
            list_export.from_database(
                user,
                lambda connection, limit, offset: settlement.awards_of_posting(
                    connection, posting.posting_id, limit=limit, offset=offset
                ),
            ),
        )
        if which is None or which >= len(awards):
            st.caption(_("Choose an award to see its sales line, and the row of the file it came from."))
            return
    with elements.card(_("Where these points came from")):
        blocks.show_line(user, awards[which])
        explain_award(awards[which])


def show_lines(company: organisation.Company) -> None:
    """Draw the sales lines, those without points too, and why the chosen one earned what it did."""
    with database.snapshot(user.scope) as connection:
        total = settlement.count_lines_of_company(connection, company.id)
    sort = elements.choose_sort(
        {
            "sold": _("Sold"),
            "invoice": _("Invoice"),
            "product": _("Product"),
            "quantity": _("Quantity"),
            "amount": _("Amount"),
        },
        default=_("Sold last first"),
        name="lines_sort",
        pager="lines_page",
    )
    rows_at, offset = elements.paged(total, key=page_key("lines_page"))
    with database.snapshot(user.scope) as connection:
        lines = settlement.lines_of_company(
            connection, company.id, programme.id, sort=sort, limit=elements.ROWS_A_PAGE, offset=offset
        )
    with rows_at:
        chosen = elements.choose_row(
            blocks.lines_table(lines),
            key=elements.key_of_rows("lines", [line.sales_line_id for line in lines]),
            alt=_("Sales lines"),
            numbers=[_("Quantity"), _("Amount"), _("Points")],
        )
    list_export.offer(
        user,
        f"sales-lines-{company.code}",
        total,
        blocks.exported_lines(),
        list_export.from_database(
            user,
            lambda connection, limit, offset: settlement.lines_of_company(
                connection, company.id, programme.id, sort=sort, limit=limit, offset=offset
            ),
        ),
    )
    if chosen is None or chosen >= len(lines):
        st.caption(_("Choose a line to see why it earned what it did, or nothing."))
        return
    with elements.card(_("This line and its points")):
        blocks.show_line(user, lines[chosen])
        blocks.explain_line_of(user, programme, lines[chosen])


def explain_award(award: settlement.AwardOfPosting) -> None:
    """Say how the award came about under the version that gave it."""
    with database.snapshot(user.scope) as connection:
        document = programmes.document_of(connection, user.scope, programme.id, award.version)
    blocks.show_reason(blocks.why_award(award, document), award.points)


def show_outlets(company: organisation.Company) -> None:
    """Draw the company's outlets, by name."""
    with database.snapshot(user.scope) as connection:
        total = organisation.count_outlets(connection, company.id)
    if not total:
        elements.empty_state(
            "store",
            _("No outlet yet"),
            _("Outlets come with a file of outlets, or with sales that name them."),
        )
        return
    rows_at, offset = elements.paged(total, key=page_key("outlets_page"))
    with database.snapshot(user.scope) as connection:
        outlets = organisation.outlets_of_company(
            connection, company.id, limit=elements.ROWS_A_PAGE, offset=offset
        )
    with rows_at:
        elements.table(
            {_("Outlet"): [one.name for one in outlets], _("Code"): [one.code for one in outlets]},
            alt=_("Outlets of the company, by name"),
        )
    list_export.offer(
        user,
        f"outlets-{company.code}",
        total,
        [
            (_("Code"), lambda one: one.code),
            (_("Outlet"), lambda one: one.name),
            (_("Id"), lambda one: str(one.id)),
        ],
        list_export.from_database(
            user,
            lambda connection, limit, offset: organisation.outlets_of_company(
                connection, company.id, limit=limit, offset=offset
            ),
        ),
    )


if not code:
    find_company()
    st.stop()
registry.link(user, "company", _("All companies"), icon="arrow_back")
try:
    with database.snapshot(user.scope) as connection:
        company = organisation.company_by_code(connection, code)
        known = programmes.list_programmes(connection, user.scope)
        balances = {one.programme_id: one for one in ledger.company_balances(connection, company.id)}
        salesperson = (
            access.display_name_of(connection, company.salesperson_id) if company.salesperson_id else None
        )
except Refusal as refusal:
    st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
    st.stop()
elements.show_said()

elements.page_header(
    wording.plain(company.name),
    " · ".join(
        [
            *(
                [_("Code {code}").format(code=wording.plain(company.code))]
                if company.code != company.name
                else []
            ),
            wording.plain(company.region_name),
            _("Responsible: {name}").format(name=wording.plain(salesperson))
            if salesperson
            else _("Nobody is responsible yet"),
        ]
    ),
)
if user.may(Permission.ASSIGN_SALESPEOPLE) and st.button(
    _("Change who is responsible…"), icon=":material/support_agent:"
):
    people_blocks.salesperson_dialog(user, company)
if not known:
    elements.empty_state(
        "workspace_premium", _("No programme yet"), _("Points begin with a programme and settled sales.")
    )
    people_blocks.show_people(user, company)
    show_outlets(company)
    st.stop()
if len(known) > 1:
    programme = elements.choose_travelling(
        _("Programme"),
        known,
        format_func=lambda one: programme_blocks.programme_label(one, known),
        name="programme",
    )
else:
    programme = known[0]

explored.stop_until_ready()
months = ranked.monthly_totals(user.scope, programme, company.id)
balance = balances.get(programme.id)
elements.figure_row(
    [
        elements.Figure(
            _("Points"),
            wording.short_number(balance.balance if balance else 0),
            _("a debt that the next points pay") if balance and balance.balance < 0 else None,
            delta_color="off",
            help=_("What the account holds in this programme."),
        ),
        elements.Figure(
            _("Net sales"),
            wording.short_money(blocks.net_of(months, programme.currency)),
            help=_("Sales less returns within the programme."),
        ),
        elements.Figure(_("Sales lines"), wording.short_number(sum(one.lines for one in months))),
        elements.Figure(_("Last sale"), wording.month(months[-1].month) if months else "—"),
    ]
)
with elements.card(_("Net sales by month")):
    blocks.show_months(months, key=page_key("months"))

VIEWS = {
    "statement": _("Points statement"),
    "lines": _("Sales lines"),
    "people": _("People"),
    "outlets": _("Outlets"),
}
view = elements.choose_view(VIEWS, key=page_key("view"))
if view == "lines":
    show_lines(company)
elif view == "people":
    people_blocks.show_people(user, company)
elif view == "outlets":
    show_outlets(company)
elif balance is None:
    elements.empty_state(
        "receipt_long",
        _("No points yet"),
        _("Points appear when the programme is settled and a line earns some."),
    )
else:
    show_statement(company, balance)
