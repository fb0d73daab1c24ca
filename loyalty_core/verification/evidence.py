"""Whether the photos and scans of claims are still what was added."""

from sqlalchemy import Connection, text

from loyalty_core.kernel import Settings, is_file_of
from loyalty_core.verification.documents import document_path


def broken_documents(connection: Connection, settings: Settings) -> dict[str, int]:
    """Return how many documents of claims are gone, hold other bytes, or are not what the audit recorded."""
    rows = connection.execute(
        text(
            "select d.sha256, count(*) as documents, count(*) filter (where d.sha256 = r.detail->>'sha256') as recorded"
            " from claim_document d left join audit_record r on r.action = 'verification.document_added'"
            " and r.subject_kind = 'claim_document' and r.subject_id = d.id::text group by d.sha256"
        )
    ).all()
    broken = sum(
        row.documents
        if not is_file_of(document_path(settings, row.sha256), row.sha256)
        else row.documents - row.recorded
        for row in rows
    )
    return {"every document of a claim is what was added": broken}
