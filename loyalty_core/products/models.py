"""The table of products."""

from sqlalchemy import Column, DateTime, Table, Text, text

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
    info={"app": AppRights(updates=("name", "brand", "product_group"))},
)
