"""How a claim came in, and what was decided about it, as values."""

from enum import StrEnum


class ClaimSource(StrEnum):
    """How a claim came in."""

    PHONE = "phone"
    PAPER = "paper"
    FILE = "file"


class DecisionKind(StrEnum):
    """What a decision does to a claim."""

    APPROVE = "approve"
    REJECT = "reject"
    CORRECT = "correct"
