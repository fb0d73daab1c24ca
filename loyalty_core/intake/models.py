"""Tables of intake: received files, imports, quarantined rows. Staging tables are made per import."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from loyalty_core.intake.states import ImportState
from loyalty_core.kernel import AppRights, Uuid, metadata

received_file = Table(
    "received_file",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("file_name", Text, nullable=False),
    # The contents lie in the files folder under their hash: the same bytes are kept once.
    Column("sha256", Text, nullable=False, index=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("received_by", Uuid),
    Column("received_by_name", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
)

_STATES = ", ".join(f"'{state}'" for state in ImportState)

file_import = Table(
    "file_import",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("file_id", Uuid, ForeignKey("received_file.id"), nullable=False, index=True),
    Column("dataset", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("mapping", JSONB, nullable=False),
    Column("creates_missing", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("phase", Text),
    Column("phase_rows", BigInteger, nullable=False, server_default=text("0")),
    Column("runs", Integer, nullable=False, server_default=text("0")),
    Column("rows", BigInteger),
    Column("accepted", BigInteger),
    Column("quarantined", BigInteger),
    Column("duplicates", BigInteger),
    # How the file was read (sheet, header, header_row, encoding, delimiter): whoever opens the original again
    # to quote from it reads it the same way.
    Column("reading", JSONB),
    Column("net_minor", JSONB),
    Column("reasons", JSONB),
    Column("checks", JSONB),
    Column("refusal", Text),
    Column("seconds", Numeric(12, 3)),
    Column("requested_by", Uuid),
    Column("requested_by_name", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("decided_by", Uuid),
    Column("decided_by_name", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("decision_reason", Text),
    Column("request_key", Uuid, unique=True),
    CheckConstraint(f"state in ({_STATES})", name="state"),
    Index("ix_file_import_source", "source", "finished_at"),
    Index(
        "ix_file_import_unfinished", "requested_at", postgresql_where=text("state in ('queued', 'running')")
    ),
    info={
        "app": AppRights(
            updates=(
                "state",
                "phase",
                "phase_rows",
                "runs",
                "rows",
                "accepted",
                "quarantined",
                "duplicates",
                "reading",
                "net_minor",
                "reasons",
                "checks",
                "refusal",
                "seconds",
                "started_at",
                "finished_at",
                "decided_by",
                "decided_by_name",
                "decided_at",
                "decision_reason",
            )
        )
    },
)

quarantined_row = Table(
    "quarantined_row",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("import_id", Uuid, ForeignKey("file_import.id"), nullable=False),
    Column("sheet", Text, nullable=False, server_default=text("''")),
    Column("row_no", BigInteger, nullable=False),
    Column("reasons", ARRAY(Text), nullable=False),
    Column("body", JSONB, nullable=False),
    UniqueConstraint("import_id", "sheet", "row_no"),
    # Deleted only when a waiting import is judged anew.
    info={"app": AppRights(delete=True)},
)
