"""The home of operators: files held or failed, claims by age and value, and samples to try."""

from collections.abc import Mapping, Sequence

import streamlit as st

from loyalty_core import intake, verification
from loyalty_core.access import SignedInUser
from loyalty_core.intake import ImportState
from loyalty_core.kernel import Money, _, current_database
from loyalty_core.verification import QueuedClaim, QueueFilter, QueueOrder, QueueSummary
from ui import elements, home, registry, samples, wording
from ui import figures as shared
from ui.elements import Figure
from ui.homes import panels
from ui.homes.panels import Leading
from ui.imports import state_title
from ui.keys import page_key

FIRST = 8


def show(user: SignedInUser, waiting: Sequence[home.Waiting]) -> None:
    """Draw the whole page below the greeting."""
    with current_database().snapshot(user.scope) as connection:
        summary = verification.queue_summary(connection)
        states = intake.imports_by_state(connection)
        oldest = verification.claims_queue(connection, QueueFilter(), QueueOrder.AGE, limit=FIRST)
        dearest = verification.claims_queue(connection, QueueFilter(), QueueOrder.VALUE, limit=FIRST)
    panels.leading_row(user, figures(summary, states))
    panels.show_what_waits(user, waiting)
    with elements.card(_("Claims that wait")):
        if not oldest:
            st.caption(_("No claim waits for a decision."))
        else:
            by = elements.choose_view(
                {"age": _("Oldest"), "value": _("Most at stake")}, key=page_key("claims_by")
            )
            show_claims(oldest if by == "age" else dearest)
        registry.link(user, "claims", _("To the claims"), icon="fact_check")
    panels.show_latest_imports(user)
    samples.show_samples(user)


def figures(summary: QueueSummary, states: Mapping[ImportState, intake.ImportsInState]) -> list[Leading]:
    """Return held and refused files, and how many claims wait, since when and for what."""
    held, refused = states.get(ImportState.WAITING), states.get(ImportState.REFUSED)
    return [
        Leading(
            Figure(
                _("Held files"),
                wording.number(held.count if held else 0),
                _("oldest {age}").format(age=wording.age(held.oldest_requested_at)) if held else None,
                delta_color="off",
                help=_("A check of the whole file failed: somebody decides whether it is taken in."),
            ),
            "imports",
            {"state": state_title(ImportState.WAITING)},
        ),
        Leading(
            Figure(
                _("Refused files"),
                wording.number(refused.count if refused else 0),
                help=_("Files that could not be read. Each says why."),
            ),
            "imports",
            {"state": state_title(ImportState.REFUSED)},
        ),
        Leading(
            shared.claims_waiting(summary),
            "claims",
        ),
        Leading(
            Figure(
                _("At stake"),
                home.in_each_currency(summary.at_stake) or "0",
                help=_("What the claimed units came to at the price of the line nearest to each claim."),
            ),
            "claims",
            {"order": _("Value")},
        ),
    ]


def show_claims(found: Sequence[QueuedClaim]) -> None:
    """Draw claims of the queue as a table."""
    elements.table(
        {
            _("Claim"): [one.claim.claim_no for one in found],
            _("Waiting"): [wording.age(one.claim.recorded_at) for one in found],
            _("Claimant"): [one.claim.claimant for one in found],
            _("Product"): [one.claim.product_name or one.claim.product_code for one in found],
            _("At stake"): [
                wording.money(Money(one.at_stake_minor, one.currency))
                if one.at_stake_minor is not None and one.currency
                else ""
                for one in found
            ],
        },
        alt=_("Claims that wait for a decision"),
        numbers=[_("At stake")],
    )
