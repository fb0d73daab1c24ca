"""Order for a participant: what a salesperson orders for people of the companies that they look after."""

import streamlit as st

from loyalty_core import participants
from loyalty_core.access import Permission
from loyalty_core.kernel import _, current_database
from ui import elements, list_export, registry, shop, wording
from ui.identity import require
from ui.keys import page_key

user = require(Permission.ORDER_FOR_OTHERS)
database = current_database()
code = st.query_params.get("participant", "")


def find_participant() -> None:
    """Let the reader search for the participant."""
    elements.page_header(
        _("Order for a participant"), _("Choose for whom. You can order for people of your own companies.")
    )
    words = (
        st.text_input(
            _("Find"),
            key=page_key("words"),
            bind="query-params",
            placeholder=_("name, code or company"),
            type="search",
        )
        or ""
    )
    with database.snapshot(user.scope) as connection:
        total = participants.count_participants(connection, words)
    if not total:
        if words:
            elements.empty_state(
                "search_off", _("Nobody matches"), _("Try a part of the name, the code or the company.")
            )
        else:
            elements.empty_state(
                "group",
                _("No participant yet"),
                _("People take part once they are registered and approved."),
            )
        return
    sort = elements.choose_sort(
        {"name": _("Name"), "company": _("Company"), "code": _("Code")}, default=_("By name")
    )
    body, offset = elements.paged(total, key=page_key("page"))
    with database.snapshot(user.scope) as connection:
        found = participants.find_participants(
            connection, words, sort=sort, limit=elements.ROWS_A_PAGE, offset=offset
        )
    with body:
        chosen = elements.choose_row(
            {
                _("Name"): [one.display_name for one in found],
                _("Company"): [one.company_name for one in found],
                _("Code"): [one.code for one in found],
            },
            key=elements.key_of_rows("participants", [one.id for one in found]),
            alt=_("Participants"),
        )
    list_export.offer(
        user,
        "participants",
        total,
        [
            (_("Code"), lambda one: one.code),
            (_("Name"), lambda one: one.display_name),
            (_("Company"), lambda one: one.company_name),
            (_("Company code"), lambda one: one.company_code),
        ],
        list_export.from_database(
            user,
            lambda connection, limit, offset: participants.find_participants(
                connection, words, sort=sort, limit=limit, offset=offset
            ),
        ),
    )
    if chosen is not None and chosen < len(found):
        registry.open_page("order-for", participant=found[chosen].code)


if not code:
    find_participant()
    st.stop()
registry.link(user, "order-for", _("Somebody else"), icon="arrow_back")
participant = shop.participant_asked_for(user, code)
if participant is None:
    elements.page_header(_("Order for a participant"))
    st.error(
        _("There is no participant “{code}” among those you see.").format(code=wording.plain(code)),
        icon=":material/block:",
    )
    st.stop()
elements.page_header(
    _("Order for {name}").format(name=wording.plain(participant.display_name)),
    f"{wording.plain(participant.company_name)} · {wording.plain(participant.code)}",
)
elements.show_said()
shop.draw_shop(user, participant)
