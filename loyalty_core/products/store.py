"""Every query of the products."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core.kernel import Sort, Sorts


@dataclass(frozen=True, slots=True)
class Product:
    """A thing that is sold."""

    id: UUID
    code: str
    name: str


def find_products(connection: Connection, words: str, *, limit: int) -> list[Product]:
    """Return products whose code or name holds the words, by name; '' finds all. Everybody sees every product."""
    rows = connection.execute(
        text(
            "select id, code, name from product"
            " where :words = '' or position(folded(:words) in folded(code || ' ' || name)) > 0"
            " order by name, code limit :limit"
        ),
        {"words": words, "limit": limit},
    )
    return [Product(row.id, row.code, row.name) for row in rows]


@dataclass(frozen=True, slots=True)
class ListedProduct:
    """A product with what programmes may name of it."""

    id: UUID
    code: str
    name: str
    brand: str | None
    product_group: str | None


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """What a product costs on a list, from a day to a day, both inclusive; `valid_to` None: until a later price."""

    product_id: UUID
    price_list: str
    currency: str
    unit_price: Decimal
    valid_from: date
    valid_to: date | None


_MATCHES = (
    " from product where :words = '' or position(folded(:words) in folded(concat_ws(' ', code, name, brand,"
    " product_group))) > 0"
)


_LISTED_SORTS = Sorts(
    {
        "name": "folded(name)",
        "code": "code",
        "brand": "folded(brand)",
        "group": "folded(product_group)",
    },
    default="name, code",
)


def list_products(
    connection: Connection, words: str, *, sort: Sort | None = None, limit: int, offset: int = 0
) -> list[ListedProduct]:
    """Return products whose code, name, brand or group holds the words, by name; '' finds all.

    `sort` is by name, code, brand or group.
    """
    order_by = _LISTED_SORTS.order_by(sort)
    rows = connection.execute(
        text(
            "select id, code, name, brand, product_group"
            + _MATCHES
            + f"{order_by} limit :limit offset :offset"
        ),
        {"words": words.strip(), "limit": limit, "offset": offset},
    )
    return [ListedProduct(*row) for row in rows]


def count_listed_products(connection: Connection, words: str = "") -> int:
    """Return how many products `list_products` would find in all."""
    found = connection.execute(text("select count(*)" + _MATCHES), {"words": words.strip()})
    return int(found.scalar_one())


def listed_prices(
    connection: Connection, product_ids: Collection[UUID], *, on: date | None = None
) -> list[ListedPrice]:
    """Return the products' prices by list and first day; with `on` only those that hold on that day."""
    rows = connection.execute(
        text(
            "select product_id, price_list, currency, unit_price, valid_from, valid_to from product_price"
            " where product_id in (select unnest(cast(:ids as uuid[]))) and (cast(:on as date) is null"
            " or cast(:on as date) between valid_from and coalesce(valid_to, 'infinity'))"
            " order by product_id, price_list, valid_from"
        ),
        {"ids": list(product_ids), "on": on},
    )
    return [ListedPrice(*row) for row in rows]


def insert_missing_products(
    connection: Connection,
    rows: Sequence[tuple[UUID, str, str, str | None, str | None]],
    *,
    import_id: UUID,
    recorded_at: datetime,
) -> None:
    """Add products (id, code, name, brand, group) where the code is not there yet."""
    connection.execute(
        text(
            "insert into product (id, code, name, brand, product_group, created_by_import, recorded_at)"
            " select n.id, n.code, n.name, n.brand, n.product_group, :import_id, :recorded_at"
            " from unnest(cast(:ids as uuid[]), cast(:codes as text[]), cast(:names as text[]),"
            " cast(:brands as text[]), cast(:groups as text[])) as n (id, code, name, brand, product_group)"
            " on conflict (code) do nothing"
        ),
        {
            "ids": [row[0] for row in rows],
            "codes": [row[1] for row in rows],
            "names": [row[2] for row in rows],
            "brands": [row[3] for row in rows],
            "groups": [row[4] for row in rows],
            "import_id": import_id,
            "recorded_at": recorded_at,
        },
    )


def known_product_codes(connection: Connection, codes: Collection[str]) -> set[str]:
    """Return those of the codes that are those of products."""
    rows = connection.execute(
        text("select code from product where code = any(cast(:codes as text[]))"), {"codes": list(codes)}
    )
    return set(rows.scalars())
