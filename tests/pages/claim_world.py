"""Claims of every kind in the world of the pages: agreeing, differing, unknown, claimed twice, decided."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from loyalty_core import access, participants, programmes, settlement, verification
from loyalty_core.access import Role
from loyalty_core.kernel import new_id
from loyalty_core.participants import ParticipantGroup
from loyalty_core.verification import Claim, ClaimSource
from tests.pages.world import COMMAND_LINE, World
from tests.participants.deciding import decide_as_shown
from tests.verification.deciding import approve_as_shown, reject_as_shown

CLUB = """\
code: club
name: Painters' club
starts: 2026-01-01
ends: 2026-12-31
currency: EUR
collects: participant
earns_from: claims
rules:
  - id: base
    per: line
    award: {points: 1, per_amount: 10.00}
"""
# One black dot.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def add_claims(world: World) -> dict[str, Claim]:
    """Add a programme that earns from claims, two participants and six claims; return these by what they are."""
    database = world.database
    programmes.apply_programme(database, COMMAND_LINE, CLUB)
    anna = _person(world, "C-100", "C-100-1", "Anna Nowak")
    marko = _person(world, "C-200", "C-200-1", "Marko Ilić")
    participants.link_user(
        database, COMMAND_LINE, anna, access.find_user(database, COMMAND_LINE, Role.PARTICIPANT.value).id
    )
    with database.snapshot(COMMAND_LINE) as connection:
        company_id = participants.participant_by_id(connection, anna).company_id
    photo = verification.add_document(database, world.settings, COMMAND_LINE, company_id=company_id, data=PNG)
    claims = {
        "agrees": enter_one(world, anna, document_id=photo),
        "differs": enter_one(
            world,
            anna,
            invoice_no="INV-1",
            product_code="P-22",
            quantity=Decimal(5),
            sold_on=date(2026, 3, 3),
        ),
        "unknown": enter_one(world, marko, invoice_no="INV-77", product_code="P-99", quantity=Decimal(7)),
        "approved": enter_one(
            world, marko, invoice_no="INV-2", quantity=Decimal(10), sold_on=date(2026, 4, 13)
        ),
        "again": enter_one(world, marko, invoice_no="INV-2", quantity=Decimal(10), sold_on=date(2026, 4, 13)),
        "rejected": enter_one(world, anna, invoice_no="INV-8", note="from [a form](https://evil.example)"),
    }
    approved = approve_as_shown(database, COMMAND_LINE, [claims["approved"].number])
    assert approved[0].refusal is None
    rejected = reject_as_shown(
        database, COMMAND_LINE, [claims["rejected"].number], reason="No invoice *INV-8* was issued"
    )
    assert rejected[0].refusal is None
    settlement.settle_programme(database, COMMAND_LINE, "club")
    return claims


def _person(world: World, company: str, code: str, name: str) -> UUID:
    person = participants.register_participant(
        world.database,
        COMMAND_LINE,
        company_code=company,
        code=code,
        display_name=name,
        group=ParticipantGroup.WHOLESALER,
    )
    decide_as_shown(world.database, COMMAND_LINE, participant_ids=[person], approve=True, reason=None)
    return person


def enter_one(world: World, participant_id: UUID, **values: Any) -> Claim:
    """Enter a claim on a sale of the world, a day or more beside it unless told."""
    usual: dict[str, Any] = {
        "company_code": None,
        "invoice_no": "INV-1",
        "product_code": "P-10",
        "quantity": Decimal(4),
        # Not the day of the sale: what agrees in everything is approved by rule.
        "sold_on": date(2026, 3, 12),
        "source": ClaimSource.PHONE,
        "request_key": new_id(),
    }
    return verification.enter_claim(
        world.database, COMMAND_LINE, participant_id=participant_id, **{**usual, **values}
    )
