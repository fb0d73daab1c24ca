"""Everything that happened to a claim, in one line of time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, text

from loyalty_core.verification import store
from loyalty_core.verification.policy import Decision, DecisionKind, EventKind, Verdict


class StoryKind(StrEnum):
    """What happened; the events of a claim under their own names."""

    ENTERED = "entered"
    JUDGED = "judged"
    APPROVED = "approved"
    REJECTED = "rejected"
    CORRECTED = "corrected"
    REOPENED = "reopened"
    WITHDRAWN = "withdrawn"
    ASSIGNED = "assigned"
    ASKED = "asked"
    ANSWERED = "answered"
    PROPOSED = "proposed"
    AGREED = "agreed"
    DISAGREED = "disagreed"
    ESCALATED = "escalated"
    DOCUMENT_ADDED = "document_added"


_DECIDED = {
    DecisionKind.APPROVE: StoryKind.APPROVED,
    DecisionKind.REJECT: StoryKind.REJECTED,
    DecisionKind.CORRECT: StoryKind.CORRECTED,
    DecisionKind.REOPEN: StoryKind.REOPENED,
    DecisionKind.WITHDRAW: StoryKind.WITHDRAWN,
}
# What of one moment comes first.
_PLACES = {
    StoryKind.ENTERED: 0,
    StoryKind.DOCUMENT_ADDED: 1,
    StoryKind.JUDGED: 2,
    StoryKind.PROPOSED: 3,
    StoryKind.AGREED: 4,
    StoryKind.DISAGREED: 4,
}


@dataclass(frozen=True, slots=True)
class StoryEntry:
    """One thing that happened to a claim.

    `by_name` is "" for what Laurel did by itself. `decision` stands with decisions, `verdict` with verdicts, where
    `detail` may name `invoice_no` (the one that seems to be meant) and `duplicate_of` (the claim that stands, by its
    own number); with a question's answer, or a document, `detail` may name its `document_id`.
    """

    kind: StoryKind
    at: datetime
    by_name: str
    words: str | None = None
    decision: Decision | None = None
    verdict: Verdict | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def claim_story(connection: Connection, number: int) -> list[StoryEntry]:
    """Return everything that happened to a claim of the scope, the first thing first. Raises UnknownClaimError.

    Withdrawn proposals are told by what withdrew them: a new verdict, or the decision to open the claim again.
    """
    claim = store.claim_by_number(connection, number)
    story = [
        StoryEntry(
            StoryKind.ENTERED,
            claim.recorded_at,
            claim.entered_by_name,
            words=claim.note,
            detail={"document_id": str(claim.document_id)} if claim.document_id else {},
        )
    ]
    story += [
        StoryEntry(
            _DECIDED[one.kind],
            one.decided_at,
            "" if one.is_by_rule else one.decided_by_name,
            words=one.reason,
            decision=one,
        )
        for one in store.history(connection, number)
    ]
    events = connection.execute(
        text(
            "select kind, recorded_at, happened_by, happened_by_name, words, detail from claim_event"
            " where claim_number = :number order by id"
        ),
        {"number": number},
    )
    story += [
        StoryEntry(
            StoryKind(EventKind(row.kind).value),
            row.recorded_at,
            "" if row.kind == EventKind.ESCALATED.value else row.happened_by_name,
            words=row.words,
            detail=row.detail,
        )
        for row in events
    ]
    verdicts = connection.execute(
        text(
            "select v.verdict, v.judged_at, v.proposed_invoice_no, d.claim_no as duplicate_of from claim_verdict v"
            " left join claim d on d.number = v.duplicate_of where v.claim_number = :number order by v.id"
        ),
        {"number": number},
    )
    story += [
        StoryEntry(
            StoryKind.JUDGED,
            row.judged_at,
            "",
            verdict=Verdict(row.verdict),
            detail={"invoice_no": row.proposed_invoice_no, "duplicate_of": row.duplicate_of},
        )
        for row in verdicts
    ]
    # Sorting is stable: of one moment and place, in the order they were written.
    return sorted(story, key=lambda one: (one.at, _PLACES.get(one.kind, 5)))
