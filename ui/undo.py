"""Undoing an import, on its page: what it would touch, why it is done, and afterwards who did it."""

from collections.abc import Mapping

import streamlit as st

from loyalty_core import corrections
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.corrections import (
    LEFT,
    TOUCHING,
    AccountInDebt,
    OrderOnPoints,
    Outcome,
    RecordsToUndo,
    RecordUndo,
    UndoPreview,
)
from loyalty_core.intake import FileImport, ImportState
from loyalty_core.kernel import Money, Refusal, _, current_database, ngettext
from loyalty_core.rewards import OrderState
from ui import wording
from ui.elements import form_done, form_key, queue_bar, say_after_rerun, table
from ui.import_changes import field_title
from ui.keys import page_key
from ui.undo_words import in_words


def show_undo(user: SignedInUser, found: FileImport) -> None:
    """Offer to undo an accepted import to those who may; of an undone one say who did it, when and why."""
    if found.state is ImportState.UNDONE:
        _show_undone(user, found)
        return
    if (
        found.state is not ImportState.ACCEPTED
        or found.dataset not in corrections.CAN_BE_UNDONE
        or Permission.UNDO_IMPORTS not in user.permissions
    ):
        return
    words = (
        _("Was this the wrong file? What it brought can be taken back where nothing stands on it yet.")
        if found.dataset in corrections.RECORDS
        else _("Was this the wrong file? All that it brought can be taken back.")
    )
    with queue_bar(words):
        if st.button(_("Undo this import"), icon=":material/undo:", key=page_key(f"undo_{found.id}")):
            undo_dialog(user, found)


def _amounts(net_minor: Mapping[str, int]) -> str:
    return wording.plain(
        ", ".join(wording.money(Money(minor, code)) for code, minor in sorted(net_minor.items()))
    )


def _show_undone(user: SignedInUser, found: FileImport) -> None:
    with current_database().snapshot(user.scope) as connection:
        undone = corrections.undone_import(connection, found.id)
    if undone is None:
        return
    st.info(
        _("{who} undid this import on {when}: {reason}").format(
            who=wording.plain(undone.undone_by_name),
            when=wording.plain(wording.moment(undone.undone_at)),
            reason=wording.plain(undone.reason),
        ),
        icon=":material/undo:",
    )
    if found.dataset in corrections.RECORDS:
        _show_outcomes(undone.outcomes, TOUCHING, is_done=True)
        _show_outcomes(undone.outcomes, LEFT, is_done=True)
        return
    said = _touched(undone.lines, undone.lines_kept, undone.claims_reopened, undone.claims_withdrawn)
    if undone.net_minor:
        said.append(_("Sales went down by {amounts}.").format(amounts=_amounts(undone.net_minor)))
    st.markdown("\n".join(f"- {one}" for one in said))


def _touched(lines: int, kept: int, reopened: int, withdrawn: int) -> list[str]:
    """Say what an undo touches, each in one sentence."""
    said = []
    if lines or not withdrawn:
        said.append(
            ngettext(
                "{count} sales line is taken back by a line against it.",
                "{count} sales lines are taken back, each by a line against it.",
                lines,
            ).format(count=wording.number(lines))
        )
    if kept:
        said.append(
            ngettext(
                "{count} of them stays, because another file brought it too.",
                "{count} of them stay, because another file brought them too.",
                kept,
            ).format(count=wording.number(kept))
        )
    if reopened:
        said.append(
            ngettext(
                "{count} approved claim on these lines waits for a decision again.",
                "{count} approved claims on these lines wait for a decision again.",
                reopened,
            ).format(count=wording.number(reopened))
        )
    if withdrawn:
        said.append(
            ngettext(
                "{count} claim of this file is withdrawn.",
                "{count} claims of this file are withdrawn.",
                withdrawn,
            ).format(count=wording.number(withdrawn))
        )
    return said


def _show_preview(preview: UndoPreview) -> None:
    if preview.records is not None:
        _show_records(preview.records)
        return
    said = _touched(preview.lines, preview.lines_kept, preview.claims_reopened, preview.claims_withdrawn)
    if preview.net_minor:
        said.append(
            ngettext(
                "Sales of {count} company go down by {amounts}.",
                "Sales of {count} companies go down by {amounts}.",
                preview.companies,
            ).format(count=wording.number(preview.companies), amounts=_amounts(preview.net_minor))
        )
    for one in preview.points:
        said.append(
            ngettext(
                "{programme}: {points} point goes.", "{programme}: {points} points go.", one.points
            ).format(programme=wording.plain(one.name), points=wording.number(one.points))
        )
    if not preview.points:
        said.append(_("No points lean on it."))
    st.markdown("\n".join(f"- {one}" for one in said))
    if preview.accounts_in_debt:
        st.warning(
            ngettext(
                "{count} account will be below zero: its points are spent. The next points pay that first.",
                "{count} accounts will be below zero: their points are spent. The next points pay that first.",
                preview.accounts_in_debt,
            ).format(count=wording.number(preview.accounts_in_debt)),
            icon=":material/warning:",
        )
        table(_debt_table(preview.in_debt), alt=_("Accounts that will be below zero, the deepest first"))
    if preview.orders_on_points:
        st.caption(
            ngettext(
                "{count} order was paid with these points. It stays as it is.",
                "{count} orders were paid with these points. They stay as they are.",
                preview.orders_on_points,
            ).format(count=wording.number(preview.orders_on_points))
        )
        table(_orders_table(preview.orders), alt=_("Orders paid with these points, the largest first"))


def _show_outcomes(counts: Mapping[str, int], of: frozenset[Outcome], *, is_done: bool) -> None:
    said = [
        "- " + in_words(one, counts[one.value], f"**{wording.number(counts[one.value])}**")
        for one in Outcome
        if one in of and counts.get(one.value)
    ]
    if not said:
        return
    if of == LEFT:
        title = _("What stayed:") if is_done else _("What stays:")
    else:
        title = _("What was undone:") if is_done else _("What will be undone:")
    st.markdown("\n".join([title, "", *said]))


def _show_records(records: RecordsToUndo) -> None:
    _show_outcomes(records.counts, TOUCHING, is_done=False)
    table(_records_table(records.touched), alt=_("The first additions and changes that will be undone"))
    if not records.left_count:
        return
    _show_outcomes(records.counts, LEFT, is_done=False)
    table(_left_table(records.left), alt=_("The first additions and changes that stay"))
    later = sorted({one.later_import for one in records.left if one.later_import is not None})
    if later:
        st.caption(
            _("To put back more, undo what came later first: import {numbers}.").format(
                numbers=", ".join(map(str, reversed(later)))
            )
        )


def _records_table(undos: tuple[RecordUndo, ...]) -> dict[str, list[str]]:
    return {
        _("What"): [one.record for one in undos],
        _("Field"): [field_title(one.field) if one.field else _("new") for one in undos],
        _("Now"): [one.after or "–" for one in undos],
        _("Afterwards"): [
            (one.before or "–") if one.field or one.outcome is Outcome.ASKED_BACK else "–" for one in undos
        ],
    }


def _left_table(undos: tuple[RecordUndo, ...]) -> dict[str, list[str]]:
    return {
        _("What"): [one.record for one in undos],
        _("Field"): [field_title(one.field) if one.field else _("new") for one in undos],
        _("Why it stays"): [_why_left(one) for one in undos],
    }


def _why_left(one: RecordUndo) -> str:
    if one.outcome is Outcome.LEANED_ON:
        titles = {
            "sales": _("sales lines"),
            "claims": _("claims"),
            "outlets": _("outlets"),
            "participants": _("participants"),
            "points": _("points"),
            "documents": _("photos of claims"),
            "grants": _("users' rights"),
            "prices": _("prices"),
            "buyers": _("companies that buy through it"),
        }
        return _("used by {what}").format(what=", ".join(titles[name] for name in one.leaning))
    if one.outcome is Outcome.CHANGED_SINCE:
        if one.later_import is None:
            return _("changed since by somebody")
        return _("changed by import {number}").format(number=one.later_import)
    return {
        Outcome.DECIDED_SINCE: _("decided about since"),
        Outcome.PERSONAL: _("not kept what it was"),
        Outcome.UNUSABLE: _("what stood there no longer fits"),
        Outcome.OVERLAPS: _("another price holds then"),
        Outcome.USED: _("used beyond that"),
        Outcome.CHANGE_WAITS: _("another change waits"),
        Outcome.NOT_FOUND: _("not there any longer"),
    }[one.outcome]


def _debt_table(accounts: tuple[AccountInDebt, ...]) -> dict[str, list[str]]:
    return {
        _("Who"): [f"{one.owner_name} ({one.owner_code})" for one in accounts],
        _("Programme"): [one.programme_name for one in accounts],
        _("Balance now"): [wording.number(one.balance) for one in accounts],
        _("Afterwards"): [wording.number(one.after) for one in accounts],
    }


def _orders_table(orders: tuple[OrderOnPoints, ...]) -> dict[str, list[str]]:
    return {
        _("Order"): [f"R-{one.number}" for one in orders],
        _("Reward"): [one.reward_name for one in orders],
        _("Who"): [one.owner_name for one in orders],
        _("Points"): [wording.number(one.points) for one in orders],
        _("State"): [
            _("approved") if one.state == OrderState.APPROVED else _("waits for a decision") for one in orders
        ],
    }


@st.dialog(_("Undo this import"), width="medium")
def undo_dialog(user: SignedInUser, found: FileImport) -> None:
    """Show what the undo touches, take a reason, and undo the import as it was shown."""
    database, form = current_database(), f"undo_{found.id}"
    try:
        with database.snapshot(user.scope) as connection:
            preview = corrections.preview_undo(connection, user.scope, found.id)
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    _show_preview(preview)
    # What was shown when the form was drawn is what may be undone; a later look shows in the next form.
    shown = st.session_state.setdefault(f"shown_{form}", preview.payload_hash)
    with st.form(form, border=False):
        reason = st.text_area(
            _("Why is it undone?"),
            max_chars=corrections.LONGEST_REASON,
            height=90,
            help=_("Kept with the import and in the audit, for whoever asks later."),
        )
        if not st.form_submit_button(_("Undo the import"), type="primary", icon=":material/undo:"):
            st.session_state[f"shown_{form}"] = preview.payload_hash
            return
    try:
        report = corrections.undo_import(
            database,
            user.scope,
            found.id,
            reason=reason or "",
            payload_hash=shown,
            request_key=form_key(form),
            settles=False,
        )
    except Refusal as refusal:
        st.session_state[f"shown_{form}"] = preview.payload_hash
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    form_done(form)
    st.session_state.pop(f"shown_{form}", None)
    say_after_rerun(
        (
            _("Import {number} is undone.")
            if found.dataset in corrections.RECORDS
            else _("Import {number} is undone. Its points are taken back within a minute.")
        ).format(number=report.number)
    )
    st.rerun()
