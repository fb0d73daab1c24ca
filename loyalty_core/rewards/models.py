"""Tables of rewards: the catalogue, who may spend a company's points, orders and all that happened to them."""

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
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from loyalty_core.audit import Xid8
from loyalty_core.kernel import AppRights, Uuid, metadata
from loyalty_core.participants import ParticipantGroup
from loyalty_core.rewards.policy import RewardKind, StockMovementKind
from loyalty_core.rewards.states import OrderState, RewardState

_REWARD_STATES = ", ".join(f"'{state}'" for state in RewardState)
_KINDS = ", ".join(f"'{kind}'" for kind in RewardKind)
_GROUPS = ", ".join(f"'{group}'" for group in ParticipantGroup)
_STOCK_KINDS = ", ".join(f"'{kind}'" for kind in StockMovementKind)
_ORDER_STATES = ", ".join(f"'{state}'" for state in OrderState)

# Pictures of the catalogue are for everybody to see.
reward_picture = Table(
    "reward_picture",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("image", LargeBinary, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("media_type in ('image/jpeg', 'image/png', 'image/webp')", name="media_type"),
    CheckConstraint("octet_length(image) between 1 and 2097152", name="image"),
)

reward = Table(
    "reward",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("programme_id", Uuid, ForeignKey("programme.id"), nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=text("''")),
    Column("kind", Text, nullable=False),
    # What charts group rewards by: kitchen, vouchers, travel.
    Column("category", Text, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("cost_minor", BigInteger, nullable=False, comment="minor units of the programme's currency"),
    Column("stock", BigInteger, comment="pieces left; null: without limit"),
    # Which groups of participants may order it; null: all of them.
    Column("for_groups", ARRAY(Text)),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False, comment="inclusive"),
    Column("picture_id", Uuid, ForeignKey("reward_picture.id")),
    Column("state", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    UniqueConstraint("programme_id", "code", name="uq_reward_programme_id"),
    CheckConstraint(f"state in ({_REWARD_STATES})", name="state"),
    CheckConstraint(f"kind in ({_KINDS})", name="kind"),
    CheckConstraint("points > 0", name="points"),
    CheckConstraint("cost_minor >= 0", name="cost_minor"),
    CheckConstraint("stock >= 0", name="stock"),
    CheckConstraint("ends_on >= starts_on", name="dates"),
    CheckConstraint(
        f"for_groups <@ array[{_GROUPS}]::text[] and cardinality(for_groups) > 0", name="for_groups"
    ),
    info={
        "app": AppRights(
            updates=(
                *("name", "description", "kind", "category", "points", "cost_minor", "stock", "for_groups"),
                *("starts_on", "ends_on", "picture_id", "state"),
            )
        )
    },
)

# A fact: what moved a reward's stock, with what was left.
stock_movement = Table(
    "stock_movement",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("reward_id", Uuid, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("pieces", BigInteger, nullable=False, comment="signed: what came or went"),
    Column("left_after", BigInteger, comment="null: without limit"),
    Column("order_id", Uuid),
    Column("moved_by_name", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    CheckConstraint(f"kind in ({_STOCK_KINDS})", name="kind"),
    CheckConstraint("(kind = 'set') = (order_id is null)", name="order_id"),
    Index(
        "uq_stock_movement_order",
        "order_id",
        "kind",
        unique=True,
        postgresql_where=text("order_id is not null"),
    ),
)

entitlement = Table(
    "entitlement",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("company_id", Uuid, ForeignKey("company.id"), nullable=False, index=True),
    Column("participant_id", Uuid, ForeignKey("participant.id"), nullable=False, index=True),
    Column("granted_by", Uuid, nullable=False),
    Column("granted_by_name", Text, nullable=False),
    Column("granted_at", DateTime(timezone=True), nullable=False),
    Column("ended_by_name", Text),
    Column("ended_at", DateTime(timezone=True)),
    Index(
        "uq_entitlement_open",
        "company_id",
        "participant_id",
        unique=True,
        postgresql_where=text("ended_at is null"),
    ),
    info={"app": AppRights(updates=("ended_by_name", "ended_at"))},
)

reward_order = Table(
    "reward_order",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("request_key", Uuid, nullable=False, unique=True),
    Column("programme_id", Uuid, ForeignKey("programme.id"), nullable=False),
    Column("company_id", Uuid, ForeignKey("company.id"), nullable=False, index=True),
    # Who ordered: a participant, and the user who is that participant or acts for them.
    Column("participant_id", Uuid, ForeignKey("participant.id"), nullable=False, index=True),
    Column("requested_by", Uuid, ForeignKey("app_user.id"), nullable=False, index=True),
    Column("requested_by_name", Text, nullable=False),
    # Set when a company's points are spent: the right that the participant used.
    Column("entitlement_id", Uuid, ForeignKey("entitlement.id")),
    Column("account_id", Uuid, nullable=False),
    Column("reward_id", Uuid, ForeignKey("reward.id"), nullable=False, index=True),
    Column("points", BigInteger, nullable=False),
    Column("cost_minor", BigInteger, nullable=False),
    Column("currency", CHAR(3), nullable=False),
    # The budget that holds the money, or held it. Null: there was not enough, and finance can't approve until
    # there is; or the reward costs none.
    Column("budget_id", Uuid, ForeignKey("budget.id")),
    Column("spend_posting_id", BigInteger, nullable=False),
    Column("payload_hash", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("ordered_at", DateTime(timezone=True), nullable=False),
    Column("decided_by", Uuid, ForeignKey("app_user.id")),
    Column("decided_by_name", Text),
    Column("decided_at", DateTime(timezone=True), index=True),
    Column("decision_reason", Text),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    CheckConstraint(f"state in ({_ORDER_STATES})", name="state"),
    CheckConstraint("points > 0 and cost_minor >= 0", name="amounts"),
    CheckConstraint(
        "(state in ('awaiting_code', 'awaiting_finance')) = (decided_at is null)", name="decided"
    ),
    CheckConstraint("(decided_at is null) = (decided_by is null)", name="decided_by"),
    # Administrators included; only a cancellation is one's own.
    CheckConstraint(
        "state not in ('approved', 'rejected')"
        " or (decided_by is not null and decided_by is distinct from requested_by)",
        name="two_people",
    ),
    CheckConstraint("state <> 'rejected' or length(decision_reason) >= 3", name="reason"),
    CheckConstraint("state <> 'approved' or budget_id is not null or cost_minor = 0", name="budget"),
    Index(
        "ix_reward_order_waiting",
        "ordered_at",
        postgresql_where=text("state in ('awaiting_code', 'awaiting_finance')"),
    ),
    info={
        "app": AppRights(
            updates=("state", "budget_id", "decided_by", "decided_by_name", "decided_at", "decision_reason")
        )
    },
)

# A fact: each state that an order came into.
order_event = Table(
    "order_event",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("order_id", Uuid, nullable=False, index=True),
    Column("company_id", Uuid, nullable=False),
    Column("state", Text, nullable=False),
    Column("is_funded", Boolean, nullable=False),
    Column("reason", Text),
    Column("caused_by", Uuid),
    Column("caused_by_name", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    CheckConstraint(f"state in ({_ORDER_STATES})", name="state"),
)
