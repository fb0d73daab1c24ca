"""What the pages of claims show: a claim beside its best sales line, its points, its history, and the forms."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import streamlit as st

from loyalty_core import organisation, participants, programmes, verification
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.kernel import Money, Refusal, _, current_database, current_runtime, ngettext, now
from loyalty_core.products import find_products
from loyalty_core.settlement import ClaimPoints
from loyalty_core.verification import (
    BY_RULE,
    UNDECIDED,
    Claim,
    ClaimOutcome,
    ClaimSource,
    ClaimsProgramme,
    ClaimState,
    Difference,
    LineBeside,
    QueuedClaim,
    SeveralClaimsProgrammesError,
    Verdict,
)
from ui import cached, elements, list_export, registry, source_row, wording
from ui.keys import page_key

PRODUCTS_OFFERED = 2000
CLAIMANTS_OFFERED = 1000
LINES_OFFERED = 8
FEW_REJECTED = 3
DOCUMENT_TYPES = ("jpg", "jpeg", "png", "webp", "pdf")


# In words


def state_title(state: ClaimState) -> str:
    """Return where a claim stands."""
    return {
        ClaimState.WAITING: _("waits"),
        ClaimState.ASKED: _("asked back"),
        ClaimState.PROPOSED: _("second person"),
        ClaimState.APPROVED: _("approved"),
        ClaimState.REJECTED: _("rejected"),
        ClaimState.WITHDRAWN: _("withdrawn"),
    }[state]


def state_badge(state: ClaimState) -> None:
    """Draw where a claim stands, with colour and icon."""
    looks: dict[ClaimState, tuple[elements.Colour, str]] = {
        ClaimState.WAITING: ("orange", "hourglass_top"),
        ClaimState.ASKED: ("blue", "help"),
        ClaimState.PROPOSED: ("orange", "supervisor_account"),
        ClaimState.APPROVED: ("green", "check"),
        ClaimState.REJECTED: ("red", "block"),
        ClaimState.WITHDRAWN: ("gray", "undo"),
    }
    elements.badge(state_title(state), *looks[state])


def source_title(source: ClaimSource) -> str:
    """Return how a claim came in."""
    return {
        ClaimSource.PHONE: _("by phone"),
        ClaimSource.PAPER: _("on paper"),
        ClaimSource.FILE: _("in a file"),
    }[source]


def verdict_title(verdict: Verdict | None) -> str:
    """Return what comparing a claim with the reported sales said, in a few words; None: not compared yet."""
    if verdict is None:
        return _("not compared yet")
    return {
        Verdict.MATCH: _("agrees"),
        Verdict.MATCH_PARTIAL: _("part of the sale"),
        Verdict.INFLATED_QUANTITY: _("more than sold"),
        Verdict.TYPO_IN_INVOICE: _("slip in the invoice number"),
        Verdict.UNKNOWN_INVOICE: _("no such invoice"),
        Verdict.UNKNOWN_PRODUCT: _("product not on the invoice"),
        Verdict.DUPLICATE_CLAIM: _("claimed before"),
        Verdict.CLAIMED_BY_ANOTHER_CUSTOMER: _("another company's sale"),
        Verdict.WRONG_DATE: _("wrong date"),
    }[verdict]


def verdict_in_words(queued: QueuedClaim) -> str:
    """Return what the verdict on a claim means and what to do, in a sentence."""
    verdict = queued.claim.verdict
    if verdict is None:
        return _("It is compared with the reported sales within a minute.")
    return {
        Verdict.MATCH: _("Company, invoice, product, units and day agree with a reported sale."),
        Verdict.MATCH_PARTIAL: _("It claims fewer units than the reported sale has."),
        Verdict.INFLATED_QUANTITY: _("It claims more units than were sold. Correct the units, or ask."),
        Verdict.TYPO_IN_INVOICE: _(
            "Such an invoice was not reported. It seems to mean {invoice}, where everything else agrees."
        ).format(invoice=queued.proposed_invoice_no or _("another one")),
        Verdict.UNKNOWN_INVOICE: _(
            "No sale like it was reported. A later file may bring it; else ask, or reject."
        ),
        Verdict.UNKNOWN_PRODUCT: _(
            "The invoice was reported, but without this product. Correct the claim to the line that is meant, or ask."
        ),
        Verdict.DUPLICATE_CLAIM: _("It repeats claim {number}, which stands.").format(
            number=queued.duplicate_of or _("of a lower number")
        ),
        Verdict.CLAIMED_BY_ANOTHER_CUSTOMER: _(
            "The sale was reported for another company than the one that claims."
        ),
        Verdict.WRONG_DATE: _(
            "The sale is there, on another day than claimed. Approved, it counts on its own day."
        ),
    }[verdict]


def verdict_badge(verdict: Verdict | None) -> None:
    """Draw what comparing a claim with the sales said, with colour and icon."""
    looks: dict[Verdict | None, tuple[elements.Colour, str]] = {
        None: ("gray", "hourglass_top"),
        Verdict.MATCH: ("green", "check"),
        Verdict.MATCH_PARTIAL: ("green", "check"),
        Verdict.INFLATED_QUANTITY: ("orange", "trending_up"),
        Verdict.TYPO_IN_INVOICE: ("orange", "edit"),
        Verdict.UNKNOWN_INVOICE: ("red", "search_off"),
        Verdict.UNKNOWN_PRODUCT: ("red", "sell"),
        Verdict.DUPLICATE_CLAIM: ("red", "content_copy"),
        Verdict.CLAIMED_BY_ANOTHER_CUSTOMER: ("red", "storefront"),
        Verdict.WRONG_DATE: ("orange", "event"),
    }
    elements.badge(verdict_title(verdict), *looks[verdict])


def difference_title(difference: Difference) -> str:
    """Return one thing in which a claim and its best line differ."""
    return {
        Difference.COMPANY: _("company"),
        Difference.INVOICE: _("invoice"),
        Difference.PRODUCT: _("product"),
        Difference.QUANTITY: _("quantity"),
        Difference.DATE: _("date"),
        Difference.UNITS_TAKEN: _("units claimed before"),
        Difference.NO_LINE: _("no such sale"),
    }[difference]


def differences_in_words(found: Sequence[Difference]) -> str:
    """Return in what a claim and its best line differ: “quantity, date”; "—" for nothing."""
    return ", ".join(difference_title(one) for one in found) or "—"


def value_in_words(queued: QueuedClaim) -> str:
    """Return what the claimed units came to at the best line's price, "—" where there is no such line."""
    if queued.at_stake_minor is None or queued.currency is None:
        return "—"
    return wording.money(Money(queued.at_stake_minor, queued.currency))


def total_in_words(claims: Sequence[QueuedClaim]) -> str:
    """Return what the claims come to together, by currency; "" where none has a value."""
    totals: dict[str, int] = {}
    for queued in claims:
        if queued.at_stake_minor is not None and queued.currency is not None:
            totals[queued.currency] = totals.get(queued.currency, 0) + queued.at_stake_minor
    return " + ".join(wording.money(Money(minor, currency)) for currency, minor in sorted(totals.items()))


def record_in_words(queued: QueuedClaim) -> str:
    """Return how the claimant's earlier claims went: “3 of 9 wrong”, “first claim”."""
    if not queued.claims_decided:
        return _("first claim")
    return _("{wrong} of {all} wrong").format(
        wrong=wording.number(queued.claims_wrong), all=wording.number(queued.claims_decided)
    )


def product_of(claim: Claim) -> str:
    """Return the claimed product: its code with its name, or the code alone where nothing has it."""
    if claim.product_name is None or claim.product_name == claim.product_code:
        return claim.product_code
    return f"{claim.product_code} · {claim.product_name}"


def place_in_file(sheet: str | None, row_no: int | None, file_name: str | None) -> str:
    """Return file, sheet and row in one line: “july.xlsx › Sheet1 › row 812”."""
    parts = [file_name or _("a file that you don't see"), *([sheet] if sheet else [])]
    if row_no is not None:
        parts.append(_("row {row}").format(row=row_no))
    return " › ".join(parts)


def claimed_in_words(claim: Claim) -> str:
    """Return what is claimed, ready for Markdown: units and product, and below it invoice and day."""
    return (
        wording.plain(
            _("{quantity} × {product}").format(
                quantity=wording.decimal(claim.quantity), product=claim.product_name or claim.product_code
            )
        )
        + "  \n:gray["
        + wording.plain(
            _("Invoice {invoice}, {day}").format(invoice=claim.invoice_no, day=wording.day(claim.sold_on))
        )
        + "]"
    )


def points_in_words(claim: Claim, points: ClaimPoints | None) -> str:
    """Return what a claim is worth now and what comes next, in a sentence for who claimed."""
    expected = points.expected if points is not None else None
    posted = points.posted if points is not None else 0
    if claim.state is ClaimState.WITHDRAWN:
        return _("Withdrawn: nothing follows from it. The sale may be claimed again.")
    if claim.state is ClaimState.ASKED:
        return _("**There is a question for you.** Answer it, and the claim goes on.")
    if claim.state in UNDECIDED:
        if claim.programme_id is None:
            return _("Somebody checks it. No programme gave points for claims on that day.")
        if expected is None:
            return _("Somebody checks it against the sales that were reported. No matching sale is in yet.")
        if not expected:
            return _("Somebody checks it against the sales that were reported. So far it gives no points.")
        return ngettext(
            "Somebody checks it against the sales that were reported. Expected: **{points} point**.",
            "Somebody checks it against the sales that were reported. Expected: **{points} points**.",
            expected,
        ).format(points=wording.number(expected))
    if claim.state is ClaimState.REJECTED:
        why = wording.plain(claim.decision_reason or "")
        said = _("Rejected: {reason}").format(reason=why) if why else _("It was rejected.")
        if posted:
            return said + " " + _("The points that it gave are taken back in a moment.")
        return said + "  \n" + _("If a number was wrong, claim again with the right one.")
    if claim.programme_id is None:
        return _("The sale is right. No programme gave points for claims on that day.")
    if expected is not None and expected != posted:
        return ngettext(
            "The sale is right. **{points} point** follows in a moment.",
            "The sale is right. **{points} points** follow in a moment.",
            expected - posted,
        ).format(points=wording.number(expected - posted))
    if not posted:
        return _("The sale is right, but the programme gives no points for it.")
    return ngettext(
        "**{points} point** is in your account.", "**{points} points** are in your account.", posted
    ).format(points=wording.number(posted))


# The queue


def queue_table(
    claims: Sequence[QueuedClaim], *, decided: bool, photos: Collection[int]
) -> dict[str, list[Any]]:
    """Return the queue as columns; with `decided` claims among them, where each stands. `photos`: who has any."""
    columns: dict[str, list[Any]] = {
        _("Since"): [
            ("⚑ " if one.claim.escalated_at else "") + wording.age(one.claim.recorded_at) for one in claims
        ],
        _("Claim"): [one.claim.claim_no for one in claims],
    }
    if decided or any(one.claim.state is not ClaimState.WAITING for one in claims):
        columns[_("State")] = [
            state_title(ClaimState.PROPOSED if one.needs_second else one.claim.state) for one in claims
        ]
    return columns | {
        _("Verdict"): [_mark(one) + " " + verdict_title(one.claim.verdict) for one in claims],
        _("Differs in"): [
            "—" if one.best is None else differences_in_words(one.differences) for one in claims
        ],
        _("Value"): [value_in_words(one) for one in claims],
        _("Likely loss"): [
            wording.money(Money(one.claim.expected_loss_minor, one.claim.stake_currency))
            if one.claim.expected_loss_minor is not None and one.claim.stake_currency
            else "—"
            for one in claims
        ],
        _("Claimant"): [one.claim.claimant for one in claims],
        _("Earlier claims"): [record_in_words(one) for one in claims],
        _("Product"): [product_of(one.claim) for one in claims],
        _("Quantity"): [wording.decimal(one.claim.quantity) for one in claims],
        _("Invoice"): [one.claim.invoice_no for one in claims],
        _("Sold"): [wording.day(one.claim.sold_on) for one in claims],
        _("Assigned to"): [one.claim.assigned_to_name or "" for one in claims],
        _("Photo"): [_("yes") if one.claim.number in photos else "" for one in claims],
    }


def sort_titles() -> dict[str, str]:
    """Return the columns that the queue can be sorted by."""
    return {
        "since": _("Since"),
        "claim": _("Claim"),
        "value": _("Value"),
        "loss": _("Likely loss"),
        "claimant": _("Claimant"),
        "quantity": _("Quantity"),
        "invoice": _("Invoice"),
        "sold": _("Sold"),
    }


def exported() -> list_export.Columns[QueuedClaim]:
    """Return the columns of the exported queue."""

    def amount(minor: int | None, currency: str | None) -> Decimal | None:
        return Money(minor, currency).decimal if minor is not None and currency else None

    return [
        (_("Claim"), lambda one: one.claim.claim_no),
        (_("Entered"), lambda one: one.claim.recorded_at),
        (
            _("State"),
            lambda one: state_title(ClaimState.PROPOSED if one.needs_second else one.claim.state),
        ),
        (_("Verdict"), lambda one: verdict_title(one.claim.verdict)),
        (_("Differs in"), lambda one: "" if one.best is None else differences_in_words(one.differences)),
        (_("Value"), lambda one: amount(one.at_stake_minor, one.currency)),
        (_("Likely loss"), lambda one: amount(one.claim.expected_loss_minor, one.claim.stake_currency)),
        (_("Currency"), lambda one: one.currency),
        (_("Programme"), lambda one: one.claim.programme_name),
        (_("Company code"), lambda one: one.claim.company_code),
        (_("Company"), lambda one: one.claim.company_name),
        (_("Participant code"), lambda one: one.claim.participant_code),
        (_("Participant"), lambda one: one.claim.participant_name),
        (_("Earlier claims"), lambda one: one.claims_decided),
        (_("Earlier claims wrong"), lambda one: one.claims_wrong),
        (_("Product code"), lambda one: one.claim.product_code),
        (_("Product"), lambda one: one.claim.product_name),
        (_("Quantity"), lambda one: one.claim.quantity),
        (_("Invoice"), lambda one: one.claim.invoice_no),
        (_("Sold"), lambda one: one.claim.sold_on),
        (_("Assigned to"), lambda one: one.claim.assigned_to_name),
        (_("Decided"), lambda one: one.claim.decided_at),
        (_("By"), lambda one: one.claim.decided_by_name),
        (_("Reason"), lambda one: one.claim.decision_reason),
    ]


def likely_loss_in_words(claim: Claim) -> str | None:
    """Return how much of a claim's value is likely lost if it is approved; None where nothing is known to be."""
    if not claim.expected_loss_minor or not claim.stake_currency:
        return None
    return _("{amount} at risk").format(
        amount=wording.money(Money(claim.expected_loss_minor, claim.stake_currency))
    )


def _mark(queued: QueuedClaim) -> str:
    """Return a sign that tells at a glance: agrees, differs, nothing like it, claimed before."""
    if queued.claim.verdict in BY_RULE:
        return "✓"
    if queued.claim.verdict is Verdict.DUPLICATE_CLAIM or Difference.UNITS_TAKEN in queued.differences:
        return "!"
    return "?" if queued.best is None else "≠"


def selected_in_words(claims: Sequence[QueuedClaim]) -> str:
    """Return the sentence of the bar: how many are selected, what they come to, how many can be approved."""
    agree = sum(one.is_approvable for one in claims)
    parts = [
        ngettext("**{count} claim**", "**{count} claims**", len(claims)).format(
            count=wording.number(len(claims))
        )
    ]
    total = total_in_words(claims)
    if total:
        parts.append(_("{amount} at stake").format(amount=f"**{wording.plain(total)}**"))
    parts.append(
        _("all can be approved")
        if agree == len(claims)
        else _("{count} of {all} can be approved").format(
            count=wording.number(agree), all=wording.number(len(claims))
        )
    )
    return " · ".join(parts)


def _pairs(claim: Claim, line: LineBeside | None) -> list[tuple[str, str, str, Difference]]:
    """Return name, claimed and sold value of each field, and the difference that would mark it."""
    company = f"{claim.company_name} ({claim.company_code})"
    product = product_of(claim)
    if line is None:
        sold = ["—"] * 5
    else:
        sold_product = (
            line.product_code
            if line.product_name == line.product_code
            else f"{line.product_code} · {line.product_name}"
        )
        sold = [
            f"{line.company_name} ({line.company_code})",
            line.invoice_no,
            sold_product,
            wording.decimal(line.quantity),
            wording.day(line.sold_on),
        ]
    return [
        (_("Company"), company, sold[0], Difference.COMPANY),
        (_("Invoice"), claim.invoice_no, sold[1], Difference.INVOICE),
        (_("Product"), product, sold[2], Difference.PRODUCT),
        (_("Quantity"), wording.decimal(claim.quantity), sold[3], Difference.QUANTITY),
        (_("Sold"), wording.day(claim.sold_on), sold[4], Difference.DATE),
    ]


def show_beside(user: SignedInUser, queued: QueuedClaim) -> None:
    """Draw the claim beside its best sold line; what differs stands in colour, with a sign and in words."""
    claim, line = queued.claim, queued.best
    with st.container(horizontal=True, vertical_alignment="center"):
        verdict_badge(queued.claim.verdict)
        for one in queued.differences:
            if one not in (Difference.NO_LINE, Difference.UNITS_TAKEN):
                elements.badge(_("{what} differs").format(what=difference_title(one)), "orange", "difference")
    st.markdown(wording.plain(verdict_in_words(queued)))
    names, claimed, sold = [], [], []
    for name, left, right, difference in _pairs(claim, line):
        differs = line is not None and difference in queued.differences
        names.append(name)
        claimed.append(f":orange-background[≠ {wording.plain(left)}]" if differs else wording.plain(left))
        sold.append(f":orange-background[≠ {wording.plain(right)}]" if differs else wording.plain(right))
    if line is not None:
        own_at = [_("Units that this claim holds")] if line.units_own else []
        names += [*own_at, _("Units that other claims hold"), _("Units that nobody holds"), _("Amount")]
        taken = Difference.UNITS_TAKEN in queued.differences
        left_units = wording.plain(wording.decimal(line.units_left - line.units_own))
        claimed += [
            *(wording.plain(wording.decimal(claim.approved_quantity or 0)) for _one in own_at),
            "",
            "",
        ]
        claimed.append(wording.plain(value_in_words(queued)))
        sold += [
            *(wording.plain(wording.decimal(line.units_own)) for _one in own_at),
            wording.plain(wording.decimal(line.quantity - line.units_left)),
            f":red-background[! {left_units}]" if taken else left_units,
            wording.plain(wording.money(Money(line.amount_minor, line.currency))),
        ]
    elements.short_table(
        {_("What"): names, _("Claimed"): claimed, _("Sold"): sold}
        if line is not None
        else {_("What"): names, _("Claimed"): claimed},
        alt=_("The claim beside the sales line that comes nearest"),
    )
    if line is None:
        st.caption(_("No sale of this product that comes near was reported."))
    else:
        show_file_row(
            user, line.import_id, line.import_number, place_in_file(line.sheet, line.row_no, line.file_name)
        )
        source_row.line_button(user, line.sales_line_id, key=page_key(f"beside_{line.sales_line_id}"))


def tell_came_back(user: SignedInUser) -> None:
    """Say how many approved claims hold units that came back afterwards, with the way to them."""
    count = len(cached.claims_come_back(cached.facts_version(), user.scope))
    if count:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            elements.badge(_("sale came back"), "red", "assignment_return")
            st.markdown(
                ngettext(
                    "{count} approved claim holds units that came back afterwards.",
                    "{count} approved claims hold units that came back afterwards.",
                    count,
                ).format(count=wording.number(count)),
                width="content",
            )
            registry.link(user, "claims", _("Review claims"), icon="arrow_forward", state=_("sale came back"))


def show_came_back(number: int, user: SignedInUser) -> None:
    """Say what came back of an approved claim's sale after the approval, and what to do about it."""
    with current_database().snapshot(user.scope) as connection:
        found = verification.came_back(connection, [number]).get(number)
    if found is None:
        return
    st.warning(
        wording.plain(
            _(
                "Of the {sold} units of this sale {back} came back, the last on {day}; {claimed} are claimed. Correct "
                "the claim to what was kept, or to what it is, if it stands all the same."
            ).format(
                sold=wording.decimal(found.sold),
                back=wording.decimal(found.back),
                day=wording.day(found.last_day),
                claimed=wording.decimal(found.claimed),
            )
        ),
        icon=":material/assignment_return:",
    )


def show_file_row(user: SignedInUser, import_id: UUID | None, import_number: int | None, place: str) -> None:
    """Draw the row of the file that a figure came from, and the way there."""
    st.caption(wording.plain(place))
    if import_number is not None and import_id is not None and Permission.SEE_IMPORTS in user.permissions:
        registry.link(
            user,
            "imports",
            _("Import {number}").format(number=import_number),
            icon="inventory_2",
            **{"import": str(import_id)},
        )


# Decisions


def outcomes_shown(outcomes: Sequence[ClaimOutcome], *, approved: bool) -> None:
    """Draw what became of each claim of one decision."""
    done = [one.claim_no for one in outcomes if one.refusal is None and not one.is_proposed]
    proposed = [one.claim_no for one in outcomes if one.refusal is None and one.is_proposed]
    if proposed:
        st.info(
            ngettext(
                "{numbers} is worth so much that a second person must agree before it counts.",
                "{numbers} are worth so much that a second person must agree before they count.",
                len(proposed),
            ).format(numbers=wording.plain(", ".join(proposed))),
            icon=":material/supervisor_account:",
        )
    if done:
        st.success(
            (
                ngettext(
                    "{count} claim approved: {numbers}. Its points follow within seconds.",
                    "{count} claims approved: {numbers}. Their points follow within seconds.",
                    len(done),
                )
                if approved
                else ngettext(
                    "{count} claim rejected: {numbers}.", "{count} claims rejected: {numbers}.", len(done)
                )
            ).format(count=wording.number(len(done)), numbers=wording.plain(", ".join(done))),
            icon=":material/check_circle:",
        )
    for one in outcomes:
        if one.refusal is not None:
            st.warning(
                wording.plain(
                    one.refusal if one.claim_no in one.refusal else f"{one.claim_no}: {one.refusal}"
                ),
                icon=":material/block:",
            )


@st.dialog(_("Decide claims"), width="medium")
def decide_dialog(user: SignedInUser, claims: Sequence[QueuedClaim], *, approve: bool) -> None:
    """Say what the decision comes to, ask a reason for a rejection, decide, and keep what came of each."""
    st.markdown(selected_in_words(claims))
    hopeless = [one for one in claims if not one.is_approvable]
    if approve and hopeless:
        st.warning(
            ngettext(
                "{numbers} can't be approved as it stands and stays waiting: correct or reject it.",
                "{numbers} can't be approved as they stand and stay waiting: correct or reject them.",
                len(hopeless),
            ).format(numbers=wording.plain(", ".join(one.claim.claim_no for one in hopeless))),
            icon=":material/difference:",
        )
    st.markdown(
        _("Points are posted within seconds, and the sold units can't be claimed again.")
        if approve
        else _("No points come of it. Who claimed reads your reason.")
    )
    reasons = {} if approve else kept_reasons(user, claims)
    with st.form("decide_claims", border=False):
        code = (
            st.selectbox(
                _("Reason"),
                [*reasons, None],
                format_func=lambda one: _("Another reason, in words") if one is None else reasons[one],
            )
            if reasons
            else None
        )
        reason = (
            ""
            if approve
            else st.text_area(
                _("In words (may stay empty with a reason of the list)") if reasons else _("Reason"),
                max_chars=1000,
                height=100,
            )
        )
        label = _("Approve {count}") if approve else _("Reject {count}")
        sent = st.form_submit_button(
            label.format(count=wording.number(len(claims))),
            type="primary",
            icon=":material/check:" if approve else ":material/block:",
        )
    if not sent:
        return
    shown = {one.claim.number: one.claim.payload_hash for one in claims}
    key = elements.form_key("decide_claims")
    try:
        outcomes = (
            verification.approve_claims(current_database(), user.scope, shown, request_key=key)
            if approve
            else verification.reject_claims(
                current_database(),
                user.scope,
                shown,
                reason=reason or "",
                reason_code=code,
                request_key=key,
            )
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.form_done("decide_claims")
    st.session_state["decided_claims"] = (outcomes, approve)
    st.session_state["claims_drawn"] = st.session_state.get("claims_drawn", 0) + 1
    st.rerun()


def show_decided() -> None:
    """Say what came of the decision made last."""
    elements.show_said()
    result = st.session_state.pop("decided_claims", None)
    if result is not None:
        outcomes_shown(result[0], approved=result[1])


def decision_buttons(user: SignedInUser, queued: QueuedClaim) -> None:
    """Draw what may be done with one claim that waits for no second person."""
    claim = queued.claim
    is_open = claim.state in (ClaimState.WAITING, ClaimState.ASKED)
    if is_open and st.button(_("Assign…"), icon=":material/assignment_ind:"):
        assign_dialog(user, [queued])
    if claim.state is ClaimState.WAITING and st.button(_("Ask…"), icon=":material/help:"):
        ask_dialog(user, claim)
    if is_open and st.button(_("Reject…"), icon=":material/block:"):
        decide_dialog(user, [queued], approve=False)
    if st.button(_("Correct…"), icon=":material/edit:"):
        correct_dialog(user, claim)
    if is_open:
        approve_button(user, [queued])


def approve_button(user: SignedInUser, claims: Sequence[QueuedClaim]) -> None:
    """Draw the button that approves, the first choice where any of the claims can be approved as it stands."""
    can = any(one.is_approvable for one in claims)
    if st.button(
        _("Approve…"),
        type="primary" if can else "secondary",
        icon=":material/check:",
        disabled=not can,
        help=None if can else _("Nothing of it can be approved as it stands: correct it, or reject it."),
    ):
        decide_dialog(user, claims, approve=True)


def kept_reasons(user: SignedInUser, claims: Sequence[QueuedClaim]) -> dict[str, str]:
    """Return the reasons to reject that the programmes of all these claims keep, by code."""
    common: dict[str, str] | None = None
    with current_database().snapshot(user.scope) as connection:
        for programme_id in {one.claim.programme_id for one in claims}:
            rules = programmes.verification_of(connection, programme_id)
            kept = {one.code: one.text for one in rules.reject_reasons}
            common = (
                kept
                if common is None
                else {code: text for code, text in common.items() if kept.get(code) == text}
            )
    return common or {}


@st.dialog(_("Ask who claimed"), width="medium")
def ask_dialog(user: SignedInUser, claim: Claim) -> None:
    """Ask for a question and send it to who claimed."""
    st.markdown(
        _("{claimant} reads your question with the claim and answers there, with a photo if need be.").format(
            claimant=wording.plain(claim.claimant)
        )
    )
    with st.form("ask_claimant", border=False):
        question = st.text_area(_("Question"), max_chars=1000, height=100)
        sent = st.form_submit_button(_("Ask"), type="primary", icon=":material/help:")
    if not sent:
        return
    form = f"ask_{claim.number}"
    try:
        verification.ask_claimant(
            current_database(),
            user.scope,
            claim.number,
            question=question or "",
            request_key=elements.form_key(form),
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.form_done(form)
    _done(_("Claim {number} waits for an answer.").format(number=wording.plain(claim.claim_no)))


@st.dialog(_("Assign claims"), width="medium")
def assign_dialog(user: SignedInUser, claims: Sequence[QueuedClaim]) -> None:
    """Ask who is to decide the claims."""
    with current_database().snapshot(user.scope) as connection:
        people = {one.user_id: one.display_name for one in verification.deciders(connection)}
    with st.form("assign_claims", border=False):
        chosen = st.selectbox(
            _("Assign to"),
            [*people, None],
            index=list(people).index(user.id) if user.id in people else 0,
            format_func=lambda one: _("Nobody") if one is None else people[one],
        )
        sent = st.form_submit_button(
            _("Assign {count}").format(count=wording.number(len(claims))),
            type="primary",
            icon=":material/assignment_ind:",
        )
    if not sent:
        return
    try:
        outcomes = verification.assign_claims(
            current_database(), user.scope, [one.claim.number for one in claims], user_id=chosen
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    refused = [one for one in outcomes if one.refusal is not None]
    if refused:
        for one in refused:
            st.warning(wording.plain(one.refusal or ""), icon=":material/block:")
        return
    name = wording.plain(people[chosen]) if chosen is not None else _("nobody")
    _done(
        ngettext(
            "{count} claim is assigned to {name}.", "{count} claims are assigned to {name}.", len(outcomes)
        ).format(count=wording.number(len(outcomes)), name=name)
    )


def _done(sentence: str) -> None:
    """Say what was done in the page's next run, which draws the queue anew."""
    elements.say_after_rerun(sentence)
    st.session_state["claims_drawn"] = st.session_state.get("claims_drawn", 0) + 1
    st.rerun()


def _line_title(line: LineBeside) -> str:
    return _("{invoice} · {quantity} × {product} · {day} · {left} for this claim").format(
        invoice=line.invoice_no,
        quantity=wording.decimal(line.quantity),
        product=line.product_name or line.product_code,
        day=wording.day(line.sold_on),
        left=wording.decimal(line.units_left),
    )


@st.dialog(_("Correct a claim"), width="medium")
def correct_dialog(user: SignedInUser, claim: Claim) -> None:
    """Ask for the right line, units and reason, and lay the claim to them."""
    with current_database().snapshot(user.scope) as connection:
        near = verification.candidates(connection, claim.number, limit=LINES_OFFERED)
    # A claim is laid to a line of its own company.
    lines = {one.sales_line_id: one for one in near if one.company_id == claim.company_id}
    choices: list[int | None] = [*lines, None]
    held = claim.sales_line_id if claim.sales_line_id in lines else choices[0]
    st.markdown(
        wording.plain(
            _("{number}: {quantity} × {product}, invoice {invoice}, {day}").format(
                number=claim.claim_no,
                quantity=wording.decimal(claim.quantity),
                product=product_of(claim),
                invoice=claim.invoice_no,
                day=wording.day(claim.sold_on),
            )
        )
    )
    with st.form("correct_claim", border=False):
        chosen = st.radio(
            _("What was sold"),
            choices,
            index=choices.index(held),
            format_func=lambda one: (
                wording.plain(_line_title(lines[one]))
                if one is not None
                else _("Nothing of it: reject the claim")
            ),
        )
        quantity = st.number_input(
            _("Units that count"),
            min_value=0.0,
            value=float(claim.approved_quantity or claim.quantity),
            step=1.0,
            format="%g",
        )
        reason = st.text_area(_("Reason"), max_chars=1000, height=100)
        st.caption(_("The difference in points is posted within seconds."))
        sent = st.form_submit_button(_("Correct"), type="primary", icon=":material/edit:")
    if not sent:
        return
    try:
        corrected = verification.correct_claim(
            current_database(),
            user.scope,
            claim.number,
            payload_hash=claim.payload_hash,
            sales_line_id=chosen,
            quantity=Decimal(str(quantity)).normalize() if chosen is not None else Decimal(0),
            reason=reason or "",
            request_key=elements.form_key(f"correct_{claim.number}"),
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.form_done(f"correct_{claim.number}")
    # A correction may change nothing but this, and then nothing is settled.
    cached.claims_come_back.clear()
    with current_database().snapshot(user.scope) as connection:
        waits = verification.waiting_proposals(connection, [claim.number])
    _done(
        (
            _("The correction of claim {number} waits for a second person.")
            if waits
            else _("Claim {number} is corrected: {state}.")
        ).format(number=wording.plain(corrected.claim_no), state=state_title(corrected.state))
    )


# Forms


@dataclass(frozen=True, slots=True)
class Offered:
    """What the forms let one choose from: product names by code, programmes of the day by code."""

    products: Mapping[str, str]
    programmes: Mapping[str, str]


def read_offered(user: SignedInUser, *, form: str) -> Offered:
    """Read the products, and the programmes where more than one may be meant."""
    with current_database().snapshot(user.scope) as connection:
        products = find_products(connection, "", limit=PRODUCTS_OFFERED)
        today = verification.claims_programmes(connection, user.scope, now().date())
    # Those of another day are known once the form was sent for it.
    asked: Sequence[ClaimsProgramme] = st.session_state.get(f"programmes_{form}", ())
    programmes = {one.code: one.name for one in (*today, *asked)}
    return Offered({one.code: one.name for one in products}, programmes if len(programmes) > 1 else {})


def code_of(offered: Offered, written: str) -> str:
    """Return the code of the one product that is written so, by code or name in any case; else what is written."""
    wanted = written.strip().casefold()
    found = [code for code, name in offered.products.items() if wanted in (code.casefold(), name.casefold())]
    return found[0] if len(found) == 1 else written


def sale_fields(offered: Offered, *, key: str) -> tuple[str, str, Decimal, date, str | None]:
    """Draw the fields of a sold thing; return invoice number, product code, quantity, day, programme code."""
    invoice = st.text_input(
        _("Invoice number"), max_chars=100, autocomplete="off", key=f"{key}_invoice", placeholder="INV-20931"
    )

    def titled(code: str) -> str:
        name = offered.products.get(code)
        return code if name is None or name == code else f"{name} ({code})"

    product = st.selectbox(
        _("Product"),
        list(offered.products),
        index=None,
        format_func=titled,
        placeholder=_("Type a part of its name or code"),
        key=f"{key}_product",
    )
    with st.expander(_("The product is not in the list")):
        written = st.text_input(
            _("Code or name as on the invoice"),
            max_chars=100,
            autocomplete="off",
            help=_("It counts only where no product is chosen above."),
            key=f"{key}_other_product",
        )
    quantity_at, day_at = st.columns(2, wrap=False)
    quantity = quantity_at.number_input(
        _("Quantity"), min_value=0.0, value=1.0, step=1.0, format="%g", key=f"{key}_quantity"
    )
    today = now().astimezone(wording.reader_time_zone()).date()
    sold_on = day_at.date_input(
        _("Sold on"), value=today, max_value=today, key=f"{key}_day", format=wording.date_format()
    )
    programme = None
    if offered.programmes:
        programme = st.selectbox(
            _("Programme"),
            list(offered.programmes),
            index=None,
            format_func=offered.programmes.__getitem__,
            placeholder=_("The only one of that day"),
            key=f"{key}_programme",
        )
    return (
        invoice or "",
        product or code_of(offered, written or ""),
        Decimal(str(quantity)).normalize(),
        sold_on,
        programme,
    )


def photo_field(*, key: str, is_needed: bool = False) -> bytes | None:
    """Draw the choice of a photo or scan, by file or by the camera, and return its contents.

    `is_needed` only leaves out of the label that it may stay empty; the page judges what came.
    """
    by_camera = st.toggle(_("Take the photo here"), key=f"{key}_by_camera")
    if by_camera:
        taken = st.camera_input(_("Photo of the invoice"), key=f"{key}_camera")
    else:
        taken = st.file_uploader(
            _("Photo or scan of the invoice")
            if is_needed
            else _("Photo or scan of the invoice (may stay empty)"),
            type=list(DOCUMENT_TYPES),
            max_upload_size=verification.LARGEST_DOCUMENT_BYTES // (1024 * 1024),
            key=f"{key}_file",
        )
    return taken.getvalue() if taken is not None else None


def enter(
    user: SignedInUser,
    *,
    form: str,
    participant_id: UUID | None,
    company_id: UUID | None,
    company_code: str | None,
    sale: tuple[str, str, Decimal, date, str | None],
    source: ClaimSource,
    photo: bytes | None,
    note: str | None = None,
    claim_no: str | None = None,
) -> Claim | None:
    """Keep the photo and enter the claim; return it, or None once a refusal was shown.

    The form's key makes a form that is sent twice one claim.
    """
    invoice, product, quantity, sold_on, programme = sale
    database = current_database()
    try:
        document_id = None
        if photo is not None and company_id is not None:
            document_id = verification.add_document(
                database, current_runtime().settings, user.scope, company_id=company_id, data=photo
            )
        claim = verification.enter_claim(
            database,
            user.scope,
            participant_id=participant_id,
            company_code=company_code,
            programme_code=programme,
            invoice_no=invoice,
            product_code=product,
            quantity=quantity,
            sold_on=sold_on,
            source=source,
            document_id=document_id,
            note=note or None,
            claim_no=claim_no or None,
            request_key=elements.form_key(form),
        )
    except SeveralClaimsProgrammesError as refusal:
        st.session_state[f"programmes_{form}"] = refusal.found
        st.warning(
            wording.plain_lines(refusal.sentence) + "  \n" + _("Send the form again to choose."),
            icon=":material/workspace_premium:",
        )
        return None
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return None
    elements.form_done(form)
    return claim


@dataclass(frozen=True, slots=True)
class Claimant:
    """Whom a paper form may be of: a participant, or a company without one."""

    participant_id: UUID | None
    company_id: UUID
    company_code: str
    title: str


def read_claimants(user: SignedInUser) -> dict[str, Claimant]:
    """Return those who may be named on a paper form, people first, by what tells them apart."""
    with current_database().snapshot(user.scope) as connection:
        people = [
            one
            for one in participants.find_participants(connection, "", limit=CLAIMANTS_OFFERED)
            if one.state is participants.ParticipantState.ACTIVE
        ]
        companies = organisation.find_companies(connection, "", limit=CLAIMANTS_OFFERED)
    return {
        **{
            f"p:{one.code}": Claimant(
                one.id,
                one.company_id,
                one.company_code,
                f"{one.display_name} ({one.code}), {one.company_name}",
            )
            for one in people
        },
        **{
            f"c:{one.code}": Claimant(
                None,
                one.id,
                one.code,
                _("{name} ({code}), nobody named").format(name=one.name, code=one.code),
            )
            for one in companies
        },
    }
