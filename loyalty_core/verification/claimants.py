"""Who stands on a claim's side: who claims, and who keyed it in. They never decide it."""

from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core import access, participants
from loyalty_core.intake import OWNER
from loyalty_core.kernel import Refusal, Scope, _
from loyalty_core.verification.policy import Claim, ClaimSource


class OwnClaimError(Refusal):
    """Somebody would decide the own claim, or one of the company that they take part for."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _("Claim {number} is your own, or your company's. Somebody else has to decide it.").format(
                number=claim.claim_no
            )
        )
        self.claim = claim


class KeyedInError(Refusal):
    """Somebody would decide a claim that they keyed in themselves."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            _("You entered claim {number} yourself. Somebody else has to decide it.").format(
                number=claim.claim_no
            )
        )
        self.claim = claim


def is_own(connection: Connection, scope: Scope, claim: Claim) -> bool:
    """Whether the actor claims: the claim is theirs, or is of the company that they take part for."""
    own = participants.participant_of_user(connection, scope.user_id) if scope.user_id is not None else None
    if own is None:
        return False
    return own.id == claim.participant_id or (
        claim.participant_id is None and own.company_id == claim.company_id
    )


def check_decides(connection: Connection, scope: Scope, claim: Claim) -> None:
    """Refuse who stands on the claim's side: administrators included.

    That is the claimant, whoever takes part for the same company, since its points may be theirs to spend, and
    whoever keyed the claim in. A claim from a file is not keyed in: the file is kept, and says what it says; but
    whoever corrected its row has, and who brought it in a file of their own claims. Raises OwnClaimError,
    KeyedInError.
    """
    own = participants.participant_of_user(connection, scope.user_id) if scope.user_id is not None else None
    if own is not None and (own.id == claim.participant_id or own.company_id == claim.company_id):
        raise OwnClaimError(claim)
    if scope.user_id is None:
        return
    if claim.source is ClaimSource.FILE:
        has_keyed_in = _has_corrected_row(connection, scope.user_id, claim) or _brought_as_own(
            connection, scope.user_id, claim
        )
    else:
        has_keyed_in = claim.entered_by == scope.user_id
    if has_keyed_in:
        raise KeyedInError(claim)


def _has_corrected_row(connection: Connection, user_id: UUID, claim: Claim) -> bool:
    """Whether the user has changed cells of the row that the claim came from. Who did sees the import."""
    return (
        connection.execute(
            text(
                "select 1 from row_correction c join import_repair r on r.id = c.repair_id"
                " where c.import_id = :import_id and c.sheet = coalesce(cast(:sheet as text), '')"
                " and c.row_no = :row_no and r.requested_by = :user_id"
            ),
            {
                "import_id": claim.import_id,
                "sheet": claim.sheet,
                "row_no": claim.row_no,
                "user_id": user_id,
            },
        ).first()
        is not None
    )


def _brought_as_own(connection: Connection, user_id: UUID, claim: Claim) -> bool:
    """Whether the user brought the claim in a file of claims of their own, whoever they take part as since."""
    return (
        connection.execute(
            text("select 1 from file_import where id = :id and requested_by = :user_id and options ? :owner"),
            {"id": claim.import_id, "user_id": user_id, "owner": OWNER},
        ).first()
        is not None
    )


def check_speaks_for(connection: Connection, scope: Scope, claim: Claim) -> None:
    """Refuse who neither claims nor may enter claims for others. Raises NotAllowedError."""
    access.check_permission(
        connection,
        scope,
        access.Permission.USE_PORTAL if is_own(connection, scope, claim) else access.Permission.ENTER_CLAIMS,
    )
