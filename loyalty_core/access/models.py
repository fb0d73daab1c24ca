"""The tables of people who sign in: who they are, what they may do and see, and their sessions."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from loyalty_core.access.policy import EndReason, FailureKind, Role, ScopeKind, UserState
from loyalty_core.audit import Xid8
from loyalty_core.kernel import AppRights, Uuid, metadata


def _one_of(column: str, values: list[str]) -> str:
    quoted = ", ".join(f"'{value}'" for value in values)
    return f"{column} in ({quoted})"


app_user = Table(
    "app_user",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("password_is_temporary", Boolean, nullable=False, server_default=text("false")),
    Column("state", Text, nullable=False),
    Column("locale", Text, nullable=False, server_default=text("'en'")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("password_changed_at", DateTime(timezone=True), nullable=False),
    # Until then nothing that the person decides is taken: an administrator made the account one that decides, or
    # gave it a new password. Null: at once.
    Column("decisions_from", DateTime(timezone=True)),
    # The transaction that last changed the row; a trigger keeps it, for the replica.
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    CheckConstraint(_one_of("state", list(UserState)), name="state"),
    CheckConstraint("name = lower(name) and length(name) between 2 and 100", name="name"),
    CheckConstraint("length(display_name) between 1 and 200", name="display_name"),
    info={
        "app": AppRights(
            updates=(
                "display_name",
                "password_hash",
                "password_is_temporary",
                "password_changed_at",
                "decisions_from",
                "state",
                "locale",
            )
        )
    },
)

user_role = Table(
    "user_role",
    metadata,
    Column("user_id", Uuid, ForeignKey("app_user.id"), primary_key=True),
    Column("role", Text, primary_key=True),
    Column("granted_at", DateTime(timezone=True), nullable=False),
    CheckConstraint(_one_of("role", list(Role)), name="role"),
    info={"app": AppRights(delete=True)},
)

# One row a grant. target_id is a region, a company or a programme by its kind; no foreign key can say so, and
# a grant whose target is gone grants nothing.
user_scope = Table(
    "user_scope",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("app_user.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("target_id", Uuid),
    Column("granted_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint(
        "user_id", "kind", "target_id", name="uq_user_scope_grant", postgresql_nulls_not_distinct=True
    ),
    CheckConstraint(_one_of("kind", list(ScopeKind)), name="kind"),
    CheckConstraint("(kind = 'everything') = (target_id is null)", name="target"),
    info={"app": AppRights(delete=True)},
)

# Only hashes of what the browser holds are stored: whoever reads the table can sign in with none of it.
web_session = Table(
    "web_session",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("user_id", Uuid, ForeignKey("app_user.id"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("last_seen_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("ended_reason", Text),
    CheckConstraint("(ended_at is null) = (ended_reason is null)", name="ended"),
    CheckConstraint(_one_of("ended_reason", list(EndReason)), name="ended_reason"),
    CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
    Index("ix_web_session_open", "user_id", postgresql_where=text("ended_at is null")),
    info={"app": AppRights(updates=("last_seen_at", "ended_at", "ended_reason"))},
)

sign_in_ticket = Table(
    "sign_in_ticket",
    metadata,
    Column("ticket_hash", LargeBinary, primary_key=True),
    Column("binding_hash", LargeBinary, nullable=False),
    Column("user_id", Uuid, ForeignKey("app_user.id"), nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    CheckConstraint("octet_length(ticket_hash) = 32 and octet_length(binding_hash) = 32", name="hashes"),
    Index("ix_sign_in_ticket_expiry", "expires_at"),
    info={"app": AppRights(updates=("used_at",), delete=True)},
)

# A browser in which the user signed in: its failures are counted apart from those of all others. Only the hash of
# its cookie is here, which signs nobody in. Several people of one browser have rows with the same hash.
known_device = Table(
    "known_device",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("user_id", Uuid, ForeignKey("app_user.id"), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("token_hash", "user_id", name="uq_known_device_browser"),
    CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
    Index("ix_known_device_user", "user_id"),
    Index("ix_known_device_expiry", "expires_at"),
    info={"app": AppRights(updates=("token_hash", "expires_at"), delete=True)},
)

# A row per account name, address and known browser, by hash: a password typed into the name field must not lie here.
sign_in_failure = Table(
    "sign_in_failure",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("key_hash", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_failed_at", DateTime(timezone=True), nullable=False),
    Column("blocked_until", DateTime(timezone=True), nullable=False),
    CheckConstraint(_one_of("kind", list(FailureKind)), name="kind"),
    CheckConstraint("failures >= 0", name="failures"),
    Index("ix_sign_in_failure_age", "last_failed_at"),
    info={"app": AppRights(updates=("failures", "last_failed_at", "blocked_until"), delete=True)},
)

export_file = Table(
    "export_file",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("app_user.id"), nullable=False),
    Column("permission", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("ix_export_file_expiry", "expires_at"),
    info={"app": AppRights(delete=True)},
)
