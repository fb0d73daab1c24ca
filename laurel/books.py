"""What `check-books` checks beside sales, awards and the ledger: what each subdomain says must hold of its own."""

from loyalty_core import budgets, corrections, rewards, sales

BOOKS = (budgets.broken_budgets, rewards.broken_orders, sales.broken_lines, corrections.broken_undos)
