"""What the page of programmes shows: rules in plain words, differences between versions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import streamlit as st

from loyalty_core import settlement
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.intake import accepted_since
from loyalty_core.kernel import Money, Scope, _, current_database, ngettext, to_minor
from loyalty_core.programmes import (
    Programme,
    ProgrammeDocument,
    ProgrammeVersion,
    Rule,
    differences,
)
from loyalty_core.settlement import RequestState, Settlement
from ui import wording
from ui.elements import badge, card, facts, form_done, form_key, refusals_shown, short_table
from ui.keys import page_key

SAMPLE_DOCUMENT = """\
code: spring-points
name: Spring points
starts: 2026-03-01
ends: 2026-08-31            # inclusive
currency: EUR
collects: company
rules:
  - id: base
    per: line
    award: {points: 1, per_amount: 10.00}
"""


def rule_in_words(rule: Rule, currency: str) -> str:
    """Return what the rule gives, as a sentence."""
    return ngettext(
        "{points} point for every whole {amount} of a sales line; a return takes them back alike.",
        "{points} points for every whole {amount} of a sales line; a return takes them back alike.",
        rule.award.points,
    ).format(
        points=wording.number(rule.award.points),
        amount=wording.money(Money(to_minor(rule.award.per_amount, currency), currency)),
    )


def programme_label(programme: Programme, among: Iterable[Programme]) -> str:
    """Return the name, with the code behind it where another programme has the same name."""
    alike = sum(one.name == programme.name for one in among)
    return programme.name if alike <= 1 else f"{programme.name} ({programme.code})"


def period_in_words(programme: Programme) -> str:
    """Return the first and last day of the programme."""
    return f"{wording.day(programme.starts_on)} – {wording.day(programme.ends_on)}"


def show_document(document: ProgrammeDocument, version: ProgrammeVersion) -> None:
    """Draw the rules in words, the terms, and the document as it was applied."""
    with st.container(border=True):
        st.header(_("How points are earned"), anchor=False)
        for rule in document.rules:
            st.markdown(
                f"**{wording.plain(rule.id)}** — {wording.plain(rule_in_words(rule, document.currency))}"
            )
    facts(
        [
            (_("Code"), wording.plain(document.code)),
            (_("First day"), wording.day(document.starts)),
            (_("Last day"), wording.day(document.ends)),
            (_("Time zone"), wording.plain(document.time_zone or _("that of each file"))),
            (_("Currency"), document.currency),
            (_("Who collects"), _("each company, for itself")),
        ]
    )
    with st.expander(_("The document as it was applied"), icon=":material/description:"):
        st.code(version.document, language="yaml", wrap_lines=True)


def show_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Draw what differs between two canonical bodies, or say that nothing does."""
    found = differences(old, new)
    if not found:
        st.info(_("Both say the same: only remarks or the layout differ."), icon=":material/drag_handle:")
        return
    short_table(
        [
            {
                _("What"): wording.plain(one.path),
                _("Before"): "—" if one.old is None else wording.plain(one.old),
                _("After"): "—" if one.new is None else wording.plain(one.new),
            }
            for one in found
        ],
        alt=_("What differs between the two versions"),
    )


def settlement_sentence(run: Settlement, scope: Scope) -> str:
    """Return what a settlement did, in one sentence; its totals only to who sees all that they count."""
    if not scope.sees_everything:
        return _("Points were posted.") if run.awards else _("Every point was posted already.")
    if not run.awards:
        return _("{lines} lines were looked at; every point was posted already.").format(
            lines=wording.number(run.lines)
        )
    return _("{lines} lines gave {points} points in {awards} awards.").format(
        lines=wording.number(run.lines),
        points=wording.plain(wording.signed(run.points) or "0"),
        awards=wording.number(run.awards),
    )


def show_settlement(user: SignedInUser, programme: Programme) -> None:
    """Draw when the programme was settled last, what waits, and the button that settles it."""
    with current_database().snapshot(user.scope) as connection:
        runs = settlement.settlements(connection, programme.id, limit=5)
        request = settlement.latest_request(connection, programme.id)
        waiting = accepted_since(connection, runs[0].started_at if runs else None)
    is_under_way = request is not None and request.state in (RequestState.QUEUED, RequestState.RUNNING)
    with card(_("Settling")):
        if not runs:
            st.markdown(_("This programme was never settled: nobody has points yet."))
        else:
            last = runs[0]
            st.markdown(
                _("Settled {ago} by {who}. {what}").format(
                    ago=wording.ago(last.finished_at),
                    who=wording.plain(last.settled_by_name),
                    what=settlement_sentence(last, user.scope),
                )
            )
            if last.version != programme.current_version:
                badge(
                    _("version {number} waits to be settled").format(number=programme.current_version),
                    "orange",
                    "schedule",
                )
        if waiting is not None:
            badge(
                _("{lines} lines came in since").format(lines=wording.number(waiting.lines)),
                "orange",
                "schedule",
            )
        if is_under_way and request is not None:
            _watch_settlement(user, request.id)
        elif Permission.SETTLE_PROGRAMMES in user.permissions:
            if request is not None and request.refusal:
                st.error(wording.plain_lines(request.refusal), icon=":material/block:")
            key = form_key(f"settle_{programme.code}")
            if st.button(_("Settle now"), type="primary", icon=":material/calculate:"):
                with refusals_shown():
                    settlement.request_settlement(
                        current_database(), user.scope, programme.code, request_key=key
                    )
                    form_done(f"settle_{programme.code}")
                    st.rerun()
            st.caption(
                _(
                    "Settling again is safe: it posts only what is not there yet, and corrections as differences."
                )
            )
        if len(runs) > 1:
            with st.expander(_("Earlier settlements"), icon=":material/history:"):
                short_table(
                    [
                        {
                            _("When"): wording.moment(run.finished_at),
                            _("Version"): str(run.version),
                            _("What"): settlement_sentence(run, user.scope),
                            _("By"): wording.plain(run.settled_by_name),
                        }
                        for run in runs
                    ],
                    alt=_("Settlements, the newest first"),
                )


@st.fragment(run_every=1.0)
def _watch_settlement(user: SignedInUser, request_id: UUID) -> None:
    with current_database().snapshot(user.scope) as connection:
        request = settlement.request_by_id(connection, request_id)
    if request.state not in (RequestState.QUEUED, RequestState.RUNNING):
        st.rerun(scope="app")
    if request.state is RequestState.QUEUED:
        st.progress(0.0, text=_("In line. You may leave this page: it goes on."))
        return
    total = request.lines_total or 0
    told = (
        _("{scored} of {total} lines scored") if user.scope.sees_everything else _("Lines are being scored")
    )
    st.progress(
        min(1.0, request.lines_scored / total) if total else 0.0,
        text=told.format(scored=wording.number(request.lines_scored), total=wording.number(total)),
    )


def version_title(version: ProgrammeVersion) -> str:
    """Return the version with its day, for a list to choose from."""
    return _("Version {number} · {day}").format(
        number=version.version, day=wording.day(version.applied_at.astimezone(wording.reader_time_zone()))
    )


def show_versions(versions: Sequence[ProgrammeVersion]) -> None:
    """Draw the history, newest first, and what differs between two versions of the reader's choice."""
    short_table(
        [
            {
                _("Version"): str(one.version),
                _("Applied"): wording.moment(one.applied_at),
                _("By"): wording.plain(one.applied_by_name),
            }
            for one in versions
        ],
        alt=_("Versions, the newest first"),
    )
    if len(versions) == 1:
        st.caption(_("There is one version so far. Apply a changed document to get a second one."))
        return
    by_number = {one.version: one for one in versions}
    numbers = list(by_number)
    left, right = st.columns(2)
    with left:
        old = st.selectbox(
            _("From"),
            numbers,
            index=1,
            format_func=lambda number: version_title(by_number[number]),
            key=page_key("from_version"),
        )
    with right:
        new = st.selectbox(
            _("To"),
            numbers,
            index=0,
            format_func=lambda number: version_title(by_number[number]),
            key=page_key("to_version"),
        )
    show_differences(by_number[old].body, by_number[new].body)
