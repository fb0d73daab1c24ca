"""What moves a budget, as values."""

from enum import StrEnum


class MovementKind(StrEnum):
    """Why a budget's figures move."""

    SET = "set"
    RESERVE = "reserve"
    SPEND = "spend"
    RELEASE = "release"
