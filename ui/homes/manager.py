"""The home of programme managers, and of who looks at the whole: what waits, results, people, cost."""

from collections.abc import Sequence

from loyalty_core import programmes
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.kernel import Money, _, current_database, minor_digits
from loyalty_core.programmes import Programme
from ui import explored, home, people, wording
from ui.elements import Figure
from ui.homes import panels
from ui.homes.panels import Leading
from ui.people import Activity
from ui.performance import Measure


def show(user: SignedInUser, known: Sequence[Programme], waiting: Sequence[home.Waiting]) -> None:
    """Draw the whole page below the greeting."""
    programme = panels.choose_programme(known)
    span = panels.latest_weeks(user, programme) if panels.figures_are_ready() else None
    if span is None:
        panels.show_what_waits(user, waiting)
    else:
        found = [
            panels.measure_figure(user, Measure.SALES, programme, known),
            panels.goal_figure(user, programme, known),
            panels.measure_figure(user, Measure.POINTS, programme, known),
            panels.measure_figure(user, Measure.REWARDS, programme, known),
        ]
        panels.leading_row(user, [one for one in found if one is not None])
        panels.show_what_waits(user, waiting)
        panels.show_weeks(user, programme, span)
        if user.may(Permission.SEE_PARTICIPANTS):
            panels.leading_row(user, people_figures(user, programme, known))
    panels.show_first_places(user, programme)
    if user.may(Permission.SEE_IMPORTS):
        panels.show_latest_imports(user)


def people_figures(user: SignedInUser, programme: Programme, known: Sequence[Programme]) -> list[Leading]:
    """Return who is active and who has just stopped, and what the points that people hold are worth."""
    with current_database().snapshot(user.scope) as connection:
        document = programmes.document_of(connection, user.scope, programme.id, programme.current_version)
    days = document.inactive_after_days or people.INACTIVE_AFTER_DAYS
    counts = people.by_activity(user.scope, people.AskedPeople(programme, wording.today(), days))
    query = panels.programme_query(programme, known)
    titles = people.activity_titles()
    found = [
        Leading(
            Figure(
                _("Active people"),
                wording.short_number(counts[Activity.ACTIVE]),
                _("of {count}").format(count=wording.number(sum(counts.values()))),
                delta_color="off",
                help=_("With a sale or points within the last {days} days.").format(
                    days=wording.number(days)
                ),
            ),
            "participants",
            {"activity": titles[Activity.ACTIVE], **query},
        ),
        Leading(
            Figure(
                _("Newly inactive"),
                wording.short_number(counts[Activity.NEWLY_INACTIVE]),
                _("{count} never began").format(count=wording.number(counts[Activity.NEVER])),
                delta_color="off",
                help=_("Nothing within the last {days} days, but something in the {days} before.").format(
                    days=wording.number(days)
                ),
            ),
            "participants",
            {"activity": titles[Activity.NEWLY_INACTIVE], **query},
        ),
    ]
    (held,) = explored.ask(user.scope, "points_held", {"programme_id": programme.id})
    points = wording.short_number(int(held["held"]))
    if document.point_value is None:
        figure = Figure(
            _("Points held"),
            points,
            help=_("The programme's document does not say yet what a point is worth."),
        )
    else:
        minor = round(held["held"] * document.point_value * 10 ** minor_digits(programme.currency))
        worth = Money(minor, programme.currency)
        figure = Figure(
            _("Open liability"),
            wording.short_money(worth),
            _("{points} points held").format(points=points),
            delta_color="off",
            help=_("What the points that people and companies hold now are worth: {amount}").format(
                amount=wording.money(worth)
            ),
        )
    return [*found, Leading(figure, "participants", query)]
