"""What “My claims” shows of a file that a participant brings: the choice, the look at it, its way in, its result."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

import streamlit as st

from loyalty_core import intake, verification
from loyalty_core.access import CSV, XLSX, Permission, SignedInUser
from loyalty_core.intake import (
    ColumnMapping,
    FilePreview,
    ImportState,
    MappingGuess,
    ReceivedFile,
)
from loyalty_core.kernel import Refusal, _, current_database, current_runtime, ngettext
from loyalty_core.participants import Participant
from loyalty_core.verification import (
    LARGEST_OWN_FILE_BYTES,
    MOST_OWN_ROWS,
    OWN_CLAIMS_COLUMNS,
    OWN_FILE_COLUMNS,
    ClaimState,
    OwnFile,
)
from ui import downloads, elements, registry, wording
from ui.import_progress import PHASES, phase_title
from ui.imports import column_title
from ui.keys import page_key

PAGE = "my-claims"
FILE_KINDS = ("csv", "txt", "tsv", "xlsx", "xls", "xlsb", "ods")
ROWS_SHOWN = 5
ROWS_LOOKED_AT = 50
NOT_TAKEN_SHOWN = 50
FILES_LISTED = 5
SURE = 0.7
TEMPLATE_NAME = "laurel-my-claims.xlsx"


class ColumnChosenTwiceError(Refusal):
    """One column of the file was chosen for two things."""

    def __init__(self, header: str) -> None:
        super().__init__(
            _("“{column}” is chosen for two things. Choose a column of its own for each.").format(
                column=header
            )
        )
        self.header = header


class ColumnNotChosenError(Refusal):
    """No column of the file holds something that a claim needs."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(
            _("No column is chosen for: {columns}. Choose one for each.").format(
                columns=", ".join(thing_title(one) for one in columns)
            )
        )
        self.columns = tuple(columns)


def thing_title(name: str) -> str:
    """Return what a column of such a file says, to whom it belongs."""
    return {
        "company_code": _("Your company"),
        "participant_code": _("Your name or code"),
    }.get(name) or column_title(name)


def show_choice(user: SignedInUser) -> None:
    """Draw what such a file looks like, its template and the choice of one; lead on once it has arrived."""
    with elements.card(_("Upload claims as a file")):
        st.markdown(
            _(
                "A table with a row for each product of an invoice: **invoice number, product code, quantity, day of"
                " the sale**. Columns may stand in any order. Who you are is known: no column is needed for that."
            )
        )
        st.caption(
            _("Up to {rows} rows and {size} MB: a workbook or a text file.").format(
                rows=wording.number(MOST_OWN_ROWS), size=LARGEST_OWN_FILE_BYTES // (1024 * 1024)
            )
        )
        taken = st.file_uploader(
            _("Your file"),
            type=list(FILE_KINDS),
            max_upload_size=LARGEST_OWN_FILE_BYTES // (1024 * 1024),
            key=page_key("own_claims_file"),
        )
        if taken is not None:
            runtime = current_runtime()
            with elements.refusals_shown():
                file_id = verification.receive_own_claims_file(
                    runtime.database,
                    runtime.settings,
                    user.scope,
                    file_name=taken.name,
                    data=taken.getvalue(),
                )
                registry.open_page(PAGE, file=str(file_id))
        with st.container(horizontal=True):
            if st.button(_("A template to fill in"), icon=":material/table_view:"):
                downloads.offer(
                    user,
                    Permission.UPLOAD_OWN_CLAIMS,
                    TEMPLATE_NAME,
                    lambda path: verification.write_own_claims_template(path, column_title),
                )
            if st.button(_("Not now")):
                registry.open_page(PAGE)


@st.cache_data(max_entries=50, ttl=3600, show_spinner=False)
def _preview(sha256: str, file_name: str, sheet: str | None) -> FilePreview:
    return intake.preview_file(
        intake.stored_path(current_runtime().settings, sha256),
        file_name,
        sheet=sheet,
        first_rows=ROWS_LOOKED_AT,
    )


def show_look(user: SignedInUser, person: Participant, file_id: UUID) -> None:
    """Draw what each column of a file was taken for, and bring it in once that is confirmed.

    Raises UnknownFileError, FileRefusal.
    """
    registry.link(user, PAGE, _("Choose another file"), icon="arrow_back", file="new")
    with current_database().snapshot(user.scope) as connection:
        file = verification.own_received_file(connection, user.scope, file_id)
        earlier = verification.own_claims_files(connection, user.scope, limit=1, sha256=file.sha256)
        earning = verification.own_programmes(connection, user.scope)
        programmes = verification.programmes_to_choose_from(connection, user.scope)
    st.header(wording.plain(file.file_name), anchor=False)
    if not earning:
        raise verification.NoProgrammeEarnsError
    with st.spinner(_("Looking at the first rows")):
        preview = _preview(
            file.sha256, file.file_name, st.session_state.get(page_key(f"own_sheet_{file.id}"))
        )
    if not preview.rows:
        st.warning(
            _("The file has no row below its header. Fill it and upload it again."), icon=":material/rule:"
        )
        return
    if earlier and earlier[0].state is ImportState.ACCEPTED:
        st.info(
            _("You brought this same file {ago}. What became a claim then is not claimed twice.").format(
                ago=wording.ago(earlier[0].brought_at)
            ),
            icon=":material/content_copy:",
        )
    _choose_sheet(preview, file)
    with current_database().snapshot(user.scope) as connection:
        codes = intake.known_codes(connection, preview.rows)
    guess = intake.guess_mapping(
        preview.header, preview.rows, OWN_FILE_COLUMNS, (), codes=codes, is_text=preview.kind == "text"
    )
    rows_at = st.container()
    columns = _choose_columns(preview, guess, key=page_key(f"{file.id}_{preview.sheet}"))
    formats = _choose_date_order(preview, guess, columns, key=page_key(str(file.id)))
    with rows_at:
        _show_rows(preview, columns, formats)
        _say_others(preview, columns, person)
    programme = None
    if programmes:
        names = {one.code: one.name for one in programmes}
        programme = st.selectbox(
            _("Programme"),
            list(names),
            index=None,
            format_func=names.__getitem__,
            placeholder=_("The only one of the day"),
            help=_("Several programmes give points for claims of the same day. Say which one these are for."),
            key=page_key(f"own_programme_{file.id}"),
        )
    if (preview.rows_expected or 0) > MOST_OWN_ROWS:
        st.error(
            verification.TooManyOwnRowsError(preview.rows_expected or 0, MOST_OWN_ROWS).sentence,
            icon=":material/block:",
        )
        return
    form = f"own_file_{file.id}"
    request_key = elements.form_key(form)
    if st.button(_("Upload it"), type="primary", icon=":material/upload:", width="stretch"):
        _check_columns(columns)
        import_id = verification.start_own_claims_file(
            current_database(),
            user.scope,
            file_id=file.id,
            mapping=ColumnMapping.model_validate(
                {
                    "name": verification.OWN_FILES_SOURCE,
                    "dataset": OWN_FILE_COLUMNS.name,
                    "columns": dict(columns),
                    "decimal_separator": guess.decimal_separator,
                    "thousands_separator": guess.thousands_separator,
                    "date_formats": formats,
                    "time_zone": str(wording.reader_time_zone()),
                }
            ),
            programme_code=programme,
            sheets=[preview.sheet] if preview.sheet else [],
            request_key=request_key,
        )
        elements.form_done(form)
        registry.open_page(PAGE, **{"import": str(import_id)})


def _choose_sheet(preview: FilePreview, file: ReceivedFile) -> None:
    names = [one.name for one in preview.sheets if one.header]
    if preview.sheet is not None and len(names) > 1:
        st.selectbox(
            _("Sheet"),
            names,
            index=names.index(preview.sheet) if preview.sheet in names else 0,
            key=page_key(f"own_sheet_{file.id}"),
        )


def _choose_columns(preview: FilePreview, guess: MappingGuess, *, key: str) -> dict[str, str]:
    """Draw for each thing that a claim may say which column of the file says it; return thing to header."""
    headers = list(dict.fromkeys(one for one in preview.header if one.strip()))
    needed = [one.name for one in OWN_CLAIMS_COLUMNS.columns if one.required]
    unsure = [name for name in needed if guess.confidence.get(name, 0.0) < SURE]
    for name in guess.missing:
        near = guess.nearest.get(name)
        st.warning(
            (
                _("No column seems to hold the {thing}. “{column}” comes nearest: choose below.")
                if near
                else _("No column seems to hold the {thing}. Choose one below, or add it to your file.")
            ).format(thing=wording.plain(thing_title(name).lower()), column=wording.plain(near or "")),
            icon=":material/rule:",
        )
    chosen: dict[str, str] = {}
    with st.expander(
        _("What each column was taken for"), expanded=bool(unsure), icon=":material/view_column:"
    ):
        for name in OWN_FILE_COLUMNS.names:
            options = ["", *headers]
            header = st.selectbox(
                thing_title(name)
                if name in needed
                else _("{thing} (not needed)").format(thing=thing_title(name)),
                options,
                index=options.index(guess.columns.get(name, "")),
                format_func=lambda one: wording.plain(one) if one else _("no column"),
                key=f"{key}_{name}_own_column",
            )
            if header:
                chosen[name] = header
        unused = [one for one in headers if one not in chosen.values()]
        if unused:
            st.caption(
                _("Not used: {columns}").format(
                    columns=", ".join(f"“{wording.plain(one)}”" for one in unused)
                )
            )
    return chosen


def _check_columns(columns: Mapping[str, str]) -> None:
    missing = [one.name for one in OWN_FILE_COLUMNS.columns if one.required and one.name not in columns]
    if missing:
        raise ColumnNotChosenError(missing)
    headers = list(columns.values())
    twice = next((one for one in headers if headers.count(one) > 1), None)
    if twice is not None:
        raise ColumnChosenTwiceError(twice)


def _cells(preview: FilePreview, header: str) -> list[str]:
    place = preview.header.index(header)
    return [row[place].strip() if place < len(row) else "" for row in preview.rows]


def _day_of(cell: str, formats: Sequence[str]) -> date | None:
    """Return the day that a cell of the preview is read as, None where only the reader of whole files could say."""
    for one in formats:
        try:
            return datetime.strptime(cell, one).date()  # noqa: DTZ007 - a day as it stands, of no time zone
        except ValueError:
            continue
    try:
        # As the preview writes the dates of a workbook.
        return datetime.fromisoformat(cell).date()
    except ValueError:
        return None


def _choose_date_order(
    preview: FilePreview, guess: MappingGuess, columns: Mapping[str, str], *, key: str
) -> tuple[str, ...]:
    """Ask which is the day and which the month where every date of the first rows could be read both ways."""
    formats = guess.date_formats
    if "sold_on" not in columns:
        return formats
    cells = [cell for cell in _cells(preview, columns["sold_on"]) if cell]
    likely = next((one for one in formats if "%d" in one and "%m" in one and not one.startswith("%Y")), None)
    if likely is None or not cells:
        return formats
    other = likely.replace("%d", "%§").replace("%m", "%d").replace("%§", "%m")
    read = [(_day_of(cell, (likely,)), _day_of(cell, (other,))) for cell in cells]
    example = next(
        (
            (cell, one, two)
            for cell, (one, two) in zip(cells, read, strict=True)
            if one and two and one != two
        ),
        None,
    )
    if example is None or not all(one and two for one, two in read):
        return formats
    cell, *days = example
    swapped = st.radio(
        _("Which day is “{cell}”?").format(cell=wording.plain(cell)),
        [False, True],
        format_func=lambda is_swapped: wording.day(days[is_swapped]),
        horizontal=True,
        key=f"{key}_own_days",
    )
    return (other, *(one for one in formats if one not in (likely, other))) if swapped else formats


def _show_rows(preview: FilePreview, columns: Mapping[str, str], formats: Sequence[str]) -> None:
    """Draw the first rows under what their columns were taken for, each day as it is understood."""
    numbers = preview.row_numbers[:ROWS_SHOWN]
    rows: dict[str, list[str]] = {_("Row"): [str(one) for one in numbers]}
    for name in OWN_FILE_COLUMNS.names:
        if name not in columns:
            continue
        cells = _cells(preview, columns[name])[:ROWS_SHOWN]
        if name == "sold_on":
            days = [_day_of(cell, formats) for cell in cells]
            cells = [wording.day(day) if day else cell for day, cell in zip(days, cells, strict=True)]
        rows[thing_title(name)] = cells
    elements.table(rows, alt=_("The first rows of your file as they are understood"))
    if preview.rows_expected:
        st.caption(
            ngettext("About {count} row in all", "About {count} rows in all", preview.rows_expected).format(
                count=wording.number(preview.rows_expected)
            )
        )


def _say_others(preview: FilePreview, columns: Mapping[str, str], person: Participant) -> None:
    """Warn where the first rows name a company or somebody that is not the reader's own."""
    own = {
        "company_code": {person.company_code.lower(), person.company_name.lower()},
        "participant_code": {person.code.lower(), person.display_name.lower()},
    }
    for name, known in own.items():
        if name in columns and any(
            cell.lower() not in known for cell in _cells(preview, columns[name]) if cell
        ):
            st.warning(
                _(
                    "“{column}” was taken for “{thing}”, and names others than you. Such rows are not taken. If it"
                    " holds something else, your customers for instance, choose “no column” for it below."
                ).format(column=wording.plain(columns[name]), thing=wording.plain(thing_title(name))),
                icon=":material/group:",
            )


def show_result(user: SignedInUser, import_id: UUID) -> None:
    """Draw how far a file of the reader's is, and then what came of it, row by row. Raises UnknownImportError."""
    registry.link(user, PAGE, _("My claims"), icon="arrow_back")
    with current_database().snapshot(user.scope) as connection:
        found = verification.own_claims_file(connection, user.scope, import_id)
        states = verification.claims_of_own_file(connection, user.scope, import_id)
        rows = verification.rows_not_taken(connection, user.scope, import_id, limit=NOT_TAKEN_SHOWN)
    st.header(wording.plain(found.file_name), anchor=False)
    if found.state in (ImportState.QUEUED, ImportState.RUNNING):
        _watch(user, import_id)
        return
    if found.state is ImportState.ACCEPTED:
        _say_result(found, states)
        if found.not_taken:
            _show_not_taken(user, found, rows)
    elif found.state is ImportState.REFUSED:
        st.error(wording.plain_lines(found.refusal or ""), icon=":material/block:")
    elif found.state is ImportState.UNDONE:
        st.info(
            _("This file was taken back, and with it the claims that it brought. Ask your salesperson why."),
            icon=":material/undo:",
        )
    else:
        st.info(_("This file was cancelled. Nothing of it was taken."), icon=":material/cancel:")
    registry.link(user, PAGE, _("Upload another file"), icon="upload_file", file="new")


@st.fragment(run_every=1.0)
def _watch(user: SignedInUser, import_id: UUID) -> None:
    with current_database().snapshot(user.scope) as connection:
        found = verification.own_claims_file(connection, user.scope, import_id)
    if found.state not in (ImportState.QUEUED, ImportState.RUNNING):
        st.rerun(scope="app")
    if found.phase is None:
        st.progress(0.0, text=_("In line since {moment}").format(moment=wording.moment(found.brought_at)))
    else:
        st.progress((PHASES.index(found.phase) + 0.5) / len(PHASES), text=phase_title(found.phase))
    st.caption(_("You may leave this page: the file goes on, and you find it under “My claims”."))
    if found.is_cancel_asked:
        st.caption(_("It stops as soon as it can."))
    elif st.button(_("Cancel"), icon=":material/cancel:", width="stretch"):
        with elements.refusals_shown():
            intake.cancel_import(current_database(), user.scope, import_id)
            st.rerun(scope="fragment")


def _say_result(found: OwnFile, states: Mapping[ClaimState, int]) -> None:
    claims, repeated, not_taken = found.claims or 0, found.repeated or 0, found.not_taken or 0
    if claims:
        st.success(
            ngettext("{count} row became a claim.", "{count} rows became claims.", claims).format(
                count=wording.number(claims)
            )
            + _where_they_stand(states),
            icon=":material/check_circle:",
        )
    elif repeated and not not_taken:
        st.info(
            _("Everything in this file was claimed before. Nothing was claimed twice."),
            icon=":material/content_copy:",
        )
    elif not not_taken:
        st.warning(_("No row of this file became a claim."), icon=":material/rule:")
    if repeated and (claims or not_taken):
        st.info(
            ngettext(
                "{count} row was claimed before, or stands in the file twice. It is not claimed twice.",
                "{count} rows were claimed before, or stand in the file twice. They are not claimed twice.",
                repeated,
            ).format(count=wording.number(repeated)),
            icon=":material/content_copy:",
        )


def _where_they_stand(states: Mapping[ClaimState, int]) -> str:
    approved, rejected = states.get(ClaimState.APPROVED, 0), states.get(ClaimState.REJECTED, 0)
    waiting = sum(states.get(one, 0) for one in verification.UNDECIDED)
    parts = []
    if approved:
        parts.append(
            ngettext("{count} is approved", "{count} are approved", approved).format(
                count=wording.number(approved)
            )
        )
    if waiting:
        parts.append(
            ngettext("{count} waits for a decision", "{count} wait for a decision", waiting).format(
                count=wording.number(waiting)
            )
        )
    if rejected:
        parts.append(
            ngettext("{count} is rejected", "{count} are rejected", rejected).format(
                count=wording.number(rejected)
            )
        )
    return f" {', '.join(parts)}." if parts else ""


def _show_not_taken(user: SignedInUser, found: OwnFile, rows: Sequence[verification.RowNotTaken]) -> None:
    count = found.not_taken or 0
    st.warning(
        ngettext(
            "{count} row was not taken. Correct it and upload it again.",
            "{count} rows were not taken. Correct them and upload them again.",
            count,
        ).format(count=wording.number(count)),
        icon=":material/rule:",
    )
    many_sheets = len({one.sheet for one in rows}) > 1
    for one in rows:
        where = _("Row {row}").format(row=wording.plain(str(one.row_no)))
        if many_sheets:
            where += f", {wording.plain(one.sheet)}"
        said = " · ".join(wording.plain(text) for text in (one.invoice_no, one.product_code) if text)
        st.markdown(f"**{where}**" + (f"  :gray[{said}]" if said else "") + f"  \n{wording.plain(one.why)}")
    if count > len(rows):
        st.caption(
            _("The file below has all {count} of them.").format(count=wording.plain(wording.number(count)))
        )
    if st.button(_("Make a file of these rows"), icon=":material/table_view:", width="stretch"):
        runtime = current_runtime()
        with current_database().snapshot(user.scope) as connection:
            name = intake.rejected_file_name(intake.import_by_id(connection, found.import_id))

        def write(path: Path) -> int:
            return verification.write_rows_not_taken(
                runtime.database, runtime.settings, user.scope, found.import_id, path
            )

        downloads.offer(
            user,
            Permission.UPLOAD_OWN_CLAIMS,
            name,
            write,
            media_type=XLSX if name.endswith(".xlsx") else CSV,
        )


def show_files(user: SignedInUser) -> None:
    """Draw the files that the reader brought last, each leading to what came of it; nothing before the first."""
    with current_database().snapshot(user.scope) as connection:
        files = verification.own_claims_files(connection, user.scope, limit=FILES_LISTED)
    if not files:
        return
    with st.expander(_("Files you brought"), icon=":material/description:"):
        for one in files:
            registry.link(
                user, PAGE, wording.plain(one.file_name), icon="description", **{"import": str(one.import_id)}
            )
            st.caption(f"{wording.plain(_in_a_line(one))} · {wording.ago(one.brought_at)}")


def _in_a_line(found: OwnFile) -> str:
    if found.state is ImportState.ACCEPTED:
        return ngettext(
            "{count} claim, {not_taken} not taken", "{count} claims, {not_taken} not taken", found.claims or 0
        ).format(count=wording.number(found.claims or 0), not_taken=wording.number(found.not_taken or 0))
    return {
        ImportState.QUEUED: _("in line"),
        ImportState.RUNNING: _("being taken in"),
        ImportState.REFUSED: _("not taken"),
        ImportState.UNDONE: _("taken back"),
    }.get(found.state, _("cancelled"))


def show(user: SignedInUser, person: Participant, *, is_active: bool) -> bool:
    """Draw what the address asks for of files, and return whether it asked for any."""
    import_id, file_id = elements.query_id("import"), elements.query_id("file")
    asks_for_file = "file" in st.query_params
    if not user.may(Permission.UPLOAD_OWN_CLAIMS) or not (import_id or (asks_for_file and is_active)):
        return False
    try:
        if import_id is not None:
            show_result(user, import_id)
        elif file_id is not None:
            show_look(user, person, file_id)
        else:
            show_choice(user)
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
    return True
