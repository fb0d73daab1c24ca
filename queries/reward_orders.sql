-- Orders of rewards that wait or are approved, with who they are for and where they stand.
-- grain: one row per order, the newest first
-- parameters:
--   since date: first day, inclusive
--   until date: last day, inclusive
--   programme_id uuid: of this programme
--   participant_group varchar: ordered for people of this group only; null: of every
--   category varchar: rewards of this category only; null: of every
--   time_zone varchar: IANA name of the zone whose days count
--   region_ids uuid[]: companies of these regions only; null: of all
--   company_id uuid: this company only; null: all
--   salesperson_id uuid: companies of this salesperson only, the zero id those of nobody; null: all
--   participant_id uuid: for this participant only; null: for all
--   limit bigint: how many rows at most
--   offset bigint: how many to leave out first
select
    cast(o.id as varchar) as order_id,
    o.number,
    o.ordered_at,
    o.state,
    c.code as company_code,
    c.name as company_name,
    coalesce(n.display_name, t.code, '') as participant_name,
    w.name as reward_name,
    w.category,
    o.points,
    o.cost_minor,
    o.currency
from reward_order o
join company c on c.id = o.company_id
join reward w on w.id = o.reward_id
left join participant t on t.id = o.participant_id
left join participant_person n on n.participant_id = o.participant_id
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
    and (cast($participant_id as uuid) is null or o.participant_id = cast($participant_id as uuid))
order by o.ordered_at desc, o.number desc
limit $limit offset $offset
