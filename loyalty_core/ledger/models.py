"""Tables of the points ledger: accounts, postings, entries, lots and what consumed them.

Entries by the million carry no foreign keys, as sales lines; `check-books` looks for orphans.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Table,
    Text,
    text,
)

from loyalty_core.audit import Xid8
from loyalty_core.kernel import AppRights, Uuid, metadata
from loyalty_core.ledger.policy import AccountKind, PostingKind, SystemAccount

_KINDS = ", ".join(f"'{kind}'" for kind in AccountKind)
_SYSTEM_NAMES = ", ".join(f"'{name}'" for name in SystemAccount)
_POSTING_KINDS = ", ".join(f"'{kind}'" for kind in PostingKind)

account = Table(
    "account",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("programme_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    # A company, participant or salesperson; none for the programme's own accounts.
    Column("owner_id", Uuid),
    Column("system_name", Text),
    # The company the owner belongs to: row security reads it.
    Column("company_id", Uuid, index=True),
    Column("balance", BigInteger, nullable=False, server_default=text("0")),
    Column("version", BigInteger, nullable=False, server_default=text("0")),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    # The transaction that last changed the row; a trigger keeps it, for the replica.
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    CheckConstraint(f"kind in ({_KINDS})", name="kind"),
    CheckConstraint(
        f"(kind = 'system') = (system_name is not null and system_name in ({_SYSTEM_NAMES}))",
        name="system_name",
    ),
    CheckConstraint("(kind = 'system') = (owner_id is null)", name="owner"),
    CheckConstraint("(kind = 'system') = (company_id is null)", name="company"),
    Index("uq_account_owner", "programme_id", "kind", "owner_id", unique=True),
    Index(
        "uq_account_system",
        "programme_id",
        "system_name",
        unique=True,
        postgresql_where=text("system_name is not null"),
    ),
    info={"app": AppRights(updates=("balance", "version"))},
)

posting = Table(
    "posting",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("programme_id", Uuid, nullable=False),
    Column("company_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("happened_at", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    CheckConstraint(f"kind in ({_POSTING_KINDS})", name="kind"),
    CheckConstraint("points <> 0", name="points"),
    Index("uq_posting_idempotency_key", "source", "idempotency_key", unique=True),
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("posting_id", BigInteger, nullable=False, index=True),
    Column("account_id", Uuid, nullable=False),
    # The company whose points move, on the system's leg too.
    Column("company_id", Uuid, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("balance_after", BigInteger, nullable=False),
    Column("account_version", BigInteger, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    CheckConstraint("points <> 0", name="points"),
    Index("uq_ledger_entry_account_version", "account_id", "account_version", unique=True),
)

lot = Table(
    "lot",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("company_id", Uuid, nullable=False),
    Column("posting_id", BigInteger, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("remaining", BigInteger, nullable=False),
    Column("available_from", DateTime(timezone=True), nullable=False),
    Column("expires_on", Date),
    CheckConstraint("points > 0", name="points"),
    CheckConstraint("remaining between 0 and points", name="remaining"),
    Index("ix_lot_open", "account_id", "expires_on", "id", postgresql_where=text("remaining > 0")),
    info={"app": AppRights(updates=("remaining",))},
)

lot_use = Table(
    "lot_use",
    metadata,
    Column("lot_id", BigInteger, primary_key=True, autoincrement=False),
    Column("posting_id", BigInteger, primary_key=True, autoincrement=False),
    Column("company_id", Uuid, nullable=False),
    Column("points", BigInteger, nullable=False),
    CheckConstraint("points > 0", name="points"),
)
