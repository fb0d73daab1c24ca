"""Judges an import as a whole, by great-expectations suites over its staging table.

A suite per dataset, written as plain functions. Row by row is the row rules' work, in intake.
"""

from data_checks.checker import Checker
from data_checks.checks import Limits, Thresholds
from data_checks.results import CheckResult, EarlierFile, ImportFacts, Level, Limit, SuiteResult, Unit
from data_checks.runner import (
    SuiteError,
    default_thresholds,
    has_suite,
    is_warm,
    meanings,
    run_suite,
    units,
    warm_up,
)

__all__ = [
    "CheckResult",
    "Checker",
    "EarlierFile",
    "ImportFacts",
    "Level",
    "Limit",
    "Limits",
    "SuiteError",
    "SuiteResult",
    "Thresholds",
    "Unit",
    "default_thresholds",
    "has_suite",
    "is_warm",
    "meanings",
    "run_suite",
    "units",
    "warm_up",
]
