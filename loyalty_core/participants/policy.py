"""What participants are, as values."""

from enum import StrEnum


class ParticipantGroup(StrEnum):
    """What a participant does for the brand owner; rewards and charts go by it."""

    DISTRIBUTOR = "distributor"
    WHOLESALER = "wholesaler"
    SERVICE_PROVIDER = "service_provider"
