"""Standings: who stands where in a programme, and who moved."""

import streamlit as st
from sqlalchemy import Connection

from loyalty_core import programmes, standings
from loyalty_core.access import Permission
from loyalty_core.kernel import _, current_database, write_xlsx
from loyalty_core.organisation import all_regions
from loyalty_core.standings import StandingsBy
from ui import charts, downloads, elements, explored, list_export, ranked, registry, wording
from ui import programmes as programme_blocks
from ui import standings as blocks
from ui.identity import require
from ui.keys import page_key

user = require(Permission.SEE_STANDINGS)
database = current_database()
MOST_EXPORTED_PLACES = 1_000_000

with database.snapshot(user.scope) as connection:
    known = programmes.list_programmes(connection, user.scope)
    regions = all_regions(connection)
if not known:
    elements.page_header(_("Standings"), _("Who stands where, and who moved."))
    elements.empty_state(
        "leaderboard",
        _("No programme yet"),
        _("Standings begin with a programme and its first settled sales."),
        lambda: registry.link(user, "programmes", _("To the programmes"), icon="workspace_premium"),
    )
    st.stop()

if not explored.is_ready():
    elements.page_header(_("Standings"), _("Who stands where, and who moved."))
explored.stop_until_ready()
header = st.container()
BY = {StandingsBy.COMPANY: _("Companies"), StandingsBy.REGION: _("Regions")}
if len(known) > 1:
    programme = elements.choose_travelling(
        _("Programme"),
        known,
        format_func=lambda one: programme_blocks.programme_label(one, known),
        name="programme",
    )
else:
    programme = known[0]
sold = ranked.sold_days(user.scope, programme)
choices = blocks.periods(programme.starts_on, programme.ends_on, sold)

by = StandingsBy(elements.choose_view({one.value: label for one, label in BY.items()}, key=page_key("by")))
period_at, region_at, words_at = st.columns(3, vertical_alignment="bottom")
period = elements.choose_travelling(
    _("Period"), choices, format_func=lambda one: one.label, name="period", at=period_at
)
by_code = {region.code: region for region in regions}
labels = blocks.region_labels(regions)
region = elements.choose_travelling(
    _("Region"),
    ["", *by_code],
    format_func=lambda code: labels.get(code, _("All regions")),
    name="region",
    at=region_at,
)
words = (
    words_at.text_input(
        _("Find"), key=page_key("words"), bind="query-params", placeholder=_("name or code"), type="search"
    )
    or ""
)
region_ids = blocks.region_ids_below(regions, by_code[region].id) if region else None
has_before = period.before is not None

total = ranked.total(user.scope, programme, period.since, period.until, by, region_ids, words)
with header:
    context = f"{wording.plain(programme.name)} · {wording.day(period.since)} – {wording.day(period.until)}"
    if period.before is not None:
        context += " · " + _("movement against {first} – {last}").format(
            first=wording.day(period.before[0]), last=wording.day(period.before[1])
        )
    elements.page_header(_("Standings"), context)

if not total.places:
    if words or region:
        elements.empty_state("search_off", _("Nobody matches"), _("Take a filter away to see more."))
    else:
        elements.empty_state(
            "leaderboard",
            _("No sales in this period"),
            _("Places appear as soon as a sales file of this period is accepted and settled."),
            lambda: registry.link(user, "uploads", _("Upload file"), icon="upload_file"),
        )
    st.stop()

earlier = (
    ranked.total(user.scope, programme, *period.before, by, region_ids, words)
    if period.before is not None
    else None
)
elements.figure_row(
    [
        elements.Figure(
            BY[by],
            wording.short_number(total.places),
            (wording.signed(total.places - earlier.places) or None) if earlier else None,
        ),
        elements.Figure(
            _("Points"),
            wording.short_number(total.points),
            wording.change(total.points, earlier.points) if earlier else None,
            help=_("Points that the lines sold in this period hold now."),
        ),
        elements.Figure(
            _("Net sales"),
            wording.short_money(total.net),
            wording.change(total.net.minor, earlier.net.minor) if earlier else None,
            help=_("Sales less returns, in the programme's currency."),
        ),
    ]
)

rows_at, offset = elements.paged(total.places, key=page_key("page"))
rows = ranked.places(
    user.scope,
    programme,
    period.since,
    period.until,
    period.before,
    by,
    region_ids,
    words,
    elements.ROWS_A_PAGE,
    offset,
)
with rows_at:
    chosen = elements.choose_row(
        blocks.standings_table(rows, by, has_before=has_before),
        key=page_key(f"places_{by}"),
        alt=_("Standings, the best place first"),
        numbers=[_("Rank"), _("Move"), _("Points"), _("Before"), _("Net sales")],
    )
    st.caption(
        _("Choose a company to see where its points come from.")
        if by is StandingsBy.COMPANY
        else _("Choose a region to see its companies.")
    )
if chosen is not None and chosen < len(rows):
    if by is StandingsBy.COMPANY:
        registry.open_page("company", company=rows[chosen].code)
    else:
        query = {"region": labels[rows[chosen].code]}
        if period is not choices[0]:
            query["period"] = period.label
        registry.open_page("standings", **query)

if by is StandingsBy.REGION and not words and offset == 0 and len(rows) > 1:
    with elements.card(_("Points by region")):
        top = rows[:12]
        elements.chart(
            charts.rows_of_bars(
                [labels[row.code] for row in top],
                [row.points for row in top],
                texts=[wording.number(row.points) for row in top],
                mode=elements.mode(),
                separators=elements.separators(),
            ),
            key=page_key("regions"),
            alt=_("Points of the first regions"),
        )


def read(connection: Connection, limit: int, offset: int) -> list[standings.Standing]:
    """Read places, the best first: their rank is their order."""
    return standings.standings(
        connection,
        programme_id=programme.id,
        currency=programme.currency,
        time_zone=programme.time_zone,
        since=period.since,
        until=period.until,
        before=period.before,
        by=by,
        region_ids=list(region_ids) if region_ids is not None else None,
        words=words,
        limit=limit,
        offset=offset,
    )


every_place = list_export.from_database(user, read)
list_export.offer(
    user,
    f"standings-{programme.code}-{period.since}-{period.until}",
    total.places,
    list_export.cells_of(blocks.workbook_header(by)),
    lambda: blocks.workbook_rows(every_place(), by),
)
if Permission.EXPORT_STANDINGS in user.permissions:
    with elements.queue_bar(_("**{count}** places as a workbook").format(count=wording.number(total.places))):
        if st.button(_("Make the workbook"), icon=":material/table_view:"):
            with st.spinner(_("Writing the workbook")), database.snapshot(user.scope) as connection:
                every = read(connection, MOST_EXPORTED_PLACES, 0)
            downloads.offer(
                user,
                Permission.EXPORT_STANDINGS,
                f"standings-{programme.code}-{period.since}-{period.until}.xlsx",
                lambda path: write_xlsx(
                    path,
                    blocks.workbook_header(by),
                    blocks.workbook_rows(every, by),
                    sheet=_("Standings"),
                ),
            )
