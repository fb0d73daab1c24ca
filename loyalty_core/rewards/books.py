"""What must hold of rewards and orders at any moment, beside the ledger and the budgets."""

from sqlalchemy import Connection, text

from loyalty_core.rewards.order_store import orders_not_as_placed

# Each finds how many things break it, none when all is well.
ORDER_CHECKS: dict[str, str] = {
    "every order spent its points from its account": (
        "select count(*) from reward_order o full join (select * from posting where source = 'orders'"
        " and kind = 'spend') p on p.id = o.spend_posting_id left join ledger_entry e on e.posting_id = p.id"
        " and e.points = p.points and e.account_id = o.account_id"
        " where o.id is null or p.id is null or e.id is null or p.points <> -o.points"
        " or p.programme_id <> o.programme_id or p.company_id <> o.company_id"
        " or p.idempotency_key <> o.id || '\\:spend'"
    ),
    "orders that came to nothing gave their points back, with the expiry that they had": (
        "select count(*) from (select o.id, l.expires_on, sum(u.points) as points from reward_order o"
        " join lot_use u on u.posting_id = o.spend_posting_id join lot l on l.id = u.lot_id"
        " where o.state in ('rejected', 'cancelled') group by o.id, l.expires_on) used"
        " full join (select cast(split_part(p.idempotency_key, ':', 1) as uuid) as id, l.expires_on,"
        " sum(l.points) as points from posting p join lot l on l.posting_id = p.id"
        " where p.source = 'orders' and p.kind = 'give_back' group by 1, 2) back"
        " on back.id = used.id and back.expires_on is not distinct from used.expires_on"
        " where used.points is distinct from back.points"
    ),
    "every order is of its participant's own points, or of a company's by a right to them": (
        "select count(*) from reward_order o left join account a on a.id = o.account_id"
        " left join entitlement e on e.id = o.entitlement_id left join participant t on t.id = o.participant_id"
        " where a.id is null or a.programme_id <> o.programme_id or a.company_id <> o.company_id"
        " or t.company_id <> o.company_id or (o.entitlement_id is null) <> (a.kind = 'participant')"
        " or (o.entitlement_id is null and a.owner_id <> o.participant_id)"
        " or (o.entitlement_id is not null and ((e.company_id, e.participant_id, a.kind)"
        " is distinct from (o.company_id, o.participant_id, 'company') or a.owner_id <> o.company_id))"
    ),
    "every reward's stock is what its last movement left": (
        "select count(*) from reward r left join (select distinct on (reward_id) reward_id, left_after"
        " from stock_movement order by reward_id, id desc) m on m.reward_id = r.id"
        " where r.stock is distinct from m.left_after"
    ),
    "every movement of stock follows from the one before": (
        "select count(*) from (select kind, pieces, left_after, lag(left_after) over w as before"
        " from stock_movement window w as (partition by reward_id order by id)) m"
        " where (kind = 'set' and pieces <> coalesce(left_after, 0) - coalesce(before, 0))"
        " or (kind <> 'set' and (pieces <> case kind when 'hold' then -1 else 1 end"
        " or left_after is distinct from before + pieces))"
    ),
    "every order took one piece, and gave it back where it came to nothing": (
        "select count(*) from reward_order o full join (select order_id, min(reward_id::text) as reward,"
        " max(reward_id::text) as also, count(*) filter (where kind = 'hold') as held,"
        " count(*) filter (where kind = 'give_back') as back from stock_movement where order_id is not null"
        " group by order_id) m on m.order_id = o.id"
        " where o.id is null or m.order_id is null or m.held <> 1 or m.reward <> o.reward_id::text"
        " or m.also <> m.reward or m.back <> case when o.state in ('rejected', 'cancelled') then 1 else 0 end"
    ),
    "every budget holds, spent or has back what its orders cost": (
        "select count(*) from (select o.id, o.budget_id, o.cost_minor, k.kind from reward_order o"
        " cross join lateral (values ('reserve', true), ('spend', o.state = 'approved'),"
        " ('release', o.state in ('rejected', 'cancelled'))) k (kind, is_due)"
        " where o.budget_id is not null and k.is_due) due"
        " full join (select * from budget_movement where order_id is not null) m"
        " on m.order_id = due.id and m.kind = due.kind"
        " where due.id is null or m.id is null or m.budget_id <> due.budget_id or m.amount_minor <> due.cost_minor"
    ),
    "every order's events lead to where it stands": (
        "select count(*) from reward_order o full join (select order_id, count(*) as n,"
        " array_agg(state order by id) as states from order_event group by order_id) e on e.order_id = o.id"
        " where o.id is null or e.order_id is null or e.states[1] <> 'awaiting_code' or e.states[e.n] <> o.state"
        " or (o.state in ('approved', 'rejected') and e.states[e.n - 1] <> 'awaiting_finance')"
        " or (o.state = 'cancelled' and e.states[e.n - 1] not in ('awaiting_code', 'awaiting_finance'))"
    ),
}

UNTOUCHED = "every order is what was placed"


def broken_orders(connection: Connection) -> dict[str, int]:
    """Return, for each of ORDER_CHECKS and UNTOUCHED, how many things break it."""
    found = {name: int(connection.execute(text(query)).scalar_one()) for name, query in ORDER_CHECKS.items()}
    return {**found, UNTOUCHED: orders_not_as_placed(connection)}
