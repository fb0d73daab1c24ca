"""What is sold."""

from loyalty_core.products.dataset import PricesDataset, ProductsDataset
from loyalty_core.products.store import (
    ListedPrice,
    ListedProduct,
    Product,
    count_listed_products,
    find_products,
    insert_missing_products,
    known_product_codes,
    list_products,
    listed_prices,
)

__all__ = [
    "ListedPrice",
    "ListedProduct",
    "PricesDataset",
    "Product",
    "ProductsDataset",
    "count_listed_products",
    "find_products",
    "insert_missing_products",
    "known_product_codes",
    "list_products",
    "listed_prices",
]
