"""The home of marketing: rewards by orders, stock that runs out, and what rewards cost."""

from collections.abc import Sequence

import streamlit as st

from loyalty_core.access import SignedInUser
from loyalty_core.kernel import Money, _
from loyalty_core.programmes import Programme
from ui import charts, elements, explored, home, performance, registry, wording
from ui.elements import Figure
from ui.homes import panels
from ui.homes.panels import Leading
from ui.keys import page_key
from ui.performance import Asked, Measure
from ui.spans import Span

FIRST = 8


def show(user: SignedInUser, known: Sequence[Programme], waiting: Sequence[home.Waiting]) -> None:
    """Draw the whole page below the greeting."""
    programme = panels.choose_programme(known)
    span = panels.latest_weeks(user, programme, Measure.REWARDS) if panels.figures_are_ready() else None
    if waiting:
        panels.show_what_waits(user, waiting)
    if span is None:
        registry.link(user, "catalogue", _("To the catalogue"), icon="redeem")
        return
    # Rewards are ordered day by day, sales come in with files: their last thirteen weeks end on different days.
    ordered = rewards_of(user, programme, span)
    stock = stock_of(user, programme, span)
    panels.leading_row(user, figures(user, programme, known, span, ordered, stock))
    first, second = st.columns(2)
    with first:
        show_rewards(user, ordered, programme)
    with second:
        show_stock(user, stock, span)


def rewards_of(user: SignedInUser, programme: Programme, span: Span) -> explored.Rows:
    """Return rewards with their orders in the span, those ordered most first."""
    before = span.before or (None, None)
    rows = explored.ask(
        user.scope,
        "rewards_by",
        {
            "dimension": "reward",
            "since": span.since,
            "until": span.until,
            "before_since": before[0],
            "before_until": before[1],
            "limit": performance.MOST_PARTS,
            **Asked(programme).of_orders,
        },
    )
    return sorted((row for row in rows if row["orders"]), key=lambda row: (-row["orders"], row["label"]))


def stock_of(user: SignedInUser, programme: Programme, span: Span) -> explored.Rows:
    """Return offered rewards with limited stock, those soonest gone first."""
    return explored.ask(
        user.scope,
        "reward_stock",
        {
            "programme_id": programme.id,
            "since": span.since,
            "until": span.until,
            "time_zone": programme.time_zone or "UTC",
            "limit": FIRST,
        },
    )


def days_left(row: dict[str, object], days: int) -> int | None:
    """Return for how many days the stock lasts at the pace of the `days` looked at; None where nothing goes."""
    orders, stock = int(str(row["orders"])), int(str(row["stock"]))
    return stock * days // orders if orders else None


def figures(
    user: SignedInUser,
    programme: Programme,
    known: Sequence[Programme],
    span: Span,
    ordered: explored.Rows,
    stock: explored.Rows,
) -> list[Leading]:
    """Return orders, their cost, what one costs, and how many rewards run out within a month."""
    days = span.days
    orders = sum(row["orders"] for row in ordered)
    cost = performance.measured(user.scope, Measure.REWARDS, Asked(programme), span).total
    short = [row for row in stock if (left := days_left(row, days)) is not None and left <= 30]
    title = performance.measure_titles()[Measure.REWARDS]
    query, rewards = {"measure": title, **panels.programme_query(programme, known)}, title.lower()
    return [
        Leading(
            Figure(
                _("Orders, 13 weeks"),
                wording.short_number(orders),
                help=_("{first} – {last}, those that still wait included.").format(
                    first=wording.day(span.since), last=wording.day(span.until)
                ),
            ),
            "performance",
            query,
            rewards,
        ),
        Leading(
            Figure(
                _("Rewards, 13 weeks"),
                performance.in_words(Measure.REWARDS, cost, programme.currency, short=True),
                help=_("What the orders from {first} to {last} cost, those that still wait included.").format(
                    first=wording.day(span.since), last=wording.day(span.until)
                ),
            ),
            "performance",
            query,
            rewards,
        ),
        Leading(
            Figure(
                _("Average cost per order"),
                wording.short_money(Money(round(cost / orders), programme.currency)) if orders else "—",
            ),
            "performance",
            query,
            rewards,
        ),
        Leading(
            Figure(
                _("Running out"),
                wording.number(len(short)),
                help=_("Rewards whose stock lasts for thirty days at most, at the pace of these weeks."),
            ),
            "catalogue",
        ),
    ]


def show_rewards(user: SignedInUser, ordered: explored.Rows, programme: Programme) -> None:
    """Draw rewards by their orders, with what they cost."""
    top = ordered[:FIRST]
    with elements.card(_("Rewards by orders"), fills=True):
        if not top:
            st.caption(_("Nothing was ordered in these weeks."))
        else:
            texts = [
                f"{wording.number(row['orders'])} · "
                f"{wording.short_money(Money(row['cost_minor'], programme.currency))}"
                for row in top
            ]
            elements.chart(
                charts.rows_of_bars(
                    [row["label"] for row in top],
                    [row["orders"] for row in top],
                    texts=texts,
                    mode=elements.mode(),
                    colour=1,
                    separators=elements.separators(),
                ),
                key=page_key("home_rewards"),
                alt=", ".join(f"{row['label']} {text}" for row, text in zip(top, texts, strict=True)),
            )
        registry.link(user, "catalogue", _("To the catalogue"), icon="redeem")


def show_stock(user: SignedInUser, stock: explored.Rows, span: Span) -> None:
    """Draw the stock that is gone soonest."""
    days = span.days
    with elements.card(_("Stock running out"), fills=True):
        if not stock:
            st.caption(_("No offered reward has a limited stock."))
            return
        left = [days_left(row, days) for row in stock]
        elements.table(
            {
                _("Reward"): [row["name"] for row in stock],
                _("Left"): [wording.number(row["stock"]) for row in stock],
                _("Ordered"): [wording.number(row["orders"]) for row in stock],
                _("Lasts"): [
                    _("{days} days").format(days=wording.number(one)) if one is not None else _("not ordered")
                    for one in left
                ],
            },
            alt=_("Rewards with limited stock, those soonest gone first"),
            numbers=[_("Left"), _("Ordered"), _("Lasts")],
        )
        registry.link(user, "catalogue", _("Change the stock"), icon="inventory")
