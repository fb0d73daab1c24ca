"""What the page of products shows."""

from collections.abc import Sequence
from typing import Any

from loyalty_core.kernel import _
from loyalty_core.products import ListedPrice, ListedProduct
from ui import list_export, wording

Priced = tuple[ListedProduct, str]


def exported() -> list_export.Columns[Priced]:
    """Return the columns of the exported list, each product with the prices that hold today."""
    return [
        (_("Code"), lambda one: one[0].code),
        (_("Name"), lambda one: one[0].name),
        (_("Brand"), lambda one: one[0].brand),
        (_("Group"), lambda one: one[0].product_group),
        (_("Price today"), lambda one: one[1]),
        (_("Id"), lambda one: str(one[0].id)),
    ]


def priced(products: Sequence[ListedProduct], today: Sequence[ListedPrice]) -> list[Priced]:
    """Return products with the prices that hold today as a file has them: “retail 4.755 EUR”, by list."""
    prices: dict[object, list[str]] = {}
    for one in today:
        prices.setdefault(one.product_id, []).append(f"{one.price_list} {one.unit_price:f} {one.currency}")
    return [(one, "; ".join(prices.get(one.id, []))) for one in products]


def products_table(products: Sequence[ListedProduct], today: Sequence[ListedPrice]) -> dict[str, list[Any]]:
    """Return products as columns, each with the prices that hold today, by list."""
    prices: dict[object, list[str]] = {}
    for one in today:
        prices.setdefault(one.product_id, []).append(f"{one.price_list}: {price(one)}")
    return {
        _("Name"): [one.name for one in products],
        _("Code"): [one.code for one in products],
        _("Brand"): [one.brand or "" for one in products],
        _("Group"): [one.product_group or "" for one in products],
        _("Price today"): [" · ".join(prices.get(one.id, [])) for one in products],
    }


def prices_table(prices: Sequence[ListedPrice]) -> dict[str, list[Any]]:
    """Return a product's prices as columns."""
    return {
        _("Price list"): [one.price_list for one in prices],
        _("Unit price"): [price(one) for one in prices],
        _("From"): [wording.day(one.valid_from) for one in prices],
        _("To"): [wording.day(one.valid_to) if one.valid_to else _("until a later price") for one in prices],
    }


def price(listed: ListedPrice) -> str:
    """Return the exact price with its currency: 4.755 EUR."""
    return f"{wording.exact(listed.unit_price)} {listed.currency}"
