"""What the page of mappings shows: each source's layout, its versions, and what changed between them."""

from collections.abc import Mapping, Sequence

import streamlit as st

from loyalty_core.access import SignedInUser
from loyalty_core.intake import (
    ColumnMapping,
    SavedMapping,
    encoding_name,
    header_key,
    mapping_versions,
    registered_datasets,
    retire_mapping,
)
from loyalty_core.kernel import _, current_database
from ui import wording
from ui.elements import badge, card, facts, refusals_shown, say_after_rerun, table
from ui.imports import column_title, dataset_title
from ui.keys import page_key
from ui.uploads import date_example, decimal_example, thousands_example


def mappings_table(saved: Sequence[SavedMapping]) -> dict[str, list[str]]:
    """Return saved mappings as columns for a list to choose from."""
    return {
        _("Source"): [one.name for one in saved],
        _("Files of"): [dataset_title(one.dataset) for one in saved],
        _("Columns"): [wording.number(len(one.body.columns)) for one in saved],
        _("Version"): [wording.number(one.version) for one in saved],
        _("State"): [_("retired") if one.is_retired else _("in use") for one in saved],
        _("Last changed"): [wording.moment(one.saved_at) for one in saved],
        _("By"): [one.saved_by_name for one in saved],
    }


def show_mapping(user: SignedInUser, saved: SavedMapping) -> None:
    """Draw one mapping: what it takes each column for, how cells are written, every version, and retiring it."""
    with current_database().snapshot(user.scope) as connection:
        versions = mapping_versions(connection, saved.dataset, saved.name)
    with card(wording.plain(saved.name)):
        with st.container(horizontal=True, vertical_alignment="center"):
            if saved.is_retired:
                badge(_("retired"), "gray", "do_not_disturb_on")
            else:
                badge(_("in use"), "green", "check")
            st.caption(
                _("files of {dataset}, version {version}").format(
                    dataset=dataset_title(saved.dataset), version=wording.number(saved.version)
                ),
                width="content",
            )
        table(_columns_table(saved), alt=_("What each column of the file is taken for"))
        facts(_writing(saved.body))
    with card(_("How it came to be")):
        table(_versions_table(versions), alt=_("Versions, the last one first"), numbers=[_("Version")])
    if not saved.is_retired:
        _show_retiring(user, saved)


def _columns_table(saved: SavedMapping) -> dict[str, list[str]]:
    column_of = {header_key(header): column for column, header in saved.body.columns.items()}
    required = {one.name for one in registered_datasets()[saved.dataset].columns.columns if one.required}
    headers = [one for one in saved.header if one]
    # A header that files may lack need not have stood in the one that was kept.
    kept = {header_key(one) for one in headers}
    headers += [one for one in saved.body.columns.values() if header_key(one) not in kept]
    columns = [column_of.get(header_key(one)) for one in headers]
    return {
        _("Column of the file"): headers,
        _("Taken for"): [column_title(one) if one else _("not used") for one in columns],
        _("Needed"): [_need(one, required, saved.body) for one in columns],
    }


def _need(column: str | None, required: set[str], body: ColumnMapping) -> str:
    if column is None:
        return ""
    if column in body.optional:
        return _("files may lack it")
    return _("yes") if column in required else _("no")


def _writing(body: ColumnMapping) -> list[tuple[str, str]]:
    said = [
        (_("Decimal sign"), wording.plain(decimal_example(body.decimal_separator))),
        (_("Thousands sign"), wording.plain(thousands_example(body.thousands_separator))),
        (_("Dates"), wording.plain(", ".join(map(date_example, body.date_formats)))),
        (_("Currency"), wording.plain(body.currency or _("as the file says"))),
        (_("Time zone"), wording.plain(body.time_zone)),
    ]
    return [*said, (_("Encoding"), wording.plain(encoding_name(body.encoding)))] if body.encoding else said


def _versions_table(versions: Sequence[SavedMapping]) -> dict[str, list[str]]:
    earlier: list[SavedMapping | None] = [*versions[1:], None]
    return {
        _("Version"): [wording.number(one.version) for one in versions],
        _("What changed"): [
            _what_changed(one, before) for one, before in zip(versions, earlier, strict=True)
        ],
        _("When"): [wording.moment(one.saved_at) for one in versions],
        _("By"): [one.saved_by_name for one in versions],
    }


def _what_changed(one: SavedMapping, before: SavedMapping | None) -> str:
    if one.is_retired:
        return _("taken out of use")
    if before is None:
        return _("kept for the first time")
    said = _columns_changed(one.body.columns, before.body.columns)
    if before.is_retired:
        said.insert(0, _("in use again"))
    ways = {"columns", "name", "dataset"}
    if one.body.model_dump(exclude=ways) != before.body.model_dump(exclude=ways):
        said.append(_("how cells are written"))
    if one.header != before.header:
        said.append(_("the file's own columns"))
    return "; ".join(said) or _("nothing")


def _columns_changed(now: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    said = []
    for column in dict.fromkeys([*now, *before]):
        if now.get(column) == before.get(column):
            continue
        title = column_title(column)
        if column not in before:
            said.append(_("{column} from “{new}”").format(column=title, new=now[column]))
        elif column not in now:
            said.append(_("{column} no more").format(column=title))
        else:
            said.append(
                _("{column} from “{new}” instead of “{old}”").format(
                    column=title, new=now[column], old=before[column]
                )
            )
    return said


def _show_retiring(user: SignedInUser, saved: SavedMapping) -> None:
    with st.popover(_("Take it out of use"), icon=":material/do_not_disturb_on:"):
        st.markdown(
            _(
                "No file will be read this way any more. Imports that were stay as they are; keep it again at any time."
            )
        )
        if st.button(_("Retire this mapping"), type="primary", key=page_key(f"retire_{saved.id}")):
            with refusals_shown():
                retire_mapping(current_database(), user.scope, saved.dataset, saved.name)
                say_after_rerun(_("“{source}” is out of use.").format(source=wording.plain(saved.name)))
                st.rerun()
