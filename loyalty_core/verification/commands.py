"""What people do with claims: enter them, show a document for them, decide them."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection

from loyalty_core import access, audit, organisation, participants
from loyalty_core.kernel import Database, Refusal, Scope, Settings, _, new_id, now, share_minor
from loyalty_core.verification import matching, policy, queue, store
from loyalty_core.verification.policy import Claim, ClaimSource, Decision, DecisionKind, LineBeside
from loyalty_core.verification.states import ClaimState
from loyalty_core.verification.store import (
    ClaimDecidedError,
    ClaimDocument,
    ClaimsProgramme,
    UnknownLineError,
)


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


class OwnClaimError(Refusal):
    """Somebody would decide the own claim."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _("Claim {number} is your own. Somebody else has to decide it.").format(number=claim.claim_no)
        )
        self.claim = claim


class NoExactLineError(Refusal):
    """No sold line agrees with the claim in company, invoice, product and quantity."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _(
                "Claim {number}: no reported sale agrees in company, invoice, product and quantity. Correct the claim "
                "or reject it."
            ).format(number=claim.claim_no)
        )
        self.claim = claim


class UnitsTakenError(Refusal):
    """The units are claimed already."""

    def __init__(self, claim: Claim, units_left: Decimal) -> None:
        super().__init__(
            _(
                "Claim {number}: of this sale {left} are left to claim, the rest earned before. A sold piece earns "
                "once."
            ).format(number=claim.claim_no, left=f"{max(units_left, Decimal(0)).normalize():f}")
        )
        self.claim = claim
        self.units_left = units_left


class LineOfOtherCompanyError(Refusal):
    """The line was sold by another company than the one that claims."""

    def __init__(self, claim: Claim, line: LineBeside) -> None:
        super().__init__(
            _(
                "The sale on invoice {invoice} is {other}'s; claim {number} is {company}'s. Reject it, and enter it "
                "for the right company."
            ).format(
                invoice=line.invoice_no,
                other=line.company_name,
                number=claim.claim_no,
                company=claim.company_name,
            )
        )
        self.claim = claim
        self.line = line


class ReturnClaimedError(Refusal):
    """The line is a return: nothing was sold."""

    def __init__(self, line: LineBeside) -> None:
        super().__init__(
            _("The line on invoice {invoice} is a return: there is nothing to claim.").format(
                invoice=line.invoice_no
            )
        )
        self.line = line


class CorrectionChangesNothingError(Refusal):
    """The correction says what the last decision says."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _("Claim {number} is decided like this already: there is nothing to correct.").format(
                number=claim.claim_no
            )
        )
        self.claim = claim


class DocumentKindRefused(Refusal):
    """The file is no picture or PDF that can be shown."""

    def __init__(self) -> None:
        super().__init__(
            _("This is neither a picture (JPEG, PNG, WebP) nor a PDF. Take a photo, or save it as a PDF.")
        )


class DocumentTooLargeError(Refusal):
    """The file is larger than a photo or scan needs to be."""

    def __init__(self, size: int) -> None:
        super().__init__(
            _("The file has {size} MB; at most {most} MB are taken. Take a smaller photo.").format(
                size=-(-size // 1024**2), most=policy.LARGEST_DOCUMENT_BYTES // 1024**2
            )
        )
        self.size = size


# Documents


def document_path(settings: Settings, sha256: str) -> Path:
    """Return where the contents with this hash lie."""
    return settings.private_folder("documents") / sha256[:2] / sha256


def add_document(
    database: Database, settings: Settings, scope: Scope, *, company_id: UUID, data: bytes
) -> UUID:
    """Keep a photo or scan of a claim of the company and return its id; the same one again is kept once.

    JPEG, PNG, WebP or PDF by its contents, at most 10 MB. A participant adds for the own company only. Raises
    NotAllowedError, DocumentKindRefused, DocumentTooLargeError; OSError on a full disk, with nothing left behind.
    """
    if len(data) > policy.LARGEST_DOCUMENT_BYTES:
        raise DocumentTooLargeError(len(data))
    media_type = policy.document_kind(data)
    if media_type is None:
        raise DocumentKindRefused
    sha256 = hashlib.sha256(data).hexdigest()
    with database.transaction(scope) as connection:
        own = participants.participant_of_user(connection, scope.user_id) if scope.user_id else None
        is_own = own is not None and own.company_id == company_id
        access.check_permission(
            connection,
            scope,
            access.Permission.USE_PORTAL if is_own else access.Permission.ENTER_CLAIMS,
        )
        if not organisation.companies_by_id(connection, [company_id]):
            raise organisation.UnknownCompanyError(str(company_id))
        before = store.same_document(connection, company_id, sha256, scope.user_id)
        # The file first: a row never points at what is not there. The other way round nothing is lost.
        _keep(document_path(settings, sha256), data)
        if before is not None:
            return before.id
        document = ClaimDocument(
            id=new_id(),
            company_id=company_id,
            sha256=sha256,
            media_type=media_type,
            size_bytes=len(data),
            added_by=scope.user_id,
            added_by_name=scope.actor_name,
            recorded_at=now(),
        )
        store.insert_document(connection, document)
        audit.record(
            connection,
            scope,
            "verification.document_added",
            "claim_document",
            document.id,
            {"sha256": sha256, "size_bytes": len(data), "media_type": media_type},
        )
    return document.id


def _keep(path: Path, data: bytes) -> None:
    """Write the file whole or not at all, readable by nobody else."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    incoming = path.with_name(f"{new_id().hex}.part")
    try:
        descriptor = os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        incoming.replace(path)
    finally:
        incoming.unlink(missing_ok=True)


def fetch_document(
    database: Database, settings: Settings, scope: Scope, document_id: UUID
) -> tuple[ClaimDocument, Path]:
    """Return a document with the path of its contents, and put on record who looked.

    Whoever may not see claims sees the documents that they added themselves. Raises UnknownDocumentError,
    NotAllowedError.
    """
    with database.transaction(scope) as connection:
        document = store.document_by_id(connection, document_id)
        if scope.user_id is not None and document.added_by == scope.user_id:
            access.check_permission(connection, scope, access.Permission.SEE_HOME)
        else:
            access.check_permission(connection, scope, access.Permission.SEE_CLAIMS)
        path = document_path(settings, document.sha256)
        if not path.exists():
            raise store.UnknownDocumentError(document_id)
        audit.record(connection, scope, "verification.document_fetched", "claim_document", document_id, {})
    return document, path


# Claims come in


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
    """Enter a claim, which waits for a person's decision; the same form sent again enters it once.

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
        return organisation.company_by_code(connection, company_code.strip()).id, None
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


# Decisions


@dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """What became of one claim among many: `refusal` is None where it was decided, else why it was not."""

    number: int
    claim_no: str
    refusal: str | None


def approve_claims(
    database: Database, scope: Scope, numbers: Sequence[int], *, request_key: UUID | None = None
) -> list[ClaimOutcome]:
    """Approve waiting claims, each at its best exact line and in a transaction of its own.

    Exact is: company, invoice, product and quantity, with as many units left. Sent again with the same
    `request_key`, what it approved stays approved and is told so. Raises NotAllowedError.
    """

    def approve(connection: Connection, claim: Claim) -> Decision:
        line = _exact_line(connection, claim)
        while True:
            try:
                return _lay_to_line(
                    connection,
                    scope,
                    claim,
                    line,
                    claim.quantity,
                    kind=DecisionKind.APPROVE,
                    reason=None,
                    request_key=request_key,
                )
            except UnitsTakenError:
                # Somebody was faster; an invoice may list the same thing twice.
                another = _exact_line(connection, claim)
                if another.sales_line_id == line.sales_line_id:
                    raise
                line = another

    return _decide_each(database, scope, numbers, approve, request_key)


def reject_claims(
    database: Database,
    scope: Scope,
    numbers: Sequence[int],
    *,
    reason: str,
    request_key: UUID | None = None,
) -> list[ClaimOutcome]:
    """Reject waiting claims for a reason that who claimed will read, each in a transaction of its own.

    Raises NotAllowedError, ReasonMissingError, ClaimTextError.
    """
    why = policy.clean_reason(reason)

    def reject(connection: Connection, claim: Claim) -> Decision:
        return store.move_claim(
            connection,
            scope,
            claim,
            ClaimState.REJECTED,
            kind=DecisionKind.REJECT,
            line=None,
            quantity=None,
            amount_minor=0,
            reason=why,
            request_key=request_key,
            decided_at=now(),
        )

    return _decide_each(database, scope, numbers, reject, request_key)


def _decide_each(
    database: Database,
    scope: Scope,
    numbers: Sequence[int],
    decide: Callable[[Connection, Claim], Decision],
    request_key: UUID | None,
) -> list[ClaimOutcome]:
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.DECIDE_CLAIMS)
    outcomes = []
    for number in dict.fromkeys(numbers):
        claim_no, refusal = str(number), None
        try:
            with database.transaction(scope) as connection:
                access.check_permission(connection, scope, access.Permission.DECIDE_CLAIMS)
                claim = _claim_to_decide(connection, scope, number)
                claim_no = claim.claim_no
                is_done = request_key is not None and store.was_decided_by(connection, claim, request_key)
                if not is_done:
                    if claim.state is not ClaimState.WAITING:
                        raise ClaimDecidedError(claim)
                    _refuse_own(connection, scope, claim)
                    _record(connection, scope, decide(connection, claim))
        except Refusal as refused:
            refusal = refused.sentence
        outcomes.append(ClaimOutcome(number, claim_no, refusal))
    return outcomes


def correct_claim(
    database: Database,
    scope: Scope,
    number: int,
    *,
    sales_line_id: int | None,
    quantity: Decimal,
    reason: str,
    request_key: UUID | None = None,
) -> Claim:
    """Lay a claim, waiting or decided, to a line and a number of its units, and return it.

    Without a line (`sales_line_id` None, `quantity` 0) it is rejected, and what it earned is taken back. The next
    settlement posts the difference. Raises UnknownClaimError, UnknownLineError, LineOfOtherCompanyError,
    ReturnClaimedError, UnitsTakenError, CorrectionChangesNothingError, ClaimDecidedError, OwnClaimError,
    ClaimQuantityError, ReasonMissingError, ClaimTextError, NotAllowedError.
    """
    why = policy.clean_reason(reason)
    if sales_line_id is not None:
        policy.check_quantity(quantity)
    elif quantity != 0:
        raise policy.ClaimQuantityError(quantity)
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.DECIDE_CLAIMS)
        claim = _claim_to_decide(connection, scope, number)
        if request_key is not None and store.was_decided_by(connection, claim, request_key):
            return claim
        _refuse_own(connection, scope, claim)
        held = (claim.sales_line_id, claim.approved_quantity or Decimal(0))
        if claim.state is not ClaimState.WAITING and held == (sales_line_id, quantity):
            raise CorrectionChangesNothingError(claim)
        if sales_line_id is None:
            _release(connection, claim)
            decision = store.move_claim(
                connection,
                scope,
                claim,
                ClaimState.REJECTED,
                kind=DecisionKind.CORRECT,
                line=None,
                quantity=None,
                amount_minor=0,
                reason=why,
                request_key=request_key,
                decided_at=now(),
            )
        else:
            line = matching.line_beside(connection, number, sales_line_id)
            if line is None:
                raise UnknownLineError(sales_line_id)
            decision = _lay_to_line(
                connection,
                scope,
                claim,
                line,
                quantity,
                kind=DecisionKind.CORRECT,
                reason=why,
                request_key=request_key,
            )
        _record(connection, scope, decision)
        return store.claim_by_number(connection, number)


def _claim_to_decide(connection: Connection, scope: Scope, number: int) -> Claim:
    """Return the claim, locked. Raises UnknownClaimError, for one of a programme out of sight too."""
    claim = store.lock_claim(connection, number)
    if claim.programme_id is not None and not scope.sees_programme(claim.programme_id):
        raise store.UnknownClaimError(number)
    return claim


def _refuse_own(connection: Connection, scope: Scope, claim: Claim) -> None:
    """Refuse the actor's own claim, and one of the company that the actor takes part for."""
    own = participants.participant_of_user(connection, scope.user_id) if scope.user_id is not None else None
    if own is None:
        return
    is_companys = claim.participant_id is None and own.company_id == claim.company_id
    if is_companys or own.id == claim.participant_id:
        raise OwnClaimError(claim)


def _exact_line(connection: Connection, claim: Claim) -> LineBeside:
    """Return the line to approve the claim at. Raises NoExactLineError, UnitsTakenError."""
    queued = queue.queued_claim(connection, claim.number)
    if queued.best is None or queued.agreement in (policy.Agreement.NO_LINE, policy.Agreement.DIFFERS):
        raise NoExactLineError(claim)
    if queued.agreement is policy.Agreement.UNITS_TAKEN:
        raise UnitsTakenError(claim, queued.best.units_left)
    return queued.best


def _lay_to_line(
    connection: Connection,
    scope: Scope,
    claim: Claim,
    line: LineBeside,
    quantity: Decimal,
    *,
    kind: DecisionKind,
    reason: str | None,
    request_key: UUID | None,
) -> Decision:
    """Take units of a line for a claim, give back those it held, and write the decision."""
    if line.company_id != claim.company_id:
        raise LineOfOtherCompanyError(claim, line)
    if line.quantity <= 0:
        raise ReturnClaimedError(line)
    lines = [(line.sales_line_id, line.company_id, line.quantity)]
    if claim.sales_line_id not in (None, line.sales_line_id):
        before = matching.line_beside(connection, claim.number, claim.sales_line_id)
        assert before is not None, "a claim's own line is seen with the claim: both are of one company"
        lines.append((before.sales_line_id, before.company_id, before.quantity))
    # From here on nobody else takes units of these lines in this programme.
    units = store.lock_units(connection, claim.programme_id, lines)
    if claim.sales_line_id is not None and claim.approved_quantity is not None:
        units[claim.sales_line_id] -= claim.approved_quantity
    left = line.quantity - units[line.sales_line_id]
    if quantity > left:
        raise UnitsTakenError(claim, left)
    units[line.sales_line_id] += quantity
    store.write_units(connection, claim.programme_id, units)
    return store.move_claim(
        connection,
        scope,
        claim,
        ClaimState.APPROVED,
        kind=kind,
        line=line,
        quantity=quantity,
        amount_minor=share_minor(line.amount_minor, quantity, line.quantity),
        reason=reason,
        request_key=request_key,
        decided_at=now(),
    )


def _release(connection: Connection, claim: Claim) -> None:
    """Give back the units that the claim holds."""
    if claim.sales_line_id is None or claim.approved_quantity is None:
        return
    line = matching.line_beside(connection, claim.number, claim.sales_line_id)
    assert line is not None, "a claim's own line is seen with the claim: both are of one company"
    units = store.lock_units(
        connection, claim.programme_id, [(line.sales_line_id, line.company_id, line.quantity)]
    )
    store.write_units(
        connection,
        claim.programme_id,
        {line.sales_line_id: units[line.sales_line_id] - claim.approved_quantity},
    )


def _record(connection: Connection, scope: Scope, decision: Decision) -> None:
    audit.record(
        connection,
        scope,
        {
            DecisionKind.APPROVE: "verification.claim_approved",
            DecisionKind.REJECT: "verification.claim_rejected",
            DecisionKind.CORRECT: "verification.claim_corrected",
        }[decision.kind],
        "claim",
        decision.claim_number,
        {
            "revision": decision.revision,
            "sales_line": decision.sales_line_id,
            "quantity": str(decision.quantity) if decision.quantity is not None else None,
            "amount_minor": decision.amount_minor,
            "currency": decision.currency,
            "reason": decision.reason,
        },
    )
