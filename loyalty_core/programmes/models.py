"""Programmes and their versions. A version is a fact: applying a changed document adds the next one."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from loyalty_core.audit import Xid8
from loyalty_core.kernel import AppRights, Uuid, metadata

programme = Table(
    "programme",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("collects", Text, nullable=False),
    Column("earns_from", Text, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False, comment="inclusive"),
    Column("time_zone", Text, comment="IANA name; null: each line's own local date counts"),
    Column("current_version", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # The transaction that last changed the row; a trigger keeps it, for the replica.
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    UniqueConstraint("code"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint("collects in ('company', 'participant', 'salesperson')", name="collects"),
    CheckConstraint("earns_from in ('sales', 'claims')", name="earns_from"),
    CheckConstraint("ends_on >= starts_on", name="dates"),
    CheckConstraint("current_version >= 1", name="current_version"),
    info={"app": AppRights(updates=("name", "starts_on", "ends_on", "time_zone", "current_version"))},
)

programme_version = Table(
    "programme_version",
    metadata,
    Column("programme_id", Uuid, ForeignKey("programme.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", Text, nullable=False, comment="the text as it was given"),
    Column("body", JSONB, nullable=False, comment="canonical_body of the document"),
    Column("document_hash", Text, nullable=False, comment="sha256 of the canonical body, hex"),
    Column("applied_at", DateTime(timezone=True), nullable=False),
    Column("applied_by_name", Text, nullable=False),
    Column("applied_by", Uuid, ForeignKey("app_user.id"), comment="null: the command line or a job"),
    PrimaryKeyConstraint("programme_id", "version"),
    CheckConstraint("version >= 1", name="version"),
    CheckConstraint("document_hash ~ '^[0-9a-f]{64}$'", name="document_hash"),
    info={"app": AppRights()},
)
