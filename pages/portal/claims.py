"""My claims: a participant says what was sold, one by one or in a file, and reads what became of each claim."""

from collections.abc import Sequence

import streamlit as st

from loyalty_core import settlement, verification
from loyalty_core.access import Permission
from loyalty_core.kernel import _, current_database, ngettext
from loyalty_core.participants import Participant, ParticipantState
from loyalty_core.settlement import ClaimPoints
from loyalty_core.verification import UNDECIDED, AttachedDocument, Claim, ClaimSource, ClaimState, Question
from ui import claim_story, elements, own_claims_file, shop, wording
from ui import claims as blocks
from ui.identity import require
from ui.keys import page_key

user = require(Permission.USE_PORTAL)
database = current_database()
CLAIMS_A_PAGE = 20

elements.page_header(_("My claims"), _("Say what you sold or bought; points follow once the sale is found."))
elements.show_said()


def show_form(person: Participant) -> None:
    """Draw the form, one field below the other, and enter the claim."""
    drawn = st.session_state.get("own_drawn", 0)
    key = page_key(f"own_{drawn}")
    offered = blocks.read_offered(user, form="own")
    with elements.card(_("Claim a sale")):
        ways = {"photo": _("With a photo of the invoice"), "form": _("Without a photo")}
        with_photo = elements.choose_view(ways, key=page_key("way")) == "photo"
        photo = blocks.photo_field(key=key, is_needed=True) if with_photo else None
        with st.form("own", border=False):
            sale = blocks.sale_fields(offered, key=key)
            sent = st.form_submit_button(
                _("Send the claim"), type="primary", icon=":material/send:", width="stretch"
            )
        if sent and with_photo and photo is None:
            st.error(_("Take or choose the photo of the invoice first."), icon=":material/photo_camera:")
        elif sent:
            entered = blocks.enter(
                user,
                form="own",
                participant_id=person.id,
                company_id=person.company_id,
                company_code=None,
                sale=sale,
                source=ClaimSource.PHONE,
                photo=photo,
            )
            if entered is not None:
                st.session_state["own_drawn"] = drawn + 1
                st.query_params.pop("new", None)
                elements.say_after_rerun(
                    _("Claim {number} is sent.").format(number=wording.plain(entered.claim_no))
                )
                st.rerun()
        if st.button(_("Not now"), width="stretch"):
            st.query_params.pop("new", None)
            st.rerun()


@st.dialog(_("Withdraw the claim"))
def withdraw(claim: Claim) -> None:
    """Ask once more, and withdraw the claim."""
    st.markdown(
        _(
            "Claim **{number}** is not looked at any more and gives no points. You can claim the sale again."
        ).format(number=wording.plain(claim.claim_no))
    )
    st.markdown(blocks.claimed_in_words(claim))
    form = f"withdraw_{claim.number}"
    if not st.button(
        _("Withdraw claim {number}").format(number=wording.plain(claim.claim_no)),
        type="primary",
        width="stretch",
    ):
        return
    with elements.refusals_shown():
        verification.withdraw_claim(database, user.scope, claim.number, request_key=elements.form_key(form))
        elements.form_done(form)
        elements.say_after_rerun(
            _("Claim {number} is withdrawn.").format(number=wording.plain(claim.claim_no))
        )
        st.rerun()


def draw(
    claim: Claim,
    points: ClaimPoints | None,
    question: Question | None,
    documents: Sequence[AttachedDocument],
) -> None:
    """Draw one claim as a card: what was claimed, where it stands, its points, and what happens next."""
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{wording.plain(claim.claim_no)}**", width="content")
            blocks.state_badge(claim.state)
        st.markdown(blocks.claimed_in_words(claim))
        if claim.approved_quantity is not None and claim.approved_quantity != claim.quantity:
            st.caption(
                _("{units} of them count.").format(
                    units=wording.plain(wording.decimal(claim.approved_quantity))
                )
            )
        st.markdown(blocks.points_in_words(claim, points))
        claim_story.link_own_documents(user, documents)
        if question is not None:
            claim_story.answer_form(user, claim, question)
        else:
            claim_story.attach_form(user, claim)
        if claim.state in UNDECIDED and st.button(
            _("Withdraw…"), key=page_key(f"withdraw_{claim.number}"), icon=":material/undo:", width="stretch"
        ):
            withdraw(claim)


person = shop.own_participant(user)
if person is None:
    shop.say_nobody()
    st.stop()
if own_claims_file.show(user, person, is_active=person.state is ParticipantState.ACTIVE):
    st.stop()
if person.state is not ParticipantState.ACTIVE:
    st.info(
        _("You can't claim at the moment: your taking part waits for approval.")
        if person.state is ParticipantState.WAITING
        else _("You can't claim at the moment. Ask your salesperson why."),
        icon=":material/pause_circle:",
    )
elif st.query_params.get("new"):
    show_form(person)
else:
    if st.button(_("Claim a sale"), type="primary", icon=":material/receipt_long:", width="stretch"):
        st.query_params["new"] = "yes"
        st.rerun()
    if user.may(Permission.UPLOAD_OWN_CLAIMS) and st.button(
        _("Upload file"), icon=":material/upload_file:", width="stretch"
    ):
        st.query_params["file"] = "new"
        st.rerun()
own_claims_file.show_files(user)

with database.snapshot(user.scope) as connection:
    total = verification.count_claims_of_participant(connection, person.id)
if not total:
    elements.empty_state(
        "receipt_long",
        _("No claim yet"),
        _("Have an invoice at hand, press “Claim a sale”, and send its number with a photo."),
    )
    st.stop()
cards_at, offset = elements.paged(total, key=page_key("page"), size=CLAIMS_A_PAGE, is_grid=False)
with database.snapshot(user.scope) as connection:
    claims = verification.claims_of_participant(connection, person.id, limit=CLAIMS_A_PAGE, offset=offset)
    if not offset:
        # What waits for an answer comes first, however long ago it was claimed.
        waiting = verification.claims_asked_of(connection, person.id, limit=CLAIMS_A_PAGE)
        claims = [*waiting, *(one for one in claims if one.state is not ClaimState.ASKED)]
    numbers = [one.number for one in claims]
    points = settlement.claim_points(connection, numbers)
    questions = verification.open_questions(connection, numbers)
    asked = verification.claims_asked(connection, person.id)
    documents = verification.documents_of_claims(connection, numbers)
with cards_at:
    if asked:
        st.info(
            ngettext(
                "{count} claim waits for your answer.", "{count} claims wait for your answer.", asked
            ).format(count=wording.number(asked)),
            icon=":material/help:",
        )
    for claim in claims:
        draw(claim, points.get(claim.number), questions.get(claim.number), documents.get(claim.number, ()))
