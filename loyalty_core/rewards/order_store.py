"""Every query on orders: what was ordered, what waits for finance, what stands behind the points."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from loyalty_core.access import SignedInUser
from loyalty_core.budgets import Budget, budget_for
from loyalty_core.kernel import NotFoundError, Scope, Sort, Sorts, StateError, _, now
from loyalty_core.participants import ParticipantState
from loyalty_core.rewards.policy import OrderPayload, RewardKind, day_of, payload_hash
from loyalty_core.rewards.states import ORDER_MOVES, OrderState

# What the ledger's postings of orders are found by.
SOURCE = "orders"

WAITING = (OrderState.AWAITING_CODE, OrderState.AWAITING_FINANCE)
_WAITING = "o.state in ('awaiting_code', 'awaiting_finance')"
_OF_WAITING = f" from reward_order o where {_WAITING}"


@dataclass(frozen=True, slots=True)
class Order:
    """One redemption. `cost_minor` in minor units of `currency`; `budget_id` None: no money is held for it."""

    id: UUID
    number: int
    request_key: UUID
    programme_id: UUID
    programme_name: str
    company_id: UUID
    company_code: str
    company_name: str
    region_id: UUID
    region_name: str
    participant_id: UUID
    participant_code: str
    participant_name: str
    participant_user_id: UUID | None
    requested_by: UUID
    requested_by_name: str
    entitlement_id: UUID | None
    account_id: UUID
    reward_id: UUID
    reward_code: str
    reward_name: str
    reward_kind: RewardKind
    picture_id: UUID | None
    points: int
    cost_minor: int
    currency: str
    budget_id: UUID | None
    spend_posting_id: int
    payload_hash: str
    state: OrderState
    ordered_at: datetime
    decided_by: UUID | None
    decided_by_name: str | None
    decided_at: datetime | None
    decision_reason: str | None

    @property
    def is_waiting(self) -> bool:
        """Whether nobody has decided yet."""
        return self.state in WAITING

    @property
    def is_funded(self) -> bool:
        """Whether money is held or spent for it, or it costs none."""
        return self.budget_id is not None or not self.cost_minor

    @property
    def spends_companys_points(self) -> bool:
        """Whether the points came from the company's account rather than the participant's own."""
        return self.entitlement_id is not None

    @property
    def computed_hash(self) -> str:
        """The payload hash of the row as it is now; equal to `payload_hash` unless somebody tampered."""
        return payload_hash(
            OrderPayload(**{name: getattr(self, name) for name in OrderPayload.__dataclass_fields__})
        )

    def is_own(self, user: SignedInUser) -> bool:
        """Whether the user requested it or is the participant it is for: then somebody else decides."""
        return user.id in (self.requested_by, self.participant_user_id)


@dataclass(frozen=True, slots=True)
class WaitingOrder(Order):
    """An order before finance, with what there is to know about it.

    The budget is the one that holds its money, or, where none does, the one that would pay today:
    `budget_before_minor` is what is available without this order, `budget_after_minor` what stays when it is
    approved, below zero where the money does not suffice. Both None: there is no budget, or none in the scope.
    `paying_budget_id` names that budget.
    Orders are counted without this one. `participant_is_suspended`: taking part was suspended since the order.
    """

    budget_before_minor: int | None
    budget_after_minor: int | None
    paying_budget_id: UUID | None
    requester_orders: int
    requester_rejected: int
    participant_orders: int
    participant_rejected: int
    claims_decided: int
    claims_rejected: int
    participant_is_suspended: bool

    @property
    def is_over_budget(self) -> bool:
        """Whether it can't be approved as money stands: none is held, and the budget does not suffice now."""
        return not self.is_funded and (self.budget_after_minor is None or self.budget_after_minor < 0)


@dataclass(frozen=True, slots=True)
class OrdersSummary:
    """What waits for finance: how many, since when, what they cost by currency, and how many lack money."""

    count: int
    oldest_at: datetime | None
    points: int
    cost_minor: dict[str, int]
    unfunded: int


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """A state that an order came into; `is_funded`: money was held for it, or it costs none."""

    state: OrderState
    is_funded: bool
    reason: str | None
    caused_by: UUID | None
    caused_by_name: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class LineBehind:
    """An award among the points that an order spends, down to the row of the file its line came from.

    `amount_minor` and `basis_minor` are minor units of `currency`. `claim_number` where a claim earned.
    """

    award_id: int
    sales_line_id: int
    claim_number: int | None
    rule_id: str
    points: int
    basis_minor: int
    sold_on: date
    invoice_no: str
    line_no: str | None
    product_code: str
    product_name: str
    quantity: Decimal
    amount_minor: int
    currency: str
    import_id: UUID
    import_number: int | None
    file_name: str | None
    sheet: str | None
    row_no: int


class UnknownOrderError(NotFoundError):
    """No such order belongs to a company and a programme in the asker's scope."""

    def __init__(self, order_id: UUID) -> None:
        super().__init__(_("There is no such order among those you see."))
        self.order_id = order_id


class OrderStateError(StateError):
    """The order was decided already."""

    def __init__(self, order: Order) -> None:
        sentence = {
            OrderState.APPROVED: _("Order {number} was approved already by {name}."),
            OrderState.REJECTED: _("Order {number} was rejected already by {name}."),
            OrderState.CANCELLED: _("Order {number} was cancelled already by {name}."),
        }.get(order.state, _("Order {number} can't go there from where it stands."))
        super().__init__(sentence.format(number=order.number, name=order.decided_by_name))
        self.order = order


_COLUMNS = (
    "o.id, o.number, o.request_key, o.programme_id, p.name as programme_name, o.company_id, c.code as company_code,"
    " c.name as company_name, c.region_id, coalesce(g.name, '') as region_name, o.participant_id,"
    " coalesce(t.code, '') as participant_code, coalesce(n.display_name, t.code, '') as participant_name,"
    " t.user_id as participant_user_id, o.requested_by,"
    " coalesce(u.display_name, o.requested_by_name) as requested_by_name, o.entitlement_id, o.account_id,"
    " o.reward_id, r.code as reward_code, r.name as reward_name, r.kind as reward_kind, r.picture_id, o.points,"
    " o.cost_minor, o.currency, o.budget_id, o.spend_posting_id, o.payload_hash, o.state, o.ordered_at,"
    " o.decided_by, coalesce(d.display_name, o.decided_by_name) as decided_by_name, o.decided_at, o.decision_reason"
)
_FROM = (
    " from reward_order o join programme p on p.id = o.programme_id join reward r on r.id = o.reward_id"
    " join company c on c.id = o.company_id left join region g on g.id = c.region_id"
    " left join participant t on t.id = o.participant_id"
    " left join participant_person n on n.participant_id = o.participant_id"
    " left join app_user u on u.id = o.requested_by left join app_user d on d.id = o.decided_by"
)
_OF_SCOPE = " (:every_programme or o.programme_id in (select unnest(cast(:seen as uuid[]))))"


def _seen(scope: Scope) -> dict[str, Any]:
    return {"every_programme": scope.programme_ids is None, "seen": sorted(scope.programme_ids or ())}


def _values(row: Row[Any]) -> dict[str, Any]:
    values = row._asdict()
    return {
        **values,
        "state": OrderState(values["state"]),
        "reward_kind": RewardKind(values["reward_kind"]),
    }


def order_by_id(connection: Connection, scope: Scope, order_id: UUID) -> Order:
    """Return the order. Raises UnknownOrderError."""
    row = connection.execute(
        text(f"select {_COLUMNS}{_FROM} where o.id = :id and {_OF_SCOPE}"), {"id": order_id, **_seen(scope)}
    ).first()
    if row is None:
        raise UnknownOrderError(order_id)
    return Order(**_values(row))


def lock_order(connection: Connection, scope: Scope, order_id: UUID) -> Order:
    """Return the order; nobody else decides it until the transaction ends. Raises UnknownOrderError."""
    connection.execute(text("select 1 from reward_order where id = :id for no key update"), {"id": order_id})
    return order_by_id(connection, scope, order_id)


def lock_request(connection: Connection, request_key: UUID) -> None:
    """Let one transaction at a time place an order under this key."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('laurel.order:' || cast(:key as text), 0))"),
        {"key": str(request_key)},
    )


def hold_participant(connection: Connection, participant_id: UUID) -> ParticipantState:
    """Return where the participant stands; that can't change before the transaction ends."""
    state = connection.execute(
        text("select state from participant where id = :id for share"), {"id": participant_id}
    ).scalar_one()
    return ParticipantState(state)


def order_of_request(connection: Connection, request_key: UUID) -> Order | None:
    """Return the order that was placed under the key, or None. Asked under a scope that sees everything."""
    row = connection.execute(
        text(f"select {_COLUMNS}{_FROM} where o.request_key = :key"), {"key": request_key}
    ).first()
    return Order(**_values(row)) if row else None


def orders_of_participant(
    connection: Connection, participant_id: UUID, *, limit: int = 100, offset: int = 0
) -> list[Order]:
    """Return the participant's orders of the scope, the newest first."""
    rows = connection.execute(
        text(
            f"select {_COLUMNS}{_FROM} where o.participant_id = :participant_id"
            " order by o.ordered_at desc, o.number desc limit :limit offset :offset"
        ),
        {"participant_id": participant_id, "limit": limit, "offset": offset},
    )
    return [Order(**_values(row)) for row in rows]


def count_orders_of_participant(connection: Connection, participant_id: UUID) -> int:
    """Return how many orders of the scope the participant has."""
    return int(
        connection.execute(
            text("select count(*) from reward_order where participant_id = :id"), {"id": participant_id}
        ).scalar_one()
    )


_WAITS = (
    f" where {_WAITING} and (cast(:programme_id as uuid) is null or o.programme_id = :programme_id)"
    " and (cast(:unfunded as boolean) is null or :unfunded = (o.budget_id is null and o.cost_minor > 0))"
    " and (:words = '' or position(folded(:words) in folded(concat_ws(' ', 'R-' || o.number, u.display_name,"
    f" t.code, n.display_name, c.code, c.name, r.code, r.name))) > 0) and {_OF_SCOPE}"
)
_HISTORY = (
    " left join lateral (select count(*) as orders, count(*) filter (where h.state = 'rejected') as rejected"
    " from reward_order h where h.requested_by = o.requested_by and h.id <> o.id) q on true"
    " left join lateral (select count(*) as orders, count(*) filter (where h.state = 'rejected') as rejected"
    " from reward_order h where h.participant_id = o.participant_id and h.id <> o.id) e on true"
    " left join lateral (select count(*) filter (where m.state <> 'waiting') as decided,"
    " count(*) filter (where m.state = 'rejected') as rejected"
    " from claim m where m.participant_id = o.participant_id) m on true"
    " left join budget b on b.id = o.budget_id"
)
_WAITING_SORTS = Sorts(
    {
        "number": "o.number",
        "since": "o.ordered_at",
        "requester": "folded(coalesce(u.display_name, o.requested_by_name))",
        "company": "folded(c.name)",
        "reward": "folded(r.name)",
        "points": "o.points",
        "cost": "o.cost_minor",
    },
    default="o.ordered_at, o.number",
)


def waiting_orders(
    connection: Connection,
    scope: Scope,
    *,
    limit: int,
    offset: int = 0,
    programme_id: UUID | None = None,
    unfunded: bool | None = None,
    words: str = "",
    sort: Sort | None = None,
    order_id: UUID | None = None,
) -> list[WaitingOrder]:
    """Return the orders of the scope that wait for finance, with their budget and the requester's history.

    `unfunded` True: only those without money, False: only those with; `words` are looked for in the number, the
    people, the company and the reward; `order_id` finds one order alone. `sort` is by number, since, requester,
    company, reward, points or cost; else the oldest come first.
    """
    order_by = _WAITING_SORTS.order_by(sort)
    rows = connection.execute(
        text(
            f"select {_COLUMNS}, p.time_zone, b.set_minor - b.reserved_minor - b.spent_minor as available_minor,"
            " q.orders as requester_orders, q.rejected as requester_rejected, e.orders as participant_orders,"
            " e.rejected as participant_rejected, m.decided as claims_decided, m.rejected as claims_rejected,"
            " coalesce(t.state = 'suspended', false) as participant_is_suspended"
            f"{_FROM}{_HISTORY}{_WAITS} and (cast(:order_id as uuid) is null or o.id = :order_id)"
            f"{order_by} limit :limit offset :offset"
        ),
        {
            "limit": limit,
            "offset": offset,
            "programme_id": programme_id,
            "unfunded": unfunded,
            "words": words,
            "order_id": order_id,
            **_seen(scope),
        },
    ).all()
    return _with_budgets(connection, rows)


def _with_budgets(connection: Connection, rows: list[Row[Any]] | Any) -> list[WaitingOrder]:
    """Put beside each order what its budget holds before and after it; each budget is looked for once."""
    looked_up: dict[tuple[UUID, UUID], Budget | None] = {}
    moment, orders = now(), []
    for row in rows:
        values = _values(row)
        available, zone = values.pop("available_minor"), values.pop("time_zone")
        if row.budget_id is not None:
            before = None if available is None else available + row.cost_minor
            pays = row.budget_id
        else:
            key = (row.programme_id, row.region_id)
            if key not in looked_up:
                looked_up[key] = budget_for(
                    connection, programme_id=key[0], region_id=key[1], on=day_of(moment, zone)
                )
            found = looked_up[key]
            before = None if found is None else found.available_minor
            pays = None if found is None else found.id
        after = None if before is None else before - row.cost_minor
        orders.append(
            WaitingOrder(
                **values, budget_before_minor=before, budget_after_minor=after, paying_budget_id=pays
            )
        )
    return orders


def count_waiting_orders(
    connection: Connection,
    scope: Scope,
    *,
    programme_id: UUID | None = None,
    unfunded: bool | None = None,
    words: str = "",
) -> int:
    """Return how many orders `waiting_orders` would find in all."""
    return int(
        connection.execute(
            text(f"select count(*){_FROM}{_WAITS}"),
            {"programme_id": programme_id, "unfunded": unfunded, "words": words, **_seen(scope)},
        ).scalar_one()
    )


def orders_summary(connection: Connection, scope: Scope) -> OrdersSummary:
    """Return what waits for finance in the scope, in one row."""
    rows = connection.execute(
        text(
            "select o.currency, count(*) as orders, min(o.ordered_at) as oldest_at, sum(o.points)::bigint as points,"
            " sum(o.cost_minor)::bigint as cost_minor,"
            " count(*) filter (where o.budget_id is null and o.cost_minor > 0) as unfunded"
            f"{_OF_WAITING} and {_OF_SCOPE} group by o.currency order by o.currency"
        ),
        _seen(scope),
    ).all()
    return OrdersSummary(
        count=sum(row.orders for row in rows),
        oldest_at=min((row.oldest_at for row in rows), default=None),
        points=sum(row.points for row in rows),
        cost_minor={row.currency: row.cost_minor for row in rows},
        unfunded=sum(row.unfunded for row in rows),
    )


def decided_orders(connection: Connection, scope: Scope, *, since: datetime, until: datetime) -> list[Order]:
    """Return the scope's orders that finance approved or rejected from `since` up to, not at, `until`."""
    rows = connection.execute(
        text(
            f"select {_COLUMNS}{_FROM} where o.state in ('approved', 'rejected') and o.decided_at >= :since"
            f" and o.decided_at < :until and {_OF_SCOPE} order by o.decided_at, o.number"
        ),
        {"since": since, "until": until, **_seen(scope)},
    )
    return [Order(**_values(row)) for row in rows]


def events(connection: Connection, order_id: UUID) -> list[OrderEvent]:
    """Return the states that an order of the scope came into, in their order."""
    rows = connection.execute(
        text(
            "select e.state, e.is_funded, e.reason, e.caused_by, coalesce(u.display_name, e.caused_by_name),"
            " e.recorded_at from order_event e left join app_user u on u.id = e.caused_by"
            " where e.order_id = :order_id order by e.id"
        ),
        {"order_id": order_id},
    )
    return [OrderEvent(OrderState(row[0]), *row[1:]) for row in rows]


def lines_behind(connection: Connection, order_id: UUID, *, limit: int = 20) -> list[LineBehind]:
    """Return the awards in the lots that the order used, largest first, down to their file and row.

    Points that an earlier order gave back are followed to where they were earned. The file's name and the
    import's number are None for those who do not see the import.
    """
    rows = connection.execute(
        text(
            "with recursive used as (select l.posting_id from reward_order o"
            " join lot_use u on u.posting_id = o.spend_posting_id join lot l on l.id = u.lot_id where o.id = :id"
            " union select l.posting_id from used join posting p on p.id = used.posting_id and p.source = :source"
            " join reward_order o on o.id = cast(split_part(p.idempotency_key, ':', 1) as uuid)"
            " join lot_use u on u.posting_id = o.spend_posting_id join lot l on l.id = u.lot_id)"
            " select a.id, l.id, a.claim_number, a.rule_id, a.points, a.basis_minor, l.sold_on, l.invoice_no,"
            " l.line_no, d.code, d.name, l.quantity, l.amount_minor, l.currency, l.import_id, i.number, f.file_name,"
            " l.sheet, l.row_no from award a join used on used.posting_id = a.posting_id"
            " join sales_line l on l.id = a.sales_line_id join product d on d.id = l.product_id"
            " left join file_import i on i.id = l.import_id left join received_file f on f.id = i.file_id"
            " order by a.points desc, a.id limit :limit"
        ),
        {"id": order_id, "source": SOURCE, "limit": limit},
    )
    return [LineBehind(*row) for row in rows]


def order_of_posting(connection: Connection, posting_id: int) -> UUID | None:
    """Return the order of the scope whose points a posting spent or gave back; None where it was none."""
    found: UUID | None = connection.execute(
        text(
            "select o.id from posting p join reward_order o on o.id = case when p.source = :source"
            " then cast(split_part(p.idempotency_key, ':', 1) as uuid) end where p.id = :posting_id"
        ),
        {"posting_id": posting_id, "source": SOURCE},
    ).scalar_one_or_none()
    return found


def points_on_hold(connection: Connection, account_id: UUID) -> int:
    """Return the points of the account's orders that nobody has decided yet."""
    return int(
        connection.execute(
            text(f"select coalesce(sum(points), 0){_OF_WAITING} and o.account_id = :account_id"),
            {"account_id": account_id},
        ).scalar_one()
    )


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What is known of an order before it has its number and its hash."""

    id: UUID
    request_key: UUID
    programme_id: UUID
    company_id: UUID
    participant_id: UUID
    requested_by: UUID
    requested_by_name: str
    entitlement_id: UUID | None
    account_id: UUID
    reward_id: UUID
    points: int
    cost_minor: int
    currency: str
    budget_id: UUID | None
    spend_posting_id: int
    ordered_at: datetime


def next_number(connection: Connection) -> int:
    """Return the number of the next order; one that is not placed after all leaves a gap."""
    return int(
        connection.execute(
            text("select nextval(pg_get_serial_sequence('reward_order', 'number'))")
        ).scalar_one()
    )


def insert_order(connection: Connection, scope: Scope, new: NewOrder) -> Order:
    """Add an order that awaits its code, with the hash of its payload, and return it."""
    number = next_number(connection)
    fixed = {name: getattr(new, name) for name in NewOrder.__dataclass_fields__}
    payload = OrderPayload(
        number=number, **{name: fixed[name] for name in OrderPayload.__dataclass_fields__ if name != "number"}
    )
    connection.execute(
        text(
            "insert into reward_order (id, number, request_key, programme_id, company_id, participant_id,"
            " requested_by, requested_by_name, entitlement_id, account_id, reward_id, points, cost_minor, currency,"
            " budget_id, spend_posting_id, payload_hash, state, ordered_at) overriding system value values (:id,"
            " :number, :request_key, :programme_id, :company_id, :participant_id, :requested_by,"
            " :requested_by_name, :entitlement_id, :account_id, :reward_id, :points, :cost_minor, :currency,"
            " :budget_id, :spend_posting_id, :payload_hash, 'awaiting_code', :ordered_at)"
        ),
        {**fixed, "number": number, "payload_hash": payload_hash(payload)},
    )
    placed = order_by_id(connection, scope, new.id)
    insert_event(connection, scope, placed, reason=None, recorded_at=new.ordered_at)
    return placed


def orders_not_as_placed(connection: Connection) -> int:
    """Return how many orders do not fit the hash that they were placed with."""
    names = list(OrderPayload.__dataclass_fields__)
    rows = connection.execute(text("select * from reward_order"), execution_options={"yield_per": 5000})
    return sum(
        payload_hash(OrderPayload(**{name: values[name] for name in names})) != values["payload_hash"]
        for values in rows.mappings()
    )


def insert_event(
    connection: Connection, scope: Scope, order: Order, *, reason: str | None, recorded_at: datetime
) -> None:
    """Put on record the state that the order is in now."""
    connection.execute(
        text(
            "insert into order_event (order_id, company_id, state, is_funded, reason, caused_by, caused_by_name,"
            " recorded_at) values (:order_id, :company_id, :state, :is_funded, :reason, :caused_by, :name,"
            " :recorded_at)"
        ),
        {
            "order_id": order.id,
            "company_id": order.company_id,
            "state": order.state.value,
            "is_funded": order.is_funded,
            "reason": reason,
            "caused_by": scope.user_id,
            "name": scope.actor_name,
            "recorded_at": recorded_at,
        },
    )


def move_order(
    connection: Connection,
    scope: Scope,
    order: Order,
    state: OrderState,
    *,
    budget_id: UUID | None,
    reason: str | None,
    moved_at: datetime,
) -> Order:
    """Move the order, whose row the caller has locked, put that on record, and return it as it is then.

    `budget_id` is the budget that holds or paid its money from now on. Raises OrderStateError.
    """
    if state not in ORDER_MOVES[order.state]:
        raise OrderStateError(order)
    is_decision = state not in WAITING
    connection.execute(
        text(
            "update reward_order set state = :state, budget_id = :budget_id, decided_by = :decided_by,"
            " decided_by_name = :decided_by_name, decided_at = :decided_at, decision_reason = :reason"
            " where id = :id"
        ),
        {
            "id": order.id,
            "state": state.value,
            "budget_id": budget_id,
            "decided_by": scope.user_id if is_decision else None,
            "decided_by_name": scope.actor_name if is_decision else None,
            "decided_at": moved_at if is_decision else None,
            "reason": reason,
        },
    )
    moved = order_by_id(connection, scope, order.id)
    insert_event(connection, scope, moved, reason=reason, recorded_at=moved_at)
    return moved
