"""Tables of claims: what participants say was sold, what was decided, and which sold units are claimed."""

from sqlalchemy import (
    CHAR,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
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

from loyalty_core.audit import Xid8
from loyalty_core.kernel import AppRights, Uuid, metadata
from loyalty_core.verification.policy import ClaimSource, DecisionKind
from loyalty_core.verification.states import ClaimState

_STATES = ", ".join(f"'{state}'" for state in ClaimState)
_SOURCES = ", ".join(f"'{source}'" for source in ClaimSource)
_KINDS = ", ".join(f"'{kind}'" for kind in DecisionKind)

claim = Table(
    "claim",
    metadata,
    # Awards name a claim by its number, as they name a sales line.
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("request_key", Uuid, unique=True),
    Column("claim_no", Text, nullable=False),
    # None where no programme earned from claims on the day of the sale: verified all the same, worth nothing.
    Column("programme_id", Uuid),
    Column("company_id", Uuid, nullable=False),
    Column("participant_id", Uuid, index=True),
    Column("source", Text, nullable=False),
    Column("import_id", Uuid),
    Column("sheet", Text),
    Column("row_no", BigInteger),
    Column("invoice_no", Text, nullable=False),
    Column("product_code", Text, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("sold_on", Date, nullable=False),
    Column("document_id", Uuid),
    Column("note", Text),
    Column("state", Text, nullable=False),
    # Of the last decision, repeated here for the queue and the replica; `claim_decision` is the fact.
    Column("revision", Integer, nullable=False, server_default=text("0")),
    Column("sales_line_id", BigInteger),
    Column("approved_quantity", Numeric),
    Column("decided_at", DateTime(timezone=True)),
    Column("entered_by", Uuid),
    Column("entered_by_name", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    CheckConstraint(f"state in ({_STATES})", name="state"),
    CheckConstraint(f"source in ({_SOURCES})", name="source"),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("(state = 'waiting') = (revision = 0)", name="revision"),
    CheckConstraint(
        "(state = 'approved') = (sales_line_id is not null) and (state = 'approved') = (approved_quantity > 0)"
        " and (state = 'approved') = (approved_quantity is not null)",
        name="approved",
    ),
    UniqueConstraint("company_id", "claim_no", name="uq_claim_company_id"),
    Index("ix_claim_waiting", "recorded_at", postgresql_where=text("state = 'waiting'")),
    Index("ix_claim_import_id", "import_id", postgresql_where=text("import_id is not null")),
    Index("ix_claim_txid", "txid"),
    info={
        "app": AppRights(updates=("state", "revision", "sales_line_id", "approved_quantity", "decided_at"))
    },
)

# A fact: every decision on a claim, corrections included; the last one holds.
claim_decision = Table(
    "claim_decision",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("claim_number", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("programme_id", Uuid),
    Column("company_id", Uuid, nullable=False),
    Column("participant_id", Uuid),
    Column("kind", Text, nullable=False),
    # What counts from now on: a line with units of it and their amount, or nothing of these when rejected.
    Column("sales_line_id", BigInteger),
    Column("quantity", Numeric),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", CHAR(3)),
    Column("sold_on", Date, nullable=False),
    Column("sold_at", DateTime(timezone=True)),
    Column("reason", Text),
    # Of the form that it was decided in: the same form sent again finds its work done.
    Column("request_key", Uuid),
    Column("decided_by", Uuid),
    Column("decided_by_name", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    CheckConstraint(f"kind in ({_KINDS})", name="kind"),
    CheckConstraint("revision > 0", name="revision"),
    CheckConstraint(
        "(sales_line_id is null) = (quantity is null) and (sales_line_id is null) = (currency is null)"
        " and (sales_line_id is null) = (sold_at is null) and (sales_line_id is not null or amount_minor = 0)",
        name="line",
    ),
    CheckConstraint("kind <> 'reject' or reason is not null", name="reason"),
    UniqueConstraint("claim_number", "revision", name="uq_claim_decision_claim_number"),
)

# How many units of a sold line are claimed in one programme: never more than were sold.
claimed_line = Table(
    "claimed_line",
    metadata,
    Column("sales_line_id", BigInteger, nullable=False),
    Column("programme_id", Uuid),
    Column("company_id", Uuid, nullable=False),
    Column("units_sold", Numeric, nullable=False),
    Column("units_claimed", Numeric, nullable=False),
    CheckConstraint("units_claimed between 0 and units_sold", name="units"),
    UniqueConstraint(
        "sales_line_id",
        "programme_id",
        name="uq_claimed_line_sales_line_id",
        postgresql_nulls_not_distinct=True,
    ),
    info={"app": AppRights(updates=("units_claimed",))},
)

claim_document = Table(
    "claim_document",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("company_id", Uuid, ForeignKey("company.id"), nullable=False),
    # The file lies in LAUREL_HOME by this hash.
    Column("sha256", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("added_by", Uuid),
    Column("added_by_name", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
    CheckConstraint(
        "media_type in ('image/jpeg', 'image/png', 'image/webp', 'application/pdf')", name="media_type"
    ),
)
