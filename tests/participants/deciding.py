"""Deciding about registrations in tests: on what is there at that moment, as if just shown."""

from collections.abc import Sequence
from uuid import UUID

from loyalty_core import access, participants
from loyalty_core.access import Role
from loyalty_core.kernel import Database, NotFoundError, Scope
from loyalty_core.participants import RegistrationOutcome
from tests.access.people import COMMAND_LINE, EVERYTHING, PASSWORD


def a_checker(database: Database) -> Scope:
    """Return the scope of an operator who has registered nobody, made at the first call."""
    try:
        user_id = access.find_user(database, COMMAND_LINE, "checker.of.registrations").id
    except NotFoundError:
        user_id = access.create_user(
            database,
            COMMAND_LINE,
            name="checker.of.registrations",
            display_name="Checker",
            password=PASSWORD,
            roles=[Role.OPERATOR],
            grants=EVERYTHING,
        )
    return access.scope_of_user(database, user_id)


def company_hash(database: Database, registration_id: UUID) -> str:
    """Return the hash of a company's registration as it is; of an unknown one, that of nothing."""
    with database.snapshot(COMMAND_LINE) as connection:
        try:
            return participants.registration_by_id(connection, registration_id).payload_hash
        except NotFoundError:
            return ""


def person_hash(database: Database, participant_id: UUID) -> str:
    """Return the hash of a participant as they are; of an unknown one, that of nothing."""
    with database.snapshot(COMMAND_LINE) as connection:
        try:
            return participants.participant_by_id(connection, participant_id).payload_hash
        except NotFoundError:
            return ""


def decide_as_shown(
    database: Database,
    scope: Scope,
    *,
    company_ids: Sequence[UUID] = (),
    participant_ids: Sequence[UUID] = (),
    approve: bool,
    reason: str | None,
) -> list[RegistrationOutcome]:
    """Decide on what is there now; where the scope is nobody's, a checker of the tests' own decides."""
    return participants.decide_registrations(
        database,
        scope if scope.user_id is not None else a_checker(database),
        companies={one: company_hash(database, one) for one in company_ids},
        participants={one: person_hash(database, one) for one in participant_ids},
        approve=approve,
        reason=reason,
    )


def suspend_as_shown(database: Database, scope: Scope, participant_id: UUID, *, reason: str) -> None:
    """Suspend a participant as they are now."""
    participants.suspend(
        database, scope, participant_id, payload_hash=person_hash(database, participant_id), reason=reason
    )


def reinstate_as_shown(database: Database, scope: Scope, participant_id: UUID) -> None:
    """Reinstate a participant as they are now; where the scope is nobody's, a checker does."""
    participants.reinstate(
        database,
        scope if scope.user_id is not None else a_checker(database),
        participant_id,
        payload_hash=person_hash(database, participant_id),
    )
