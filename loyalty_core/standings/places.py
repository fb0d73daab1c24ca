"""The place of one account among those that collect in the same programme: rank and number, nothing of others."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core.kernel import Database, Scope

ENOUGH_TO_RANK = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A rank from 1 among `among` accounts; equal points share one. `region_name` None: of the programme."""

    rank: int
    among: int
    region_name: str | None


# The account's region, then those above it, the whole programme last: the first in which enough collect is told.
_PLACE = """
with recursive asked as (
    select a.id, a.programme_id, a.kind, c.region_id
      from account a join company c on c.id = a.company_id where a.id = :account_id
),
above as (
    select r.id, r.name, r.parent_id, 0 as height from region r join asked on asked.region_id = r.id
    union all
    select r.id, r.name, r.parent_id, above.height + 1 from region r join above on above.parent_id = r.id
),
below as (
    select above.id as top, above.id from above
    union all
    select below.top, r.id from region r join below on below.id = r.parent_id
),
earned as (
    select a.id, c.region_id, sum(e.points) as points
      from asked
      join account a on a.programme_id = asked.programme_id and a.kind = asked.kind
      join company c on c.id = a.company_id
      join ledger_entry e on e.account_id = a.id
      join posting p on p.id = e.posting_id and p.kind in ('earn', 'take_back')
     group by a.id, c.region_id
),
ranked as (
    select above.height, above.name, earned.id,
           rank() over (partition by above.id order by earned.points desc) as rank,
           count(*) over (partition by above.id) as among
      from above join below on below.top = above.id join earned on earned.region_id = below.id
    union all
    select 1000, null, earned.id, rank() over (order by earned.points desc), count(*) over ()
      from earned
)
select rank, among, name from ranked
 where id = :account_id and (among >= :enough or height = 1000)
 order by height limit 1
"""


def place_of_account(database: Database, scope: Scope, account_id: UUID) -> Place | None:
    """Return where an account of the scope stands by the points that it earned, spent ones included.

    It is told in the nearest region around the account's company in which at least `ENOUGH_TO_RANK` collect, else
    in the whole programme. None for an account outside the scope and for one that earned nothing yet. The others
    that it is counted among are read in a widened scope; only their number comes out.
    """
    with database.snapshot(scope) as connection:
        if not _is_seen(connection, account_id):
            return None
    with database.snapshot(scope.widened()) as connection:
        row = connection.execute(
            text(_PLACE), {"account_id": account_id, "enough": ENOUGH_TO_RANK}
        ).one_or_none()
    return Place(row.rank, row.among, row.name) if row is not None else None


def _is_seen(connection: Connection, account_id: UUID) -> bool:
    return (
        connection.execute(
            text("select 1 from account where id = :account_id and company_id is not null"),
            {"account_id": account_id},
        ).one_or_none()
        is not None
    )
