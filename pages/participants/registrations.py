"""Registrations: companies and people that ask to join, the oldest first, approved or rejected by a second person."""

import streamlit as st

from loyalty_core import participants
from loyalty_core.access import Permission
from loyalty_core.kernel import _, current_database, ngettext
from ui import elements, list_export, wording
from ui import registrations as blocks
from ui.identity import require
from ui.keys import page_key

user = require(Permission.REGISTER_PARTNERS)
database = current_database()
may_decide = user.may(Permission.DECIDE_REGISTRATIONS)

with database.snapshot(user.scope) as connection:
    waiting = participants.registrations_waiting(connection)
elements.page_header(
    _("Registrations"),
    ngettext("{count} waits", "{count} wait", waiting.registrations).format(
        count=wording.number(waiting.registrations)
    )
    + ", "
    + _("the oldest for {age}. Whoever registers does not approve.").format(
        age=wording.age(waiting.oldest_at)
    )
    if waiting.oldest_at is not None
    else _("Companies and people that ask to join. Whoever registers does not approve."),
)
elements.show_said()
result = st.session_state.pop("decided_registrations", None)
if result is not None:
    blocks.outcomes_shown(result[0], approved=result[1])
with st.container(horizontal=True):
    if st.button(_("Register a company…"), icon=":material/add_business:"):
        blocks.company_dialog(user)
    if st.button(_("Register a person…"), icon=":material/person_add:"):
        blocks.person_dialog(user)


def show_waiting() -> None:
    """Draw the queue, the bar of what is selected, and the record of the one selected last."""
    if not waiting.registrations:
        elements.empty_state(
            "how_to_reg",
            _("Nobody waits"),
            _("Register a company or a person above; they appear here until somebody approves them."),
        )
        return
    kind_at, words_at = st.columns([1, 2], vertical_alignment="bottom")
    kinds = {"": _("Companies and people"), "companies": _("Companies"), "people": _("People")}
    kind = kind_at.selectbox(
        _("Show"), list(kinds), format_func=kinds.__getitem__, key=page_key("kind"), bind="query-params"
    )
    words = words_at.text_input(
        _("Find"),
        key=page_key("words"),
        bind="query-params",
        placeholder=_("name, code or company"),
        type="search",
    )
    with database.snapshot(user.scope) as connection:
        every = blocks.joined(
            participants.waiting_companies(connection),
            participants.waiting_participants(connection),
            participants.namesakes(connection),
        )
    found = blocks.matching(every, words=words or "", kind=kind)
    if not found:
        elements.empty_state("search_off", _("Nothing matches"), _("Take a filter away to see more."))
        return
    sort = elements.choose_sort(blocks.sort_titles(), default=_("Oldest first"))
    found = blocks.in_order(found, sort)
    rows_at, offset = elements.paged(len(found), key=page_key("page"))
    shown = found[offset : offset + elements.ROWS_A_PAGE]
    with rows_at:
        places = elements.choose_rows(
            blocks.waiting_table(shown, user.id),
            key=elements.key_of_rows(
                f"waiting_{st.session_state.get('registrations_drawn', 0)}", [one.id for one in shown]
            ),
            alt=_("Registrations that wait"),
        )
    list_export.offer(
        user, "registrations", len(found), blocks.exported(user.id), list_export.from_memory(found)
    )
    chosen = [shown[place] for place in places if place < len(shown)]
    if not chosen:
        st.caption(
            _("Select one or more to approve or reject them.")
            if may_decide
            else _("Select one to see it. An operator approves it.")
        )
        return
    if may_decide:
        with elements.queue_bar(blocks.selected_in_words(chosen, user.id)):
            if st.button(_("Reject…"), icon=":material/block:"):
                blocks.decide_dialog(user, chosen, approve=False)
            if st.button(_("Approve…"), type="primary", icon=":material/check:"):
                blocks.decide_dialog(user, chosen, approve=True)
    blocks.show_entry(user, chosen[-1])


def show_decided() -> None:
    """Draw what was decided last."""
    with database.snapshot(user.scope) as connection:
        decided = blocks.joined(
            participants.decided_companies(connection, limit=blocks.DECIDED_SHOWN),
            participants.decided_participants(connection, limit=blocks.DECIDED_SHOWN),
            {},
        )
    if not decided:
        elements.empty_state(
            "history", _("Nothing was decided yet"), _("Decisions appear here with their reason.")
        )
        return
    blocks.show_decided(decided)


VIEWS = {"waiting": _("Waiting"), "decided": _("Decided")}
if elements.choose_view(VIEWS, key=page_key("view")) == "waiting":
    show_waiting()
else:
    show_decided()
