"""What a user has in the programmes: a participant of their own, companies that they are responsible for."""

from loyalty_core import participants
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.kernel import current_database
from loyalty_core.organisation import count_companies_of_salesperson
from ui.registry import PORTAL


def leads_nowhere(user: SignedInUser) -> set[str]:
    """Return the pages that the user's roles include and that show this user nothing.

    The portal without a participant of the user's own; ordering for others without a company to look after. Whoever
    has no other work keeps the portal, which says whom to ask.
    """
    found: set[str] = set()
    asks_portal = user.may(Permission.USE_PORTAL) and user.may(Permission.SEE_STANDINGS)
    asks_orders = user.may(Permission.ORDER_FOR_OTHERS)
    if not (asks_portal or asks_orders):
        return found
    with current_database().snapshot(user.scope) as connection:
        if asks_portal and participants.participant_of_user(connection, user.id) is None:
            found |= PORTAL
        if asks_orders and not count_companies_of_salesperson(connection, user.id):
            found.add("order-for")
    return found
