"""Quarantine: why rows of a file were put aside, and how they get back into it."""

from uuid import UUID

import streamlit as st
from sqlalchemy import Connection

from loyalty_core import intake
from loyalty_core.access import Permission
from loyalty_core.intake import FileImport
from loyalty_core.kernel import Refusal, _, current_database
from ui import elements, list_export, registry, wording
from ui import imports as import_blocks
from ui import quarantine as blocks
from ui.identity import require
from ui.import_facts import why_no_row_goes_back
from ui.keys import page_key

user = require(Permission.SEE_IMPORTS)
database = current_database()


def import_asked_for() -> UUID | None:
    """Return the id of the import that the address names, by its id or its number."""
    raw = st.query_params.get("import", "")
    if raw.isdecimal() and len(raw) <= 12:
        with database.snapshot(user.scope) as connection:
            return intake.import_id_of_number(connection, int(raw))
    return elements.query_id("import")


def choose_import() -> None:
    """Draw the imports that rows are still out of."""
    elements.page_header(
        _("Rows to fix"), _("Rows with something wrong in them: why, and how they get back into their file.")
    )
    with database.snapshot(user.scope) as connection:
        total = intake.count_imports_with_rows_put_aside(connection)
    if not total:
        elements.empty_state(
            "task_alt",
            _("No rows to fix"),
            _("Every row of every accepted file counts. Rows with errors in the next file are listed here."),
            lambda: registry.link(user, "imports", _("To the imports"), icon="inventory_2"),
        )
        return
    titles = import_blocks.sort_titles()
    sort = elements.choose_sort(
        {
            **{name: titles[name] for name in ("number", "file", "who", "when")},
            "rows": _("Rows to fix"),
        },
        default=_("Newest first"),
    )

    def read(connection: Connection, limit: int, offset: int) -> list[FileImport]:
        return intake.imports_with_rows_put_aside(connection, sort=sort, limit=limit, offset=offset)

    rows_at, offset = elements.paged(total, key=page_key("page"))
    with database.snapshot(user.scope) as connection:
        found = read(connection, elements.ROWS_A_PAGE, offset)
    with rows_at:
        chosen = elements.choose_row(
            import_blocks.imports_table(found),
            key=elements.key_of_rows("quarantined_imports", [one.id for one in found]),
            alt=_("Imports with rows to fix"),
            numbers=[_("Accepted"), _("Duplicates"), _("Quarantined")],
        )
    st.caption(_("Choose an import to fix its rows."))
    list_export.offer(
        user, "rows-to-fix", total, import_blocks.exported(), list_export.from_database(user, read)
    )
    if chosen is not None and chosen < len(found):
        registry.open_page("quarantine", **import_blocks.import_query(found[chosen].id))


def choose_reason(found: FileImport) -> str:
    """Draw the reasons, counted, and return the one whose rows are asked for; '' for all."""
    reasons = found.reasons or {}
    clicked = import_blocks.show_reasons(found, key=page_key(f"reasons_{found.id}"))
    if clicked and st.session_state.get(page_key("clicked_reason")) != clicked:
        # A click moves the field below once; afterwards the field is the reader's again.
        st.session_state[page_key("reason")] = clicked
    st.session_state[page_key("clicked_reason")] = clicked
    names = sorted(reasons, key=lambda name: (-reasons[name], name))
    if st.session_state.get(page_key("reason")) not in (None, "", *names):
        # The last row of that reason has gone back.
        st.session_state[page_key("reason")] = ""
    chosen = st.selectbox(
        _("Reason"),
        ["", *names],
        format_func=lambda name: (
            f"{import_blocks.reason_title(found.dataset, name)} · {wording.number(reasons[name])}"
            if name
            else _("Every reason")
        ),
        key=page_key("reason"),
        bind="query-params",
    )
    if chosen:
        st.caption(wording.plain(import_blocks.reason_text(found.dataset, chosen)))
    return chosen or ""


def show_quarantine(found: FileImport) -> None:
    """Draw an import's quarantine: reasons, rows, the way back, and what was sent before."""
    elements.page_header(wording.plain(found.file_name), import_blocks.summary_line(found))
    elements.show_said()
    with st.container(horizontal=True):
        registry.link(user, "quarantine", _("All files with rows to fix"), icon="arrow_back")
        registry.link(
            user,
            "imports",
            _("Import {number}").format(number=found.number),
            icon="inventory_2",
            **import_blocks.import_query(found.id),
        )
    blocks.show_latest(user, found)
    blocks.show_figures(found)
    why_not = why_no_row_goes_back(found)
    may_correct = why_not is None and user.may(Permission.UPLOAD_FILES)
    if why_not is not None and found.quarantined:
        st.info(wording.plain(why_not), icon=":material/info:")
    views = {"rows": _("Rows")}
    if may_correct:
        views["file"] = _("By a file")
    views["history"] = _("What was sent back")
    view = elements.choose_view(views, key=page_key("view"))
    if view == "history":
        blocks.show_history(user, found)
        return
    if not found.quarantined:
        elements.empty_state("task_alt", _("No rows left to fix"), _("Every row of this file counts."))
        return
    import_blocks.show_downloads(user, found)
    if view == "file":
        blocks.show_upload(user, found)
        return
    reason = choose_reason(found)
    blocks.show_table(user, found, reason, may_correct=may_correct)


import_id = import_asked_for()
if import_id is None:
    choose_import()
    st.stop()
try:
    with database.snapshot(user.scope) as connection:
        asked = intake.import_by_id(connection, import_id)
except Refusal as refusal:
    elements.page_header(_("Rows to fix"))
    registry.link(user, "quarantine", _("All files with rows to fix"), icon="arrow_back")
    st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
    st.stop()
show_quarantine(asked)
