"""From when on a claim waits too long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core import programmes
from loyalty_core.kernel import now


@dataclass(frozen=True, slots=True)
class Deadlines:
    """From when on what waits is overdue, by programme: two lists of equal length, for the queries over claims."""

    programme_ids: Sequence[UUID]
    befores: Sequence[datetime]
    otherwise: datetime

    def parameters(self) -> dict[str, object]:
        """The values that OVERDUE needs."""
        return {
            "deadline_programmes": list(self.programme_ids),
            "deadlines": list(self.befores),
            "deadline_otherwise": self.otherwise,
        }


# Of a claim `c`: it waits for an operator since longer than its programme allows. What the claimant has to answer
# is not the operator's; a claim that was decided and waits again begins anew.
OVERDUE = (
    "(c.state in ('waiting', 'proposed') and greatest(c.recorded_at, c.decided_at) < coalesce((select d.before"
    " from unnest(cast(:deadline_programmes as uuid[]), cast(:deadlines as timestamptz[])) d (programme_id, before)"
    " where d.programme_id = c.programme_id), cast(:deadline_otherwise as timestamptz)))"
)


def deadlines(connection: Connection) -> Deadlines:
    """Return from when on the undecided claims of the scope are overdue."""
    rows = connection.execute(
        text(
            "select distinct programme_id from claim where state in ('waiting', 'proposed')"
            " and programme_id is not null"
        )
    )
    moment = now()
    ids = [row.programme_id for row in rows]

    def before(programme_id: UUID | None) -> datetime:
        days = programmes.verification_of(connection, programme_id).overdue_after_days
        return moment - timedelta(days=days)

    return Deadlines(ids, [before(one) for one in ids], before(None))
