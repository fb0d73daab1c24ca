-- What is set aside, held and spent in the budgets of a programme that hold on a day.
-- grain: one row per region with a budget on the day
-- parameters:
--   programme_id uuid: of this programme
--   on_day date: the day that the budgets' quarters cover
select
    cast(b.region_id as varchar) as region_id,
    coalesce(r.name, '') as region_name,
    b.starts_on,
    b.ends_on,
    b.currency,
    cast(b.set_minor as bigint) as set_minor,
    cast(b.reserved_minor as bigint) as reserved_minor,
    cast(b.spent_minor as bigint) as spent_minor
from budget b
left join region r on r.id = b.region_id
where b.programme_id = cast($programme_id as uuid)
    and $on_day between b.starts_on and b.ends_on
order by region_name, b.region_id
