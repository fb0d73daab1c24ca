"""What the page of uploads shows: a file's first rows and what each column was understood as."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import streamlit as st
from babel.numbers import list_currencies
from pydantic import ValidationError

from loyalty_core.access import Permission, SignedInUser
from loyalty_core.intake import (
    ColumnChanges,
    ColumnKind,
    ColumnMapping,
    FilePreview,
    FileRefusal,
    ImportMode,
    MappingGuess,
    ReceivedFile,
    SavedMapping,
    SkipReason,
    carried_over,
    changed_columns,
    encoding_name,
    find_imports,
    guess_dataset,
    guess_mapping,
    header_key,
    known_codes,
    known_mappings,
    preview_file,
    reads_date,
    reads_number,
    registered_datasets,
    save_mapping,
    saved_mappings,
    source_like,
    start_import,
    stored_path,
    template_name,
    write_template,
)
from loyalty_core.kernel import Refusal, _, current_database, current_runtime, ngettext
from ui import downloads, wording
from ui.elements import card, form_done, form_key, table
from ui.imports import column_title, dataset_title
from ui.keys import page_key

EXAMPLES = 3
DATE_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%d-%m-%Y",
)
MOST_COLUMNS_SHOWN = 60
HIDES_HIDDEN_ROWS = frozenset({"xls", "xlsb"})
"""Formats whose reader does not say which rows are hidden."""
MOST_SKIPPED_SHOWN = 6
SURE = 0.7
REMEMBERED_IMPORTS = 50

SAMPLE_FILE = """\
Customer,Country,Invoice,Date,Product,Description,Quantity,Unit price
C-100,Poland,INV-1,2026-03-02,P-10,Emulsion paint 10 l,4,24.90
C-100,Poland,INV-1,2026-03-02,P-22,Masking tape,12,1.85
C-200,Serbia,INV-2,2026-03-03,P-10,Emulsion paint 10 l,10,24.50
C-200,Serbia,INV-3,2026-03-09,P-10,Emulsion paint 10 l,-1,24.50
"""


class TwoColumnsMeanTheSameError(Refusal):
    """Two columns of the file were given one meaning."""

    def __init__(self, meanings: Sequence[str]) -> None:
        super().__init__(
            _("Two columns are said to hold the same: {meanings}. Choose one column for each.").format(
                meanings=", ".join(column_title(one) for one in meanings)
            )
        )
        self.meanings = tuple(meanings)


class MappingNotUsableError(Refusal):
    """What was typed does not make a mapping."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


@st.cache_data(max_entries=100, ttl=3600, show_spinner=False)
def _preview(sha256: str, file_name: str, sheet: str | None, known_headers: tuple[str, ...]) -> FilePreview:
    return preview_file(
        stored_path(current_runtime().settings, sha256), file_name, sheet=sheet, known_headers=known_headers
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of sources: their saved mappings, and every mapping that may fit, the best ones last.

    Of each source, by dataset and name: the header of its last file, and what its files were called.
    """

    saved: tuple[SavedMapping, ...]
    mappings: tuple[ColumnMapping, ...]
    last_headers: Mapping[tuple[str, str], tuple[str, ...]]
    file_names: Mapping[tuple[str, str], frozenset[str]]

    def has_just(self, mapping: ColumnMapping, header: Sequence[str]) -> bool:
        """Whether the source's last file had these columns and no others, in whatever order."""
        last = self.last_headers.get((mapping.dataset, mapping.name), tuple(mapping.columns.values()))
        return _keys(last) == _keys(header)

    def named_alike(self, mapping: ColumnMapping, file_name: str) -> bool:
        """Whether a file of the source had such a name before, days and numbers aside."""
        names = self.file_names.get((mapping.dataset, mapping.name), frozenset())
        name = proposed_source(file_name).casefold()
        return bool(name) and name in names

    @property
    def headers(self) -> tuple[str, ...]:
        """Every header that a mapping names."""
        return tuple(sorted({name for one in self.mappings for name in one.columns.values()}))


def _known(user: SignedInUser) -> _Known:
    """Return the mappings of the last imports, those that ship and those that are saved; no retired one."""
    with current_database().snapshot(user.scope) as connection:
        every = saved_mappings(connection, with_retired=True)
        # What participants bring for themselves says nothing of a source.
        imports = [one for one in find_imports(connection, limit=REMEMBERED_IMPORTS) if not one.is_for_owner]
    saved = tuple(one for one in every if not one.is_retired)
    kept = {(one.dataset, one.name) for one in every}
    recent: dict[tuple[str, str], ColumnMapping] = {}
    headers: dict[tuple[str, str], tuple[str, ...]] = {}
    file_names: dict[tuple[str, str], frozenset[str]] = {}
    for one in reversed(imports):
        mapping = ColumnMapping.model_validate(one.mapping)
        source = (mapping.dataset, mapping.name)
        if source not in kept:
            recent[source] = mapping
        if (one.reading or {}).get("header"):
            headers[source] = tuple((one.reading or {})["header"])
        file_names[source] = file_names.get(source, frozenset()) | {proposed_source(one.file_name).casefold()}
    headers |= {(one.dataset, one.name): one.header for one in saved}
    shipped = [one for one in known_mappings([]) if (one.dataset, one.name) not in recent]
    return _Known(saved, (*shipped, *recent.values(), *(one.body for one in saved)), headers, file_names)


def _keys(header: Iterable[str]) -> frozenset[str]:
    return frozenset(header_key(one) for one in header if one.strip())


_OF_TIME = re.compile(
    r"\bq?\d+"
    r"|\b(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?"
    r"|dec(ember)?|copy|final)\b",
    re.IGNORECASE,
)


def proposed_source(file_name: str) -> str:
    """Return a name for the source of a file by what the file is called, without days and numbers; '' for none.

    “sales_Warszawa_2026-03.xlsx” is of “sales Warszawa”.
    """
    stem = file_name.partition(".")[0].replace("_", " ").replace("-", " ")
    name = " ".join(_OF_TIME.sub(" ", stem).strip(" ()+,;").split())
    return name if sum(letter.isalpha() for letter in name) > 2 else ""


def show_confirmation(user: SignedInUser, file: ReceivedFile) -> UUID | None:
    """Draw the first rows and what was understood; return the import's id once it is started."""
    known = _known(user)
    sheet = st.session_state.get(page_key(f"{file.id}_sheet"))
    try:
        with st.spinner(_("Looking at the first rows")):
            preview = _preview(file.sha256, file.file_name, sheet, known.headers)
    except FileRefusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return None
    sheets = _choose_sheets(preview, key=page_key(str(file.id)))
    dataset = _choose_dataset(preview, known.mappings, key=page_key(str(file.id)))
    key = page_key(f"{file.id}_{dataset}_{preview.sheet or ''}")
    guess, source, name = _guess(user, file, preview, dataset, known, key=key)
    key = f"{key}_{source.name if source else ''}"
    rows_at = st.container()
    fields, twice = _show_columns(preview, guess, dataset, is_open=source is None, key=key)
    formats = _show_formats(guess, fields, dataset, key=key)
    with rows_at, card(_("The first rows, and what they were understood as")):
        table(_as_understood(preview, fields, formats, dataset), alt=_("First rows of the file"))
        st.caption(_where(preview))
        _show_left_out(preview)
        _show_unreadable(preview, fields, formats, dataset)
    _show_missing(guess, fields, formats, dataset)
    return _show_start(user, file, preview, fields, formats, guess, dataset, sheets, twice, name)


def _choose_sheets(preview: FilePreview, *, key: str) -> list[str]:
    """Draw a choice of the workbook's sheets and return those to read; [] where there is nothing to choose."""
    filled = [one for one in preview.sheets if one.header]
    if preview.sheet is None or len(filled) < 2:
        return []
    hidden = {one.name for one in filled if one.is_hidden}
    names = [one.name for one in filled]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            _("Sheet"),
            names,
            index=names.index(preview.sheet) if preview.sheet in names else 0,
            format_func=lambda name: _("{sheet} (hidden)").format(sheet=name) if name in hidden else name,
            key=f"{key}_sheet",
        )
        # A hidden sheet is often a copy: it is read where it is chosen, never along with others.
        alike = [
            preview.sheet,
            *(name for name in preview.alike if name != preview.sheet and name not in hidden),
        ]
        reads_all = len(alike) > 1 and st.toggle(
            ngettext(
                "Read the {count} sheet that looks like this",
                "Read all {count} sheets that look alike",
                len(alike),
            ).format(count=wording.number(len(alike))),
            key=f"{key}_{preview.sheet}_alike",
            help=", ".join(wording.plain(name) for name in alike),
        )
    return alike if reads_all else [preview.sheet]


def _choose_dataset(preview: FilePreview, known: Iterable[ColumnMapping], *, key: str) -> str:
    """Draw a choice of what the file brings, the best guess at first, and return the dataset's name."""
    names = list(registered_datasets())
    guessed = guess_dataset(
        preview.header, preview.rows, [one.columns for one in registered_datasets().values()], known
    )
    return st.radio(
        _("What the file brings"),
        names,
        index=names.index(guessed),
        format_func=dataset_title,
        key=f"{key}_dataset",
        horizontal=True,
    )


def _guess(
    user: SignedInUser, file: ReceivedFile, preview: FilePreview, dataset: str, known: _Known, *, key: str
) -> tuple[MappingGuess, SavedMapping | None, str]:
    """Say which source the file seems to come from and what changed since its last one.

    Returns the guess; the source, the reader's to choose, None for a new one; and the name to begin with, '' where
    only the reader can tell whose file it is.
    """
    columns = registered_datasets()[dataset].columns
    with current_database().snapshot(user.scope) as connection:
        codes = known_codes(connection, preview.rows)
    is_text = preview.kind == "text"
    guess = guess_mapping(preview.header, preview.rows, columns, known.mappings, codes=codes, is_text=is_text)
    saved = {one.name: one for one in known.saved if one.dataset == dataset}
    likely = saved.get(guess.known.name) if guess.known else source_like(saved.values(), preview.header)
    # Programs write the same columns for whoever uses them: then what the file is called tells whose it is.
    alike = [one for one in saved.values() if known.has_just(one.body, preview.header)]
    likely = next((one for one in alike if known.named_alike(one.body, file.file_name)), likely)
    source = None
    if saved:
        names = ["", *saved]
        chosen = st.selectbox(
            _("Source"),
            names,
            index=names.index(likely.name) if likely else 0,
            format_func=lambda name: name or _("a new one, or one that is not kept"),
            key=f"{key}_source",
            help=_("Whose file it is. Its kept layout says what each column holds."),
        )
        source = saved.get(chosen)
    if source is None:
        if guess.known is not None and guess.known.name not in saved:
            is_sure = known.named_alike(guess.known, file.file_name) or known.has_just(
                guess.known, preview.header
            )
            if is_sure:
                st.success(
                    _(
                        "The columns are those of the source “{source}”. Look at the first rows, then start."
                    ).format(source=wording.plain(guess.known.name)),
                    icon=":material/check_circle:",
                )
            else:
                st.info(
                    _(
                        "The columns are like those of the source “{source}”. Look at the first rows, and say whose "
                        "file it is."
                    ).format(source=wording.plain(guess.known.name)),
                    icon=":material/help:",
                )
            return guess, None, guess.known.name if is_sure else ""
        st.info(
            _("This layout is new. Look at what each column was understood as, and correct what is wrong."),
            icon=":material/help:",
        )
        seen = guess_mapping(preview.header, preview.rows, columns, (), codes=codes)
        return seen, None, proposed_source(file.file_name)
    is_sure = (
        source is not likely
        or known.named_alike(source.body, file.file_name)
        or (known.has_just(source.body, preview.header) and len(alike) == 1)
    )
    changes = changed_columns(source, preview.header)
    if changes:
        _show_changes(source, changes)
    else:
        st.success(
            _("The columns are those of the source “{source}”. Look at the first rows, then start.").format(
                source=wording.plain(source.name)
            ),
            icon=":material/check_circle:",
        )
    seen = guess_mapping(preview.header, preview.rows, columns, (), codes=codes)
    return _as_source(source, preview, seen), source, source.name if is_sure else ""


def _as_source(source: SavedMapping, preview: FilePreview, seen: MappingGuess) -> MappingGuess:
    """Return the source's layout over what the file itself says, which fills what the source can't."""
    carried = carried_over(source, preview.header)
    taken = set(carried.values())
    had = {header_key(name) for name in source.header}
    filled = {
        column: header
        for column, header in seen.columns.items()
        if column not in carried
        and header not in taken
        # A column of currencies that the source's files never had: its one currency may no longer be right.
        and (column in source.body.columns or (column == "currency" and header_key(header) not in had))
    }
    fields = {**carried, **filled}
    body = source.body
    mapping = body.model_copy(update={"columns": fields or body.columns, "optional": ()})
    there = guess_mapping(
        preview.header,
        preview.rows,
        registered_datasets()[body.dataset].columns,
        (mapping,),
        is_text=preview.kind == "text",
    )
    return MappingGuess(
        fields,
        there.date_formats,
        there.decimal_separator,
        there.thousands_separator,
        body,
        confidence={column: 1.0 if column in carried else seen.confidence[column] for column in fields},
        missing=tuple(column for column in seen.missing if column not in fields),
        nearest=seen.nearest,
        currency=body.currency,
    )


def _show_changes(source: SavedMapping, changes: ColumnChanges) -> None:
    """Say which columns are not those of the source's last file."""

    def named(headers: Iterable[str]) -> str:
        return ", ".join(f"“{wording.plain(one)}”" for one in headers)

    used = {header_key(name) for name in source.body.columns.values()}
    lines = [
        _("The columns changed since the layout of “{source}” was kept:").format(
            source=wording.plain(source.name)
        )
    ]
    if changes.renamed:
        pairs = ", ".join(
            _("“{old}” seems to be “{new}” now").format(old=wording.plain(old), new=wording.plain(new))
            for old, new in changes.renamed
        )
        lines.append(_("- renamed: {pairs}").format(pairs=pairs))
    gone_used = [one for one in changes.gone if header_key(one) in used]
    if gone_used:
        lines.append(_("- gone, though it was used: {columns}").format(columns=named(gone_used)))
    gone = [one for one in changes.gone if one not in gone_used]
    if gone:
        lines.append(_("- gone, never used: {columns}").format(columns=named(gone)))
    if changes.added:
        lines.append(_("- new: {columns}").format(columns=named(changes.added)))
    if changes.moved:
        lines.append(_("- in another place: {columns}").format(columns=named(changes.moved)))
    if changes.renamed or gone_used:
        st.warning("\n".join(lines), icon=":material/difference:")
    else:
        st.info("\n".join(lines), icon=":material/difference:")


def _where(preview: FilePreview) -> str:
    parts = [_("Header in row {row}").format(row=preview.header_row)]
    if preview.sheet:
        parts.append(_("sheet {sheet}").format(sheet=wording.plain(preview.sheet)))
    if preview.encoding:
        parts.append(_("encoding {encoding}").format(encoding=wording.plain(encoding_name(preview.encoding))))
    if preview.rows_expected:
        parts.append(_("about {rows} rows").format(rows=wording.plain(wording.number(preview.rows_expected))))
    return " · ".join(parts)


def _show_left_out(preview: FilePreview) -> None:
    """Say which rows are left out, and that some are hidden from who opens the workbook."""
    why = {
        SkipReason.ABOVE_HEADER: _("above the header"),
        SkipReason.TOTALS: _("a total"),
        SkipReason.BELOW_TOTALS: _("below the totals"),
    }
    if preview.skipped:
        rows = " · ".join(
            _("row {row}, {why}: {text}").format(
                row=one.row_no, why=why[one.why], text=wording.plain(one.text[:60])
            )
            for one in preview.skipped[:MOST_SKIPPED_SHOWN]
        )
        st.caption(f":material/format_line_spacing: {_('Left out')}: {rows}")
    if preview.hidden_rows:
        st.warning(
            ngettext(
                "{count} row is hidden in the workbook. It is read like the others.",
                "{count} rows are hidden in the workbook. They are read like the others.",
                preview.hidden_rows,
            ).format(count=wording.number(preview.hidden_rows)),
            icon=":material/visibility_off:",
        )
    elif preview.file_format in HIDES_HIDDEN_ROWS:
        st.caption(
            _(
                ":material/visibility_off: Of {kind} files Laurel can't tell whether rows are hidden. Hidden ones are "
                "read like the others."
            ).format(kind=preview.file_format.upper())
        )


def _cells(preview: FilePreview, place: int) -> list[str]:
    return [row[place] if place < len(row) else "" for row in preview.rows]


def _as_understood(
    preview: FilePreview, fields: Mapping[str, str], formats: "Formats", dataset: str
) -> dict[str, list[str]]:
    """Return the first rows under what each column holds, how it was read and its header on top."""
    kinds = {column.name: column.kind for column in registered_datasets()[dataset].columns.columns}
    column_of = {header: column for column, header in fields.items()}
    rows = {_("Row"): [_("header"), _("read as"), *map(str, preview.row_numbers)]}
    places = sorted(range(len(preview.header)), key=lambda place: preview.header[place] not in column_of)
    for place in places[:MOST_COLUMNS_SHOWN]:
        header = preview.header[place]
        column = column_of.get(header)
        cells = _cells(preview, place)
        title = column_title(column) if column else _("not used")
        while title in rows:
            title += " "
        read = _read_as(kinds[column], cells, formats, is_text=preview.kind == "text") if column else ""
        rows[title] = [header, read, *cells]
    return rows


def _read_as(kind: ColumnKind, cells: Sequence[str], formats: "Formats", *, is_text: bool) -> str:
    """Say how the cells of a column were understood."""
    filled = [cell for cell in cells if cell.strip()]
    if not filled:
        return _("empty")
    if kind is ColumnKind.TEXT:
        return _("text")
    if kind is ColumnKind.NUMBER:
        bad = [
            cell
            for cell in filled
            if not reads_number(cell, formats.decimal_separator, formats.thousands_separator)
        ]
        sign = formats.decimal_separator
        said = _("number, decimal comma") if sign == "," else _("number, decimal point")
        if not any(sign in cell for cell in filled):
            said = _("number")
    else:
        bad = [cell for cell in filled if not reads_date(cell, formats.date_formats)]
        said = _("date")
        fitting = next(
            (one for one in formats.date_formats if any(reads_date(cell, (one,)) for cell in filled)), ""
        )
        if fitting:
            said = _date_order(fitting)
    if bad and is_text:
        return _("{how}; {bad} of {all} can't be read").format(how=said, bad=len(bad), all=len(filled))
    return said


def _date_order(date_format: str) -> str:
    if "%B" in date_format or "%b" in date_format:
        return _("date, month in words")
    places = {part: date_format.find(f"%{part}") for part in "Ymd"}
    if 0 <= places["Y"] < places["d"]:
        return _("date, year first")
    return _("date, day first") if places["d"] < places["m"] else _("date, month first")


def _show_columns(
    preview: FilePreview, guess: MappingGuess, dataset: str, *, is_open: bool, key: str
) -> tuple[dict[str, str], list[str]]:
    """Draw a choice for each column of the file; return canonical column to header.

    Beside it, the canonical columns that more than one column of the file was chosen for; nothing fills them.
    """
    meaning_of = {header: column for column, header in guess.columns.items()}
    names = registered_datasets()[dataset].columns.names
    chosen: list[tuple[str, str]] = []
    with st.expander(
        _("What each column holds"),
        expanded=is_open and guess.known is None,
        icon=":material/view_column:",
    ):
        for place, header in enumerate(preview.header[:MOST_COLUMNS_SHOWN]):
            if not header.strip():
                continue
            examples = list(dict.fromkeys(cell for cell in _cells(preview, place) if cell.strip()))
            left, right = st.columns([1.4, 1], vertical_alignment="center")
            left.markdown(
                f"**{wording.plain(header)}**  \n"
                f":gray[{wording.plain(' · '.join(examples[:EXAMPLES])[:120]) or _('empty')}]"
                + _unsure(guess, meaning_of.get(header))
            )
            options = ["", *names]
            meaning = right.selectbox(
                _("What {column} holds").format(column=wording.plain(header)),
                options,
                index=options.index(meaning_of.get(header, "")),
                format_func=lambda name: column_title(name) if name else _("not used"),
                key=f"{key}_{place}_column",
                label_visibility="collapsed",
            )
            if meaning:
                chosen.append((meaning, header))
    twice = [name for name, count in Counter(name for name, _header in chosen).items() if count > 1]
    if twice:
        st.error(wording.plain(TwoColumnsMeanTheSameError(twice).sentence), icon=":material/block:")
    return {name: header for name, header in chosen if name not in twice}, twice


def _unsure(guess: MappingGuess, column: str | None) -> str:
    if column is None or guess.confidence.get(column, 1.0) >= SURE:
        return ""
    return f"  \n:orange[:material/help: {_('a guess: look at it')}]"


def _check_is_complete(fields: Mapping[str, str], formats: "Formats", dataset: str) -> None:
    """Raise a MappingNotUsableError that names each needed column nothing fills as the page names it."""
    missing = [
        column.name
        for column in registered_datasets()[dataset].columns.columns
        if column.required and column.name not in fields
    ]
    if "currency" in missing and formats.currency:
        missing.remove("currency")
    if missing:
        raise MappingNotUsableError(
            [
                _("No column of the file is said to hold {columns}. Choose one for each.").format(
                    columns=", ".join(column_title(name) for name in missing)
                )
            ]
        )


def _show_missing(guess: MappingGuess, fields: Mapping[str, str], formats: "Formats", dataset: str) -> None:
    """Say which column the dataset needs has no column of the file yet, and what came nearest."""
    filled = set(fields) | ({"currency"} if formats.currency else set())
    lines = []
    for column in registered_datasets()[dataset].columns.columns:
        if not column.required or column.name in filled:
            continue
        near = guess.nearest.get(column.name)
        title = wording.plain(column_title(column.name))
        lines.append(
            _("- {column}: “{header}” comes nearest").format(column=title, header=wording.plain(near))
            if near
            else f"- {title}"
        )
    if lines:
        st.warning(
            "\n".join([_("These are needed, and no column holds them yet:"), *lines]),
            icon=":material/rule:",
        )


@dataclass(frozen=True, slots=True)
class Formats:
    """How numbers and dates are written, and what the file leaves unsaid."""

    decimal_separator: str
    thousands_separator: str | None
    date_formats: tuple[str, ...]
    currency: str | None
    time_zone: str


def _show_formats(guess: MappingGuess, fields: Mapping[str, str], dataset: str, *, key: str) -> Formats:
    known = guess.known
    has_days = any(
        column.kind is ColumnKind.TIMESTAMP for column in registered_datasets()[dataset].columns.columns
    )
    zone = known.time_zone if known else str(wording.reader_time_zone())
    dates = list(guess.date_formats)
    with st.expander(_("How it is written"), expanded=known is None, icon=":material/format_list_numbered:"):
        first, second, third = st.columns(3)
        decimal = first.selectbox(
            _("Decimal sign"),
            [".", ","],
            index=[".", ","].index(guess.decimal_separator),
            format_func=decimal_example,
            key=f"{key}_decimal",
        )
        groups: list[str | None] = [None, ",", ".", " ", "'"]
        thousands = second.selectbox(
            _("Thousands sign"),
            groups,
            index=groups.index(guess.thousands_separator) if guess.thousands_separator in groups else 0,
            format_func=thousands_example,
            key=f"{key}_thousands",
        )
        formats = list(dict.fromkeys([*guess.date_formats, *DATE_FORMATS]))
        if has_days:
            dates = third.multiselect(
                _("Dates"),
                formats,
                default=list(guess.date_formats),
                format_func=date_example,
                key=f"{key}_dates",
                accept_new_options=True,
                help=_("Tried in order. A format of your own is written as in %d.%m.%Y."),
            )
        fourth, fifth = st.columns(2)
        currencies = sorted(list_currencies())
        currency = None
        if "currency" in fields:
            fourth.caption(_("The currency stands in the file."))
        elif "currency" in registered_datasets()[dataset].columns.names:
            currency = fourth.selectbox(
                _("Currency"),
                currencies,
                index=currencies.index(guess.currency) if guess.currency in currencies else None,
                key=f"{key}_currency",
                placeholder=_("Choose the currency of the amounts"),
            )
        if has_days:
            zone = fifth.text_input(
                _("Time zone"),
                value=zone,
                key=f"{key}_zone",
                help=_("Where the sales were made, as in Europe/London."),
            )
    return Formats(decimal, thousands, tuple(dates), currency, zone or "")


def date_example(date_format: str) -> str:
    """Return a day as this strptime format writes it."""
    return datetime(2026, 1, 31, 14, 5).strftime(date_format)  # noqa: DTZ001 an example to show


def decimal_example(sign: str) -> str:
    """Return a number with this decimal sign, the sign named."""
    return _("point: 1.50") if sign == "." else _("comma: 1,50")


def thousands_example(sign: str | None) -> str:
    """Return a thousand with this sign between its groups."""
    return _("none: 1000") if sign is None else f"1{sign}000"


def _show_unreadable(preview: FilePreview, fields: Mapping[str, str], formats: Formats, dataset: str) -> None:
    """Say which of the first rows' cells could not be read in this way of writing."""
    kinds = {column.name: column.kind for column in registered_datasets()[dataset].columns.columns}
    unreadable: list[str] = []
    for column, header in fields.items():
        place = preview.header.index(header)
        for cell in _cells(preview, place):
            if not cell.strip() or kinds[column] is ColumnKind.TEXT:
                continue
            is_read = (
                reads_date(cell, formats.date_formats)
                if kinds[column] is ColumnKind.TIMESTAMP
                else reads_number(cell, formats.decimal_separator, formats.thousands_separator)
            )
            # A workbook's dates and numbers need no format: the preview shows them as it writes them.
            if not is_read and preview.kind == "text":
                unreadable.append(f"{column_title(column)}: {cell}")
    if unreadable:
        st.warning(
            ngettext(
                "{count} cell of the first rows can't be read like this, such as {example}",
                "{count} cells of the first rows can't be read like this, such as {example}",
                len(unreadable),
            ).format(count=wording.number(len(unreadable)), example=wording.plain(unreadable[0])),
            icon=":material/warning:",
        )


def _mapping(
    name: str, fields: Mapping[str, str], formats: Formats, known: ColumnMapping | None, dataset: str
) -> ColumnMapping:
    if not name.strip():
        raise MappingNotUsableError([_("Say who sends files like this: the source has no name yet.")])
    if not formats.date_formats:
        raise MappingNotUsableError([_("Choose at least one way in which dates are written.")])
    try:
        return ColumnMapping.model_validate(
            {
                "name": name.strip(),
                "dataset": dataset,
                "columns": dict(fields),
                "decimal_separator": formats.decimal_separator,
                "thousands_separator": formats.thousands_separator,
                "date_formats": formats.date_formats,
                "currency": formats.currency,
                "time_zone": formats.time_zone,
                "encoding": known.encoding if known else None,
            }
        )
    except ValidationError as error:
        titles = {
            "name": _("Name of the source"),
            "columns": _("Columns"),
            "date_formats": _("Dates"),
            "time_zone": _("Time zone"),
            "currency": _("Currency"),
        }
        raise MappingNotUsableError(
            [
                f"{titles.get(str(one['loc'][0]) if one['loc'] else '', '')}: "
                + one["msg"].removeprefix("Value error, ")
                for one in error.errors()
            ]
        ) from error


def mode_title(mode: ImportMode) -> str:
    """Return what an import of this mode does."""
    return {
        ImportMode.ADD: _("Add what is new"),
        ImportMode.UPDATE: _("Add, and change what is there (you see every change first)"),
        ImportMode.CHECK: _("Only check; nothing is kept"),
    }[mode]


def _show_start(
    user: SignedInUser,
    file: ReceivedFile,
    preview: FilePreview,
    fields: Mapping[str, str],
    formats: Formats,
    guess: MappingGuess,
    dataset: str,
    sheets: Sequence[str],
    twice: Sequence[str],
    source_name: str,
) -> UUID | None:
    form = f"start_{file.id}"
    key = form_key(form)
    names = registered_datasets()[dataset].columns.names
    kinds = {column.kind for column in registered_datasets()[dataset].columns.columns}
    modes = [mode for mode in ImportMode if mode in registered_datasets()[dataset].modes]
    with st.form(form):
        name = st.text_input(
            _("Name of the source"),
            value=source_name,
            placeholder=_("who sends files like this"),
            help=_("Files of one source share this layout, and are compared with one another."),
            max_chars=100,
        )
        is_from_known = (
            guess.known is not None
            and not source_name
            and st.checkbox(
                _("It comes from “{source}”").format(source=wording.plain(guess.known.name)),
                key=page_key(f"from_known_{file.id}"),
                help=_("Files like this one came from there. Another sender gets a name of its own above."),
            )
        )
        keeps = Permission.MANAGE_SOURCES in user.permissions and st.toggle(
            _("Keep this layout for the next file of the source"), value=True
        )
        mode = st.radio(_("What the import does"), modes, format_func=mode_title)
        options = _show_options(has_amounts="amount" in names, has_days=ColumnKind.TIMESTAMP in kinds)
        creates_missing = (
            dataset == "sales"
            and user.scope.sees_everything
            and st.toggle(
                _("Create companies, regions and products that are not known yet"),
                help=_("Without it, rows that name something unknown must be fixed first."),
            )
        )
        is_started = st.form_submit_button(_("Start"), type="primary", icon=":material/play_arrow:")
    if not is_started:
        return None
    if twice:
        raise TwoColumnsMeanTheSameError(twice)
    _check_is_complete(fields, formats, dataset)
    # What is written above goes before a tick.
    known_name = guess.known.name if guess.known is not None and is_from_known else ""
    mapping = _mapping(name or known_name, fields, formats, guess.known, dataset)
    import_id = start_import(
        current_database(),
        user.scope,
        file_id=file.id,
        mapping=mapping,
        datasets=registered_datasets(),
        creates_missing=creates_missing,
        request_key=key,
        mode=mode,
        options={**options, "sheets": list(sheets) or None},
    )
    if keeps:
        save_mapping(current_database(), user.scope, mapping, preview.header)
    form_done(form)
    return import_id


def _show_options(*, has_amounts: bool, has_days: bool) -> dict[str, str]:
    """Draw what may be said of the file besides, and return it as an import's options."""
    said: dict[str, str] = {}
    if not (has_amounts or has_days):
        return said
    with st.expander(_("What the file should come to"), icon=":material/functions:"):
        st.caption(_("May be left blank. What is said here is checked against the file."))
        total_at, from_at, to_at = st.columns(3)
        if has_amounts:
            said["control_total"] = total_at.text_input(
                _("Control total"),
                placeholder="1234.56",
                help=_("What all amounts of the file come to, as its sender says, with a decimal point."),
            )
        if has_days:
            first = from_at.date_input(_("First day"), value=None, format=wording.date_format())
            last = to_at.date_input(_("Last day"), value=None, format=wording.date_format())
            said["period_from"] = first.isoformat() if first else ""
            said["period_to"] = last.isoformat() if last else ""
    return said


def show_templates(user: SignedInUser) -> None:
    """Draw a choice of templates; a press makes the file and offers it."""
    with card(_("Templates to fill in")):
        st.caption(
            _(
                "Each has its columns, two example rows, and a note on what goes into every column. Other files do too."
            )
        )
        names = list(registered_datasets())
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.selectbox(
                _("For files of"), names, format_func=dataset_title, key=page_key("template"), width=260
            )
            if st.button(_("Make the template"), icon=":material/table_view:"):
                dataset = registered_datasets()[name]
                downloads.offer(
                    user,
                    Permission.UPLOAD_FILES,
                    template_name(dataset),
                    lambda path: write_template(path, dataset, column_title),
                )
