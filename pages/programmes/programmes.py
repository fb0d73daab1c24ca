"""Programmes: what each gives, how it came to be so, settling, and applying a new version."""

import streamlit as st

from loyalty_core import programmes
from loyalty_core.access import Permission
from loyalty_core.kernel import Refusal, _, current_database
from ui import elements, wording
from ui import programmes as blocks
from ui.identity import require
from ui.keys import page_key

user = require(Permission.SEE_PROGRAMMES)
database = current_database()
may_apply = Permission.APPLY_PROGRAMMES in user.permissions

with database.snapshot(user.scope) as connection:
    known = {one.code: one for one in programmes.list_programmes(connection, user.scope)}
elements.show_said()

VIEWS = {"rules": _("Rules"), "versions": _("Versions")}
if may_apply:
    VIEWS["apply"] = _("Apply a document")


def show_apply_form(current: programmes.ProgrammeVersion | None) -> None:
    """Take a document, show its mistakes or what it would change, and apply it."""
    st.markdown(
        _("Change the document and look at the difference first. Nothing is written until you apply it.")
    )
    start = current.document if current else blocks.SAMPLE_DOCUMENT
    text = st.text_area(
        _("Programme document"),
        value=start,
        height=420,
        key=page_key(f"document_{current.version if current else 0}"),
    )
    file = st.file_uploader(_("Or take it from a file"), type=["yaml", "yml"], max_upload_size=1)
    document_text = text
    if file is not None:
        with elements.refusals_shown():
            document_text = programmes.document_text(file.getvalue())
    try:
        document = programmes.parse_document(document_text)
    except programmes.ProgrammeDocumentError as error:
        st.error(_("This document can't be applied yet."), icon=":material/error:")
        elements.short_table(
            [
                {_("Line"): str(fault.place.line), _("What is wrong"): wording.plain(fault.sentence)}
                for fault in error.faults
            ],
            alt=_("Mistakes in the document, by line"),
        )
        return
    body = programmes.canonical_body(document)
    unchanged = current is not None and programmes.body_hash(body) == current.document_hash
    if current is not None and document.code == known_code(current):
        st.header(_("What would change"), anchor=False)
        blocks.show_differences(current.body, body)
        label = _("Apply as version {number}").format(number=current.version + 1)
    else:
        label = _("Apply “{code}”").format(code=wording.plain(document.code))
    if st.button(label, type="primary", icon=":material/publish:", disabled=unchanged):
        try:
            applied = programmes.apply_programme(database, user.scope, document_text)
        except Refusal as refusal:
            st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
            return
        elements.say_after_rerun(
            _("Version {number} of {code} is the current one.").format(
                number=applied.version, code=wording.plain(applied.code)
            )
        )
        st.rerun()


def known_code(version: programmes.ProgrammeVersion) -> str:
    """Return the code that a version's programme has."""
    return str(version.body["code"])


if not known:
    elements.page_header(_("Programmes"), _("A programme says who earns points, for what, and when."))
    if may_apply:
        st.header(_("Apply the first programme"), anchor=False)
        show_apply_form(None)
    else:
        elements.empty_state(
            "workspace_premium",
            _("No programme yet"),
            _("A programme manager applies the first document; then its rules stand here."),
        )
    st.stop()

code = next(iter(known))
if len(known) > 1:
    code = elements.choose_travelling(
        _("Programme"),
        list(known),
        format_func=lambda one: blocks.programme_label(known[one], known.values()),
        name="programme",
    )
programme = known[code]
with database.snapshot(user.scope) as connection:
    history = programmes.versions(connection, user.scope, programme.id)
    current_document = programmes.document_of(connection, user.scope, programme.id, programme.current_version)

elements.page_header(
    wording.plain(programme.name),
    f"{wording.plain(programme.code)} · {blocks.period_in_words(programme)} · {programme.currency}",
)
view = elements.choose_view(VIEWS, key=page_key("view"))
if view == "versions":
    blocks.show_versions(history)
elif view == "apply":
    show_apply_form(history[0])
else:
    blocks.show_settlement(user, programme)
    blocks.show_document(current_document, history[0])
