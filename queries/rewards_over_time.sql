-- Orders of rewards that wait or are approved, by day, week or month of the order.
-- Rejected and cancelled ones cost nothing and are left out.
-- grain: one row per stretch of days with orders, by its first day
-- parameters:
--   bucket varchar: 'day', 'week' (from Monday) or 'month'
--   since date: first day, inclusive
--   until date: last day, inclusive
--   programme_id uuid: of this programme
--   participant_group varchar: ordered for people of this group only; null: of every
--   category varchar: rewards of this category only; null: of every
--   time_zone varchar: IANA name of the zone whose days count
--   region_ids uuid[]: companies of these regions only; null: of all
--   company_id uuid: this company only; null: all
--   salesperson_id uuid: companies of this salesperson only, the zero id those of nobody; null: all
select
    cast(date_trunc($bucket, cast(o.ordered_at at time zone $time_zone as date)) as date) as bucket,
    count(*) as orders,
    cast(sum(o.points) as bigint) as points,
    cast(sum(o.cost_minor) as bigint) as cost_minor
from reward_order o
join company c on c.id = o.company_id
join reward w on w.id = o.reward_id
left join participant t on t.id = o.participant_id
where cast(o.ordered_at at time zone $time_zone as date) between $since and $until
    and o.programme_id = cast($programme_id as uuid)
    and o.state in ('awaiting_code', 'awaiting_finance', 'approved')
    and (cast($participant_group as varchar) is null or t.participant_group = $participant_group)
    and ($category is null or w.category = $category)
    and (cast($region_ids as uuid[]) is null or list_contains(cast($region_ids as uuid[]), c.region_id))
    and (cast($company_id as uuid) is null or c.id = cast($company_id as uuid))
    and (
        cast($salesperson_id as uuid) is null
        or coalesce(c.salesperson_id, cast('00000000-0000-0000-0000-000000000000' as uuid))
        = cast($salesperson_id as uuid)
    )
group by 1
order by 1
