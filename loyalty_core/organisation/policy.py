"""What companies are, as values."""

from enum import StrEnum


class CompanyKind(StrEnum):
    """What a company is to the brand owner."""

    DISTRIBUTOR = "distributor"
    WHOLESALER = "wholesaler"
    SERVICE_PROVIDER = "service_provider"
