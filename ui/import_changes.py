"""What an import would change, or changed: each record's fields before and after."""

from collections.abc import Sequence

import streamlit as st

from loyalty_core.access import SignedInUser
from loyalty_core.intake import (
    NEW_RECORDS,
    FileImport,
    ImportChange,
    ImportMode,
    ImportState,
    count_changes,
    find_changes,
    sum_up_changes,
)
from loyalty_core.kernel import _, current_database, ngettext
from ui import list_export, wording
from ui.elements import ROWS_A_PAGE, card, paged, table
from ui.keys import page_key

_WOULD = frozenset({ImportState.WAITING, ImportState.CHECKED, ImportState.QUEUED, ImportState.DECLINED})


def field_title(name: str) -> str:
    """Return what a field of a record holds."""
    return {
        "name": _("Name"),
        "brand": _("Brand"),
        "product_group": _("Product group"),
        "region_code": _("Region"),
        "kind": _("Kind"),
        "distributor_code": _("Distributor"),
        "salesperson": _("Salesperson"),
        "company_code": _("Company"),
        "display_name": _("Name"),
        "group": _("Group"),
        "is_owner": _("Owner"),
        "phone": _("Phone"),
        "email": _("E-mail"),
        "unit_price": _("Unit price"),
        "currency": _("Currency"),
        "valid_from": _("Valid from"),
        "valid_to": _("Valid to"),
        "amount": _("Amount"),
    }.get(name, name.replace("_", " ").capitalize())


def changes_table(changes: Sequence[ImportChange]) -> dict[str, list[str]]:
    """Return changes as columns: where each comes from, what it changes, before and after."""
    columns = {
        _("Row"): [str(one.row_no) for one in changes],
        _("What"): [one.record for one in changes],
        _("Field"): [field_title(one.field) if one.field else _("new") for one in changes],
        _("Before"): [(one.before or "–") if one.field else "" for one in changes],
        _("After"): [one.after or "–" for one in changes],
    }
    if any(one.sheet for one in changes):
        columns[_("Sheet")] = [one.sheet for one in changes]
    return columns


def show_changes(user: SignedInUser, found: FileImport) -> None:
    """Draw what an import that may change things would change, or changed; nothing for one that only adds."""
    if found.mode is ImportMode.ADD:
        return
    with current_database().snapshot(user.scope) as connection:
        summary = sum_up_changes(connection, found.id)
    changes = sum(summary.by_field.values())
    if not changes and not summary.additions:
        return
    would = found.state in _WOULD
    with card(_("What it would change") if would else _("What it changed")):
        sentences = [
            ngettext(
                "**{count}** row changes what is there",
                "**{count}** rows change what is there",
                summary.changing_rows,
            ).format(count=wording.number(summary.changing_rows)),
            ngettext("**{count}** is new", "**{count}** are new", summary.additions).format(
                count=wording.number(summary.additions)
            ),
        ]
        st.markdown(", ".join(sentences) + ".")
        counts = {**summary.by_field, **({NEW_RECORDS: summary.additions} if summary.additions else {})}
        field_at, words_at = st.columns([1, 2], vertical_alignment="bottom")
        field = field_at.selectbox(
            _("Field"),
            ["", *counts],
            format_func=lambda name: (
                _("Every field")
                if not name
                else f"{_('New') if name == NEW_RECORDS else field_title(name)} · {wording.number(counts[name])}"
            ),
            key=page_key("changed_field"),
            bind="query-params",
        )
        words = words_at.text_input(
            _("Find"),
            key=page_key("changed"),
            bind="query-params",
            placeholder=_("code or name"),
            type="search",
        )
        with current_database().snapshot(user.scope) as connection:
            total = count_changes(connection, found.id, field=field or "", words=words or "")
            if not total:
                st.caption(_("No change matches. Take a filter away to see more."))
                return
            rows_at, offset = paged(total, key=page_key("changes_page"))
            shown = find_changes(
                connection,
                found.id,
                field=field or "",
                words=words or "",
                limit=ROWS_A_PAGE,
                offset=offset,
            )
        with rows_at:
            table(changes_table(shown), alt=_("Changes of this import, before and after"))
        list_export.offer(
            user,
            f"changes-import-{found.number}",
            total,
            [
                (_("Sheet"), lambda one: one.sheet),
                (_("Row"), lambda one: one.row_no),
                (_("What"), lambda one: one.record),
                (_("Field"), lambda one: field_title(one.field) if one.field else _("new")),
                (_("Before"), lambda one: one.before),
                (_("After"), lambda one: one.after),
            ],
            list_export.from_database(
                user,
                lambda connection, limit, offset: find_changes(
                    connection, found.id, field=field or "", words=words or "", limit=limit, offset=offset
                ),
            ),
        )
