"""What the page of quarantine shows: why rows were put aside, the rows to put right, and what became of those sent."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from loyalty_core import intake
from loyalty_core.access import SignedInUser
from loyalty_core.intake import FileImport, OriginalFile, Repair, RepairState, RowPutAside
from loyalty_core.kernel import Refusal, _, current_database, current_runtime, ngettext
from ui import elements, list_export, upload, wording
from ui import imports as import_blocks
from ui.keys import page_key

ROWS = 50
REPAIRS_SHOWN = 20
CHANGES_SHOWN = 50

Address = tuple[str, int]


@st.cache_data(max_entries=200, ttl=3600, show_spinner=False)
def _original_cells(
    sha256: str,  # noqa: ARG001 part of the key: the contents never change
    import_number: int,  # noqa: ARG001 part of the key: another import may read the same contents otherwise
    addresses: tuple[Address, ...],
    _found: FileImport,
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return a name for each column of an import's file, and the cells of the rows as they stand.

    For those who may see the import: the caller has read it in the reader's name.
    """
    file = OriginalFile(current_runtime().settings, _found)
    rows = [cells for _sheet, _row_no, cells in file.rows(addresses)]
    width = max((len(cells) for cells in rows), default=0)
    names = file.column_names(width)
    return names, [(*cells, *[""] * (len(names) - len(cells))) for cells in rows]


def cells_to_correct(
    found: FileImport, rows: Sequence[RowPutAside]
) -> tuple[tuple[str, ...], list[list[str]]]:
    """Return the columns of an import's file and the rows' cells, with what people have corrected so far.

    Raises a FileRefusal when the original can't be read any more.
    """
    addresses = tuple((one.sheet, one.row_no) for one in rows)
    with st.spinner(_("Looking the rows up in the file")):
        names, originals = _original_cells(found.sha256, found.number, addresses, found)
    return names, [
        [(one.cells or {}).get(name, cell) for name, cell in zip(names, cells, strict=True)]
        for one, cells in zip(rows, originals, strict=True)
    ]


def table_to_correct(
    found: FileImport, rows: Sequence[RowPutAside], names: Sequence[str], cells: Sequence[Sequence[str]]
) -> dict[str, list[Any]]:
    """Return the rows as columns: where each stands and what is wrong, then the file's own columns."""
    made: dict[str, list[Any]] = {send_column(names): [False for _one in rows]}
    made[_free(_("Row"), names)] = [one.row_no for one in rows]
    if any(one.sheet for one in rows):
        made[_free(_("Sheet"), names)] = [one.sheet for one in rows]
    made[_free(_("What is wrong"), names)] = [
        "; ".join(_reason_with_columns(found, reason, names) for reason in one.reasons) for one in rows
    ]
    wrong = wrong_columns(found, rows, names)
    in_order = [*wrong, *(name for name in names if name not in wrong)]
    at = {name: place for place, name in enumerate(names)}
    return made | {name: [row[at[name]] for row in cells] for name in in_order}


# What a reason calls a column where it does not say the column's own name.
_ALSO_CALLED = {
    "date": {"sold_at", "sold_on", "starts_on", "valid_from", "valid_to"},
    "dates": {"valid_from", "valid_to"},
    "period": {"valid_from", "valid_to"},
    "quarter": {"starts_on"},
    "claimant": {"participant_code", "company_code"},
    "claimed": {"quantity", "product_code"},
    "sold": {"sold_at", "sold_on"},
}
_SAY_NOTHING = frozenset({"code", "name", "no", "at", "on", "is", "unit", "display"})


def columns_of_reason(reason: str, columns: Collection[str]) -> set[str]:
    """Return the canonical columns that a reason speaks of; none where it speaks of the whole row."""
    words = reason.split("_")
    found = {one for word in words for one in _ALSO_CALLED.get(word, ())} & set(columns)
    if found:
        return found
    for column in columns:
        telling = [word for word in column.split("_") if word not in _SAY_NOTHING] or [column]
        if all(word in words for word in telling):
            found.add(column)
    return found


def _columns_in_file(found: FileImport, reason: str, names: Collection[str]) -> list[str]:
    """Return the file's columns that a reason speaks of, in the order of the mapping."""
    named: Mapping[str, Any] = found.mapping.get("columns", {})
    spoken_of = columns_of_reason(reason, named)
    return [str(named[column]) for column in named if column in spoken_of and str(named[column]) in names]


def _reason_with_columns(found: FileImport, reason: str, names: Collection[str]) -> str:
    title = import_blocks.reason_title(found.dataset, reason)
    columns = _columns_in_file(found, reason, names)
    return f"{title} ({', '.join(columns)})" if columns else title


def wrong_columns(found: FileImport, rows: Sequence[RowPutAside], names: Sequence[str]) -> list[str]:
    """Return the file's columns in which the rows have something wrong, those wrong in the most rows first."""
    counts: Counter[str] = Counter()
    for one in rows:
        counts.update({name for reason in one.reasons for name in _columns_in_file(found, reason, names)})
    return [name for name, _count in counts.most_common()]


def send_column(names: Sequence[str]) -> str:
    """Return the title of the column in which rows are ticked that go back as they stand."""
    return _free(_("Send"), names)


def _free(title: str, names: Sequence[str]) -> str:
    while title in names:
        title += " ·"
    return title


def corrected_rows(
    rows: Sequence[RowPutAside],
    names: Sequence[str],
    before: Sequence[Sequence[str]],
    after: Mapping[str, Sequence[Any]],
) -> dict[Address, dict[str, str]]:
    """Return the rows to send: those with a changed cell, and those that are ticked; each with its changed cells."""
    ticked = after[send_column(names)]
    found: dict[Address, dict[str, str]] = {}
    for place, one in enumerate(rows):
        changed = {
            name: str(after[name][place] or "")
            for column, name in enumerate(names)
            if str(after[name][place] or "") != before[place][column]
        }
        if changed or ticked[place]:
            found[(one.sheet, one.row_no)] = changed
    return found


def show_table(user: SignedInUser, found: FileImport, reason: str, *, may_correct: bool) -> None:
    """Draw the rows that are still out, to read or to put right and send back."""
    total = (found.reasons or {}).get(reason, 0) if reason else found.quarantined or 0
    rows_at, offset = elements.paged(total, key=page_key("rows_page"), size=ROWS)
    with current_database().snapshot(user.scope) as connection:
        rows = intake.rows_put_aside(connection, found.id, reason=reason, limit=ROWS, offset=offset)
    try:
        names, cells = cells_to_correct(found, rows)
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    shown = table_to_correct(found, rows, names, cells)
    wrong = wrong_columns(found, rows, names)
    with rows_at:
        if not may_correct:
            shown.pop(send_column(names))
            elements.table(shown, alt=_("Rows to fix, as they are in the file"))
            return
        form = f"repair_{found.id}"
        own = set(names) | {send_column(names)}
        edited: Any = elements.edited_table(
            shown,
            # What is edited is kept by place: other rows, or another try, get a table of their own.
            key=elements.key_of_rows(
                f"correct_{elements.form_key(form)}", [(one.sheet, one.row_no) for one in rows]
            ),
            disabled=[name for name in shown if name not in own],
            column_config={
                send_column(names): st.column_config.CheckboxColumn(
                    help=_(
                        "Tick a row to have it checked again as it stands; a corrected one goes by itself."
                    )
                ),
                **{
                    name: st.column_config.TextColumn(
                        _("⚠ {column}").format(column=name) if name in wrong else name, max_chars=10_000
                    )
                    for name in names
                },
            },
        )
        sent = corrected_rows(rows, names, cells, edited)
        sentence = (
            ngettext("**{count}** row goes back.", "**{count}** rows go back.", len(sent)).format(
                count=wording.number(len(sent))
            )
            if sent
            else _("Change cells, or tick rows that are right by now.")
        )
        with elements.queue_bar(sentence):
            if st.button(_("Send back"), type="primary", icon=":material/send:", disabled=not sent):
                _send(user, found, form, cells=sent)


def _send(
    user: SignedInUser,
    found: FileImport,
    form: str,
    *,
    cells: dict[Address, dict[str, str]] | None = None,
    file_id: Any = None,
) -> None:
    try:
        intake.start_repair(
            current_database(),
            user.scope,
            import_id=found.id,
            cells=cells,
            file_id=file_id,
            request_key=elements.form_key(form),
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.form_done(form)
    st.rerun()


def show_upload(user: SignedInUser, found: FileImport) -> None:
    """Let the reader send the corrected file of rejected rows."""
    st.markdown(
        _(
            "Download the rejected rows above, put them right in your own program, and send the file here. Leave the "
            "column “{column}” as it is: by it every row finds its place again. Rows may be left out."
        ).format(column=wording.plain(_("Row in the file")))
    )
    file_id = upload.choose_file(key=page_key(f"corrected_{found.id}"))
    if file_id is not None:
        # A file that arrives is a request of its own.
        form = f"corrected_{file_id}"
        _send(user, found, form, file_id=file_id)


def repair_title(repair: Repair) -> str:
    """Return where a repair stands."""
    return {
        RepairState.QUEUED: _("in line"),
        RepairState.RUNNING: _("being checked"),
        RepairState.DONE: _("done"),
        RepairState.REFUSED: _("refused"),
    }[repair.state]


def outcome_in_words(repair: Repair) -> str:
    """Return what became of the rows of a repair, ready for Markdown."""
    if repair.state is RepairState.REFUSED:
        return wording.plain(repair.refusal or "")
    parts = [
        ngettext("{count} row accepted", "{count} rows accepted", repair.accepted or 0).format(
            count=wording.number(repair.accepted or 0)
        )
    ]
    if repair.duplicates:
        parts.append(
            ngettext("{count} was there already", "{count} were there already", repair.duplicates).format(
                count=wording.number(repair.duplicates)
            )
        )
    if repair.still_bad:
        parts.append(
            ngettext("{count} is still wrong", "{count} are still wrong", repair.still_bad).format(
                count=wording.number(repair.still_bad)
            )
        )
    if repair.repaired_meanwhile:
        parts.append(
            ngettext(
                "{count} was fixed by somebody else meanwhile",
                "{count} were fixed by somebody else meanwhile",
                repair.repaired_meanwhile,
            ).format(count=wording.number(repair.repaired_meanwhile))
        )
    return wording.plain(", ".join(parts) + ".")


def show_latest(user: SignedInUser, found: FileImport) -> None:
    """Draw what became of the rows that were sent last, or that they are being checked."""
    with current_database().snapshot(user.scope) as connection:
        repairs = intake.repairs_of_import(connection, found.id, limit=1)
    if not repairs:
        return
    [latest] = repairs
    if latest.state in (RepairState.QUEUED, RepairState.RUNNING):
        _watch(user, found)
        return
    told = _("Sent by {who}, {when}: {outcome}").format(
        who=wording.plain(latest.requested_by_name),
        when=wording.plain(wording.ago(latest.requested_at)),
        outcome=outcome_in_words(latest),
    )
    if latest.state is RepairState.REFUSED:
        st.error(told, icon=":material/block:")
    elif latest.still_bad:
        st.warning(told, icon=":material/rule:")
    else:
        st.success(told, icon=":material/check_circle:")


@st.fragment(run_every=1.0)
def _watch(user: SignedInUser, found: FileImport) -> None:
    with current_database().snapshot(user.scope) as connection:
        repairs = intake.repairs_of_import(connection, found.id, limit=1)
    if repairs[0].state not in (RepairState.QUEUED, RepairState.RUNNING):
        st.rerun(scope="app")
    st.info(
        _("Your rows are being checked. You may leave this page: the work goes on."),
        icon=":material/hourglass_top:",
    )


def show_history(user: SignedInUser, found: FileImport) -> None:
    """Draw every batch of rows that was sent back, and which cells the chosen one changed."""
    database = current_database()
    with database.snapshot(user.scope) as connection:
        total = intake.count_repairs_of_import(connection, found.id)
    if not total:
        st.caption(_("No row was sent back yet."))
        return
    rows_at, offset = elements.paged(total, key=page_key("repairs_page"), size=REPAIRS_SHOWN)
    with database.snapshot(user.scope) as connection:
        repairs = intake.repairs_of_import(connection, found.id, limit=REPAIRS_SHOWN, offset=offset)
    with rows_at:
        chosen = elements.choose_row(
            repairs_table(repairs),
            key=page_key(f"repairs_{found.id}_{offset}"),
            alt=_("Rows sent back, the latest first"),
        )
    list_export.offer(
        user,
        f"sent-back-import-{found.number}",
        total,
        [
            (_("Sent"), lambda one: one.requested_at),
            (_("By"), lambda one: one.requested_by_name),
            (_("File"), lambda one: one.file_name),
            (_("State"), repair_title),
            (_("Rows"), lambda one: one.rows),
            (_("Accepted"), lambda one: one.accepted),
            (_("There already"), lambda one: one.duplicates),
            (_("Still wrong"), lambda one: one.still_bad),
            (_("Id"), lambda one: str(one.id)),
        ],
        list_export.from_database(
            user,
            lambda connection, limit, offset: intake.repairs_of_import(
                connection, found.id, limit=limit, offset=offset
            ),
        ),
    )
    if chosen is None or chosen >= len(repairs):
        st.caption(_("Choose one to see which cells were changed."))
        return
    repair = repairs[chosen]
    with elements.card(
        _("{who}, {when}").format(
            who=wording.plain(repair.requested_by_name),
            when=wording.plain(wording.moment(repair.requested_at)),
        )
    ):
        st.markdown(outcome_in_words(repair))
        with database.snapshot(user.scope) as connection:
            count = intake.count_corrections(connection, repair.id)
        if not count:
            st.caption(_("No cell was changed."))
            return
        changes_at, first = elements.paged(count, key=page_key("changes_page"), size=CHANGES_SHOWN)
        with database.snapshot(user.scope) as connection:
            changes = intake.corrections_of_repair(connection, repair.id, limit=CHANGES_SHOWN, offset=first)
        with changes_at:
            elements.table(changes_table(changes), alt=_("Changed cells, before and after"))
        corrections = list_export.from_database(
            user,
            lambda connection, limit, offset: intake.corrections_of_repair(
                connection, repair.id, limit=limit, offset=offset
            ),
        )
        list_export.offer(
            user,
            f"corrections-import-{found.number}",
            count,
            [
                (_("Sheet"), lambda one: one[0].sheet),
                (_("Row"), lambda one: one[0].row_no),
                (_("Column"), lambda one: one[1]),
                (_("Before"), lambda one: one[0].before.get(one[1])),
                (_("After"), lambda one: one[0].after[one[1]]),
            ],
            lambda: ((one, name) for one in corrections() for name in one.after),
        )


def repairs_table(repairs: Sequence[Repair]) -> dict[str, list[Any]]:
    """Return repairs as columns."""
    return {
        _("Sent"): [wording.moment(one.requested_at) for one in repairs],
        _("By"): [one.requested_by_name for one in repairs],
        _("How"): [one.file_name or _("in the table") for one in repairs],
        _("State"): [repair_title(one) for one in repairs],
        _("Rows"): [_count(one.rows) for one in repairs],
        _("Accepted"): [_count(one.accepted) for one in repairs],
        _("There already"): [_count(one.duplicates) for one in repairs],
        _("Still wrong"): [_count(one.still_bad) for one in repairs],
    }


def _count(value: int | None) -> str:
    return "" if value is None else wording.number(value)


def changes_table(changes: Sequence[intake.RowCorrection]) -> dict[str, list[Any]]:
    """Return corrections as columns, a row for each changed cell."""
    cells = [(one, name) for one in changes for name in one.after]
    made: dict[str, list[Any]] = {_("Row"): [str(one.row_no) for one, _name in cells]}
    if any(one.sheet for one in changes):
        made[_("Sheet")] = [one.sheet for one, _name in cells]
    return made | {
        _("Column"): [name for _one, name in cells],
        _("Before"): [one.before.get(name, "") for one, name in cells],
        _("After"): [one.after[name] for one, name in cells],
        _("By"): [one.corrected_by_name for one, _name in cells],
    }


def show_figures(found: FileImport) -> None:
    """Draw how many rows are still out of how many."""
    rows = found.rows or 0
    out = found.quarantined or 0
    elements.figure_row(
        [
            elements.Figure(
                _("Rows to fix"),
                wording.short_number(out),
                help=_("Rows with something wrong in them, that count nowhere yet."),
            ),
            elements.Figure(
                _("Of all rows"),
                wording.percent(out / rows) if rows else "—",
                help=_("The share of rows that still need fixing."),
            ),
            elements.Figure(_("Accepted"), wording.short_number(found.accepted or 0)),
            elements.Figure(
                _("Duplicates"),
                wording.short_number(found.duplicates or 0),
                help=_("Rows that were there already, from an earlier file. They count once."),
            ),
        ]
    )
