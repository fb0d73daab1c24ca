"""What the pages of uploads and imports show: an import's state, progress, result and decision."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import streamlit as st

from loyalty_core.access import CSV, XLSX, Permission, SignedInUser
from loyalty_core.intake import (
    FileImport,
    ImportState,
    QuarantinedRow,
    WaitsFor,
    accept_waiting_import,
    count_repairs_of_import,
    decline_waiting_import,
    import_by_id,
    quarantined_rows,
    registered_datasets,
    rejected_file_name,
    write_rejected_rows,
)
from loyalty_core.kernel import Money, Refusal, _, current_database, current_runtime, ngettext
from ui import charts, downloads, list_export, registry, wording
from ui.column_titles import column_title as column_title
from ui.elements import (
    ROWS_A_PAGE,
    Colour,
    Figure,
    as_shown,
    badge,
    card,
    chart,
    choose_view,
    figure_row,
    mode,
    page_header,
    paged,
    queue_bar,
    separators,
    show_said,
    table,
)
from ui.import_changes import show_changes
from ui.import_facts import SHORT_HASH, result_line, show_again, show_facts, why_no_row_goes_back
from ui.import_lines import LINES, has_lines, show_lines, show_way_on
from ui.import_progress import watch
from ui.keys import page_key
from ui.undo import show_undo


def state_title(state: ImportState) -> str:
    """Return the state in plain words."""
    return {
        ImportState.QUEUED: _("in line"),
        ImportState.RUNNING: _("being taken in"),
        ImportState.WAITING: _("waits for a decision"),
        ImportState.ACCEPTED: _("accepted"),
        ImportState.DECLINED: _("declined"),
        ImportState.REFUSED: _("refused"),
        ImportState.CANCELLED: _("cancelled"),
        ImportState.CHECKED: _("checked only"),
        ImportState.UNDONE: _("undone"),
    }[state]


def state_badge(state: ImportState) -> None:
    """Draw the state with its colour and icon."""
    looks: dict[ImportState, tuple[Colour, str]] = {
        ImportState.QUEUED: ("blue", "hourglass_empty"),
        ImportState.RUNNING: ("blue", "sync"),
        ImportState.WAITING: ("orange", "front_hand"),
        ImportState.ACCEPTED: ("green", "check"),
        ImportState.DECLINED: ("gray", "do_not_disturb_on"),
        ImportState.REFUSED: ("red", "block"),
        ImportState.CANCELLED: ("gray", "cancel"),
        ImportState.CHECKED: ("blue", "fact_check"),
        ImportState.UNDONE: ("gray", "undo"),
    }
    colour, icon = looks[state]
    badge(state_title(state), colour, icon)


def what_happens_next(found: FileImport, *, may_decide: bool) -> str:
    """Say what the state means for the reader and what comes next."""
    if found.state is ImportState.WAITING and found.waits_for is WaitsFor.CHANGES:
        if may_decide:
            return _("This file would change what is there. Look at each change below, then decide.")
        return _("This file would change what is there. Nothing changes until an operator has looked at it.")
    if found.state is ImportState.WAITING:
        if may_decide:
            return _("A check stopped this file. Nothing of it counts until you decide below.")
        return _("A check stopped this file. Nothing of it counts until an operator decides.")
    return {
        ImportState.QUEUED: _("The file is stored. It is taken in as soon as its turn comes."),
        ImportState.RUNNING: _(
            "You may leave this page: the import goes on, and its address stays the same."
        ),
        ImportState.ACCEPTED: _accepted_sentence(found.dataset)
        if found.accepted
        else _("Nothing new came of it: what is good in this file was there already."),
        ImportState.DECLINED: _("An operator declined this file. Nothing of it counts."),
        ImportState.REFUSED: _("Nothing of this file was taken. Put it right and upload it again."),
        ImportState.CANCELLED: _("Somebody cancelled it before its end. Nothing of this file was taken."),
        ImportState.CHECKED: _(
            "The file was only looked at. Nothing of it was kept; below is what would be."
        ),
        ImportState.UNDONE: _("What this file brought was taken back, line by line, with what leaned on it."),
    }[found.state]


def _accepted_sentence(dataset: str) -> str:
    if dataset == "claims":
        return _(
            "The accepted rows are claims now. What agrees with the sales is approved by rule, the rest waits in the "
            "queue."
        )
    if dataset == "sales":
        return _("The accepted rows are sales lines now and earn points when settled.")
    return _("What is good in this file is in force now.")


def most_first(reasons: Mapping[str, int]) -> list[str]:
    """Return reasons by how many rows have them, the most first."""
    # A JSON object in PostgreSQL keeps no order.
    return sorted(reasons, key=lambda name: (-reasons[name], name))


def reason_title(dataset: str, reason: str) -> str:
    """Return the first sentence of what a reason means: short enough for a chart."""
    return reason_text(dataset, reason).split(". ")[0].rstrip(".")


def reason_text(dataset: str, reason: str) -> str:
    """Return what a reason means and what to do about it."""
    return registered_datasets()[dataset].reason_text(reason)


def show_figures(found: FileImport) -> None:
    """Draw rows, accepted, duplicates and quarantined."""
    rows = found.rows or 0

    def part(count: int | None) -> str | None:
        return _("{share} of all rows").format(share=wording.percent((count or 0) / rows)) if rows else None

    figure_row(
        [
            Figure(_("Rows"), wording.short_number(rows), help=_("Rows of the file below its header.")),
            Figure(
                _("Accepted"),
                wording.short_number(found.accepted or 0),
                part(found.accepted),
                delta_color="off",
                help=_("Rows that were taken in and count from now on."),
            ),
            Figure(
                _("Duplicates"),
                wording.short_number(found.duplicates or 0),
                part(found.duplicates),
                delta_color="off",
                help=_("Rows that were there already, from an earlier file. They count once."),
            ),
            Figure(
                _("Quarantined"),
                wording.short_number(found.quarantined or 0),
                part(found.quarantined),
                delta_color="off",
                help=_("Rows with something wrong in them. They wait in the file of rejected rows."),
            ),
        ]
    )


def show_net_amounts(found: FileImport) -> None:
    """Say what the accepted rows are worth."""
    if not found.net_minor:
        return
    amounts = ", ".join(wording.money(Money(minor, code)) for code, minor in sorted(found.net_minor.items()))
    st.caption(_("Net amount of the accepted rows: {amounts}").format(amounts=wording.plain(amounts)))


def show_reasons(found: FileImport, *, key: str) -> str:
    """Draw why rows were put aside and return the reason whose bar is chosen, '' when none is."""
    reasons = found.reasons or {}
    if not reasons:
        return ""
    names = most_first(reasons)
    with card(_("Why rows need fixing")):
        chosen = chart(
            charts.rows_of_bars(
                [reason_title(found.dataset, name) for name in names],
                [reasons[name] for name in names],
                texts=[wording.number(reasons[name]) for name in names],
                ids=names,
                mode=mode(),
                colour=1,
                separators=separators(),
            ),
            key=key,
            alt=_("Rows by reason: {reasons}").format(
                reasons=", ".join(
                    f"{reason_title(found.dataset, name)} {wording.number(reasons[name])}" for name in names
                )
            ),
            selects=True,
        )
        st.caption(_("A row may have more than one reason. Choose a bar to see its rows."))
    return chosen[0] if chosen and chosen[0] in reasons else ""


def quarantine_table(rows: Sequence[QuarantinedRow], dataset: str) -> dict[str, list[str]]:
    """Return quarantined rows as columns: where each stands, every reason, then what was understood of it."""
    table: dict[str, list[str]] = {_("Row"): [str(row.row_no) for row in rows]}
    if any(row.sheet for row in rows):
        table[_("Sheet")] = [row.sheet for row in rows]
    table[_("Reasons")] = ["; ".join(reason_title(dataset, reason) for reason in row.reasons) for row in rows]
    present = {name for row in rows for name in row.body}
    canonical = [name for name in registered_datasets()[dataset].columns.names if name in present]
    for name in [*canonical, *sorted(present - set(canonical))]:
        table[column_title(name)] = [_cell(name, row.body.get(name)) for row in rows]
    return table


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    # A date that was understood comes as ISO 8601; one that was not comes as it stood in the file.
    return text.replace("T", " ", 1)[:16] if name == "sold_at" and "T" in text else text


def figure_in_words(value: float, unit: str) -> str:
    """Return a check's figure as people read it; `unit` as in `data_checks.Unit`."""
    if unit == "share":
        return wording.percent(value)
    if unit == "ratio":
        return _("{times} times").format(times=wording.decimal(value))
    return wording.number(round(value))


def limit_in_words(limit: Mapping[str, Any], unit: str) -> str:
    """Return the bounds of a check in words."""
    low, high = limit.get("at_least"), limit.get("at_most")
    if low is not None and high is not None:
        return _("from {low} to {high}").format(
            low=figure_in_words(low, unit), high=figure_in_words(high, unit)
        )
    if low is not None:
        return _("at least {low}").format(low=figure_in_words(low, unit))
    return _("at most {high}").format(high=figure_in_words(high or 0, unit))


def show_checks(found: FileImport) -> None:
    """Draw the checks that the file as a whole did not pass, those that stop it first."""
    failed = [check for check in (found.checks or {}).get("checks", []) if not check["passed"]]
    failed.sort(key=lambda check: check["level"] != "stop")
    for check in failed:
        stops = check["level"] == "stop"
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                badge(
                    _("stops the file") if stops else _("needs a look"),
                    "red" if stops else "orange",
                    "front_hand" if stops else "visibility",
                )
                st.markdown(f"**{wording.plain(_(check['meaning']))}**", width="content")
            st.markdown(
                _("{observed} in this file; expected is {limit}.").format(
                    observed=wording.plain(figure_in_words(check["observed"], check["unit"])),
                    limit=wording.plain(limit_in_words(check["threshold"], check["unit"])),
                )
            )
            st.caption(wording.plain(_(check["what_to_do"])))


def dataset_title(name: str) -> str:
    """Return what a dataset's files bring."""
    return {
        "sales": _("sales"),
        "claims": _("claims"),
        "companies": _("companies"),
        "outlets": _("outlets"),
        "participants": _("participants"),
        "products": _("products"),
        "prices": _("price lists"),
        "budgets": _("budgets"),
    }.get(name, name)


def summary_line(found: FileImport) -> str:
    """Return who brought which file when, for a page's line of context."""
    return _("Import {number} · {dataset} · brought by {who} on {when}").format(
        number=found.number,
        dataset=dataset_title(found.dataset),
        who=wording.plain(found.requested_by_name),
        when=wording.plain(wording.moment(found.requested_at)),
    )


def show_import(user: SignedInUser, import_id: UUID) -> None:
    """Draw one import: how it goes, what came of it, what it waits for. Raises UnknownImportError."""
    database = current_database()
    with database.snapshot(user.scope) as connection:
        found = import_by_id(connection, import_id)
    page_header(wording.plain(found.file_name), summary_line(found))
    show_said()
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(found.state)
        st.markdown(
            wording.plain(what_happens_next(found, may_decide=Permission.DECIDE_IMPORTS in user.permissions)),
            width="content",
        )
    if found.state in (ImportState.QUEUED, ImportState.RUNNING):
        watch(user, import_id)
        show_facts(found)
        return
    if found.refusal:
        st.error(wording.plain_lines(found.refusal), icon=":material/block:")
    show_way_on(user, found)
    if has_lines(found):
        views = {"result": _("Result"), LINES: _("Sales lines and points")}
        if choose_view(views, key=page_key("view")) == LINES:
            show_lines(user, found)
            return
    if found.decided_at is not None:
        _show_decision_taken(found)
    if found.rows is not None:
        show_figures(found)
        show_net_amounts(found)
    show_changes(user, found)
    if found.state is ImportState.WAITING and Permission.DECIDE_IMPORTS in user.permissions:
        _show_decision(user, found)
    else:
        show_checks(found)
    show_again(user, found)
    show_downloads(user, found)
    show_undo(user, found)
    _show_way_to_quarantine(user, found)
    if found.quarantined:
        _show_quarantine(user, found)
    show_facts(found)


def _show_way_to_quarantine(user: SignedInUser, found: FileImport) -> None:
    """Lead to where rows are put right, while they can be, and to what was sent back before."""
    if found.quarantined and user.may(Permission.UPLOAD_FILES) and why_no_row_goes_back(found) is None:
        registry.link(user, "quarantine", _("Fix rows"), icon="healing", **import_query(found.id))
        return
    with current_database().snapshot(user.scope) as connection:
        was_sent = bool(count_repairs_of_import(connection, found.id))
    if was_sent:
        registry.link(
            user, "quarantine", _("Rows that were sent back"), icon="history", **import_query(found.id)
        )


def _show_decision_taken(found: FileImport) -> None:
    assert found.decided_at is not None
    sentence = (
        _("{who} declined this file on {when}: {reason}")
        if found.state is ImportState.DECLINED
        else _("{who} let this file through on {when}: {reason}")
    )
    st.info(
        sentence.format(
            who=wording.plain(found.decided_by_name or ""),
            when=wording.plain(wording.moment(found.decided_at)),
            reason=wording.plain(found.decision_reason or ""),
        ),
        icon=":material/gavel:",
    )


def _show_decision(user: SignedInUser, found: FileImport) -> None:
    shown = as_shown(f"import_{found.id}", found.payload_hash)
    if found.waits_for is WaitsFor.CHECKS:
        st.header(_("What stopped it"), anchor=False)
    show_checks(found)
    with st.form(f"decision_{found.id}"):
        st.header(_("Your decision"), anchor=False)
        st.markdown(
            _("Accept it, and its {good} good rows are taken in; decline it, and none is.").format(
                good=wording.number((found.rows or 0) - (found.quarantined or 0))
            )
        )
        is_own = found.needs_second_person and found.requested_by == user.id
        if found.needs_second_person:
            st.caption(
                _("You brought this file, and it changes companies or people: somebody else lets it through.")
                if is_own
                else _(
                    "It changes companies or people, so somebody else than who brought it lets it through."
                )
            )
        reason = st.text_input(
            _("Why"), max_chars=500, help=_("Kept with the import and in the audit, for whoever asks later.")
        )
        with st.container(horizontal=True):
            accepts = st.form_submit_button(
                _("Make these changes") if found.waits_for is WaitsFor.CHANGES else _("Accept anyway"),
                type="primary",
                icon=":material/check:",
                disabled=is_own,
            )
            declines = st.form_submit_button(_("Decline the file"), icon=":material/block:")
    if not (accepts or declines):
        return
    try:
        if accepts:
            accept_waiting_import(
                current_database(), user.scope, import_id=found.id, payload_hash=shown, reason=reason or ""
            )
        else:
            decline_waiting_import(
                current_database(), user.scope, import_id=found.id, payload_hash=shown, reason=reason or ""
            )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    st.rerun()


def _show_quarantine(user: SignedInUser, found: FileImport) -> None:
    reasons = found.reasons or {}
    clicked = show_reasons(found, key=page_key(f"reasons_{found.id}"))
    if clicked and st.session_state.get(page_key("clicked_reason")) != clicked:
        # A click moves the field below once; afterwards the field is the reader's again.
        st.session_state[page_key("reason")] = clicked
    st.session_state[page_key("clicked_reason")] = clicked
    with card(_("Rows to fix")):
        reason = st.selectbox(
            _("Reason"),
            ["", *most_first(reasons)],
            format_func=lambda name: (
                f"{reason_title(found.dataset, name)} · {wording.number(reasons[name])}"
                if name
                else _("Every reason")
            ),
            key=page_key("reason"),
            bind="query-params",
        )
        if reason:
            st.caption(wording.plain(reason_text(found.dataset, reason)))
        total = reasons[reason] if reason else found.quarantined or 0
        rows_at, offset = paged(total, key=page_key("rows_page"))
        with current_database().snapshot(user.scope) as connection:
            rows = quarantined_rows(
                connection, found.id, reason=reason or "", limit=ROWS_A_PAGE, offset=offset
            )
        with rows_at:
            table(quarantine_table(rows, found.dataset), alt=_("Quarantined rows with their reasons"))


def show_downloads(user: SignedInUser, found: FileImport) -> None:
    """Offer the rejected rows with their reasons, and the original file to those who may have it."""
    may_have_original = Permission.DOWNLOAD_ORIGINALS in user.permissions
    if not (found.quarantined or may_have_original):
        return
    sentence = (
        ngettext(
            "**{count}** row needs fixing. Correct it and upload it again.",
            "**{count}** rows need fixing. Correct them and upload them again.",
            found.quarantined,
        ).format(count=wording.number(found.quarantined))
        if found.quarantined
        else _("No row needs fixing.")
    )
    with queue_bar(sentence):
        if may_have_original:
            st.link_button(_("Original file"), f"/files/{found.file_id}", icon=":material/download:")
        if found.quarantined and st.button(
            _("Rejected rows"), icon=":material/table_view:", key=page_key(f"rejected_{found.id}")
        ):
            _offer_rejected_rows(user, found)


def _offer_rejected_rows(user: SignedInUser, found: FileImport) -> None:
    runtime = current_runtime()

    def write(path: Path) -> None:
        write_rejected_rows(
            runtime.database,
            runtime.settings,
            user.scope,
            found,
            path,
            reason_text=lambda reason: reason_text(found.dataset, reason),
        )

    name = rejected_file_name(found)
    downloads.offer(
        user, Permission.SEE_IMPORTS, name, write, media_type=XLSX if name.endswith(".xlsx") else CSV
    )


def imports_table(imports: Sequence[FileImport]) -> dict[str, list[Any]]:
    """Return imports as columns for a list to choose from."""
    return {
        _("No."): [one.number for one in imports],
        _("File"): [one.file_name for one in imports],
        _("State"): [state_title(one.state) for one in imports],
        _("Result"): [result_line(one) for one in imports],
        _("Holds"): [dataset_title(one.dataset) for one in imports],
        _("By"): [one.requested_by_name for one in imports],
        _("When"): [wording.moment(one.requested_at) for one in imports],
        _("SHA-256"): [one.sha256[:SHORT_HASH] for one in imports],
    }


def sort_titles() -> dict[str, str]:
    """Return the columns that imports can be sorted by."""
    return {
        "number": _("No."),
        "file": _("File"),
        "state": _("State"),
        "dataset": _("Holds"),
        "who": _("By"),
        "when": _("When"),
    }


def exported() -> list_export.Columns[FileImport]:
    """Return the columns of the exported list of imports."""
    return [
        (_("No."), lambda one: one.number),
        (_("File"), lambda one: one.file_name),
        (_("State"), lambda one: state_title(one.state)),
        (_("Result"), result_line),
        (_("Holds"), lambda one: dataset_title(one.dataset)),
        (_("Source"), lambda one: one.source),
        (_("By"), lambda one: one.requested_by_name),
        (_("When"), lambda one: one.requested_at),
        (_("Rows"), lambda one: one.rows),
        (_("Accepted"), lambda one: one.accepted),
        (_("Duplicates"), lambda one: one.duplicates),
        (_("Quarantined"), lambda one: one.quarantined),
        (_("SHA-256"), lambda one: one.sha256),
        (_("Id"), lambda one: str(one.id)),
    ]


def import_query(import_id: UUID) -> dict[str, str]:
    """Return the URL's values that name an import."""
    return {"import": str(import_id)}
