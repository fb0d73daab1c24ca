"""Claims: what participants say was sold beside the sales that were reported, to approve, reject or correct."""

import streamlit as st

from loyalty_core import programmes, settlement, verification
from loyalty_core.access import Permission
from loyalty_core.kernel import Refusal, _, current_database, ngettext
from loyalty_core.verification import Agreement, ClaimSource, ClaimState, QueueFilter, QueueOrder
from ui import claims as blocks
from ui import elements, registry, wording
from ui import programmes as programme_blocks
from ui.identity import require

user = require(Permission.SEE_CLAIMS)
database = current_database()
may_decide = user.may(Permission.DECIDE_CLAIMS)
CLAIMS_A_PAGE = 50


def show_decided() -> None:
    """Say what came of the decision made last."""
    elements.show_said()
    result = st.session_state.pop("decided_claims", None)
    if result is not None:
        blocks.outcomes_shown(result[0], approved=result[1])


def show_record(number: int) -> None:
    """Draw one claim whole: what is claimed and sold, its points, its document, where it came from, its history."""
    with database.snapshot(user.scope) as connection:
        queued = verification.queued_claim(connection, number)
        decisions = verification.history(connection, number)
        points = settlement.claim_points(connection, [number])[number]
        document = (
            verification.document_by_id(connection, queued.claim.document_id)
            if queued.claim.document_id is not None
            else None
        )
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
    show_decided()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        blocks.state_badge(claim.state)
        if may_decide:
            with st.container(horizontal=True, width="content"):
                if claim.state is ClaimState.WAITING and st.button(_("Reject…"), icon=":material/block:"):
                    blocks.decide_dialog(user, [queued], approve=False)
                if st.button(_("Correct…"), icon=":material/edit:"):
                    blocks.correct_dialog(user, claim)
                if claim.state is ClaimState.WAITING and st.button(
                    _("Approve…"), type="primary", icon=":material/check:"
                ):
                    blocks.decide_dialog(user, [queued], approve=True)
    elements.figure_row(
        [
            elements.Figure(_("At stake"), blocks.value_in_words(queued)),
            elements.Figure(
                _("Points expected"),
                wording.short_number(points.expected) if points.expected is not None else "—",
                help=_("What the programme's current rules give for it."),
            ),
            elements.Figure(_("Points posted"), wording.short_number(points.posted)),
            elements.Figure(
                _("Earlier claims"),
                wording.short_number(queued.claims_decided),
                ngettext("{count} rejected", "{count} rejected", queued.claims_rejected).format(
                    count=wording.number(queued.claims_rejected)
                )
                if queued.claims_rejected
                else None,
                delta_color="off",
                help=_("Claims of the same person, or company, that were decided."),
            ),
        ]
    )
    beside_at, document_at = st.columns([3, 2])
    with beside_at, elements.card(_("The claim beside the nearest sale"), fills=True):
        blocks.show_beside(user, queued)
    with document_at, elements.card(_("Document"), fills=True):
        blocks.show_document(document)
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
    with elements.card(_("What happened")):
        blocks.show_history(claim, decisions)


def show_queue() -> None:
    """Draw the filters, the queue, the bar of what is selected, and the one selected last beside its sale."""
    with database.snapshot(user.scope) as connection:
        known = programmes.list_programmes(connection, user.scope)
    match_at, state_at, programme_at, order_at = st.columns(4, vertical_alignment="bottom")
    counts = summary.by_agreement
    agreements = {
        "": _("All"),
        **{one.value: blocks.agreement_title(one) for one in Agreement},
    }
    agreement = match_at.selectbox(
        _("Match"), list(agreements), format_func=agreements.__getitem__, key="match", bind="query-params"
    )
    states = {
        **{one.value: blocks.state_title(one) for one in ClaimState},
        "all": _("every state"),
    }
    state = state_at.selectbox(
        _("State"), list(states), format_func=states.__getitem__, key="state", bind="query-params"
    )
    programme = programme_at.selectbox(
        _("Programme"),
        [None, *known],
        format_func=lambda one: (
            programme_blocks.programme_label(one, known) if one is not None else _("All programmes")
        ),
        key="programme",
        bind="query-params",
    )
    orders = {
        QueueOrder.AGE.value: _("Age"),
        QueueOrder.VALUE.value: _("Value"),
        QueueOrder.CLAIMANT.value: _("Claimant"),
    }
    order = order_at.selectbox(
        _("Order by"), list(orders), format_func=orders.__getitem__, key="order", bind="query-params"
    )
    words = st.text_input(
        _("Find"),
        key="words",
        bind="query-params",
        placeholder=_("claim, invoice, product, person or company"),
        type="search",
        label_visibility="collapsed",
    )
    wanted = QueueFilter(
        agreement=Agreement(agreement) if agreement else None,
        programme_id=programme.id if programme is not None else None,
        words=words or "",
        state=ClaimState(state) if state != "all" else None,
    )
    if state == ClaimState.WAITING.value and summary.count:
        st.caption(
            " · ".join(
                f"{wording.plain(blocks.agreement_title(one))} {wording.number(counts.get(one, 0))}"
                for one in Agreement
            )
        )
    with database.snapshot(user.scope) as connection:
        total = verification.count_queue(connection, wanted)
    if not total:
        if wanted == QueueFilter():
            elements.empty_state(
                "task_alt",
                _("No claim waits"),
                _("Participants enter claims on their phones, operators key in paper forms or bring a file."),
                lambda: registry.link(user, "uploads", _("Bring a file of claims"), icon="upload_file"),
            )
        else:
            elements.empty_state("search_off", _("No claim matches"), _("Take a filter away to see more."))
        return
    rows_at, offset = elements.paged(total, key="page", size=CLAIMS_A_PAGE)
    with database.snapshot(user.scope) as connection:
        found = verification.claims_queue(
            connection, wanted, QueueOrder(order), limit=CLAIMS_A_PAGE, offset=offset
        )
    drawn = st.session_state.get("claims_drawn", 0)
    with rows_at:
        places = elements.choose_rows(
            blocks.queue_table(found, decided=wanted.state is not ClaimState.WAITING),
            key=elements.key_of_rows(f"claims_{drawn}", [one.claim.number for one in found]),
            alt=_("Claims"),
            numbers=[_("Value"), _("Quantity")],
        )
    chosen = [found[place] for place in places if place < len(found)]
    if not chosen:
        st.caption(_("Select one to lay it beside its sale, or many to decide them together."))
        return
    waiting = [one for one in chosen if one.claim.state is ClaimState.WAITING]
    last = chosen[-1]
    if may_decide and waiting:
        with elements.queue_bar(blocks.selected_in_words(waiting)):
            if st.button(_("Reject…"), icon=":material/block:"):
                blocks.decide_dialog(user, waiting, approve=False)
            if st.button(_("Approve…"), type="primary", icon=":material/check:"):
                blocks.decide_dialog(user, waiting, approve=True)
    with elements.card(
        _("{number} · {claimant}").format(
            number=wording.plain(last.claim.claim_no), claimant=wording.plain(last.claim.claimant)
        )
    ):
        blocks.show_beside(user, last)
        with st.container(horizontal=True, vertical_alignment="center"):
            registry.link(
                user,
                "claims",
                _("Document, points and history"),
                icon="open_in_full",
                claim=str(last.claim.number),
            )
            if may_decide and st.button(_("Correct…"), icon=":material/edit:"):
                blocks.correct_dialog(user, last.claim)


def key_in() -> None:
    """Draw the form that takes a paper form's claim."""
    claimants = blocks.read_claimants(user)
    if not claimants:
        elements.empty_state(
            "storefront",
            _("No company yet"),
            _("Claims belong to companies. Companies come with sales files or are registered."),
            lambda: registry.link(user, "registrations", _("Register a company"), icon="how_to_reg"),
        )
        return
    drawn = st.session_state.get("paper_drawn", 0)
    key = f"paper_{drawn}"
    offered = blocks.read_offered(user, form="paper")
    with elements.card(_("A claim on paper")):
        photo = blocks.photo_field(key=key)
        with st.form("paper", border=False):
            claimant = st.selectbox(
                _("Claimant"),
                list(claimants),
                index=None,
                format_func=lambda one: claimants[one].title,
                placeholder=_("Choose a person, or a company"),
                key=f"{key}_claimant",
            )
            claim_no = st.text_input(
                _("Number of the form (may stay empty)"),
                max_chars=100,
                key=f"{key}_number",
                autocomplete="off",
            )
            sale = blocks.sale_fields(offered, key=key)
            note = st.text_input(
                _("Note (may stay empty)"), max_chars=500, key=f"{key}_note", autocomplete="off"
            )
            sent = st.form_submit_button(_("Enter the claim"), type="primary", icon=":material/check:")
    if not sent:
        return
    if claimant is None:
        st.error(_("Choose who claims."), icon=":material/block:")
        return
    whose = claimants[claimant]
    entered = blocks.enter(
        user,
        form="paper",
        participant_id=whose.participant_id,
        company_id=whose.company_id,
        company_code=whose.company_code,
        sale=sale,
        source=ClaimSource.PAPER,
        photo=photo,
        note=note,
        claim_no=claim_no,
    )
    if entered is not None:
        st.session_state["paper_drawn"] = drawn + 1
        elements.say_after_rerun(
            _("Claim {number} of {claimant} is entered and waits in the queue.").format(
                number=wording.plain(entered.claim_no), claimant=wording.plain(entered.claimant)
            )
        )
        st.rerun()


asked_for = st.query_params.get("claim", "")
if asked_for:
    registry.link(user, "claims", _("All claims"), icon="arrow_back")
    try:
        show_record(
            int(asked_for) if asked_for.isascii() and asked_for.isdigit() and len(asked_for) < 19 else 0
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
    st.stop()

with database.snapshot(user.scope) as connection:
    summary = verification.queue_summary(connection)
elements.page_header(
    _("Claims"),
    ngettext(
        "{count} waits, the oldest for {age}.", "{count} wait, the oldest for {age}.", summary.count
    ).format(count=wording.number(summary.count), age=wording.age(summary.oldest_at))
    if summary.oldest_at is not None
    else _("What participants say was sold, beside the sales that were reported."),
)
show_decided()
VIEWS = {"queue": _("Queue"), "paper": _("Key in a form")}
if user.may(Permission.ENTER_CLAIMS) and elements.choose_view(VIEWS, key="view") == "paper":
    key_in()
else:
    show_queue()
