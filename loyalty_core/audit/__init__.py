"""Who did what, when: append-only records in a hash chain."""

from loyalty_core.audit.commands import AuditProof, chain_pending, record, verify
from loyalty_core.audit.heads import AUDIT_KEY, HEADS_FILE
from loyalty_core.audit.models import Xid8
from loyalty_core.audit.policy import AuditRecord
from loyalty_core.audit.store import count_records, known_actions, search_records

__all__ = [
    "AUDIT_KEY",
    "HEADS_FILE",
    "AuditProof",
    "AuditRecord",
    "Xid8",
    "chain_pending",
    "count_records",
    "known_actions",
    "record",
    "search_records",
    "verify",
]
