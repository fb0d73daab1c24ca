"""What points buy: the catalogue, orders, and finance's decisions."""

from loyalty_core.rewards.policy import RewardKind
from loyalty_core.rewards.states import OrderState, RewardState

__all__ = ["OrderState", "RewardKind", "RewardState"]
