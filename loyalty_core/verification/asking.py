"""Questions to who claimed, and the answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core import access, audit
from loyalty_core.kernel import Database, Refusal, Scope, StateError, _
from loyalty_core.verification import documents, policy, proposals, store
from loyalty_core.verification.claimants import OwnClaimError, check_speaks_for, is_own
from loyalty_core.verification.policy import Claim, EventKind
from loyalty_core.verification.states import ClaimState
from loyalty_core.verification.store import ClaimDecidedError


class NothingAskedError(StateError):
    """No question on the claim waits for an answer."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _("Claim {number}: no question waits for an answer any more.").format(number=claim.claim_no)
        )
        self.claim = claim


class FormUsedOtherwiseError(Refusal):
    """The form's key came before for another claim."""

    def __init__(self) -> None:
        super().__init__(_("This form was sent before for another claim. Load the page again."))


@dataclass(frozen=True, slots=True)
class Question:
    """A question that waits for an answer of who claimed."""

    claim_number: int
    words: str
    asked_by_name: str
    asked_at: datetime


def ask_claimant(database: Database, scope: Scope, number: int, *, question: str, request_key: UUID) -> Claim:
    """Ask who claimed something, and return the claim, which waits for the answer; the same form again asks once.

    Raises WordsMissingError, ClaimTextError, UnknownClaimError, ClaimDecidedError, OwnClaimError,
    FormUsedOtherwiseError, NotAllowedError.
    """
    words = policy.clean_words(question)
    with database.transaction(scope) as connection:
        access.check_permission(connection, scope, access.Permission.DECIDE_CLAIMS)
        claim = store.lock_claim_in_sight(connection, scope, number)
        if _came_before(connection, number, request_key):
            return claim
        proposals.refuse_while_waiting(connection, claim)
        if is_own(connection, scope, claim):
            raise OwnClaimError(claim)
        if claim.state is not ClaimState.WAITING:
            raise ClaimDecidedError(claim)
        store.set_state(connection, claim, ClaimState.ASKED)
        store.insert_event(connection, scope, claim, EventKind.ASKED, words=words, request_key=request_key)
        audit.record(connection, scope, "verification.claimant_asked", "claim", number, {"question": words})
        return store.claim_by_number(connection, number)


def answer_question(
    database: Database,
    scope: Scope,
    number: int,
    *,
    answer: str,
    request_key: UUID,
    document_id: UUID | None = None,
) -> Claim:
    """Answer what was asked about a claim, with a document or without; it waits for a decision again.

    By the claimant, or whoever may enter claims; the same form again answers once. Raises WordsMissingError,
    ClaimTextError, UnknownClaimError, UnknownDocumentError, TooManyDocumentsError, NothingAskedError,
    FormUsedOtherwiseError, NotAllowedError.
    """
    words = policy.clean_words(answer)
    with database.transaction(scope) as connection:
        claim = store.lock_claim_in_sight(connection, scope, number)
        check_speaks_for(connection, scope, claim)
        if _came_before(connection, number, request_key):
            return claim
        if claim.state is not ClaimState.ASKED:
            raise NothingAskedError(claim)
        if document_id is not None:
            documents.lay_to_claim(connection, scope, claim, document_id)
        store.set_state(connection, claim, ClaimState.WAITING)
        store.insert_event(
            connection,
            scope,
            claim,
            EventKind.ANSWERED,
            words=words,
            detail={"document_id": str(document_id)} if document_id is not None else None,
            request_key=request_key,
        )
        audit.record(
            connection,
            scope,
            "verification.question_answered",
            "claim",
            number,
            {"answer": words, "document": str(document_id) if document_id is not None else None},
        )
        return store.claim_by_number(connection, number)


def _came_before(connection: Connection, number: int, request_key: UUID) -> bool:
    store.lock_request_key(connection, request_key)
    found = store.claim_of_event(connection, request_key)
    if found is not None and found != number:
        raise FormUsedOtherwiseError
    return found is not None


def open_questions(connection: Connection, numbers: Sequence[int]) -> dict[int, Question]:
    """Return the question that waits for an answer on each of the claims of the scope that has one."""
    rows = connection.execute(
        text(
            "select distinct on (e.claim_number) e.claim_number, e.words, e.happened_by_name, e.recorded_at"
            " from claim_event e join claim c on c.number = e.claim_number"
            " where e.claim_number = any(:numbers) and c.state = 'asked' and e.kind = 'asked'"
            " order by e.claim_number, e.id desc"
        ),
        {"numbers": list(numbers)},
    )
    return {row.claim_number: Question(*row) for row in rows}


def claims_asked(connection: Connection, participant_id: UUID) -> int:
    """Return how many claims of a participant of the scope wait for their answer."""
    return int(
        connection.execute(
            text("select count(*) from claim where participant_id = :id and state = 'asked'"),
            {"id": participant_id},
        ).scalar_one()
    )
