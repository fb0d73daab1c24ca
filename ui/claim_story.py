"""What a claim's own page shows beside the claim: documents, questions, the second person, points, the story."""

from collections.abc import Sequence

import streamlit as st

from loyalty_core import verification
from loyalty_core.access import SignedInUser
from loyalty_core.kernel import Money, Refusal, _, current_database, current_runtime
from loyalty_core.scoring import RuleExplanation
from loyalty_core.settlement import AwardOfPosting
from loyalty_core.verification import (
    AttachedDocument,
    Claim,
    ClaimState,
    Decision,
    DecisionKind,
    LineBeside,
    Proposal,
    Question,
    StoryEntry,
    StoryKind,
)
from ui import cached, elements, wording
from ui import claims as blocks
from ui.keys import page_key

_MOST_MEGABYTES = verification.LARGEST_DOCUMENT_BYTES // (1024 * 1024)


def show_documents(documents: Sequence[AttachedDocument]) -> None:
    """Draw every photo, and the first pages of every scan, with the way to the whole of it."""
    if not documents:
        st.caption(_("No photo or scan lies with this claim."))
        return
    for one in documents:
        address = f"/documents/{one.document_id}"
        if one.media_type == "application/pdf":
            st.markdown(f"![{_('First pages of the scan')}]({address}/pages)")
            st.markdown(f":material/picture_as_pdf: **[{_('Open the whole scan (PDF)')}]({address})**")
        else:
            st.markdown(f"![{_('Photo of the invoice')}]({address})")
            st.markdown(f"[{_('Open it in full size')}]({address})")
        st.caption(
            _("{name}, {moment} · {size}").format(
                name=wording.plain(one.added_by_name),
                moment=wording.plain(wording.moment(one.added_at)),
                size=wording.size(one.size_bytes),
            )
        )


def link_own_documents(user: SignedInUser, documents: Sequence[AttachedDocument]) -> None:
    """Draw the way to each photo and scan that the user brought."""
    links = [
        # Bold, as in the dark its colour alone does not tell a link from the text around it.
        f"**[{wording.plain(wording.moment(one.added_at))}](/documents/{one.document_id})**"
        for one in documents
        if one.kept_for == user.id
    ]
    if links:
        st.markdown(f":material/attach_file: {_('Photos and scans')}: " + " · ".join(links))


def attach_form(user: SignedInUser, claim: Claim) -> None:
    """Draw the form that lays a photo or scan to a claim which is there already, and lay it to the claim."""
    if claim.company_id is None or claim.state is ClaimState.WITHDRAWN:
        return
    drawn = f"attach_{claim.number}_drawn"
    turn = st.session_state.get(drawn, 0)
    with (
        st.expander(_("Add a photo or scan"), icon=":material/attach_file:"),
        st.form(f"attach_{claim.number}", border=False),
    ):
        file = st.file_uploader(
            _("JPEG, PNG, WebP or PDF, up to {most} MB").format(most=_MOST_MEGABYTES),
            type=list(blocks.DOCUMENT_TYPES),
            max_upload_size=_MOST_MEGABYTES,
            key=page_key(f"attach_{claim.number}_{turn}"),
        )
        sent = st.form_submit_button(_("Add it to the claim"), icon=":material/attach_file:")
    if not sent:
        return
    if file is None:
        st.error(_("Take or choose a photo or scan first."), icon=":material/attach_file:")
        return
    database = current_database()
    try:
        document_id = verification.add_document(
            database,
            current_runtime().settings,
            user.scope,
            company_id=claim.company_id,
            data=file.getvalue(),
        )
        verification.attach_document(database, user.scope, claim.number, document_id)
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    st.session_state[drawn] = turn + 1
    elements.say_after_rerun(
        _("It lies with claim {number} from now on.").format(number=wording.plain(claim.claim_no))
    )
    st.rerun()


def show_candidates(claim: Claim, lines: Sequence[LineBeside]) -> None:
    """Draw the other sold lines that come near, with the units sold, claimed and left of each."""
    if not lines:
        st.caption(_("No other sale comes near."))
        return
    elements.table(
        {
            _("Invoice"): [one.invoice_no for one in lines],
            _("Product"): [one.product_name or one.product_code for one in lines],
            _("Sold"): [wording.day(one.sold_on) for one in lines],
            _("Units"): [wording.decimal(one.quantity) for one in lines],
            _("Claimed"): [wording.decimal(one.quantity - one.units_left + one.units_own) for one in lines],
            _("Left"): [wording.decimal(one.units_left - one.units_own) for one in lines],
            _("Differs in"): [
                blocks.differences_in_words(verification.differences(claim, one)) for one in lines
            ],
            _("Company"): [one.company_name for one in lines],
        },
        alt=_("Other sales that come near the claim"),
        numbers=[_("Units"), _("Claimed"), _("Left")],
    )


def show_points(explained: Sequence[RuleExplanation], awards: Sequence[AwardOfPosting]) -> None:
    """Draw why the claim gives what it gives, and what was posted for it."""
    if not explained and not awards:
        st.caption(_("No rule gives points for it as it stands."))
    for one in explained:
        st.markdown(f"**{wording.plain(one.rule_id)}** · {wording.plain(one.sentence)}")
    if awards:
        elements.table(
            {
                _("Posted"): [wording.signed(one.points) for one in awards],
                _("Rule"): [one.rule_id for one in awards],
                _("Version"): [wording.number(one.version) for one in awards],
                _("For"): [_("the claim") if one.revision == 1 else _("a correction") for one in awards],
            },
            alt=_("Points posted for this claim"),
            numbers=[_("Posted")],
        )


def show_second(user: SignedInUser, claim: Claim, proposal: Proposal, *, may_decide: bool) -> None:
    """Draw what a first person decided, and for whoever may, the choice to agree or not."""
    what = {
        DecisionKind.APPROVE: _("{name} approves it: {amount}."),
        DecisionKind.REJECT: _("{name} rejects it."),
        DecisionKind.CORRECT: _("{name} corrects it to {units} units: {amount}.")
        if proposal.sales_line_id is not None
        else _("{name} corrects it to nothing."),
    }[proposal.kind]
    amount = Money(proposal.amount_minor, proposal.currency) if proposal.currency else None
    st.markdown(
        what.format(
            name=f"**{wording.plain(proposal.proposed_by_name)}**",
            amount=wording.plain(wording.money(amount)) if amount else "",
            units=wording.plain(wording.decimal(proposal.quantity)) if proposal.quantity is not None else "",
        )
        + (f"  \n*{wording.plain(proposal.reason)}*" if proposal.reason else "")
    )
    st.caption(_("It is worth so much that a second person must agree before it counts."))
    if not may_decide:
        return
    if proposal.proposed_by == user.id:
        st.info(_("You decided it first: somebody else has to agree."), icon=":material/supervisor_account:")
        return
    shown = elements.as_shown(f"proposal_{claim.number}", proposal.payload_hash)
    words = st.text_area(
        _("Why not (needed to disagree)"), max_chars=1000, height=80, key=page_key(f"second_{proposal.id}")
    )
    with st.container(horizontal=True):
        agrees = st.button(_("Agree"), type="primary", icon=":material/check:")
        disagrees = st.button(_("Disagree"), icon=":material/block:")
    if not agrees and not disagrees:
        return
    try:
        verification.second_decision(
            current_database(),
            user.scope,
            claim.number,
            payload_hash=shown,
            agrees=agrees,
            words=words,
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    # A correction may change nothing but this, and then nothing is settled.
    cached.claims_come_back.clear()
    elements.say_after_rerun(
        _("It counts from now on.") if agrees else _("The claim waits for a new decision.")
    )
    st.rerun()


def answer_form(user: SignedInUser, claim: Claim, question: Question) -> None:
    """Draw a question and the form that answers it, with a photo if need be."""
    st.markdown(
        f":material/help: **{wording.plain_lines(question.words)}**  \n:gray["
        + _("{name}, {moment}").format(
            name=wording.plain(question.asked_by_name),
            moment=wording.plain(wording.moment(question.asked_at)),
        )
        + "]"
    )
    form = f"answer_{claim.number}"
    with st.form(form, border=False):
        answer = st.text_area(_("Your answer"), max_chars=1000, height=80)
        photo = st.file_uploader(
            _("Photo or scan (may stay empty)"),
            type=list(blocks.DOCUMENT_TYPES),
            max_upload_size=_MOST_MEGABYTES,
        )
        sent = st.form_submit_button(
            _("Send the answer"), type="primary", icon=":material/send:", width="stretch"
        )
    if not sent:
        return
    database = current_database()
    try:
        document_id = None
        if photo is not None and claim.company_id is not None:
            document_id = verification.add_document(
                database,
                current_runtime().settings,
                user.scope,
                company_id=claim.company_id,
                data=photo.getvalue(),
            )
        verification.answer_question(
            database,
            user.scope,
            claim.number,
            answer=answer or "",
            document_id=document_id,
            request_key=elements.form_key(form),
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.form_done(form)
    elements.say_after_rerun(
        _("Your answer is sent: claim {number} is looked at again.").format(
            number=wording.plain(claim.claim_no)
        )
    )
    st.rerun()


def _decided(one: Decision) -> str | None:
    if one.quantity is not None and one.currency is not None:
        return wording.plain(
            _("{quantity} × {product}, invoice {invoice}: {amount}").format(
                quantity=wording.decimal(one.quantity),
                product=one.product_name or one.product_code or "",
                invoice=one.invoice_no or "",
                amount=wording.money(Money(one.amount_minor, one.currency)),
            )
        )
    return _("To nothing: what it gave is taken back.") if one.kind is DecisionKind.CORRECT else None


def _titles() -> dict[StoryKind, str]:
    return {
        StoryKind.ENTERED: _("Entered"),
        StoryKind.JUDGED: _("Compared with the reported sales"),
        StoryKind.APPROVED: _("Approved"),
        StoryKind.REJECTED: _("Rejected"),
        StoryKind.CORRECTED: _("Corrected"),
        StoryKind.REOPENED: _("Opened again: the sale behind it was taken back"),
        StoryKind.WITHDRAWN: _("Withdrawn"),
        StoryKind.ASSIGNED: _("Assigned"),
        StoryKind.ASKED: _("Question open"),
        StoryKind.ANSWERED: _("Answered"),
        StoryKind.PROPOSED: _("Decided, waiting for a second person"),
        StoryKind.AGREED: _("A second person agreed"),
        StoryKind.DISAGREED: _("A second person disagreed"),
        StoryKind.ESCALATED: _("Waits too long"),
        StoryKind.DOCUMENT_ADDED: _("Document added"),
    }


def show_story(claim: Claim, story: Sequence[StoryEntry]) -> None:
    """Draw what happened to a claim, the first thing first."""
    titles = _titles()
    for one in story:
        by = one.by_name or _("Laurel")
        if one.kind is StoryKind.APPROVED and one.decision is not None and one.decision.is_by_rule:
            by = _("rule")
        lines = [
            _("**{what}** by {name}, {moment}").format(
                what=titles[one.kind],
                name=wording.plain(by),
                moment=wording.plain(wording.moment(one.at)),
            )
        ]
        if one.kind is StoryKind.ENTERED:
            lines.append(wording.plain(blocks.source_title(claim.source)))
        if one.kind is StoryKind.ASSIGNED:
            lines.append(wording.plain(one.detail.get("to") or _("to nobody")))
        if one.verdict is not None:
            lines.append(wording.plain(blocks.verdict_title(one.verdict)))
            if one.detail.get("invoice_no"):
                lines.append(
                    _("seems to mean invoice {number}").format(
                        number=wording.plain(str(one.detail["invoice_no"]))
                    )
                )
            if one.detail.get("duplicate_of"):
                lines.append(
                    _("repeats claim {number}").format(number=wording.plain(str(one.detail["duplicate_of"])))
                )
        decided = _decided(one.decision) if one.decision is not None else None
        if decided:
            lines.append(decided)
        if one.words:
            lines.append(f"*{wording.plain(one.words)}*")
        document = one.detail.get("document_id")
        if document:
            lines.append(f"**[{_('Document')}](/documents/{document})**")
        st.markdown("  \n".join(lines))
