"""Every query of budgets."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from loyalty_core.budgets.policy import Figures, MovementKind
from loyalty_core.budgets.states import ChangeState
from loyalty_core.kernel import Money, NotFoundError, Scope, _, now, payload_hash


class UnknownBudgetError(NotFoundError):
    """There is no such budget in the asker's scope."""

    def __init__(self, budget_id: UUID) -> None:
        super().__init__(_("There is no such budget among those you see."))
        self.budget_id = budget_id


class UnknownChangeError(NotFoundError):
    """There is no such change in the asker's scope."""

    def __init__(self, change_id: UUID) -> None:
        super().__init__(_("There is no such change of a budget among those you see."))
        self.change_id = change_id


@dataclass(frozen=True, slots=True)
class Budget:
    """Money set aside for a programme's rewards in a region and a quarter, in minor units of `currency`.

    Both dates inclusive. What is available is never below zero.
    """

    id: UUID
    programme_id: UUID
    programme_name: str
    region_id: UUID
    region_name: str
    starts_on: date
    ends_on: date
    currency: str
    set_minor: int
    reserved_minor: int
    spent_minor: int

    @property
    def figures(self) -> Figures:
        """What it holds."""
        return Figures(self.set_minor, self.reserved_minor, self.spent_minor)

    @property
    def available_minor(self) -> int:
        """What an order can still reserve."""
        return self.figures.available_minor

    @property
    def available(self) -> Money:
        """What an order can still reserve, as money."""
        return Money(self.available_minor, self.currency)


_BUDGET = (
    "select b.id, b.programme_id, p.name as programme_name, b.region_id, coalesce(r.name, '') as region_name,"
    " b.starts_on, b.ends_on, b.currency, b.set_minor, b.reserved_minor, b.spent_minor"
    " from budget b join programme p on p.id = b.programme_id left join region r on r.id = b.region_id"
)

_UPWARD = (
    "with recursive up as (select id, parent_id, 0 as steps from region where id = :region_id"
    " union all select r.id, r.parent_id, up.steps + 1 from region r join up on r.id = up.parent_id) "
)


def budget_for(connection: Connection, *, programme_id: UUID, region_id: UUID, on: date) -> Budget | None:
    """Return the budget that pays for a company of the region on a day, or None.

    It is the programme's budget of the nearest region, from this one upward, that has one for the day. Needs a
    scope that sees the regions above: `Scope.widened` for who does not.
    """
    row = connection.execute(
        text(
            _UPWARD + _BUDGET + " join up on up.id = b.region_id where b.programme_id = :programme_id"
            " and cast(:on as date) between b.starts_on and b.ends_on order by up.steps limit 1"
        ),
        {"programme_id": programme_id, "region_id": region_id, "on": on},
    ).first()
    return Budget(**row._asdict()) if row else None


def budget_by_id(connection: Connection, scope: Scope, budget_id: UUID) -> Budget:
    """Return the budget of the scope with this id. Raises UnknownBudgetError."""
    row = connection.execute(text(f"{_BUDGET} where b.id = :id"), {"id": budget_id}).first()
    if row is None or not scope.sees_programme(row.programme_id):
        raise UnknownBudgetError(budget_id)
    return Budget(**row._asdict())


def budgets_of_period(
    connection: Connection, scope: Scope, *, on: date | None = None, programme_id: UUID | None = None
) -> list[Budget]:
    """Return the scope's budgets for a day, today if none is given, by programme and region."""
    rows = connection.execute(
        text(
            f"{_BUDGET} where cast(:on as date) between b.starts_on and b.ends_on"
            " and (cast(:programme_id as uuid) is null or b.programme_id = :programme_id)"
            " order by p.name, b.programme_id, r.name, b.region_id"
        ),
        {"on": on or now().date(), "programme_id": programme_id},
    )
    return [Budget(**row._asdict()) for row in rows if scope.sees_programme(row.programme_id)]


def budget_of(
    connection: Connection, *, programme_id: UUID, region_id: UUID, starts_on: date
) -> Budget | None:
    """Return the budget of exactly this programme, region and quarter, or None; it stays locked.

    The figures are those under the lock: whoever moved them meanwhile has ended.
    """
    row = connection.execute(
        text(
            "select id from budget where programme_id = :programme_id and region_id = :region_id"
            " and starts_on = :starts_on for no key update"
        ),
        {"programme_id": programme_id, "region_id": region_id, "starts_on": starts_on},
    ).first()
    if row is None:
        return None
    return Budget(**connection.execute(text(f"{_BUDGET} where b.id = :id"), {"id": row.id}).one()._asdict())


@dataclass(frozen=True, slots=True)
class LockedBudget:
    """A budget that nobody else moves until the transaction ends."""

    id: UUID
    region_id: UUID
    currency: str
    figures: Figures


def lock_budget(connection: Connection, budget_id: UUID) -> LockedBudget:
    """Lock the budget's row and return what it holds. Raises UnknownBudgetError."""
    row = connection.execute(
        text(
            "select id, region_id, currency, set_minor, reserved_minor, spent_minor from budget"
            " where id = :id for no key update"
        ),
        {"id": budget_id},
    ).first()
    if row is None:
        raise UnknownBudgetError(budget_id)
    return LockedBudget(
        row.id, row.region_id, row.currency, Figures(row.set_minor, row.reserved_minor, row.spent_minor)
    )


def insert_budget(
    connection: Connection, *, id: UUID, change: "BudgetChange", recorded_at: datetime
) -> LockedBudget:
    """Add an empty budget for what the change names."""
    connection.execute(
        text(
            "insert into budget (id, programme_id, region_id, starts_on, ends_on, currency, set_minor, recorded_at)"
            " values (:id, :programme_id, :region_id, :starts_on, :ends_on, :currency, 0, :recorded_at)"
        ),
        {
            "id": id,
            "programme_id": change.programme_id,
            "region_id": change.region_id,
            "starts_on": change.starts_on,
            "ends_on": change.ends_on,
            "currency": change.currency,
            "recorded_at": recorded_at,
        },
    )
    return LockedBudget(id, change.region_id, change.currency, Figures(0, 0, 0))


def move_budget(
    connection: Connection,
    scope: Scope,
    budget: LockedBudget,
    kind: MovementKind,
    amount_minor: int,
    after: Figures,
    *,
    order_id: UUID | None = None,
    change_id: UUID | None = None,
    recorded_at: datetime,
) -> None:
    """Write the budget's figures and the movement that made them, in the name of the scope's actor."""
    figures = {"set": after.set_minor, "reserved": after.reserved_minor, "spent": after.spent_minor}
    connection.execute(
        text(
            "update budget set set_minor = :set, reserved_minor = :reserved, spent_minor = :spent where id = :id"
        ),
        {"id": budget.id, **figures},
    )
    connection.execute(
        text(
            "insert into budget_movement (budget_id, region_id, kind, amount_minor, order_id, change_id,"
            " set_after_minor, reserved_after_minor, spent_after_minor, moved_by_name, recorded_at)"
            " values (:budget_id, :region_id, :kind, :amount, :order_id, :change_id, :set, :reserved, :spent,"
            " :moved_by_name, :recorded_at)"
        ),
        {
            "budget_id": budget.id,
            "region_id": budget.region_id,
            "kind": kind.value,
            "amount": amount_minor,
            "order_id": order_id,
            "change_id": change_id,
            "moved_by_name": scope.actor_name,
            "recorded_at": recorded_at,
            **figures,
        },
    )


def movements_of_order(connection: Connection, order_id: UUID) -> dict[MovementKind, tuple[UUID, int]]:
    """Return what the order did to budgets: by kind the budget's id and the amount in minor units."""
    rows = connection.execute(
        text("select kind, budget_id, amount_minor from budget_movement where order_id = :order_id"),
        {"order_id": order_id},
    )
    return {MovementKind(row.kind): (row.budget_id, row.amount_minor) for row in rows}


@dataclass(frozen=True, slots=True)
class Movement:
    """What moved a budget and what it held afterwards, in minor units of the budget's currency.

    `amount_minor` is signed for a set. `order_id` names the order behind the other kinds, `change_id` the change
    behind a set.
    """

    id: int
    kind: MovementKind
    amount_minor: int
    order_id: UUID | None
    change_id: UUID | None
    after: Figures
    moved_by_name: str
    recorded_at: datetime


def movements(connection: Connection, budget_id: UUID, *, limit: int, offset: int = 0) -> list[Movement]:
    """Return the budget's movements, those made last first; none where the scope's regions don't hold it.

    Who shows them has read the budget by `budget_by_id` or `budgets_of_period`, which know the programmes too.
    """
    rows = connection.execute(
        text(
            "select id, kind, amount_minor, order_id, change_id, set_after_minor, reserved_after_minor,"
            " spent_after_minor, moved_by_name, recorded_at from budget_movement where budget_id = :budget_id"
            " order by id desc limit :limit offset :offset"
        ),
        {"budget_id": budget_id, "limit": limit, "offset": offset},
    )
    return [
        Movement(
            id=row.id,
            kind=MovementKind(row.kind),
            amount_minor=row.amount_minor,
            order_id=row.order_id,
            change_id=row.change_id,
            after=Figures(row.set_after_minor, row.reserved_after_minor, row.spent_after_minor),
            moved_by_name=row.moved_by_name,
            recorded_at=row.recorded_at,
        )
        for row in rows
    ]


def count_movements(connection: Connection, budget_id: UUID) -> int:
    """Return how many movements the budget has."""
    return int(
        connection.execute(
            text("select count(*) from budget_movement where budget_id = :budget_id"),
            {"budget_id": budget_id},
        ).scalar_one()
    )


@dataclass(frozen=True, slots=True)
class BudgetChange:
    """A budget that somebody asked for, and what became of it. Amounts in minor units of `currency`.

    `before_minor` is what was set when it was asked for, None without a budget. `payload_hash` is made from the
    row as it is now; `stored_hash` from what was asked for.
    """

    id: UUID
    request_key: UUID
    programme_id: UUID
    programme_name: str
    region_id: UUID
    region_name: str
    starts_on: date
    ends_on: date
    currency: str
    before_minor: int | None
    after_minor: int
    reason: str
    stored_hash: str
    state: ChangeState
    asked_by: UUID
    asked_by_name: str
    asked_at: datetime
    decided_by: UUID | None
    decided_by_name: str | None
    decided_at: datetime | None
    decision_reason: str | None

    @property
    def payload_hash(self) -> str:
        """The hash of what it asks for, as it stands in the row."""
        return payload_hash(
            {
                "id": self.id,
                "programme": self.programme_id,
                "region": self.region_id,
                "starts_on": self.starts_on,
                "ends_on": self.ends_on,
                "currency": self.currency,
                "before": self.before_minor,
                "after": self.after_minor,
                "reason": self.reason,
                "asked_by": self.asked_by,
            }
        )


_CHANGE = (
    "select c.id, c.request_key, c.programme_id, p.name as programme_name, c.region_id,"
    " coalesce(r.name, '') as region_name, c.starts_on, c.ends_on, c.currency, c.before_minor, c.after_minor,"
    " c.reason, c.payload_hash as stored_hash, c.state, c.asked_by, c.asked_by_name, c.asked_at, c.decided_by,"
    " c.decided_by_name, c.decided_at, c.decision_reason"
    " from budget_change c join programme p on p.id = c.programme_id left join region r on r.id = c.region_id"
)


def _change(row: Row[Any]) -> BudgetChange:
    values = row._asdict()
    return BudgetChange(**{**values, "state": ChangeState(values["state"])})


def new_change(
    *,
    id: UUID,
    request_key: UUID,
    programme_id: UUID,
    region_id: UUID,
    quarter: tuple[date, date],
    currency: str,
    before_minor: int | None,
    after_minor: int,
    reason: str,
    asked_by: UUID,
    asked_by_name: str,
    asked_at: datetime,
) -> BudgetChange:
    """Return a change that waits, with the hash of what it asks for; nothing is written."""
    change = BudgetChange(
        id=id,
        request_key=request_key,
        programme_id=programme_id,
        programme_name="",
        region_id=region_id,
        region_name="",
        starts_on=quarter[0],
        ends_on=quarter[1],
        currency=currency,
        before_minor=before_minor,
        after_minor=after_minor,
        reason=reason,
        stored_hash="",
        state=ChangeState.WAITING,
        asked_by=asked_by,
        asked_by_name=asked_by_name,
        asked_at=asked_at,
        decided_by=None,
        decided_by_name=None,
        decided_at=None,
        decision_reason=None,
    )
    return replace(change, stored_hash=change.payload_hash)


def region_is_seen(connection: Connection, region_id: UUID) -> bool:
    """Whether the region exists and lies in the scope."""
    return bool(
        connection.execute(text("select 1 from region where id = :id"), {"id": region_id}).first() is not None
    )


def insert_change(connection: Connection, change: BudgetChange) -> bool:
    """Add a change that waits; return False, with nothing added, where its key is used or another one waits."""
    added = connection.execute(
        text(
            "insert into budget_change (id, request_key, programme_id, region_id, starts_on, ends_on, currency,"
            " before_minor, after_minor, reason, payload_hash, state, asked_by, asked_by_name, asked_at)"
            " values (:id, :request_key, :programme_id, :region_id, :starts_on, :ends_on, :currency,"
            " :before_minor, :after_minor, :reason, :payload_hash, :state, :asked_by, :asked_by_name, :asked_at)"
            " on conflict do nothing"
        ),
        {
            "id": change.id,
            "request_key": change.request_key,
            "programme_id": change.programme_id,
            "region_id": change.region_id,
            "starts_on": change.starts_on,
            "ends_on": change.ends_on,
            "currency": change.currency,
            "before_minor": change.before_minor,
            "after_minor": change.after_minor,
            "reason": change.reason,
            "payload_hash": change.stored_hash,
            "state": change.state.value,
            "asked_by": change.asked_by,
            "asked_by_name": change.asked_by_name,
            "asked_at": change.asked_at,
        },
    )
    return bool(added.rowcount)


def change_of_request(connection: Connection, request_key: UUID) -> BudgetChange | None:
    """Return the change that was asked for under the key, where the scope sees it."""
    row = connection.execute(text(f"{_CHANGE} where c.request_key = :key"), {"key": request_key}).first()
    return _change(row) if row else None


def waiting_change_of(
    connection: Connection, *, programme_id: UUID, region_id: UUID, starts_on: date
) -> BudgetChange | None:
    """Return the one change that waits for this budget, or None."""
    row = connection.execute(
        text(
            f"{_CHANGE} where c.programme_id = :programme_id and c.region_id = :region_id"
            " and c.starts_on = :starts_on and c.state = 'waiting'"
        ),
        {"programme_id": programme_id, "region_id": region_id, "starts_on": starts_on},
    ).first()
    return _change(row) if row else None


def lock_change(connection: Connection, scope: Scope, change_id: UUID) -> BudgetChange:
    """Return the change of the scope with this id; nobody else decides it meanwhile. Raises UnknownChangeError."""
    locked = connection.execute(
        text("select id from budget_change where id = :id for update"), {"id": change_id}
    ).first()
    if locked is None:
        raise UnknownChangeError(change_id)
    return change_by_id(connection, scope, change_id)


def change_by_id(connection: Connection, scope: Scope, change_id: UUID) -> BudgetChange:
    """Return the change of the scope with this id. Raises UnknownChangeError."""
    row = connection.execute(text(f"{_CHANGE} where c.id = :id"), {"id": change_id}).first()
    if row is None or not scope.sees_programme(row.programme_id):
        raise UnknownChangeError(change_id)
    return _change(row)


def write_decision(
    connection: Connection,
    change_id: UUID,
    state: ChangeState,
    reason: str | None,
    *,
    decided_by: UUID,
    decided_by_name: str,
    decided_at: datetime,
) -> None:
    """Write what became of a change, and who decided it."""
    connection.execute(
        text(
            "update budget_change set state = :state, decided_by = :user_id, decided_by_name = :name,"
            " decided_at = :decided_at, decision_reason = :reason where id = :id"
        ),
        {
            "id": change_id,
            "state": state.value,
            "user_id": decided_by,
            "name": decided_by_name,
            "decided_at": decided_at,
            "reason": reason,
        },
    )


_OF_CHANGES = (
    " where (not :waiting_only or c.state = 'waiting')"
    " and (cast(:programme_id as uuid) is null or c.programme_id = :programme_id)"
    " and (cast(:starts_on as date) is null or c.starts_on = :starts_on)"
    " and (:every_region or c.region_id in (select unnest(cast(:region_ids as uuid[]))))"
    " and (:every_programme or c.programme_id in (select unnest(cast(:seen as uuid[]))))"
)


def _wanted_changes(
    scope: Scope,
    *,
    waiting_only: bool,
    programme_id: UUID | None,
    region_ids: Collection[UUID] | None,
    starts_on: date | None,
) -> dict[str, Any]:
    return {
        "waiting_only": waiting_only,
        "programme_id": programme_id,
        "starts_on": starts_on,
        "every_region": region_ids is None,
        "region_ids": sorted(region_ids or ()),
        "every_programme": scope.programme_ids is None,
        "seen": sorted(scope.programme_ids or ()),
    }


def changes(
    connection: Connection,
    scope: Scope,
    *,
    waiting_only: bool = False,
    programme_id: UUID | None = None,
    region_ids: Collection[UUID] | None = None,
    starts_on: date | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[BudgetChange]:
    """Return the scope's changes: those that wait first, the oldest on top, then the others, newest first."""
    wanted = _wanted_changes(
        scope,
        waiting_only=waiting_only,
        programme_id=programme_id,
        region_ids=region_ids,
        starts_on=starts_on,
    )
    rows = connection.execute(
        text(
            f"{_CHANGE}{_OF_CHANGES} order by c.state <> 'waiting',"
            " case when c.state = 'waiting' then c.asked_at end, c.decided_at desc, c.id"
            " limit :limit offset :offset"
        ),
        {**wanted, "limit": limit, "offset": offset},
    )
    return [_change(row) for row in rows]


def quarters(connection: Connection, scope: Scope) -> list[tuple[date, date]]:
    """Return the first and last day of each quarter with a budget of the scope, the latest first."""
    rows = connection.execute(
        text(
            "select distinct starts_on, ends_on from budget where :every_programme"
            " or programme_id in (select unnest(cast(:seen as uuid[]))) order by starts_on desc"
        ),
        {"every_programme": scope.programme_ids is None, "seen": sorted(scope.programme_ids or ())},
    )
    return [(row.starts_on, row.ends_on) for row in rows]


# What must hold of budgets at any moment: each finds how many things break it, none when all is well.
BUDGET_CHECKS: dict[str, str] = {
    "every budget's figures are the sum of its movements": (
        "select count(*) from budget b left join (select budget_id,"
        " sum(amount_minor) filter (where kind = 'set') as set_minor,"
        " sum(case kind when 'reserve' then amount_minor when 'set' then 0 else -amount_minor end) as reserved,"
        " sum(amount_minor) filter (where kind = 'spend') as spent from budget_movement group by budget_id) m"
        " on m.budget_id = b.id where b.set_minor <> coalesce(m.set_minor, 0)"
        " or b.reserved_minor <> coalesce(m.reserved, 0) or b.spent_minor <> coalesce(m.spent, 0)"
    ),
    "every movement of a budget follows from the one before": (
        "select count(*) from (select kind, amount_minor,"
        " set_after_minor - coalesce(lag(set_after_minor) over w, 0) as d_set,"
        " reserved_after_minor - coalesce(lag(reserved_after_minor) over w, 0) as d_reserved,"
        " spent_after_minor - coalesce(lag(spent_after_minor) over w, 0) as d_spent"
        " from budget_movement window w as (partition by budget_id order by id)) m"
        " where (d_set, d_reserved, d_spent) <> (case kind when 'set' then amount_minor else 0 end,"
        " case kind when 'reserve' then amount_minor when 'set' then 0 else -amount_minor end,"
        " case kind when 'spend' then amount_minor else 0 end)"
    ),
    "no budget was ever below zero": (
        "select count(*) from budget_movement where reserved_after_minor < 0 or spent_after_minor < 0"
        " or set_after_minor < reserved_after_minor + spent_after_minor"
    ),
    "money is spent or given back once, as it was reserved": (
        "select count(*) from budget_movement m left join budget_movement r on r.order_id = m.order_id"
        " and r.kind = 'reserve' where m.kind in ('spend', 'release') and (r.id is null"
        " or r.budget_id <> m.budget_id or r.amount_minor <> m.amount_minor or r.id > m.id"
        " or exists (select from budget_movement o where o.order_id = m.order_id"
        " and o.kind in ('spend', 'release') and o.kind <> m.kind))"
    ),
    "every budget is set by changes that a second person approved": (
        "select count(*) from (select * from budget_movement where kind = 'set') m"
        " full join (select * from budget_change where state = 'approved') c on c.id = m.change_id"
        " left join budget b on b.id = m.budget_id"
        " where m.id is null or c.id is null or b.id is null or c.after_minor <> m.set_after_minor"
        " or c.decided_by = c.asked_by"
        " or (c.programme_id, c.region_id, c.starts_on) <> (b.programme_id, b.region_id, b.starts_on)"
    ),
    "every movement belongs to a budget of its region": (
        "select count(*) from budget_movement m left join budget b on b.id = m.budget_id"
        " where b.id is null or b.region_id <> m.region_id"
    ),
}


def broken_budgets(connection: Connection) -> dict[str, int]:
    """Return, for each of BUDGET_CHECKS, how many things break it."""
    return {name: int(connection.execute(text(query)).scalar_one()) for name, query in BUDGET_CHECKS.items()}
