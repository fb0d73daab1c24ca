"""Home: what waits for the reader and how old it is, and where things stand."""

from collections.abc import Sequence

import streamlit as st

from loyalty_core import intake, programmes
from loyalty_core.access import Permission
from loyalty_core.kernel import _, current_database
from loyalty_core.standings import StandingsBy
from ui import cached, elements, registry, shop, wording
from ui import companies as company_blocks
from ui import home as blocks
from ui import imports as import_blocks
from ui import programmes as programme_blocks
from ui import standings as standings_blocks
from ui.homes import participant as participant_home
from ui.identity import require

user = require(Permission.SEE_HOME)
database = current_database()
FIRST_PLACES = 6
LATEST_IMPORTS = 5
ENOUGH_TO_STAND_BESIDE_A_CHART = 3

if user.may(Permission.USE_PORTAL):
    participant = shop.own_participant(user)
    if participant is not None or not user.may(Permission.SEE_STANDINGS):
        participant_home.show(user, participant)
        st.stop()

with database.snapshot(user.scope) as connection:
    known = programmes.list_programmes(connection, user.scope)
elements.page_header(
    blocks.greeting().format(name=wording.plain(user.display_name.split()[0])), blocks.roles_line(user)
)


def show_figures(programme: programmes.Programme) -> None:
    """Draw where the programme stands, with its course and the last month's change."""
    version = cached.facts_version()
    months = cached.monthly_totals(version, user.scope, programme)
    total = cached.total(
        version, user.scope, programme, programme.starts_on, programme.ends_on, StandingsBy.COMPANY, None, ""
    )
    sold = cached.sold_days(version, user.scope, programme)
    if not months or sold is None:
        return
    compared = blocks.days_to_compare(sold[1], programme.starts_on)
    earlier = cached.monthly_totals(version, user.scope, programme, span=compared) if compared else []
    before = earlier[0] if earlier else None
    elements.figure_row(
        [
            blocks.figure_of_months(
                _("Net sales"), wording.short_money(total.net), months, before, lambda one: one.net.minor
            ),
            blocks.figure_of_months(
                _("Points"), wording.short_number(total.points), months, before, lambda one: one.points
            ),
            blocks.figure_of_months(
                _("Companies"), wording.short_number(total.places), months, before, lambda one: one.companies
            ),
            blocks.figure_of_months(
                _("Sales lines"),
                wording.short_number(sum(one.lines for one in months)),
                months,
                before,
                lambda one: one.lines,
            ),
        ]
    )


def show_months(programme: programmes.Programme) -> None:
    """Draw the programme's net sales month by month."""
    months = cached.monthly_totals(cached.facts_version(), user.scope, programme)
    with elements.card(
        _("Net sales by month · {programme}").format(programme=wording.plain(programme.name)), fills=True
    ):
        company_blocks.show_months(months, key="months")


def show_first_places(programme: programmes.Programme) -> None:
    """Draw the first places of the standings; a chosen one opens its company."""
    rows = cached.places(
        cached.facts_version(),
        user.scope,
        programme,
        programme.starts_on,
        programme.ends_on,
        None,
        StandingsBy.COMPANY,
        None,
        "",
        FIRST_PLACES,
        0,
    )
    with elements.card(_("First places"), fills=True):
        if not rows:
            st.caption(_("Places appear with the first settled sales."))
            return
        chosen = elements.choose_row(
            standings_blocks.standings_table(rows, StandingsBy.COMPANY, has_before=False),
            key="first_places",
            alt=_("First places of the standings"),
            numbers=[_("Rank"), _("Points"), _("Net sales")],
        )
        registry.link(user, "standings", _("All standings"), icon="leaderboard")
    if chosen is not None and chosen < len(rows):
        registry.open_page("company", company=rows[chosen].code)


def show_latest_imports() -> None:
    """Draw the imports that came last."""
    with database.snapshot(user.scope) as connection:
        imports = intake.find_imports(connection, limit=LATEST_IMPORTS)
    with elements.card(_("Latest files"), fills=True):
        if not imports:
            st.caption(_("No file has come in yet."))
        for one in imports:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                registry.link(
                    user,
                    "imports",
                    wording.plain(one.file_name),
                    icon="description",
                    **import_blocks.import_query(one.id),
                )
                import_blocks.state_badge(one.state)
                st.caption(wording.ago(one.requested_at), width="content")


def show_what_waits(waiting: Sequence[blocks.Waiting], *, fills: bool) -> None:
    """Draw what waits for the reader."""
    with elements.card(_("What waits"), fills=fills):
        blocks.show_waiting(user, waiting)
        if user.may(Permission.UPLOAD_FILES):
            registry.link(user, "uploads", _("Bring a file"), icon="upload_file")


programme = known[0] if known else None
waiting = blocks.what_waits(user, known)
if programme is None or not user.may(Permission.SEE_STANDINGS):
    show_what_waits(waiting, fills=False)
    if programme is None:
        elements.empty_state(
            "workspace_premium",
            _("No programme yet"),
            _("Apply the first programme document, then bring a sales file: points and places follow."),
            lambda: registry.link(user, "programmes", _("To the programmes"), icon="workspace_premium"),
        )
    if user.may(Permission.SEE_IMPORTS):
        show_latest_imports()
    st.stop()

if len(known) > 1:
    programme = st.selectbox(
        _("Programme"),
        known,
        format_func=lambda one: programme_blocks.programme_label(one, known),
        key="programme",
        bind="query-params",
    )
if len(waiting) < ENOUGH_TO_STAND_BESIDE_A_CHART:
    show_what_waits(waiting, fills=False)
    show_months(programme)
else:
    first, second = st.columns([1, 1.9])
    with first:
        show_what_waits(waiting, fills=True)
    with second:
        show_months(programme)
show_figures(programme)
if user.may(Permission.SEE_IMPORTS):
    third, fourth = st.columns([1.2, 1])
    with third:
        show_first_places(programme)
    with fourth:
        show_latest_imports()
else:
    show_first_places(programme)
