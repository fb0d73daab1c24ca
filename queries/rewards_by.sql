-- Orders of rewards that wait or are approved, by region, company, salesperson, group of the person, category
-- or reward, beside the cost of the days to compare with. Rejected and cancelled ones are left out.
-- grain: one row per region, company, salesperson, group, category or reward with orders, the costliest first
-- parameters:
--   dimension varchar: 'region', 'company', 'salesperson', 'group', 'category' or 'reward'
--   since date: first day, inclusive
--   until date: last day, inclusive
--   before_since date: first day of the days to compare with; null: nothing to compare with
--   before_until date: their last day, inclusive; null as well
--   programme_id uuid: of this programme
--   participant_group varchar: ordered for people of this group only; null: of every
--   category varchar: rewards of this category only; null: of every
--   time_zone varchar: IANA name of the zone whose days count
--   region_ids uuid[]: companies of these regions only; null: of all
--   company_id uuid: this company only; null: all
--   salesperson_id uuid: companies of this salesperson only, the zero id those of nobody; null: all
--   limit bigint: how many rows at most
with ordered as (
    select
        o.company_id, o.participant_id, o.reward_id, o.points, o.cost_minor, o.programme_id, o.state,
        cast(o.ordered_at at time zone $time_zone as date) as ordered_on
    from reward_order o
),
named as (
    select
        case $dimension
            when 'region' then cast(c.region_id as varchar)
            when 'company' then cast(c.id as varchar)
            when 'salesperson' then coalesce(cast(c.salesperson_id as varchar), '')
            when 'group' then coalesce(t.participant_group, '')
            when 'category' then w.category
            when 'reward' then cast(w.id as varchar)
        end as key,
        case $dimension
            when 'region' then coalesce(r.name, '')
            when 'company' then c.name
            when 'salesperson' then coalesce(u.display_name, '')
            when 'group' then coalesce(t.participant_group, '')
            when 'category' then w.category
            when 'reward' then w.name
        end as label,
        case when o.ordered_on between $since and $until then 1 else 0 end as orders,
        case when o.ordered_on between $since and $until then o.points else 0 end as points,
        case when o.ordered_on between $since and $until then o.cost_minor else 0 end as cost_minor,
        case when o.ordered_on between $before_since and $before_until then o.cost_minor else 0 end
            as before_cost_minor
    from ordered o
    join company c on c.id = o.company_id
    join reward w on w.id = o.reward_id
    left join participant t on t.id = o.participant_id
    left join region r on r.id = c.region_id
    left join app_user u on u.id = c.salesperson_id
    where (o.ordered_on between $since and $until or o.ordered_on between $before_since and $before_until)
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
)
select
    key,
    label,
    cast(sum(orders) as bigint) as orders,
    cast(sum(points) as bigint) as points,
    cast(sum(cost_minor) as bigint) as cost_minor,
    cast(sum(before_cost_minor) as bigint) as before_cost_minor
from named
group by key, label
order by cost_minor desc, orders desc, label, key
limit $limit
