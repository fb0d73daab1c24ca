"""Every query of the products."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text


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
            " where :words = '' or position(lower(:words) in lower(code || ' ' || name)) > 0"
            " order by name, code limit :limit"
        ),
        {"words": words, "limit": limit},
    )
    return [Product(row.id, row.code, row.name) for row in rows]


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
