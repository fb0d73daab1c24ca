"""Products: what is sold, by brand and group, and what it costs on which price list."""

import streamlit as st
from sqlalchemy import Connection

from loyalty_core import products
from loyalty_core.access import Permission
from loyalty_core.kernel import _, current_database, now
from ui import elements, list_export, registry, wording
from ui import products as blocks
from ui.identity import require
from ui.keys import page_key

user = require(Permission.SEE_PRODUCTS)
database = current_database()

elements.page_header(_("Products"), _("What is sold, and what it costs on which price list today."))
words = (
    st.text_input(
        _("Find"),
        key=page_key("words"),
        bind="query-params",
        placeholder=_("name, code, brand or group"),
        type="search",
    )
    or ""
)
with database.snapshot(user.scope) as connection:
    total = products.count_listed_products(connection, words)
if not total:
    if words:
        elements.empty_state(
            "search_off", _("No product matches"), _("Try a part of its name, code or brand.")
        )
    else:
        elements.empty_state(
            "sell",
            _("No product yet"),
            _("Products come with a file of products, or with sales that may create them."),
            (lambda: registry.link(user, "uploads", _("Upload file"), icon="upload_file"))
            if registry.allows(user, "uploads")
            else None,
        )
    st.stop()

sort = elements.choose_sort(
    {"name": _("Name"), "code": _("Code"), "brand": _("Brand"), "group": _("Group")}, default=_("By name")
)
rows_at, offset = elements.paged(total, key=page_key("page"))
with database.snapshot(user.scope) as connection:
    found = products.list_products(connection, words, sort=sort, limit=elements.ROWS_A_PAGE, offset=offset)
    today = products.listed_prices(connection, [one.id for one in found], on=now().date())
with rows_at:
    chosen = elements.choose_row(
        blocks.products_table(found, today),
        key=elements.key_of_rows("products", [one.id for one in found]),
        alt=_("Products"),
        numbers=[_("Price today")],
    )


def read(connection: Connection, limit: int, offset: int) -> list[blocks.Priced]:
    """Read products with the prices that hold today."""
    page = products.list_products(connection, words, sort=sort, limit=limit, offset=offset)
    prices = products.listed_prices(connection, [one.id for one in page], on=now().date())
    return blocks.priced(page, prices)


list_export.offer(user, "products", total, blocks.exported(), list_export.from_database(user, read))
if chosen is None or chosen >= len(found):
    st.caption(_("Choose a product to see all of its prices, those to come and those that ended."))
    st.stop()
product = found[chosen]
with database.snapshot(user.scope) as connection:
    prices = products.listed_prices(connection, [product.id])
with elements.card(wording.plain(product.name)):
    if prices:
        elements.table(
            blocks.prices_table(prices), alt=_("Prices by list and first day"), numbers=[_("Unit price")]
        )
    else:
        st.caption(_("No price list names this product yet. Prices come with a file of prices."))
