"""The table of undone imports: who asked for it, why, and what it touched."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

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
    Column("records", BigInteger, nullable=False),
    # Net amounts that were taken back, by currency, in minor units.
    Column("net_minor", JSONB, nullable=False, server_default=text("'{}'")),
    Column("undone_by", Uuid),
    Column("undone_by_name", Text, nullable=False),
    Column("undone_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("length(reason) between 3 and 1000", name="reason"),
)
