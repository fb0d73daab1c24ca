"""Tables of budgets: what is set aside per programme, region and quarter, what moved it, and changes asked for."""

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
    Table,
    Text,
    UniqueConstraint,
    text,
)

from loyalty_core.audit import Xid8
from loyalty_core.budgets.policy import MovementKind
from loyalty_core.budgets.states import ChangeState
from loyalty_core.kernel import AppRights, Uuid, metadata

_KINDS = ", ".join(f"'{kind}'" for kind in MovementKind)
_STATES = ", ".join(f"'{state}'" for state in ChangeState)

budget = Table(
    "budget",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("programme_id", Uuid, ForeignKey("programme.id"), nullable=False),
    Column("region_id", Uuid, ForeignKey("region.id"), nullable=False, index=True),
    Column("starts_on", Date, nullable=False, comment="first day of a quarter"),
    Column("ends_on", Date, nullable=False, comment="last day of the quarter, inclusive"),
    Column("currency", CHAR(3), nullable=False),
    # Minor units. What is available is set less reserved less spent, and never below zero.
    Column("set_minor", BigInteger, nullable=False),
    Column("reserved_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("spent_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    UniqueConstraint("programme_id", "region_id", "starts_on", name="uq_budget_programme_id"),
    CheckConstraint("ends_on > starts_on", name="dates"),
    CheckConstraint(
        "reserved_minor >= 0 and spent_minor >= 0 and set_minor >= reserved_minor + spent_minor",
        name="available",
    ),
    info={"app": AppRights(updates=("set_minor", "reserved_minor", "spent_minor"))},
)

# A fact: what moved a budget, with what it held afterwards.
budget_movement = Table(
    "budget_movement",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("budget_id", Uuid, nullable=False, index=True),
    Column("region_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    # The order behind a reservation, or the change behind a set.
    Column("order_id", Uuid),
    Column("change_id", Uuid),
    Column("set_after_minor", BigInteger, nullable=False),
    Column("reserved_after_minor", BigInteger, nullable=False),
    Column("spent_after_minor", BigInteger, nullable=False),
    Column("moved_by_name", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    CheckConstraint(f"kind in ({_KINDS})", name="kind"),
    CheckConstraint(
        "(kind = 'set') = (order_id is null) and (kind = 'set') = (change_id is not null)", name="cause"
    ),
    # An order reserves, spends and releases once each.
    Index(
        "uq_budget_movement_order",
        "order_id",
        "kind",
        unique=True,
        postgresql_where=text("order_id is not null"),
    ),
)

budget_change = Table(
    "budget_change",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("request_key", Uuid, nullable=False, unique=True),
    Column("programme_id", Uuid, ForeignKey("programme.id"), nullable=False),
    Column("region_id", Uuid, ForeignKey("region.id"), nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("currency", CHAR(3), nullable=False),
    # What was set when it was asked for; null when there was no budget yet.
    Column("before_minor", BigInteger),
    Column("after_minor", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload_hash", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("asked_by", Uuid, ForeignKey("app_user.id"), nullable=False),
    Column("asked_by_name", Text, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("decided_by", Uuid, ForeignKey("app_user.id")),
    Column("decided_by_name", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("decision_reason", Text),
    CheckConstraint(f"state in ({_STATES})", name="state"),
    CheckConstraint("after_minor >= 0", name="after_minor"),
    CheckConstraint("length(reason) between 3 and 1000", name="reason"),
    CheckConstraint("(state = 'waiting') = (decided_at is null)", name="decided"),
    # Whoever asked may withdraw; to approve or reject takes somebody else, administrators included.
    CheckConstraint(
        "state not in ('approved', 'rejected')"
        " or (decided_by is not null and decided_by is distinct from asked_by)",
        name="two_people",
    ),
    CheckConstraint("(decided_at is null) = (decided_by is null)", name="decided_by"),
    Index(
        "uq_budget_change_waiting",
        "programme_id",
        "region_id",
        "starts_on",
        unique=True,
        postgresql_where=text("state = 'waiting'"),
    ),
    info={
        "app": AppRights(updates=("state", "decided_by", "decided_by_name", "decided_at", "decision_reason"))
    },
)
