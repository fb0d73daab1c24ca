"""The states of a participant and of a company that asks to join, and the moves between them."""

from enum import StrEnum


class ParticipantState(StrEnum):
    """Where a participant stands."""

    WAITING = "waiting"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REJECTED = "rejected"


PARTICIPANT_MOVES: dict[ParticipantState, frozenset[ParticipantState]] = {
    ParticipantState.WAITING: frozenset({ParticipantState.ACTIVE, ParticipantState.REJECTED}),
    ParticipantState.ACTIVE: frozenset({ParticipantState.SUSPENDED}),
    ParticipantState.SUSPENDED: frozenset({ParticipantState.ACTIVE}),
    ParticipantState.REJECTED: frozenset(),
}


class RegistrationState(StrEnum):
    """Where a company's wish to join stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


REGISTRATION_MOVES: dict[RegistrationState, frozenset[RegistrationState]] = {
    RegistrationState.WAITING: frozenset({RegistrationState.APPROVED, RegistrationState.REJECTED}),
    RegistrationState.APPROVED: frozenset(),
    RegistrationState.REJECTED: frozenset(),
}
