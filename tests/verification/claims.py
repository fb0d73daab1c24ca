"""Claims to test with: a programme that earns from them, a participant, and claims of what was sold."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text

from loyalty_core import participants, verification
from loyalty_core.kernel import Database, Scope, new_id
from loyalty_core.participants import ParticipantGroup
from loyalty_core.programmes import apply_programme
from loyalty_core.verification import Claim, ClaimSource, Verdict
from tests.access.people import COMMAND_LINE
from tests.participants.deciding import decide_as_shown

CLUB = """\
code: club
name: Club
starts: 2026-03-01
ends: 2026-05-31
currency: EUR
collects: participant
earns_from: claims
rules:
  - {id: base, per: line, award: {points: 1, per_amount: 10.00}}
"""
PARTNERS = CLUB.replace("code: club", "code: partners").replace("collects: participant", "collects: company")


def club(database: Database, document: str = CLUB) -> None:
    """Apply the programme's document."""
    apply_programme(database, COMMAND_LINE, document)


def person(
    database: Database,
    company_code: str = "C1",
    code: str = "A1",
    *,
    user_id: UUID | None = None,
    name: str = "",
) -> UUID:
    """Register and approve a participant and return the id."""
    participant_id = participants.register_participant(
        database,
        COMMAND_LINE,
        company_code=company_code,
        code=code,
        display_name=name or f"Person {code}",
        group=ParticipantGroup.WHOLESALER,
        user_id=user_id,
    )
    (outcome,) = decide_as_shown(
        database, COMMAND_LINE, participant_ids=[participant_id], approve=True, reason=None
    )
    assert outcome.refusal is None
    return participant_id


def claim(database: Database, scope: Scope, participant_id: UUID | None = None, **values: Any) -> Claim:
    """Enter a claim of what `row()` sells, with some values of its own."""
    usual: dict[str, Any] = {
        "participant_id": participant_id,
        "company_code": None,
        "invoice_no": "I1",
        "product_code": "P1",
        "quantity": Decimal(1),
        # Not the day of the sale: what agrees in everything is approved by rule, and decided by nobody.
        "sold_on": date(2026, 3, 20),
        "source": ClaimSource.PAPER,
        "request_key": new_id(),
    }
    return verification.enter_claim(database, scope, **{**usual, **values})


def line_id(database: Database, scope: Scope, **values: Any) -> int:
    """Return the id of the one sales line with these values."""
    condition = " and ".join(f"l.{name} = :{name}" for name in values) or "true"
    with database.transaction(scope) as connection:
        found: int = connection.execute(
            text(f"select l.id from sales_line l where {condition}"), values
        ).scalar_one()
    return found


def judged(
    database: Database,
    scope: Scope,
    number: int,
    verdict: Verdict,
    sales_line_id: int | None = None,
    *,
    stake: tuple[int | None, int | None, str | None] = (None, None, None),
    duplicate_of: int | None = None,
) -> None:
    """Give an undecided claim a verdict. `stake`: at stake and likely loss, in minor units, and their currency."""
    with database.transaction(scope) as connection:
        connection.execute(
            text(
                "insert into claim_verdict (claim_number, programme_id, company_id, verdict, sales_line_id,"
                " duplicate_of, judged_at) select number, programme_id, company_id, :verdict, :line, :duplicate_of,"
                " now() from claim where number = :number"
            ),
            {
                "number": number,
                "verdict": verdict.value,
                "line": sales_line_id,
                "duplicate_of": duplicate_of,
            },
        )
        connection.execute(
            text(
                "update claim set verdict = :verdict, best_line_id = :line, judged_at = now(),"
                " at_stake_minor = :at_stake, expected_loss_minor = :loss, stake_currency = :currency"
                " where number = :number"
            ),
            {
                "number": number,
                "verdict": verdict.value,
                "line": sales_line_id,
                "at_stake": stake[0],
                "loss": stake[1],
                "currency": stake[2],
            },
        )


def points(database: Database, scope: Scope) -> dict[str, int]:
    """Return the balance of each account of a company or participant of the scope, by the owner's code."""
    with database.transaction(scope) as connection:
        rows = connection.execute(
            text(
                "select coalesce(p.code, c.code), a.balance from account a left join company c on c.id = a.owner_id"
                " left join participant p on p.id = a.owner_id where a.kind <> 'system'"
            )
        )
        return {row[0]: row[1] for row in rows}
