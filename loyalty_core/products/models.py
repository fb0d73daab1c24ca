"""Tables of products and their listed prices."""

from sqlalchemy import (
    CHAR,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from loyalty_core.audit import Xid8
from loyalty_core.kernel import AppRights, Uuid, metadata

product = Table(
    "product",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("brand", Text, index=True),
    Column("product_group", Text, index=True),
    Column("created_by_import", Uuid),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    # The transaction that last changed the row; a trigger keeps it, for the replica.
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    # Deleted only with the import that brought it; a trigger sees to that.
    info={"app": AppRights(delete=True, updates=("name", "brand", "product_group"))},
)

# What a product costs on a list from a day on. The list goes by its code: a region's, or a group of companies'.
product_price = Table(
    "product_price",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("price_list", Text, nullable=False),
    Column("product_id", Uuid, ForeignKey("product.id"), nullable=False, index=True),
    Column("currency", CHAR(3), nullable=False),
    Column("unit_price", Numeric, nullable=False),
    Column("valid_from", Date, nullable=False),
    # The last day, inclusive; None while no later price is known.
    Column("valid_to", Date),
    Column("created_by_import", Uuid),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("unit_price >= 0", name="unit_price"),
    CheckConstraint("valid_to >= valid_from", name="dates"),
    UniqueConstraint("price_list", "product_id", "valid_from", name="uq_product_price_price_list"),
    # As a product.
    info={"app": AppRights(delete=True, updates=("currency", "unit_price", "valid_to"))},
)
