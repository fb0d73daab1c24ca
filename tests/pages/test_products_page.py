"""Products with their prices, and the outlets of a company, as their pages show them."""

from loyalty_core.access import Role
from loyalty_core.participants import OutletsDataset
from loyalty_core.products import PricesDataset, ProductsDataset
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.world import COMMAND_LINE, World
from tests.records.staged import bring


def test_products_show_brand_group_and_what_they_cost_today(world: World) -> None:
    bring(
        world.database,
        COMMAND_LINE,
        ProductsDataset(),
        [{"code": "MUG-1", "name": "Mug *bold*", "brand": "Acme", "product_group": "Cups"}],
    )
    row = {"price_list": "RETAIL", "product_code": "MUG-1", "currency": "EUR"}
    bring(
        world.database,
        COMMAND_LINE,
        PricesDataset(),
        [
            {**row, "unit_price": "4.755", "valid_from": "2020-01-01T12:00:00Z"},
            {**row, "unit_price": "9", "valid_from": "2090-01-01T12:00:00Z"},
        ],
    )
    app = page_of(world, Role.ANALYST, page_named("products"), words="mug-1")
    shown = app.dataframe[0].value
    assert list(shown.iloc[0]) == ["Mug *bold*", "MUG-1", "Acme", "Cups", "RETAIL: 4.755 EUR"]
    assert "No product matches" in texts(page_of(world, Role.ANALYST, page_named("products"), words="zzz"))


def test_a_company_shows_its_outlets(world: World) -> None:
    bring(
        world.database,
        COMMAND_LINE,
        OutletsDataset(),
        [{"company_code": "C-100", "code": "C-100-9", "name": "Lobby bar"}],
    )
    app = page_of(world, Role.OPERATOR, page_named("company"), company="C-100", view="Outlets")
    assert "Lobby bar" in app.dataframe[-1].value.to_csv()
