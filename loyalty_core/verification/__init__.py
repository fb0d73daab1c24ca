"""Claims: what participants say was sold, laid beside the sales that were reported."""

from loyalty_core.verification.policy import ClaimSource, DecisionKind
from loyalty_core.verification.states import ClaimState

__all__ = ["ClaimSource", "ClaimState", "DecisionKind"]
