"""Who takes part: participants of companies, and companies that ask to join."""

from loyalty_core.participants.policy import ParticipantGroup
from loyalty_core.participants.states import ParticipantState, RegistrationState

__all__ = ["ParticipantGroup", "ParticipantState", "RegistrationState"]
