"""Every query on undoing imports."""

import json
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core.corrections.policy import (
    AccountInDebt,
    OrderOnPoints,
    ProgrammePoints,
    UndoneImport,
)
from loyalty_core.corrections.records_policy import TOUCHING
from loyalty_core.kernel import Scope

_SHOWN = 20

# Points that go: those on lines of the import that don't stay, and those of the claims in :numbers. Each with the
# account that holds them.
_GOING = """
with going as materialized (
    select a.programme_id, a.posting_id, sum(a.points) as points, case when p.collects = 'participant'
        then c.participant_id else a.company_id end as owner_id, p.collects
    from award a join programme p on p.id = a.programme_id left join claim c on c.number = a.claim_number
    where (a.claim_number is null and a.sales_line_id in (select l.id from sales_line l
            where l.import_id = :import_id and not exists (select from repeated_line q
                join file_import i on i.id = q.import_id and i.state = 'accepted'
                where q.company_id = l.company_id and q.line_key = l.line_key and q.occurrence = l.occurrence
                    and q.import_id <> l.import_id)))
        or a.claim_number in (select unnest(cast(:numbers as bigint[])))
    group by a.programme_id, a.posting_id, owner_id, p.collects
),
by_account as materialized (
    select o.id, o.programme_id, o.kind, o.owner_id, o.balance, sum(g.points)::bigint as points
    from going g join account o on o.programme_id = g.programme_id and o.kind = g.collects and o.owner_id = g.owner_id
    group by o.id, o.programme_id, o.kind, o.owner_id, o.balance
),
in_debt as materialized (
    select b.*, b.balance - b.points as after from by_account b where b.points > 0 and b.balance < b.points
)
"""


def points_going(
    connection: Connection, import_id: UUID, claim_numbers: Sequence[int]
) -> tuple[ProgrammePoints, ...]:
    """Return, by programme, the points that go with the import's lines and with the claims."""
    rows = connection.execute(
        text(
            _GOING + " select p.id, p.code, p.name, sum(g.points)::bigint from going g"  # noqa: S608 constants
            " join programme p on p.id = g.programme_id group by p.id, p.code, p.name"
            " having sum(g.points) <> 0 order by p.code"
        ),
        {"import_id": import_id, "numbers": list(claim_numbers)},
    )
    return tuple(ProgrammePoints(*row) for row in rows)


def accounts_in_debt(
    connection: Connection, import_id: UUID, claim_numbers: Sequence[int]
) -> tuple[int, tuple[AccountInDebt, ...]]:
    """Return how many accounts would be below zero, and the deepest of them."""
    rows = connection.execute(
        text(
            _GOING + " select d.id, p.name as programme_name, coalesce(t.code, k.code, '') as code,"  # noqa: S608 constants
            " coalesce(tp.display_name, t.code, k.name, '') as owner_name, d.balance, d.after,"
            " count(*) over () as total from in_debt d join programme p on p.id = d.programme_id"
            " left join company k on k.id = d.owner_id left join participant t on t.id = d.owner_id"
            " left join participant_person tp on tp.participant_id = t.id order by d.after, code limit :limit"
        ),
        {"import_id": import_id, "numbers": list(claim_numbers), "limit": _SHOWN},
    ).all()
    return (
        int(rows[0].total) if rows else 0,
        tuple(AccountInDebt(*row[:6]) for row in rows),
    )


def orders_on_points(
    connection: Connection, import_id: UUID, claim_numbers: Sequence[int]
) -> tuple[int, tuple[OrderOnPoints, ...]]:
    """Return how many orders of those accounts were paid with the points that go, and the largest of them."""
    rows = connection.execute(
        text(
            _GOING  # noqa: S608 constants
            + " select o.number, r.name as reward_name, coalesce(tp.display_name, t.code) as owner_name,"
            " o.points, o.state, o.ordered_at, count(*) over () as total from reward_order o"
            " join in_debt d on d.id = o.account_id join reward r on r.id = o.reward_id"
            " join participant t on t.id = o.participant_id"
            " left join participant_person tp on tp.participant_id = t.id"
            " where o.state not in ('rejected', 'cancelled') and exists (select from lot_use u"
            " join lot on lot.id = u.lot_id where u.posting_id = o.spend_posting_id"
            " and lot.posting_id in (select posting_id from going)) order by o.points desc, o.number limit :limit"
        ),
        {"import_id": import_id, "numbers": list(claim_numbers), "limit": _SHOWN},
    ).all()
    return (
        int(rows[0].total) if rows else 0,
        tuple(OrderOnPoints(*row[:6]) for row in rows),
    )


def line_ids_with_claims(connection: Connection, import_id: UUID) -> list[int]:
    """Return the lines of the import of which units are claimed, or that somebody proposed to lay a claim to."""
    rows = connection.execute(
        text(
            "select l.id from sales_line l where l.import_id = :import_id and l.reverses_id is null and ("
            "l.id in (select sales_line_id from claimed_line where units_claimed > 0)"
            " or l.id in (select sales_line_id from claim_proposal where outcome is null and sales_line_id is not null)"
            ") order by l.id"
        ),
        {"import_id": import_id},
    )
    return list(rows.scalars())


def wait_briefly(connection: Connection) -> None:
    """From here on give up where a row is locked for longer than a moment (LockNotAvailable).

    Whoever holds a claim may wait for the lines that this transaction has locked. Giving up before PostgreSQL looks
    for deadlocks, after a second, leaves the other one at work, and the undo begins again.
    """
    connection.execute(text("set local lock_timeout = '600ms'"))


def insert_undo(
    connection: Connection,
    scope: Scope,
    undone: UndoneImport,
    *,
    id: UUID,
    request_key: UUID,
) -> None:
    """Remember that an import was undone."""
    connection.execute(
        text(
            "insert into import_undo (id, request_key, import_id, reason, lines, lines_kept, claims_withdrawn,"
            " claims_reopened, records, outcomes, net_minor, undone_by, undone_by_name, undone_at) values (:id,"
            " :request_key, :import_id, :reason, :lines, :lines_kept, :claims_withdrawn, :claims_reopened, :records,"
            " cast(:outcomes as jsonb), cast(:net_minor as jsonb), :by, :by_name, :undone_at)"
        ),
        {
            "id": id,
            "request_key": request_key,
            "import_id": undone.import_id,
            "reason": undone.reason,
            "lines": undone.lines,
            "lines_kept": undone.lines_kept,
            "claims_withdrawn": undone.claims_withdrawn,
            "claims_reopened": undone.claims_reopened,
            "records": sum(undone.outcomes.get(one.value, 0) for one in TOUCHING),
            "outcomes": json.dumps(dict(undone.outcomes)),
            "net_minor": json.dumps(dict(undone.net_minor)),
            "by": scope.user_id,
            "by_name": undone.undone_by_name,
            "undone_at": undone.undone_at,
        },
    )


_UNDONE = (
    "select import_id, reason, lines, lines_kept, claims_withdrawn, claims_reopened, net_minor, undone_by_name,"
    " undone_at, outcomes from import_undo"
)


def undone_import(connection: Connection, import_id: UUID) -> UndoneImport | None:
    """Return how an import was undone, None where it was not."""
    row = connection.execute(text(f"{_UNDONE} where import_id = :id"), {"id": import_id}).first()
    return UndoneImport(*row) if row else None


def undone_by_request(connection: Connection, request_key: UUID) -> UndoneImport | None:
    """Return what the form with this key has undone, None where it has not."""
    row = connection.execute(text(f"{_UNDONE} where request_key = :key"), {"key": request_key}).first()
    return UndoneImport(*row) if row else None


def import_id_of_number(connection: Connection, number: int) -> UUID | None:
    """Return the id of the import of the scope with this number."""
    found: UUID | None = connection.execute(
        text("select id from file_import where number = :number"), {"number": number}
    ).scalar_one_or_none()
    return found


# What must hold of undone imports; each finds how many break it.
UNDO_CHECKS: dict[str, str] = {
    "exactly the undone imports say who undid them, and what": (
        "select count(*) from (select id from file_import where state = 'undone') i"
        " full join import_undo u on u.import_id = i.id left join (select import_id, count(*) as n from sales_line"
        " where reverses_id is not null group by import_id) l on l.import_id = coalesce(i.id, u.import_id)"
        " where i.id is null or u.import_id is null or coalesce(l.n, 0) <> u.lines"
    ),
    "no claim holds units of a line that was taken back": (
        "select count(*) from claimed_line n join sales_line r on r.reverses_id = n.sales_line_id"
        " and r.reverses_id is not null where n.units_claimed <> 0"
    ),
    "what an undone import added and what is gone again is not there": (
        "select count(*) from removed_record r where exists (select from company where id = r.record_id)"
        " or exists (select from product where id = r.record_id)"
        " or exists (select from participant where id = r.record_id)"
        " or exists (select from outlet where id = r.record_id)"
        " or exists (select from product_price where id = r.record_id)"
    ),
    "nothing stands on a record that is gone": (
        "select count(*) from removed_record r where exists (select from sales_line where company_id = r.record_id)"
        " or exists (select from claim where company_id = r.record_id or participant_id = r.record_id)"
        " or r.table_name = 'product' and r.record_id in (select product_id from sales_line)"
        " or r.table_name = 'outlet' and r.record_id in (select outlet_id from sales_line where outlet_id is not null)"
    ),
    "claims of an undone import are withdrawn": (
        "select count(*) from claim c join file_import i on i.id = c.import_id"
        " where (i.state = 'undone') <> (c.state = 'withdrawn')"
    ),
}


def broken_undos(connection: Connection) -> dict[str, int]:
    """Return, for each of UNDO_CHECKS, how many things break it."""
    return {name: int(connection.execute(text(query)).scalar_one()) for name, query in UNDO_CHECKS.items()}
