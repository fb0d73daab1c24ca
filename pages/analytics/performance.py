"""Performance: what was sold, earned, returned and given, when, where and by whom, down to the line."""

from dataclasses import replace

import streamlit as st

from loyalty_core import programmes
from loyalty_core.access import Permission
from loyalty_core.kernel import Refusal, _, current_database, ngettext, write_xlsx
from loyalty_core.organisation import CompanyKind, all_regions, company_by_code
from ui import charts, downloads, drill, elements, explored, registry, wording
from ui import performance as blocks
from ui import programmes as programme_blocks
from ui import standings as region_blocks
from ui.identity import require
from ui.keys import page_key
from ui.performance import Dimension, Measure
from ui.spans import Days, days_of_step, goal_of_days, steps

user = require(Permission.SEE_PERFORMANCE)
database = current_database()
BARS = 12
ALL = ""

with database.snapshot(user.scope) as connection:
    known = programmes.list_programmes(connection, user.scope)
    regions = all_regions(connection)
header = st.container()
if not known or not explored.is_ready():
    with header:
        elements.page_header(_("Performance"), _("What was sold, earned and given, down to the line."))
    if known:
        explored.stop_until_ready()
    elements.empty_state(
        "monitoring",
        _("No programme yet"),
        _("Figures begin with a programme and its first sales file."),
        lambda: registry.link(user, "programmes", _("To the programmes"), icon="workspace_premium"),
    )
    st.stop()

measure_titles = blocks.measure_titles()
measure = Measure(elements.choose_view(measure_titles, key=page_key("measure")))
filters = st.columns(3 if len(known) > 1 else 2, vertical_alignment="bottom")
programme = known[0]
if len(known) > 1:
    programme = elements.choose_travelling(
        _("Programme"),
        known,
        format_func=lambda one: programme_blocks.programme_label(one, known),
        name="programme",
        at=filters[0],
    )
choices = blocks.spans_of(user.scope, programme, measure)
if not choices:
    with header:
        elements.page_header(_("Performance"), wording.plain(programme.name))
    elements.empty_state(
        "monitoring",
        _("No sales yet"),
        _("Figures appear as soon as a sales file in the programme's currency is accepted."),
        lambda: registry.link(user, "uploads", _("Upload file"), icon="upload_file"),
    )
    st.stop()

period_at, region_at = filters[-2:]
span = elements.choose_travelling(
    _("Period"), choices, format_func=lambda one: one.label, name="period", at=period_at
)
by_code = {region.code: region for region in regions}
labels = region_blocks.region_labels(regions)
region = elements.choose_travelling(
    _("Region"),
    [ALL, *by_code],
    format_func=lambda code: labels.get(code, _("All regions")),
    name="region",
    at=region_at,
)
is_narrowed = any(
    st.query_params.get(page_key(one)) for one in ("group", "company", "product_group", "brand")
)
with st.expander(_("More filters"), icon=":material/filter_alt:", expanded=is_narrowed):
    group_at, company_at, product_group_at, brand_at = st.columns(4, vertical_alignment="bottom")
kind = group_at.selectbox(
    _("Participant group"),
    [ALL, *CompanyKind],
    format_func=lambda one: blocks.group_title(one) if one else _("All groups"),
    key=page_key("group"),
    bind="query-params",
    help=_("Sales, receipts and points go by what the company is, rewards by the person they are for."),
)
groups, brands = blocks.product_choices(user.scope, programme)
code = (
    company_at.text_input(
        _("Company"), key=page_key("company"), bind="query-params", placeholder=_("its code"), type="search"
    )
    or ""
)
product_group = product_group_at.selectbox(
    _("Product group"),
    [ALL, *groups],
    format_func=lambda one: one or _("All product groups"),
    key=page_key("product_group"),
    bind="query-params",
    disabled=measure is Measure.REWARDS,
)
brand = brand_at.selectbox(
    _("Brand"),
    [ALL, *brands],
    format_func=lambda one: one or _("All brands"),
    key=page_key("brand"),
    bind="query-params",
    disabled=measure is Measure.REWARDS,
)
asked = blocks.Asked(
    programme,
    region_ids=region_blocks.region_ids_below(regions, by_code[region].id) if region else None,
    kind=kind or None,
    product_group=product_group or None,
    brand=brand or None,
)
if measure is Measure.REWARDS:
    asked = replace(asked, product_group=None, brand=None)
company_name = ""
if code:
    try:
        with database.snapshot(user.scope) as connection:
            company = company_by_code(connection, code.strip())
    except Refusal as refusal:
        with header:
            elements.page_header(_("Performance"), wording.plain(programme.name))
        st.warning(wording.plain_lines(refusal.sentence), icon=":material/search_off:")
        st.stop()
    asked, company_name = replace(asked, company_id=company.id), company.name

days = (span.since, span.until)
context = [wording.plain(programme.name)]
if company_name:
    context.append(wording.plain(company_name))
context.append(f"{wording.day(span.since)} – {wording.day(span.until)}")
if span.before:
    context.append(
        _("against {first} – {last}").format(
            first=wording.day(span.before[0]), last=wording.day(span.before[1])
        )
    )
if span.uncovered:
    context.append(blocks.uncovered_in_words(span) or "")
with header:
    elements.page_header(_("Performance"), " · ".join(context))

currency = programme.currency
shown = blocks.measured(user.scope, measure, asked, span)
has_goal = measure is Measure.SALES and not asked.is_narrowed
goal_minor = blocks.goal_minor_of(user.scope, programme) if has_goal else None


def goal_of(days: Days) -> int:
    """Return the part of the programme's goal that falls on the days."""
    return goal_of_days(goal_minor or 0, programme.starts_on, programme.ends_on, *days)


def show_figures() -> None:
    """Draw the total beside what it is told against."""
    figures = [
        elements.Figure(
            measure_titles[measure],
            blocks.in_words(measure, shown.total, currency, short=True),
            blocks.change_in_words(shown),
            delta_color="inverse" if measure is Measure.RETURNS else "normal",
            help=blocks.in_words(measure, shown.total, currency),
        )
    ]
    if shown.before is not None:
        figures.append(
            elements.Figure(
                _("Previous period"),
                blocks.in_words(measure, shown.before, currency, short=True),
                help=_("As many days just before, or as much of the month or quarter before."),
            )
        )
    elif span.uncovered:
        figures.append(
            elements.Figure(
                _("Previous period"),
                "—",
                _("no data"),
                delta_color="off",
                help=_(
                    "There is no data for all of {first} – {last}, so nothing is compared with it."
                ).format(first=wording.day(span.uncovered[0]), last=wording.day(span.uncovered[1])),
            )
        )
    if shown.year_before:
        figures.append(
            elements.Figure(
                _("A year before"),
                blocks.in_words(measure, shown.year_before, currency, short=True),
                wording.change(shown.total, shown.year_before),
                delta_color="inverse" if measure is Measure.RETURNS else "normal",
                help=_("The same days a year before, and the change since."),
            )
        )
    attained = blocks.goal_attainment(user.scope, programme, span) if has_goal else None
    if attained is not None:
        figures.append(blocks.goal_figure(attained, programme, span))
    elements.figure_row(figures)


def show_over_time() -> Days | None:
    """Draw the measure over time and return the days of the chosen bar."""
    firsts = steps(*days, span.step)
    names = [blocks.step_label(first, span.step) for first in firsts]
    bars = blocks.along(days, span.step, shown.by_step)
    earlier = None
    if span.year_before is not None and shown.year_before:
        earlier = blocks.along(span.year_before, span.step, shown.year_by_step)[: len(bars)]
    goals = None
    if goal_minor:
        goals = [
            blocks.drawn(measure, goal_of(days_of_step(first, span.step, *days)), currency)
            for first in firsts
        ]
    with elements.card(
        _("{measure} by {step}").format(
            measure=measure_titles[measure],
            step={"day": _("day"), "week": _("week"), "month": _("month")}[span.step],
        )
    ):
        chosen = elements.chart(
            charts.bars(
                names,
                [blocks.drawn(measure, value, currency) for value in bars],
                name=measure_titles[measure],
                mode=elements.mode(),
                before=[blocks.drawn(measure, value, currency) for value in earlier] if earlier else None,
                before_name=_("A year before"),
                goal=goals if goals and any(goals) else None,
                goal_name=_("Goal"),
                separators=elements.separators(),
                unit=f"{currency} " if blocks.is_money(measure) else "",
                selects=True,
            ),
            key=page_key(f"over_time_{measure}_{span.since}_{span.until}"),
            alt=_("{measure} over time: {values}").format(
                measure=measure_titles[measure],
                values=", ".join(
                    f"{name} {blocks.in_words(measure, value, currency)}"
                    for name, value in zip(names, bars, strict=True)
                ),
            ),
            selects=True,
        )
    if chosen and chosen[0] in names:
        return days_of_step(firsts[names.index(chosen[0])], span.step, *days)
    return None


def show_parts() -> blocks.Part | None:
    """Draw the measure by part and return the chosen one."""
    with elements.card(
        _("{measure} by {part}").format(measure=measure_titles[measure], part=titles[dimension].lower())
    ):
        if not found:
            st.caption(_("Nothing in these days."))
            return None
        top = found[:BARS]
        chosen = elements.chart(
            charts.rows_of_bars(
                [one.label for one in top],
                [blocks.drawn(measure, one.value, currency) for one in top],
                texts=[
                    " · ".join(
                        filter(
                            None,
                            [
                                blocks.in_words(measure, one.value, currency, short=True),
                                wording.change(one.value, one.before) if span.before else None,
                            ],
                        )
                    )
                    for one in top
                ],
                ids=[one.key for one in top],
                mode=elements.mode(),
                separators=elements.separators(),
                texts_above=True,
            ),
            key=page_key(f"parts_{measure}_{dimension}_{span.since}_{span.until}"),
            alt=_("{measure} of the first parts: {values}").format(
                measure=measure_titles[measure],
                values=", ".join(
                    f"{one.label} {blocks.in_words(measure, one.value, currency)}" for one in top
                ),
            ),
            selects=True,
        )
        if len(found) > BARS:
            # Whoever may not take the workbook along is not told of it.
            sentence = (
                ngettext(
                    "{count} more is in the workbook.", "{count} more are in the workbook.", len(found) - BARS
                )
                if user.may(Permission.EXPORT_PERFORMANCE)
                else ngettext("{count} more is smaller.", "{count} more are smaller.", len(found) - BARS)
            )
            st.caption(sentence.format(count=wording.number(len(found) - BARS)))
    return next((one for one in top if chosen and one.key == chosen[0]), None)


def offer_workbook() -> None:
    """Let the reader take the parts along as a workbook."""
    has_before, has_year = span.before is not None, measure is Measure.SALES and span.year_before is not None
    with elements.queue_bar(
        _("**{count}** rows by {part} as a workbook").format(
            count=wording.number(len(found)), part=wording.plain(titles[dimension].lower())
        )
    ):
        if not st.button(_("Make the workbook"), icon=":material/table_view:"):
            return
        downloads.offer(
            user,
            Permission.EXPORT_PERFORMANCE,
            f"{measure}-by-{dimension}-{span.since}-{span.until}.xlsx",
            lambda path: write_xlsx(
                path,
                blocks.workbook_header(measure, titles[dimension], has_before=has_before, has_year=has_year),
                blocks.workbook_rows(measure, found, currency, has_before=has_before, has_year=has_year),
                sheet=measure_titles[measure],
            ),
        )


show_figures()
picked_days = show_over_time()
titles = blocks.dimension_titles(measure)
dimension = Dimension(
    elements.choose_view(titles, key=page_key("rewards_by" if measure is Measure.REWARDS else "by"))
)
found = blocks.parts(user.scope, measure, dimension, asked, span)
picked = show_parts()
if blocks.is_estimated(user.scope, measure, asked, days, dimension):
    st.caption(
        _("In so many lines, receipts by product are estimated, to within about two in a hundred."),
    )
if picked_days or picked:
    drill.show_rows(
        user,
        measure,
        asked.narrowed_to(dimension, picked.key) if picked else asked,
        picked_days or days,
        what=picked.label if picked else "",
    )
else:
    st.caption(_("Click a bar to see the companies and lines behind it."))
if found and user.may(Permission.EXPORT_PERFORMANCE):
    offer_workbook()
