"""Home: what waits for the reader and how old it is, and where things stand; one for each kind of work."""

import streamlit as st

from loyalty_core import programmes
from loyalty_core.access import Permission
from loyalty_core.kernel import _, current_database
from ui import elements, home, keys, registry, shop
from ui.homes import finance, head_of_sales, manager, marketing, operator, panels
from ui.homes import participant as participant_home
from ui.identity import require

user = require(Permission.SEE_HOME)
# Home shows every region and its own days: what it leads to is not narrowed by an earlier choice.
keys.forget("region", "period")

# Whoever works here and takes part as well finds the own points in the menu.
if user.may(Permission.USE_PORTAL) and not user.may(Permission.SEE_STANDINGS):
    participant_home.show(user, shop.own_participant(user))
    st.stop()

with current_database().snapshot(user.scope) as connection:
    known = programmes.list_programmes(connection, user.scope)
panels.draw_head(user)
waiting = home.what_waits(user, known)
if not known:
    panels.show_what_waits(user, waiting)
    elements.empty_state(
        "workspace_premium",
        _("No programme yet"),
        _("Apply the first programme document, then upload a sales file: points and places follow."),
        lambda: registry.link(user, "programmes", _("To the programmes"), icon="workspace_premium"),
    )
    if user.may(Permission.SEE_IMPORTS):
        panels.show_latest_imports(user)
elif user.may(Permission.SETTLE_PROGRAMMES):
    manager.show(user, known, waiting)
elif user.may(Permission.DECIDE_CLAIMS):
    operator.show(user, waiting)
elif user.may(Permission.DECIDE_ORDERS):
    finance.show(user, waiting)
elif user.may(Permission.MANAGE_REWARDS):
    marketing.show(user, known, waiting)
elif user.may(Permission.REGISTER_PARTNERS):
    head_of_sales.show(user, known, waiting)
else:
    manager.show(user, known, waiting)
