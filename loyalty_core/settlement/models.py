"""Tables of settlement: awards, the runs that made them, and how far each programme is settled."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    text,
)

from loyalty_core.audit import Xid8
from loyalty_core.kernel import AppRights, Uuid, metadata
from loyalty_core.settlement.states import RequestState

_STATES = ", ".join(f"'{state}'" for state in RequestState)

award = Table(
    "award",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("sales_line_id", BigInteger, nullable=False),
    # The claim that earned, where a programme earns from claims: then the line is the one it was matched with.
    Column("claim_number", BigInteger),
    Column("programme_id", Uuid, nullable=False),
    Column("company_id", Uuid, nullable=False),
    Column("posting_id", BigInteger, nullable=False, index=True),
    Column("points", BigInteger, nullable=False),
    # The amount that the rule was applied to, in minor units of the programme's currency.
    Column("basis_minor", BigInteger, nullable=False),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    Column("version", Integer, nullable=False),
    # 1 for the first award of a line under a rule; each correction is one more, and holds the difference.
    Column("revision", Integer, nullable=False),
    Column("happened_on", Date, nullable=False),
    Column("rule_id", Text, nullable=False),
    CheckConstraint("points <> 0", name="points"),
    CheckConstraint("revision > 0", name="revision"),
    Index(
        "uq_award_line_rule_revision",
        "sales_line_id",
        "programme_id",
        "rule_id",
        "revision",
        unique=True,
        postgresql_where=text("claim_number is null"),
    ),
    Index(
        "uq_award_claim_rule_revision",
        "claim_number",
        "programme_id",
        "rule_id",
        "revision",
        unique=True,
        postgresql_where=text("claim_number is not null"),
    ),
    Index("ix_award_txid", "txid"),
)

settlement = Table(
    "settlement",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("programme_id", Uuid, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("awards", BigInteger, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("postings", BigInteger, nullable=False),
    Column("settled_by_name", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True), nullable=False),
    Column("seconds", Numeric(12, 3), nullable=False),
)

settlement_request = Table(
    "settlement_request",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("programme_id", Uuid, nullable=False, index=True),
    Column("request_key", Uuid, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("lines_scored", BigInteger, nullable=False, server_default=text("0")),
    Column("lines_total", BigInteger),
    Column("refusal", Text),
    Column("settlement_id", Uuid),
    Column("requested_by", Uuid),
    Column("requested_by_name", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    CheckConstraint(f"state in ({_STATES})", name="state"),
    info={
        "app": AppRights(
            updates=("state", "lines_scored", "lines_total", "refusal", "settlement_id", "finished_at")
        )
    },
)

settlement_mark = Table(
    "settlement_mark",
    metadata,
    Column("programme_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    # Lines of transactions below this id were all scored under this version.
    Column("low_txid", Xid8, nullable=False),
    # The cluster that gave out that id: in another, ids begin anew.
    Column("system_identifier", BigInteger, nullable=False),
    # Which transactions the last settlement saw (a pg_snapshot): what it saw is not due again, however long an
    # old transaction holds `low_txid` back.
    Column("seen", Text),
    info={"app": AppRights(updates=("version", "low_txid", "system_identifier", "seen"))},
)
