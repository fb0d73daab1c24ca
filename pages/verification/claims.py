"""Claims: what participants say was sold beside the sales that were reported, to approve, reject or correct."""

from uuid import UUID

import streamlit as st

from loyalty_core import programmes, verification
from loyalty_core.access import Permission
from loyalty_core.kernel import Sort, _, current_database, ngettext
from loyalty_core.verification import (
    Assigned,
    ClaimSource,
    ClaimState,
    QueueFilter,
    QueueOrder,
    Verdict,
)
from ui import cached, elements, list_export, registry, wording
from ui import claims as blocks
from ui import programmes as programme_blocks
from ui.identity import require
from ui.keys import page_key

user = require(Permission.SEE_CLAIMS)
database = current_database()
may_decide = user.may(Permission.DECIDE_CLAIMS)
CLAIMS_A_PAGE = 50


TO_DECIDE, OVERDUE, SECOND, CAME_BACK, EVERY = "to_decide", "overdue", "second", "came_back", "every"
MINE, NOBODY = "mine", "nobody"


def chosen_filter() -> tuple[QueueFilter, Sort | None]:
    """Draw the filters, bound to the URL, and return what they ask for."""
    with database.snapshot(user.scope) as connection:
        known = programmes.list_programmes(connection, user.scope)
        people = {str(one.user_id): one.display_name for one in verification.deciders(connection)}
    verdict_at, state_at, who_at = st.columns(3, vertical_alignment="bottom")
    verdicts = {"": _("All"), **{one.value: blocks.verdict_title(one) for one in Verdict}}
    verdict = verdict_at.selectbox(
        _("Verdict"),
        list(verdicts),
        format_func=verdicts.__getitem__,
        key=page_key("verdict"),
        bind="query-params",
    )
    states = {
        TO_DECIDE: _("to decide"),
        OVERDUE: _("overdue"),
        SECOND: _("needs a second person"),
        **{one.value: blocks.state_title(one) for one in ClaimState if one is not ClaimState.PROPOSED},
        CAME_BACK: _("sale came back"),
        EVERY: _("every state"),
    }
    state = state_at.selectbox(
        _("State"), list(states), format_func=states.__getitem__, key=page_key("state"), bind="query-params"
    )
    who_titles = {"": _("Anybody"), MINE: _("Me"), NOBODY: _("Nobody"), **people}
    who = who_at.selectbox(
        _("Assigned to"),
        list(who_titles),
        format_func=who_titles.__getitem__,
        key=page_key("who"),
        bind="query-params",
    )
    programme_at, sort_at, words_at = st.columns(3, vertical_alignment="bottom")
    programme = elements.choose_travelling(
        _("Programme"),
        [None, *known],
        format_func=lambda one: (
            programme_blocks.programme_label(one, known) if one is not None else _("All programmes")
        ),
        name="programme",
        at=programme_at,
    )
    sort = elements.choose_sort(blocks.sort_titles(), default=_("Greatest likely loss first"), at=sort_at)
    words = words_at.text_input(
        _("Find"),
        key=page_key("words"),
        bind="query-params",
        placeholder=_("claim, invoice, person, company"),
        type="search",
    )
    assigned_to: UUID | Assigned | None = None
    if who == MINE:
        assigned_to = user.id
    elif who == NOBODY:
        assigned_to = Assigned.NOBODY
    elif who:
        assigned_to = UUID(who)
    return QueueFilter(
        verdict=Verdict(verdict) if verdict else None,
        programme_id=programme.id if programme is not None else None,
        participant_id=elements.query_id("participant"),
        company_id=elements.query_id("company"),
        import_id=elements.query_id("import"),
        words=words or "",
        state=ClaimState(state) if state in set(ClaimState) else None,
        every_state=state in (EVERY, SECOND),
        assigned_to=assigned_to,
        is_overdue=state == OVERDUE,
        needs_second=state == SECOND,
        came_back=state == CAME_BACK,
        # To look for them anew in all lines, twice for each drawing, would take seconds.
        known_back=frozenset(cached.claims_come_back(cached.facts_version(), user.scope))
        if state == CAME_BACK
        else None,
    ), sort


def show_queue() -> None:
    """Draw the filters, the queue, the bar of what is selected, and the one selected last beside its sale."""
    import_id = elements.query_id("import")
    if import_id is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(_("Only the claims that one file brought are shown."), width="content")
            registry.link(
                user, "imports", _("To its import"), icon="inventory_2", **{"import": str(import_id)}
            )
            registry.link(user, "claims", _("Every claim"), icon="filter_alt_off")
    wanted, sort = chosen_filter()
    if wanted == QueueFilter() and summary.count:
        st.caption(
            " · ".join(
                f"{wording.plain(blocks.verdict_title(one))} {wording.number(summary.by_verdict[one])}"
                for one in [*Verdict, None]
                if summary.by_verdict.get(one)
            )
        )
    with database.snapshot(user.scope) as connection:
        total = verification.count_queue(connection, wanted)
    if not total:
        if wanted == QueueFilter():
            elements.empty_state(
                "task_alt",
                _("No claim waits"),
                _(
                    "Participants enter claims on their phones, operators enter paper claims or upload a file."
                ),
                lambda: registry.link(user, "uploads", _("Upload claims file"), icon="upload_file"),
            )
        else:
            elements.empty_state("search_off", _("No claim matches"), _("Take a filter away to see more."))
        return
    rows_at, offset = elements.paged(total, key=page_key("page"), size=CLAIMS_A_PAGE)
    with database.snapshot(user.scope) as connection:
        found = verification.claims_queue(
            connection, wanted, QueueOrder.EXPECTED_LOSS, sort=sort, limit=CLAIMS_A_PAGE, offset=offset
        )
        photos = verification.with_documents(connection, [one.claim.number for one in found])
    drawn = st.session_state.get("claims_drawn", 0)
    with rows_at:
        places = elements.choose_rows(
            blocks.queue_table(
                found,
                decided=wanted.every_state
                or wanted.came_back
                or wanted.state not in (None, ClaimState.WAITING),
                photos=photos,
            ),
            key=elements.key_of_rows(f"claims_{drawn}", [one.claim.number for one in found]),
            alt=_("Claims"),
            numbers=[_("Value"), _("Likely loss"), _("Quantity")],
        )
    list_export.offer(
        user,
        "claims",
        total,
        blocks.exported(),
        list_export.from_database(
            user,
            lambda connection, limit, offset: verification.claims_queue(
                connection, wanted, QueueOrder.EXPECTED_LOSS, sort=sort, limit=limit, offset=offset
            ),
        ),
    )
    chosen = [found[place] for place in places if place < len(found)]
    if not chosen:
        st.caption(_("Select one to lay it beside its sale, or many to decide them together."))
        return
    open_ones = [
        one
        for one in chosen
        if one.claim.state in (ClaimState.WAITING, ClaimState.ASKED) and not one.needs_second
    ]
    last = chosen[-1]
    if may_decide and open_ones:
        with elements.queue_bar(blocks.selected_in_words(open_ones)):
            if st.button(_("Assign…"), icon=":material/assignment_ind:"):
                blocks.assign_dialog(user, open_ones)
            if st.button(_("Reject…"), icon=":material/block:"):
                blocks.decide_dialog(user, open_ones, approve=False)
            blocks.approve_button(user, open_ones)
    with elements.card(
        _("{number} · {claimant}").format(
            number=wording.plain(last.claim.claim_no), claimant=wording.plain(last.claim.claimant)
        )
    ):
        blocks.show_beside(user, last)
        blocks.show_came_back(last.claim.number, user)
        with st.container(horizontal=True, vertical_alignment="center"):
            registry.link(
                user,
                "claim",
                _("Second decision, documents and history")
                if last.needs_second
                else _("Documents, points and history"),
                icon="open_in_full",
                claim=str(last.claim.number),
            )
            if may_decide and not last.needs_second and last.claim.state is not ClaimState.WITHDRAWN:
                if last.claim.state is ClaimState.WAITING and st.button(_("Ask…"), icon=":material/help:"):
                    blocks.ask_dialog(user, last.claim)
                if st.button(_("Correct…"), icon=":material/edit:"):
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
    key = page_key(f"paper_{drawn}")
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


if st.query_params.get("claim"):
    # Addresses that were kept from when a claim lay on this page.
    registry.open_page("claim", claim=st.query_params["claim"])
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
blocks.show_decided()
blocks.tell_came_back(user)
VIEWS = {"queue": _("Queue"), "paper": _("Enter paper claim")}
if user.may(Permission.ENTER_CLAIMS) and elements.choose_view(VIEWS, key=page_key("view")) == "paper":
    key_in()
else:
    show_queue()
