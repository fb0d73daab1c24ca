"""What a claim earns: expected while it waits, posted once it is settled, and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import polars as pl
from sqlalchemy import Connection

from loyalty_core import programmes, scoring, verification
from loyalty_core.kernel import Scope
from loyalty_core.settlement import store
from loyalty_core.verification import UNDECIDED, Claim, ClaimState, Difference

_NO_POINTS_AT = frozenset({Difference.NO_LINE, Difference.COMPANY, Difference.PRODUCT})


@dataclass(frozen=True, slots=True)
class ClaimPoints:
    """What a claim gives and what it holds.

    `expected` is what the rules make of it now: of an approved one at what was approved, of a waiting one at its
    best line's price, None where no line of the product was found. `posted` is what its account holds for it.
    """

    expected: int | None
    posted: int


def claim_points(connection: Connection, numbers: Sequence[int]) -> dict[int, ClaimPoints]:
    """Return the points of those of the claims that lie in the scope."""
    claims = verification.claims_by_number(connection, numbers)
    posted = store.points_of_claims(connection, list(claims))
    lines = _lines_to_score(connection, claims.values())
    expected: dict[int, int | None] = {
        number: None if claim.state in UNDECIDED and claim.programme_id is not None else 0
        for number, claim in claims.items()
    }
    with scoring.ScoringEngine(threads=1) as engine:
        for programme_id, ours in lines.items():
            _version, rules = _rules(connection, programme_id)
            frame = pl.DataFrame(
                {
                    "sales_line_id": [line.sales_line_id for line in ours],
                    "amount_minor": [line.amount_minor for line in ours],
                    "currency": [line.currency for line in ours],
                    "sold_on": [line.sold_on for line in ours],
                    "sold_at": [line.sold_at for line in ours],
                },
                schema_overrides={"sales_line_id": pl.Int64, "sold_at": pl.Datetime("us", "UTC")},
            )
            expected |= dict.fromkeys((line.sales_line_id for line in ours), 0)
            scored = pl.DataFrame(engine.score(rules, frame))
            sums = scored.group_by("sales_line_id").agg(pl.col("points").sum())
            expected |= dict(sums.iter_rows())
    return {number: ClaimPoints(expected[number], posted.get(number, 0)) for number in claims}


def explain_claim(connection: Connection, scope: Scope, number: int) -> list[scoring.RuleExplanation]:
    """Return what each rule of the programme's current version makes of a claim, in the order of the rules.

    An approved claim is explained at what was approved, a waiting one at its best line's price. Nothing for a
    claim that is rejected, that no programme gives points for, or that no line was found for. Raises
    UnknownClaimError.
    """
    claim = verification.claim_by_number(connection, number)
    if claim.programme_id is None or not scope.sees_programme(claim.programme_id):
        return []
    lines = _lines_to_score(connection, [claim]).get(claim.programme_id, [])
    if not lines:
        return []
    version, rules = _rules(connection, claim.programme_id)
    with scoring.ScoringEngine(threads=1) as engine:
        return scoring.explain_line(engine, rules, version, lines[0])


def _rules(connection: Connection, programme_id: UUID) -> tuple[int, scoring.CompiledRules]:
    """Return the current version and its rules: of a claim that is seen, its programme's rules are too."""
    system = Scope.of_system("rules of a claim")
    version = programmes.programme_by_id(connection, system, programme_id).current_version
    return version, scoring.compile_rules(programmes.document_of(connection, system, programme_id, version))


def _lines_to_score(
    connection: Connection, claims: Iterable[Claim]
) -> dict[UUID, list[scoring.LineToExplain]]:
    """Return, by programme, what scoring reads of each claim that can earn; the claim's number is the line's."""
    found: dict[UUID, list[scoring.LineToExplain]] = {}
    claims = [claim for claim in claims if claim.programme_id is not None]
    waiting = [claim.number for claim in claims if claim.state in UNDECIDED]
    queued = {one.claim.number: one for one in verification.queued_claims(connection, waiting)}
    decided = verification.last_decisions(
        connection, [claim.number for claim in claims if claim.state is ClaimState.APPROVED]
    )
    for claim in claims:
        assert claim.programme_id is not None
        line = None
        if claim.number in decided:
            decision = decided[claim.number]
            if decision.currency is not None and decision.sold_at is not None:
                line = scoring.LineToExplain(
                    claim.number,
                    decision.amount_minor,
                    decision.currency,
                    decision.sold_on,
                    decision.sold_at,
                    is_claim=True,
                )
        elif claim.number in queued:
            one = queued[claim.number]
            if (
                one.best is not None
                and one.at_stake_minor is not None
                and not _NO_POINTS_AT & {*one.differences}
            ):
                line = scoring.LineToExplain(
                    claim.number,
                    one.at_stake_minor,
                    one.best.currency,
                    one.best.sold_on,
                    one.best.sold_at,
                    is_claim=True,
                )
        if line is not None:
            found.setdefault(claim.programme_id, []).append(line)
    return found
