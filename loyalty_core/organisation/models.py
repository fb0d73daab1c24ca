"""Tables of the organisation: regions, companies, outlets."""

from sqlalchemy import Column, DateTime, ForeignKey, Index, Table, Text, UniqueConstraint

from loyalty_core.kernel import AppRights, Uuid, metadata

region = Table(
    "region",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("parent_id", Uuid, ForeignKey("region.id"), index=True),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
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
    Column("created_by_import", Uuid),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Index("ix_company_name", "name"),
    info={"app": AppRights(updates=("name", "region_id", "salesperson_id"))},
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
    info={"app": AppRights(updates=("name",))},
)
