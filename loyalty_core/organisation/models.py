"""Tables of the organisation: regions, companies, outlets."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from loyalty_core.audit import Xid8
from loyalty_core.kernel import AppRights, Uuid, metadata
from loyalty_core.organisation.policy import CompanyKind

_KINDS = ", ".join(f"'{kind}'" for kind in CompanyKind)

region = Table(
    "region",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("parent_id", Uuid, ForeignKey("region.id"), index=True),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    # The transaction that last changed the row; a trigger keeps it, for the replica.
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    info={"app": AppRights(updates=("name", "parent_id"))},
)

company = Table(
    "company",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("region_id", Uuid, ForeignKey("region.id"), nullable=False, index=True),
    # The responsible salesperson is a user; the column has no foreign key because users lie above.
    Column("salesperson_id", Uuid, index=True),
    Column("kind", Text, nullable=False, server_default=text("'wholesaler'")),
    # The distributor that it buys through, where it does.
    Column("distributor_id", Uuid, ForeignKey("company.id"), index=True),
    Column("created_by_import", Uuid),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    # The transaction that last changed the row; a trigger keeps it, for the replica.
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    CheckConstraint(f"kind in ({_KINDS})", name="kind"),
    Index("ix_company_name", "name"),
    # Deleted only with the import that brought it; a trigger sees to that.
    info={
        "app": AppRights(
            delete=True, updates=("name", "region_id", "salesperson_id", "kind", "distributor_id")
        )
    },
)

outlet = Table(
    "outlet",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("company_id", Uuid, ForeignKey("company.id"), nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_by_import", Uuid),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("company_id", "code"),
    # As a company.
    info={"app": AppRights(delete=True, updates=("name",))},
)
