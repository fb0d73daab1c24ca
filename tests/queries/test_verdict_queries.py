"""What the queries of verdicts make of small tables, row by row."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.queries.tables import Row, Tables, name_id, rows_of, table_of


def at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


JUDGED_AT = at(6, 10)


class Claims:
    """Claims of five units with their verdicts and decisions, numbered as they come."""

    def __init__(self) -> None:
        self.claims: list[Row] = []
        self.verdicts: list[Row] = []
        self.decisions: list[Row] = []

    def add(
        self,
        verdicts: str,
        *decisions: str,
        judged_at: datetime = JUDGED_AT,
        programme: str | None = "club",
        state: str = "waiting",
    ) -> None:
        """Add a claim that was judged to be each of the verdicts, the last one beside line 70, and decided so.

        A decision is told as “rule”, “approve”, “reject”, “reopen”, or “correct 70 5”: to that line and units.
        """
        number = len(self.claims) + 1
        about: dict[str, Any] = {
            "programme_id": name_id(programme) if programme else None,
            "company_id": name_id("C1"),
        }
        self.claims.append(
            {
                **about,
                "number": number,
                "claim_no": f"K-{number}",
                "state": state,
                "quantity": Decimal(5),
                "product_code": "P1",
                "sold_on": date(2026, 6, 1),
            }
        )
        for verdict in verdicts.split(", "):
            self.verdicts.append(
                {
                    **about,
                    "id": len(self.verdicts) + 1,
                    "claim_number": number,
                    "verdict": verdict,
                    "sales_line_id": 70,
                    "judged_at": judged_at,
                }
            )
        for revision, words in enumerate(decisions, start=1):
            kind, line, units = (*words.split(), None, None)[:3]
            is_granted = kind in ("rule", "approve")
            self.decisions.append(
                {
                    **about,
                    "id": len(self.decisions) + 1,
                    "claim_number": number,
                    "revision": revision,
                    "kind": "approve" if kind == "rule" else kind,
                    "sales_line_id": 70 if is_granted else line,
                    "quantity": Decimal(5) if is_granted else units,
                    "is_by_rule": kind == "rule",
                    "decided_at": at(7, revision, number),
                }
            )

    @property
    def tables(self) -> Tables:
        return {
            "company": [{"id": name_id("C1"), "code": "C1", "name": "First"}],
            "claim": self.claims,
            "claim_verdict": self.verdicts,
            "claim_decision": self.decisions,
        }


SPAN = {"since": date(2026, 6, 1), "until": date(2026, 6, 30), "time_zone": "UTC"}
COUNTS = ("claims", "approved", "rejected", "corrected", "by_rule", "waiting", "were_right", "were_wrong")


def precision(claims: Claims, **values: Any) -> list[dict[str, Any]]:
    return rows_of("verdict_precision", claims.tables, **{**SPAN, **values})


def outcomes(claims: Claims, **values: Any) -> list[tuple[Any, ...]]:
    found = rows_of(
        "verdict_claims", claims.tables, **{**SPAN, "outcome": "all", "limit": 100, "offset": 0, **values}
    )
    return table_of(found, "claim_no", "outcome", "was_right")


def test_each_verdict_is_counted_by_what_people_made_of_it() -> None:
    claims = Claims()
    claims.add("match", "rule")
    claims.add("match", "rule", "correct 70 3")
    claims.add("match", "approve")
    claims.add("match")
    claims.add("match", "reject")
    claims.add("inflated_quantity", "correct 70 3")
    claims.add("inflated_quantity", "approve", programme=None)
    rows = precision(claims)
    assert table_of(rows, "programme_id", "month", "verdict", *COUNTS, "wrong_by_rule") == [
        (str(name_id("club")), date(2026, 6, 1), "inflated_quantity", 1, 0, 0, 1, 0, 0, 1, 0, 0),
        (None, date(2026, 6, 1), "inflated_quantity", 1, 1, 0, 0, 0, 0, 0, 1, 0),
        (str(name_id("club")), date(2026, 6, 1), "match", 5, 1, 1, 1, 1, 1, 2, 2, 1),
    ]
    assert table_of(precision(claims, programme_id=name_id("club")), "verdict", "claims") == [
        ("inflated_quantity", 1),
        ("match", 5),
    ]


@pytest.mark.parametrize(
    ("verdict", "decision", "was_right"),
    [
        ("match_partial", "approve", True),
        # Confirmed, as after some units came back.
        ("match_partial", "correct 70 5", True),
        ("match_partial", "correct 70 3", False),
        ("match", "correct 71 5", False),
        ("match", "correct", False),
        ("match", "reject", False),
        ("typo_in_invoice", "approve", True),
        ("typo_in_invoice", "correct 70 4", True),
        ("typo_in_invoice", "correct 71 5", False),
        ("typo_in_invoice", "reject", False),
        ("unknown_invoice", "reject", True),
        ("unknown_invoice", "correct 71 5", True),
        ("unknown_invoice", "approve", False),
        ("inflated_quantity", "correct 70 4", True),
        ("inflated_quantity", "correct 70 5", False),
        # Whoever approves it agrees that the sale is there, and that its own day counts.
        ("wrong_date", "approve", True),
        ("wrong_date", "correct 70 3", True),
        ("wrong_date", "reject", True),
        ("wrong_date", "correct 71 5", False),
        ("duplicate_claim", "reject", True),
        ("duplicate_claim", "correct", True),
        ("duplicate_claim", "correct 71 3", False),
        ("duplicate_claim", "approve", False),
        ("claimed_by_another_customer", "reject", True),
        ("claimed_by_another_customer", "correct 71 5", True),
        ("claimed_by_another_customer", "approve", False),
    ],
)
def test_what_is_right_depends_on_what_the_verdict_says(
    verdict: str, decision: str, *, was_right: bool
) -> None:
    claims = Claims()
    claims.add(verdict, decision)
    assert [row[2] for row in outcomes(claims)] == [was_right]
    assert table_of(precision(claims), "were_right", "were_wrong") == [(int(was_right), int(not was_right))]


def test_the_last_verdict_and_the_last_decision_count() -> None:
    claims = Claims()
    claims.add("unknown_invoice, match", "rule")
    claims.add("wrong_date", "reject", "correct 71 5")
    # Its sale was undone: it begins anew.
    claims.add("match, unknown_invoice", "rule", "reopen")
    claims.add("match, wrong_date", "approve", "reopen", "reject")
    # Its file was undone.
    claims.add("match", "rule", "withdraw", state="withdrawn")
    assert sorted(outcomes(claims)) == [
        ("K-1", "by_rule", True),
        ("K-2", "corrected", False),
        ("K-3", "waiting", None),
        ("K-4", "rejected", True),
    ]
    assert sum(row["claims"] for row in precision(claims)) == 4


def test_verdicts_count_on_the_days_of_a_zone() -> None:
    claims = Claims()
    claims.add("match", judged_at=at(5, 31, 23))
    claims.add("match", judged_at=at(6, 30, 23))
    assert table_of(precision(claims), "month", "claims") == [(date(2026, 6, 1), 1)]
    assert [row[0] for row in outcomes(claims)] == ["K-2"]
    assert [row[0] for row in outcomes(claims, time_zone="Europe/Warsaw")] == ["K-1"]


def test_the_claims_behind_a_figure_are_as_many_as_it_says() -> None:
    claims = Claims()
    claims.add("match", "rule")
    claims.add("match", "rule", "correct 70 3")
    claims.add("match", "approve")
    claims.add("duplicate_claim", "approve")
    claims.add("wrong_date")
    claims.add("wrong_date", programme="other")
    of = {
        outcome: [row[0] for row in outcomes(claims, outcome=outcome)]
        for outcome in ("by_rule", "approved", "corrected", "rejected", "waiting", "wrong", "wrong_by_rule")
    }
    assert of == {
        "by_rule": ["K-1"],
        "approved": ["K-4", "K-3"],
        "corrected": ["K-2"],
        "rejected": [],
        "waiting": ["K-5", "K-6"],
        "wrong": ["K-2", "K-4"],
        "wrong_by_rule": ["K-2"],
    }
    assert [row[0] for row in outcomes(claims, verdict="wrong_date", outcome="waiting")] == ["K-5", "K-6"]
    assert [row[0] for row in outcomes(claims, programme_id=name_id("other"))] == ["K-6"]
    assert [row[0] for row in outcomes(claims, limit=2, offset=1)] == ["K-4", "K-3"]
    (row,) = rows_of("verdict_claims", claims.tables, **SPAN, outcome="wrong_by_rule", limit=9, offset=0)
    assert table_of(
        [row], "number", "company_name", "product_code", "quantity", "granted", "verdict", "was_by_rule"
    ) == [(2, "First", "P1", 5, 3, "match", True)]
    (left_so,) = rows_of("verdict_claims", claims.tables, **SPAN, outcome="by_rule", limit=9, offset=0)
    assert table_of([left_so], "claim_no", "granted", "decided_at") == [("K-1", 5, at(7, 1, 1))]
