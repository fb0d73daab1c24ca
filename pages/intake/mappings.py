"""Mappings: what the files of each source hold, how that changed, and taking one out of use."""

import streamlit as st

from loyalty_core import intake
from loyalty_core.access import Permission
from loyalty_core.kernel import _, current_database
from ui import elements, registry
from ui import mappings as blocks
from ui.identity import require
from ui.keys import page_key

user = require(Permission.MANAGE_SOURCES)
database = current_database()

elements.page_header(
    _("Mappings"), _("What the files of each source hold. The next file of the source is read the same way.")
)
elements.show_said()
is_everything = st.toggle(_("Show retired ones too"), key=page_key("retired"), bind="query-params")
with database.snapshot(user.scope) as connection:
    saved = intake.saved_mappings(connection, with_retired=is_everything)
if not saved:
    elements.empty_state(
        "view_column",
        _("No mapping is kept yet"),
        _("Upload a file, say what its columns hold, and keep that for the next file of its source."),
        lambda: registry.link(user, "uploads", _("Upload file"), icon="upload_file"),
    )
    st.stop()
chosen = elements.choose_row(
    blocks.mappings_table(saved),
    key=elements.key_of_rows("mappings", (one.id for one in saved)),
    alt=_("Mappings, by name"),
    numbers=[_("Columns"), _("Version")],
)
if chosen is not None and chosen < len(saved):
    blocks.show_mapping(user, saved[chosen])
else:
    st.caption(_("Choose a mapping to see what it takes each column for, and how it came to be."))
