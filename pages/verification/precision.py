"""Precision: how often people agreed with the automatic verdicts, and where the rule was wrong."""

from dataclasses import replace
from datetime import UTC

import streamlit as st

from loyalty_core import programmes
from loyalty_core.access import Permission
from loyalty_core.kernel import _, current_database, now
from ui import claims, elements, explored, registry, spans, wording
from ui import precision as blocks
from ui import programmes as programme_blocks
from ui.identity import require
from ui.keys import page_key
from ui.precision import Outcome

user = require(Permission.SEE_CLAIMS)
zone = wording.reader_time_zone()

with current_database().snapshot(user.scope) as connection:
    known = programmes.list_programmes(connection, user.scope)
elements.page_header(
    _("Check accuracy"), _("What the rules said of claims, against what people decided later.")
)
explored.stop_until_ready()
programme_at, span_at, verdict_at, month_at = st.columns(4, vertical_alignment="bottom")
programme = elements.choose_travelling(
    _("Programme"),
    [None, *known],
    format_func=lambda one: (
        programme_blocks.programme_label(one, known) if one is not None else _("All programmes")
    ),
    name="programme",
    at=programme_at,
)
titles = blocks.stretch_titles()
span = span_at.selectbox(
    _("Days of verdicts"),
    list(titles),
    format_func=titles.__getitem__,
    key=page_key("span"),
    bind="query-params",
)
since, until = blocks.stretches(now().astimezone(zone).date())[span]
asked = blocks.Asked(
    programme.id if programme is not None else None,
    since,
    until,
    "UTC" if zone is UTC else str(zone),
)
rows = blocks.read_rows(user.scope, asked)
if not rows:
    if programme is None and span == "ever":
        elements.empty_state(
            "fact_check",
            _("No claim was judged yet"),
            _("Upload a file of claims: each gets a verdict, and what people decide of it shows here."),
            lambda: registry.link(user, "uploads", _("Upload claims file"), icon="upload_file"),
        )
    else:
        elements.empty_state(
            "search_off",
            _("No verdict in these days"),
            _("Look at more days or at all programmes, or upload a file of claims first."),
            lambda: registry.link(user, "uploads", _("Upload claims file"), icon="upload_file"),
        )
    st.stop()
with verdict_at:
    verdict = blocks.choose_verdict(rows)
with month_at:
    month = blocks.choose_month(rows)
whole = blocks.counted(rows)
blocks.show_figures(whole)
with elements.card(_("By verdict")):
    blocks.show_verdicts(rows)
    st.caption(blocks.meaning_of_right(verdict))
shown = rows if verdict is None else [row for row in rows if row["verdict"] == verdict]
what = claims.verdict_title(verdict) if verdict is not None else _("every verdict")
with elements.card(_("Month by month · {verdict}").format(verdict=what)):
    blocks.show_months(shown)
if month is not None:
    shown = [row for row in shown if row["month"] == month]
    asked_of = replace(asked, since=max(since, month), until=min(until, spans.last_of_month(month)))
else:
    asked_of = asked
heading = what if month is None else f"{what} · {wording.month(month)}"
with elements.card(_("Claims · {what}").format(what=heading)):
    outcome = blocks.choose_outcome()
    blocks.show_claims(
        user, asked_of, outcome, blocks.counted(shown).of(outcome), verdict=verdict, key=page_key("claims")
    )
with elements.card(_("The rule's mistakes")):
    if whole.wrong_by_rule:
        st.caption(_("Approved by rule, and changed by a person later."))
        blocks.show_claims(
            user, asked, Outcome.WRONG_BY_RULE, whole.wrong_by_rule, verdict=None, key=page_key("mistakes")
        )
    else:
        st.markdown(
            f":green[:material/check_circle:] {_('Nobody changed what was approved by rule in these days.')}"
        )
