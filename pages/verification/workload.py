"""Workload: who has how many claims before them, how long decisions take, and what waits too long."""

import streamlit as st

from loyalty_core import verification
from loyalty_core.access import Permission
from loyalty_core.kernel import _, current_database, ngettext
from loyalty_core.verification import QueueFilter, QueueOrder
from ui import claims as claim_blocks
from ui import elements, registry, wording
from ui import workload as blocks
from ui.identity import require

user = require(Permission.SEE_WORKLOAD)
database = current_database()
ESCALATED_SHOWN = 20

with database.snapshot(user.scope) as connection:
    work = verification.workload(connection)
    summary = verification.queue_summary(connection)
    overdue = verification.claims_queue(
        connection, QueueFilter(is_overdue=True), QueueOrder.AGE, limit=ESCALATED_SHOWN
    )
elements.page_header(
    _("Workload"),
    ngettext(
        "Who decides claims, and what waits too long. {count} was approved by rule in 30 days.",
        "Who decides claims, and what waits too long. {count} were approved by rule in 30 days.",
        work.by_rule_30_days,
    ).format(count=wording.number(work.by_rule_30_days)),
)
blocks.show_figures(work, summary)
claim_blocks.tell_came_back(user)
with elements.card(_("People")):
    if not work.people and not work.unassigned.open:
        elements.empty_state(
            "group_add",
            _("Nobody decides claims yet"),
            _("Give somebody the role of an operator, and claims can be assigned to them."),
            lambda: registry.link(user, "users", _("People and roles"), icon="group"),
        )
    else:
        chosen = blocks.show_people(work)
        if chosen is not None:
            registry.link(
                user,
                "claims",
                _("Their claims"),
                icon="fact_check",
                who=chosen.name if chosen.user_id is not None else _("Nobody"),
            )
with elements.card(_("Overdue")):
    if not overdue:
        st.markdown(f":green[:material/check_circle:] {_('Nothing waits longer than its programme allows.')}")
    else:
        elements.table(
            {
                _("Since"): [wording.age(one.claim.recorded_at) for one in overdue],
                _("Claim"): [one.claim.claim_no for one in overdue],
                _("Claimant"): [one.claim.claimant for one in overdue],
                _("Assigned to"): [one.claim.assigned_to_name or _("nobody") for one in overdue],
            },
            alt=_("Claims that wait longer than their programme allows"),
        )
        registry.link(user, "claims", _("Review overdue claims"), icon="arrow_forward", state=_("overdue"))
