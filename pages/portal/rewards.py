"""Rewards: what the participant's points are, what they buy, and what is still missing for the rest."""

from loyalty_core.access import Permission
from loyalty_core.kernel import _
from ui import elements, shop
from ui.identity import require

user = require(Permission.USE_PORTAL)
elements.page_header(_("Rewards"), _("What your points buy, and what is missing for the rest."))
elements.show_said()
participant = shop.own_participant(user)
if participant is None:
    shop.say_nobody()
else:
    shop.draw_shop(user, participant)
    shop.link_to_orders(user)
