"""What rewards are, as values."""

from enum import StrEnum


class RewardKind(StrEnum):
    """What is handed over."""

    MERCHANDISE = "merchandise"
    E_VOUCHER = "e_voucher"
    E_REWARD = "e_reward"


class StockMovementKind(StrEnum):
    """Why a reward's stock moves."""

    SET = "set"
    HOLD = "hold"
    GIVE_BACK = "give_back"
