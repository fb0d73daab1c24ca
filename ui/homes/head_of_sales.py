"""The home of heads of sales and of sales staff: own areas and people ranked, budgets and where they lead."""

from collections.abc import Sequence

import streamlit as st

from loyalty_core import budgets
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.kernel import Money, _, current_database
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
    if waiting:
        panels.show_what_waits(user, waiting, fills=False)
    span = panels.latest_weeks(user, programme) if panels.figures_are_ready() else None
    if span is not None:
        panels.leading_row(
            user,
            [
                figure
                for one in (Measure.SALES, Measure.POINTS, Measure.RETURNS, Measure.REWARDS)
                if (figure := panels.measure_figure(user, one, programme, known)) is not None
            ],
        )
        first, second = st.columns(2)
        with first:
            show_areas(user, programme, known, span)
        with second:
            show_staff(user, programme, known, span)
    if user.may(Permission.SEE_BUDGETS):
        show_budgets(user, programme)
    panels.show_first_places(user, programme)


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
    with elements.card(_("Your areas"), fills=True):
        _show_bars(rows, programme.currency, key=page_key("home_areas"), of_areas=True)
        registry.link(
            user,
            "regions",
            _("All areas"),
            icon="map",
            view=_("Lowest areas"),
            **panels.programme_query(programme, known),
        )


def show_staff(user: SignedInUser, programme: Programme, known: Sequence[Programme], span: Span) -> None:
    """Draw the sales staff by sales, with growth."""
    rows = regions.ranked(regions.staff(user.scope, Asked(programme), span), RankedBy.SALES)
    with elements.card(_("Your sales staff"), fills=True):
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
