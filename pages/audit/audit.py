"""Audit: who did what, and the proof that nobody changed the record of it."""

import json
from datetime import timedelta

import streamlit as st
from sqlalchemy import Connection

from loyalty_core import audit
from loyalty_core.access import Permission
from loyalty_core.kernel import _, current_runtime, now
from ui import audit as blocks
from ui import elements, list_export, wording
from ui.identity import require
from ui.keys import page_key

user = require(Permission.SEE_AUDIT)
runtime = current_runtime()

elements.page_header(
    _("Audit"), _("Who did what, and when. Records are only ever added, each one chained to the one before.")
)

PERIODS = {"": _("At any time"), "1": _("Last 24 hours"), "7": _("Last 7 days"), "30": _("Last 30 days")}

with runtime.database.snapshot(user.scope) as connection:
    actions = audit.known_actions(connection)
words_at, action_at, period_at = st.columns([2, 1, 1], vertical_alignment="bottom")
words = words_at.text_input(
    _("Find"),
    key=page_key("words"),
    bind="query-params",
    placeholder=_("person, code, file, number"),
    type="search",
)
action = action_at.selectbox(
    _("What"),
    ["", *actions],
    format_func=lambda name: wording.action(name) if name else _("Everything"),
    key=page_key("action"),
    bind="query-params",
)
period = period_at.selectbox(
    _("When"), list(PERIODS), format_func=PERIODS.__getitem__, key=page_key("days"), bind="query-params"
)
since = now() - timedelta(days=int(period)) if period else None

with runtime.database.snapshot(user.scope) as connection:
    total = audit.count_records(connection, words=words or "", action=action or "", since=since)
if not total:
    elements.empty_state("policy", _("No record matches"), _("Take a filter away, or look further back."))
else:
    sort = elements.choose_sort(
        {"when": _("When"), "who": _("Who"), "what": _("What"), "number": _("No.")},
        default=_("Newest first"),
    )

    def read(connection: Connection, limit: int, offset: int) -> list[blocks.Named]:
        """Read records, each with the names of the people in it."""
        page = audit.search_records(
            connection,
            words=words or "",
            action=action or "",
            since=since,
            sort=sort,
            limit=limit,
            offset=offset,
        )
        names = blocks.names_in(connection, page)
        return [(one, names) for one in page]

    rows_at, offset = elements.paged(total, key=page_key("page"))
    with runtime.database.snapshot(user.scope) as connection:
        found = read(connection, elements.ROWS_A_PAGE, offset)
    records = [one for one, _names in found]
    names = found[0][1] if found else {}
    with rows_at:
        chosen = elements.choose_row(
            {
                _("When"): [wording.moment(one.recorded_at) for one in records],
                _("Who"): [one.actor_name for one in records],
                _("What"): [wording.action(one.action) for one in records],
                _("About"): [blocks.about(one, names) for one in records],
                _("Details"): [blocks.details(one, names) for one in records],
                _("No."): [one.id for one in records],
            },
            key=elements.key_of_rows("records", [one.id for one in records]),
            alt=_("Audit records"),
        )
    list_export.offer(user, "audit", total, blocks.exported(), list_export.from_database(user, read))
    if chosen is not None and chosen < len(records):
        record = records[chosen]
        with elements.card(_("Record {number}").format(number=wording.number(record.id))):
            elements.facts(
                [
                    (_("When"), wording.moment(record.recorded_at)),
                    (_("Who"), wording.plain(f"{record.actor_name} ({record.actor_kind.replace('_', ' ')})")),
                    (_("What"), wording.plain(wording.action(record.action))),
                    (_("About"), wording.plain(blocks.about(record, names))),
                ]
            )
            st.code(
                json.dumps(dict(record.detail), indent=2, ensure_ascii=False),
                language="json",
                wrap_lines=True,
            )
            if people := blocks.people_in(record, names):
                st.caption(_("People in it"))
                elements.facts([(wording.plain(name), person_id) for person_id, name in people])

if Permission.VERIFY_AUDIT in user.permissions:
    with elements.card(_("Verify log")):
        st.markdown(
            _(
                "Every record carries a hash over itself and the record before it. Verifying computes"
                " them all again: an edited, deleted, reordered or cut-off record shows."
            )
        )
        if st.button(_("Verify the chain"), icon=":material/verified_user:", type="primary"):
            with st.spinner(_("Computing every hash again")):
                proof = audit.verify(runtime.database, runtime.settings)
            if proof.ok:
                st.success(
                    _("All {count} records are as they were written.").format(
                        count=wording.number(proof.records)
                    ),
                    icon=":material/verified_user:",
                )
                st.caption(_("Head of the chain"))
                st.code(proof.head, language=None, wrap_lines=True)
            else:
                st.error(
                    _("The record was tampered with. Leave the database as it is and tell who runs Laurel."),
                    icon=":material/gpp_bad:",
                )
                for fault in proof.faults:
                    st.markdown(f"- {wording.plain(fault)}")
