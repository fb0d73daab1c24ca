"""Tables of claims: what participants say was sold, what was decided, and which sold units are claimed."""

from sqlalchemy import (
    CHAR,
    BigInteger,
    Boolean,
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
from sqlalchemy.dialects.postgresql import JSONB

from loyalty_core.audit import Xid8
from loyalty_core.kernel import AppRights, Uuid, metadata
from loyalty_core.verification.policy import ClaimSource, DecisionKind, EventKind, Verdict
from loyalty_core.verification.states import ClaimState

_STATES = ", ".join(f"'{state}'" for state in ClaimState)
_SOURCES = ", ".join(f"'{source}'" for source in ClaimSource)
_KINDS = ", ".join(f"'{kind}'" for kind in DecisionKind)
_VERDICTS = ", ".join(f"'{verdict}'" for verdict in Verdict)
_EVENTS = ", ".join(f"'{kind}'" for kind in EventKind)

claim = Table(
    "claim",
    metadata,
    # Awards name a claim by its number, as they name a sales line.
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("request_key", Uuid, unique=True),
    Column("claim_no", Text, nullable=False),
    # None where no programme earned from claims on the day of the sale: verified all the same, worth nothing.
    Column("programme_id", Uuid),
    # None where the file names a company that is not known; then `company_code_said` holds what it says, and only
    # those who see everything see the claim.
    Column("company_id", Uuid),
    Column("company_code_said", Text),
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
    # Of the last verdict, repeated here for the queue; `claim_verdict` is the fact. Null until it is judged.
    Column("verdict", Text),
    Column("best_line_id", BigInteger),
    Column("judged_at", DateTime(timezone=True)),
    # What approving it as it stands would be worth, and how much of that is likely to be wrong: minor units.
    Column("at_stake_minor", BigInteger),
    Column("expected_loss_minor", BigInteger),
    Column("stake_currency", CHAR(3)),
    Column("assigned_to", Uuid),
    Column("assigned_to_name", Text),
    Column("assigned_at", DateTime(timezone=True)),
    Column("escalated_at", DateTime(timezone=True)),
    Column("entered_by", Uuid),
    Column("entered_by_name", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    CheckConstraint(f"state in ({_STATES})", name="state"),
    CheckConstraint(f"source in ({_SOURCES})", name="source"),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("state not in ('approved', 'rejected', 'withdrawn') or revision > 0", name="revision"),
    CheckConstraint(f"verdict in ({_VERDICTS})", name="verdict"),
    CheckConstraint("(verdict is null) = (judged_at is null)", name="judged"),
    CheckConstraint("(assigned_to is null) = (assigned_at is null)", name="assigned"),
    CheckConstraint(
        "(state = 'approved') = (sales_line_id is not null) and (state = 'approved') = (approved_quantity > 0)"
        " and (state = 'approved') = (approved_quantity is not null)",
        name="approved",
    ),
    CheckConstraint("(company_id is null) = (company_code_said is not null)", name="company"),
    CheckConstraint("company_id is not null or state <> 'approved'", name="company_approved"),
    # A claim's number is its company's own; what a file brought that was undone may come again under it.
    Index(
        "uq_claim_company_id",
        "company_id",
        "claim_no",
        unique=True,
        postgresql_where=text("state <> 'withdrawn'"),
    ),
    Index(
        "uq_claim_company_code_said",
        "company_code_said",
        "claim_no",
        unique=True,
        postgresql_where=text("company_id is null and state <> 'withdrawn'"),
    ),
    Index(
        "ix_claim_undecided",
        "recorded_at",
        postgresql_where=text("state in ('waiting', 'asked', 'proposed')"),
    ),
    Index("ix_claim_company_invoice", "company_id", "invoice_no"),
    Index("ix_claim_import_id", "import_id", postgresql_where=text("import_id is not null")),
    Index("ix_claim_txid", "txid"),
    info={
        "app": AppRights(
            updates=(
                "state",
                "revision",
                "sales_line_id",
                "approved_quantity",
                "decided_at",
                "verdict",
                "best_line_id",
                "judged_at",
                "at_stake_minor",
                "expected_loss_minor",
                "stake_currency",
                "assigned_to",
                "assigned_to_name",
                "assigned_at",
                "escalated_at",
            )
        )
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
    Column("company_id", Uuid),
    Column("participant_id", Uuid),
    Column("kind", Text, nullable=False),
    # What counts from now on: a line with units of it and their amount, or nothing of these when rejected.
    Column("sales_line_id", BigInteger),
    Column("quantity", Numeric),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", CHAR(3)),
    Column("sold_on", Date, nullable=False),
    Column("sold_at", DateTime(timezone=True)),
    # Which of the programme's reasons, where one was chosen; `reason` holds the words.
    Column("reason_code", Text),
    Column("reason", Text),
    # Decided by the rule for its verdict, not by a person.
    Column("is_by_rule", Boolean, nullable=False, server_default=text("false")),
    # Of a correction: how many units of the sale had come back by then, for all that it could see.
    Column("units_back", Numeric),
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

# A fact: what comparing the claim with the sales said, each time that the answer changed; the last one holds.
claim_verdict = Table(
    "claim_verdict",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("claim_number", BigInteger, nullable=False),
    Column("programme_id", Uuid),
    Column("company_id", Uuid),
    Column("verdict", Text, nullable=False),
    # The sold line that comes nearest, and the invoice that the claim seems to mean where it names another.
    Column("sales_line_id", BigInteger),
    Column("proposed_invoice_no", Text),
    # The claim that stands where this one repeats it.
    Column("duplicate_of", BigInteger),
    Column("judged_at", DateTime(timezone=True), nullable=False),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    CheckConstraint(f"verdict in ({_VERDICTS})", name="verdict"),
    CheckConstraint("(verdict = 'duplicate_claim') = (duplicate_of is not null)", name="duplicate_of"),
    Index("ix_claim_verdict_claim_number", "claim_number", "id"),
)

# A fact: what happened to a claim beside verdicts and decisions, with the words that were written.
claim_event = Table(
    "claim_event",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("claim_number", BigInteger, nullable=False, index=True),
    Column("programme_id", Uuid),
    Column("company_id", Uuid),
    Column("kind", Text, nullable=False),
    Column("words", Text),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    Column("request_key", Uuid, unique=True),
    Column("happened_by", Uuid),
    Column("happened_by_name", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    CheckConstraint(f"kind in ({_EVENTS})", name="kind"),
    CheckConstraint("kind not in ('asked', 'answered', 'disagreed') or words is not null", name="words"),
)

# What a first person decided about a claim of high value; it counts once a second has agreed.
claim_proposal = Table(
    "claim_proposal",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("claim_number", BigInteger, nullable=False),
    Column("programme_id", Uuid),
    Column("company_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("sales_line_id", BigInteger),
    Column("quantity", Numeric),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", CHAR(3)),
    Column("reason_code", Text),
    Column("reason", Text),
    Column("payload_hash", Text, nullable=False),
    Column("proposed_by", Uuid, nullable=False),
    Column("proposed_by_name", Text, nullable=False),
    Column("proposed_at", DateTime(timezone=True), nullable=False),
    # None while it waits; a verdict that changed, or a claim that was undone, withdraws it.
    Column("outcome", Text),
    Column("decided_by", Uuid),
    Column("decided_by_name", Text),
    Column("decided_at", DateTime(timezone=True)),
    CheckConstraint("kind in ('approve', 'reject', 'correct')", name="kind"),
    CheckConstraint("outcome in ('agreed', 'disagreed', 'withdrawn')", name="outcome"),
    CheckConstraint("(outcome is null) = (decided_at is null)", name="decided"),
    # Administrators included.
    CheckConstraint(
        "outcome is null or outcome not in ('agreed', 'disagreed')"
        " or (decided_by is not null and decided_by is distinct from proposed_by)",
        name="two_people",
    ),
    CheckConstraint("outcome not in ('agreed', 'disagreed') or decided_by is not null", name="decided_by"),
    Index("uq_claim_proposal_waiting", "claim_number", unique=True, postgresql_where=text("outcome is null")),
    Index("ix_claim_proposal_claim_number", "claim_number"),
    info={"app": AppRights(updates=("outcome", "decided_by", "decided_by_name", "decided_at"))},
)

# Documents that were added to a claim after it was entered; the first one stands in the claim itself.
claim_attachment = Table(
    "claim_attachment",
    metadata,
    Column("claim_number", BigInteger, primary_key=True),
    Column("document_id", Uuid, ForeignKey("claim_document.id"), primary_key=True),
    Column("programme_id", Uuid),
    Column("company_id", Uuid, nullable=False),
    Column("added_by", Uuid),
    Column("added_by_name", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
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

# A fact: further lines of the same invoice and product that a decision takes units of, where the invoice lists the
# product more than once and one line has not enough. The decision's own line stands in the decision, whose quantity
# and amount count all.
claim_further_line = Table(
    "claim_further_line",
    metadata,
    Column("claim_number", BigInteger, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("sales_line_id", BigInteger, primary_key=True, index=True),
    Column("programme_id", Uuid),
    Column("company_id", Uuid, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
)

# Up to where claims were judged by the sales lines: what transactions from `low_txid` on wrote is not looked at yet.
claims_judged = Table(
    "claims_judged",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("low_txid", Xid8, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
    info={"app": AppRights(updates=("low_txid",))},
)

claim_document = Table(
    "claim_document",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("company_id", Uuid, ForeignKey("company.id"), nullable=False, index=True),
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
