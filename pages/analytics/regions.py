"""Regions: the reader's areas and sales staff, ranked, and any company with who is responsible for it."""

import streamlit as st

from loyalty_core import programmes
from loyalty_core.access import Permission
from loyalty_core.kernel import _, current_database
from loyalty_core.organisation import all_regions, companies_by_id
from ui import charts, drill, elements, explored, list_export, performance, registry, wording
from ui import programmes as programme_blocks
from ui import regions as blocks
from ui import standings as region_blocks
from ui.identity import require
from ui.keys import page_key
from ui.performance import Dimension, Measure
from ui.regions import RankedBy

user = require(Permission.SEE_REGIONS)
database = current_database()
BARS = 15
ALL = ""

with database.snapshot(user.scope) as connection:
    known = programmes.list_programmes(connection, user.scope)
    regions = all_regions(connection)
header = st.container()
intro = _("Your areas and sales staff by sales, growth and budget.")
if not known or not explored.is_ready():
    with header:
        elements.page_header(_("Regions"), intro)
    if known:
        explored.stop_until_ready()
    elements.empty_state(
        "map",
        _("No programme yet"),
        _("Areas are compared once there is a programme and its first sales file."),
        lambda: registry.link(user, "programmes", _("To the programmes"), icon="workspace_premium"),
    )
    st.stop()

VIEWS = {
    "areas": _("Areas"),
    "lowest": _("Local areas"),
    "staff": _("Sales staff"),
    "companies": _("Companies"),
}
view = elements.choose_view(VIEWS, key=page_key("view"))
filters = st.columns(4 if len(known) > 1 else 3, vertical_alignment="bottom")
programme = known[0]
if len(known) > 1:
    programme = elements.choose_travelling(
        _("Programme"),
        known,
        format_func=lambda one: programme_blocks.programme_label(one, known),
        name="programme",
        at=filters[0],
    )
choices = performance.spans_of(user.scope, programme)
if not choices:
    with header:
        elements.page_header(_("Regions"), intro)
    elements.empty_state(
        "map",
        _("No sales yet"),
        _("Areas are compared as soon as a sales file in the programme's currency is accepted."),
        lambda: registry.link(user, "uploads", _("Upload file"), icon="upload_file"),
    )
    st.stop()

period_at, region_at, third_at = filters[-3:]
span = elements.choose_travelling(
    _("Period"), choices, format_func=lambda one: one.label, name="period", at=period_at
)
by_code = {region.code: region for region in regions}
labels = region_blocks.region_labels(regions)
region = elements.choose_travelling(
    _("Area"),
    [ALL, *by_code],
    format_func=lambda code: labels.get(code, _("All that you see")),
    name="region",
    at=region_at,
)
chosen_region = by_code[region] if region else None
asked = performance.Asked(
    programme, region_ids=blocks.own_regions(regions, chosen_region.id if chosen_region else None)
)
currency = programme.currency
with header:
    elements.page_header(
        _("Regions"),
        " · ".join(
            [
                wording.plain(chosen_region.name if chosen_region else programme.name),
                f"{wording.day(span.since)} – {wording.day(span.until)}",
                *(
                    [
                        _("growth against {first} – {last}").format(
                            first=wording.day(span.before[0]), last=wording.day(span.before[1])
                        )
                    ]
                    if span.before
                    else filter(None, [performance.uncovered_in_words(span)])
                ),
            ]
        ),
    )


def show_ranked(rows: list[blocks.Ranked], *, of_areas: bool) -> blocks.Ranked | None:
    """Draw areas or people as bars, with a table below, and return the chosen one."""
    with third_at:
        titles = {RankedBy.SALES: _("Sales"), RankedBy.GROWTH: _("Growth")}
        if of_areas:
            titles[RankedBy.BUDGET] = _("Budget used")
        by = st.selectbox(
            _("Ranked by"),
            list(titles),
            format_func=titles.__getitem__,
            key=page_key("rank_areas" if of_areas else "rank_staff"),
            bind="query-params",
        )
    in_order = blocks.ranked(rows, by)
    top = in_order[:BARS]
    with elements.card(_("{what} by {rank}").format(what=VIEWS[view], rank=titles[by].lower())):
        chosen = elements.chart(
            charts.rows_of_bars(
                [one.label for one in top],
                [blocks.bar_value(one, by, currency) for one in top],
                texts=[blocks.bar_text(one, currency, of_areas=of_areas) for one in top],
                ids=[one.key for one in top],
                mode=elements.mode(),
                separators=elements.separators(),
                texts_above=True,
            ),
            key=page_key(f"bars_{view}_{by}_{span.since}_{span.until}_{region}"),
            alt=", ".join(f"{one.label} {blocks.bar_text(one, currency, of_areas=of_areas)}" for one in top),
            selects=True,
        )
        st.caption(
            _("Click an area to see those below it, or its companies.")
            if of_areas
            else _("Click a person to see the companies that they are responsible for.")
        )
    elements.table(
        blocks.ranked_table(in_order, currency, of_areas=of_areas),
        alt=_("The same as a table"),
        numbers=[_("Net sales"), _("Growth"), _("On last year"), _("Budget"), _("Used"), _("Rewards")],
    )
    return next((one for one in top if chosen and one.key == chosen[0]), None)


def show_areas() -> None:
    """Draw the areas below the chosen one, and go down into the one that is clicked."""
    parent = chosen_region.id if chosen_region else None
    tops = (blocks.lowest_areas if view == "lowest" else blocks.areas_below)(regions, parent)
    if not tops or [one.id for one in tops] == [parent]:
        drill.show_companies(user, Measure.SALES, asked, (span.since, span.until))
        return
    found = performance.parts(user.scope, Measure.SALES, Dimension.REGION, asked, span)
    picked = show_ranked(
        blocks.rolled_up(regions, tops, found, blocks.budgets_on(user.scope, asked, wording.today())),
        of_areas=True,
    )
    if picked is None:
        return
    below = next(one for one in regions if str(one.id) == picked.key)
    query = {"region": labels[below.code]}
    if span is not choices[0]:
        query["period"] = span.label
    if len(known) > 1:
        query["programme"] = programme_blocks.programme_label(programme, known)
    registry.open_page("regions", **query)


def show_staff() -> None:
    """Draw the salespeople, and the companies of the one that is clicked."""
    rows = blocks.staff(user.scope, asked, span)
    if not rows:
        st.caption(_("Nobody sold anything in these days."))
        return
    picked = show_ranked(rows, of_areas=False)
    if picked is not None:
        drill.show_rows(
            user,
            Measure.SALES,
            asked.narrowed_to(Dimension.SALESPERSON, picked.key),
            (span.since, span.until),
            what=picked.label,
        )


def show_watched(watch: performance.Watch) -> None:
    """Draw the companies that are worth a look; the chosen one opens."""
    found = performance.watched(user.scope, asked, span, watch)
    if not found:
        st.caption(
            performance.uncovered_in_words(span) or _("No company."),
        )
        return
    chosen = elements.choose_row(
        performance.watched_table(found, currency),
        key=page_key(f"watched_{watch}_{region}_{span.since}_{span.until}"),
        alt=performance.watch_titles()[watch],
        numbers=[_("Net sales"), _("Before"), _("Change"), _("Returns")],
    )
    st.caption(_("Choose a company to open it."))
    if chosen is not None and chosen < len(found):
        with database.snapshot(user.scope) as connection:
            companies = companies_by_id(connection, [found[chosen].company_id])
        if companies:
            registry.open_page("company", company=companies[0].code)


def show_companies() -> None:
    """Draw every company with who is responsible for it; the chosen one opens."""
    shown = elements.choose_view(
        {ALL: _("All companies"), **performance.watch_titles()}, key=page_key("show")
    )
    if shown:
        show_watched(performance.Watch(shown))
        return
    words = (
        third_at.text_input(
            _("Find"),
            key=page_key("words"),
            bind="query-params",
            placeholder=_("name or code"),
            type="search",
        )
        or ""
    )
    days = (span.since, span.until)
    total = performance.count_companies(user.scope, asked, days, words=words, only_sold=False)
    if not total:
        elements.empty_state("search_off", _("No company matches"), _("Try a part of its name or code."))
        return
    sort = elements.choose_sort(performance.company_sort_titles(), default=_("Most sales first"))
    rows_at, offset = elements.paged(total, key=page_key("page"))
    rows = performance.companies(
        user.scope,
        asked,
        days,
        span.before,
        words=words,
        only_sold=False,
        sort=sort,
        limit=elements.ROWS_A_PAGE,
        offset=offset,
    )
    with rows_at:
        chosen = elements.choose_row(
            performance.companies_table(rows, currency, has_before=span.before is not None),
            key=elements.key_of_rows("companies", [row["company_id"] for row in rows]),
            alt=_("Companies with who is responsible for them"),
            numbers=[_("Net sales"), _("Change"), _("Returns"), _("Points")],
        )
        st.caption(_("Choose a company to open it."))
    list_export.offer(
        user,
        f"companies-{span.since}-{span.until}",
        total,
        performance.exported_companies(currency, has_before=span.before is not None),
        list_export.from_replica(
            user,
            "companies",
            performance.companies_values(asked, days, span.before, words=words, only_sold=False),
            sort,
        ),
    )
    if chosen is not None and chosen < len(rows):
        registry.open_page("company", company=rows[chosen]["code"])


if chosen_region is not None:
    registry.link(user, "regions", _("All areas"), icon="arrow_back")
{"areas": show_areas, "lowest": show_areas, "staff": show_staff, "companies": show_companies}[view]()
