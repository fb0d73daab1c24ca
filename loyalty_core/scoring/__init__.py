"""Scoring: rules compiled to SQL, the one engine that runs them, and why a line earned what it did."""

from loyalty_core.scoring.compiler import CompiledRules, compile_rules
from loyalty_core.scoring.engine import LinesShapeError, ScoringEngine
from loyalty_core.scoring.explain import LineToExplain, RuleExplanation, explain_line
from loyalty_core.scoring.policy import LARGEST_AWARD, PointsOverflowError, Unscored, day_begins

__all__ = [
    "LARGEST_AWARD",
    "CompiledRules",
    "LineToExplain",
    "LinesShapeError",
    "PointsOverflowError",
    "RuleExplanation",
    "ScoringEngine",
    "Unscored",
    "compile_rules",
    "day_begins",
    "explain_line",
]
