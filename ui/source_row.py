"""The row of a file behind a figure: a button that opens it, with its file, sheet and number."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import streamlit as st

from loyalty_core import settlement
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.kernel import Refusal, _, current_database, current_runtime
from loyalty_core.settlement import SourceRow
from ui import elements, registry, wording


def line_button(user: SignedInUser, sales_line_id: int, *, key: str) -> None:
    """Draw the button that shows the row of the file behind a sales line."""
    if st.button(_("Show the row in the file"), icon=":material/table_rows:", key=f"{key}_row"):
        runtime = current_runtime()
        _open(
            user,
            lambda: settlement.row_behind_line(
                current_database(), runtime.settings, user.scope, sales_line_id
            ),
        )


def claim_button(user: SignedInUser, number: int, *, key: str, participant_id: UUID | None = None) -> None:
    """Draw the button that shows the row behind a claim that a file brought; of that participant only, if given."""
    if st.button(_("Show the row in the file"), icon=":material/table_rows:", key=f"{key}_row"):
        runtime = current_runtime()
        _open(
            user,
            lambda: settlement.row_behind_claim(
                current_database(), runtime.settings, user.scope, number, participant_id=participant_id
            ),
        )


def _open(user: SignedInUser, read: Callable[[], SourceRow]) -> None:
    @st.dialog(_("The row in the file"), width="large")
    def show() -> None:
        try:
            with st.spinner(_("Looking the row up in the file")):
                row = read()
        except Refusal as refusal:
            st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
            return
        show_row(user, row)

    show()


def show_row(user: SignedInUser, row: SourceRow) -> None:
    """Draw a row of a file: where it stands, its cells by the file's own headers, and its neighbours."""
    st.markdown(place(row))
    elements.facts([(wording.plain(name), wording.plain(cell) or "—") for name, cell in row.cells.items()])
    for one in row.corrections:
        changed = "; ".join(
            _("{column}: “{before}” became “{after}”").format(
                column=name, before=one.before.get(name, ""), after=cell
            )
            for name, cell in one.after.items()
        )
        when = wording.moment(one.corrected_at)
        told = f"{one.corrected_by_name}, {when}" if one.corrected_by_name else when
        st.info(
            wording.plain(_("Corrected, {when}: {changes}").format(when=told, changes=changed)),
            icon=":material/healing:",
        )
    if row.around:
        st.caption(_("With the rows before and after it"))
        elements.table(table_around(row), alt=_("The row among its neighbours in the file"))
    if row.import_number is not None and user.may(Permission.SEE_IMPORTS):
        registry.link(
            user,
            "imports",
            _("Import {number}").format(number=row.import_number),
            icon="inventory_2",
            **{"import": str(row.import_id)},
        )


def place(row: SourceRow) -> str:
    """Return file, sheet and row, ready for Markdown."""
    parts = [row.file_name or _("a file that you don't see")]
    if row.sheet:
        parts.append(row.sheet)
    parts.append(_("row {row}").format(row=row.row_no))
    return "**" + wording.plain(" › ".join(parts)) + "**"


def table_around(row: SourceRow) -> dict[str, list[Any]]:
    """Return a row among its neighbours as columns, in the file's order."""
    rows = dict(sorted({**row.around, row.row_no: row.cells}.items()))
    names = list(dict.fromkeys(name for cells in rows.values() for name in cells))
    title = _("Row")
    while title in names:
        title += " ·"
    return {
        title: [f"→ {number}" if number == row.row_no else str(number) for number in rows],
        **{name: [cells.get(name, "") for cells in rows.values()] for name in names},
    }
