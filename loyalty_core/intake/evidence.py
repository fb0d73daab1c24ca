"""Whether the original files are still what was received."""

from sqlalchemy import Connection, text

from loyalty_core.intake.commands import stored_path
from loyalty_core.kernel import Settings, is_file_of


def broken_originals(connection: Connection, settings: Settings) -> dict[str, int]:
    """Return how many received files are gone, hold other bytes, or are not what the audit recorded."""
    rows = connection.execute(
        text(
            "select f.sha256, count(*) as files, count(*) filter (where f.sha256 = r.detail->>'sha256') as recorded"
            " from received_file f left join audit_record r on r.action = 'intake.file_received'"
            " and r.subject_kind = 'file' and r.subject_id = f.id::text group by f.sha256"
        )
    ).all()
    broken = sum(
        row.files
        if not is_file_of(stored_path(settings, row.sha256), row.sha256)
        else row.files - row.recorded
        for row in rows
    )
    return {"every original file is what was received": broken}
