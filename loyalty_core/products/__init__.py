"""What is sold."""

from loyalty_core.products.store import Product, find_products, insert_missing_products

__all__ = ["Product", "find_products", "insert_missing_products"]
