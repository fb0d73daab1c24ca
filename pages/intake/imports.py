"""Imports: every file that came in, who brought it, and what came of it."""

import streamlit as st

from loyalty_core import intake
from loyalty_core.access import Permission
from loyalty_core.intake import ImportState
from loyalty_core.kernel import Refusal, _, current_database
from ui import elements, list_export, registry, wording
from ui import imports as blocks
from ui.identity import require
from ui.keys import page_key

user = require(Permission.SEE_IMPORTS)
database = current_database()

import_id = elements.query_id("import")
if import_id is not None:
    registry.link(user, "imports", _("All imports"), icon="arrow_back")
    try:
        blocks.show_import(user, import_id)
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
    st.stop()

elements.page_header(_("Imports"), _("Every file that came in: who brought it, when, and what came of it."))
with database.snapshot(user.scope) as connection:
    choices = intake.import_choices(connection)
words_at, state_at = st.columns([2, 1], vertical_alignment="bottom")
words = words_at.text_input(
    _("Find"),
    key=page_key("words"),
    bind="query-params",
    placeholder=_("file, person, number or hash"),
    type="search",
)
state = state_at.selectbox(
    _("State"),
    ["", *ImportState],
    format_func=lambda one: blocks.state_title(ImportState(one)) if one else _("Every state"),
    key=page_key("state"),
    bind="query-params",
)
dataset_at, source_at, who_at = st.columns(3, vertical_alignment="bottom")
dataset = dataset_at.selectbox(
    _("Holds"),
    ["", *choices.datasets],
    format_func=lambda one: blocks.dataset_title(one) if one else _("Everything"),
    key=page_key("dataset"),
    bind="query-params",
)
source = source_at.selectbox(
    _("Source"),
    ["", *choices.sources],
    format_func=lambda one: one or _("Every source"),
    key=page_key("source"),
    bind="query-params",
)
who = who_at.selectbox(
    _("By"),
    ["", *choices.people],
    format_func=lambda one: one or _("Everybody"),
    key=page_key("who"),
    bind="query-params",
)
filters = {
    "words": words or "",
    "state": state or "",
    "dataset": dataset or "",
    "source": source or "",
    "who": who or "",
}
with database.snapshot(user.scope) as connection:
    total = intake.count_imports(connection, **filters)
if not total and not any(filters.values()):
    elements.empty_state(
        "inventory_2",
        _("No file has come in yet"),
        _("An operator brings the first one on the page of uploads."),
        (lambda: registry.link(user, "uploads", _("Upload file"), icon="upload_file"))
        if registry.allows(user, "uploads")
        else None,
    )
    st.stop()
if not total:
    elements.empty_state("search_off", _("No import matches"), _("Take a filter away to see more."))
    st.stop()
sort = elements.choose_sort(blocks.sort_titles(), default=_("Newest first"))
rows_at, offset = elements.paged(total, key=page_key("page"))
with database.snapshot(user.scope) as connection:
    imports = intake.find_imports(connection, **filters, sort=sort, limit=elements.ROWS_A_PAGE, offset=offset)
with rows_at:
    chosen = elements.choose_row(
        blocks.imports_table(imports),
        key=elements.key_of_rows("imports", [one.id for one in imports]),
        alt=_("Imports"),
    )
st.caption(_("Choose an import to see its result."))
list_export.offer(
    user,
    "imports",
    total,
    blocks.exported(),
    list_export.from_database(
        user,
        lambda connection, limit, offset: intake.find_imports(
            connection, **filters, sort=sort, limit=limit, offset=offset
        ),
    ),
)
if chosen is not None and chosen < len(imports):
    registry.open_page("imports", **blocks.import_query(imports[chosen].id))
