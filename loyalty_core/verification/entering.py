"""How claims come in one by one: from a participant's phone, or keyed in from a paper form."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection

from loyalty_core import access, audit, organisation, participants
from loyalty_core.kernel import Database, Refusal, Scope, _, now
from loyalty_core.verification import policy, store, verdicts
from loyalty_core.verification.policy import Claim, ClaimSource
from loyalty_core.verification.store import ClaimsProgramme


class ClaimantMissingError(Refusal):
    """The claim names neither a participant nor a company."""

    def __init__(self) -> None:
        super().__init__(_("Say who claims: a participant, or a company."))


class ClaimantDiffersError(Refusal):
    """The participant belongs to another company than the claim names."""

    def __init__(self, participant: participants.Participant, company_code: str) -> None:
        super().__init__(
            _(
                "{participant} belongs to {own}, not to {company}. Leave the company out, or choose another."
            ).format(participant=participant.display_name, own=participant.company_code, company=company_code)
        )
        self.participant = participant


class ClaimantNotActiveError(Refusal):
    """The participant waits for approval, is suspended or was rejected."""

    def __init__(self, participant: participants.Participant) -> None:
        super().__init__(
            _("{participant} does not take part at the moment, so no claim can be entered.").format(
                participant=participant.display_name
            )
        )
        self.participant = participant


class NoClaimsProgrammeError(Refusal):
    """No programme earns from claims on the day of the sale."""

    def __init__(self, sold_on: date) -> None:
        super().__init__(
            _("No programme gave points for claims on {day}. Check the date of the sale.").format(
                day=sold_on.isoformat()
            )
        )
        self.sold_on = sold_on


class SeveralClaimsProgrammesError(Refusal):
    """More than one programme earns from claims on the day, and none was named."""

    def __init__(self, found: Sequence[ClaimsProgramme]) -> None:
        super().__init__(
            _("Several programmes give points for claims on that day: {names}. Choose one.").format(
                names=", ".join(one.name for one in found)
            )
        )
        self.found = tuple(found)


class ProgrammeNotForClaimError(Refusal):
    """The named programme gives no points for claims of that day."""

    def __init__(self, code: str, sold_on: date) -> None:
        super().__init__(
            _(
                "The programme “{code}” gives no points for claims of {day}. Choose another, or check the date."
            ).format(code=code, day=sold_on.isoformat())
        )
        self.code = code


class ParticipantNeededError(Refusal):
    """The programme collects for participants, and the claim names none."""

    def __init__(self, programme: ClaimsProgramme) -> None:
        super().__init__(
            _("“{programme}” gives its points to participants: say which one claims.").format(
                programme=programme.name
            )
        )
        self.programme = programme


class ClaimNumberTakenError(Refusal):
    """The company has a claim with this number already."""

    def __init__(self, claim_no: str) -> None:
        super().__init__(
            _("The company has a claim {number} already. Was it entered before?").format(number=claim_no)
        )
        self.claim_no = claim_no


class ClaimKeyUsedOtherwiseError(Refusal):
    """The form's key came before with another claim."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _("This form was sent before, as claim {number}, with other contents. Open a new form.").format(
                number=claim.claim_no
            )
        )
        self.claim = claim


def enter_claim(
    database: Database,
    scope: Scope,
    *,
    participant_id: UUID | None,
    company_code: str | None,
    invoice_no: str,
    product_code: str,
    quantity: Decimal,
    sold_on: date,
    source: ClaimSource,
    request_key: UUID,
    programme_code: str | None = None,
    document_id: UUID | None = None,
    note: str | None = None,
    claim_no: str | None = None,
) -> Claim:
    """Enter a claim and judge it: approved by rule, or it waits for a person; the same form sent again enters it once.

    Participants enter for themselves, others for any participant or company they see. The programme is the
    only one that earns from claims of the day, else the one named; a claim of source FILE may have none. Without
    `claim_no` the claim is named after its own number. Raises ClaimTextError, ClaimQuantityError, ClaimDateError,
    ClaimantMissingError, ClaimantDiffersError, ClaimantNotActiveError, NoClaimsProgrammeError,
    SeveralClaimsProgrammesError, ProgrammeNotForClaimError, ParticipantNeededError, ClaimNumberTakenError,
    ClaimKeyUsedOtherwiseError, UnknownCompanyError, UnknownParticipantError, UnknownDocumentError,
    NotAllowedError.
    """
    moment = now()
    body = {
        "invoice_no": policy.clean_text("invoice_no", invoice_no),
        "product_code": policy.clean_text("product_code", product_code),
        "quantity": quantity,
        "sold_on": sold_on,
        "source": source.value,
        "document_id": document_id,
        "note": policy.clean_note(note),
    }
    if claim_no is not None:
        claim_no = policy.clean_text("claim_no", claim_no)
    policy.check_quantity(quantity)
    policy.check_day(sold_on, moment.date())
    with database.transaction(scope) as connection:
        company_id, participant = _claimant(connection, scope, participant_id, company_code)
        body |= {"company_id": company_id, "participant_id": participant.id if participant else None}
        store.lock_request_key(connection, request_key)
        before = store.claim_by_request_key(connection, request_key)
        if before is not None:
            if {name: getattr(before, name) for name in body} != body or claim_no not in (
                None,
                before.claim_no,
            ):
                raise ClaimKeyUsedOtherwiseError(before)
            return before
        if document_id is not None:
            document = store.document_by_id(connection, document_id)
            if document.company_id != company_id:
                raise store.UnknownDocumentError(document_id)
        programme = _programme(connection, scope, programme_code, sold_on, participant is not None, source)
        number = store.next_number(connection)
        name = claim_no or f"L-{number}"
        if not store.insert_claim(
            connection,
            scope,
            {
                **body,
                "number": number,
                "request_key": request_key,
                "claim_no": name,
                "programme_id": programme.id if programme else None,
                "recorded_at": moment,
            },
        ):
            raise ClaimNumberTakenError(name)
        audit.record(
            connection,
            scope,
            "verification.claim_entered",
            "claim",
            number,
            {"claim_no": name, "source": source.value, "company": str(company_id)},
        )
        verdicts.judge_claims(connection, scope, numbers=[number])
        return store.claim_by_number(connection, number)


def _claimant(
    connection: Connection, scope: Scope, participant_id: UUID | None, company_code: str | None
) -> tuple[UUID, participants.Participant | None]:
    """Return the claim's company and participant, and refuse who may not enter for them."""
    participant = None
    if participant_id is not None:
        participant = participants.participant_by_id(connection, participant_id)
    is_own = participant is not None and scope.user_id is not None and participant.user_id == scope.user_id
    access.check_permission(
        connection,
        scope,
        access.Permission.USE_PORTAL if is_own else access.Permission.ENTER_CLAIMS,
    )
    if participant is None:
        if company_code is None or not company_code.strip():
            raise ClaimantMissingError
        return organisation.hold_company(connection, company_code.strip()).id, None
    if company_code is not None and company_code.strip() != participant.company_code:
        raise ClaimantDiffersError(participant, company_code.strip())
    if participant.state is not participants.ParticipantState.ACTIVE:
        raise ClaimantNotActiveError(participant)
    return participant.company_id, participant


def _programme(
    connection: Connection,
    scope: Scope,
    code: str | None,
    sold_on: date,
    has_participant: bool,
    source: ClaimSource,
) -> ClaimsProgramme | None:
    found = store.claims_programmes(connection, scope, sold_on)
    if code is not None:
        found = [one for one in found if one.code == code]
        if not found:
            raise ProgrammeNotForClaimError(code, sold_on)
    fitting = [one for one in found if has_participant or not one.needs_participant]
    if len(fitting) == 1:
        return fitting[0]
    if source is ClaimSource.FILE:
        return None
    if not found:
        raise NoClaimsProgrammeError(sold_on)
    if not fitting:
        raise ParticipantNeededError(found[0])
    raise SeveralClaimsProgrammesError(fitting)
