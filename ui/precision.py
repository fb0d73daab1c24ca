"""How far the automatic verdicts can be trusted: what people made of them, by verdict and month, and the claims."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import streamlit as st

from loyalty_core.access import SignedInUser
from loyalty_core.kernel import Scope, _, ngettext
from loyalty_core.verification import BY_RULE, Verdict
from ui import charts, claims, elements, explored, list_export, registry, spans, wording
from ui.elements import Figure
from ui.keys import page_key

ROWS = 50
_LONG_AGO = date(2000, 1, 1)


class Outcome(StrEnum):
    """What became of claims of a verdict, as `verdict_claims.sql` names it."""

    ALL = "all"
    WRONG = "wrong"
    APPROVED = "approved"
    REJECTED = "rejected"
    CORRECTED = "corrected"
    BY_RULE = "by_rule"
    WAITING = "waiting"
    WRONG_BY_RULE = "wrong_by_rule"


def outcome_title(outcome: Outcome) -> str:
    """Return what became of claims, in a few words."""
    return {
        Outcome.ALL: _("all"),
        Outcome.WRONG: _("people disagreed"),
        Outcome.APPROVED: _("approved"),
        Outcome.REJECTED: _("rejected"),
        Outcome.CORRECTED: _("corrected"),
        Outcome.BY_RULE: _("by rule, left so"),
        Outcome.WAITING: _("not decided yet"),
        Outcome.WRONG_BY_RULE: _("by rule, corrected later"),
    }[outcome]


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose verdicts, of which days (both ends inclusive) in which zone. None: of every programme."""

    programme_id: UUID | None
    since: date
    until: date
    time_zone: str

    @property
    def values(self) -> dict[str, object]:
        """The parameters that both queries have."""
        return {
            "programme_id": self.programme_id,
            "since": self.since,
            "until": self.until,
            "time_zone": self.time_zone,
        }


@dataclass(frozen=True, slots=True)
class Counted:
    """How many claims there are of a verdict, or of a month, and what became of them."""

    claims: int = 0
    approved: int = 0
    rejected: int = 0
    corrected: int = 0
    by_rule: int = 0
    waiting: int = 0
    right: int = 0
    wrong: int = 0
    wrong_by_rule: int = 0

    @property
    def decided(self) -> int:
        """How many a person decided."""
        return self.approved + self.rejected + self.corrected

    @property
    def precision(self) -> float | None:
        """The part of the decided ones, those by rule included, that was right; None where nothing is decided."""
        known = self.right + self.wrong
        return self.right / known if known else None

    def of(self, outcome: Outcome) -> int:
        """How many claims became this."""
        return {
            Outcome.ALL: self.claims,
            Outcome.WRONG: self.wrong,
            Outcome.APPROVED: self.approved,
            Outcome.REJECTED: self.rejected,
            Outcome.CORRECTED: self.corrected,
            Outcome.BY_RULE: self.by_rule,
            Outcome.WAITING: self.waiting,
            Outcome.WRONG_BY_RULE: self.wrong_by_rule,
        }[outcome]


def stretches(today: date) -> dict[str, tuple[date, date]]:
    """Return the days that can be looked at by the name they have in the URL, the last twelve months first."""
    return {
        "year": (spans.months_back(today.replace(day=1), 11), today),
        "quarter": (today - timedelta(days=89), today),
        "month": (today - timedelta(days=29), today),
        "ever": (_LONG_AGO, today),
    }


def stretch_titles() -> dict[str, str]:
    """Return what the days are called."""
    return {
        "year": _("Last 12 months"),
        "quarter": _("Last 90 days"),
        "month": _("Last 30 days"),
        "ever": _("From the beginning"),
    }


def read_rows(scope: Scope, asked: Asked) -> explored.Rows:
    """Return what became of claims, by programme, month and verdict."""
    return explored.ask(scope, "verdict_precision", asked.values)


def counted(rows: explored.Rows) -> Counted:
    """Return the rows in one."""

    def total(name: str) -> int:
        return sum(row[name] for row in rows)

    return Counted(
        claims=total("claims"),
        approved=total("approved"),
        rejected=total("rejected"),
        corrected=total("corrected"),
        by_rule=total("by_rule"),
        waiting=total("waiting"),
        right=total("were_right"),
        wrong=total("were_wrong"),
        wrong_by_rule=total("wrong_by_rule"),
    )


def part_in_words(share: float | None) -> str:
    """Return a part of one in percent, "—" where there is none."""
    return "—" if share is None else wording.percent(share)


def show_figures(whole: Counted) -> None:
    """Draw how often people agreed with all verdicts together, and how often the rule was wrong."""
    by_rule = whole.by_rule + whole.wrong_by_rule
    elements.figure_row(
        [
            Figure(
                _("Right"),
                part_in_words(whole.precision),
                help=_("Of what is decided. An approval by rule that nobody changed counts as right."),
            ),
            Figure(_("Decided by people"), wording.short_number(whole.decided)),
            Figure(_("Approved by rule"), wording.short_number(by_rule)),
            Figure(
                _("The rule's mistakes"),
                wording.short_number(whole.wrong_by_rule),
                _("{share} of its approvals").format(share=wording.percent(whole.wrong_by_rule / by_rule))
                if whole.wrong_by_rule
                else None,
                delta_color="off",
                help=_("Approved by rule, and changed by a person later."),
            ),
        ]
    )


def verdicts_table(verdicts: Sequence[tuple[Verdict, Counted]]) -> dict[str, list[Any]]:
    """Return a row for each verdict: how often it was right, of how many, and what became of them."""
    return {
        _("Verdict"): [claims.verdict_title(verdict) for verdict, _counted in verdicts],
        _("Right"): [part_in_words(one.precision) for _verdict, one in verdicts],
        _("Claims"): [wording.number(one.claims) for _verdict, one in verdicts],
        _("Approved"): [wording.number(one.approved) for _verdict, one in verdicts],
        _("Rejected"): [wording.number(one.rejected) for _verdict, one in verdicts],
        _("Corrected"): [wording.number(one.corrected) for _verdict, one in verdicts],
        _("By rule"): [wording.number(one.by_rule) for _verdict, one in verdicts],
        _("Not decided"): [wording.number(one.waiting) for _verdict, one in verdicts],
    }


def choose_verdict(rows: explored.Rows) -> Verdict | None:
    """Let the reader choose one of the verdicts that there are, kept in the URL; None: all of them."""
    there = {row["verdict"] for row in rows}
    titles = {
        "": _("Every verdict"),
        **{one.value: claims.verdict_title(one) for one in Verdict if one in there},
    }
    chosen = st.selectbox(
        _("Verdict"),
        list(titles),
        format_func=titles.__getitem__,
        key=page_key("verdict"),
        bind="query-params",
    )
    return Verdict(chosen) if chosen else None


def show_verdicts(rows: explored.Rows) -> None:
    """Draw what became of each verdict."""
    table = verdicts_table(
        [
            (verdict, counted([row for row in rows if row["verdict"] == verdict]))
            for verdict in Verdict
            if any(row["verdict"] == verdict for row in rows)
        ]
    )
    elements.table(table, alt=_("How often people agreed with each verdict"), numbers=list(table)[1:])


def meaning_of_right(verdict: Verdict | None) -> str:
    """Return when a verdict counts as right."""
    if verdict is None:
        return _(
            "Right is a verdict that the decision agrees with. Choose one to read what that means for it."
        )
    if verdict in BY_RULE:
        return _("Right when it was granted as claimed; wrong when a person rejected or changed it.")
    if verdict is Verdict.TYPO_IN_INVOICE:
        return _("Right when the units went to the sale that it was taken for.")
    if verdict is Verdict.WRONG_DATE:
        return _("Right when the units went to that sale, whose own day counts, or nothing was granted.")
    if verdict in (
        Verdict.UNKNOWN_INVOICE,
        Verdict.UNKNOWN_PRODUCT,
        Verdict.CLAIMED_BY_ANOTHER_CUSTOMER,
    ):
        return _("Right unless it was approved as it stood.")
    if verdict is Verdict.DUPLICATE_CLAIM:
        return _("Right when nothing was granted.")
    return _("Right when less was granted than claimed, or nothing.")


def choose_month(rows: explored.Rows) -> date | None:
    """Let the reader choose one of the months that there are, kept in the URL; None: all of them."""
    titles = {
        "": _("Every month"),
        **{
            one.isoformat(): wording.month(one)
            for one in sorted({row["month"] for row in rows}, reverse=True)
        },
    }
    chosen = st.selectbox(
        _("Month of the verdict"),
        list(titles),
        format_func=titles.__getitem__,
        key=page_key("month"),
        bind="query-params",
    )
    return date.fromisoformat(chosen) if chosen else None


def show_months(rows: explored.Rows) -> None:
    """Draw how often the verdicts were right, month by month."""
    months = sorted({row["month"] for row in rows})
    by_month = {month: counted([row for row in rows if row["month"] == month]) for month in months}
    known = {month: one.precision for month, one in by_month.items() if one.precision is not None}
    if not known:
        st.caption(_("Nothing is decided yet."))
        return
    ends = {
        month: ngettext("{share} of {count} claim", "{share} of {count} claims", right_or_wrong).format(
            share=wording.percent(share), count=wording.number(right_or_wrong)
        )
        for month, share in known.items()
        for right_or_wrong in [by_month[month].right + by_month[month].wrong]
    }
    elements.chart(
        charts.rows_of_bars(
            [wording.month(month) for month in known],
            [share * 100 for share in known.values()],
            texts=[ends[month] for month in known],
            ids=[month.isoformat() for month in known],
            mode=elements.mode(),
            separators=elements.separators(),
            texts_above=True,
        ),
        key=elements.key_of_rows("precision_months", known),
        alt=_("How often the verdicts were right, by month"),
    )


def choose_outcome() -> Outcome:
    """Let the reader choose what became of the claims to list, kept in the URL."""
    return Outcome(
        st.selectbox(
            _("What became of them"),
            [one.value for one in Outcome],
            format_func=lambda one: outcome_title(Outcome(one)),
            key=page_key("outcome"),
            bind="query-params",
        )
    )


def claims_table(rows: explored.Rows) -> dict[str, list[Any]]:
    """Return a row for each claim: what it was taken for, and what became of it."""
    return {
        _("Claim"): [row["claim_no"] for row in rows],
        _("Company"): [row["company_name"] or "—" for row in rows],
        _("Verdict"): [claims.verdict_title(Verdict(row["verdict"])) for row in rows],
        _("What became of it"): [
            outcome_title(Outcome.WRONG_BY_RULE)
            if row["was_by_rule"] and row["was_right"] is False
            else outcome_title(Outcome(row["outcome"]))
            for row in rows
        ],
        _("Right"): [
            "—" if row["was_right"] is None else _("yes") if row["was_right"] else _("no") for row in rows
        ],
        _("Claimed"): [wording.decimal(row["quantity"]) for row in rows],
        _("Granted"): ["—" if row["granted"] is None else wording.decimal(row["granted"]) for row in rows],
        _("Decided"): [wording.moment(row["decided_at"]) if row["decided_at"] else "—" for row in rows],
    }


def show_claims(
    user: SignedInUser, asked: Asked, outcome: Outcome, total: int, *, verdict: Verdict | None, key: str
) -> None:
    """Draw the claims behind a figure, and the way to the one that is chosen."""
    if not total:
        st.caption(_("No claim."))
        return
    rows_at, offset = elements.paged(total, key=f"{key}_page", size=ROWS)
    values = {
        **asked.values,
        "verdict": verdict.value if verdict is not None else None,
        "outcome": outcome.value,
    }
    rows = explored.ask(user.scope, "verdict_claims", {**values, "limit": ROWS, "offset": offset})
    list_export.offer(
        user,
        f"checked-{key.rpartition('.')[2]}",
        total,
        [
            (_("Claim"), lambda row: row["claim_no"]),
            (_("Company"), lambda row: row["company_name"]),
            (_("Product code"), lambda row: row["product_code"]),
            (_("Sold"), lambda row: row["sold_on"]),
            (_("Verdict"), lambda row: claims.verdict_title(Verdict(row["verdict"]))),
            (_("Compared"), lambda row: row["judged_at"]),
            (_("Outcome"), lambda row: outcome_title(Outcome(row["outcome"]))),
            (_("Right"), lambda row: row["was_right"]),
            (_("Claimed"), lambda row: row["quantity"]),
            (_("Granted"), lambda row: row["granted"]),
            (_("Decided"), lambda row: row["decided_at"]),
        ],
        list_export.from_replica(user, "verdict_claims", values, None),
    )
    with rows_at:
        chosen = elements.choose_row(
            claims_table(rows),
            key=elements.key_of_rows(key, [row["number"] for row in rows]),
            alt=_("Claims, those decided last first"),
            numbers=[_("Claimed"), _("Granted")],
        )
        if chosen is None or chosen >= len(rows):
            st.caption(_("Choose a claim to open it."))
            return
        row = rows[chosen]
        registry.link(
            user,
            "claim",
            _("Open {number}").format(number=wording.plain(row["claim_no"])),
            icon="open_in_full",
            claim=str(row["number"]),
        )
