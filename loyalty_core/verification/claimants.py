"""Who stands on a claim's side: who claims, and who keyed it in. They never decide it."""

from sqlalchemy import Connection

from loyalty_core import access, participants
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
            _("You keyed claim {number} in yourself. Somebody else has to decide it.").format(
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
    whoever keyed the claim in. A claim from a file is not keyed in: the file is kept, and says what it says. Raises
    OwnClaimError, KeyedInError.
    """
    own = participants.participant_of_user(connection, scope.user_id) if scope.user_id is not None else None
    if own is not None and (own.id == claim.participant_id or own.company_id == claim.company_id):
        raise OwnClaimError(claim)
    if (
        scope.user_id is not None
        and claim.entered_by == scope.user_id
        and claim.source is not ClaimSource.FILE
    ):
        raise KeyedInError(claim)


def check_speaks_for(connection: Connection, scope: Scope, claim: Claim) -> None:
    """Refuse who neither claims nor may enter claims for others. Raises NotAllowedError."""
    access.check_permission(
        connection,
        scope,
        access.Permission.USE_PORTAL if is_own(connection, scope, claim) else access.Permission.ENTER_CLAIMS,
    )
