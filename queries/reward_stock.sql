-- Offered rewards whose stock is limited, with how many were ordered in the days.
-- Rejected and cancelled orders are left out.
-- grain: one row per offered reward with limited stock, those soonest gone first
-- parameters:
--   programme_id uuid: of this programme
--   since date: first day, inclusive
--   until date: last day, inclusive
--   time_zone varchar: IANA name of the zone whose days count
--   limit bigint: how many rows at most
with ordered as (
    select o.reward_id, count(*) as orders
    from reward_order o
    where o.programme_id = cast($programme_id as uuid)
        and o.state in ('awaiting_code', 'awaiting_finance', 'approved')
        and cast(o.ordered_at at time zone $time_zone as date) between $since and $until
    group by o.reward_id
)
select
    cast(w.id as varchar) as reward_id,
    w.code,
    w.name,
    w.category,
    cast(w.stock as bigint) as stock,
    cast(coalesce(o.orders, 0) as bigint) as orders
from reward w
left join ordered o on o.reward_id = w.id
where w.programme_id = cast($programme_id as uuid)
    and w.state = 'offered'
    and w.stock is not null
order by
    case when coalesce(o.orders, 0) = 0 then 1 else 0 end,
    cast(w.stock as double) / greatest(coalesce(o.orders, 0), 1),
    w.stock,
    w.name
limit $limit
