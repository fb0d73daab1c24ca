"""Uploads: choose a file, confirm what its columns hold, start, watch, read the result."""

import streamlit as st

from loyalty_core import intake
from loyalty_core.access import Permission
from loyalty_core.intake import ImportState
from loyalty_core.kernel import Refusal, _, current_database
from ui import elements, registry, samples, wording
from ui import imports as import_blocks
from ui import uploads as blocks
from ui.identity import require
from ui.keys import page_key
from ui.upload import choose_file

user = require(Permission.UPLOAD_FILES)
database = current_database()
LATEST = 8


def show_chooser() -> None:
    """Let the reader choose a file, and lead back to those that came last."""
    elements.page_header(
        _("Uploads"),
        _(
            "Upload a table of any kind: text or a workbook. Nothing of it counts before you have looked at it."
        ),
    )
    file_id = choose_file(key=page_key("sales_file"))
    if file_id is not None:
        registry.open_page("uploads", file=str(file_id))
    with database.snapshot(user.scope) as connection:
        latest = intake.find_imports(connection, limit=LATEST)
    if not latest:
        elements.empty_state(
            "table_view",
            _("This will be the first file"),
            _(
                "A line a sale: who bought, when, which product, how many, at what price. Any order of columns"
                " and any header will do."
            ),
            lambda: st.download_button(
                _("A sample file"),
                blocks.SAMPLE_FILE,
                file_name="laurel-sample.csv",
                mime="text/csv",
                icon=":material/download:",
                on_click="ignore",
            ),
        )
        blocks.show_templates(user)
        return
    samples.show_samples(user)
    blocks.show_templates(user)
    with elements.card(_("Latest files")):
        for one in latest:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                registry.link(
                    user,
                    "uploads",
                    wording.plain(one.file_name),
                    icon="description",
                    **import_blocks.import_query(one.id),
                )
                import_blocks.state_badge(one.state)
                if one.state is ImportState.ACCEPTED:
                    st.caption(
                        _("{accepted} accepted, {quarantined} to fix").format(
                            accepted=wording.number(one.accepted or 0),
                            quarantined=wording.number(one.quarantined or 0),
                        ),
                        width="content",
                    )
                st.caption(wording.ago(one.requested_at), width="content")


import_id, file_id = elements.query_id("import"), elements.query_id("file")
try:
    if import_id is not None:
        registry.link(user, "uploads", _("Upload another file"), icon="arrow_back")
        import_blocks.show_import(user, import_id)
    elif file_id is not None:
        registry.link(user, "uploads", _("Choose another file"), icon="arrow_back")
        with database.snapshot(user.scope) as connection:
            file = intake.file_by_id(connection, file_id)
        elements.page_header(
            wording.plain(file.file_name),
            _("{size} · brought {ago}").format(
                size=wording.size(file.size_bytes), ago=wording.ago(file.received_at)
            ),
        )
        started = blocks.show_confirmation(user, file)
        if started is not None:
            registry.open_page("uploads", **import_blocks.import_query(started))
    else:
        show_chooser()
except Refusal as refusal:
    st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
