"""What is sold."""

from loyalty_core.products.dataset import PricesDataset, ProductsDataset
from loyalty_core.products.store import Product, find_products, insert_missing_products, known_product_codes

__all__ = [
    "PricesDataset",
    "Product",
    "ProductsDataset",
    "find_products",
    "insert_missing_products",
    "known_product_codes",
]
