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

from loyalty_core.intake.states import ImportMode, ImportState, RepairState, WaitsFor
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
_MODES = ", ".join(f"'{mode}'" for mode in ImportMode)
_WAITS_FOR = ", ".join(f"'{cause}'" for cause in WaitsFor)
# What is there of partners was approved by a second person, and a file changes it only by two as well.
TWO_PEOPLE_DATASETS = ("companies", "participants")
_TWO_PEOPLE = ", ".join(f"'{name}'" for name in TWO_PEOPLE_DATASETS)
_REPAIR_STATES = ", ".join(f"'{state}'" for state in RepairState)

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
    Column("mode", Text, nullable=False, server_default=text("'add'")),
    # What the person said of this file: sheets, control_total (a decimal as text), period_from, period_to.
    Column("options", JSONB, nullable=False, server_default=text("'{}'")),
    Column("state", Text, nullable=False),
    Column("waits_for", Text),
    Column("phase", Text),
    Column("phase_rows", BigInteger, nullable=False, server_default=text("0")),
    # With phase_rows, how fast it goes.
    Column("phase_started_at", DateTime(timezone=True)),
    # How many rows the file is thought to have, for the time left; None while nobody can say.
    Column("rows_expected", BigInteger),
    Column("runs", Integer, nullable=False, server_default=text("0")),
    Column("rows", BigInteger),
    Column("accepted", BigInteger),
    Column("quarantined", BigInteger),
    Column("duplicates", BigInteger),
    # Rows that changed what was there, in an import that may.
    Column("changed", BigInteger),
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
    Column("cancel_asked_at", DateTime(timezone=True)),
    Column("cancel_asked_by_name", Text),
    Column("request_key", Uuid, unique=True),
    CheckConstraint(f"state in ({_STATES})", name="state"),
    CheckConstraint(f"mode in ({_MODES})", name="mode"),
    CheckConstraint(f"waits_for in ({_WAITS_FOR})", name="waits_for"),
    CheckConstraint("(state = 'waiting') = (waits_for is not null)", name="waiting"),
    CheckConstraint(
        f"state <> 'accepted' or mode <> 'update' or dataset not in ({_TWO_PEOPLE})"
        " or coalesce(changed, 0) = 0 or (decided_by is not null and decided_by is distinct from requested_by)",
        name="two_people",
    ),
    Index("ix_file_import_source", "source", "finished_at"),
    Index(
        "ix_file_import_unfinished", "requested_at", postgresql_where=text("state in ('queued', 'running')")
    ),
    info={
        "app": AppRights(
            updates=(
                "state",
                "waits_for",
                "phase",
                "phase_rows",
                "phase_started_at",
                "rows_expected",
                "runs",
                "rows",
                "accepted",
                "quarantined",
                "duplicates",
                "changed",
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
                "cancel_asked_at",
                "cancel_asked_by_name",
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
    # The row's cells as a person corrected them last, by the file's own headers; None while nobody did.
    Column("cells", JSONB),
    # The repair with which the row was accepted, or found to be there already; None while it is still out.
    Column("repair_id", Uuid),
    UniqueConstraint("import_id", "sheet", "row_no"),
    # Deleted only when a waiting import is judged anew.
    info={"app": AppRights(delete=True, updates=("reasons", "body", "cells", "repair_id"))},
)

# A batch of corrected rows that goes back into its import, checked again.
import_repair = Table(
    "import_repair",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("request_key", Uuid, nullable=False, unique=True),
    Column("import_id", Uuid, ForeignKey("file_import.id"), nullable=False, index=True),
    # The corrected file that was uploaded; None where the rows were corrected in the table.
    Column("file_id", Uuid, ForeignKey("received_file.id")),
    # The rows corrected in the table: [[sheet, row_no, {header: cell}], ...], a cell only where it was changed.
    Column("cells", JSONB),
    Column("state", Text, nullable=False),
    Column("runs", Integer, nullable=False, server_default=text("0")),
    Column("rows", BigInteger),
    Column("accepted", BigInteger),
    Column("duplicates", BigInteger),
    Column("still_bad", BigInteger),
    Column("refusal", Text),
    Column("requested_by", Uuid),
    Column("requested_by_name", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    CheckConstraint(f"state in ({_REPAIR_STATES})", name="state"),
    CheckConstraint("(file_id is null) = (cells is not null)", name="source"),
    info={
        "app": AppRights(
            updates=("state", "runs", "rows", "accepted", "duplicates", "still_bad", "refusal", "finished_at")
        )
    },
)

# A fact: how a person changed a row's cells, before and after, by the file's own headers.
row_correction = Table(
    "row_correction",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("repair_id", Uuid, ForeignKey("import_repair.id"), nullable=False, index=True),
    Column("import_id", Uuid, nullable=False),
    Column("sheet", Text, nullable=False, server_default=text("''")),
    Column("row_no", BigInteger, nullable=False),
    Column("before", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
    UniqueConstraint("repair_id", "sheet", "row_no"),
    Index("ix_row_correction_import_id", "import_id"),
)

# What an import of records would add and change, or did: one row a field. Made anew with each judgement, and for
# the last time in the transaction that writes the records.
import_change = Table(
    "import_change",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("import_id", Uuid, ForeignKey("file_import.id"), nullable=False),
    Column("sheet", Text, nullable=False, server_default=text("''")),
    Column("row_no", BigInteger, nullable=False),
    # What is changed, as people know it: a company's code, or an outlet's after its company's.
    Column("record", Text, nullable=False),
    # None where the whole record is new.
    Column("field", Text),
    Column("before", Text),
    Column("after", Text),
    Index("ix_import_change_import_id", "import_id", "row_no"),
    Index("ix_import_change_record", "record"),
    info={"app": AppRights(delete=True)},
)

# A source's mapping, saved for its next file. A new version with each change; the last holds.
source_mapping = Table(
    "source_mapping",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("dataset", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    # The file's headers when it was saved, those that mean nothing included.
    Column("header", ARRAY(Text), nullable=False),
    Column("is_retired", Boolean, nullable=False, server_default=text("false")),
    Column("saved_by", Uuid),
    Column("saved_by_name", Text, nullable=False),
    Column("saved_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint("length(name) between 1 and 100", name="name"),
    UniqueConstraint("dataset", "name", "version", name="uq_source_mapping_dataset"),
)

# What a source's checks allow, where it is not what the suite ships with. The last version holds.
source_thresholds = Table(
    "source_thresholds",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("changes", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_by", Uuid),
    Column("set_by_name", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("version > 0", name="version"),
    UniqueConstraint("source", "version", name="uq_source_thresholds_source"),
)
