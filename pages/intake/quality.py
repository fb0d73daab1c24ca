"""Data quality: how each source's files were over time, and what its checks allow."""

from uuid import UUID

import streamlit as st

import data_checks
from loyalty_core import intake
from loyalty_core.access import Permission
from loyalty_core.kernel import _, current_database
from ui import elements, imports, quality, registry
from ui.identity import require
from ui.keys import page_key

user = require(Permission.SEE_IMPORTS)
database = current_database()

elements.page_header(
    _("Data quality"), _("How each source's files were over time, and what its checks allow.")
)
elements.show_said()
with database.snapshot(user.scope) as connection:
    known = intake.sources(connection)
if not known:
    elements.empty_state(
        "monitoring",
        _("No file has come in yet"),
        _("Quality is told source by source, once the first file was judged."),
        (lambda: registry.link(user, "uploads", _("Upload file"), icon="upload_file"))
        if registry.allows(user, "uploads")
        else None,
    )
    st.stop()
by_title = {quality.source_title(source): source for source in known}
source_at, check_at = st.columns(2, vertical_alignment="bottom")
title = source_at.selectbox(_("Source"), list(by_title), key=page_key("source"), bind="query-params")
source = by_title[title]
with database.snapshot(user.scope) as connection:
    files = intake.quality_over_time(connection, source.name, limit=quality.FILES_SHOWN)
    versions = intake.limits_by_version(connection, source.name)
    held = (
        intake.thresholds_of(connection, source.dataset, source.name)
        if data_checks.has_suite(source.dataset)
        else None
    )
quality.show_figures(source, files)
if not files:
    st.info(
        _("No file of this source was judged yet: none could be read to its end."), icon=":material/info:"
    )
    st.stop()

meanings = quality.checks_of(source, files)
name_of = {meaning: name for name, meaning in meanings.items()}
meaning = check_at.selectbox(_("Check"), list(name_of), key=page_key("check"), bind="query-params")
name = name_of[meaning]
limits = held.limits[name].to_json() if held is not None and name in held.limits else None
chosen = quality.show_check_over_time(files, name, meaning, limits)
if chosen is not None:
    registry.open_page("imports", **imports.import_query(UUID(chosen)))
st.caption(_("A bar is a file, the last at the right. Click one to open its import."))

latest = list(reversed(files))
row = elements.choose_row(
    quality.files_table(latest),
    key=elements.key_of_rows("quality_files", [file.import_id for file in latest]),
    alt=_("The last files of this source, the newest first"),
    numbers=[_("Rows"), _("Rejected")],
)
if row is not None and row < len(latest):
    registry.open_page("imports", **imports.import_query(latest[row].import_id))

if held is not None:
    st.header(_("What the checks allow"))
    quality.show_limits(user, source, held, versions[0] if versions else None, meanings)
    if versions:
        with st.expander(_("Who set them, and why"), icon=":material/history:"):
            quality.show_versions(versions, meanings)
