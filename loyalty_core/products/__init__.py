"""What is sold."""

from loyalty_core.products.store import insert_missing_products

__all__ = ["insert_missing_products"]
