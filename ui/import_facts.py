"""Everything there is to know about one import: file, mapping, choices, how it was read, who did what when."""

import streamlit as st

from loyalty_core.access import Permission, SignedInUser
from loyalty_core.intake import (
    ColumnMapping,
    FileImport,
    ImportMode,
    ImportState,
    WaitsFor,
    encoding_name,
    registered_datasets,
    start_import,
)
from loyalty_core.kernel import Refusal, _, current_database, ngettext
from ui import registry, wording
from ui.elements import card, facts, form_done, form_key, say_after_rerun
from ui.import_progress import seconds_in_words
from ui.keys import page_key

SHORT_HASH = 8
_AGAIN = frozenset({ImportState.CHECKED, ImportState.REFUSED, ImportState.CANCELLED, ImportState.DECLINED})


def mode_title(mode: ImportMode) -> str:
    """Return what an import does with good rows, in plain words."""
    return {
        ImportMode.ADD: _("add what is new"),
        ImportMode.UPDATE: _("add what is new, change what is there"),
        ImportMode.CHECK: _("check only, keep nothing"),
    }[mode]


def result_line(found: FileImport) -> str:
    """Return what came of an import in a few words."""
    if found.state is ImportState.REFUSED:
        return found.refusal or ""
    if found.state is ImportState.WAITING:
        return (
            _("waits: changes to look at")
            if found.waits_for is WaitsFor.CHANGES
            else _("waits: checks failed")
        )
    if found.rows is None or found.state in (ImportState.CANCELLED, ImportState.DECLINED):
        return ""
    accepted, changed = found.accepted or 0, found.changed or 0
    parts = []
    if found.state is ImportState.CHECKED:
        parts.append(_("{count} would be taken in").format(count=wording.number(accepted)))
    elif found.state is ImportState.UNDONE:
        parts.append(_("{count} taken back").format(count=wording.number(accepted)))
    else:
        parts.append(_("{count} taken in").format(count=wording.number(accepted)))
    if changed:
        parts.append(_("{count} of them changes").format(count=wording.number(changed)))
    if found.duplicates:
        parts.append(_("{count} there already").format(count=wording.number(found.duplicates)))
    if found.quarantined:
        parts.append(_("{count} to fix").format(count=wording.number(found.quarantined)))
    return ", ".join(parts)


def why_no_row_goes_back(found: FileImport) -> str | None:
    """Return why no row can go back into the import; None where rows can."""
    if found.state is ImportState.UNDONE:
        return _("This import was undone: upload corrected rows as a file of their own.")
    if found.state is not ImportState.ACCEPTED:
        return _("This import is not accepted: its rows can be fixed once it is.")
    if found.mode is not ImportMode.ADD:
        return _(
            "This import changes what is there, and changes are shown before they are made: bring the corrected rows "
            "as a new file with the same choice."
        )
    return None


def how_it_was_read(found: FileImport) -> list[tuple[str, str]]:
    """Return how the file was read: sheets, header row, what was left out, and what only hides."""
    reading = found.reading or {}
    if "header" not in reading:
        return []
    told: list[tuple[str, str]] = []
    sheets = reading.get("sheets") or ([reading["sheet"]] if reading.get("sheet") else [])
    if sheets:
        told.append((ngettext("Sheet", "Sheets", len(sheets)), wording.plain(", ".join(sheets))))
    told.append(
        (
            _("Header"),
            _("row {row}, {count} columns").format(
                row=wording.number(reading["header_row"]), count=wording.number(len(reading["header"]))
            ),
        )
    )
    if reading.get("encoding"):
        written = _("{encoding}, cells apart by {delimiter}").format(
            encoding=encoding_name(reading["encoding"]),
            delimiter=_("tab") if reading.get("delimiter") == "\t" else f"“{reading.get('delimiter') or ''}”",
        )
        told.append((_("Written as"), wording.plain(written)))
    if reading.get("hidden_rows"):
        told.append(
            (
                _("Hidden rows"),
                ngettext(
                    "{count} row is hidden in the file; it was read like the others",
                    "{count} rows are hidden in the file; they were read like the others",
                    reading["hidden_rows"],
                ).format(count=wording.number(reading["hidden_rows"])),
            )
        )
    if reading.get("blank_rows"):
        told.append((_("Blank rows"), wording.number(reading["blank_rows"])))
    if reading.get("skipped_rows"):
        told.append((_("Rows left out"), wording.number(reading["skipped_rows"])))
    return told


def _skip_reason(why: str) -> str:
    return {
        "above_header": _("stands above the header"),
        "totals": _("is a total"),
        "below_totals": _("stands below the totals"),
    }.get(why, why)


def said_of_the_file(found: FileImport) -> list[tuple[str, str]]:
    """Return what the person said of the file when it was brought."""
    options, told = found.options, []
    if "control_total" in options:
        told.append((_("Control total"), wording.plain(str(options["control_total"]))))
    if "period_from" in options or "period_to" in options:
        told.append(
            (
                _("Period said"),
                wording.plain(
                    _("{first} to {last}").format(
                        first=options.get("period_from", "…"), last=options.get("period_to", "…")
                    )
                ),
            )
        )
    return told


def show_facts(found: FileImport) -> None:
    """Draw everything that is known of an import besides its result."""
    pairs = [
        (_("File"), f"{wording.plain(found.file_name)}, {wording.size(found.size_bytes)}"),
        # In groups, so that a phone can break it.
        (_("SHA-256"), " ".join(found.sha256[at : at + 16] for at in range(0, 64, 16))),
        (_("Brought"), _by(found.requested_by_name, wording.moment(found.requested_at))),
        (_("Mapping"), wording.plain(found.mapping.get("name", ""))),
        # A source is kept with what it brings before its name, which stands in the page's head already.
        (_("Source"), wording.plain(found.source.removeprefix(f"{found.dataset}:"))),
        (_("Mode"), mode_title(found.mode)),
    ]
    if found.creates_missing:
        pairs.append((_("Unknown records"), _("made when a row names them")))
    pairs += said_of_the_file(found)
    pairs += how_it_was_read(found)
    if found.started_at is not None:
        pairs.append((_("Begun"), wording.plain(wording.moment(found.started_at))))
    if found.finished_at is not None:
        pairs.append((_("Ended"), wording.plain(wording.moment(found.finished_at))))
    if found.seconds:
        took = seconds_in_words(float(found.seconds))
        if found.rows:
            rate = wording.number(round(found.rows / float(found.seconds)))
            took = _("{time}, {rate} rows a second").format(time=took, rate=rate)
        pairs.append((_("Took"), took))
    if found.runs > 1:
        pairs.append((_("Begun again"), wording.number(found.runs - 1)))
    if found.cancel_asked_at is not None:
        pairs.append(
            (_("Cancelled"), _by(found.cancel_asked_by_name or "", wording.moment(found.cancel_asked_at)))
        )
    with card(_("About this import")):
        facts(pairs)
        skipped = (found.reading or {}).get("skipped") or []
        if skipped:
            with st.expander(_("Rows that were left out, and why")):
                facts(
                    [
                        (
                            wording.plain(
                                _("Row {row}").format(row=wording.number(one["row_no"]))
                                + (f", {one['sheet']}" if one.get("sheet") else "")
                            ),
                            wording.plain(f"{_skip_reason(one['why'])}: {one.get('text', '')}"),
                        )
                        for one in skipped
                    ]
                )


def _by(who: str, when: str) -> str:
    return wording.plain(_("{who}, {when}").format(who=who, when=when))


def _may_change_what_differs(found: FileImport) -> bool:
    """Whether rows were put aside that an update would take in."""
    return (
        found.state is ImportState.ACCEPTED
        and found.mode is ImportMode.ADD
        and bool((found.reasons or {}).get("differs_from_known"))
        and ImportMode.UPDATE in registered_datasets()[found.dataset].modes
    )


def show_again(user: SignedInUser, found: FileImport) -> None:
    """Offer to import the same file once more: where nothing of it was kept, or where it would change what is there."""
    if not user.may(Permission.UPLOAD_FILES) or found.dataset not in registered_datasets():
        return
    if found.is_for_owner:
        # Its rows are those of who brought it, and say neither whose they are nor a number: nobody else can bring it.
        return
    changes = _may_change_what_differs(found)
    if found.state not in _AGAIN and not changes:
        return
    modes = [mode for mode in ImportMode if mode in registered_datasets()[found.dataset].modes]
    if changes:
        modes = [ImportMode.UPDATE, ImportMode.CHECK]
        title = _("Change what differs")
        count = (found.reasons or {})["differs_from_known"]
        told = ngettext(
            "**{count}** row names what is there already, with other contents. As an update the file changes it, and "
            "every change is shown before it is made.",
            "**{count}** rows name what is there already, with other contents. As an update the file changes it, and "
            "every change is shown before it is made.",
            count,
        ).format(count=wording.number(count))
    else:
        title = (
            _("Import this file now") if found.state is ImportState.CHECKED else _("Import this file again")
        )
        told = _("The same file, read in the same way. It becomes an import of its own.")
    with card(title):
        st.markdown(told)
        form = f"again_{found.id}"
        with st.form(form, border=False):
            mode = st.radio(
                _("What it does"),
                modes,
                format_func=mode_title,
                key=page_key(f"mode_{form}"),
                horizontal=True,
            )
            starts = st.form_submit_button(_("Start"), type="primary", icon=":material/play_arrow:")
        if not starts or mode is None:
            return
        try:
            import_id = start_import(
                current_database(),
                user.scope,
                file_id=found.file_id,
                mapping=ColumnMapping.model_validate(found.mapping),
                datasets=registered_datasets(),
                creates_missing=found.creates_missing,
                request_key=form_key(form),
                mode=mode,
                options=found.options,
            )
        except Refusal as refusal:
            st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
            return
        form_done(form)
        say_after_rerun(_("The import has begun."))
        registry.open_page("imports", **{"import": str(import_id)})
