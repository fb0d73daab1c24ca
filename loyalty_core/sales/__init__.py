"""Sales and returns, line by line."""

from loyalty_core.sales.dataset import SALES_COLUMNS, SalesDataset
from loyalty_core.sales.policy import reason_text

__all__ = ["SALES_COLUMNS", "SalesDataset", "reason_text"]
