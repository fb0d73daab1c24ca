"""Tables of the audit: records, and the links that chain them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType

from loyalty_core.kernel import AppRights, Uuid, metadata


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id; never wraps around."""

    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        """Return the type's name in SQL."""
        return "xid8"


audit_record = Table(
    "audit_record",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("actor_id", Uuid),
    Column("action", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Index("ix_audit_record_subject", "subject_kind", "subject_id"),
    Index("ix_audit_record_txid", "txid"),
)

audit_link = Table(
    "audit_link",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("record_id", BigInteger, nullable=False, unique=True),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("position > 0", name="position"),
    CheckConstraint("octet_length(hash) = 32", name="hash_length"),
)

audit_mark = Table(
    "audit_mark",
    metadata,
    Column("only_row", SmallInteger, primary_key=True, server_default=text("1")),
    Column("low_txid", Xid8, nullable=False),
    # The cluster that gave out that id: in another, ids begin anew.
    Column("system_identifier", BigInteger, nullable=False),
    CheckConstraint("only_row = 1", name="only_row"),
    info={"app": AppRights(updates=("low_txid", "system_identifier"))},
)
