"""A claim: beside the sale that comes nearest, with its documents, questions, points and all that happened to it."""

import streamlit as st

from loyalty_core import settlement, verification
from loyalty_core.access import Permission
from loyalty_core.kernel import Refusal, _, current_database, ngettext
from loyalty_core.verification import ClaimSource, ClaimState
from ui import claim_story as story_blocks
from ui import claims as blocks
from ui import elements, registry, source_row, wording
from ui.identity import require
from ui.keys import page_key

user = require(Permission.SEE_CLAIMS)
database = current_database()
may_decide = user.may(Permission.DECIDE_CLAIMS)
CANDIDATES = 8


def show_record(number: int) -> None:
    """Draw one claim whole."""
    with database.snapshot(user.scope) as connection:
        queued = verification.queued_claim(connection, number)
        story = verification.claim_story(connection, number)
        points = settlement.claim_points(connection, [number])[number]
        explained = settlement.explain_claim(connection, user.scope, number)
        awards = settlement.awards_of_claim(connection, number)
        documents = verification.documents_of_claim(connection, number)
        near = verification.candidates(connection, number, limit=CANDIDATES)
        proposal = verification.waiting_proposals(connection, [number]).get(number)
        question = verification.open_questions(connection, [number]).get(number)
    claim = queued.claim
    elements.page_header(
        _("Claim {number}").format(number=wording.plain(claim.claim_no)),
        wording.plain(
            " · ".join(
                [
                    claim.claimant,
                    claim.company_name,
                    claim.programme_name or _("no programme that day"),
                    _("entered {source} {ago}").format(
                        source=blocks.source_title(claim.source), ago=wording.ago(claim.recorded_at)
                    ),
                ]
            )
        ),
    )
    blocks.show_decided()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(horizontal=True, width="content"):
            blocks.state_badge(claim.state)
            if claim.escalated_at is not None:
                elements.badge(_("waits too long"), "red", "flag")
            if claim.assigned_to_name:
                elements.badge(wording.plain(claim.assigned_to_name), "gray", "assignment_ind")
        if may_decide and proposal is None and claim.state is not ClaimState.WITHDRAWN:
            with st.container(horizontal=True, width="content"):
                blocks.decision_buttons(user, queued)
    elements.figure_row(
        [
            elements.Figure(
                _("At stake"),
                blocks.value_in_words(queued),
                blocks.likely_loss_in_words(claim),
                delta_color="off",
                help=_(
                    "What the claimed units are worth, and how much of it is likely lost if it is approved."
                ),
            ),
            elements.Figure(
                _("Points expected"),
                wording.short_number(points.expected) if points.expected is not None else "—",
                help=_("What the programme's current rules give for it."),
            ),
            elements.Figure(_("Points posted"), wording.short_number(points.posted)),
            elements.Figure(
                _("Earlier claims"),
                wording.short_number(queued.claims_decided),
                ngettext("{count} wrong", "{count} wrong", queued.claims_wrong).format(
                    count=wording.number(queued.claims_wrong)
                )
                if queued.claims_wrong
                else _("none wrong"),
                delta_color="off",
                help=_(
                    "Claims of the same person, or company, that were decided; wrong: rejected or corrected."
                ),
            ),
        ]
    )
    blocks.show_came_back(claim.number, user)
    if proposal is not None:
        with elements.card(_("Waits for a second person")):
            story_blocks.show_second(user, claim, proposal, may_decide=may_decide)
    if question is not None:
        with elements.card(_("Waits for an answer")):
            if user.may(Permission.ENTER_CLAIMS):
                story_blocks.answer_form(user, claim, question)
            else:
                st.markdown(wording.plain_lines(question.words))
    beside_at, document_at = st.columns([3, 2])
    with beside_at, elements.card(_("The claim beside the nearest sale"), fills=True):
        blocks.show_beside(user, queued)
    with document_at, elements.card(_("Documents"), fills=True):
        story_blocks.show_documents(documents)
        if user.may(Permission.ENTER_CLAIMS):
            story_blocks.attach_form(user, claim)
        if claim.note:
            st.markdown(wording.plain(claim.note))
        if claim.source is ClaimSource.FILE:
            st.markdown(_("**From a file**"))
            blocks.show_file_row(
                user,
                claim.import_id,
                claim.import_number,
                blocks.place_in_file(claim.sheet, claim.row_no, claim.file_name),
            )
            source_row.claim_button(user, claim.number, key=page_key(f"claim_{claim.number}"))
    best = queued.best.sales_line_id if queued.best is not None else None
    with elements.card(_("Other sales that come near")):
        story_blocks.show_candidates(claim, [one for one in near if one.sales_line_id != best])
    points_at, story_at = st.columns([2, 3])
    with points_at, elements.card(_("Points, and why"), fills=True):
        story_blocks.show_points(explained, awards)
    with story_at, elements.card(_("What happened"), fills=True):
        story_blocks.show_story(claim, story)


asked_for = st.query_params.get("claim", "")
registry.link(user, "claims", _("All claims"), icon="arrow_back")
if not asked_for:
    elements.page_header(_("Claim"), _("Choose a claim in the queue: its number leads here."))
    st.stop()
try:
    show_record(int(asked_for) if asked_for.isascii() and asked_for.isdigit() and len(asked_for) < 19 else 0)
except Refusal as refusal:
    elements.page_header(_("Claim"))
    st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
