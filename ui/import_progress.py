"""How far an import is: its phase, how fast it goes, what is left, and the way to stop it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import streamlit as st

from loyalty_core.access import Permission, SignedInUser
from loyalty_core.corrections import CAN_BE_UNDONE
from loyalty_core.intake import (
    FileImport,
    ImportState,
    Phase,
    cancel_import,
    import_by_id,
    usual_seconds_a_row,
)
from loyalty_core.kernel import Refusal, _, current_database, ngettext, now
from ui import wording
from ui.keys import page_key

PHASES = tuple(Phase)
_EARLIER_IMPORTS = 10
_WRITING = frozenset({Phase.INSERT, Phase.COMMIT})


@dataclass(frozen=True, slots=True)
class Pace:
    """How an import goes: rows a second in its phase, the part of its phase that is done, seconds to its end.

    Each is None while it can't be told. `is_of_phase` says that the seconds are those of the phase alone.
    """

    rows_a_second: float | None
    share: float | None
    seconds_left: float | None
    is_of_phase: bool = False


def pace_of(found: FileImport, seconds_a_row: float | None, moment: datetime) -> Pace:
    """Tell from an import's row how it goes at the moment; all of it stands in the row, so a reload tells the same.

    `seconds_a_row` is what a row of such a file takes as a rule, from its beginning to its end.
    """
    rate = share = of_phase = None
    if found.phase_started_at is not None and found.phase_rows:
        seconds = (moment - found.phase_started_at).total_seconds()
        rate = found.phase_rows / seconds if seconds > 0 else None
    if found.phase is Phase.PARSE and found.rows_expected and found.phase_rows:
        share = min(found.phase_rows / found.rows_expected, 1.0)
        if rate:
            of_phase = max(found.rows_expected - found.phase_rows, 0) / rate
    whole = None
    if seconds_a_row is not None and found.rows_expected and found.started_at is not None:
        whole = seconds_a_row * found.rows_expected - (moment - found.started_at).total_seconds()
    if whole is not None and whole > 0:
        return Pace(rate, share, max(whole, of_phase or 0.0))
    return Pace(rate, share, of_phase, is_of_phase=of_phase is not None)


def phase_title(phase: Phase) -> str:
    """Return what a running import is doing."""
    return {
        Phase.PARSE: _("Reading the file"),
        Phase.COPY: _("Laying out the rows"),
        Phase.RULES: _("Checking every row"),
        Phase.CHECKS: _("Judging the file as a whole"),
        Phase.INSERT: _("Writing what is accepted"),
        Phase.COMMIT: _("Finishing"),
    }[phase]


def seconds_in_words(seconds: float) -> str:
    """Return a length of time in one unit, never less than a second: “12 seconds”, “3 minutes”."""
    if seconds < 90:
        count = max(1, round(seconds))
        return ngettext("{count} second", "{count} seconds", count).format(count=count)
    minutes = round(seconds / 60)
    return ngettext("{count} minute", "{count} minutes", minutes).format(count=wording.number(minutes))


def progress_text(found: FileImport, pace: Pace) -> str:
    """Return the line above the bar."""
    assert found.phase is not None
    parts = [phase_title(found.phase)]
    if found.phase_rows and found.rows_expected and found.phase_rows < found.rows_expected:
        parts.append(
            _("{rows} of about {expected} rows").format(
                rows=wording.number(found.phase_rows), expected=wording.number(found.rows_expected)
            )
        )
    elif found.phase_rows or found.rows_expected:
        parts.append(
            _("{rows} rows").format(rows=wording.number(found.phase_rows or found.rows_expected or 0))
        )
    if pace.rows_a_second:
        parts.append(_("{rate} rows a second").format(rate=wording.number(round(pace.rows_a_second))))
    if pace.seconds_left is not None:
        left = seconds_in_words(pace.seconds_left)
        parts.append(
            (_("about {time} left to read") if pace.is_of_phase else _("about {time} left")).format(time=left)
        )
    return " · ".join(parts)


def show_progress(found: FileImport, seconds_a_row: float | None) -> None:
    """Draw how far a queued or running import is."""
    if found.phase is None:
        st.progress(0.0, text=_("In line since {moment}").format(moment=wording.moment(found.requested_at)))
        return
    pace = pace_of(found, seconds_a_row, now())
    step = PHASES.index(found.phase) + (0.5 if pace.share is None else pace.share)
    st.progress(min(step / len(PHASES), 1.0), text=progress_text(found, pace))


def may_cancel(user: SignedInUser, found: FileImport) -> bool:
    """Whether the user may cancel the import: their own, or any for whoever decides about imports."""
    return user.may(Permission.UPLOAD_FILES) and (
        found.requested_by == user.scope.user_id or user.may(Permission.DECIDE_IMPORTS)
    )


@st.fragment(run_every=1.0)
def watch(user: SignedInUser, import_id: UUID) -> None:
    """Draw an unfinished import again and again, and the whole page once it has ended."""
    with current_database().snapshot(user.scope) as connection:
        found = import_by_id(connection, import_id)
        usual = usual_seconds_a_row(connection, found.dataset, _EARLIER_IMPORTS)
    if found.state not in (ImportState.QUEUED, ImportState.RUNNING):
        st.rerun(scope="app")
    show_progress(found, usual)
    if found.cancel_asked_at is not None:
        st.caption(
            _("{who} asked to cancel it. It stops as soon as it comes to an end of what it is doing.").format(
                who=wording.plain(found.cancel_asked_by_name or "")
            )
        )
        return
    if not may_cancel(user, found):
        return
    if found.phase in _WRITING:
        st.caption(
            _(
                "Its rows are being written, so it can't be cancelled any more. Once it is done, it can be undone."
            )
            if found.dataset in CAN_BE_UNDONE
            else _("Its rows are being written, so it can't be cancelled any more.")
        )
        return
    # What was refused stays to be read: the next run of the fragment comes within a second.
    refused = f"cancel_refused_{import_id}"
    if st.button(_("Cancel the import"), icon=":material/cancel:", key=page_key(f"cancel_{import_id}")):
        try:
            cancel_import(current_database(), user.scope, import_id)
        except Refusal as refusal:
            st.session_state[refused] = refusal.sentence
        else:
            st.session_state.pop(refused, None)
            st.rerun(scope="fragment")
    if refused in st.session_state:
        st.error(wording.plain_lines(st.session_state[refused]), icon=":material/block:")
