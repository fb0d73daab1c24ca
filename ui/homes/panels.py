"""The panels that homes are put together from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import streamlit as st

from loyalty_core import intake
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.kernel import Money, _, current_database, now
from loyalty_core.programmes import Programme
from loyalty_core.standings import StandingsBy
from ui import charts, elements, explored, home, performance, ranked, registry, wording
from ui import imports as import_blocks
from ui import programmes as programme_blocks
from ui import standings as standings_blocks
from ui.elements import Figure
from ui.keys import page_key
from ui.performance import Asked, Measure
from ui.spans import Span, days_of_step, goal_of_days, steps

FIRST_PLACES = 6
# Equal heights for figures with and without a course, whose links then stand in one line.
HEIGHT_WITH_TREND = 186
HEIGHT_WITH_DELTA = 120
LATEST_IMPORTS = 5


# More returns are worse; more rewards are neither.
DELTA_COLOURS: dict[Measure, Literal["normal", "inverse", "off"]] = {
    Measure.RETURNS: "inverse",
    Measure.REWARDS: "off",
}


@dataclass(frozen=True, slots=True)
class Leading:
    """A figure that leads to a page, with values for its address."""

    figure: Figure
    page: str
    query: dict[str, str] = field(default_factory=dict)
    # What the link opens, where that says more than the page's title.
    opens: str = ""


def draw_head(user: SignedInUser) -> None:
    """Greet the reader, and tell the reader whose account was touched of it."""
    elements.page_header(
        home.greeting().format(name=wording.plain(user.display_name.split()[0])), home.roles_line(user)
    )
    if user.decisions_from is not None and user.decisions_from > now():
        st.info(
            wording.plain(
                _(
                    "An administrator gave your account a role that decides, or a new password. What you decide counts"
                    " from {moment} on. If you did not expect this, tell whoever is responsible for Laurel."
                ).format(moment=wording.moment(user.decisions_from))
            ),
            icon=":material/lock_clock:",
        )


def leading_row(user: SignedInUser, found: Sequence[Leading]) -> None:
    """Draw up to four figures side by side, two by two on a phone, each with the way to its page."""
    pairs = [found[place : place + 2] for place in range(0, len(found), 2)]
    height: int | Literal["content"] = "content"
    if any(one.figure.trend for one in found):
        height = HEIGHT_WITH_TREND
    elif any(one.figure.delta for one in found):
        height = HEIGHT_WITH_DELTA
    for outer, pair in zip(st.columns([len(pair) for pair in pairs]), pairs, strict=True):
        for inner, one in zip(outer.columns(len(pair), wrap=False), pair, strict=True):
            with inner:
                figure = one.figure
                st.metric(
                    figure.label,
                    figure.value,
                    figure.delta,
                    help=figure.help,
                    border=True,
                    chart_data=list(figure.trend) if figure.trend else None,
                    chart_type="area",
                    delta_color=figure.delta_color,
                    delta_arrow="off" if figure.delta_color == "off" else "auto",
                    height=height,
                )
                if registry.allows(user, one.page):
                    opens = one.opens or registry.entry(one.page).title.lower()
                    registry.link(
                        user,
                        one.page,
                        _("Open {page}").format(page=wording.plain(opens)),
                        icon="arrow_forward",
                        **one.query,
                    )


def choose_programme(known: Sequence[Programme]) -> Programme:
    """Let the reader choose a programme where there are several."""
    if len(known) == 1:
        return known[0]
    return elements.choose_travelling(
        _("Programme"),
        known,
        format_func=lambda one: programme_blocks.programme_label(one, known),
        name="programme",
    )


def programme_query(programme: Programme, known: Sequence[Programme]) -> dict[str, str]:
    """Return what names the programme in the address of a page."""
    return {"programme": programme_blocks.programme_label(programme, known)} if len(known) > 1 else {}


def latest_weeks(user: SignedInUser, programme: Programme, measure: Measure = Measure.SALES) -> Span | None:
    """Return the last thirteen weeks of a measure, None where nothing was sold."""
    found = performance.spans_of(user.scope, programme, measure)
    return found[0] if found else None


def measure_figure(
    user: SignedInUser,
    measure: Measure,
    programme: Programme,
    known: Sequence[Programme],
) -> Leading | None:
    """Return a measure of the last thirteen weeks with its course by week, compared with the weeks before.

    None where nothing was sold.
    """
    span = latest_weeks(user, programme, measure)
    if span is None:
        return None
    currency = programme.currency
    found = performance.measured(user.scope, measure, Asked(programme), span)
    uncovered = performance.uncovered_in_words(span)
    title = performance.measure_titles()[measure]
    return Leading(
        Figure(
            _("{measure}, 13 weeks").format(measure=title),
            performance.in_words(measure, found.total, currency, short=True),
            _("no earlier data") if uncovered else performance.change_in_words(found),
            delta_color="off" if uncovered else DELTA_COLOURS.get(measure, "normal"),
            help=_("{first} – {last}: {value}; {compared}.").format(
                first=wording.day(span.since),
                last=wording.day(span.until),
                value=performance.in_words(measure, found.total, currency),
                compared=uncovered or _("the change is against the thirteen weeks before"),
            ),
            trend=performance.along((span.since, span.until), span.step, found.by_step)
            if len(found.by_step) > 1
            else None,
        ),
        "performance",
        {"measure": title, **programme_query(programme, known)},
        title.lower(),
    )


def goal_figure(user: SignedInUser, programme: Programme, known: Sequence[Programme]) -> Leading | None:
    """Return how far the goal of the whole programme so far is reached, None without a goal."""
    span = performance.whole_programme(performance.spans_of(user.scope, programme))
    found = performance.goal_attainment(user.scope, programme, span) if span is not None else None
    if span is None or found is None:
        return None
    return Leading(
        performance.goal_figure(found, programme, span),
        "performance",
        {"period": span.label, **programme_query(programme, known)},
    )


def show_weeks(user: SignedInUser, programme: Programme, span: Span) -> None:
    """Draw sales week by week beside the year before and the goal."""
    asked, days, currency = Asked(programme), (span.since, span.until), programme.currency
    found = performance.measured(user.scope, Measure.SALES, asked, span)
    firsts = steps(*days, span.step)
    bars = performance.along(days, span.step, found.by_step)
    earlier = (
        performance.along(span.year_before, span.step, found.year_by_step)[: len(bars)]
        if span.year_before is not None and found.year_before
        else None
    )
    goal_minor, goals = performance.goal_minor_of(user.scope, programme), None
    if goal_minor:
        goals = [
            performance.drawn(
                Measure.SALES,
                goal_of_days(
                    goal_minor,
                    programme.starts_on,
                    programme.ends_on,
                    *days_of_step(first, span.step, *days),
                ),
                currency,
            )
            for first in firsts
        ]
    names = [performance.step_label(first, span.step) for first in firsts]
    with elements.card(_("Net sales by week · {programme}").format(programme=wording.plain(programme.name))):
        elements.chart(
            charts.bars(
                names,
                [performance.drawn(Measure.SALES, one, currency) for one in bars],
                name=_("Net sales"),
                mode=elements.mode(),
                before=[performance.drawn(Measure.SALES, one, currency) for one in earlier]
                if earlier is not None
                else None,
                before_name=_("A year before"),
                goal=goals if goals and any(goals) else None,
                goal_name=_("Goal"),
                separators=elements.separators(),
                unit=f"{currency} ",
            ),
            key=page_key("home_weeks"),
            alt=_("Net sales by week: {values}").format(
                values=", ".join(
                    f"{name} {wording.money(Money(value, currency))}"
                    for name, value in zip(names, bars, strict=True)
                )
            ),
        )


def show_what_waits(user: SignedInUser, waiting: Sequence[home.Waiting]) -> None:
    """Draw what waits for the reader, over the whole width: a short list beside a chart would leave a hole."""
    with elements.card(_("To do")):
        home.show_waiting(user, waiting)
        if user.may(Permission.UPLOAD_FILES):
            registry.link(user, "uploads", _("Upload file"), icon="upload_file")


def show_first_places(user: SignedInUser, programme: Programme) -> None:
    """Draw the first places of the standings; a chosen one opens its company."""
    rows = ranked.places(
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
    with elements.card(_("Top companies")):
        if not rows:
            st.caption(_("Places appear with the first settled sales."))
            return
        chosen = elements.choose_row(
            standings_blocks.standings_table(rows, StandingsBy.COMPANY, has_before=False),
            key=page_key("first_places"),
            alt=_("The companies with the most points"),
            numbers=[_("Rank"), _("Points"), _("Net sales")],
        )
        registry.link(user, "standings", _("All standings"), icon="leaderboard")
    if chosen is not None and chosen < len(rows):
        registry.open_page("company", company=rows[chosen].code)


def show_latest_imports(user: SignedInUser) -> None:
    """Draw the imports that came last."""
    with current_database().snapshot(user.scope) as connection:
        imports = intake.find_imports(connection, limit=LATEST_IMPORTS)
    with elements.card(_("Latest files")):
        if not imports:
            st.caption(_("No file has come in yet."))
            return
        chosen = elements.choose_row(
            {
                _("File"): [one.file_name for one in imports],
                _("State"): [import_blocks.state_title(one.state) for one in imports],
                _("Came in"): [wording.moment(one.requested_at) for one in imports],
            },
            key=page_key("latest_files"),
            alt=_("The files that came in last, the newest first"),
        )
        registry.link(user, "imports", _("All imports"), icon="inventory_2")
    if chosen is not None and chosen < len(imports):
        registry.open_page("imports", **import_blocks.import_query(imports[chosen].id))


def say_figures_come() -> None:
    """Say calmly that the charts are not ready yet, and go on with what is."""
    st.info(
        _("The charts are being brought together. They are here in a moment."),
        icon=":material/hourglass_top:",
    )


def figures_are_ready() -> bool:
    """Whether charts can be drawn; says so where they can't."""
    if explored.is_ready():
        return True
    say_figures_come()
    return False
