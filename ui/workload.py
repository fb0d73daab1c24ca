"""The work on claims, in words and tables."""

from typing import Any

import streamlit as st

from loyalty_core.kernel import _
from loyalty_core.verification import PersonsWork, QueueSummary, Workload
from ui import elements, figures, wording
from ui.elements import Figure
from ui.keys import page_key


def show_figures(work: Workload, summary: QueueSummary) -> None:
    """Draw what waits, for whom."""
    elements.figure_row(
        [
            figures.claims_waiting(summary),
            Figure(
                _("Assigned to nobody"),
                wording.short_number(work.unassigned.open),
                help=_("Take them, or assign them."),
            ),
            Figure(
                _("Overdue"),
                wording.short_number(work.overdue),
                _("{count} escalated").format(count=wording.number(work.escalated))
                if work.escalated
                else _("none escalated"),
                delta_color="off",
                help=_("They wait longer than their programme allows."),
            ),
            Figure(
                _("Question open"),
                wording.short_number(work.asked),
                help=_("They wait for an answer of who claimed."),
            ),
        ]
    )


def hours(value: float | None) -> str:
    """Return a time to decision: “40 minutes”, “5.5 hours”, “2.1 days”; "—" for none."""
    if value is None:
        return "—"
    if value < 1:
        return _("{count} min").format(count=wording.decimal(round(value * 60)))
    if value < 48:
        return _("{count} h").format(count=wording.decimal(round(value, 1)))
    return _("{count} days").format(count=wording.decimal(round(value / 24, 1)))


def people_table(work: Workload) -> dict[str, list[Any]]:
    """Return a row for each person who decides claims, and one for what nobody has."""
    rows: list[PersonsWork] = [*work.people, *([work.unassigned] if work.unassigned.open else [])]
    return {
        _("Person"): [one.name if one.user_id is not None else _("nobody") for one in rows],
        _("Open"): [wording.number(one.open) for one in rows],
        _("Oldest"): [wording.age(one.oldest_at) if one.oldest_at else "—" for one in rows],
        _("Overdue"): [wording.number(one.overdue) for one in rows],
        _("Decided, 7 days"): [wording.number(one.decided_7_days) for one in rows],
        _("Decided, 30 days"): [wording.number(one.decided_30_days) for one in rows],
        _("Median time"): [hours(one.median_hours) for one in rows],
    }


def show_people(work: Workload) -> PersonsWork | None:
    """Draw the table of people and return the one that is chosen."""
    rows = [*work.people, *([work.unassigned] if work.unassigned.open else [])]
    place = elements.choose_row(
        people_table(work),
        key=page_key("workload_people"),
        alt=_("Open and decided claims of each person"),
        numbers=[_("Open"), _("Overdue"), _("Decided, 7 days"), _("Decided, 30 days"), _("Median time")],
    )
    if place is None or place >= len(rows):
        st.caption(_("Choose a person to see their claims."))
        return None
    return rows[place]
