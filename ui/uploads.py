"""What the page of uploads shows: a file's first rows and what each column was understood as."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import streamlit as st
from babel.numbers import list_currencies
from pydantic import ValidationError

from loyalty_core.access import SignedInUser
from loyalty_core.intake import (
    ColumnKind,
    ColumnMapping,
    FilePreview,
    FileRefusal,
    MappingGuess,
    ReceivedFile,
    find_imports,
    guess_dataset,
    guess_mapping,
    load_shipped_mapping,
    preview_file,
    reads_date,
    reads_number,
    registered_datasets,
    shipped_mapping_names,
    start_import,
    stored_path,
)
from loyalty_core.kernel import Refusal, _, current_database, current_runtime, ngettext
from ui import wording
from ui.elements import card, form_done, form_key, table
from ui.imports import column_title, dataset_title

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
def _preview(sha256: str, file_name: str) -> FilePreview:
    return preview_file(stored_path(current_runtime().settings, sha256), file_name)


def _known_mappings(user: SignedInUser) -> dict[str, ColumnMapping]:
    """Return the mappings by name: those that ship with Laurel, then those of the last imports."""
    known = {name: load_shipped_mapping(name) for name in shipped_mapping_names()}
    with current_database().snapshot(user.scope) as connection:
        for one in reversed(find_imports(connection, limit=REMEMBERED_IMPORTS)):
            mapping = ColumnMapping.model_validate(one.mapping)
            known[mapping.name] = mapping
    return known


def show_confirmation(user: SignedInUser, file: ReceivedFile) -> UUID | None:
    """Draw the first rows and what was understood; return the import's id once it is started."""
    try:
        with st.spinner(_("Looking at the first rows")):
            preview = _preview(file.sha256, file.file_name)
    except FileRefusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return None
    known = _known_mappings(user).values()
    dataset = _choose_dataset(preview, known, key=str(file.id))
    guess = guess_mapping(preview.header, preview.rows, registered_datasets()[dataset].columns, known)
    if guess.known is not None:
        st.success(
            _("The columns are those of the source “{source}”. Look at the first rows, then start.").format(
                source=wording.plain(guess.known.name)
            ),
            icon=":material/check_circle:",
        )
    else:
        st.info(
            _("This layout is new. Say what each column holds; Laurel remembers it for the next file."),
            icon=":material/help:",
        )
    with card(_("The first rows, as they stand")):
        table(_as_it_stands(preview), alt=_("First rows of the file"))
        st.caption(_where(preview))
    key = f"{file.id}_{dataset}"
    fields = _show_columns(preview, guess, dataset, key=key)
    formats = _show_formats(guess, fields, dataset, key=key)
    _show_understood(preview, fields, formats, dataset)
    return _show_start(user, file, fields, formats, guess, dataset)


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
        key=f"dataset_{key}",
        horizontal=True,
    )


def _where(preview: FilePreview) -> str:
    parts = [_("Header in row {row}").format(row=preview.header_row)]
    if preview.sheet:
        parts.append(_("sheet {sheet}").format(sheet=wording.plain(preview.sheet)))
    if preview.encoding:
        parts.append(_("encoding {encoding}").format(encoding=wording.plain(preview.encoding)))
    return " · ".join(parts)


def _cells(preview: FilePreview, place: int) -> list[str]:
    return [row[place] if place < len(row) else "" for row in preview.rows]


def _as_it_stands(preview: FilePreview) -> dict[str, list[str]]:
    table_columns: dict[str, list[str]] = {}
    for place, name in enumerate(preview.header):
        title = name or _("column {number}").format(number=place + 1)
        while title in table_columns:
            title += " "
        table_columns[title] = _cells(preview, place)
    return table_columns


def _show_columns(preview: FilePreview, guess: MappingGuess, dataset: str, *, key: str) -> dict[str, str]:
    """Draw a choice for each column of the file; return canonical column to header."""
    meaning_of = {header: column for column, header in guess.columns.items()}
    names = registered_datasets()[dataset].columns.names
    chosen: list[tuple[str, str]] = []
    with st.expander(
        _("What each column holds"), expanded=guess.known is None, icon=":material/view_column:"
    ):
        for place, header in enumerate(preview.header[:MOST_COLUMNS_SHOWN]):
            if not header.strip():
                continue
            examples = list(dict.fromkeys(cell for cell in _cells(preview, place) if cell.strip()))
            left, right = st.columns([1.4, 1], vertical_alignment="center")
            left.markdown(
                f"**{wording.plain(header)}**  \n"
                f":gray[{wording.plain(' · '.join(examples[:EXAMPLES])[:120]) or _('empty')}]"
            )
            options = ["", *names]
            meaning = right.selectbox(
                _("What {column} holds").format(column=wording.plain(header)),
                options,
                index=options.index(meaning_of.get(header, "")),
                format_func=lambda name: column_title(name) if name else _("not used"),
                key=f"column_{key}_{place}",
                label_visibility="collapsed",
            )
            if meaning:
                chosen.append((meaning, header))
    twice = [name for name, count in Counter(name for name, _header in chosen).items() if count > 1]
    if twice:
        raise TwoColumnsMeanTheSameError(twice)
    return dict(chosen)


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
    with st.expander(_("How it is written"), expanded=known is None, icon=":material/format_list_numbered:"):
        first, second, third = st.columns(3)
        decimal = first.selectbox(
            _("Decimal sign"),
            [".", ","],
            index=[".", ","].index(guess.decimal_separator),
            format_func=lambda sign: _("point: 1.50") if sign == "." else _("comma: 1,50"),
            key=f"decimal_{key}",
        )
        groups: list[str | None] = [None, ",", ".", " ", "'"]
        thousands = second.selectbox(
            _("Thousands sign"),
            groups,
            index=groups.index(guess.thousands_separator) if guess.thousands_separator in groups else 0,
            format_func=lambda sign: _("none: 1000") if sign is None else f"1{sign}000",
            key=f"thousands_{key}",
        )
        formats = list(dict.fromkeys([*guess.date_formats, *DATE_FORMATS]))
        dates = third.multiselect(
            _("Dates"),
            formats,
            default=list(guess.date_formats),
            format_func=_date_example,
            key=f"dates_{key}",
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
                index=currencies.index(known.currency) if known and known.currency else None,
                key=f"currency_{key}",
                placeholder=_("Choose the currency of the amounts"),
            )
        zone = fifth.text_input(
            _("Time zone"),
            value=known.time_zone if known else str(st.context.timezone or "UTC"),
            key=f"zone_{key}",
            help=_("Where the sales were made, as in Europe/London."),
        )
    return Formats(decimal, thousands, tuple(dates), currency, zone or "")


def _date_example(date_format: str) -> str:

    return datetime(2026, 1, 31, 14, 5).strftime(date_format)  # noqa: DTZ001 an example to show


def _show_understood(preview: FilePreview, fields: Mapping[str, str], formats: Formats, dataset: str) -> None:
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


def _show_start(
    user: SignedInUser,
    file: ReceivedFile,
    fields: Mapping[str, str],
    formats: Formats,
    guess: MappingGuess,
    dataset: str,
) -> UUID | None:
    form = f"start_{file.id}"
    key = form_key(form)
    with st.form(form):
        name = st.text_input(
            _("Name of the source"),
            value=guess.known.name if guess.known else "",
            placeholder=_("who sends files like this"),
            help=_("Files of one source share this layout, and are compared with one another."),
        )
        creates_missing = user.scope.sees_everything and st.toggle(
            _("Create companies, regions and products that are not known yet"),
            help=_("Without it, rows that name something unknown are put aside."),
        )
        is_started = st.form_submit_button(_("Start"), type="primary", icon=":material/play_arrow:")
    if not is_started:
        return None
    mapping = _mapping(name or "", fields, formats, guess.known, dataset)
    import_id = start_import(
        current_database(),
        user.scope,
        file_id=file.id,
        mapping=mapping,
        datasets=registered_datasets(),
        creates_missing=creates_missing,
        request_key=key,
    )
    form_done(form)
    return import_id
