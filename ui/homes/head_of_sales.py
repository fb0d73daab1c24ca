"""The home of heads of sales and of sales staff: own areas and people ranked, budgets and where they lead."""

from collections.abc import Sequence

import streamlit as st

from loyalty_core import budgets
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.kernel import Money, _, current_database, ngettext
from loyalty_core.organisation import all_regions
from loyalty_core.programmes import Programme
from ui import charts, elements, home, performance, regions, registry, wording
from ui.homes import panels
from ui.keys import page_key
from ui.performance import Asked, Dimension, Measure
from ui.regions import RankedBy
from ui.spans import Span

FIRST = 8


def show(user: SignedInUser, known: Sequence[Programme], waiting: Sequence[home.Waiting]) -> None:
    """Draw the whole page below the greeting."""
    programme = panels.choose_programme(known)
    span = panels.latest_weeks(user, programme) if panels.figures_are_ready() else None
    is_staff = user.may(Permission.ORDER_FOR_OTHERS)
    if is_staff and span is not None:
        show_own(user, programme, span)
    to_do = list(waiting)
    if user.may(Permission.SEE_BUDGETS):
        to_do += budgets_to_see_to(user, programme, known)
    if user.may(Permission.ASSIGN_SALESPEOPLE) and span is not None:
        to_do += companies_to_see_to(user, programme, known, span)
    if to_do or not is_staff:
        panels.show_what_waits(user, to_do)
    if span is not None:
        panels.leading_row(
            user,
            [
                figure
                for one in (Measure.SALES, Measure.POINTS, Measure.RETURNS, Measure.REWARDS)
                if (figure := panels.measure_figure(user, one, programme, known)) is not None
            ],
        )
        # One below the other: side by side the shorter of the two would leave a hole.
        show_areas(user, programme, known, span)
        show_staff(user, programme, known, span)
    if user.may(Permission.SEE_BUDGETS):
        show_budgets(user, programme)
    panels.show_first_places(user, programme)


def show_own(user: SignedInUser, programme: Programme, span: Span) -> None:
    """Draw the figures of the companies that the reader is responsible for, and these companies."""
    own = Asked(programme, salesperson_id=user.id)
    rows = performance.companies(
        user.scope, own, (span.since, span.until), span.before, only_sold=False, limit=FIRST
    )
    with elements.card(
        _("Your companies, {first} – {last}").format(
            first=wording.day(span.since), last=wording.day(span.until)
        )
    ):
        if not rows:
            st.caption(_("You are not responsible for any company yet. Your head of sales assigns them."))
            return
        figures = []
        for measure in (Measure.SALES, Measure.POINTS, Measure.RETURNS, Measure.REWARDS):
            measured_span = panels.latest_weeks(user, programme, measure)
            if measured_span is None:
                continue
            found = performance.measured(user.scope, measure, own, measured_span)
            figures.append(
                elements.Figure(
                    _("Your {measure}").format(measure=performance.measure_titles()[measure].lower()),
                    performance.in_words(measure, found.total, programme.currency, short=True),
                    performance.change_in_words(found),
                    delta_color=panels.DELTA_COLOURS.get(measure, "normal"),
                )
            )
        elements.figure_row(figures)
        chosen = elements.choose_row(
            performance.companies_table(rows, programme.currency, has_before=span.before is not None),
            key=page_key("own_companies"),
            alt=_("The companies that you are responsible for, those with the most sales first"),
            numbers=[_("Net sales"), _("Change"), _("Returns"), _("Points")],
        )
    if chosen is not None and chosen < len(rows):
        registry.open_page("company", company=rows[chosen]["code"])


def budgets_to_see_to(
    user: SignedInUser, programme: Programme, known: Sequence[Programme]
) -> list[home.Waiting]:
    """Return the budgets that run out before their quarter's end."""
    today = wording.today()
    with current_database().snapshot(user.scope) as connection:
        every = budgets.budgets_of_period(connection, user.scope, on=today, programme_id=programme.id)
    ahead = [(one, budgets.outlook(one.figures, one.starts_on, one.ends_on, today)) for one in every]
    found = [(one, seen.lasts_until) for one, seen in ahead if seen.lasts_until is not None]
    if not found:
        return []
    first, until = min(found, key=lambda one: one[1])
    return [
        home.Waiting(
            wording.number(len(found)),
            ngettext("Budget runs out early", "Budgets run out early", len(found)),
            _("{region} about {day}").format(region=wording.plain(first.region_name), day=wording.day(until)),
            "budgets",
            {"budget": str(first.id)} if len(found) == 1 else panels.programme_query(programme, known),
        )
    ]


def companies_to_see_to(
    user: SignedInUser, programme: Programme, known: Sequence[Programme], span: Span
) -> list[home.Waiting]:
    """Return how many companies sell much less than before, and how many bring much back."""
    to_do = []
    titles = performance.watch_titles()
    for watch in performance.Watch:
        found = performance.watched(user.scope, Asked(programme), span, watch)
        if not found:
            continue
        falls = watch is performance.Watch.FALLING
        amount = found[0].before_minor - found[0].sold_minor if falls else found[0].returned_minor
        title = (
            ngettext("Company sells much less", "Companies sell much less", len(found))
            if falls
            else ngettext("Company with many returns", "Companies with many returns", len(found))
        )
        to_do.append(
            home.Waiting(
                wording.number(len(found)),
                title,
                _("most: {company}, {amount}").format(
                    company=wording.plain(found[0].name),
                    amount=wording.plain(wording.money(Money(amount, programme.currency))),
                ),
                "regions",
                {
                    "view": _("Companies"),
                    "show": titles[watch],
                    **panels.programme_query(programme, known),
                },
                _("Open companies"),
            )
        )
    return to_do


def show_areas(user: SignedInUser, programme: Programme, known: Sequence[Programme], span: Span) -> None:
    """Draw the own lowest areas by sales, with growth and what is used of their budgets."""
    with current_database().snapshot(user.scope) as connection:
        every = all_regions(connection)
    asked = Asked(programme)
    rows = regions.ranked(
        regions.rolled_up(
            every,
            regions.lowest_areas(every, None),
            performance.parts(user.scope, Measure.SALES, Dimension.REGION, asked, span),
            regions.budgets_on(user.scope, asked, wording.today()),
        ),
        RankedBy.SALES,
    )
    with elements.card(_("Your areas")):
        _show_bars(rows, programme.currency, key=page_key("home_areas"), of_areas=True)
        registry.link(
            user,
            "regions",
            _("All areas"),
            icon="map",
            view=_("Local areas"),
            **panels.programme_query(programme, known),
        )


def show_staff(user: SignedInUser, programme: Programme, known: Sequence[Programme], span: Span) -> None:
    """Draw the sales staff by sales, with growth."""
    rows = regions.ranked(regions.staff(user.scope, Asked(programme), span), RankedBy.SALES)
    title = _("Sales staff") if user.may(Permission.ORDER_FOR_OTHERS) else _("Your sales staff")
    with elements.card(title):
        _show_bars(rows, programme.currency, key=page_key("home_staff"), of_areas=False)
        registry.link(
            user,
            "regions",
            _("All staff"),
            icon="badge",
            view=_("Sales staff"),
            **panels.programme_query(programme, known),
        )


def _show_bars(rows: Sequence[regions.Ranked], currency: str, *, key: str, of_areas: bool) -> None:
    if not rows:
        st.caption(_("Nothing in these days."))
        return
    top = rows[:FIRST]
    texts = [regions.bar_text(one, currency, of_areas=of_areas) for one in top]
    elements.chart(
        charts.rows_of_bars(
            [one.label for one in top],
            [regions.bar_value(one, RankedBy.SALES, currency) for one in top],
            texts=texts,
            mode=elements.mode(),
            separators=elements.separators(),
            texts_above=True,
        ),
        key=key,
        alt=", ".join(f"{one.label} {text}" for one, text in zip(top, texts, strict=True)),
    )


def show_budgets(user: SignedInUser, programme: Programme) -> None:
    """Draw each budget of the day with what is used, and what it will be at the quarter's end at this pace."""
    today = wording.today()
    with current_database().snapshot(user.scope) as connection:
        found = budgets.budgets_of_period(connection, user.scope, on=today, programme_id=programme.id)
    with elements.card(_("Budgets to the quarter's end")):
        if not found:
            st.caption(_("No budget holds today. Ask for one, and a second person sets it."))
        else:
            show_projections(found)
        registry.link(user, "budgets", _("To the budgets"), icon="savings")


def show_projections(found: Sequence[budgets.Budget]) -> None:
    """Draw budgets as a table: used, left, and projected."""
    today = wording.today()
    rows = sorted(found, key=lambda one: -one.figures.used_minor / max(1, one.set_minor))
    ahead = [budgets.outlook(one.figures, one.starts_on, one.ends_on, today) for one in rows]
    elements.table(
        {
            _("Region"): [one.region_name for one in rows],
            _("Budget"): [wording.money(Money(one.set_minor, one.currency)) for one in rows],
            _("Used"): [
                wording.percent(round(one.figures.used_minor / one.set_minor, 3)) if one.set_minor else ""
                for one in rows
            ],
            _("Left"): [wording.money(one.available) for one in rows],
            _("Forecast spend"): [
                wording.money(Money(one.used_at_end_minor, budget.currency))
                for one, budget in zip(ahead, rows, strict=True)
            ],
            _("Outlook"): [
                _("runs out about {day}").format(day=wording.day(one.lasts_until))
                if one.lasts_until
                else _("lasts")
                for one in ahead
            ],
        },
        alt=_("Budgets with what will be used by the quarter's end at this pace, those used most first"),
        numbers=[_("Budget"), _("Used"), _("Left"), _("Forecast spend")],
    )
