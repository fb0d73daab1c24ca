"""The table of undone imports: who asked for it, why, and what it touched."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from loyalty_core.audit import Xid8
from loyalty_core.kernel import Uuid, metadata

# A fact. What was undone stays readable: the import's lines and their reversals, its claims and their decisions.
import_undo = Table(
    "import_undo",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("request_key", Uuid, nullable=False, unique=True),
    Column("import_id", Uuid, ForeignKey("file_import.id"), nullable=False, unique=True),
    Column("reason", Text, nullable=False),
    # Lines that were taken back, and how many of them stay because another import brought them too.
    Column("lines", BigInteger, nullable=False),
    Column("lines_kept", BigInteger, nullable=False),
    Column("claims_withdrawn", BigInteger, nullable=False),
    Column("claims_reopened", BigInteger, nullable=False),
    # Records of master data that were touched.
    Column("records", BigInteger, nullable=False),
    # What became of its additions and changes: outcome to how many, those that were left included.
    Column("outcomes", JSONB, nullable=False, server_default=text("'{}'")),
    # Net amounts that were taken back, by currency, in minor units.
    Column("net_minor", JSONB, nullable=False, server_default=text("'{}'")),
    Column("undone_by", Uuid),
    Column("undone_by_name", Text, nullable=False),
    Column("undone_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("length(reason) between 3 and 1000", name="reason"),
)

# A fact: a record of master data that an undone import had added and that is gone again. By it the replica drops its
# copy, and imports that were judged before know that what their rows name may have gone.
removed_record = Table(
    "removed_record",
    metadata,
    Column("record_id", Uuid, primary_key=True),
    Column("table_name", Text, nullable=False),
    Column("import_id", Uuid, ForeignKey("file_import.id"), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
)
