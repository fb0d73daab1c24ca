"""The states of rewards and orders and the moves between them."""

from enum import StrEnum


class RewardState(StrEnum):
    """Whether a reward can be ordered."""

    DRAFT = "draft"
    OFFERED = "offered"
    WITHDRAWN = "withdrawn"


REWARD_MOVES: dict[RewardState, frozenset[RewardState]] = {
    RewardState.DRAFT: frozenset({RewardState.OFFERED, RewardState.WITHDRAWN}),
    RewardState.OFFERED: frozenset({RewardState.WITHDRAWN}),
    RewardState.WITHDRAWN: frozenset({RewardState.OFFERED}),
}


class OrderState(StrEnum):
    """Where an order stands. `awaiting_code` is passed through at once until one-time codes come."""

    AWAITING_CODE = "awaiting_code"
    AWAITING_FINANCE = "awaiting_finance"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


ORDER_MOVES: dict[OrderState, frozenset[OrderState]] = {
    OrderState.AWAITING_CODE: frozenset({OrderState.AWAITING_FINANCE, OrderState.CANCELLED}),
    OrderState.AWAITING_FINANCE: frozenset({OrderState.APPROVED, OrderState.REJECTED, OrderState.CANCELLED}),
    OrderState.APPROVED: frozenset(),
    OrderState.REJECTED: frozenset(),
    OrderState.CANCELLED: frozenset(),
}
