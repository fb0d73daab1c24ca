"""Tables of those who take part: participants, their personal data apart, and companies that ask to join."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Table,
    Text,
    text,
)

from loyalty_core.audit import Xid8
from loyalty_core.kernel import AppRights, Uuid, metadata
from loyalty_core.organisation import CompanyKind
from loyalty_core.participants.policy import ParticipantGroup
from loyalty_core.participants.states import ParticipantState, RegistrationState

_STATES = ", ".join(f"'{state}'" for state in ParticipantState)
_GROUPS = ", ".join(f"'{group}'" for group in ParticipantGroup)
_KINDS = ", ".join(f"'{kind}'" for kind in CompanyKind)
_REGISTRATION_STATES = ", ".join(f"'{state}'" for state in RegistrationState)

_DECISION = ("state", "decided_by", "decided_by_name", "decided_at", "decision_reason")

participant = Table(
    "participant",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("company_id", Uuid, ForeignKey("company.id"), nullable=False, index=True),
    Column("participant_group", Text, nullable=False),
    # Whoever owns the company entitles others to spend its points.
    Column("is_owner", Boolean, nullable=False, server_default=text("false")),
    # Who signs in as this participant; null for those who don't.
    Column("user_id", Uuid, ForeignKey("app_user.id"), unique=True),
    Column("state", Text, nullable=False),
    Column("requested_by", Uuid),
    Column("requested_by_name", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("decided_by", Uuid),
    Column("decided_by_name", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("decision_reason", Text),
    Column("created_by_import", Uuid),
    # The transaction that last changed the row; a trigger keeps it, for the replica.
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    CheckConstraint(f"state in ({_STATES})", name="state"),
    CheckConstraint(f"participant_group in ({_GROUPS})", name="participant_group"),
    CheckConstraint("(state = 'waiting') = (decided_at is null)", name="decided"),
    # Who brings a person in does not let them in, administrators included.
    CheckConstraint(
        "state <> 'active' or (decided_by is not null and decided_by is distinct from requested_by)",
        name="two_people",
    ),
    Index("ix_participant_waiting", "requested_at", postgresql_where=text("state = 'waiting'")),
    # Deleted only with the import that brought it, while nobody decided; a trigger sees to the import.
    info={"app": AppRights(delete=True, updates=("participant_group", "is_owner", "user_id", *_DECISION))},
)

# Everything that says who the person is lies here and nowhere else.
participant_person = Table(
    "participant_person",
    metadata,
    Column("participant_id", Uuid, ForeignKey("participant.id"), primary_key=True),
    Column("company_id", Uuid, nullable=False, index=True),
    Column("display_name", Text, nullable=False),
    Column("phone", Text),
    Column("email", Text),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    CheckConstraint("length(display_name) between 1 and 200", name="display_name"),
    info={"app": AppRights(delete=True, updates=("display_name", "phone", "email"))},
)

company_registration = Table(
    "company_registration",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("request_key", Uuid, nullable=False, unique=True),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("region_id", Uuid, ForeignKey("region.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("created_company_id", Uuid),
    Column("requested_by", Uuid),
    Column("requested_by_name", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("decided_by", Uuid),
    Column("decided_by_name", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("decision_reason", Text),
    CheckConstraint(f"state in ({_REGISTRATION_STATES})", name="state"),
    CheckConstraint(f"kind in ({_KINDS})", name="kind"),
    CheckConstraint("(state = 'waiting') = (decided_at is null)", name="decided"),
    CheckConstraint("(state = 'approved') = (created_company_id is not null)", name="created"),
    CheckConstraint(
        "state <> 'approved' or (decided_by is not null and decided_by is distinct from requested_by)",
        name="two_people",
    ),
    Index("ix_company_registration_waiting", "requested_at", postgresql_where=text("state = 'waiting'")),
    Index(
        "uq_company_registration_waiting_code",
        "code",
        unique=True,
        postgresql_where=text("state = 'waiting'"),
    ),
    info={"app": AppRights(updates=("created_company_id", *_DECISION))},
)
