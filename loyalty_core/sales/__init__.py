"""Sales and returns, line by line."""

from loyalty_core.sales.dataset import SALES_COLUMNS, SalesDataset
from loyalty_core.sales.evidence import lines_recorded
from loyalty_core.sales.policy import reason_text
from loyalty_core.sales.reversal import (
    NOT_REVERSED,
    LinesKept,
    LinesToReverse,
    broken_lines,
    hold_lines,
    lines_to_reverse,
    lock_for_reversal,
    not_reversed,
    reverse_lines,
)

__all__ = [
    "NOT_REVERSED",
    "SALES_COLUMNS",
    "LinesKept",
    "LinesToReverse",
    "SalesDataset",
    "broken_lines",
    "hold_lines",
    "lines_recorded",
    "lines_to_reverse",
    "lock_for_reversal",
    "not_reversed",
    "reason_text",
    "reverse_lines",
]
