"""Money set aside for rewards, per programme, region and quarter: reserved, then spent or released."""

from loyalty_core.budgets.policy import MovementKind
from loyalty_core.budgets.states import ChangeState

__all__ = ["ChangeState", "MovementKind"]
